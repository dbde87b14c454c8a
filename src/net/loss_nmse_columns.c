#include <math.h>

#include "base/exact_sum.h"
#include "net/loss.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, COLUMNS = 2 };

/* A column of targets t [n][width], predicted by the numbers from `at` on of rows of `row`. */
typedef struct {
  size_t n, row, at, width;
  const double *t, *weight; /* weight [n], NULL: 1 */
} column;

static double weight_of(const column *c, size_t i) {
  return c->weight ? c->weight[i] : 1;
}

/* acc: error, target. */
static void add_squares(const column *c, const double *y, int64_t *acc) {
  for (size_t i = 0; i < c->n; i++) {
    double e = 0, t = 0;
    for (size_t a = 0; a < c->width; a++) {
      const double target = c->t[i * c->width + a], d = y[i * c->row + c->at + a] - target;
      e += d * d;
      t += target * target;
    }
    esp_exact_add(&ESP_EXACT_FULL, acc, weight_of(c, i) * e);
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, weight_of(c, i) * t);
  }
}

static void set_gradient(const column *c, const double *y, double factor, double *dy) {
  for (size_t i = 0; i < c->n; i++) {
    const double scale = factor * weight_of(c, i);
    for (size_t a = 0; a < c->width; a++) {
      const size_t k = i * c->row + c->at + a;
      dy[k] = scale * (y[k] - c->t[i * c->width + a]);
    }
  }
}

static void weights(const void *param, double *weight) {
  const esp_nmse_columns_param *p = param;
  weight[0] = 1;
  weight[1] = p->second;
}

static int value(const void *param, const esp_comm *comm, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  int64_t acc[2 * COLUMNS * WORDS] = {0};
  column c[COLUMNS];
  double weight[COLUMNS];
  size_t at = 0, row = (size_t)esp_set_role_width(set, ESP_TARGET);
  const double *rows = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  for (int k = 0; k < COLUMNS; k++) {
    int width = 0;
    const double *t = esp_set_role(set, ESP_TARGET, k, &width);
    ESP_CHECK(width > 0, ESP_ERR_ARG, "loss of a set with %d columns of targets; it is of %d", k, (int)COLUMNS);
    c[k] = (column){.n = (size_t)set->n_home, .row = row, .at = at, .width = (size_t)width, .t = t, .weight = rows};
    at += c[k].width;
    add_squares(&c[k], y, acc + 2 * k * WORDS);
  }
  ESP_CHECK(at == row, ESP_ERR_ARG, "loss of a set with more than %d columns of targets", (int)COLUMNS);
  esp_exact_carry(&ESP_EXACT_FULL, acc, 2 * COLUMNS);
  ESP_CALL(comm->sum_i64(comm, acc, 2 * COLUMNS * WORDS));
  weights(param, weight);
  for (int k = 0; k < COLUMNS; k++) {
    const double error = esp_exact_value(&ESP_EXACT_FULL, acc + 2 * k * WORDS);
    double norm = esp_exact_value(&ESP_EXACT_FULL, acc + (2 * k + 1) * WORDS);
    if (norm == 0) norm = 1;
    part[k] = error / norm;
    if (dy) set_gradient(&c[k], y, 2 * factor * weight[k] / norm, dy);
  }
  return ESP_OK;
}

#define OF esp_nmse_columns_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_REAL_ROW(OF, second, "train_loss_k", "0.5", 0, INFINITY, "",
                     "weight of the second of two targets in the loss: of the velocity's part, where bodies move"),
        {0}},
    NULL};

const esp_loss esp_loss_nmse_columns = {
    .name = "nmse_columns",
    .help = "mean square of each of two targets over the mean square of what it should be",
    .options = &options,
    .parts = COLUMNS,
    .part = "nmse_",
    .weights = weights,
    .value = value,
};
