/* Proves that the proofs of equal bits can fail: a sum that depends on the ranks, put in the place of the exact one,
 * shows in the bits of a sum and in the parameters of a training, and the exact one does not.
 * ranks: 1 2 3 5 */
#include "case.h"

#include <mpi.h>

#include "train_case.h"

/* ---- a sum ---- */

enum { TERMS = 4096 };

/* Large terms that cancel, in pairs far apart, among small ones. */
static double term(int i) {
  const int half = i % (TERMS / 2);
  const double large = (i < TERMS / 2 ? 1 : -1) * (1 + case_uniform((uint64_t)half)) * 0x1p60;
  return half % 2 ? large : case_uniform((uint64_t)i);
}

static double plain_sum(void) {
  double sum = 0;
  for (int i = 0; i < TERMS; i++)
    if ((int64_t)i * comm->size / TERMS == comm->rank) sum += term(i);
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, esp_comm_mpi_get(comm));
  return sum;
}

static double exact_sum(const esp_comm *ranks) {
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  for (int i = 0; i < TERMS; i++)
    if ((int64_t)i * ranks->size / TERMS == ranks->rank) esp_exact_add(&ESP_EXACT_FULL, acc, term(i));
  esp_exact_carry(&ESP_EXACT_FULL, acc, 1);
  assert_int_equal(ranks->sum_i64(ranks, acc, ESP_EXACT_FULL_WORDS), ESP_OK);
  return esp_exact_value(&ESP_EXACT_FULL, acc);
}

static void a_plain_sum_shows(void **state) {
  (void)state;
  double alone = 0;
  for (int i = 0; i < TERMS; i++) alone += term(i);
  const double plain = plain_sum(), exact = exact_sum(comm), exact_alone = exact_sum(esp_comm_self());
  assert_memory_equal(&exact, &exact_alone, sizeof exact);
  assert_int_equal(memcmp(&plain, &alone, sizeof plain) != 0, comm->size > 1);
}

/* ---- a training ---- */

enum { CLOUDS = 5, BODIES = 40, STEPS = 3 };

/* In the place of the sum over the ranks: each rank's part is rounded to a float, and the floats are added. */
static int rounded_sum(const esp_comm *ranks, int64_t *acc, size_t words) {
  for (size_t k = 0; k < words / ESP_EXACT_FULL_WORDS; k++) {
    int64_t *own = acc + k * ESP_EXACT_FULL_WORDS;
    float value = (float)esp_exact_value(&ESP_EXACT_FULL, own);
    if (ranks->size > 1) MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_FLOAT, MPI_SUM, esp_comm_mpi_get(ranks));
    memset(own, 0, sizeof *own * ESP_EXACT_FULL_WORDS);
    esp_exact_add(&ESP_EXACT_FULL, own, value);
  }
  return ESP_OK;
}

typedef int (*sum_function)(const esp_comm *ranks, int64_t *acc, size_t words);

static train_case trained(const esp_comm *ranks, sum_function sum) {
  esp_backend self = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON_MLP, CLOUDS, BODIES);
  esp_sets data = train_case_sets(&t);
  esp_train_param param = train_case_param(STEPS);
  esp_device device = *self.device;
  const esp_train_hooks hooks = {0};
  device.sum_i64 = sum, self.device = &device;
  assert_int_equal(train_case_run(ranks, &self, &data, &param, &hooks, &t), ESP_OK);
  return t;
}

static int same(const train_case *a, const train_case *b) {
  assert_int_equal(a->model.block.count, b->model.block.count);
  return memcmp(a->model.block.value, b->model.block.value, sizeof(double) * (size_t)a->model.block.count) == 0;
}

static void a_rounded_gradient_shows(void **state) {
  (void)state;
  for (int rounded = 0; rounded < 2; rounded++) {
    sum_function sum = rounded ? rounded_sum : NULL;
    train_case alone = trained(esp_comm_self(), sum), shared = trained(comm, sum);
    assert_int_equal(same(&shared, &alone), !rounded || comm->size == 1);
    train_case_free(&alone);
    train_case_free(&shared);
  }
}

CASE_MAIN(cmocka_unit_test(a_plain_sum_shows), cmocka_unit_test(a_rounded_gradient_shows))
