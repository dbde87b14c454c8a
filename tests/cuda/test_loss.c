/* Proves that a device's sums and gradients of losses are the CPU's, every word, at every ragged size, weighted or not, with numbers
 * at the ends of what there is.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "cuda/rows.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static const int rows[] = {0, 1, 7, 31, 32, 33, 63, 64, 65, 1000, 8200}, widths[] = {1, 3, 17};
enum { ROWS = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };

static void one_loss(int n, int width, int weighted, int means, int awkward) {
  char what[100];
  const int row = width + 3;
  const size_t m = (size_t)n, wide = (size_t)width;
  twin t = twin_draw(m * wide, 1, awkward), weight = twin_draw(m, 2, awkward), mean = twin_draw(wide, 3, 0);
  twin y = twin_draw(m * (size_t)row, 4, awkward), dy = twin_draw(y.count, 5, 0);
  twin sums = twin_acc(wide + 1, WORDS, 6), squares = twin_acc(2, WORDS, 7);
  esp_scored s = {.n = n, .row = row, .at = 2, .width = width, .targets = t.host};
  s.weight = weighted ? weight.host : NULL;
  esp_rows_cpu.loss_mean(&s, (int64_t *)sums.host);
  esp_rows_cpu.loss_squares(&s, y.host, means ? mean.host : NULL, (int64_t *)squares.host);
  esp_rows_cpu.loss_slope(&s, y.host, 0.7, 3, dy.host);
  s.targets = t.there;
  s.weight = weighted ? weight.there : NULL;
  esp_rows_cuda.loss_mean(&s, sums.there);
  esp_rows_cuda.loss_squares(&s, y.there, means ? mean.there : NULL, squares.there);
  esp_rows_cuda.loss_slope(&s, y.there, 0.7, 3, dy.there);
  snprintf(what, sizeof what, "n %d, width %d, weights %d, means %d, awkward %d", n, width, weighted, means, awkward);
  twin_same(what, &sums, 0);
  twin_same(what, &squares, 0);
  twin_same(what, &dy, 1);
  twin *const all[] = {&t, &weight, &mean, &y, &dy, &sums, &squares};
  for (int k = 0; k < 7; k++) twin_free(all[k]);
}

/* Targets are 1 at a class, or 0 where there is none; every third weight is 0. */
static void classes(int n, int K, int weighted, int awkward) {
  char what[100];
  const int row = K + 3;
  const size_t m = (size_t)n, wide = (size_t)K;
  twin drawn = twin_draw(m * wide, 1, 0), of = twin_draw(m, 2, awkward), y = twin_draw(m * (size_t)row, 3, awkward);
  for (size_t i = 0; i < m; i++) {
    const size_t at = (size_t)esp_rng_below(4, (uint64_t)i, ESP_RNG_TEST, 0, wide + 1);
    for (size_t c = 0; c < wide; c++) drawn.host[i * wide + c] = c == at;
    if (i % 3 == 1) of.host[i] = 0;
  }
  twin t = twin_of(drawn.host, m * wide), weight = twin_of(of.host, m);
  twin dy = twin_draw(y.count, 5, 0), acc = twin_acc(3, WORDS, 6);
  esp_scored s = {.n = n, .row = row, .at = 2, .width = K, .targets = t.host};
  s.weight = weighted ? weight.host : NULL;
  esp_rows_graph_cpu.classes(&s, y.host, (int64_t *)acc.host);
  esp_rows_graph_cpu.classes_slope(&s, y.host, 0.7, 3, dy.host);
  s.targets = t.there;
  s.weight = weighted ? weight.there : NULL;
  esp_rows_graph_cuda.classes(&s, y.there, acc.there);
  esp_rows_graph_cuda.classes_slope(&s, y.there, 0.7, 3, dy.there);
  snprintf(what, sizeof what, "n %d, %d classes, weights %d, awkward %d", n, K, weighted, awkward);
  twin_same(what, &acc, 0);
  twin_same(what, &dy, 1);
  twin *const all[] = {&drawn, &of, &y, &t, &weight, &dy, &acc};
  for (int k = 0; k < 7; k++) twin_free(all[k]);
}

static void sums(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      one_loss(rows[r], widths[w], (r + w) % 2, (r + w / 2) % 2, (r + w) % 3 == 0);
      classes(rows[r], widths[w], (r + w) % 2, (r + w) % 3 == 1);
    }
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
