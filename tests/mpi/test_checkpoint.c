/* A checkpoint of any network comes back bit for bit on any number of ranks; another model's is refused naming every key
 * that differs, a broken, a foreign or a missing file naming what it is, leaving the model as it was; files of version 1
 * are read. */
#include "case.h"

#include <mpi.h>
#include <stdio.h>
#include <unistd.h>

#include "base/rng.h"
#include "io/checkpoint.h"
#include "io/checkpoint_rows.h"
#include "io/file.h"
#include "net/integrator.h"
#include "net/stack.h"
#include "verbs/keys.h"

static char path[256];
static const esp_sizes sizes = {.width = {6, 1, 6}};

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static void message_has(const char *what) {
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  esp_error_clear();
}

/* ---- models ---- */

/* A value that is not the default. */
static void other_text(const esp_option *row, char *text, size_t size) {
  union {
    int small;
    int64_t whole;
    double real;
  } v;
  char word[64];
  assert_ok(esp_option_parse(row, row->value, &v));
  if (row->type == ESP_OPTION_CHOICE)
    snprintf(text, size, "%s", esp_option_choice(row, v.small == 0, word));
  else if (row->type == ESP_OPTION_FLAG)
    snprintf(text, size, "%s", v.small ? "false" : "true");
  else if (row->type == ESP_OPTION_REAL)
    snprintf(text, size, "%.17g", v.real > 0 ? v.real / 3 : row->max / 7);
  else
    snprintf(text, size, "%lld", (long long)(row->type == ESP_OPTION_INT ? v.small : v.whole) + 1);
}

typedef struct {
  char *param;
  const char *but; /* every row but this one */
  int found;
} change;

/* It does not go with others of the changed values. */
static int is_bound(const esp_option *row) {
  return !strcmp(row->name, "net_transport");
}

static int change_row(void *context, const esp_option *row, size_t offset) {
  change *c = context;
  char text[64];
  if (!row->flags || is_bound(row) || !strcmp(row->name, c->but)) return 0;
  other_text(row, text, sizeof text);
  assert_ok(esp_option_parse(row, text, c->param + offset));
  c->found++;
  return 0;
}

/* The network's defaults, all of them changed but one; NULL: none. */
static char *param_of(const esp_network *network, const char *but) {
  esp_config *config;
  char *param = calloc(1, network->options->size);
  assert_ok(esp_keys_create(&config));
  assert_ok(esp_options_fill(network->options, config, param));
  esp_config_free(&config);
  change c = {param, but, 0};
  if (but) esp_options_each(network->options, change_row, &c);
  assert_true(!but || c.found > 5);
  return param;
}

/* A model and moments with no round number in them; param is freed. */
static void make(const esp_network *network, char *param, esp_model *model, esp_adam *adam) {
  assert_ok(esp_model_create(network, param, &sizes, model));
  free(param);
  assert_ok(esp_adam_create(model->block.count, adam));
  adam->step = 123456789012;
  for (int i = 0; i < model->block.count; i++) {
    model->block.value[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->m[i] = 1e-200 * esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->v[i] = 1e-310 * esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 0);
  }
}

static void unmake(esp_model *model, esp_adam *adam) {
  esp_model_free(model);
  esp_adam_free(adam);
}

typedef struct {
  const char *a, *b;
  int rows;
} pair;

static int same_row(void *context, const esp_option *row, size_t offset) {
  pair *p = context;
  char a[512], b[512];
  if (!row->flags) return 0;
  esp_option_print(row, p->a + offset, a, sizeof a);
  esp_option_print(row, p->b + offset, b, sizeof b);
  if (strcmp(a, b)) fail_msg("%s: %s, %s", row->name, a, b);
  p->rows++;
  return 0;
}

static void same_param(const esp_network *network, const void *a, const void *b) {
  pair p = {a, b, 0};
  esp_options_each(network->options, same_row, &p);
  assert_true(p.rows > 5);
}

/* ---- coming back ---- */

static void comes_back(void **state) {
  (void)state;
  for (int k = 0; esp_networks[k]; k++) {
    for (int all = 0; all < 2; all++) {
      const esp_network *network = esp_networks[k];
      esp_model model, read, resumed;
      esp_adam adam, moments, again;
      char precision[ESP_CHECKPOINT_PRECISION];
      make(network, param_of(network, all ? "" : NULL), &model, &adam);
      const size_t bytes = sizeof(double) * (size_t)model.block.count;
      assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "a task", "cpu32", NULL));
      assert_ok(esp_checkpoint_read(comm, path, &read, &moments, precision));
      assert_string_equal(precision, "cpu32");
      assert_true(read.network == network && read.block.count == model.block.count);
      assert_memory_equal(&read.sizes, &sizes, sizeof sizes);
      same_param(network, read.param, model.param);
      assert_memory_equal(read.block.value, model.block.value, bytes);
      assert_memory_equal(moments.m, adam.m, bytes);
      assert_memory_equal(moments.v, adam.v, bytes);
      assert_int_equal(moments.step, adam.step);
      make(network, param_of(network, all ? "" : NULL), &resumed, &again);
      memset(resumed.block.value, 0, bytes), memset(again.v, 0, bytes), again.step = 0;
      assert_ok(esp_checkpoint_resume(comm, path, &resumed, &again, "cpu32"));
      assert_memory_equal(resumed.block.value, model.block.value, bytes);
      assert_memory_equal(again.v, adam.v, bytes);
      assert_int_equal(again.step, adam.step);
      same_param(network, resumed.param, model.param);
      unmake(&model, &adam), unmake(&read, &moments), unmake(&resumed, &again);
    }
  }
}

/* A seed may be any number. */
static void any_seed(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  esp_stack_param *param = (esp_stack_param *)param_of(network, NULL);
  esp_model model, read;
  esp_adam adam;
  param->seed = UINT64_MAX - 3;
  make(network, (char *)param, &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  assert_ok(esp_checkpoint_read(comm, path, &read, NULL, NULL));
  assert_true(((esp_stack_param *)read.param)->seed == UINT64_MAX - 3);
  esp_model_free(&read);
  unmake(&model, &adam);
}

/* Where a file comes from, to the bit; what is not known is not there. */
static void origin(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  const esp_checkpoint_origin from = {.run = "0123456789abcdef", .loss = 1.0 / 3};
  esp_checkpoint_origin read;
  esp_model model;
  esp_adam adam;
  make(network, param_of(network, NULL), &model, &adam);
  adam.step = 7;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", &from));
  assert_ok(esp_checkpoint_origin_read(comm, path, &read));
  assert_string_equal(read.run, from.run);
  assert_true(read.step == 7 && read.loss == from.loss);
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  assert_ok(esp_checkpoint_origin_read(comm, path, &read));
  assert_true(!read.run[0] && read.step == 7 && isnan(read.loss));
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32",
                                 &(esp_checkpoint_origin){.run = "\x1b[2J", .loss = NAN}));
  assert_int_equal(esp_checkpoint_origin_read(comm, path, &read), ESP_ERR_FORMAT);
  message_has("hexadecimal digits");
  unmake(&model, &adam);
}

/* ---- another model ---- */

/* Resuming the run's model from the file fails and changes nothing; param is freed. */
static void refuse(const esp_network *network, char *param, const char *precision, int code, const char *what) {
  esp_model model;
  esp_adam adam;
  assert_ok(comm->agree(comm, 0));
  make(network, param, &model, &adam);
  char *had = malloc(network->options->size);
  memcpy(had, model.param, network->options->size);
  const double first = model.block.value[0];
  assert_int_equal(esp_checkpoint_resume(comm, path, &model, &adam, precision), code);
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  message_has(what);
  assert_true(model.block.value[0] == first && adam.step == 123456789012);
  assert_memory_equal(had, model.param, network->options->size);
  free(had);
  unmake(&model, &adam);
}

static int refuse_row(void *context, const esp_option *row, size_t offset) {
  const esp_network *network = context;
  char line[256], a[64], b[64];
  if (!row->flags || is_bound(row)) return 0;
  char *base = param_of(network, ""), *run = param_of(network, row->name);
  esp_option_print(row, base + offset, a, sizeof a);
  esp_option_print(row, run + offset, b, sizeof b);
  free(base);
  const char *quote = row->type == ESP_OPTION_CHOICE ? "'" : "";
  snprintf(line, sizeof line, "\n  %s: file %s%s%s, run %s%s%s", row->name, quote, a, quote, quote, b, quote);
  if (row->flags & (ESP_OF_MODEL | ESP_OF_DATA) && strcmp(row->name, "tree_theta")) { /* theta: with the budgets */
    refuse(network, run, "cpu32", ESP_ERR_CONFIG, line);
    return 0;
  }
  free(run);
  return 0;
}

static void another_model(void **state) {
  (void)state;
  for (int k = 0; esp_networks[k]; k++) {
    const esp_network *network = esp_networks[k];
    esp_model model;
    esp_adam adam;
    make(network, param_of(network, ""), &model, &adam);
    assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
    esp_options_each(network->options, refuse_row, (void *)network);
    refuse(network, param_of(network, NULL), "cpu64", ESP_ERR_CONFIG, "net_layers: file 5, run 4");
    refuse(network, param_of(network, NULL), "cpu64", ESP_ERR_CONFIG,
           "tree_leaf: file 9, run 8\n  tree_block: file 65");
    refuse(network, param_of(network, ""), "cpu64", ESP_ERR_CONFIG, "precision: file 'cpu32', run 'cpu64'");
    const esp_network *other = esp_networks[k ? 0 : 1];
    char line[128];
    snprintf(line, sizeof line, "network: file '%s', run '%s'", network->name, other->name);
    refuse(other, param_of(other, ""), "cpu32", ESP_ERR_CONFIG, line);
    char *limit = param_of(network, "tree_pairs_limit"); /* changes no result */
    esp_model run;
    assert_ok(esp_model_create(network, limit, &sizes, &run));
    free(limit);
    assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
    esp_model_free(&run);
    unmake(&model, &adam);
  }
}

static void other_sizes(void **state) {
  (void)state;
  const esp_network *network = esp_network_find("stack");
  const esp_sizes wide = {.width = {7, 2, 3}};
  char *param = param_of(network, NULL);
  esp_model model;
  assert_ok(esp_model_create(network, param, &wide, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  refuse(network, param, "cpu32", ESP_ERR_CONFIG,
         "size_input: file 7, run 6\n  size_sent: file 2, run 1\n  size_target: file 3, run 6");
}

/* With a budget the angle that the file's run found goes on; the integrator finds one for all steps. */
static void budgets(void **state) {
  (void)state;
  const esp_network *integrator = esp_network_find("integrator"), *stack = esp_network_find("stack");
  esp_integrator_param *found = (esp_integrator_param *)param_of(integrator, NULL);
  esp_stack_param *relation = (esp_stack_param *)param_of(stack, NULL);
  esp_model model, run;
  esp_adam adam;
  found->domain.lists.theta = 0.3;
  assert_ok(esp_model_create(integrator, found, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  found->domain.lists.theta = 0.1, found->domain.lists.pairs_per_particle = 50;
  make(integrator, (char *)found, &run, &adam);
  assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
  const esp_lists_param *lists = &((esp_integrator_param *)run.param)->domain.lists;
  assert_true(lists->theta == 0.3 && lists->pairs_per_particle == 0);
  assert_int_equal(esp_checkpoint_resume(comm, path, &run, &adam, "cpu32"), ESP_ERR_FORMAT);
  message_has("no moments");
  unmake(&run, &adam);
  relation->domain.lists.theta = 0.3, relation->domain.lists.pairs_per_particle = 50;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  relation->domain.lists.theta = 0.1;
  assert_ok(esp_model_create(stack, relation, &sizes, &run));
  assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu32"));
  lists = &((esp_stack_param *)run.param)->domain.lists;
  assert_true(lists->theta == 0.3 && lists->pairs_per_particle == 50);
  esp_model_free(&run);
  relation->domain.lists.pairs_per_particle = 0;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  char *flat = param_of(stack, NULL);
  refuse(stack, flat, "cpu32", ESP_ERR_CONFIG, "tree_theta: file 0.10000000000000001, run 0.69999999999999996");
  relation->domain.lists.pairs_per_particle = 50;
  assert_ok(esp_model_create(stack, relation, &sizes, &model));
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  esp_model_free(&model);
  relation->domain.lists.pairs_per_particle = 51;
  refuse(stack, (char *)relation, "cpu32", ESP_ERR_CONFIG, "tree_pairs_per_particle: file 50, run 51");
}

/* A key that is younger than the file: what networks were before it, which need not be its default. */
static void younger_keys(void **state) {
  (void)state;
  static const esp_option row[] = {
      {.name = "net_young", .type = ESP_OPTION_FLAG, .value = "true", .flags = ESP_OF_MODEL},
      {.name = "net_youngest",
       .type = ESP_OPTION_FLAG,
       .offset = sizeof(int),
       .value = "true",
       .flags = ESP_OF_MODEL,
       .absent = "false"},
      {0}};
  static const esp_options young = {.size = 2 * sizeof(int), .row = row};
  const esp_network *network = esp_network_find("stack");
  esp_model model;
  esp_adam adam;
  esp_file *file = NULL;
  int read[2] = {7, 7};
  make(network, param_of(network, NULL), &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
  assert_ok(esp_file_open(comm, path, &file));
  assert_ok(esp_rows_read(file, &young, 2, read));
  esp_file_close(&file);
  assert_true(read[0] == 1 && read[1] == 0);
  unmake(&model, &adam);
}

/* ---- broken files ---- */

static void alter(const char *dataset, const char *attribute, const char *misspelt) {
  assert_ok(comm->agree(comm, 0));
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(id >= 0);
    if (dataset) assert_true(H5Ldelete(id, dataset, H5P_DEFAULT) >= 0);
    if (attribute) assert_true(H5Adelete(id, attribute) >= 0);
    if (misspelt) {
      hid_t attr = H5Aopen(id, misspelt, H5P_DEFAULT), type = H5Aget_type(attr);
      assert_true(attr >= 0 && H5Awrite(attr, type, "xxxxxxxxxxxx") >= 0);
      H5Tclose(type), H5Aclose(attr);
    }
    H5Fclose(id);
  }
  assert_ok(comm->agree(comm, 0));
}

static void read_refused(const char *what, const char *more) {
  esp_model read;
  assert_int_equal(esp_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FORMAT);
  assert_null(read.param);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  message_has(more);
}

static void broken(void **state) {
  (void)state;
  const esp_network *network = esp_networks[0];
  esp_model model, read;
  esp_adam adam;
  make(network, param_of(network, ""), &model, &adam);
  model.block.value[7] = NAN;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "parameters[7] is");
  model.block.value[7] = 1;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "", "cpu32", NULL));
  alter("/moment2", NULL, NULL);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "moment2");
  alter(NULL, "tree_block", NULL); /* as a file that is older than the key */
  assert_ok(esp_checkpoint_read(comm, path, &read, NULL, NULL));
  assert_int_equal(((esp_integrator_param *)read.param)->domain.block, 64);
  esp_model_free(&read);
  alter(NULL, NULL, "net_message");
  read_refused("net_message 'xxx", "is not known");
  alter(NULL, NULL, "network");
  read_refused("network 'xxx", "is not known here");
  alter(NULL, NULL, "format");
  read_refused("not a checkpoint", "allowed is 'espalier checkpoint'");
  assert_ok(comm->agree(comm, 0));
  if (comm->rank == 0) assert_int_equal(truncate(path, 3000), 0);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(network, param_of(network, ""), "cpu32", ESP_ERR_FILE, "");
  assert_int_equal(esp_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FILE);
  esp_error_clear();
  esp_file *file = NULL;
  assert_ok(esp_file_create_begin(comm, path, &file));
  assert_ok(esp_file_attr_write_string(file, "/", "name", "something else"));
  assert_ok(esp_file_commit(&file));
  read_refused("not a checkpoint", "'format' is missing");
  assert_int_equal(esp_file_open_objects(), 0);
  unmake(&model, &adam);
}

static void set_number(const char *attribute, double value) {
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    H5Adelete(id, attribute);
    hid_t attr = H5Acreate2(id, attribute, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attr >= 0 && H5Awrite(attr, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attr), H5Sclose(space), H5Fclose(id);
  }
  assert_ok(comm->agree(comm, 0));
}

/* A number that its key does not allow, or sizes of a network that is not in the file: no memory is taken for them. */
static void claims(void **state) {
  (void)state;
  static const struct {
    const char *attribute, *what;
    double value;
  } bad[] = {{"tree_theta", "tree_theta is '1.0000000000000001e+300': must be number in [0, 10]", 1e300},
             {"tree_theta", "tree_theta is 'nan'", NAN},
             {"net_layers", "net_layers is '33': must be integer in [1, 16]", 33},
             {"tree_leaf", "tree_leaf is '0'", 0},
             {"tree_leaf", "tree_leaf is 4294967297, must be a number of 32 bits", 4294967297.0},
             {"tree_pairs_limit", "tree_pairs_limit is '2147483648'", 2147483648.0},
             {"net_separate", "net_separate", 2},
             {"net_update_hidden", "parameters; a network of these keys and widths has", 4096},
             {"net_layers", "parameters; a network of these keys and widths has", 16},
             {"size_input", "parameters; a network of these keys and widths has", 4096},
             {"size_input", "features 2000000000", 2e9}};
  const esp_network *network = esp_network_find("stack");
  esp_model model, read;
  esp_adam adam;
  make(network, param_of(network, NULL), &model, &adam);
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "", "cpu32", NULL));
    set_number(bad[k].attribute, bad[k].value);
    esp_memory_reset_peak();
    const size_t before = esp_memory_now();
    const int rc = esp_checkpoint_read(comm, path, &read, NULL, NULL);
    assert_true(rc == ESP_ERR_CONFIG || rc == ESP_ERR_FORMAT);
    assert_true(strstr(esp_error_message(), path));
    message_has(bad[k].what);
    if (esp_memory_peak() > before + 65536) fail_msg("%s: %zu bytes", bad[k].what, esp_memory_peak() - before);
  }
  unmake(&model, &adam);
}

/* ---- version 1 ---- */

/* The keys of networks and trees in an input of one key a line. */
static esp_config *told_in(const char *yaml) {
  esp_config *config;
  char line[256], key[64], value[64];
  FILE *file = fopen(yaml, "r");
  assert_non_null(file);
  assert_ok(esp_keys_create(&config));
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "%63[a-z_]: %63s", key, value) == 2 && (!strncmp(key, "net_", 4) || !strncmp(key, "tree_", 5)))
      assert_ok(esp_config_set(config, key, value));
  fclose(file);
  return config;
}

/* What the file of version 1 holds is what its run was told. */
static void same_as_told(const char *name) {
  char yaml[4096], file[4096];
  const char *source = getenv("ESPALIER_SOURCE");
  esp_model model;
  esp_adam adam;
  if (!source) return;
  snprintf(yaml, sizeof yaml, "%s/tests/golden/%s.yaml", source, name);
  snprintf(file, sizeof file, "%s/tests/golden/%s-checkpoint.h5", source, name);
  assert_ok(esp_checkpoint_read(comm, file, &model, &adam, NULL));
  esp_config *config = told_in(yaml);
  char *told = calloc(1, model.network->options->size);
  assert_ok(esp_options_fill(model.network->options, config, told));
  same_param(model.network, told, model.param);
  assert_true(adam.step > 0);
  free(told);
  esp_config_free(&config);
  unmake(&model, &adam);
}

static void version_1(void **state) {
  (void)state;
  same_as_told("cloud");
  same_as_told("box");
  same_as_told("gate");
  same_as_told("queries");
}

static int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_checkpoint_%lld.h5", (long long)pid);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  return 0;
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back),    cmocka_unit_test(any_seed),
                                     cmocka_unit_test(another_model), cmocka_unit_test(other_sizes),
                                     cmocka_unit_test(budgets),       cmocka_unit_test(broken),
                                     cmocka_unit_test(version_1),     cmocka_unit_test(claims),
                                     cmocka_unit_test(origin),        cmocka_unit_test(younger_keys)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}
