#include "base/select.h"

#include <string.h>

enum { BINS = ESP_SELECT_BINS, DIGITS = 8 };

uint64_t esp_select_image(double x) {
  const double plain = x + 0.0; /* -0 becomes +0 */
  uint64_t bits;
  memcpy(&bits, &plain, sizeof bits);
  return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

int esp_select(const esp_comm *comm, esp_selection *s) {
  const size_t groups = (size_t)s->groups;
  memset(s->found, 0, groups * sizeof *s->found);
  for (int digit = 0; digit < DIGITS; digit++) {
    const int shift = 8 * (DIGITS - 1 - digit);
    int64_t kept = 0;
    memset(s->bins, 0, groups * BINS * sizeof *s->bins);
    for (int64_t c = 0; c < s->candidates; c++) {
      const int j = s->candidate[c];
      s->bins[(int64_t)(s->group[j] - s->first) * BINS + (int64_t)(s->word[j] >> shift & (BINS - 1))]++;
    }
    ESP_CALL(comm->sum_i64(comm, s->bins, groups * BINS));
    for (int t = 0; t < s->groups; t++) {
      const int64_t *bins = s->bins + (int64_t)t * BINS;
      uint64_t bin = 0;
      if (!s->rank[t]) continue;
      while (bin < BINS - 1 && s->rank[t] > bins[bin]) s->rank[t] -= bins[bin++];
      s->equal[t] = bins[bin];
      s->found[t] |= bin << shift;
    }
    for (int64_t c = 0; c < s->candidates; c++) {
      const int j = s->candidate[c];
      if (s->word[j] >> shift == s->found[s->group[j] - s->first] >> shift) s->candidate[kept++] = j;
    }
    s->candidates = kept;
  }
  return ESP_OK;
}
