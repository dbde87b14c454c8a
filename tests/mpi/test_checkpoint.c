/* Proves that a checkpoint comes back bit for bit on any number of ranks, and that another model's, a broken or a
 * missing one is refused by name, leaving the model as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpi.h>
#include <petscsys.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/checkpoint.h"
#include "io/file.h"
#include "train_case.h"

static esp_comm *comm;
static char folder[256], path[512];

static int setup(void **state) {
  (void)state;
  if (comm->rank == 0) {
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/espalier-checkpoint-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) return 1;
  }
  MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
  snprintf(path, sizeof path, "%s/checkpoint.h5", folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) {
    remove(path);
    rmdir(folder);
  }
  return 0;
}

static esp_integrator_param some_param(void) {
  esp_integrator_param p = {.layers = 3, .message = ESP_MESSAGE_CORRECTION, .hidden = 5, .seed = UINT64_MAX - 3};
  p.domain = (esp_domain_param){.leaf = 4, .block = 16, .dim = 3};
  p.domain.lists.theta = 0.7;
  p.domain.lists.pairs_limit = 1000;
  return p;
}

/* A model and moments with no round number in them. */
static void make(const esp_integrator_param *p, esp_integrator *model, esp_adam *adam) {
  assert_int_equal(esp_integrator_create(p, model), ESP_OK);
  assert_int_equal(esp_adam_create(model->block.count, adam), ESP_OK);
  adam->step = 123456789012;
  for (int i = 0; i < model->block.count; i++) {
    model->block.value[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->m[i] = 1e-200 * esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 0);
    adam->v[i] = 1e-310 * esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 0);
  }
}

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static void comes_back(void **state) {
  (void)state;
  for (int message = 0; message < 3; message++) {
    esp_integrator_param p = some_param();
    p.message = (esp_message_kind)message;
    p.tableau = message == 1 ? ESP_TABLEAU_SYMPLECTIC : ESP_TABLEAU_FREE;
    p.layers = message == 0 ? 1 : 3;
    esp_integrator model, read, resumed;
    esp_adam adam, moments, again;
    char precision[ESP_CHECKPOINT_PRECISION];
    make(&p, &model, &adam);
    size_t bytes = sizeof(double) * (size_t)model.block.count;
    assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "cpu32"));
    assert_ok(esp_checkpoint_read(comm, path, &read, &moments, precision));
    assert_string_equal(precision, "cpu32");
    assert_int_equal(read.block.count, model.block.count);
    assert_memory_equal(read.block.value, model.block.value, bytes);
    assert_memory_equal(moments.m, adam.m, bytes);
    assert_memory_equal(moments.v, adam.v, bytes);
    assert_int_equal(moments.step, adam.step);
    assert_true(read.param.seed == p.seed && read.param.domain.lists.theta == 0.7 && read.param.domain.block == 16);
    assert_true(read.param.tableau == p.tableau && read.param.domain.lists.pairs_limit == 1000);
    assert_int_equal(esp_integrator_create(&p, &resumed), ESP_OK);
    assert_int_equal(esp_adam_create(resumed.block.count, &again), ESP_OK);
    assert_ok(esp_checkpoint_resume(comm, path, &resumed, &again, "cpu32"));
    assert_memory_equal(resumed.block.value, model.block.value, bytes);
    assert_memory_equal(again.v, adam.v, bytes);
    esp_integrator *models[] = {&model, &read, &resumed};
    esp_adam *adams[] = {&adam, &moments, &again};
    for (int i = 0; i < 3; i++) esp_integrator_free(models[i]), esp_adam_free(adams[i]);
  }
}

/* A budgeted run takes the angle that the first one chose. */
static void budget_takes_the_angle(void **state) {
  (void)state;
  esp_integrator_param p = some_param();
  esp_integrator model, run;
  esp_adam adam;
  make(&p, &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, NULL, "cpu64"));
  p.domain.lists.theta = 0.1;
  p.domain.lists.pairs_per_particle = 50;
  assert_int_equal(esp_integrator_create(&p, &run), ESP_OK);
  assert_ok(esp_checkpoint_resume(comm, path, &run, NULL, "cpu64"));
  assert_true(run.param.domain.lists.theta == 0.7 && run.param.domain.lists.pairs_per_particle == 0);
  assert_int_equal(esp_checkpoint_resume(comm, path, &run, &adam, "cpu64"), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "no moments"));
  esp_error_clear();
  esp_integrator_free(&model);
  esp_integrator_free(&run);
  esp_adam_free(&adam);
}

static void refuse(const esp_integrator_param *p, const char *precision, int code, const char *what) {
  esp_integrator model;
  esp_adam adam;
  assert_int_equal(esp_integrator_create(p, &model), ESP_OK);
  assert_int_equal(esp_adam_create(model.block.count, &adam), ESP_OK);
  double first = model.block.value[0];
  assert_int_equal(esp_checkpoint_resume(comm, path, &model, &adam, precision), code);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  esp_error_clear();
  assert_true(model.block.value[0] == first && adam.step == 0);
  esp_integrator_free(&model);
  esp_adam_free(&adam);
}

static void another_model_is_refused(void **state) {
  (void)state;
  const esp_integrator_param same = some_param();
  esp_integrator model;
  esp_adam adam;
  make(&same, &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "cpu32"));
  esp_integrator_param p = same;
  p.layers = 4;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "layers: file 3, run 4");
  p = same, p.tableau = ESP_TABLEAU_SYMPLECTIC;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "tableau: file 'free', run 'symplectic'");
  p = same, p.message = ESP_MESSAGE_NEWTON;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "message: file 'newton_mlp', run 'newton'");
  p = same, p.hidden = 6;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "hidden: file 5, run 6");
  p = same, p.domain.leaf = 5, p.domain.block = 17;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "leaf: file 4, run 5");
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "block: file 16, run 17");
  p = same, p.domain.lists.theta = 0.5;
  refuse(&p, "cpu32", ESP_ERR_CONFIG, "theta: file 0.69999999999999996, run 0.5");
  refuse(&same, "cpu64", ESP_ERR_CONFIG, "precision: file 'cpu32', run 'cpu64'");
  esp_integrator_free(&model);
  esp_adam_free(&adam);
}

/* ---- broken files ---- */

static void missing_and_truncated(void **state) {
  (void)state;
  const esp_integrator_param p = some_param();
  esp_integrator model;
  esp_adam adam;
  make(&p, &model, &adam);
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "cpu32"));
  if (comm->rank == 0) assert_int_equal(truncate(path, 3000), 0);
  MPI_Barrier(MPI_COMM_WORLD);
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "");
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) remove(path);
  MPI_Barrier(MPI_COMM_WORLD);
  refuse(&p, "cpu32", ESP_ERR_FILE, "");
  esp_integrator read;
  assert_int_equal(esp_checkpoint_read(comm, path, &read, NULL, NULL), ESP_ERR_FILE);
  assert_null(read.block.value);
  esp_error_clear();
  esp_integrator_free(&model);
  esp_adam_free(&adam);
}

/* Files that are whole but not checkpoints: nothing in them; a checkpoint less one dataset; one with a NaN. */
static void not_a_checkpoint(void **state) {
  (void)state;
  const esp_integrator_param p = some_param();
  esp_integrator model;
  esp_adam adam;
  esp_file *file = NULL;
  assert_ok(esp_file_create_begin(comm, path, &file));
  assert_ok(esp_file_attr_write_string(file, "/", "name", "something else"));
  assert_ok(esp_file_commit(&file));
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "not a checkpoint");
  make(&p, &model, &adam);
  model.block.value[7] = NAN;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "cpu32"));
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "parameters[7] is");
  model.block.value[7] = 1;
  assert_ok(esp_checkpoint_write(comm, path, &model, &adam, "cpu32"));
  MPI_Barrier(MPI_COMM_WORLD);
  if (comm->rank == 0) {
    hid_t id = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(id >= 0 && H5Ldelete(id, "/moment2", H5P_DEFAULT) >= 0);
    H5Fclose(id);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  refuse(&p, "cpu32", ESP_ERR_FORMAT, "moment2");
  assert_int_equal(esp_file_open_objects(), 0);
  esp_integrator_free(&model);
  esp_adam_free(&adam);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back), cmocka_unit_test(budget_takes_the_angle),
                                     cmocka_unit_test(another_model_is_refused),
                                     cmocka_unit_test(missing_and_truncated), cmocka_unit_test(not_a_checkpoint)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  esp_comm_mpi_free(&comm);
  if (failed) MPI_Abort(MPI_COMM_WORLD, failed);
  return PetscFinalize() ? 1 : 0;
}
