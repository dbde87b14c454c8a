/* Trajectories as sets of two frames: see io/set_file.h. */
#include <string.h>

#include "io/set_file_columns.h"

/* A column that is made of another one is as wide as that. */
static int derived_widths(esp_set_file *f, esp_part part) {
  for (int k = 0; f->layout->column[k].name; k++) {
    const esp_column *column = &f->layout->column[k];
    if (!column->of || f->data[part][k] >= 0) continue;
    const int of = esp_set_column(f->layout, column->of);
    ESP_CHECK(of >= 0 && f->frame[part][of] >= 0, ESP_ERR_FORMAT, "%s: /%s has no frames of %s, which %s is made of",
              f->file->path, esp_part_name(part), column->of, column->name);
    f->about.width[k] = f->about.width[of];
  }
  return ESP_OK;
}

/* Pair `at` of the new arrays begins at frame `frame` of set s. */
static void take(const esp_set_file *f, esp_part part, int s, int64_t frame, int at, int64_t *const to[4],
                 esp_value *value) {
  const size_t numbers = (size_t)esp_set_numbers(f->layout);
  to[0][at] = f->n[part][s];
  to[1][at] = f->row[part][s];
  to[2][at] = f->frames[part][s] - frame;
  to[3][at] = f->frame_row[part][s] + frame * f->n[part][s];
  if (numbers) memcpy(value + (size_t)at * numbers, f->value[part] + (size_t)s * numbers, numbers * sizeof *value);
}

int esp_set_pairs(esp_set_file *f, esp_part part, int64_t lead, int64_t stride) {
  int64_t **const old[4] = {&f->n[part], &f->row[part], &f->frames[part], &f->frame_row[part]}, *to[4] = {NULL};
  esp_value *value = NULL;
  int64_t pairs = 0;
  int rc = ESP_OK, at = 0;
  ESP_CHECK(lead >= 1 && stride >= 1, ESP_ERR_ARG, "pairs of frames %lld apart, every %lld: both must be >= 1",
            (long long)lead, (long long)stride);
  if (!f->sets[part]) return ESP_OK;
  ESP_CALL(derived_widths(f, part));
  for (int s = 0; s < f->sets[part]; s++)
    if (f->frames[part][s] > lead) pairs += (f->frames[part][s] - lead + stride - 1) / stride;
  ESP_CHECK(pairs > 0 && pairs <= INT32_MAX, ESP_ERR_VALUE,
            "%s: /%s gives %lld pairs of frames %lld apart; must be 1 to 2^31 - 1", f->file->path, esp_part_name(part),
            (long long)pairs, (long long)lead);
  for (int k = 0; k < 4; k++) ESP_TRY(ESP_ALLOC(to[k], pairs));
  ESP_TRY(ESP_ALLOC(value, (size_t)pairs * (size_t)esp_set_numbers(f->layout)));
  for (int s = 0; s < f->sets[part]; s++)
    for (int64_t frame = 0; frame < f->frames[part][s] - lead; frame += stride)
      take(f, part, s, frame, at++, to, value);
  for (int k = 0; k < 4; k++) {
    int64_t *const kept = *old[k];
    *old[k] = to[k], to[k] = kept;
  }
  ESP_FREE(f->value[part]);
  f->value[part] = value, value = NULL;
  f->sets[part] = (int)pairs;
  f->lead[part] = lead;
done:
  for (int k = 0; k < 4; k++) ESP_FREE(to[k]);
  ESP_FREE(value);
  return rc;
}
