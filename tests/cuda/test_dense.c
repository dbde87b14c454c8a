/* Proves that a device's dense layers give the CPU's bits: products, the words of their gradients' sums, silu and its slope, at
 * every ragged size, on their own and added, with numbers at the ends of what there is; and that what a device could not do is
 * told, once, by the next that waits. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "base/set.h"
#include "cuda/dense.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static const int rows[] = {0, 1, 7, 31, 32, 33, 63, 64, 65, 1000}, widths[] = {0, 1, 3, 17, 64, 100};
enum { ROWS = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };

static void one_size(int n, int in, int out, int add, int biased, int awkward) {
  char what[100];
  const size_t x_size = (size_t)n * (size_t)in, y_size = (size_t)n * (size_t)out, all = (size_t)in * (size_t)out;
  twin x = twin_draw(x_size, 1, awkward), W = twin_draw(all, 2, awkward), bias = twin_draw((size_t)out, 3, awkward);
  twin y = twin_draw(y_size, 4, awkward), dy = twin_draw(y_size, 5, awkward), dx = twin_draw(x_size, 6, awkward);
  twin acc = twin_acc(all, WORDS, 7), bias_acc = twin_acc((size_t)out, WORDS, 8);
  esp_dense_cpu.forward(n, in, out, W.host, biased ? bias.host : NULL, add, x.host, y.host);
  esp_dense_cpu.backward(n, in, out, W.host, add, dy.host, dx.host);
  esp_dense_cpu.gradient(n, in, out, x.host, dy.host, (int64_t *)acc.host, biased ? (int64_t *)bias_acc.host : NULL);
  esp_dense_cuda.forward(n, in, out, W.there, biased ? bias.there : NULL, add, x.there, y.there);
  esp_dense_cuda.backward(n, in, out, W.there, add, dy.there, dx.there);
  esp_dense_cuda.gradient(n, in, out, x.there, dy.there, acc.there, biased ? bias_acc.there : NULL);
  MUST(esp_cuda_settled());
  snprintf(what, sizeof what, "n %d in %d out %d add %d bias %d awkward %d", n, in, out, add, biased, awkward);
  twin_same(what, &y, 1);
  twin_same(what, &dx, 1);
  twin_same(what, &acc, 0);
  twin_same(what, &bias_acc, 0);
  twin *const every[] = {&x, &W, &bias, &y, &dy, &dx, &acc, &bias_acc};
  for (int k = 0; k < 8; k++) twin_free(every[k]);
}

static void products(void **state) {
  (void)state;
  for (int i = 0; i < WIDTHS; i++)
    for (int o = 0; o < WIDTHS; o++)
      for (int r = 0; r < ROWS; r++) {
        const int odd = (i + o + r) % 2, large = rows[r] == 1000;
        if (large && (i + 2 * o) % 5) continue;
        one_size(rows[r], widths[i], widths[o], odd, (i + r / 2) % 2, (o + r) % 3 == 0);
      }
}

/* Sums of more groups than a thread adds, of numbers that leave its window. */
static void many_groups(void **state) {
  (void)state;
  one_size(70 * ESP_GROUP + 5, 2, 3, 0, 1, 0);
  const int n = 70 * ESP_GROUP;
  twin x = twin_draw((size_t)n, 1, 0), dy = twin_draw((size_t)n, 2, 0), acc = twin_acc(1, WORDS, 3);
  for (int i = 0; i < n; i++) x.host[i] = ldexp(x.host[i], i / ESP_GROUP * 37 % 1800 - 900);
  twin far = twin_of(x.host, (size_t)n);
  esp_dense_cpu.gradient(n, 1, 1, far.host, dy.host, (int64_t *)acc.host, NULL);
  esp_dense_cuda.gradient(n, 1, 1, far.there, dy.there, acc.there, NULL);
  twin_same("of far terms", &acc, 0);
  twin_free(&x), twin_free(&far), twin_free(&dy), twin_free(&acc);
}

static void silu(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int awkward = 0; awkward < 2; awkward++) {
      const int n = rows[r];
      twin t = twin_draw((size_t)n, 1, awkward), dy = twin_draw((size_t)n, 2, awkward);
      for (int k = 0; k < n; k++) t.host[k] *= 4;
      twin x = twin_of(t.host, (size_t)n), y = twin_draw((size_t)n, 3, 0), dt = twin_draw((size_t)n, 3, 0);
      esp_dense_cpu.silu((size_t)n, x.host, y.host);
      esp_dense_cuda.silu((size_t)n, x.there, y.there);
      esp_dense_cpu.silu_back((size_t)n, x.host, dy.host, dt.host);
      esp_dense_cuda.silu_back((size_t)n, x.there, dy.there, dt.there);
      twin_same("silu", &y, 1);
      twin_same("silu_back", &dt, 1);
      esp_dense_cpu.silu_both((size_t)n, x.host, y.host, x.host);
      esp_dense_cuda.silu_both((size_t)n, x.there, y.there, x.there);
      twin_same("silu_both", &y, 1);
      twin_same("silu_both, slope in place", &x, 1);
      esp_dense_cpu.silu((size_t)n, dy.host, dy.host);
      esp_dense_cuda.silu((size_t)n, dy.there, dy.there);
      twin_same("silu in place", &dy, 1);
      twin_free(&t), twin_free(&dy), twin_free(&x), twin_free(&y), twin_free(&dt);
    }
}

static void told_once(void **state) {
  (void)state;
  int64_t word = 7, got = 0;
  twin t = twin_of(&word, 1);
  esp_error_clear();
  MUST(esp_cuda_settled());
  esp_cuda_remember(ESP_FAIL(ESP_ERR_MEMORY, "the first"));
  esp_error_clear();
  esp_cuda_remember(ESP_FAIL(ESP_ERR_LIMIT, "the second"));
  esp_cuda_remember(ESP_OK);
  assert_int_equal(esp_cuda_put(t.there, &word, 8), ESP_ERR_MEMORY);
  assert_non_null(strstr(esp_error_message(), "the first"));
  esp_error_clear();
  MUST(esp_cuda_get(&got, t.there, 8));
  assert_int_equal(got, 7);
  esp_cuda_remember(ESP_FAIL(ESP_ERR_LIMIT, "the third"));
  assert_int_equal(esp_cuda_settled(), ESP_ERR_LIMIT);
  esp_error_clear();
  MUST(esp_cuda_settled());
  twin_free(&t);
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(many_groups), cmocka_unit_test(silu),
                                     cmocka_unit_test(told_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
