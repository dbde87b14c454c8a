/* Trajectories as sets of two frames: see io/set_file.h. */
#include <string.h>

#include "io/set_file_columns.h"

/* A column that is made of another one is as wide as that, or as all of it that lies before. */
static int derived_widths(esp_set_file *f, esp_part part, int backs) {
  for (int k = 0; f->layout->column[k].name; k++) {
    const esp_column *column = &f->layout->column[k];
    if (!column->of || f->data[part][k] >= 0) continue;
    const int of = esp_set_column(f->layout, column->of);
    if (column->optional && of >= 0 && f->data[part][of] < 0) continue; /* neither is there */
    ESP_CHECK(of >= 0 && f->frame[part][of] >= 0, ESP_ERR_FORMAT, "%s: /%s has no frames of %s, which %s is made of",
              f->file->path, esp_part_name(part), column->of, column->name);
    f->about.width[k] = f->about.width[of] * (column->before ? backs : 1);
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

static int check(const esp_pairing *p, int64_t *most) {
  ESP_CHECK(p->lead >= 1 && p->stride >= 1, ESP_ERR_ARG, "pairs of frames %lld apart, every %lld: both must be >= 1",
            (long long)p->lead, (long long)p->stride);
  *most = 0;
  for (int k = 0; k < p->backs; k++) {
    ESP_CHECK(p->back[k] >= 1, ESP_ERR_ARG, "frames %lld before: must be >= 1", (long long)p->back[k]);
    if (p->back[k] > *most) *most = p->back[k];
  }
  return ESP_OK;
}

/* Pairs of a trajectory of so many frames. */
static int64_t pairs_of(const esp_pairing *p, int64_t most, int64_t frames) {
  const int64_t left = frames - p->lead - most;
  return left > 0 ? (left + p->stride - 1) / p->stride : 0;
}

int esp_set_pairs(esp_set_file *f, esp_part part, const esp_pairing *p) {
  int64_t **const old[4] = {&f->n[part], &f->row[part], &f->frames[part], &f->frame_row[part]}, *to[4] = {NULL};
  esp_value *value = NULL;
  int64_t pairs = 0, most;
  int rc = ESP_OK, at = 0;
  ESP_CALL(check(p, &most));
  if (!f->sets[part]) return ESP_OK;
  ESP_CALL(derived_widths(f, part, p->backs));
  for (int s = 0; s < f->sets[part]; s++) pairs += pairs_of(p, most, f->frames[part][s]);
  ESP_CHECK(
      pairs > 0 && pairs <= INT32_MAX, ESP_ERR_VALUE,
      "%s: /%s gives %lld pairs of frames %lld apart, the first with %lld frames before it; must be 1 to 2^31 - 1",
      f->file->path, esp_part_name(part), (long long)pairs, (long long)p->lead, (long long)most);
  for (int k = 0; k < 4; k++) ESP_TRY(ESP_ALLOC(to[k], pairs));
  ESP_TRY(ESP_ALLOC(value, (size_t)pairs * (size_t)esp_set_numbers(f->layout)));
  for (int s = 0; s < f->sets[part]; s++)
    for (int64_t k = 0; k < pairs_of(p, most, f->frames[part][s]); k++)
      take(f, part, s, most + k * p->stride, at++, to, value);
  for (int k = 0; k < 4; k++) {
    int64_t *const kept = *old[k];
    *old[k] = to[k], to[k] = kept;
  }
  ESP_FREE(f->value[part]);
  f->value[part] = value, value = NULL;
  f->sets[part] = (int)pairs;
  f->pairing[part] = *p;
done:
  for (int k = 0; k < 4; k++) ESP_FREE(to[k]);
  ESP_FREE(value);
  return rc;
}
