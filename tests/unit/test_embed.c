/* Proves: embeddings begin as the header says, equal for equal streams; their places are the plain formula; gradients
 * are those of central differences, and the same bits when rows are shared out in whole groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/set.h"
#include "base/rng.h"
#include "net/embed.h"

enum { N = 150, IN = 11, DIM = 3, HIDDEN = 18, WORDS = ESP_EXACT_FULL_WORDS, MOST = 1000 };
static const esp_embed kinds[] = {
    {ESP_EMBED_LINEAR, IN, DIM, 0}, {ESP_EMBED_MLP, IN, DIM, HIDDEN}, {ESP_EMBED_COORDINATES, IN, DIM, 0}};

typedef struct {
  double s[N * IN], g[N * DIM], z[N * DIM], work[N * HIDDEN], scratch[N * HIDDEN], ds[N * IN], value[MOST];
  int64_t acc[MOST * WORDS];
} problem;
static problem p;

static void fill(const esp_embed *embed) {
  memset(&p, 0, sizeof p);
  for (size_t k = 0; k < N * IN; k++) p.s[k] = esp_rng_normal(1, k, ESP_RNG_TEST, 0);
  for (size_t k = 0; k < N * DIM; k++) p.g[k] = esp_rng_normal(2, k, ESP_RNG_TEST, 0);
  assert_true(esp_embed_count(embed) <= MOST);
  for (size_t k = 0; k < (size_t)esp_embed_count(embed); k++) p.value[k] = 0.3 * esp_rng_normal(3, k, ESP_RNG_TEST, 0);
}

static void spread(const double *x, int count, double variance) {
  double sum = 0;
  for (int k = 0; k < count; k++) sum += x[k] * x[k];
  if (!(fabs(sum / count - variance) < 0.1 * variance)) fail_msg("variance %g, not %g", sum / count, variance);
}

static void start(void **state) {
  (void)state;
  const esp_embed embed = {ESP_EMBED_MLP, 100, 50, 200};
  const int count = esp_embed_count(&embed), E = 50 * 100, M1 = 200 * 100;
  assert_int_equal(count, E + M1 + 200 + 50 * 200);
  double *a = malloc(sizeof *a * (size_t)count), *b = malloc(sizeof *b * (size_t)count);
  esp_embed_start(&embed, 5, 6, a);
  esp_embed_start(&embed, 5, 6, b);
  assert_memory_equal(a, b, sizeof *a * (size_t)count);
  spread(a, E, 0.25 / 100);
  spread(a + E, M1, 1.0 / 100);
  double norm = 0;
  for (int k = 0; k < 200; k++) norm += a[E + M1 + k] * a[E + M1 + k];
  assert_true(norm > 140 && norm < 260);
  for (int k = E + M1 + 200; k < count; k++) assert_true(a[k] == 0);
  esp_embed_start(&embed, 5, 7, b);
  assert_true(a[0] != b[0]);
  esp_embed_start(&embed, 4, 6, b);
  assert_true(a[0] != b[0]);
  assert_int_equal(esp_embed_count(&kinds[0]), DIM * IN);
  assert_int_equal(esp_embed_count(&kinds[2]), 0);
  free(a), free(b);
}

static void places(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    const esp_embed *embed = &kinds[k];
    fill(embed);
    for (int i = 0; i < N * DIM; i++) p.z[i] = NAN; /* it is set */
    esp_embed_forward(&esp_device_cpu32, embed, p.value, N, p.s, p.work, p.z);
    for (int i = 0; i < N; i++)
      for (int a = 0; a < DIM; a++) {
        double z = k == 2 ? p.s[i * IN + a] : 0;
        for (int c = 0; c < IN && k < 2; c++) z += p.value[a * IN + c] * p.s[i * IN + c];
        for (int j = 0; j < HIDDEN && k == 1; j++) {
          const double *M1 = p.value + DIM * IN, *m = M1 + HIDDEN * IN, *M2 = m + HIDDEN;
          double t = m[j];
          for (int c = 0; c < IN; c++) t += M1[j * IN + c] * p.s[i * IN + c];
          z += M2[a * HIDDEN + j] * t / (1 + exp(-t));
        }
        assert_true(fabs(z - p.z[i * DIM + a]) < 1e-13);
      }
    esp_embed_forward(&esp_device_cpu32, embed, p.value, 0, p.s, p.work, p.z);
  }
}

static double loss(const esp_embed *embed) {
  double sum = 0;
  esp_embed_forward(&esp_device_cpu32, embed, p.value, N, p.s, p.work, p.z);
  for (int k = 0; k < N * DIM; k++) sum += p.g[k] * p.z[k];
  return sum;
}

static void compare(const esp_embed *embed, double *place, double slope) {
  const double kept = *place, h = 1e-5;
  *place = kept + h;
  const double above = loss(embed);
  *place = kept - h;
  const double quotient = (above - loss(embed)) / (2 * h);
  *place = kept;
  if (!(fabs(slope - quotient) <= 1e-6 * fabs(quotient) + 1e-8)) fail_msg("%.12g, quotient %.12g", slope, quotient);
}

static void gradients(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    const esp_embed *embed = &kinds[k];
    fill(embed);
    loss(embed);
    for (int i = 0; i < N * IN; i++) p.ds[i] = 100; /* it is added to */
    esp_embed_backward(&esp_device_cpu32, embed, p.value, N, p.s, p.work, p.g, p.scratch, p.ds, p.acc);
    for (int c = 0; c < esp_embed_count(embed); c++)
      compare(embed, &p.value[c], esp_exact_value(&ESP_EXACT_FULL, p.acc + c * WORDS));
    for (int i = 0; i < N * IN; i += 5) compare(embed, &p.s[i], p.ds[i] - 100);
  }
}

static void shared(void **state) {
  (void)state;
  static double ds[N * IN], whole[MOST];
  for (int k = 0; k < 2; k++)
    for (int size = 2; size < 4; size++) {
      const esp_embed *embed = &kinds[k];
      fill(embed);
      loss(embed);
      esp_embed_backward(&esp_device_cpu32, embed, p.value, N, p.s, p.work, p.g, p.scratch, p.ds, p.acc);
      memcpy(ds, p.ds, sizeof ds);
      for (int c = 0; c < esp_embed_count(embed); c++) whole[c] = esp_exact_value(&ESP_EXACT_FULL, p.acc + c * WORDS);
      memset(p.acc, 0, sizeof p.acc);
      memset(p.ds, 0, sizeof p.ds);
      for (int r = 0; r < size; r++) {
        int64_t i, count;
        esp_set_share(N, r, size, &i, &count);
        esp_embed_forward(&esp_device_cpu32, embed, p.value, (int)count, p.s + i * IN, p.work, p.z);
        esp_embed_backward(&esp_device_cpu32, embed, p.value, (int)count, p.s + i * IN, p.work, p.g + i * DIM,
                           p.scratch, p.ds + i * IN, p.acc);
      }
      assert_memory_equal(ds, p.ds, sizeof ds);
      for (int c = 0; c < esp_embed_count(embed); c++)
        assert_true(whole[c] == esp_exact_value(&ESP_EXACT_FULL, p.acc + c * WORDS));
      esp_embed_backward(&esp_device_cpu32, embed, p.value, N, p.s, p.work, p.g, p.scratch, NULL,
                         p.acc); /* ds not wanted */
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(start), cmocka_unit_test(places), cmocka_unit_test(gradients),
                                     cmocka_unit_test(shared)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
