/* Proves that graph convolution, with given edges, a gate and sparse features, has the bits of one rank on any number of ranks:
 * prediction, loss, what chooses among steps, gradient, and parameters after training; also where ranks hold nothing.
 * ranks: 1 2 3 4 */
#include "case.h"

#include "../convolution_case.h"
#include "domain/domain.h"

static esp_backend shared(void) {
  esp_backend b = esp_backend_self();
  b.comm = comm;
  b.build = esp_domain_build_mpi;
  return b;
}

static void same(const char *what, int n, const esp_convolution_param *p, const double *own, const double *want,
                 size_t count) {
  if (count && memcmp(own, want, count * sizeof *own))
    fail_msg("n %d, share %g, stay %g: %s differs from that of one rank", n, p->share, p->stay, what);
}

static void compare(const esp_convolution_param *p, int n) {
  const esp_backend self = esp_backend_self(), many = shared();
  esp_model alone = convolution_case_moved(p), m = convolution_case_moved(p);
  esp_set whole = convolution_case_part(n, 0, n, 0.5), part = convolution_case_share(comm, n, 0.5);
  alone.draw = m.draw = 3;
  const size_t count = (size_t)m.block.count, rows = (size_t)n * CLASSES;
  double *gradient[2], *y[2], loss[2], value[2][2];
  for (int k = 0; k < 2; k++) {
    gradient[k] = calloc(count, sizeof(double));
    y[k] = calloc(rows + 1, sizeof(double));
  }
  OK(model_loss(&alone, &self, &esp_loss_cross_entropy, NULL, &whole, NULL, y[0], NULL, &loss[0], gradient[0]));
  OK(model_loss(&m, &many, &esp_loss_cross_entropy, NULL, &part, NULL, y[1], NULL, &loss[1], gradient[1]));
  same("the prediction", n, p, y[1], y[0] + (size_t)part.first * CLASSES, (size_t)part.n_home * CLASSES);
  same("the loss", n, p, &loss[1], &loss[0], 1);
  same("the gradient", n, p, gradient[1], gradient[0], count);
  const int validated = n > 2 ? ESP_OK : ESP_ERR_VALUE; /* of fewer none validates */
  assert_int_equal(esp_loss_cross_entropy.validate(NULL, &self, &whole, y[0], value[0]), validated);
  assert_int_equal(esp_loss_cross_entropy.validate(NULL, &many, &part, y[1], value[1]), validated);
  esp_error_clear();
  if (!validated) same("what it validates by", n, p, value[1], value[0], 2);
  for (int k = 0; k < 2; k++) free(gradient[k]), free(y[k]);
  esp_set_free(&whole);
  esp_set_free(&part);
  esp_model_free(&alone);
  esp_model_free(&m);
}

static void passes_have_the_same_bits(void **state) {
  (void)state;
  const double share[] = {1, 0, 0, 0.6}, stay[] = {0, 1, 0.05, 0.1};
  for (int k = 0; k < 4; k++) {
    esp_convolution_param p = convolution_case_param(share[k], stay[k], 0.5);
    p.dropout = k % 2 ? 0.4 : 0;
    compare(&p, 330);
  }
  const esp_convolution_param learning = convolution_case_learning(0.6, 0.1, 0.5);
  compare(&learning, 330);
}

static void ranks_may_hold_nothing(void **state) {
  (void)state;
  const int n[] = {0, 1, 64, 130};
  const esp_convolution_param p = convolution_case_param(0.6, 0.1, 0.5), q = convolution_case_learning(0, 0.1, 0.5);
  for (int k = 0; k < 4; k++) compare(&p, n[k]), compare(&q, n[k]);
}

static int get(void *context, int s, const esp_set **set) {
  (void)s;
  *set = context;
  return ESP_OK;
}

/* Three steps, the gradient part by part. */
static void train(const esp_comm *ranks, const esp_backend *backend, esp_set *set, esp_model *m) {
  const esp_sets sets = {.sets = 1, .shared = 1, .get = get, .context = set};
  const esp_training with = {ranks, backend, &sets, &esp_loss_cross_entropy, NULL};
  const esp_train_param how = {.steps = 3, .batch = 1, .rate = 0.02, .beta2 = 0.99, .clip = 1, .seed = 1};
  esp_adam adam;
  OK(esp_adam_create(m->block.count, &adam));
  OK(esp_train(&with, &how, NULL, m, &adam));
  esp_adam_free(&adam);
}

/* learns: keys, too; else they are held. */
static void trained(esp_convolution_param p, int learns) {
  enum { MANY = 330 };
  const esp_backend self = esp_backend_self(), many = shared();
  esp_model alone = convolution_case_moved(&p), m = convolution_case_moved(&p), start = convolution_case_moved(&p);
  esp_set whole = convolution_case_part(MANY, 0, MANY, 0.5), part = convolution_case_share(comm, MANY, 0.5);
  train(esp_comm_self(), &self, &whole, &alone);
  train(comm, &many, &part, &m);
  same("what was learned", MANY, &p, m.block.value, alone.block.value, (size_t)m.block.count);
  const esp_convolution_places at = esp_convolution_places_of(&m);
  const int held = learns ? at.scale : at.E;
  assert_memory_not_equal(m.block.value, start.block.value, (size_t)at.E * sizeof(double));
  if (learns) assert_memory_not_equal(m.block.value + at.E, start.block.value + at.E, FEATURES * sizeof(double));
  same("what is held", MANY, &p, m.block.value + held, start.block.value + held, (size_t)(m.block.count - held));
  esp_set_free(&whole);
  esp_set_free(&part);
  esp_model_free(&alone);
  esp_model_free(&m);
  esp_model_free(&start);
}

static void training_has_the_same_bits(void **state) {
  (void)state;
  esp_convolution_param p = convolution_case_param(0.6, 0.1, 0.5), q = convolution_case_learning(0, 0.1, 0.5);
  p.dropout = q.dropout = 0.3;
  trained(p, 0);
  trained(q, 1);
}

static void one_failure_ends_all(void **state) {
  (void)state;
  enum { MANY = 330 };
  const esp_convolution_param p = convolution_case_param(0.6, 0.1, 0.5);
  const esp_backend many = shared();
  esp_model m = convolution_case_moved(&p);
  esp_set part = convolution_case_share(comm, MANY, 0.5);
  double *y = calloc((size_t)part.n_home * CLASSES + 1, sizeof *y);
  const int last = part.n_home && part.first + part.n_home == MANY;
  if (last) part.csr[AT_EDGES].index[0] = MANY;
  assert_int_equal(esp_model_predict(&m, &many, &part, NULL, y, NULL), ESP_ERR_VALUE);
  esp_error_clear();
  if (last) part.csr[AT_EDGES].index[0] = 0;
  if (last) part.value[AT_MORE][0] = NAN;
  assert_int_equal(esp_model_predict(&m, &many, &part, NULL, y, NULL), ESP_ERR_VALUE);
  esp_error_clear();
  free(y);
  esp_set_free(&part);
  esp_model_free(&m);
}

CASE_MAIN(cmocka_unit_test(passes_have_the_same_bits), cmocka_unit_test(ranks_may_hold_nothing),
          cmocka_unit_test(training_has_the_same_bits), cmocka_unit_test(one_failure_ends_all))
