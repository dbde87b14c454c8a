/* Proves: the mlp message through the gate equals its formula in plain loops over near leaves and cells; its gradients to
 * queries, offsets, sources, cells, s and W3 equal central differences; float32 follows float64. */
#include "gate_case.h"

static gate_case c;

static esp_form form_of(int dim, int channels, int average) {
  return (esp_form){.message = &esp_message_gate_mlp, .dim = dim, .channels = channels, .den = average};
}

static void check_forward(void) {
  const double error64 = case_forward_error(&c, &esp_device_cpu64), error32 = case_forward_error(&c, &esp_device_cpu32);
  if (!(error64 < 1e-12 && error32 < 4e-6))
    fail_msg("n %d d %d C %d: %g %g", c.n, c.g.form.dim, c.g.form.channels, error64, error32);
}

static void near_and_far(void **state) {
  (void)state;
  const int dims[] = {1, 2, 4, 8};
  for (int a = 0; a < 4; a++)
    for (int average = 0; average < 2; average++) {
      case_make(&c, form_of(dims[a], 5, average), 500, 4, 9 + 20 * average, 0.9 + 0.3 * a, 0.6, 0);
      assert_true(c.dom->lists.far_pairs > 0 && c.dom->lists.near_pairs > 0);
      check_forward();
      case_free(&c);
    }
}

static void gradients(void **state) {
  (void)state;
  const int dims[] = {1, 2, 4, 8};
  for (int a = 0; a < 4; a++)
    for (int average = 0; average < 2; average++) {
      case_make(&c, form_of(dims[a], 5, average), 120, 3, 7 + 20 * average, 0.9 + 0.3 * a, 0.6, 0);
      assert_true(c.dom->lists.far_pairs > 0);
      case_check_gradients(&c);
      case_free(&c);
    }
}

static void two_trees(void **state) {
  (void)state;
  for (int far = 0; far < 2; far++) {
    case_make(&c, form_of(4, 5, 1), 130, 4, far ? 10 : 30, far ? 1.2 : 0, 0.5, 1);
    assert_true(c.dom->queries && (c.dom->lists.far_pairs > 0) == far);
    check_forward();
    case_check_gradients(&c);
    case_free(&c);
  }
}

/* Random adjoint . moments of one source, against central differences. */
static void check_moments(esp_form form) {
  enum { MOST = 64 };
  const int sources = esp_form_widths(&form).source, width = esp_form_widths(&form).cell;
  double source[MOST], dsource[MOST] = {0}, adjoint[MOST];
  assert_true(sources <= MOST && width <= MOST);
  for (int i = 0; i < sources; i++) source[i] = case_normal(12, (size_t)i) + (i % 2 ? 0.2 : -0.2);
  for (int i = 0; i < width; i++) adjoint[i] = case_normal(13, (size_t)i);
  esp_gate_mlp_cells.pull(&form, NULL, adjoint, 1, source, dsource);
  for (int i = 0; i < sources; i++) {
    const double keep = source[i], step = 1e-4;
    double value[2] = {0, 0};
    for (int side = 0; side < 2; side++) {
      double row[MOST];
      source[i] = keep + (side ? step : -step);
      esp_gate_mlp_cells.leaf(&form, 1, source, row);
      for (int m = 0; m < width; m++) value[side] += adjoint[m] * row[m];
    }
    source[i] = keep;
    const double slope = (value[1] - value[0]) / (2 * step);
    if (!(fabs(slope - dsource[i]) < 1e-9)) fail_msg("moments of number %d: %g, not %g", i, dsource[i], slope);
  }
}

static void moments(void **state) {
  (void)state;
  check_moments(form_of(3, 2, 1));
  check_moments(form_of(2, 6, 0));
}

static void order_of_blocks(void **state) {
  (void)state;
  case_make(&c, form_of(4, 8, 1), 300, 5, 40, 1.2, 0.5, 0);
  case_check_order(&c, &esp_device_cpu32);
  case_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(near_and_far), cmocka_unit_test(gradients),       cmocka_unit_test(two_trees),
      cmocka_unit_test(moments),      cmocka_unit_test(order_of_blocks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
