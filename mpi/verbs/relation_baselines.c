#include "verbs/relation_baselines.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "message/gate.h"
#include "verbs/relation_sets.h"

/* Bandwidths tried, in units of the features' root mean square spread; training sets that gains are fitted on. */
static const double ladder[] = {0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6};
enum { STEPS = sizeof ladder / sizeof ladder[0], FIT_SETS = 4 };

/* ---- kernel sums in the raw features ---- */

/* All pairs, by the block routines of the network: the raw features are the keys, the tree accepts nothing. */
static int sum_all_pairs(const esp_baselines *b, const esp_feature_set *set, double s, double *sum) {
  const double ln_s = log(s);
  esp_layer layer = {0};
  esp_layer_param param = {.form = {.message = &esp_message_gate,
                                    .dim = set->features,
                                    .channels = set->values,
                                    .den = b->average,
                                    .mean = 1},
                           .include_self = b->include_self};
  param.domain = (esp_domain_param){.leaf = 64, .block = 64, .dim = set->features};
  esp_layer_input input = {.id = set->id, .key = set->x, .value = set->v};
  ESP_CALL(esp_layer_forward(&b->backend, &param, set->n_home, &input, &ln_s, sum, &layer));
  esp_layer_free(&layer);
  return ESP_OK;
}

/* Columns of the gain's fit: num (or num / (den + floor)) of each channel, and 1. */
static void to_columns(const esp_baselines *b, int n, int channels, const double *sum, double *X) {
  const int width = channels + (b->average ? 1 : 0);
  for (int i = 0; i < n; i++) {
    const double *from = sum + (size_t)i * (size_t)width;
    double *row = X + (size_t)i * (size_t)(channels + 1);
    for (int c = 0; c < channels; c++) row[c] = b->average ? from[c] / (from[channels] + ESP_RELATION_FLOOR) : from[c];
    row[channels] = 1;
  }
}

/* Of one method: sums with width s. nearest: its neighbours, already found. */
static int columns_of(const esp_baselines *b, esp_baseline which, const esp_feature_set *set,
                      const esp_nearest *nearest, double s, double *sum, double *X) {
  if (which == ESP_BASE_KERNEL)
    ESP_CALL(sum_all_pairs(b, set, s, sum));
  else
    esp_nearest_sum(nearest, s, b->average, b->include_self ? set->v : NULL, sum);
  to_columns(b, set->n_home, set->values, sum, X);
  return ESP_OK;
}

/* The memory that one method on one set needs. */
typedef struct {
  double *sum, *X, *y;
  esp_nearest nearest;
} workspace;

static void work_free(workspace *w) {
  ESP_FREE(w->sum);
  ESP_FREE(w->X);
  ESP_FREE(w->y);
  esp_nearest_free(&w->nearest);
}

static int work_create(const esp_baselines *b, esp_baseline which, const esp_feature_set *set, workspace *w) {
  const esp_comm *comm = b->backend.comm;
  const size_t n = (size_t)set->n_home;
  int rc = ESP_ALLOC(w->sum, n * (size_t)(set->values + 1));
  if (!rc) rc = ESP_ALLOC(w->X, n * (size_t)(set->values + 1));
  if (!rc) rc = ESP_ALLOC(w->y, n * (size_t)(set->targets > 0 ? set->targets : 1));
  ESP_CALL(comm->agree(comm, rc));
  if (which == ESP_BASE_NEAREST)
    ESP_CALL(esp_nearest_find(comm, set->n, set->first, set->n_home, set->features, set->x, set->values, set->v,
                              b->neighbours, &w->nearest));
  return ESP_OK;
}

/* ---- fitting ---- */

/* x, v and 1. */
static int linear_rows(const esp_feature_set *set, double **X) {
  const int D = set->features, F = set->values, p = D + F + 1;
  ESP_CALL(ESP_ALLOC(*X, (size_t)set->n_home * (size_t)p));
  for (int i = 0; i < set->n_home; i++) {
    double *row = *X + (size_t)i * (size_t)p;
    memcpy(row, set->x + (size_t)i * (size_t)D, (size_t)D * sizeof *row);
    memcpy(row + D, set->v + (size_t)i * (size_t)F, (size_t)F * sizeof *row);
    row[p - 1] = 1;
  }
  return ESP_OK;
}

static int constant_rows(const esp_feature_set *set, double **X) {
  ESP_CALL(ESP_ALLOC(*X, set->n_home));
  for (int i = 0; i < set->n_home; i++) (*X)[i] = 1;
  return ESP_OK;
}

static int add_set(const esp_baselines *b, const esp_feature_set *set, esp_least_squares *linear,
                   esp_least_squares *mean) {
  double *X = NULL, *one = NULL;
  int rc = constant_rows(set, &one);
  if (!rc && linear) rc = linear_rows(set, &X);
  rc = b->backend.comm->agree(b->backend.comm, rc);
  if (!rc) esp_least_squares_add(mean, set->n_home, one, set->y, set->weight);
  if (!rc && linear) esp_least_squares_add(linear, set->n_home, X, set->y, set->weight);
  ESP_FREE(X);
  ESP_FREE(one);
  return rc;
}

static int fit_linear(esp_baselines *b, const esp_feature_file *file) {
  const esp_comm *comm = b->backend.comm;
  const int p = file->about.features + file->about.values + 1, wide = p > ESP_BASE_COLUMNS;
  esp_least_squares *mean = &b->fit[ESP_BASE_MEAN], *linear = &b->fit[ESP_BASE_LINEAR];
  int rc = esp_least_squares_create(1, file->about.targets, mean);
  if (!rc && !wide) rc = esp_least_squares_create(p, file->about.targets, linear);
  ESP_CALL(comm->agree(comm, rc));
  for (int s = 0; s < file->sets[ESP_PART_TRAIN]; s++) {
    esp_feature_set set;
    ESP_CALL(esp_feature_share_read(file, comm, ESP_PART_TRAIN, s, &set));
    rc = add_set(b, &set, wide ? NULL : linear, mean);
    esp_feature_set_free(&set);
    ESP_CALL(rc);
  }
  ESP_CALL(esp_least_squares_solve(comm, mean));
  if (!wide) ESP_CALL(esp_least_squares_solve(comm, linear));
  b->fitted[ESP_BASE_MEAN] = 1;
  b->fitted[ESP_BASE_LINEAR] = !wide;
  return ESP_OK;
}

/* Root mean square spread of a feature, from the sums of the linear fit. */
static double spread(const esp_baselines *b, int features) {
  const esp_least_squares *fit = &b->fit[ESP_BASE_LINEAR];
  const int width = fit->p + fit->t, one = fit->p - 1;
  const double count = fit->sum[one * width + one];
  double sum = 0;
  for (int a = 0; a < features && count > 0; a++) {
    const double mean = fit->sum[a * width + one] / count;
    sum += fmax(0, fit->sum[a * width + a] / count - mean * mean);
  }
  return sum > 0 ? sqrt(sum / features) : 1;
}

/* Where hardly any pair weighs anything, the gain is that of a few chance neighbours: such widths are no candidates. */
static int carries(const esp_baselines *b, const esp_feature_set *set, const esp_least_squares *fit) {
  const esp_least_squares *linear = &b->fit[ESP_BASE_LINEAR];
  const int width = fit->p + fit->t, one = fit->p - 1, all = linear->p + linear->t, last = linear->p - 1;
  for (int c = 0; c < set->values; c++) {
    const int v = set->features + c;
    const double sums = fit->sum[c * width + c] / fit->sum[one * width + one];
    const double values = linear->sum[v * all + v] / linear->sum[last * all + last];
    if (!(sums > 1e-2 * values)) return 0;
  }
  return 1;
}

/* One step of the ladder: gains from the first sets, judged on the last; kept if it is the best so far. */
static int try_scale(esp_baselines *b, esp_baseline which, int sets, const esp_feature_set *set, workspace *w, double s,
                     double *best) {
  const esp_comm *comm = b->backend.comm;
  const esp_feature_set *judge = &set[sets - 1];
  esp_least_squares fit = {0};
  double nmse;
  int rc;
  ESP_TRY(comm->agree(comm, esp_least_squares_create(set->values + 1, set->targets, &fit)));
  for (int k = 0; k < sets; k++) {
    ESP_TRY(columns_of(b, which, &set[k], &w[k].nearest, s, w[k].sum, w[k].X));
    if (k < sets - 1 || sets == 1) esp_least_squares_add(&fit, set[k].n_home, w[k].X, set[k].y, set[k].weight);
  }
  ESP_TRY(esp_least_squares_solve(comm, &fit));
  esp_least_squares_apply(&fit, judge->n_home, w[sets - 1].X, w[sets - 1].y);
  ESP_TRY(esp_relation_loss(comm, judge, w[sets - 1].y, 1, NULL, &nmse));
  if (nmse < *best && carries(b, set, &fit)) {
    esp_least_squares_free(&b->fit[which]);
    b->fit[which] = fit;
    b->scale[which] = s;
    fit = (esp_least_squares){0};
    *best = nmse;
    b->fitted[which] = 1;
  }
done:
  esp_least_squares_free(&fit);
  return rc;
}

static int fit_kernel(esp_baselines *b, esp_baseline which, int sets, const esp_feature_set *set) {
  workspace w[FIT_SETS + 1] = {0};
  double best = INFINITY;
  const double unit = spread(b, set->features);
  int rc = ESP_OK;
  for (int k = 0; k < sets; k++) ESP_TRY(work_create(b, which, &set[k], &w[k]));
  for (int k = 0; k < STEPS; k++) ESP_TRY(try_scale(b, which, sets, set, w, ladder[k] * unit, &best));
done:
  for (int k = 0; k < sets; k++) work_free(&w[k]);
  return rc;
}

int esp_baselines_fit(const esp_backend *backend, const esp_feature_file *file, const esp_relation_param *param,
                      int neighbours, esp_baselines *baselines) {
  *baselines = (esp_baselines){
      .backend = *backend, .average = param->average, .include_self = param->include_self, .neighbours = neighbours};
  if (!file->sets[ESP_PART_TRAIN] || !file->about.targets) return ESP_OK;
  ESP_CALL(fit_linear(baselines, file));
  if (!baselines->fitted[ESP_BASE_LINEAR] || file->about.features > ESP_MAX_DIM ||
      file->n[ESP_PART_TRAIN][esp_relation_largest(file, ESP_PART_TRAIN)] > ESP_BASE_PAIRS_N ||
      file->about.values > ESP_GATE_MAX_CHANNELS)
    return ESP_OK;
  const int sets = esp_imin(file->sets[ESP_PART_TRAIN], FIT_SETS + 1);
  esp_feature_set set[FIT_SETS + 1] = {0};
  int rc = ESP_OK;
  for (int k = 0; k < sets; k++) ESP_TRY(esp_feature_share_read(file, backend->comm, ESP_PART_TRAIN, k, &set[k]));
  ESP_TRY(fit_kernel(baselines, ESP_BASE_KERNEL, sets, set));
  ESP_TRY(fit_kernel(baselines, ESP_BASE_NEAREST, sets, set));
done:
  for (int k = 0; k < sets; k++) esp_feature_set_free(&set[k]);
  return rc;
}

void esp_baselines_free(esp_baselines *baselines) {
  for (int w = 0; w < ESP_BASELINES; w++) esp_least_squares_free(&baselines->fit[w]);
}

/* ---- predicting ---- */

int esp_baseline_can(const esp_baselines *baselines, esp_baseline which, int64_t n) {
  return baselines->fitted[which] && (which < ESP_BASE_KERNEL || n <= ESP_BASE_PAIRS_N);
}

void esp_baseline_name(const esp_baselines *baselines, esp_baseline which, char text[64]) {
  if (which == ESP_BASE_NEAREST) {
    snprintf(text, 64, "kernel: %d nearest in raw features", baselines->neighbours);
    return;
  }
  static const char *const names[] = {"mean of the targets", "linear least squares",
                                      "kernel: all pairs in raw features"};
  snprintf(text, 64, "%s", names[which]);
}

int esp_baseline_predict(const esp_baselines *baselines, esp_baseline which, const esp_feature_set *set, double *y,
                         double *pairs) {
  workspace w = {0};
  double *X = NULL;
  int rc;
  *pairs = 0;
  if (which == ESP_BASE_MEAN || which == ESP_BASE_LINEAR) {
    rc = which == ESP_BASE_MEAN ? constant_rows(set, &X) : linear_rows(set, &X);
    ESP_TRY(baselines->backend.comm->agree(baselines->backend.comm, rc));
    esp_least_squares_apply(&baselines->fit[which], set->n_home, X, y);
    goto done;
  }
  ESP_TRY(work_create(baselines, which, set, &w));
  ESP_TRY(columns_of(baselines, which, set, &w.nearest, baselines->scale[which], w.sum, w.X));
  esp_least_squares_apply(&baselines->fit[which], set->n_home, w.X, y);
  *pairs = which == ESP_BASE_KERNEL ? (double)(set->n - 1) : w.nearest.k;
done:
  ESP_FREE(X);
  work_free(&w);
  return rc;
}
