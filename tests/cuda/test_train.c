/* Proves that a device's sums and gradients of losses, its norm, its clipping and its steps of Adam are the CPU's, every word, at
 * every ragged size, weighted or not, with numbers at the ends of what there is; and that losses made of them are the table's.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "cuda/train.h"
#include "tests/train_case.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static const int rows[] = {0, 1, 7, 31, 32, 33, 63, 64, 65, 1000, 8200}, widths[] = {1, 3, 17};
enum { ROWS = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };

/* As the losses of src/net have it. */
static void plain(const esp_cuda_scored *s, const double *y, const double *mean, double a, double over, int64_t *sums,
                  int64_t *squares, double *dy) {
  const size_t width = (size_t)s->width;
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const double weight = s->weight ? s->weight[i] : 1, scale = a * weight / over;
    double error = 0, spread = 0;
    for (size_t c = 0; c < width; c++) {
      const size_t at = i * (size_t)s->row + (size_t)s->at + c;
      const double t = s->t[i * width + c], e = y[at] - t, d = mean ? t - mean[c] : t;
      esp_exact_add(&ESP_EXACT_FULL, sums + c * WORDS, weight * t);
      error += e * e;
      spread += d * d;
      dy[at] = scale * e;
    }
    esp_exact_add(&ESP_EXACT_FULL, sums + width * WORDS, weight);
    esp_exact_add(&ESP_EXACT_FULL, squares, weight * error);
    esp_exact_add(&ESP_EXACT_FULL, squares + WORDS, weight * spread);
  }
}

static void one_loss(int n, int width, int weighted, int means, int awkward) {
  char what[100];
  const int row = width + 3;
  const size_t m = (size_t)n, wide = (size_t)width;
  twin t = twin_draw(m * wide, 1, awkward), weight = twin_draw(m, 2, awkward), mean = twin_draw(wide, 3, 0);
  twin y = twin_draw(m * (size_t)row, 4, awkward), dy = twin_draw(y.count, 5, 0);
  twin sums = twin_acc(wide + 1, WORDS, 6), squares = twin_acc(2, WORDS, 7);
  esp_cuda_scored s = {.n = n, .row = row, .at = 2, .width = width, .t = t.host};
  s.weight = weighted ? weight.host : NULL;
  plain(&s, y.host, means ? mean.host : NULL, 0.7, 3, (int64_t *)sums.host, (int64_t *)squares.host, dy.host);
  s.t = t.there;
  s.weight = weighted ? weight.there : NULL;
  MUST(esp_cuda_loss_mean(&s, sums.there));
  MUST(esp_cuda_loss_squares(&s, y.there, means ? mean.there : NULL, squares.there));
  MUST(esp_cuda_loss_slope(&s, y.there, 0.7, 3, dy.there));
  snprintf(what, sizeof what, "n %d, width %d, weights %d, means %d, awkward %d", n, width, weighted, means, awkward);
  twin_same(what, &sums, 0);
  twin_same(what, &squares, 0);
  twin_same(what, &dy, 1);
  twin *const all[] = {&t, &weight, &mean, &y, &dy, &sums, &squares};
  for (int k = 0; k < 7; k++) twin_free(all[k]);
}

static void sums(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) one_loss(rows[r], widths[w], (r + w) % 2, (r + w / 2) % 2, (r + w) % 3 == 0);
}

/* Loss of one column, as loss_nmse_columns.c puts it together; dy is set where it is. */
static double part_of(esp_cuda_scored s, const double *y, double weight, double factor, double *dy) {
  int64_t word[2 * WORDS] = {0};
  twin acc = twin_of(word, 2 * WORDS);
  MUST(esp_cuda_loss_squares(&s, y, NULL, acc.there));
  MUST(esp_cuda_get(word, acc.there, sizeof word));
  const double error = esp_exact_value(&ESP_EXACT_FULL, word), norm = esp_exact_value(&ESP_EXACT_FULL, word + WORDS);
  MUST(esp_cuda_loss_slope(&s, y, 2 * factor * weight / norm, 1, dy));
  twin_free(&acc);
  return error / norm;
}

static void columns(void **state) {
  (void)state;
  enum { N = 77 };
  double part[2], got[2];
  esp_cloud cloud = train_case_cloud(N, 0, N, 1);
  for (int i = 0; i < 3 * N; i++) {
    cloud.D[i / 3][i % 3] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 1);
    cloud.K[i / 3][i % 3] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 2);
  }
  const esp_set set = set_of_cloud(&cloud);
  twin y = twin_draw(6 * N, 2, 0), dy = twin_draw(6 * N, 3, 0);
  twin D = twin_of(cloud.D, 3 * N), K = twin_of(cloud.K, 3 * N);
  MUST(esp_loss_nmse_columns.value(&train_case_loss, esp_comm_self(), &set, y.host, 0.25, dy.host, part));
  const esp_cuda_scored s = {.n = N, .row = 6, .width = 3, .t = D.there};
  const esp_cuda_scored second = {.n = N, .row = 6, .at = 3, .width = 3, .t = K.there};
  got[0] = part_of(s, y.there, 1, 0.25, dy.there);
  got[1] = part_of(second, y.there, train_case_loss.second, 0.25, dy.there);
  assert_true(got[0] == part[0] && got[1] == part[1]);
  twin_same("gradient of columns", &dy, 1);
  twin *const all[] = {&y, &dy, &D, &K};
  for (int k = 0; k < 4; k++) twin_free(all[k]);
  esp_cloud_free(&cloud);
}

static void one_step(int count, double limit, int awkward) {
  esp_adam adam;
  double norm = -1;
  MUST(esp_adam_create(count, &adam));
  twin value = twin_draw((size_t)count, 1, 0), m = twin_draw((size_t)count, 2, 0), v = twin_draw((size_t)count, 3, 0);
  for (int k = 0; k < count; k++) {
    adam.m[k] = m.host[k];
    adam.v[k] = v.host[k] *= v.host[k];
  }
  twin square = twin_of(v.host, (size_t)count);
  for (int step = 0; step < 3; step++) {
    twin g = twin_draw((size_t)count, 10 + (uint64_t)step, awkward && step == 2);
    const double want = esp_clip_norm(limit, count, g.host);
    esp_adam_step(&adam, 1e-2, 0.99, g.host, value.host);
    const esp_adam_rates rates = esp_adam_rates_of(1e-2, 0.99, step + 1);
    MUST(esp_cuda_clip_norm(limit, count, g.there, &norm));
    MUST(esp_cuda_adam_step(&rates, count, g.there, m.there, square.there, value.there));
    assert_true(want == norm || (isnan(want) && isnan(norm)));
    twin_same("clipped", &g, 1);
    twin_same("values", &value, 1);
    twin_free(&g);
  }
  memcpy(m.host, adam.m, (size_t)count * sizeof *m.host);
  memcpy(square.host, adam.v, (size_t)count * sizeof *v.host);
  twin_same("first moment", &m, 1);
  twin_same("second moment", &square, 1);
  twin *const all[] = {&value, &m, &v, &square};
  for (int k = 0; k < 4; k++) twin_free(all[k]);
  esp_adam_free(&adam);
}

static void steps(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++) one_step(rows[r], r % 3 == 0 ? 0 : r % 3 == 1 ? 0.3 : 1e6, r % 2);
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums), cmocka_unit_test(columns), cmocka_unit_test(steps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
