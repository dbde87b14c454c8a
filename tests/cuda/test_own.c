/* Proves that a device's messages of particles to themselves are the CPU's, taken out of sums and of gradients, every word, of the
 * gated messages at every ragged size, where queries are the keys and where they are not, with numbers at the ends of what there
 * is. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/twin.h"

#include "base/set.h"
#include "cuda/kernels.h"
#include "message/gate.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static void one_size(const esp_form *f, int n, int keys, int awkward) {
  char what[100];
  const esp_own_message *host = f->message->own, *device = esp_device_cuda32.kernels(f->message)->own;
  const esp_widths w = esp_form_widths(f);
  const size_t m = (size_t)n, d = (size_t)f->dim, query = (size_t)w.query, source = (size_t)w.source;
  twin param = twin_draw((size_t)w.param, 1, 0), s = twin_draw(m * source, 2, awkward);
  twin drawn = twin_draw(m * query, 3, awkward), sum = twin_draw(m * (size_t)w.sum, 4, awkward);
  for (size_t i = 0; i < m; i++) /* of every row, or of some, all axes; of others one */
    if (keys || i % 5 < 2)
      memcpy(drawn.host + i * query, s.host + i * source, (keys || i % 5 ? d : 1) * sizeof *drawn.host);
  twin q = twin_of(drawn.host, drawn.count), dsum = twin_draw(sum.count, 5, awkward);
  twin dq = twin_draw(m * (size_t)w.dquery, 6, awkward), ds = twin_draw(m * (size_t)w.dsource, 7, awkward);
  twin acc = twin_acc((size_t)w.param, WORDS, 8);
  host->take(f, param.host, n, q.host, s.host, sum.host);
  host->take_back(f, param.host, n, q.host, s.host, dsum.host, dq.host, ds.host, (int64_t *)acc.host);
  device->take(f, param.there, n, q.there, s.there, sum.there);
  device->take_back(f, param.there, n, q.there, s.there, dsum.there, dq.there, ds.there, acc.there);
  MUST(esp_cuda_settled());
  snprintf(what, sizeof what, "%s, n %d, d %d, C %d, den %d, keys %d, awkward %d", f->message->name, n, f->dim,
           f->channels, f->den, keys, awkward);
  twin_same(what, &sum, 1);
  twin_same(what, &dq, 1);
  twin_same(what, &ds, 1);
  twin_same(what, &acc, 0);
  twin *const all[] = {&param, &s, &drawn, &sum, &q, &dsum, &dq, &ds, &acc};
  for (int k = 0; k < 9; k++) twin_free(all[k]);
}

static void sizes(const esp_message *message) {
  static const int rows[] = {0, 1, 7, 31, 32, 33, 63, 64, 65, 1000}, channels[] = {1, 3, 17, 64, 100};
  static const int dims[] = {2, 1, 3, 8, 5};
  for (int r = 0; r < 10; r++)
    for (int c = 0; c < 5; c++) {
      const esp_form f = {
          .message = message, .dim = dims[(r + c) % 5], .channels = channels[c], .den = (r + c / 2) % 2};
      one_size(&f, rows[r], r % 2, (r + c) % 3 == 0);
    }
  const esp_form f = {.message = message, .dim = 2, .channels = 2, .den = 1};
  one_size(&f, 70 * ESP_GROUP + 3, 0, 0);
}

static void gate(void **state) {
  (void)state;
  sizes(&esp_message_gate);
}

static void learned(void **state) {
  (void)state;
  sizes(&esp_message_gate_mlp);
}

int main(void) {
  const int rc = twin_begin();
  if (rc) return rc;
  const struct CMUnitTest tests[] = {cmocka_unit_test(gate), cmocka_unit_test(learned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
