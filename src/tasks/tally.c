#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "tasks/showing.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

int esp_tally_create(const esp_figure *figure, esp_tally *tally) {
  *tally = (esp_tally){0};
  while (figure[tally->figures].name) tally->figures++;
  int rc = ESP_ALLOC(tally->acc, (size_t)tally->figures * 2 * WORDS);
  if (!rc) rc = ESP_ALLOC(tally->added, tally->figures);
  if (rc) esp_tally_free(tally);
  return rc;
}

void esp_tally_free(esp_tally *tally) {
  ESP_FREE(tally->acc);
  ESP_FREE(tally->added);
  tally->figures = 0;
}

void esp_tally_add(esp_tally *tally, int figure, double over, double under) {
  enum { OFTEN = 1 << 29 }; /* terms between two carries */
  int64_t *acc = tally->acc + (size_t)figure * 2 * WORDS;
  esp_exact_add(&ESP_EXACT_FULL, acc, over);
  esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, under);
  if (++tally->added[figure] % OFTEN == 0) esp_exact_carry(&ESP_EXACT_FULL, acc, 2);
}

int esp_tally_value(const esp_comm *comm, const esp_tally *tally, const esp_figure *figure, double *value) {
  const size_t words = (size_t)tally->figures * 2 * WORDS;
  int64_t *sum = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(sum, words + (size_t)tally->figures)));
  memcpy(sum, tally->acc, words * sizeof *sum);
  memcpy(sum + words, tally->added, (size_t)tally->figures * sizeof *sum);
  esp_exact_carry(&ESP_EXACT_FULL, sum, 2 * (size_t)tally->figures);
  ESP_TRY(comm->sum_i64(comm, sum, words + (size_t)tally->figures));
  for (int k = 0; k < tally->figures; k++) {
    const int64_t *acc = sum + (size_t)k * 2 * WORDS;
    const double under = esp_exact_value(&ESP_EXACT_FULL, acc + WORDS);
    const double ratio = esp_exact_value(&ESP_EXACT_FULL, acc) / (under == 0 ? 1 : under);
    value[k] = sum[words + (size_t)k] == 0 ? NAN : figure[k].root ? sqrt(ratio) : ratio;
  }
done:
  ESP_FREE(sum);
  return rc;
}
