/* Proves: far cells of the learned message converge to their members; the gradients of a layer to positions and to every
 * parameter equal central differences on the frozen tree; float32 follows float64; exp and log in float32. */
#include "net_case.h"

#include "base/functions.h"
#include "message/law.h"

enum { H = 5, COUNT = H * 7, MOST_H = 128 };
static net_case c;
static double a[MOST][3], b[MOST][3], weight[MOST_H * 7];

typedef struct {
  const esp_message *message;
  int hidden, count;
  const double *param;
  double mean_mu;
} learned;

static learned mlp_make(const esp_message *use, int hidden) {
  const learned mlp = {use, hidden, hidden * 7, weight, 0.55};
  for (int p = 0; p < mlp.count; p++) weight[p] = 0.4 * esp_rng_normal(21, (uint64_t)p, ESP_RNG_WEIGHT, 0);
  return mlp;
}

static const esp_message *const uses[] = {&esp_message_newton_mlp, &esp_message_law};

static void take(esp_layer_param *param, const learned *m) {
  param->form.message = m->message;
  param->form.channels = m->hidden;
  param->form.mean = m->mean_mu;
}

static void run(const esp_device *device, const esp_layer_param *param, const learned *mlp, double (*out)[3],
                double (*dy)[3], double *dparam) {
  const esp_backend backend = case_backend(device);
  esp_layer layer;
  MUST(case_forward(&backend, param, &c, mlp->param, out, &layer));
  if (dy) {
    int64_t *acc = NULL;
    MUST(ESP_ALLOC(acc, (size_t)mlp->count * ESP_EXACT_FULL_WORDS));
    MUST(case_backward(&backend, &layer, &c, dy, acc));
    for (int p = 0; p < mlp->count; p++) dparam[p] = esp_exact_value(&ESP_EXACT_FULL, acc + p * ESP_EXACT_FULL_WORDS);
    ESP_FREE(acc);
  }
  esp_layer_free(&layer);
}

static void functions(void **state) {
  (void)state;
  for (int i = 0; i < 20000; i++) {
    const float x = (float)(i - 10000) * 8.6e-3f, y = esp_exp32(x);
    assert_true(fabs(y / exp(x) - 1) < 2.5e-7);
    const float l = esp_log32(y);
    assert_true(fabs(l - log(y)) <= 1.5e-7 * fmax(1, fabs(log(y))));
  }
  assert_true(esp_exp32(1e30f) < INFINITY && esp_exp32(-1e30f) > 0 && esp_log32(1) == 0);
}

static void periodic(void **state) {
  (void)state;
  const double box[3] = {6, 8, 0};
  const learned mlp = mlp_make(&esp_message_law, H);
  case_fill(&c, 120, 2, 6, 0, 23);
  esp_layer_param param = case_param(3, 13, 2, 0, 0.2);
  param.form.period[0] = box[0];
  param.form.period[1] = box[1];
  take(&param, &mlp);
  case_direct(&c, &param.form, mlp.param, b);
  run(&esp_device_cpu64, &param, &mlp, a, NULL, NULL);
  assert_true(case_distance(c.n, a, b) < 1e-12);
}

/* A cell of equal members stands for them to second order: halving theta divides the error by about 4. */
static void far(void **state) {
  (void)state;
  const learned mlp = mlp_make(&esp_message_law, H);
  case_fill(&c, 1000, 3, 8, 0, 24);
  for (int i = 0; i < c.n; i++) c.mu[i] = 0.5;
  double error[2];
  for (int t = 0; t < 2; t++) {
    esp_layer_param param = case_param(3, 6, 3, t ? 0.35 : 0.7, 0.2);
    take(&param, &mlp);
    case_direct(&c, &param.form, mlp.param, b);
    run(&esp_device_cpu64, &param, &mlp, a, NULL, NULL);
    error[t] = case_distance(c.n, a, b);
  }
  if (!(error[0] < 0.1 && error[1] > 1e-6 && error[1] < error[0] / 3)) fail_msg("errors %g %g", error[0], error[1]);
}

static double loss(const esp_layer_param *param, const learned *mlp, const esp_device *device) {
  double sum = 0;
  run(device, param, mlp, a, NULL, NULL);
  for (int i = 0; i < c.n; i++)
    for (int k = 0; k < 3; k++) sum += c.g[i][k] * a[i][k];
  return sum;
}

static void check_parameters(const esp_layer_param *param, const learned *mlp, const double *dparam) {
  double norm = 0;
  for (int p = 0; p < mlp->count; p++) norm += dparam[p] * dparam[p];
  norm = sqrt(norm / mlp->count);
  assert_true(norm > 0);
  for (int p = 0; p < mlp->count; p++) {
    const double keep = weight[p], h = 1e-4;
    double value[2];
    for (int side = 0; side < 2; side++) {
      weight[p] = keep + (side ? h : -h);
      value[side] = loss(param, mlp, &esp_device_cpu64);
    }
    weight[p] = keep;
    const double error = fabs((value[1] - value[0]) / (2 * h) - dparam[p]) / norm;
    if (!(error < 1e-6)) fail_msg("parameter %d: error %g", p, error);
  }
}

static void gradient(void **state) {
  (void)state;
  const double thetas[] = {0, 0.8}, box[3] = {5, 6, 0};
  for (int use = 0; use < 2; use++)
    for (int t = 0; t < 2; t++)
      for (int wrap = 0; wrap < 2; wrap++) {
        const learned mlp = mlp_make(uses[use], H);
        case_fill(&c, 100, 2, 5, 1, 25);
        esp_layer_param param = case_param(3, 7, 2, thetas[t], 0.3);
        for (int k = 0; k < 2; k++) param.form.period[k] = wrap ? box[k] : 0;
        take(&param, &mlp);
        const esp_backend backend = case_backend(&esp_device_cpu64);
        esp_layer layer;
        double dy[MOST][3], d32[MOST][3], dparam[COUNT], p32[COUNT], diff = 0, norm = 0;
        MUST(case_forward(&backend, &param, &c, mlp.param, a, &layer));
        if (t) assert_true(layer.dom->lists.far_pairs > 0);
        run(&esp_device_cpu64, &param, &mlp, a, dy, dparam);
        const double error = case_check_gradient(&esp_device_cpu64, &layer, &c, dy, 40, 1e-4);
        esp_layer_free(&layer);
        if (!(error < 1e-6)) fail_msg("use %d theta %g box %d: error %g", use, thetas[t], wrap, error);
        check_parameters(&param, &mlp, dparam);
        run(&esp_device_cpu32, &param, &mlp, a, d32, p32);
        for (int p = 0; p < COUNT; p++) diff += pow(p32[p] - dparam[p], 2), norm += pow(dparam[p], 2);
        assert_true(case_distance(c.n, d32, dy) < 1e-4);
        if (!(sqrt(diff / norm) < 1e-4)) fail_msg("parameters in float32: %g", sqrt(diff / norm));
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(functions), cmocka_unit_test(periodic), cmocka_unit_test(far),
                                     cmocka_unit_test(gradient)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
