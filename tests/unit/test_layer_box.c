/* Proves that in a periodic box a block that spans more than half of it gives the minimum-image forces of its own
 * particles, and that no particle acts on its own image, however small the softening. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "net/layer.h"
#include "tasks/gravity/nbody_force.h"

typedef double vec3[3];

enum { N = 96 };

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

/* A lattice, a little uneven and denser on one side: the mean is well off the middle of the box. */
static void fill(double box, vec3 *y, double *mu, int64_t *id) {
  for (int i = 0; i < N; i++) {
    const double u = (i + 0.37) / N;
    y[i][0] = box * u * u;
    y[i][1] = box * fmod(i * 0.6180339887498949, 1);
    y[i][2] = box * fmod(i * 0.4142135623730951 + 0.1, 1);
    mu[i] = 0.5 + 0.01 * i;
    id[i] = i;
  }
}

/* L2 difference of the layer's A from the direct sum, over the direct sum's. */
static double error_of(const esp_device *device, int dim, double eps, int block) {
  const double box = 33.7;
  vec3 y[N], a[N], exact[N];
  double mu[N], period[3] = {box, box, dim > 2 ? box : 0}, error = 0, size = 0;
  int64_t id[N];
  esp_backend backend = esp_backend_self();
  esp_layer layer;
  backend.device = device;
  fill(box, y, mu, id);
  for (int i = 0; i < N && dim < 3; i++) y[i][2] = 0;
  esp_layer_param param = {.form = {.message = &esp_message_newton, .dim = 3, .softening = eps}};
  param.domain = (esp_domain_param){.leaf = 8, .block = block, .dim = dim};
  for (int k = 0; k < dim; k++) param.form.period[k] = box;
  const esp_layer_input input = {.id = id, .key = (const double *)y, .value = mu};
  assert_ok(esp_layer_forward(&backend, &param, N, &input, NULL, (double *)a, &layer));
  esp_layer_free(&layer);
  assert_ok(esp_nbody_direct(esp_comm_self(), N, (const vec3 *)y, mu, N, (const vec3 *)y, eps, period, exact, NULL));
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < 3; k++) error += pow(a[i][k] - exact[i][k], 2), size += pow(exact[i][k], 2);
  }
  return sqrt(error / size);
}

static void one_block_spans_the_box(void **state) {
  (void)state;
  for (int dim = 2; dim <= 3; dim++) {
    for (int block = 8; block <= 128; block *= 4) {
      for (int soft = 0; soft < 3; soft++) {
        const double eps = soft == 2 ? 0.2 : soft == 1 ? 1e-5 : 0;
        const double e32 = error_of(&esp_device_cpu32, dim, eps, block),
                     e64 = error_of(&esp_device_cpu64, dim, eps, block);
        if (!(e32 < 2e-5) || !(e64 < 1e-12))
          fail_msg("dimension %d, block %d, softening %g: error %.2e in float32, %.2e in float64", dim, block, eps, e32,
                   e64);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_block_spans_the_box)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
