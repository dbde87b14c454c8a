/* A learned relation's checkpoint comes back bit for bit on any number of ranks; another relation's is refused naming
 * every difference, a gravity network's, a broken or a missing one naming what it is; a failure changes nothing. */
#include "case.h"

#include <stdio.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/file.h"
#include "io/relation_checkpoint.h"

static char path[256];

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_relation_checkpoint_%lld.h5", (long long)pid);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  return 0;
}

/* By position, so that a field more does not compile: it must be stored, then stand here, in same_param and in
 * another_relation_is_refused. */
static esp_relation_param some_param(void) {
  /* clang-format off */
  esp_relation_param p = {3,                         /* layers */
                          7, 2, 3,                   /* features, values, targets */
                          ESP_EMBED_MLP, 4, 6,       /* embedding, dim, embed_hidden */
                          1, 1, 5, 1, 1,             /* separate, mlp, channels, average, include_self */
                          9, 8,                      /* width, hidden */
                          ESP_TREE_ON_LEARNED, 0, 0, /* tree_on, tree_features, hidden_halves */
                          ESP_SPLIT_LEARNED, 2,      /* split, split_levels */
                          1, 1e-6, 0,                /* far, gate_tolerance, fade */
                          UINT64_MAX - 3,            /* seed */
                          {.leaf = 4, .block = 16}};
  /* clang-format on */
  p.domain.lists.theta = 0.7;
  p.domain.lists.pairs_limit = 1000;
  return p;
}

/* Other kinds of everything that has kinds. */
static esp_relation_param other_param(int kind) {
  esp_relation_param p = some_param();
  if (kind == 0) return p;
  p.layers = 1, p.separate = p.mlp = p.average = p.include_self = p.far = 0, p.gate_tolerance = 0, p.seed = 3;
  p.embedding = kind == 1 ? ESP_EMBED_LINEAR : ESP_EMBED_COORDINATES;
  p.tree_on = kind == 1 ? ESP_TREE_ON_FEATURES : ESP_TREE_ON_HIDDEN;
  p.hidden_halves = kind == 2;
  p.tree_features = kind == 1 ? 5 : 0;
  p.fade = 1;
  p.split = kind == 1 ? ESP_SPLIT_WIDEST : ESP_SPLIT_PCA;
  p.domain.lists.pairs_per_particle = 60;
  return p;
}

/* A relation and moments with no round number in them. */
static void make(const esp_relation_param *p, esp_relation *relation, esp_adam *adam) {
  assert_ok(esp_relation_create(p, relation));
  assert_ok(esp_adam_create(relation->block.count, adam));
  adam->step = 123456789012;
  for (int i = 0; i < relation->block.count; i++) {
    relation->block.value[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->m[i] = esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 0) * 1e-9;
    adam->v[i] = 1e-310 * esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 0);
  }
}

static void same_param(const esp_relation_param *a, const esp_relation_param *b) {
  assert_true(a->layers == b->layers && a->features == b->features && a->values == b->values);
  assert_true(a->targets == b->targets && a->embedding == b->embedding && a->dim == b->dim);
  assert_true(a->embed_hidden == b->embed_hidden && a->separate == b->separate && a->mlp == b->mlp);
  assert_true(a->channels == b->channels && a->average == b->average && a->include_self == b->include_self);
  assert_true(a->width == b->width && a->hidden == b->hidden && a->tree_on == b->tree_on);
  assert_true(a->hidden_halves == b->hidden_halves && a->split == b->split && a->split_levels == b->split_levels);
  assert_true(a->tree_features == b->tree_features && a->fade == b->fade);
  assert_true(a->far == b->far && a->gate_tolerance == b->gate_tolerance && a->seed == b->seed);
  assert_true(a->domain.leaf == b->domain.leaf && a->domain.block == b->domain.block);
  assert_true(a->domain.lists.theta == b->domain.lists.theta);
  assert_true(a->domain.lists.pairs_per_particle == b->domain.lists.pairs_per_particle);
  assert_true(a->domain.lists.pairs_limit == b->domain.lists.pairs_limit);
}

static void comes_back(void **state) {
  (void)state;
  for (int kind = 0; kind < 3; kind++) {
    const esp_relation_param p = other_param(kind);
    esp_relation relation, read, resumed;
    esp_adam adam, moments, again;
    char precision[ESP_CHECKPOINT_PRECISION];
    make(&p, &relation, &adam);
    const size_t bytes = sizeof(double) * (size_t)relation.block.count;
    assert_ok(esp_relation_checkpoint_write(comm, path, &relation, &adam, "cpu32"));
    assert_ok(esp_relation_checkpoint_read(comm, path, &read, &moments, precision));
    assert_string_equal(precision, "cpu32");
    assert_int_equal(read.block.count, relation.block.count);
    same_param(&read.param, &p);
    assert_memory_equal(read.block.value, relation.block.value, bytes);
    assert_memory_equal(moments.m, adam.m, bytes);
    assert_memory_equal(moments.v, adam.v, bytes);
    assert_int_equal(moments.step, adam.step);
    assert_ok(esp_relation_create(&p, &resumed));
    assert_ok(esp_adam_create(resumed.block.count, &again));
    assert_ok(esp_relation_checkpoint_resume(comm, path, &resumed, &again, "cpu32"));
    assert_memory_equal(resumed.block.value, relation.block.value, bytes);
    assert_memory_equal(again.v, adam.v, bytes);
    assert_int_equal(again.step, adam.step);
    esp_relation *relations[] = {&relation, &read, &resumed};
    esp_adam *adams[] = {&adam, &moments, &again};
    for (int i = 0; i < 3; i++) esp_relation_free(relations[i]), esp_adam_free(adams[i]);
  }
}

static void refuse(const esp_relation_param *p, const char *precision, int code, const char *what) {
  esp_relation relation;
  esp_adam adam;
  comm->agree(comm, 0);
  assert_ok(esp_relation_create(p, &relation));
  assert_ok(esp_adam_create(relation.block.count, &adam));
  const double first = relation.block.value[0], theta = relation.param.domain.lists.theta;
  assert_int_equal(esp_relation_checkpoint_resume(comm, path, &relation, &adam, precision), code);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  esp_error_clear();
  assert_true(relation.block.value[0] == first && adam.step == 0 && relation.param.domain.lists.theta == theta);
  esp_relation_free(&relation);
  esp_adam_free(&adam);
  comm->agree(comm, 0);
}

static void budget_frees_theta(void **state) {
  (void)state;
  esp_relation_param p = some_param();
  esp_relation relation, run;
  esp_adam adam;
  p.domain.lists.pairs_per_particle = 50;
  make(&p, &relation, &adam);
  assert_ok(esp_relation_checkpoint_write(comm, path, &relation, NULL, "cpu64"));
  p.domain.lists.theta = 0.1;
  assert_ok(esp_relation_create(&p, &run));
  assert_ok(esp_relation_checkpoint_resume(comm, path, &run, NULL, "cpu64"));
  assert_true(run.param.domain.lists.theta == 0.7);
  refuse(&p, "cpu64", ESP_ERR_FORMAT, "no moments");
  p.domain.lists.pairs_per_particle = 51;
  refuse(&p, "cpu64", ESP_ERR_CONFIG, "pairs_per_particle: file 50, run 51");
  esp_relation_free(&relation);
  esp_relation_free(&run);
  esp_adam_free(&adam);
}

static void another_relation_is_refused(void **state) {
  (void)state;
  const esp_relation_param same = some_param();
  esp_relation relation;
  esp_adam adam;
  make(&same, &relation, &adam);
  assert_ok(esp_relation_checkpoint_write(comm, path, &relation, &adam, "cpu32"));
  esp_relation_param p = same;
#define DIFFER(change, what) p = same, change, refuse(&p, "cpu32", ESP_ERR_CONFIG, what)
  DIFFER(p.layers = 4, "layers: file 3, run 4");
  DIFFER(p.features = 8, "features: file 7, run 8");
  DIFFER(p.values = 1, "values: file 2, run 1");
  DIFFER(p.targets = 1, "targets: file 3, run 1");
  DIFFER(p.embedding = ESP_EMBED_LINEAR, "embedding: file 'mlp', run 'linear'");
  DIFFER(p.dim = 3, "dim: file 4, run 3");
  DIFFER(p.embed_hidden = 5, "embed_hidden: file 6, run 5");
  DIFFER(p.separate = 0, "separate: file 1, run 0");
  DIFFER(p.mlp = 0, "mlp: file 1, run 0");
  DIFFER(p.channels = 6, "channels: file 5, run 6");
  DIFFER(p.average = 0, "average: file 1, run 0");
  DIFFER(p.include_self = 0, "include_self: file 1, run 0");
  DIFFER(p.width = 10, "width: file 9, run 10");
  DIFFER(p.hidden = 7, "hidden: file 8, run 7");
  DIFFER((p.split = ESP_SPLIT_PCA, p.tree_on = ESP_TREE_ON_HIDDEN), "tree_on: file 'learned', run 'hidden'");
  DIFFER(p.tree_features = 3, "tree_features: file 0, run 3");
  DIFFER(p.fade = 1, "fade: file 0, run 1");
  DIFFER(p.hidden_halves = 1, "hidden_halves: file 0, run 1");
  DIFFER(p.split = ESP_SPLIT_PCA, "split: file 'learned', run 'pca'");
  DIFFER(p.split_levels = 3, "split_levels: file 2, run 3");
  DIFFER(p.far = 0, "far: file 1, run 0");
  DIFFER(p.gate_tolerance = 0, "gate_tolerance: file 9.99");
  DIFFER(p.seed = 1, "seed: file 18446744073709551612, run 1");
  DIFFER((p.domain.leaf = 5, p.domain.block = 17), "leaf: file 4, run 5\n  block: file 16, run 17");
  DIFFER(p.domain.lists.theta = 0.5, "theta: file 0.69999999999999996, run 0.5");
  refuse(&same, "cpu64", ESP_ERR_CONFIG, "precision: file 'cpu32', run 'cpu64'");
  esp_relation_free(&relation);
  esp_adam_free(&adam);
}

/* The checkpoint of one kind of network given to the other. */
static void gravity_is_refused(void **state) {
  (void)state;
  const esp_relation_param p = some_param();
  esp_integrator_param mp = {.layers = 1, .domain = {.leaf = 4, .block = 16, .dim = 3}};
  esp_integrator model, other;
  esp_relation relation;
  esp_adam adam;
  assert_ok(esp_integrator_create(&mp, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "cpu32"));
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "it is a checkpoint of a gravity network");
  make(&p, &relation, &adam);
  assert_ok(esp_relation_checkpoint_write(comm, path, &relation, NULL, "cpu32"));
  assert_int_equal(esp_checkpoint_read(comm, path, &other, NULL, NULL), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "it is a checkpoint of a learned relation"));
  esp_error_clear();
  assert_int_equal(esp_checkpoint_resume(comm, path, &model, NULL, "cpu32"), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "needed is a checkpoint of a gravity network"));
  esp_error_clear();
  esp_integrator_free(&model);
  esp_relation_free(&relation);
  esp_adam_free(&adam);
}

static void change(const char *drop, const char *misspell) {
  comm->agree(comm, 0);
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(id >= 0);
    if (drop) assert_true(H5Ldelete(id, drop, H5P_DEFAULT) >= 0);
    if (misspell) {
      hid_t attribute = H5Aopen(id, misspell, H5P_DEFAULT), type = H5Aget_type(attribute);
      assert_true(attribute >= 0 && H5Awrite(attribute, type, "xxxxxxxxxxxx") >= 0);
      H5Tclose(type), H5Aclose(attribute);
    }
    H5Fclose(id);
  }
  comm->agree(comm, 0);
}

static void broken(void **state) {
  (void)state;
  const esp_relation_param p = some_param();
  esp_relation relation, read;
  esp_adam adam;
  make(&p, &relation, &adam);
  relation.block.value[7] = NAN;
  assert_ok(esp_relation_checkpoint_write(comm, path, &relation, &adam, "cpu32"));
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "parameters[7] is");
  relation.block.value[7] = 1;
  assert_ok(esp_relation_checkpoint_write(comm, path, &relation, &adam, "cpu32"));
  change("/moment2", NULL);
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "moment2");
  change(NULL, "embedding");
  assert_int_equal(esp_relation_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "embedding 'xxx"));
  assert_non_null(strstr(esp_error_message(), "is not known"));
  assert_null(read.block.value);
  esp_error_clear();
  comm->agree(comm, 0);
  if (comm->rank == 0) assert_int_equal(truncate(path, 3000), 0);
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(&p, "cpu32", ESP_ERR_FILE, "");
  assert_int_equal(esp_file_open_objects(), 0);
  esp_relation_free(&relation);
  esp_adam_free(&adam);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back), cmocka_unit_test(budget_frees_theta),
                                     cmocka_unit_test(another_relation_is_refused),
                                     cmocka_unit_test(gravity_is_refused), cmocka_unit_test(broken)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}
