#include <math.h>
#include <string.h>

#include "base/least_squares.h"
#include "base/nearest.h"
#include "message/gate.h"
#include "net/layer.h"
#include "net/loss.h"
#include "net/stack.h"
#include "tasks/relation/show.h"

/* Bandwidths tried, in units of the features' root mean square spread; training sets that gains are fitted on. */
static const double ladder[] = {0.1, 0.2, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 5.6};
enum { STEPS = sizeof ladder / sizeof ladder[0], FIT_SETS = 4 };
/* Largest sets of the methods that look at all pairs; widest data of the others. */
enum { PAIRS_N = 16384, COLUMNS = 256 };

typedef enum { MEAN, LINEAR, KERNEL, NEAREST, METHODS } which;

typedef struct {
  const esp_aggregate *aggregate; /* the network's */
  int include_self, neighbours;
  int fitted[METHODS];
  esp_least_squares fit[METHODS];
  double scale[METHODS]; /* s of kernel and nearest */
} baselines;

/* A set as the methods see it. */
typedef struct {
  const esp_set *set;
  int n, D, F, T;
  const double *x, *v, *y, *weight;
} rows;

static rows rows_of(const esp_set *set) {
  rows r = {.set = set, .n = set->n_home};
  r.x = esp_set_role(set, ESP_INPUT, 0, &r.D);
  r.v = esp_set_role(set, ESP_SENT, 0, &r.F);
  r.y = esp_set_role(set, ESP_TARGET, 0, &r.T);
  r.weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  return r;
}

/* ---- kernel sums in the raw features ---- */

/* All pairs, by the block routines of the network: the raw features are the keys, the tree accepts nothing. */
static int sum_all_pairs(const baselines *b, const esp_backend *backend, const rows *r, double s, double *sum) {
  const double ln_s = log(s);
  esp_layer layer = {0};
  esp_layer_param param = {
      .form = {.message = &esp_message_gate, .dim = r->D, .channels = r->F, .den = b->aggregate->den, .mean = 1},
      .include_self = b->include_self};
  param.domain = (esp_domain_param){.leaf = 64, .block = 64, .dim = r->D};
  esp_layer_input input = {.id = r->set->id, .key = r->x, .value = r->v};
  ESP_CALL(esp_layer_forward(backend, &param, r->n, &input, &ln_s, sum, &layer));
  esp_layer_free(&layer);
  return ESP_OK;
}

/* Columns of the gain's fit: num (or num / (den + floor)) of each channel, and 1. */
static void to_columns(const baselines *b, int n, int channels, const double *sum, double *X) {
  const int width = channels + b->aggregate->den;
  for (int i = 0; i < n; i++) {
    const double *from = sum + (size_t)i * (size_t)width;
    double *row = X + (size_t)i * (size_t)(channels + 1);
    b->aggregate->hear(channels, from, row);
    row[channels] = 1;
  }
}

/* Of one method: sums with width s. nearest: its neighbours, already found. */
static int columns_of(const baselines *b, const esp_backend *backend, which w, const rows *r,
                      const esp_nearest *nearest, double s, double *sum, double *X) {
  if (w == KERNEL)
    ESP_CALL(sum_all_pairs(b, backend, r, s, sum));
  else
    esp_nearest_sum(nearest, s, b->aggregate->den, b->include_self ? r->v : NULL, sum);
  to_columns(b, r->n, r->F, sum, X);
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

static int work_create(const baselines *b, const esp_comm *comm, which which, const rows *r, workspace *w) {
  const size_t n = (size_t)r->n;
  int rc = ESP_ALLOC(w->sum, n * (size_t)(r->F + 1));
  if (!rc) rc = ESP_ALLOC(w->X, n * (size_t)(r->F + 1));
  if (!rc) rc = ESP_ALLOC(w->y, n * (size_t)(r->T > 0 ? r->T : 1));
  ESP_CALL(comm->agree(comm, rc));
  if (which == NEAREST)
    ESP_CALL(
        esp_nearest_find(comm, r->set->n, r->set->first, r->n, r->D, r->x, r->F, r->v, b->neighbours, &w->nearest));
  return ESP_OK;
}

/* ---- fitting ---- */

/* x, v and 1; of the mean 1 alone. */
static int plain_rows(const rows *r, which which, double **X) {
  const size_t D = which == MEAN ? 0 : (size_t)r->D, F = which == MEAN ? 0 : (size_t)r->F, p = D + F + 1;
  ESP_CALL(ESP_ALLOC(*X, (size_t)r->n * p));
  for (size_t i = 0; i < (size_t)r->n; i++) {
    double *row = *X + i * p;
    memcpy(row, r->x + i * D, D * sizeof *row);
    memcpy(row + D, r->v + i * F, F * sizeof *row);
    row[p - 1] = 1;
  }
  return ESP_OK;
}

static int add_set(const esp_comm *comm, const rows *r, which which, esp_least_squares *fit) {
  double *X = NULL;
  const int rc = comm->agree(comm, plain_rows(r, which, &X));
  if (!rc) esp_least_squares_add(fit, r->n, X, r->y, r->weight);
  ESP_FREE(X);
  return rc;
}

static int fit_linear(baselines *b, const esp_comm *comm, const esp_sets *training, const int *width) {
  const int p = width[ESP_INPUT] + width[ESP_SENT] + 1, last = p > COLUMNS ? MEAN : LINEAR;
  int rc = ESP_OK;
  for (int w = MEAN; w <= last && !rc; w++)
    rc = esp_least_squares_create(w == MEAN ? 1 : p, width[ESP_TARGET], &b->fit[w]);
  ESP_CALL(comm->agree(comm, rc));
  for (int s = 0; s < training->sets; s++) {
    const esp_set *set;
    ESP_CALL(training->get(training->context, s, &set));
    const rows r = rows_of(set);
    for (int w = MEAN; w <= last && !rc; w++) rc = add_set(comm, &r, (which)w, &b->fit[w]);
    if (training->put) training->put(training->context, s, set);
    ESP_CALL(rc);
  }
  for (int w = MEAN; w <= last; w++) {
    ESP_CALL(esp_least_squares_solve(comm, &b->fit[w]));
    b->fitted[w] = 1;
  }
  return ESP_OK;
}

/* Root mean square spread of a feature, from the sums of the linear fit. */
static double spread(const baselines *b, int features) {
  const esp_least_squares *fit = &b->fit[LINEAR];
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
static int carries(const baselines *b, const rows *r, const esp_least_squares *fit) {
  const esp_least_squares *linear = &b->fit[LINEAR];
  const int width = fit->p + fit->t, one = fit->p - 1, all = linear->p + linear->t, last = linear->p - 1;
  for (int c = 0; c < r->F; c++) {
    const int v = r->D + c;
    const double sums = fit->sum[c * width + c] / fit->sum[one * width + one];
    const double values = linear->sum[v * all + v] / linear->sum[last * all + last];
    if (!(sums > 1e-2 * values)) return 0;
  }
  return 1;
}

/* One step of the ladder: gains from the first sets, judged on the last; kept if it is the best so far. */
static int try_scale(baselines *b, const esp_backend *backend, which which, int sets, const rows *r, workspace *w,
                     double s, double *best) {
  const esp_comm *comm = backend->comm;
  const esp_backend host = esp_backend_host(comm);
  const rows *judge = &r[sets - 1];
  esp_least_squares fit = {0};
  double nmse;
  int rc;
  ESP_TRY(comm->agree(comm, esp_least_squares_create(r->F + 1, r->T, &fit)));
  for (int k = 0; k < sets; k++) {
    ESP_TRY(columns_of(b, backend, which, &r[k], &w[k].nearest, s, w[k].sum, w[k].X));
    if (k < sets - 1 || sets == 1) esp_least_squares_add(&fit, r[k].n, w[k].X, r[k].y, r[k].weight);
  }
  ESP_TRY(esp_least_squares_solve(comm, &fit));
  esp_least_squares_apply(&fit, judge->n, w[sets - 1].X, w[sets - 1].y);
  ESP_TRY(esp_loss_nmse.value(NULL, &host, judge->set, w[sets - 1].y, 1, NULL, &nmse));
  if (nmse < *best && carries(b, r, &fit)) {
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

static int fit_kernel(baselines *b, const esp_backend *backend, which which, int sets, const rows *r) {
  workspace w[FIT_SETS + 1] = {0};
  double best = INFINITY;
  const double unit = spread(b, r->D);
  int rc = ESP_OK;
  for (int k = 0; k < sets; k++) ESP_TRY(work_create(b, backend->comm, which, &r[k], &w[k]));
  for (int k = 0; k < STEPS; k++) ESP_TRY(try_scale(b, backend, which, sets, r, w, ladder[k] * unit, &best));
done:
  for (int k = 0; k < sets; k++) work_free(&w[k]);
  return rc;
}

static int fit_kernels(baselines *b, const esp_backend *backend, const esp_sets *training) {
  const int sets = esp_imin(training->sets, FIT_SETS + 1);
  const esp_set *set[FIT_SETS + 1] = {0};
  rows r[FIT_SETS + 1];
  int rc = ESP_OK;
  for (int k = 0; k < sets; k++) {
    ESP_TRY(training->get(training->context, k, &set[k]));
    r[k] = rows_of(set[k]);
  }
  ESP_TRY(fit_kernel(b, backend, KERNEL, sets, r));
  ESP_TRY(fit_kernel(b, backend, NEAREST, sets, r));
done:
  for (int k = 0; k < sets; k++)
    if (set[k] && training->put) training->put(training->context, k, set[k]);
  return rc;
}

int esp_relation_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                     void **fitted) {
  const esp_stack_param *network = trained->param;
  const int *width = trained->sizes.width;
  baselines *b;
  ESP_AGREE(backend->comm, ESP_ALLOC(b, 1));
  *fitted = b;
  b->aggregate = esp_aggregates[network->aggregate], b->include_self = network->include_self;
  b->neighbours = ((const esp_relation_show_param *)param)->neighbours;
  if (!training->sets) return ESP_OK;
  ESP_CALL(fit_linear(b, backend->comm, training, width));
  if (!b->fitted[LINEAR] || width[ESP_INPUT] > ESP_MAX_DIM || training->largest > PAIRS_N ||
      width[ESP_SENT] > ESP_GATE_MAX_CHANNELS)
    return ESP_OK;
  ESP_CALL(fit_kernels(b, backend, training));
  return ESP_OK;
}

void esp_relation_unfit(void **fitted) {
  baselines *b = *fitted;
  for (int w = 0; b && w < METHODS; w++) esp_least_squares_free(&b->fit[w]);
  ESP_FREE(*fitted);
}

/* ---- predicting ---- */

static int plain(const baselines *b, const esp_backend *backend, which which, const esp_set *set, double *y,
                 esp_cost *cost, int *use) {
  const rows r = rows_of(set);
  double *X = NULL;
  *use = b->fitted[which];
  if (!*use) return ESP_OK;
  int rc;
  ESP_TRY(backend->comm->agree(backend->comm, plain_rows(&r, which, &X)));
  esp_least_squares_apply(&b->fit[which], r.n, X, y);
  cost->near_pairs = -1;
done:
  ESP_FREE(X);
  return rc;
}

static int summed(const baselines *b, const esp_backend *backend, which which, const esp_set *set, double *y,
                  esp_cost *cost, int *use) {
  const rows r = rows_of(set);
  workspace w = {0};
  int rc;
  *use = b->fitted[which] && set->n <= PAIRS_N;
  if (!*use) return ESP_OK;
  ESP_TRY(work_create(b, backend->comm, which, &r, &w));
  ESP_TRY(columns_of(b, backend, which, &r, &w.nearest, b->scale[which], w.sum, w.X));
  esp_least_squares_apply(&b->fit[which], r.n, w.X, y);
  const int64_t pairs = which == KERNEL ? set->n - 1 : w.nearest.k;
  cost->near_pairs = pairs > 0 ? pairs * r.n : -1;
done:
  work_free(&w);
  return rc;
}

int esp_relation_by_mean(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                         const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)trained;
  return plain(fitted, backend, MEAN, set, y, cost, use);
}

int esp_relation_by_linear(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)trained;
  return plain(fitted, backend, LINEAR, set, y, cost, use);
}

int esp_relation_by_kernel(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)trained;
  return summed(fitted, backend, KERNEL, set, y, cost, use);
}

int esp_relation_by_nearest(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                            const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)trained;
  return summed(fitted, backend, NEAREST, set, y, cost, use);
}
