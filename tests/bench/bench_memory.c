/* Memory by purpose of one training step of a stack: n = 4096 particles in a learned space of 2 dimensions, one rank, 16 and
 * 4 layers, plain and residual. Counted, not timed; then what taking and giving back a block costs.
 *
 *   ninja -C build/cpu bench_memory && build/cpu/tests/bench_memory [n] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "net/stack.h"
#include "net/train.h"
#include "tasks/relation/relation_start.h"

static esp_set set;

static int get(void *context, int s, const esp_set **out) {
  (void)context, (void)s;
  *out = &set;
  return ESP_OK;
}

static double resident(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024;
}

static int depth_named(const char *name) {
  int k = 0;
  while (strcmp(esp_depth_name(k), name)) k++;
  return k;
}

static int step(int layers, const char *depth) {
  const esp_backend backend = esp_backend_self();
  const esp_sets sets = {.sets = 1, .layout = set.layout, .largest = set.n, .get = get};
  const esp_training with = {esp_comm_self(), &backend, &sets, &esp_loss_nmse, NULL};
  const esp_train_param how = {.steps = 1, .batch = 1, .rate = 1e-3, .beta2 = 0.99, .clip = 1};
  esp_stack_param param = {.layers = layers,
                           .dim = 2,
                           .width = 16,
                           .hidden = 32,
                           .channels = 4,
                           .far = 1,
                           .order = 2,
                           .scale = 1,
                           .linear = 1,
                           .depth = depth_named(depth),
                           .seed = 1};
  esp_sizes sizes = {.width = {[ESP_INPUT] = 8, [ESP_SENT] = 1, [ESP_TARGET] = 1}};
  esp_model model = {0};
  esp_adam adam = {0};
  int rc;
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  esp_memory_reset_peak();
  const size_t data = esp_memory_now();
  param.domain = (esp_domain_param){.leaf = 32, .block = 64, .lists.theta = 0.7};
  ESP_TRY(esp_model_create(&esp_network_stack, &param, &sizes, &model));
  ESP_TRY(esp_adam_create(model.block.count, &adam));
  ESP_TRY(esp_train(&with, &how, NULL, &model, &adam));
  printf("%6d  %-9s %10d %8.2f", layers, depth, model.block.count, (double)(esp_memory_peak() - data) / 1048576);
  for (int p = ESP_MEMORY_STATE; p < ESP_MEMORY_PURPOSES; p++)
    printf(" %11.2f", (double)esp_memory_peak_for((esp_purpose)p) / 1048576);
  printf(" %9.1f\n", resident());
done:
  esp_adam_free(&adam);
  esp_model_free(&model);
  return rc;
}

static void cost(void) {
  enum { TIMES = 1 << 20 };
  const double start = esp_wall();
  for (int k = 0; k < TIMES; k++) {
    char *block;
    if (ESP_RESERVE(block, 64 + k % 4096)) exit(1);
    ESP_FREE(block);
  }
  printf("a block taken and given back: %.0f ns\n", 1e9 * (esp_wall() - start) / TIMES);
}

int main(int argc, char **argv) {
  esp_relation_start start = {.kind = ESP_RELATION_SUBSPACE,
                              .n = argc > 1 ? atoll(argv[1]) : 4096,
                              .features = 8,
                              .hidden = 2,
                              .values = 1,
                              .h = 0.25,
                              .truth = ESP_TRUTH_WITHIN_REACH,
                              .seed = 1};
  esp_memory_keep();
  int rc = esp_relation_make(esp_comm_self(), &start, &set);
  printf("n = %lld, data %.2f MiB, resident before %.1f MiB; MiB at the largest moment of a step:\n",
         (long long)start.n, (double)esp_memory_now() / 1048576, resident());
  printf("layers  depth     parameters      all");
  for (int p = ESP_MEMORY_STATE; p < ESP_MEMORY_PURPOSES; p++) printf(" %11s", esp_purpose_name(p));
  printf("  resident\n");
  static const char *const depth[] = {"plain", "residual"};
  static const int layers[] = {4, 16};
  for (int k = 0; k < 4 && !rc; k++) rc = step(layers[k / 2], depth[k % 2]);
  if (!rc) cost();
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  esp_set_free(&set);
  return rc != ESP_OK;
}
