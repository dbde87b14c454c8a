/* Proves that what a device does with home rows gives the CPU's bits: places, elementwise work, what was heard, silence, what is
 * carried along, given edges, graph convolution, exact sums, at every ragged size and odd widths, with numbers at the ends of what there is.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "base/set.h"
#include "cuda/rows.h"
#include "net/aggregate.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };
static const esp_rows *const host = &esp_rows_cpu, *const device = &esp_rows_cuda;

static const int rows[] = {0, 1, 7, 31, 32, 33, 63, 64, 65, 1000}, widths[] = {1, 3, 17, 64, 100};
enum { ROWS = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };

static void free_all(int count, twin *const *t) {
  for (int k = 0; k < count; k++) twin_free(t[k]);
}

static void places(int n, int width, int awkward) {
  const size_t rows_of = (size_t)n;
  const int wide = width + 5, too = width + 2;
  twin from = twin_draw(rows_of * (size_t)wide, 1, awkward), to = twin_draw(rows_of * (size_t)too, 2, awkward);
  twin a = twin_draw(rows_of * (size_t)width, 3, awkward), b = twin_draw(rows_of * (size_t)width, 4, awkward);
  twin y = twin_draw(a.count, 5, 0), x = twin_draw(a.count, 6, awkward), z = twin_draw(a.count, 7, awkward);
  host->columns(n, width, wide, 3, from.host, too, 1, to.host);
  device->columns(n, width, wide, 3, from.there, too, 1, to.there);
  twin_same("columns", &to, 1);
  host->add_columns(n, width, wide, 1, from.host, too, 2, to.host);
  device->add_columns(n, width, wide, 1, from.there, too, 2, to.there);
  twin_same("add_columns", &to, 1);
  host->columns(n, 0, wide, 1, from.host, too, 2, to.host);
  device->columns(n, 0, wide, 1, from.there, too, 2, to.there);
  host->columns(n, width, width, 0, a.host, width, 0, y.host);
  device->columns(n, width, width, 0, a.there, width, 0, y.there);
  twin_same("all columns", &y, 1);
  host->times(a.count, a.host, b.host, y.host);
  device->times(a.count, a.there, b.there, y.there);
  twin_same("times", &y, 1);
  host->add(a.count, a.host, b.host, b.host);
  device->add(a.count, a.there, b.there, b.there);
  host->times(a.count, a.host, b.host, a.host);
  device->times(a.count, a.there, b.there, a.there);
  twin_same("add in place", &b, 1);
  twin_same("times in place", &a, 1);
  host->copy(x.count, x.host, y.host);
  device->copy(x.count, x.there, y.there);
  host->zero(z.count, z.host);
  device->zero(z.count, z.there);
  twin_same("copy", &y, 1);
  twin_same("zero", &z, 1);
  free_all(7, (twin *const[]){&from, &to, &a, &b, &y, &x, &z});
}

/* own of `channels` numbers are the update's; the sums' weight behind them, where there is one. */
static void heard(int n, int aggregate, int channels, int own, int den, int state, int with_state, int awkward) {
  char what[100];
  const esp_heard h = {.width = channels + den, .channels = channels, .own = own, .aggregate = aggregate};
  const size_t m = (size_t)n, joint_wide = (size_t)(own + state);
  const size_t wide = (size_t)(own + (with_state ? state : 0));
  twin gain = twin_draw(1, 1, 0), sum = twin_draw(m * (size_t)h.width, 2, awkward);
  twin s = twin_draw(m * (size_t)state, 3, awkward), joint = twin_draw(m * joint_wide, 4, 0);
  twin djoint = twin_draw(m * wide, 5, awkward), dsum = twin_draw(sum.count, 6, 0), ds = twin_draw(s.count, 7, awkward);
  twin acc = twin_acc(1, WORDS, 8);
  host->hear(&h, n, state, gain.host, sum.host, s.host, joint.host);
  device->hear(&h, n, state, gain.there, sum.there, s.there, joint.there);
  host->hear_back(&h, n, state, gain.host, sum.host, djoint.host, dsum.host, with_state ? ds.host : NULL,
                  (int64_t *)acc.host);
  device->hear_back(&h, n, state, gain.there, sum.there, djoint.there, dsum.there, with_state ? ds.there : NULL,
                    acc.there);
  snprintf(what, sizeof what, "n %d, aggregate %d, %d of %d channels, den %d, state %d", n, aggregate, own, channels,
           den, state);
  twin_same(what, &joint, 1);
  twin_same(what, &dsum, 1);
  twin_same(what, &ds, 1);
  twin_same(what, &acc, 0);
  free_all(8, (twin *const[]){&gain, &sum, &s, &joint, &djoint, &dsum, &ds, &acc});
}

static void silence(int n, int C, int awkward) {
  const size_t m = (size_t)n, wide = (size_t)C;
  twin u = twin_draw(m * wide, 1, awkward), sum = twin_draw(m * (wide + 1), 2, awkward);
  twin dsum = twin_draw(sum.count, 3, awkward), du = twin_draw(u.count, 4, awkward);
  host->centre_back_offset(n, C, u.host, sum.host, dsum.host, du.host);
  device->centre_back_offset(n, C, u.there, sum.there, dsum.there, du.there);
  host->centre(n, C, u.host, sum.host);
  device->centre(n, C, u.there, sum.there);
  host->centre_back_sum(n, C, u.host, dsum.host);
  device->centre_back_sum(n, C, u.there, dsum.there);
  twin_same("centre_back_offset", &du, 1);
  twin_same("centre", &sum, 1);
  twin_same("centre_back_sum", &dsum, 1);
  free_all(4, (twin *const[]){&u, &sum, &dsum, &du});
}

static void carried(int n, int own, int F, int awkward) {
  const esp_carriage c = {.width = own + F + 1, .own = own, .carried = F, .stay = 1e-3};
  const size_t m = (size_t)n, wide = (size_t)F;
  twin sum = twin_draw(m * (size_t)c.width, 1, awkward), before = twin_draw(m * wide, 2, awkward);
  twin after = twin_draw(m * wide, 3, 0), gain = twin_draw(wide, 4, awkward), y = twin_draw(m * wide, 5, awkward);
  twin dr = twin_draw(m * wide, 6, 0), acc = twin_acc(wide, WORDS, 7), dsum = twin_draw(sum.count, 8, awkward);
  host->carry(&c, n, sum.host, before.host, after.host);
  device->carry(&c, n, sum.there, before.there, after.there);
  host->carry_out_back(n, F, gain.host, after.host, before.host, y.host, dr.host, (int64_t *)acc.host);
  device->carry_out_back(n, F, gain.there, after.there, before.there, y.there, dr.there, acc.there);
  twin_same("carry", &after, 1);
  twin_same("carry_out_back", &dr, 1);
  twin_same("carry_out_back's gain", &acc, 0);
  host->carry_out(n, F, gain.host, after.host, before.host, y.host);
  device->carry_out(n, F, gain.there, after.there, before.there, y.there);
  host->carry_back(&c, n, sum.host, after.host, dr.host, dsum.host);
  device->carry_back(&c, n, sum.there, after.there, dr.there, dsum.there);
  twin_same("carry_out", &y, 1);
  twin_same("carry_back", &dr, 1);
  twin_same("carry_back's sums", &dsum, 1);
  free_all(8, (twin *const[]){&sum, &before, &after, &gain, &y, &dr, &acc, &dsum});
}

static void hidden(int n, int in, int out, int awkward) {
  const size_t m = (size_t)n, wide = (size_t)in, too = (size_t)out;
  twin W = twin_draw(wide * too, 1, awkward), t = twin_draw(m * wide, 2, awkward), y = twin_draw(m * too, 3, awkward);
  host->add_silu(n, in, out, W.host, t.host, y.host);
  device->add_silu(n, in, out, W.there, t.there, y.there);
  twin_same("add_silu", &y, 1);
  free_all(3, (twin *const[]){&W, &t, &y});
}

static void elementwise(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      places(rows[r], widths[w], (r + w) % 2);
      silence(rows[r], widths[w], (r + w) % 3 == 1);
      carried(rows[r], widths[w], 1 + (r + w) % 5, (r + w) % 3 == 0);
      hidden(rows[r], widths[w], 1 + (r * w) % 9, (r + w) % 3 == 2);
      MUST(esp_cuda_settled());
    }
  carried(70 * ESP_GROUP + 1, 2, 2, 0);
  carried(10, 2, 0, 0);
}

static void what_was_heard(void **state) {
  (void)state;
  assert_ptr_equal(esp_aggregates[1], &esp_aggregate_average);
  assert_ptr_equal(esp_aggregates[2], &esp_aggregate_softmax);
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++)
      for (int kind = 0; kind < 4; kind++) { /* a sum without and with weights, an average, a softmax */
        const int own = kind == 3 || r % 2 ? widths[w] : (widths[w] + 1) / 2, says = kind == 3 ? 2 : 1;
        heard(rows[r], kind < 2 ? 0 : kind - 1, says * widths[w], own, kind == 1 || kind == 2, (r + 3 * w) % 20,
              (r + w) % 2, (r + w + kind) % 3 == 0);
      }
  heard(70 * ESP_GROUP + 1, 1, 3, 2, 1, 2, 1, 0);
}

/* Rows of 0 to 5 entries, of one a hub of all columns, in any order; value: are there any. */
static void edges(int n, int width, int columns, int values, int awkward) {
  char what[100];
  int64_t *start = NULL, *index = NULL;
  MUST(ESP_ALLOC(start, n + 1));
  MUST(ESP_ALLOC(index, 5 * n + columns));
  for (int i = 0; i < n; i++) {
    const int count = i == n / 2 ? columns : (int)esp_rng_below(1, (uint64_t)i, ESP_RNG_TEST, 0, 6);
    start[i + 1] = start[i] + count;
    for (int e = 0; e < count; e++)
      index[start[i] + e] = (int64_t)esp_rng_below(2, (uint64_t)(start[i] + e), ESP_RNG_TEST, 0, (uint64_t)columns);
  }
  const size_t wide = (size_t)width, entries = (size_t)start[n];
  twin s = twin_of(start, (size_t)n + 1), at = twin_of(index, entries), value = twin_draw(entries, 1, awkward);
  twin x = twin_draw((size_t)columns * wide, 2, awkward), y = twin_draw((size_t)n * wide, 3, awkward);
  twin dy = twin_draw(y.count, 4, awkward), acc = twin_acc(x.count, WORDS, 5);
  const double *here = values ? value.host : NULL, *there = values ? value.there : NULL;
  snprintf(what, sizeof what, "n %d, width %d, %d columns, values %d", n, width, columns, values);
  for (int add = 0; add < 2; add++) {
    host->graph->sparse(n, width, start, index, here, add, x.host, y.host);
    device->graph->sparse(n, width, s.there, at.there, there, add, x.there, y.there);
    twin_same(what, &y, 1);
  }
  twin id = twin_draw((size_t)n, 6, 1), dropped = twin_draw(entries, 7, 0);
  const int64_t *of = (const int64_t *)(const void *)id.host;
  host->graph->sparse_drop(n, start, index, here, 9, of, 4096, 0.3, dropped.host);
  device->graph->sparse_drop(n, s.there, at.there, there, 9, id.there, 4096, 0.3, dropped.there);
  twin_same(what, &dropped, 1);
  host->graph->sparse_terms(n, width, start, index, here, dy.host, (int64_t *)acc.host);
  device->graph->sparse_terms(n, width, s.there, at.there, there, dy.there, acc.there);
  twin_same(what, &acc, 0);
  free_all(9, (twin *const[]){&s, &at, &value, &x, &y, &dy, &acc, &id, &dropped});
  ESP_FREE(start);
  ESP_FREE(index);
}

static void convolved(int n, int C, int awkward) {
  const size_t m = (size_t)n, wide = (size_t)C;
  twin sum = twin_draw(m * (wide + 1), 1, awkward), y = twin_draw(m * wide, 2, awkward);
  twin dy = twin_draw(m * wide, 3, awkward), dsum = twin_draw(sum.count, 4, 0), t = twin_draw(m * wide, 5, awkward);
  host->graph->average(n, C, 0.7, 0.1, sum.host, y.host);
  device->graph->average(n, C, 0.7, 0.1, sum.there, y.there);
  host->graph->average_back(n, C, 0.7, 0.1, sum.host, dy.host, dsum.host);
  device->graph->average_back(n, C, 0.7, 0.1, sum.there, dy.there, dsum.there);
  twin_same("average", &y, 1);
  twin_same("average_back", &dsum, 1);
  for (int add = 0; add < 2; add++) {
    host->graph->multiple(y.count, -0.3, add, dy.host, y.host);
    device->graph->multiple(y.count, -0.3, add, dy.there, y.there);
    twin_same("multiple", &y, 1);
  }
  host->graph->relu(t.count, t.host, y.host);
  device->graph->relu(t.count, t.there, y.there);
  host->graph->relu(t.count, t.host, t.host);
  device->graph->relu(t.count, t.there, t.there);
  twin_same("relu", &y, 1);
  twin_same("relu in place", &t, 1);
  host->graph->relu_back(y.count, y.host, dy.host, dy.host);
  device->graph->relu_back(y.count, y.there, dy.there, dy.there);
  twin_same("relu_back", &dy, 1);
  free_all(5, (twin *const[]){&sum, &y, &dy, &dsum, &t});
}

static void given_edges(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++)
    for (int w = 0; w < WIDTHS; w++) {
      edges(rows[r], widths[w], 1 + 37 * (w % 3), (r + w) % 2, (r + w) % 3 == 0);
      convolved(rows[r], widths[w], (r + w) % 2);
      MUST(esp_cuda_settled());
    }
}

static void first_bad(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++) {
    const int n = rows[r];
    for (int at = -1; at < n; at += 1 + n / 5) {
      int64_t here = 7, there = 7;
      twin y = twin_draw((size_t)n, 1, 0);
      if (n > 3) y.host[2] = -1e308, y.host[n - 1] = at % 2 ? 1e308 : -INFINITY;
      if (at >= 0) y.host[at] = at % 2 ? NAN : INFINITY;
      twin put = twin_of(y.host, (size_t)n);
      host->finite((size_t)n, y.host, &here);
      device->finite((size_t)n, put.there, &there);
      MUST(esp_cuda_settled());
      assert_int_equal(here, there);
      twin_free(&y), twin_free(&put);
    }
  }
}

/* Terms of all sizes, also of opposite signs, and what cannot be summed. */
static void exact(const esp_exact_format *format, size_t count) {
  const size_t words = (size_t)format->words;
  twin term = twin_draw(count * 3, 1, 1), y = twin_draw(count, 2, 0), acc = twin_acc(count, words, 3);
  int64_t *word = (int64_t *)acc.host;
  for (size_t k = 0; k < count; k++) {
    if (k % 3) memset(word + k * words, 0, words * sizeof *word);
    for (size_t e = 0; e < 3; e++)
      if (k % 7 != 2) esp_exact_add(format, word + k * words, term.host[3 * k + e]);
    if (k % 5 == 1) esp_exact_add(format, word + k * words, ldexp(-term.host[3 * k], (int)(k % 40) - 60));
    if (k % 11 == 4) word[k * words] *= 3; /* of several ranks */
  }
  twin all = twin_of(word, count * words);
  host->exact_value(format, word, count, y.host);
  device->exact_value(format, all.there, count, y.there);
  twin_same("exact_value", &y, 1);
  memcpy(all.host, word, count * words * sizeof *word);
  host->exact_carry(format, (int64_t *)all.host, count);
  device->exact_carry(format, all.there, count);
  twin_same("exact_carry", &all, 0);
  host->exact_value(format, (int64_t *)all.host, count, y.host);
  device->exact_value(format, all.there, count, y.there);
  twin_same("exact_value of what was carried", &y, 1);
  free_all(4, (twin *const[]){&term, &y, &acc, &all});
}

static void exact_sums(void **state) {
  (void)state;
  for (int r = 0; r < ROWS; r++) {
    exact(&ESP_EXACT_FULL, (size_t)rows[r]);
    exact(&ESP_EXACT_CELL, (size_t)rows[r]);
  }
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {cmocka_unit_test(elementwise), cmocka_unit_test(what_was_heard),
                                     cmocka_unit_test(given_edges), cmocka_unit_test(first_bad),
                                     cmocka_unit_test(exact_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
