/* What states that are made again on the way back lose, by depth and by how they are held: n = 1024 particles in a learned space
 * of 2 dimensions, one rank, states of 16 numbers in 2 groups, layer norm, each layer at its start values. Of the first state,
 * made again behind the way back, less that which the way began with: how many numbers differ, the largest difference and the
 * root mean square, beside the root mean square of the state itself. The seconds are the processor's.
 *
 *   ninja -C build/cpu bench_drift && build/cpu/tests/bench_drift [n] */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/loss.h"
#include "net/stack_work.h"
#include "tasks/relation/relation_start.h"

static int depth_named(const char *name) {
  int k = 0;
  while (strcmp(esp_depth_name(k), name)) k++;
  return k;
}

static esp_stack_param network(int layers, const char *depth) {
  esp_stack_param param = {.layers = layers,
                           .dim = 2,
                           .width = 16,
                           .hidden = 16,
                           .channels = 4,
                           .far = 1,
                           .order = 2,
                           .scale = 1,
                           .linear = 1,
                           .depth = depth_named(depth),
                           .groups = 2,
                           .norm = 1,
                           .aggregate = 2,
                           .beta = 1,
                           .seed = 1};
  param.domain = (esp_domain_param){.leaf = 32, .block = 64, .lists.theta = 0.7};
  return param;
}

/* Forward and back; differences of the state from `began` [n][H]. */
static int there_and_back(const esp_model *model, const esp_backend *backend, const esp_set *set, double *began,
                          double *state, double *y, double *gradient) {
  const esp_stack_plan *plan = model->plan;
  const double *value = model->block.value;
  const int inputs = model->sizes.width[ESP_INPUT] + model->sizes.width[ESP_SENT];
  esp_gradient_parts parts = esp_gradient_parts_of(backend->device, backend->comm, gradient);
  esp_pass *pass = NULL;
  double nmse;
  int rc;
  ESP_TRY(model->network->forward(model, backend, set, NULL, y, NULL, &pass));
  ESP_TRY(esp_loss_nmse.value(NULL, backend, set, y, 1, y + set->n_home, &nmse));
  ESP_TRY(model->network->backward(model, backend, set, pass, y + set->n_home, &parts.to, NULL));
  const esp_depth_state *s = &pass->state;
  backend->device->dense->forward(s->n, inputs, s->width, value + plan->lift, value + plan->lift_bias, 0, pass->raw,
                                  began);
  const int w = s->width / s->groups;
  for (int i = 0; i < s->n; i++)
    for (int c = 0; c < s->width; c++) {
      const size_t at = ((size_t)(c / w) * (size_t)s->n + (size_t)i) * (size_t)w + (size_t)(c % w);
      const size_t to = (size_t)i * (size_t)s->width + (size_t)c;
      state[to] = s->fixed ? ldexp((double)s->fixed[at], -ESP_DEPTH_BITS) : s->value[at];
      if (s->fixed) began[to] = ldexp(rint(ldexp(began[to], ESP_DEPTH_BITS)), -ESP_DEPTH_BITS);
    }
done:
  esp_gradient_parts_free(&parts);
  if (pass) model->network->pass_free(&pass);
  return rc;
}

static int row(const esp_set *set, int layers, const char *depth, const esp_device *device) {
  esp_backend backend = esp_backend_self();
  const esp_stack_param param = network(layers, depth);
  const esp_sizes sizes = {.width = {[ESP_INPUT] = 8, [ESP_SENT] = 1, [ESP_TARGET] = 1}};
  const size_t count = (size_t)set->n_home * (size_t)param.width;
  double *began = NULL, *state = NULL, *y = NULL, *gradient = NULL, most = 0, square = 0, all = 0;
  size_t differ = 0;
  esp_model model = {0};
  int rc;
  backend.device = device;
  const clock_t begin = clock();
  ESP_TRY(esp_model_create(&esp_network_stack, &param, &sizes, &model));
  ESP_TRY(ESP_ALLOC(began, count));
  ESP_TRY(ESP_ALLOC(state, count));
  ESP_TRY(ESP_ALLOC(y, 2 * (size_t)set->n_home));
  ESP_TRY(ESP_ALLOC(gradient, model.block.count));
  ESP_TRY(there_and_back(&model, &backend, set, began, state, y, gradient));
  for (size_t k = 0; k < count; k++) {
    const double d = state[k] - began[k];
    differ += d != 0;
    most = fmax(most, fabs(d)), square += d * d, all += began[k] * began[k];
  }
  printf("%6d  %-17s %-9s %9zu %10.1e %10.1e %8.2f %8.1f\n", layers, depth, device->precision, differ, most,
         sqrt(square / (double)count), sqrt(all / (double)count), (double)(clock() - begin) / CLOCKS_PER_SEC);
  fflush(stdout);
done:
  ESP_FREE(began);
  ESP_FREE(state);
  ESP_FREE(y);
  ESP_FREE(gradient);
  esp_model_free(&model);
  return rc;
}

int main(int argc, char **argv) {
  const esp_relation_start start = {.kind = ESP_RELATION_SUBSPACE,
                                    .n = argc > 1 ? atoll(argv[1]) : 1024,
                                    .features = 8,
                                    .hidden = 2,
                                    .values = 1,
                                    .h = 0.25,
                                    .truth = ESP_TRUTH_WITHIN_REACH,
                                    .seed = 1};
  static const int layers[] = {64, 256, 1001};
  static const char *const depth[] = {"reversible", "reversible_float"};
  const esp_device *const device[] = {&esp_device_cpu32, &esp_device_cpu64};
  esp_set set = {0};
  int rc = esp_relation_make(esp_comm_self(), &start, &set);
  printf("layers  depth             messages     differ    largest        rms    state  seconds\n");
  for (int d = 0; d < 2; d++)
    for (int p = 0; p < 2; p++)
      for (int k = 0; k < 3 && !rc; k++) rc = row(&set, layers[k], depth[d], device[p]);
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  esp_set_free(&set);
  return rc != ESP_OK;
}
