/* Proves: the gate message equals its formula in plain loops over near leaves and cells; its gradients to queries,
 * sources, cells and s equal central differences; cells stand for their members the better the higher their order;
 * float32 follows float64; a result does not depend on the order of the blocks. */
#include "gate_case.h"

static gate_case c;

static esp_form form_of(int dim, int channels, int average) {
  return (esp_form){.message = &esp_message_gate, .dim = dim, .channels = channels, .den = average, .order = 2};
}

static void near_and_far(void **state) {
  (void)state;
  const int dims[] = {1, 2, 4, 5, 8}, channels[] = {1, 3, 6};
  for (int a = 0; a < 5; a++)
    for (int v = 0; v < 3; v++)
      for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
        const int average = (a + v + order) % 2;
        esp_form form = form_of(dims[a], channels[v], average);
        form.order = order;
        case_make(&c, form, 400, 4, 9 + 20 * v, 0.5 + 0.1 * a, 0.5, 0);
        assert_true(c.dom->lists.far_pairs > 0 && c.dom->lists.near_pairs > 0);
        const double error64 = case_forward_error(&c, &esp_device_cpu64),
                     error32 = case_forward_error(&c, &esp_device_cpu32);
        if (!(error64 < 1e-12 && error32 < 4e-6))
          fail_msg("d %d C %d average %d: %g %g", dims[a], channels[v], average, error64, error32);
        case_free(&c);
      }
}

/* Against all pairs, values of both signs: each order more divides the error. */
static void converges(void **state) {
  (void)state;
  double before = 1;
  for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
    esp_form form = form_of(2, 2, 1);
    form.order = order;
    case_make(&c, form, 1500, 2, 4, 0.4, 0.4, 0);
    const size_t count = (size_t)c.n * (size_t)c.sum_width;
    double *sum = case_doubles(count), *want = case_doubles(count), diff = 0, norm = 0;
    case_forward(&c, &esp_device_cpu64, sum);
    case_pairs(&c, want);
    for (size_t i = 0; i < count; i++) {
      diff += (sum[i] - want[i]) * (sum[i] - want[i]);
      norm += want[i] * want[i];
    }
    const double error = sqrt(diff / norm);
    if (!(error < before / 1.5)) fail_msg("order %d: error %g after %g", order, error, before);
    before = error;
    ESP_FREE(sum);
    ESP_FREE(want);
    case_free(&c);
  }
  assert_true(before > 1e-9 && before < 1e-3);
}

/* G of what is far away is exactly 0, whatever the distance; nothing is subnormal or NaN. */
static void faint(void **state) {
  (void)state;
  for (int wide = 0; wide < 2; wide++) {
    const double scale = wide ? 1e-18 : 1e-3;
    case_make(&c, form_of(4, 1, 1), 200, 4, 20, 0.8, scale, 0);
    const esp_device *table[] = {&esp_device_cpu32, &esp_device_cpu64};
    for (int o = 0; o < 2; o++) {
      double *sum = case_doubles(2 * 200);
      case_forward(&c, table[o], sum);
      for (int i = 0; i < 200; i++) {
        assert_true(sum[2 * i + 1] == 1);
        assert_true(fabs(sum[2 * i] - c.source[5 * i + 4]) <= 1e-7 * fabs(c.source[5 * i + 4]));
      }
      gate_slopes s;
      case_backward(&c, table[o], &s);
      for (int i = 0; i < 200 * 4; i++) assert_true(s.query[i] == 0);
      assert_true(s.param[0] == 0);
      case_slopes_free(&s);
      ESP_FREE(sum);
    }
    case_free(&c);
  }
}

/* From near to far: G to the accuracy of its rho, then exactly 0. */
static void graded(void **state) {
  (void)state;
  case_make(&c, form_of(1, 1, 0), 2, 1, 2, 0, 1, 0);
  c.source[1] = 0;
  c.source[3] = 1;
  for (int step = 0; step < 3000; step++) {
    const double x = 0.02 * step, want = exp(-x * x / 2), bits = x * x / (2 * log(2));
    double sum[2];
    c.source[0] = c.query[0] = 0;
    c.source[2] = c.query[1] = x;
    case_forward(&c, &esp_device_cpu32, sum);
    if (!(bits > 99.99 ? sum[0] == 0 || (bits < 100.01 && sum[0] < 1e-30) : fabs(sum[0] / want - 1) < 3e-5))
      fail_msg("float32: G at x = %g is %g, not %g", x, sum[0], want);
    case_forward(&c, &esp_device_cpu64, sum);
    if (!(bits > 999.99 ? sum[0] == 0 || bits < 1000.01 : fabs(sum[0] / want - 1) < 1e-12))
      fail_msg("float64: G at x = %g is %g, not %g", x, sum[0], want);
  }
  case_free(&c);
}

static void gradients(void **state) {
  (void)state;
  const int dims[] = {1, 2, 4, 5, 8}, channels[] = {1, 3, 6};
  for (int a = 0; a < 5; a++)
    for (int v = 0; v < 3; v++)
      for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
        esp_form form = form_of(dims[a], channels[v], (a + v + order) % 2);
        form.order = order;
        case_make(&c, form, 80, 3, 7 + 10 * v, 0.5 + 0.1 * a, 0.5, 0);
        assert_true(c.dom->lists.far_pairs > 0);
        case_check_gradients(&c);
        case_free(&c);
      }
}

static void two_trees(void **state) {
  (void)state;
  for (int k = 0; k < 4; k++) {
    const int channels = k < 2 ? 1 : 6;
    case_make(&c, form_of(2 + 2 * (k % 2), channels, 1), 90, 4, 30 - 15 * (k % 2), k % 2 ? 0.7 : 0, 0.5, 1);
    assert_true(c.dom->queries && (c.dom->lists.far_pairs > 0) == k % 2);
    const double error64 = case_forward_error(&c, &esp_device_cpu64),
                 error32 = case_forward_error(&c, &esp_device_cpu32);
    if (!(error64 < 1e-12 && error32 < 4e-6)) fail_msg("C %d: %g %g", channels, error64, error32);
    case_check_gradients(&c);
    case_free(&c);
  }
}

static void order_of_blocks(void **state) {
  (void)state;
  case_make(&c, form_of(4, 1, 1), 500, 5, 40, 1.2, 0.5, 0);
  case_check_order(&c, &esp_device_cpu32);
  case_check_order(&c, &esp_device_cpu64);
  case_free(&c);
}

static void refused(void **state) {
  (void)state;
  case_make(&c, form_of(2, 1, 0), 5, 2, 4, 0, 1, 0);
  const esp_form wide = form_of(2, ESP_GATE_MAX_CHANNELS + 1, 0), flat = form_of(0, 1, 0);
  assert_int_equal(wide.message->check(&wide, c.param), ESP_ERR_CONFIG);
  assert_int_equal(flat.message->check(&flat, c.param), ESP_ERR_CONFIG);
  esp_form high = form_of(2, 1, 0), many = form_of(64, 1, 0);
  high.order = ESP_MOMENTS_ORDER + 1, many.order = ESP_MOMENTS_ORDER;
  assert_int_equal(high.message->check(&high, c.param), ESP_ERR_CONFIG);
  assert_int_equal(many.message->check(&many, c.param), ESP_ERR_CONFIG);
  esp_error_clear();
  case_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(near_and_far),    cmocka_unit_test(converges), cmocka_unit_test(faint),
      cmocka_unit_test(graded),          cmocka_unit_test(gradients), cmocka_unit_test(two_trees),
      cmocka_unit_test(order_of_blocks), cmocka_unit_test(refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
