#include "message/law.h"

#include <math.h>

#include "base/rng.h"

int esp_law_check(const esp_form *f, const double *param) {
  ESP_CALL(esp_body_check(f, param));
  ESP_CHECK(f->channels >= 1 && f->channels <= ESP_LAW_MAX_HIDDEN, ESP_ERR_CONFIG,
            "hidden width %d: allowed are 1 to %d", f->channels, ESP_LAW_MAX_HIDDEN);
  ESP_CHECK(f->mean > 0 && isfinite(f->mean), ESP_ERR_ARG, "mean mass %g as unit; must be > 0 and finite", f->mean);
  return ESP_OK;
}

void esp_law_widths(const esp_form *f, esp_widths *w) {
  *w = (esp_widths){.source = ESP_BODY,
                    .sum = ESP_BODY_SUM,
                    .dsource = 3,
                    .cell = ESP_MASS_CELL,
                    .adjoint = ESP_MASS_ADJOINT,
                    .param = esp_law_count(f->channels)};
}

esp_message_part esp_law_part(const esp_form *f, int k) {
  const int H = f->channels;
  const esp_message_part all[] = {{"W1", H, 2}, {"W2", H, 1}, {"W3", H, ESP_LAW_EDGE}, {"V", H, 1}};
  return k < 4 ? all[k] : (esp_message_part){0};
}

void esp_law_start(const esp_form *f, uint64_t seed, int layer, double last, double *param) {
  const int count = esp_law_count(f->channels), v = count - f->channels;
  for (int i = 0; i < count; i++)
    param[i] = (i < v ? 0.5 : last) * esp_rng_normal(seed, (uint64_t)layer, ESP_RNG_WEIGHT, (uint32_t)i);
}

/* V is small. Units turn at distances spread evenly in ln q from delta to beyond any box of thousands of particles,
 * rising and falling by turns: no scale is preferred. */
static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  const double nearest = log(1e-4), farthest = log(256), slope = 2, jitter = 0.1;
  const int H = f->channels;
  esp_law_start(f, seed, layer, 0.001 / (ESP_LAW_GAIN * sqrt((double)H)), param);
  double *w1 = param, *w2 = w1 + 2 * H, *w3 = w2 + H;
  for (int i = 0; i < (int)(w3 - param) + ESP_LAW_EDGE * H; i++) param[i] *= jitter / 0.5;
  for (int h = 0; h < H; h++) {
    double turn = nearest + (farthest - nearest) * (h + 0.5) / H, rise = h % 2 ? slope : -slope;
    w3[ESP_LAW_EDGE * h] += rise;
    w1[2 * h] -= rise * turn;
  }
}

const esp_message esp_message_law = {.name = "mlp",
                                     .traits = ESP_MESSAGE_SHARED,
                                     .help = "the law to be found: one learned message for near and far",
                                     .check = esp_law_check,
                                     .admit = esp_body_admit,
                                     .widths = esp_law_widths,
                                     .part = esp_law_part,
                                     .start = start,
                                     .cells = &esp_mass_cells};
