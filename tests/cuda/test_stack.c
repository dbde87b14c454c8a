/* Proves that a network whose rows are a device's from its inputs to its gradients predicts with the CPU's bits and has the CPU's
 * gradient, bit by bit, whatever its layers, messages, embeddings, trees and splits are, also of no particle; and that what crosses
 * between the two memories does not grow with the width of its state: rows stay where they are computed. Kernels at awkward
 * sizes are other tests' (test_rows, test_gate, ...). ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cuda/device.h"
#include "cuda/kernels.h"
#include "cuda/memory.h"
#include "tests/relation_train_case.h"

enum { FEATURES = 5, VALUES = 2 };

static esp_backend backend_of(const esp_device *device) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  return backend;
}

typedef struct {
  double loss, *y, *gradient;
} result;

static result pass(const esp_device *device, const esp_model *model, const esp_set *set) {
  const esp_backend backend = backend_of(device);
  result r = {.y = calloc((size_t)set->n_home * VALUES + 1, sizeof(double)),
              .gradient = calloc((size_t)model->block.count, sizeof(double))};
  OK(model_loss(model, &backend, &esp_loss_nmse, NULL, set, NULL, r.y, NULL, &r.loss, r.gradient));
  return r;
}

static void result_free(result *r) {
  free(r->y);
  free(r->gradient);
}

static void both(const char *what, const esp_stack_param *param, int n) {
  esp_model model = relation_case_network(param);
  model.draw = 3;
  esp_set set = relation_case_set(n, FEATURES, VALUES, 0.7, 1, 5);
  result cpu = pass(&esp_device_cpu32, &model, &set), cuda = pass(&esp_device_cuda32, &model, &set);
  for (int i = 0; i < n * VALUES; i++)
    if (memcmp(cpu.y + i, cuda.y + i, sizeof *cpu.y))
      fail_msg("%s, %d particles: prediction %d is %a on the device, %a on the CPU", what, n, i, cuda.y[i], cpu.y[i]);
  for (int k = 0; k < model.block.count; k++)
    if (memcmp(cpu.gradient + k, cuda.gradient + k, sizeof *cpu.gradient))
      fail_msg("%s, %d particles: gradient %d is %a on the device, %a on the CPU", what, n, k, cuda.gradient[k],
               cpu.gradient[k]);
  result_free(&cpu), result_free(&cuda);
  esp_set_free(&set);
  esp_model_free(&model);
}

static void kinds(void **state) {
  (void)state;
  static const char *const name[RELATION_CASES] = {"plain", "separate", "message", "deep", "deep message"};
  for (int which = 0; which < RELATION_CASES; which++) {
    const esp_stack_param param = relation_case_param(which, 0.4);
    const int sizes[] = {0, 1, 97};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) both(name[which], &param, sizes[s]);
  }
}

static void options(void **state) {
  (void)state;
  enum { N = 70 };
  const esp_stack_param deep = relation_case_param(RELATION_DEEP, 0.4);
  esp_stack_param p = deep;
  p.transport = 1, p.linear = 1;
  both("transport, linear path", &p, N);
  p = deep, p.depth = 1, p.include_self = 1, p.aggregate = 0;
  both("plain depth, sums, itself included", &p, N);
  p = deep, p.split = ESP_SPLIT_LEARNED, p.split_levels = 3;
  both("learned splits", &p, N);
  p = deep, p.split = ESP_SPLIT_PCA, p.embedding = ESP_EMBED_MLP, p.embed_hidden = 4;
  both("principal splits, embedding with a hidden layer", &p, N);
  p = deep, p.embedding = ESP_EMBED_COORDINATES, p.far = 0;
  both("coordinates, near pairs alone", &p, N);
  p = deep, p.embedding = ESP_EMBED_FEATURES, p.order = 0;
  both("features, cells without moments", &p, N);
  p = deep, p.tree_on = ESP_TREE_ON_FEATURES, p.tree_features = 2;
  both("a tree on features", &p, N);
  p = deep, p.tree_on = ESP_TREE_ON_HIDDEN, p.hidden_halves = 2;
  both("trees on hidden coordinates of two hops", &p, N);
  p = deep, p.depth = 2, p.groups = 3, p.norm = 1, p.activate = 1, p.dropout = 0.4, p.dropout_state = 0.2;
  both("reversible, norm and activation, dropout", &p, N);
  p = deep, p.depth = 4, p.layers = 5, p.tied = 1;
  both("reversible with rows kept, tied", &p, N);
  p = deep, p.depth = 2, p.norm = 2, p.level = 1;
  both("reversible, norms over particles and of messages", &p, N);
  p = deep, p.depth = 5, p.equilibrium = (esp_fixed_point_param){50, 1e-5, 2};
  both("equilibrium", &p, 40); /* passes by the dozen */
  p = deep, p.aggregate = 2, p.beta = 0.7, p.heads = 3;
  both("softmax, of three heads", &p, N);
  p = deep, p.domain.lists.pairs_per_particle = 30;
  both("a budget of pairs", &p, N);
}

/* Bytes that cross in a pass forward and back, but for those of parameters and their sums. */
static int64_t crossed(int width, int n) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.4);
  p.width = width, p.hidden = width + 1;
  esp_model model = relation_case_network(&p);
  esp_set set = relation_case_set(n, FEATURES, VALUES, 0.7, 0, 5);
  for (int k = 0; k < model.block.count; k++) model.block.value[k] = 0; /* the same keys, hence the same lists */
  const esp_cuda_bytes before = esp_cuda_crossed();
  result r = pass(&esp_device_cuda32, &model, &set);
  const esp_cuda_bytes after = esp_cuda_crossed();
  const int64_t parameters = model.block.count * (int64_t)sizeof(double) * (1 + ESP_EXACT_FULL_WORDS);
  result_free(&r);
  esp_set_free(&set);
  esp_model_free(&model);
  return after.put - before.put + after.got - before.got - parameters;
}

static void rows_stay(void **state) {
  (void)state;
  enum { N = 200 };
  assert_true(crossed(4, N) == crossed(40, N));
  const int64_t a_particle = (crossed(4, 2 * N) - crossed(4, N)) / N;
  print_message("%lld bytes a particle cross in a pass of three layers forward and back\n", (long long)a_particle);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kinds), cmocka_unit_test(options), cmocka_unit_test(rows_stay)};
  int count;
  if (esp_device_count(&count) || !count) return 77;
  return cmocka_run_group_tests(tests, NULL, NULL);
}
