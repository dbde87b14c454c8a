/* Proves: a layer of newton messages is near the law at theta > 0, also in a periodic box, with coincident and massless
 * particles; its gradient equals central differences on the frozen tree. */
#include "net_case.h"

static net_case c;
static double a[MOST][3], b[MOST][3];

static void run(const esp_device *device, const esp_layer_param *param, double (*out)[3], double (*dy)[3]) {
  const esp_backend backend = case_backend(device);
  esp_layer layer;
  MUST(case_forward(&backend, param, &c, NULL, out, &layer));
  if (dy) MUST(case_backward(&backend, &layer, &c, dy, NULL));
  esp_layer_free(&layer);
}

static void coincident(void **state) {
  (void)state;
  for (int equal = 2; equal <= 40; equal += 19)
    for (int soft = 0; soft < 2; soft++) {
      case_fill(&c, 40, 3, 4, 0, 12);
      for (int i = 0; i < equal; i++) memcpy(c.y[i], c.y[0], sizeof c.y[i]);
      const double eps = soft ? 0.1 : 0;
      const esp_layer_param param = case_param(4, 8, 3, 0, eps);
      case_direct(&c, &param.form, NULL, b);
      double d32[MOST][3], d64[MOST][3];
      run(&esp_device_cpu64, &param, a, d64);
      assert_true(case_distance(c.n, a, b) < 1e-13);
      run(&esp_device_cpu32, &param, a, d32);
      assert_true(case_distance(c.n, a, b) < 1e-5);
      assert_true(case_distance(c.n, d32, d64) < 1e-4);
    }
}

static void massless(void **state) {
  (void)state;
  case_fill(&c, 100, 3, 4, 0, 13);
  memset(c.mu, 0, sizeof c.mu);
  const esp_layer_param param = case_param(4, 16, 3, 0.7, 0.1);
  double dy[MOST][3];
  run(&esp_device_cpu32, &param, a, dy);
  for (int i = 0; i < c.n; i++)
    for (int k = 0; k < 3; k++) assert_true(a[i][k] == 0 && dy[i][k] == 0);
}

/* Quadrupole cells: halving theta divides the error by about 8; not so without the second moment. */
static void opening(void **state) {
  (void)state;
  case_fill(&c, 1000, 3, 10, 1, 14);
  double error[2];
  for (int t = 0; t < 2; t++) {
    const esp_layer_param param = case_param(4, 8, 3, t ? 0.35 : 0.7, 0.1);
    case_direct(&c, &param.form, NULL, b);
    run(&esp_device_cpu64, &param, a, NULL);
    error[t] = case_distance(c.n, a, b);
  }
  if (!(error[0] < 0.01 && error[0] > 1e-5 && error[1] < error[0] / 5)) fail_msg("errors %g %g", error[0], error[1]);
}

static void gradient(void **state) {
  (void)state;
  const double thetas[] = {0, 0.7, 1.0};
  const int sizes[] = {2, 33, 150};
  for (int t = 0; t < 3; t++)
    for (int s = 0; s < 3; s++)
      for (int dim = 2; dim <= 3; dim++) {
        case_fill(&c, sizes[s], dim, 5, 1, 15);
        const esp_layer_param param = case_param(3, 14, dim, thetas[t], 0.3);
        const esp_backend backend = case_backend(&esp_device_cpu64);
        esp_layer layer;
        double dy[MOST][3], d32[MOST][3];
        MUST(case_forward(&backend, &param, &c, NULL, a, &layer));
        MUST(case_backward(&backend, &layer, &c, dy, NULL));
        if (t && s == 2) assert_true(layer.dom->lists.far_pairs > 0);
        const double error = case_check_gradient(&esp_device_cpu64, &layer, &c, dy, 45, 1e-4);
        if (!(error < 1e-6)) fail_msg("theta %g n %d dim %d: error %g", thetas[t], sizes[s], dim, error);
        esp_layer_free(&layer);
        run(&esp_device_cpu32, &param, a, d32);
        if (!(case_distance(c.n, d32, dy) < 1e-4)) fail_msg("float32: %g", case_distance(c.n, d32, dy));
      }
}

static void periodic(void **state) {
  (void)state;
  const double box[3] = {6, 8, 0};
  for (int t = 0; t < 2; t++) {
    case_fill(&c, 400, 2, 6, 0, 16);
    esp_layer_param param = case_param(3, 6, 2, t ? 0.5 : 0, 0.2);
    param.form.period[0] = box[0];
    param.form.period[1] = box[1];
    case_direct(&c, &param.form, NULL, b);
    const esp_backend backend = case_backend(&esp_device_cpu64);
    esp_layer layer;
    double dy[MOST][3], d32[MOST][3];
    MUST(case_forward(&backend, &param, &c, NULL, a, &layer));
    if (t) assert_true(layer.dom->lists.far_pairs > 0);
    const double error = case_distance(c.n, a, b);
    if (!(error < (t ? 0.03 : 1e-12))) fail_msg("theta %g: error %g", param.domain.lists.theta, error);
    MUST(case_backward(&backend, &layer, &c, dy, NULL));
    const double slope = case_check_gradient(&esp_device_cpu64, &layer, &c, dy, 30, 1e-5);
    if (!(slope < 1e-6)) fail_msg("gradient: error %g", slope);
    esp_layer_free(&layer);
    run(&esp_device_cpu32, &param, a, d32);
    assert_true(case_distance(c.n, d32, dy) < 1e-4);
    if (!t) assert_true(case_distance(c.n, a, b) < 1e-5);
    for (int i = 0; i < c.n; i++) c.y[i][0] += i % 3 * box[0] - box[0]; /* wrapped by the layer */
    run(&esp_device_cpu64, &param, b, NULL);
    assert_true(case_distance(c.n, a, b) < 1e-5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(coincident), cmocka_unit_test(massless),
                                     cmocka_unit_test(opening), cmocka_unit_test(gradient), cmocka_unit_test(periodic)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
