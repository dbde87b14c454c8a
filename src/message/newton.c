#include "message/newton.h"

#include <math.h>

static void leaf(const esp_form *f, int count, const double *source, double *cell) {
  (void)f;
  esp_mass_leaf(count, source, cell);
}

static void join(const esp_form *f, double n1, const double *c1, double n2, const double *c2, double *cell) {
  (void)f;
  esp_mass_join(n1, c1, n2, c2, cell);
}

static void pass(const esp_form *f, const double *cell, const double *adjoint, const double *child, double *to) {
  (void)f;
  esp_mass_pass(cell, adjoint, child, to);
}

static void pull(const esp_form *f, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  (void)f;
  for (size_t i = 0; i < (size_t)count; i++) esp_mass_pull(cell, adjoint, source + i * ESP_BODY, dsource + i * 3);
}

const esp_cell_algebra esp_mass_cells = {.leaf = leaf, .join = join, .pass = pass, .pull = pull};

int esp_body_check(const esp_form *f, const double *param) {
  (void)param;
  ESP_CHECK(f->dim == 3, ESP_ERR_ARG, "messages of bodies with positions of %d numbers; 3 are needed", f->dim);
  ESP_CHECK(f->softening >= 0 && isfinite(f->softening), ESP_ERR_CONFIG, "softening length %g; allowed: finite, >= 0",
            f->softening);
  for (int a = 0; a < 3; a++)
    ESP_CHECK(f->period[a] >= 0 && isfinite(f->period[a]), ESP_ERR_CONFIG,
              "box length %g of axis %d; must be > 0, or 0 for open", f->period[a], a);
  return ESP_OK;
}

int esp_body_admit(const esp_form *f, int64_t id, const double *source) {
  (void)f;
  ESP_CHECK(source[ESP_BODY_MASS] >= 0, ESP_ERR_VALUE, "particle %lld has mass %g; allowed: finite, >= 0",
            (long long)id, source[ESP_BODY_MASS]);
  return ESP_OK;
}

static void widths(const esp_form *f, esp_widths *w) {
  (void)f;
  *w = (esp_widths){
      .source = ESP_BODY, .sum = ESP_BODY_SUM, .dsource = 3, .cell = ESP_MASS_CELL, .adjoint = ESP_MASS_ADJOINT};
}

static esp_message_part part(const esp_form *f, int k) {
  (void)f, (void)k;
  return (esp_message_part){0};
}

static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  (void)f, (void)seed, (void)layer, (void)param;
}

const esp_message esp_message_newton = {.name = "newton",
                                        .traits = ESP_MESSAGE_GRAVITY,
                                        .help = "gravity of softened point masses: the law is given",
                                        .check = esp_body_check,
                                        .admit = esp_body_admit,
                                        .widths = widths,
                                        .part = part,
                                        .start = start,
                                        .cells = &esp_mass_cells};
