/* Memory by purpose of one training step of a stack, by depth and by how its states are kept: n = 4096 particles in a learned
 * space of 2 dimensions, one rank, states of 64 numbers, 16 channels, layer norm; then what taking and giving back a block costs. Memory is counted; the seconds
 * are the processor's. Resident is the process's largest so far: the rows that need least come first.
 *
 * Behind `equilibrium` stand the wanted tolerance and the iterations that it took.
 *
 *   ninja -C build/cpu bench_memory && build/cpu/tests/bench_memory [n] [largest number of layers] [row] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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

static double processor(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

static int on_step(void *context, const esp_train_record *record) {
  *(int64_t *)context = record->cost.iterations;
  return ESP_OK;
}

static int step(int layers, const char *depth, int tied, double tolerance) {
  const esp_backend backend = esp_backend_self();
  const esp_sets sets = {.sets = 1, .layout = set.layout, .largest = set.n, .get = get};
  const esp_training with = {esp_comm_self(), &backend, &sets, &esp_loss_nmse, NULL};
  const esp_train_param how = {.steps = 1, .batch = 1, .rate = 1e-3, .beta2 = 0.99, .clip = 1};
  esp_stack_param param = {.layers = layers,
                           .dim = 2,
                           .width = 64,
                           .hidden = 64,
                           .channels = 16,
                           .far = 1,
                           .order = 2,
                           .scale = 1,
                           .linear = 1,
                           .depth = depth_named(depth),
                           .groups = 2,
                           .norm = 1,
                           .tied = tied,
                           .equilibrium = {200, tolerance, 3},
                           .seed = 1};
  int64_t iterations = 0;
  char name[32];
  const esp_train_hooks hooks = {.step = on_step, .context = &iterations};
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
  const double begin = processor();
  ESP_TRY(esp_train(&with, &how, &hooks, &model, &adam));
  const double seconds = processor() - begin;
  snprintf(name, sizeof name, "%s%s", depth, tied ? ", tied" : "");
  if (iterations) snprintf(name, sizeof name, "%.6s %.0e %2d", depth, tolerance, (int)iterations);
  printf("%6d  %-17s %10d %8.2f", layers, name, model.block.count, (double)(esp_memory_peak() - data) / 1048576);
  for (int p = ESP_MEMORY_STATE; p < ESP_MEMORY_PURPOSES; p++)
    printf(" %11.2f", (double)esp_memory_peak_for((esp_purpose)p) / 1048576);
  printf(" %9.1f %8.2f\n", resident(), seconds);
  fflush(stdout);
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
  printf("layers  depth             parameters      all");
  for (int p = ESP_MEMORY_STATE; p < ESP_MEMORY_PURPOSES; p++) printf(" %11s", esp_purpose_name(p));
  printf("  resident  seconds\n");
  static const struct {
    const char *depth;
    int tied, layers; /* layers: of all of its rows; 0: as many as there are in the table */
  } row[] = {{"reversible", 0, 0}, {"equilibrium", 0, 2}, {"residual", 1, 0},
             {"residual", 0, 0},   {"plain", 0, 0},       {"reversible_stored", 0, 0}};
  static const int layers[] = {4, 16, 28, 64, 256, 1024};
  static const double tolerance[] = {1e-1, 1e-2, 1e-3, 1e-4};
  const int most = argc > 2 ? atoi(argv[2]) : 1024, only = argc > 3 ? atoi(argv[3]) : -1;
  for (int r = 0; r < 6; r++)
    for (int k = 0; k < (row[r].layers ? 4 : 6) && (only < 0 || only == r) && !rc; k++)
      if (row[r].layers || layers[k] <= most)
        rc = step(row[r].layers ? row[r].layers : layers[k], row[r].depth, row[r].tied, tolerance[k % 4]);
  if (!rc) cost();
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  esp_set_free(&set);
  return rc != ESP_OK;
}
