/* Proves that graph convolution on a device predicts with the CPU's bits and has the CPU's gradient, bit by bit, along given edges,
 * through a gate, or both, with dense and sparse features, also of no particle; likewise cross-entropy and what it validates by.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cuda/device.h"
#include "cuda/kernels.h"
#include "tests/convolution_case.h"

typedef struct {
  double loss, value[2], *y, *gradient;
} result;

static result pass(const esp_device *device, const esp_model *model, const esp_set *set) {
  esp_backend backend = esp_backend_self();
  const size_t count = (size_t)set->n_home * CLASSES;
  result r = {.y = calloc(count + 1, sizeof(double)), .gradient = calloc((size_t)model->block.count, sizeof(double))};
  double *there = NULL;
  backend.device = device;
  OK(model_loss(model, &backend, &esp_loss_cross_entropy, NULL, set, NULL, r.y, NULL, &r.loss, r.gradient));
  OK(ESP_THERE(device, there, count));
  OK(esp_device_put(device, count, r.y, there));
  if (set->n > 2)
    OK(esp_loss_cross_entropy.validate(NULL, &backend, set, there, r.value)); /* of fewer none validates */
  ESP_THERE_FREE(device, there);
  return r;
}

static void both(esp_convolution_param param, int n) {
  const double share = param.share, stay = param.stay;
  param.dropout = share < 1 ? 0.3 : 0;
  esp_model model = convolution_case_moved(&param);
  model.draw = 4;
  esp_set set = convolution_case_part(n, 0, n, 0.5);
  result cpu = pass(&esp_device_cpu32, &model, &set), cuda = pass(&esp_device_cuda32, &model, &set);
  if (memcmp(&cpu.loss, &cuda.loss, sizeof cpu.loss) || memcmp(cpu.value, cuda.value, sizeof cpu.value))
    fail_msg("share %g, stay %g, %d particles: loss %a, valued %a, on the device, %a, %a on the CPU", share, stay, n,
             cuda.loss, cuda.value[0], cpu.loss, cpu.value[0]);
  for (int i = 0; i < n * CLASSES; i++)
    if (memcmp(cpu.y + i, cuda.y + i, sizeof *cpu.y))
      fail_msg("share %g, stay %g, %d particles: prediction %d is %a on the device, %a on the CPU", share, stay, n, i,
               cuda.y[i], cpu.y[i]);
  for (int k = 0; k < model.block.count; k++)
    if (memcmp(cpu.gradient + k, cuda.gradient + k, sizeof *cpu.gradient))
      fail_msg("share %g, stay %g, %d particles: gradient %d is %a on the device, %a on the CPU", share, stay, n, k,
               cuda.gradient[k], cpu.gradient[k]);
  free(cpu.y), free(cpu.gradient), free(cuda.y), free(cuda.gradient);
  esp_set_free(&set);
  esp_model_free(&model);
}

static void terms(void **state) {
  (void)state;
  const double share[] = {1, 0, 0, 0.6}, stay[] = {0, 1, 0.05, 0.1};
  for (int k = 0; k < 4; k++) both(convolution_case_param(share[k], stay[k], 0.4), 97);
  both(convolution_case_param(0.6, 0.1, 0.4), 0);
  both(convolution_case_param(0.6, 0.1, 0.4), 1);
  both(convolution_case_learning(0.6, 0.1, 0.4), 97);
  both(convolution_case_learning(0, 0.1, 0.4), 0);
}

int main(void) {
  int devices = 0;
  if (esp_device_count(&devices)) return 1;
  if (devices == 0) return 77;
  const struct CMUnitTest tests[] = {cmocka_unit_test(terms)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
