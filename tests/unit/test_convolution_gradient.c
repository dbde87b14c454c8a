/* Proves that the gradient of graph convolution by every number is that of central differences, that what is held has none, and that
 * classes of a stochastic block model are learned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../convolution_case.h"

enum { N = 160 };

static double loss_of(const esp_model *m, const esp_set *set, double *gradient) {
  static double y[N * CLASSES];
  esp_backend backend = esp_backend_self();
  double loss;
  backend.device = &esp_device_cpu64;
  OK(model_loss(m, &backend, &esp_loss_cross_entropy, NULL, set, NULL, y, NULL, &loss, gradient));
  return loss;
}

/* Every group's numbers, every `stride`-th. */
static void differences(esp_convolution_param p) {
  const double step = 1e-5;
  esp_model m = convolution_case_moved(&p);
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  double *gradient = NULL;
  m.draw = 7;
  OK(ESP_ALLOC(gradient, m.block.count));
  loss_of(&m, &set, gradient);
  for (int e = 0; e < m.block.entries; e++) {
    const esp_entry *entry = &m.block.entry[e];
    const int count = entry->rows * entry->columns, stride = count > 50 ? 7 : 1;
    double largest = 0;
    for (int i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[entry->offset + i]));
    assert_true(entry->held ? largest == 0 : largest > 1e-3);
    for (int i = 0; i < count && !entry->held; i += stride) {
      double *at = &m.block.value[entry->offset + i], middle = *at;
      *at = middle + step;
      const double up = loss_of(&m, &set, NULL);
      *at = middle - step;
      const double slope = (up - loss_of(&m, &set, NULL)) / (2 * step);
      *at = middle;
      if (!(fabs(slope - gradient[entry->offset + i]) < 1e-6 * largest))
        fail_msg("share %g, stay %g, theta %g, %s, number %d: %g, by differences %g", p.share, p.stay,
                 p.domain.lists.theta, entry->name, i, gradient[entry->offset + i], slope);
    }
  }
  assert_int_equal(m.block.entry[m.block.entries - 1].held, p.share < 1 && p.stay < 1);
  ESP_FREE(gradient);
  esp_set_free(&set);
  esp_model_free(&m);
}

static void given_edges(void **state) {
  (void)state;
  differences(convolution_case_param(1, 0, 0));
}

static void nobody(void **state) {
  (void)state;
  esp_convolution_param p = convolution_case_param(0, 1, 0);
  p.dropout = 0.4;
  differences(p);
}

static void gate(void **state) {
  (void)state;
  differences(convolution_case_param(0, 0.05, 0));
  differences(convolution_case_param(0, 0.05, 0.5));
}

static void all_of_it(void **state) {
  (void)state;
  esp_convolution_param p = convolution_case_param(0.6, 0.2, 0.5);
  p.dropout = 0.3;
  differences(p);
}

/* Keys, too: through both gates, and by gate regression. The tree is a constant: over all pairs. */
static void keys_that_learn(void **state) {
  (void)state;
  esp_convolution_param p = convolution_case_learning(0.4, 0.1, 0);
  differences(p);
  p.dropout = 0.3, p.learning.receivers = 0, p.learning.weight = 0.01; /* mostly the classes' gradient */
  differences(p);
}

static int get(void *context, int s, const esp_set **set) {
  (void)s;
  *set = context;
  return ESP_OK;
}

static void step_once(esp_model *m, double decay) {
  const esp_backend backend = esp_backend_self();
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  const esp_sets sets = {.sets = 1, .get = get, .context = &set};
  const esp_training with = {esp_comm_self(), &backend, &sets, &esp_loss_cross_entropy, NULL};
  const esp_train_param how = {.steps = 1, .batch = 1, .rate = 0.02, .beta2 = 0.99, .decay = decay, .seed = 1};
  esp_adam adam;
  OK(esp_adam_create(m->block.count, &adam));
  OK(esp_train(&with, &how, NULL, m, &adam));
  esp_adam_free(&adam);
  esp_set_free(&set);
}

/* Decay pulls at weights, not at keys. */
static void keys_are_spared(void **state) {
  (void)state;
  const esp_convolution_param p = convolution_case_learning(0.4, 0.1, 0.5);
  esp_model start = convolution_case_moved(&p), free = convolution_case_moved(&p), pulled = convolution_case_moved(&p);
  const esp_convolution_places at = esp_convolution_places_of(&start);
  const size_t E = sizeof(double) * FEATURES * (size_t)p.dim;
  step_once(&free, 0);
  step_once(&pulled, 5);
  assert_memory_equal(free.block.value + at.E, pulled.block.value + at.E, E);
  assert_memory_not_equal(free.block.value + at.E, start.block.value + at.E, E);
  assert_memory_not_equal(free.block.value + at.W1, pulled.block.value + at.W1, sizeof(double) * FEATURES);
  esp_model_free(&start);
  esp_model_free(&free);
  esp_model_free(&pulled);
}

/* Labels of every fourth; of the others more than nine in ten are found, and fewer where nobody hears another. */
static double accuracy(double share, double stay) {
  enum { MANY = 600 };
  static double y[MANY * CLASSES];
  const esp_convolution_param p = convolution_case_param(share, stay, 0.5);
  const esp_backend backend = esp_backend_self();
  esp_model m = convolution_case_model(&p);
  esp_set set = convolution_case_part(MANY, 0, MANY, 0.8);
  esp_adam adam;
  const esp_sets sets = {.sets = 1, .get = get, .context = &set};
  const esp_training with = {esp_comm_self(), &backend, &sets, &esp_loss_cross_entropy, NULL};
  const esp_train_param how = {
      .steps = 60, .batch = 1, .rate = 0.02, .schedule = ESP_SCHEDULE_HOLD, .beta2 = 0.999, .seed = 1};
  OK(esp_adam_create(m.block.count, &adam));
  OK(esp_train(&with, &how, NULL, &m, &adam));
  OK(esp_model_predict(&m, &backend, &set, NULL, y, NULL));
  double right = 0, all = 0;
  for (int i = 0; i < MANY; i++) {
    int most = 0;
    if (i % 4 == 1) continue;
    for (int c = 1; c < CLASSES; c++)
      if (y[i * CLASSES + c] > y[i * CLASSES + most]) most = c;
    right += most == convolution_case_class(i);
    all += 1;
  }
  esp_adam_free(&adam);
  esp_set_free(&set);
  esp_model_free(&m);
  return right / all;
}

static void block_model(void **state) {
  (void)state;
  const double given = accuracy(1, 0), alone = accuracy(0, 1);
  if (!(given > 0.9 && alone < given - 0.1)) fail_msg("along edges %g, alone %g", given, alone);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(given_edges), cmocka_unit_test(nobody),          cmocka_unit_test(gate),
      cmocka_unit_test(all_of_it),   cmocka_unit_test(keys_that_learn), cmocka_unit_test(keys_are_spared),
      cmocka_unit_test(block_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
