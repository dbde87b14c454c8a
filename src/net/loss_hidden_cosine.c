#include <math.h>

#include "base/exact_sum.h"
#include "net/gate_regression.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };
static const double LEAST = 1e-20; /* of |y|; below it nothing was heard */

typedef struct {
  double *own, *target, *y; /* [n][C], in the host's memory */
  esp_features half;
  int64_t acc[2 * WORDS];
} work;

static int work_create(const esp_hidden_cosine_param *p, const esp_backend *with, const esp_set *set, const double *y,
                       work *w) {
  const size_t count = (size_t)set->n_home * (size_t)p->directions;
  esp_features rows;
  ESP_CALL(esp_features_of(set, &rows, &w->own));
  ESP_CALL(esp_features_half_create(&rows, p->seed, (uint64_t)*p->step, 1, &w->half));
  ESP_CALL(ESP_ALLOC(w->target, count));
  ESP_CALL(ESP_ALLOC(w->y, count));
  esp_features_times(&w->half, p->directions, p->V, w->target);
  return esp_device_get(with->device, count, y, w->y);
}

static void work_free(work *w) {
  ESP_FREE(w->own);
  ESP_FREE(w->target);
  ESP_FREE(w->y);
  esp_features_half_free(&w->half);
}

static double dot(size_t C, const double *a, const double *b) {
  double sum = 0;
  for (size_t c = 0; c < C; c++) sum += a[c] * b[c];
  return sum;
}

/* Of one particle: -cos, and its gradient in place of y, times a. */
static double of_row(size_t C, double a, const double *target, double *y) {
  const double yy = sqrt(dot(C, y, y)), tt = sqrt(dot(C, target, target));
  const double cosine = yy >= LEAST && tt > 0 ? dot(C, y, target) / (yy * tt) : 0;
  for (size_t c = 0; c < C; c++)
    y[c] = yy >= LEAST && tt > 0 ? -a * (target[c] / (yy * tt) - cosine * y[c] / (yy * yy)) : 0;
  return -cosine;
}

/* Of particle i in the mean: 0 where it is not asked. */
static double weight_of(const esp_hidden_cosine_param *p, const esp_set *set, size_t i) {
  const double *weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  if (!esp_gate_asked(p->seed, *p->step, set->id[i], p->receivers, set->n)) return 0;
  return weight ? weight[i] : 1;
}

static int value(const void *param, const esp_backend *with, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  const esp_hidden_cosine_param *p = param;
  const size_t C = (size_t)p->directions, n = (size_t)set->n_home;
  work w = {0};
  double sum[2];
  int rc = work_create(p, with, set, y, &w);
  ESP_TRY(with->comm->agree(with->comm, rc));
  for (size_t i = 0; i < n; i++) esp_exact_add(&ESP_EXACT_FULL, w.acc + WORDS, weight_of(p, set, i));
  esp_exact_carry(&ESP_EXACT_FULL, w.acc + WORDS, 1);
  ESP_TRY(with->comm->sum_i64(with->comm, w.acc + WORDS, WORDS));
  sum[1] = esp_exact_value(&ESP_EXACT_FULL, w.acc + WORDS);
  if (sum[1] == 0) sum[1] = 1;
  for (size_t i = 0; i < n; i++) {
    const double own = weight_of(p, set, i);
    const double term = of_row(C, factor * own / sum[1], w.target + i * C, w.y + i * C);
    esp_exact_add(&ESP_EXACT_FULL, w.acc, own * term);
  }
  esp_exact_carry(&ESP_EXACT_FULL, w.acc, 1);
  ESP_TRY(with->comm->sum_i64(with->comm, w.acc, WORDS));
  *part = esp_exact_value(&ESP_EXACT_FULL, w.acc) / sum[1];
  if (dy) ESP_TRY(esp_device_agree(with->device, with->comm, esp_device_put(with->device, n * C, w.y, dy)));
done:
  work_free(&w);
  return rc;
}

const esp_loss esp_loss_hidden_cosine = {
    .name = "hidden_cosine",
    .help = "minus the cosine between what is predicted and the hidden features on their leading directions",
    .parts = 1,
    .value = value,
};
