/* Proves that states in fixed point, and norms of them, have the CPU's bits on a device: at every ragged size and odd widths, with
 * numbers at the ends of what there is, told where they cannot be held. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "base/set.h"
#include "cuda/rows.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };
static const esp_rows *const host = &esp_rows_cpu, *const device = &esp_rows_cuda;
static const int rows[] = {0, 1, 7, 32, 63, 64, 65, 1000}, widths[] = {1, 3, 17, 40};
enum { ROWS = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };

static void fixed_point(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int awkward = 0; awkward < 2; awkward++) {
      const size_t n = (size_t)rows[r];
      twin o = twin_draw(n, 1, awkward), x = twin_acc(n, 1, 2), y = twin_draw(n, 3, 0);
      for (size_t k = 0; k < n; k++) ((int64_t *)x.host)[k] = (int64_t)k * 123456789123 - 5;
      MUST(esp_cuda_put(x.there, x.host, n * sizeof *x.host));
      int64_t here = 3, there = 4;
      host->state->fixed_add(n, 40, 1, o.host, 1 << 22, (int64_t *)x.host, &here);
      device->state->fixed_add(n, 40, 1, o.there, 1 << 22, x.there, &there);
      assert_int_equal(here, there);
      assert_true(awkward && n > 60 ? here >= 0 : here < (int64_t)n);
      twin_same("fixed_add", &x, 0);
      for (int add = 0; add < 2; add++) {
        host->state->fixed_value(n, 40, (int64_t *)x.host, add, y.host);
        device->state->fixed_value(n, 40, x.there, add, y.there);
        twin_same("fixed_value", &y, 1);
      }
      host->state->fixed_add(n, 40, -1, o.host, 1 << 22, (int64_t *)x.host, NULL);
      device->state->fixed_add(n, 40, -1, o.there, 1 << 22, x.there, NULL);
      twin_same("fixed_add, undone", &x, 0);
      for (size_t k = 0; k < n; k++) assert_true(((int64_t *)x.host)[k] == (int64_t)k * 123456789123 - 5);
      host->state->multiply(n, 1.0 / 3, y.host);
      device->state->multiply(n, 1.0 / 3, y.there);
      twin_same("multiply", &y, 1);
      host->subtract(n, o.host, y.host, y.host);
      device->subtract(n, o.there, y.there, y.there);
      twin_same("subtract in place", &y, 1);
      MUST(esp_cuda_settled());
      twin_free(&o), twin_free(&x), twin_free(&y);
    }
}

static void norms(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      const int n = rows[r], width = widths[w], awkward = (r + w) % 3 == 1;
      const size_t wide = (size_t)width, count = (size_t)n * wide;
      twin gain = twin_draw(wide, 1, 0), bias = twin_draw(wide, 2, 0), s = twin_draw(count, 3, awkward);
      twin y = twin_draw(count, 4, 0), dy = twin_draw(count, 5, awkward), ds = twin_draw(count, 6, 0);
      twin a = twin_acc(wide, WORDS, 7), b = twin_acc(wide, WORDS, 8);
      host->state->norm(n, width, gain.host, bias.host, s.host, y.host);
      device->state->norm(n, width, gain.there, bias.there, s.there, y.there);
      host->state->norm_back(n, width, gain.host, s.host, dy.host, ds.host, (int64_t *)a.host, (int64_t *)b.host);
      device->state->norm_back(n, width, gain.there, s.there, dy.there, ds.there, a.there, b.there);
      twin_same("norm", &y, 1);
      twin_same("norm_back", &ds, 1);
      twin_same("norm_back's gains", &a, 0);
      twin_same("norm_back's offsets", &b, 0);
      MUST(esp_cuda_settled());
      twin *const all[] = {&gain, &bias, &s, &y, &dy, &ds, &a, &b};
      for (int k = 0; k < 8; k++) twin_free(all[k]);
    }
}

static void norms_over_particles(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      const int n = rows[r], width = widths[w], awkward = (r + w) % 3 == 1;
      const size_t wide = (size_t)width, count = (size_t)n * wide;
      twin of[4], s = twin_draw(count, 5, awkward), y = twin_draw(count, 6, 0), dy = twin_draw(count, 7, awkward);
      twin ds = twin_draw(count, 8, 0), a = twin_acc(wide, WORDS, 9), b = twin_acc(wide, WORDS, 10);
      for (int k = 0; k < 4; k++) of[k] = twin_draw(wide, 1 + (uint64_t)k, 0);
      const double *mean = of[0].host, *inverse = of[1].host, *gain = of[2].host, *bias = of[3].host;
      host->state->spread(n, width, r % 2 ? mean : NULL, s.host, (int64_t *)a.host);
      device->state->spread(n, width, r % 2 ? of[0].there : NULL, s.there, a.there);
      twin_same("spread", &a, 0);
      host->state->scale(n, width, mean, inverse, gain, bias, s.host, y.host);
      device->state->scale(n, width, of[0].there, of[1].there, of[2].there, of[3].there, s.there, y.there);
      host->state->scale_terms(n, width, mean, inverse, s.host, dy.host, (int64_t *)a.host, (int64_t *)b.host);
      device->state->scale_terms(n, width, of[0].there, of[1].there, s.there, dy.there, a.there, b.there);
      host->state->scale_back(n, width, mean, inverse, gain, bias, mean, s.host, dy.host, ds.host);
      device->state->scale_back(n, width, of[0].there, of[1].there, of[2].there, of[3].there, of[0].there, s.there,
                                dy.there, ds.there);
      twin_same("scale", &y, 1);
      twin_same("scale_terms, gains", &a, 0);
      twin_same("scale_terms, offsets", &b, 0);
      twin_same("scale_back", &ds, 1);
      MUST(esp_cuda_settled());
      twin *const all[] = {&of[0], &of[1], &of[2], &of[3], &s, &y, &dy, &ds, &a, &b};
      for (int k = 0; k < 10; k++) twin_free(all[k]);
    }
}

static void message_norm(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      const int n = rows[r], own = widths[w], state_width = widths[(w + r) % WIDTHS], awkward = (r + w) % 3 == 1;
      const size_t all = (size_t)n, wide = (size_t)(own + state_width);
      twin gain = twin_draw(1, 1, 0), joint = twin_draw(all * wide, 2, awkward), acc = twin_acc(1, WORDS, 3);
      twin A = twin_draw(all * (size_t)own, 4, awkward), s = twin_draw(all * (size_t)state_width, 5, 0);
      twin d = twin_draw(all * wide, 6, 0), alone = twin_draw(all * (size_t)own, 7, 0);
      host->state->level(n, own, state_width, gain.host, joint.host);
      device->state->level(n, own, state_width, gain.there, joint.there);
      twin *const to[] = {&alone, &d};
      for (int seen = 0; seen < 2; seen++) {
        const int width = seen ? (int)wide : own;
        host->state->level_back(n, own, state_width, width, gain.host, A.host, s.host, to[seen]->host,
                                (int64_t *)acc.host);
        device->state->level_back(n, own, state_width, width, gain.there, A.there, s.there, to[seen]->there, acc.there);
        twin_same("level_back", to[seen], 1);
      }
      twin_same("level", &joint, 1);
      twin_same("level_back's gain", &acc, 0);
      MUST(esp_cuda_settled());
      twin *const made[] = {&gain, &joint, &acc, &A, &s, &d, &alone};
      for (int k = 0; k < 7; k++) twin_free(made[k]);
    }
}

/* By particle and unit alone, at the rate that is asked for. */
static void dropout(void **state) {
  (void)state;
  int dropped = 0;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      const int n = rows[r], width = widths[w];
      const size_t count = (size_t)n * (size_t)width;
      twin id = twin_acc((size_t)n, 1, 1), mask = twin_draw(count, 2, 0);
      for (int i = 0; i < n; i++) ((int64_t *)id.host)[i] = INT64_C(7) << (n - i) % 60;
      MUST(esp_cuda_put(id.there, id.host, (size_t)n * sizeof *id.host));
      host->state->drop(n, width, 9, (int64_t *)id.host, 70, 0.3, mask.host);
      device->state->drop(n, width, 9, id.there, 70, 0.3, mask.there);
      twin_same("drop", &mask, 0);
      for (int k = 0; k < n * width; k++) {
        const uint64_t particle = ((uint64_t *)id.host)[k / width];
        const double u = esp_rng_uniform(9, particle, ESP_RNG_DROP, 70 + (uint32_t)(k % width));
        assert_true(mask.host[k] == (u < 0.3 ? 0 : 1 / 0.7));
        dropped += n == 1000 && width == 40 && u < 0.3;
      }
      MUST(esp_cuda_settled());
      twin_free(&id), twin_free(&mask);
    }
  assert_in_range(dropped, 40 * 1000 * 0.27, 40 * 1000 * 0.33);
}

static void weights(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      const int n = rows[r], C = widths[w], awkward = (r + w) % 3 == 1;
      const size_t wide = (size_t)C, count = (size_t)n * wide;
      twin beta = twin_draw(wide, 1, 0), v = twin_draw(count, 2, awkward), said = twin_draw(2 * count, 3, 0);
      twin dsaid = twin_draw(2 * count, 4, awkward), dv = twin_draw(count, 5, 0), acc = twin_acc(wide, WORDS, 6);
      host->state->weigh(n, C, beta.host, v.host, said.host);
      device->state->weigh(n, C, beta.there, v.there, said.there);
      host->state->weigh_back(n, C, beta.host, v.host, dsaid.host, dv.host, (int64_t *)acc.host);
      device->state->weigh_back(n, C, beta.there, v.there, dsaid.there, dv.there, acc.there);
      twin_same("weigh", &said, 1);
      twin_same("weigh_back", &dv, 1);
      twin_same("weigh_back's betas", &acc, 0);
      MUST(esp_cuda_settled());
      twin *const all[] = {&beta, &v, &said, &dsaid, &dv, &acc};
      for (int k = 0; k < 6; k++) twin_free(all[k]);
    }
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fixed_point), cmocka_unit_test(norms),   cmocka_unit_test(norms_over_particles),
      cmocka_unit_test(weights),     cmocka_unit_test(dropout), cmocka_unit_test(message_norm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
