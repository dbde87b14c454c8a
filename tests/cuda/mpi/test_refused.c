/* Proves that where the device of one rank has no memory left, whichever of its allocations it is, all ranks are told so, none of
 * them hangs, nothing is left allocated, and the next training has the bits of one that never failed: of networks with
 * all that the device computes, by either way between the ranks' devices. */
#include "tests/mpi/case.h"

#include "cuda/device.h"
#include "cuda/kernels.h"
#include "cuda/link.h"
#include "domain/domain.h"
#include "tests/cuda/model/model.h"
#include "tests/relation_train_case.h"
#include "tests/train_case.h"

static esp_backend many(void) {
  return (esp_backend){.comm = comm, .build = esp_domain_build_mpi, .device = &esp_device_cuda32};
}

/* One step of a training that is begun anew; *sum: of its parameters. */
typedef int step_of(uint64_t *sum);

static int relation_step(const esp_stack_param *param, uint64_t *sum) {
  enum { N = 21, D = 5, F = 2 };
  const esp_backend backend = many();
  esp_train_param how = relation_case_train(1);
  relation_case t = {.model = relation_case_network(param)};
  OK(esp_adam_create(t.model.block.count, &t.adam));
  for (int c = 0; c < RELATION_SETS; c++) {
    esp_set whole = relation_case_set(N, D, F, 0.6, 1, 50 + (uint64_t)c);
    t.set[c] = relation_case_share(comm, &whole);
    esp_set_free(&whole);
  }
  const int rc = relation_case_run(comm, &backend, 1, &how, NULL, &t);
  *sum = esp_model_checksum(&t.model);
  assert_int_equal(t.held, 0);
  relation_case_free(&t);
  return rc;
}

static int messages(uint64_t *sum) {
  const esp_stack_param p = relation_case_param(RELATION_DEEP_MESSAGE, 0.8);
  return relation_step(&p, sum);
}

static int splits(uint64_t *sum) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  p.split = ESP_SPLIT_LEARNED, p.split_levels = 2, p.transport = 1, p.linear = 1, p.layers = 2;
  return relation_step(&p, sum);
}

static int searched(uint64_t *sum) {
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.3);
  p.error = 1e-3;
  return relation_step(&p, sum);
}

static int bodies(int message, uint64_t *sum) {
  enum { N = 23 };
  const esp_backend backend = many();
  esp_train_param how = train_case_param(1);
  esp_cloud *cloud = malloc(sizeof *cloud);
  int64_t first, count;
  how.batch = 1;
  esp_set_share(N, comm->rank, comm->size, &first, &count);
  *cloud = train_case_cloud(N, first, (int)count, 7);
  train_case t = train_case_of(message, 1, cloud);
  esp_sets sets = train_case_sets(&t);
  sets.shared = 1;
  const int rc = train_case_run(comm, &backend, &sets, &how, NULL, &t);
  *sum = esp_model_checksum(&t.model);
  assert_int_equal(t.held, 0);
  train_case_free(&t);
  return rc;
}

static int learned(uint64_t *sum) {
  return bodies(CASE_MLP, sum);
}

static int multipoles(uint64_t *sum) {
  return bodies(CASE_NEWTON_MLP, sum);
}

/* The which-th allocation of all, counted over the ranks by turns, is refused, 0: none; the code that all ranks have. */
static int run(step_of *step, long which, uint64_t *sum) {
  const long before = esp_model_held();
  const int here = which > 0 && which % comm->size == comm->rank;
  esp_error_clear();
  esp_model_refuse(here ? which / comm->size + 1 : 0);
  const int rc = step(sum);
  esp_model_refuse(0);
  esp_link_keep(comm, NULL); /* the next one chooses its link anew */
  int64_t codes[2] = {rc, -rc};
  OK(comm->max_i64(comm, codes, 2));
  if (codes[0] != -codes[1]) fail_msg("allocation %ld: this rank ends with %d, another does not", which, rc);
  if (rc != ESP_OK && rc != ESP_ERR_MEMORY) fail_msg("allocation %ld: %s", which, esp_error_message());
  if (esp_model_held() != before) fail_msg("allocation %ld: %ld are left", which, esp_model_held() - before);
  return rc;
}

enum { STRIDE = 30 }; /* of a rank's allocations; 1: all of them, which takes minutes */

/* Some of them, on one rank after the other, until there are no more on any. */
static void each(step_of *step) {
  const int stride = STRIDE * comm->size + 1;
  uint64_t right, sum;
  int failed = 0, rc;
  OK(run(step, 0, &right));
  for (long which = 1, beyond = 0; beyond < comm->size; which += stride) {
    rc = run(step, which, &sum);
    beyond = rc ? 0 : beyond + 1;
    failed += rc != 0;
    if (!rc) assert_true(sum == right);
  }
  OK(run(step, 0, &sum));
  assert_true(sum == right);
  if (comm->rank == 0) print_message("%d refusals\n", failed);
  assert_true(failed > 1);
}

static void of_messages(void **state) {
  (void)state;
  each(messages);
}

static void of_splits(void **state) {
  (void)state;
  each(splits);
}

static void of_searches(void **state) {
  (void)state;
  each(searched);
}

static void of_learned_forces(void **state) {
  (void)state;
  each(learned);
}

static void of_multipoles(void **state) {
  (void)state;
  each(multipoles);
}

static void by_nccl(void **state) {
  (void)state;
  if (comm->size == 1) return;
  setenv("ESPALIER_MODEL_DEVICE", "own", 1);
  each(messages);
  unsetenv("ESPALIER_MODEL_DEVICE");
}

CASE_MAIN(cmocka_unit_test(of_messages), cmocka_unit_test(of_splits), cmocka_unit_test(of_searches),
          cmocka_unit_test(of_learned_forces), cmocka_unit_test(of_multipoles), cmocka_unit_test(by_nccl))
