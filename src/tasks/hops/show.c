/* What is compared and shown of hops. */
#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/least_squares.h"
#include "net/loss.h"
#include "tasks/hops/hops.h"
#include "tasks/learned.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

typedef struct {
  int samples; /* particles that recall looks at, drawn by */
  uint64_t seed;
} show_param;

/* ---- figures ---- */

enum { NMSE, RATIO, RECALL };
static const esp_figure figures[] = {[NMSE] = {"nmse", "nMSE", "%.6f", 0},
                                     [RATIO] = {"distance_ratio", "ratio", "%.4f", 0},
                                     [RECALL] = {"recall", "recall", "%.4f", 0},
                                     {0}};

/* Root mean square difference of y over all pairs whose answers differ in sign, over that of all pairs where they do not; NAN:
 * there are no such pairs, or no such differences. From count, sum and squares of either sign. */
static int distance_ratio(const esp_backend *host, const esp_set *set, const double *y, double *ratio) {
  enum { COUNT, SUM, SQUARE, TERMS };
  const double *target = esp_set_role(set, ESP_TARGET, 0, NULL);
  int64_t *acc = NULL;
  double sum[2][TERMS];
  int rc;
  ESP_TRY(host->comm->agree(host->comm, ESP_ALLOC(acc, 2 * TERMS * WORDS)));
  for (int i = 0; i < set->n_home; i++) {
    int64_t *to = acc + (target[i] > 0 ? TERMS * WORDS : 0);
    esp_exact_add(&ESP_EXACT_FULL, to + COUNT * WORDS, 1);
    esp_exact_add(&ESP_EXACT_FULL, to + SUM * WORDS, y[i]);
    esp_exact_add(&ESP_EXACT_FULL, to + SQUARE * WORDS, y[i] * y[i]);
  }
  ESP_TRY(esp_loss_sums(host, 2 * TERMS, acc, sum[0]));
  const double *a = sum[0], *b = sum[1], pairs = a[COUNT] * (a[COUNT] - 1) + b[COUNT] * (b[COUNT] - 1);
  const double within = 2 * (a[COUNT] * a[SQUARE] - a[SUM] * a[SUM] + b[COUNT] * b[SQUARE] - b[SUM] * b[SUM]) / pairs;
  const double between = a[SQUARE] / a[COUNT] + b[SQUARE] / b[COUNT] - 2 * a[SUM] / a[COUNT] * b[SUM] / b[COUNT];
  const double squares = (a[SQUARE] + b[SQUARE]) / (a[COUNT] + b[COUNT]);
  *ratio = within > 1e-12 * squares ? sqrt(fmax(0, between) / within) : NAN;
done:
  ESP_FREE(acc);
  return rc;
}

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  (void)param;
  const esp_backend host = esp_backend_host(backend->comm);
  double nmse, ratio;
  ESP_CALL(esp_loss_nmse.value(NULL, &host, set, y, 1, NULL, &nmse));
  ESP_CALL(distance_ratio(&host, set, y, &ratio));
  if (backend->comm->rank) return ESP_OK;
  esp_tally_add(tally, NMSE, nmse, 1);
  if (!isnan(ratio)) esp_tally_add(tally, RATIO, ratio, 1);
  if (!isnan(seen)) esp_tally_add(tally, RECALL, seen, 1);
  return ESP_OK;
}

/* ---- classical methods ---- */

/* Places, pointers and own values; X [n][2 dim + 2] with a column of ones, if wanted. */
typedef struct {
  int n, dim;
  const double *p, *u, *v;
} rows;

static rows rows_of(const esp_set *set) {
  rows r = {.n = set->n_home};
  int width;
  r.p = esp_set_role(set, ESP_INPUT, 0, &r.dim);
  r.u = esp_set_role(set, ESP_INPUT, 1, &width);
  r.v = esp_set_role(set, ESP_SENT, 0, NULL);
  if (width != r.dim) r.dim = 0; /* others' data: pointers of another kind */
  return r;
}

typedef struct {
  esp_least_squares mean, linear;
  int fitted;
} baselines;

static int add_set(const esp_comm *comm, const esp_set *set, baselines *b) {
  const rows r = rows_of(set);
  const double *y = esp_set_role(set, ESP_TARGET, 0, NULL);
  double *X = NULL, *one = NULL;
  const size_t d = (size_t)r.dim, width = 2 * d + 2;
  int rc = ESP_ALLOC(X, (size_t)r.n * width);
  if (!rc) rc = ESP_ALLOC(one, r.n);
  rc = comm->agree(comm, rc);
  for (size_t i = 0; i < (size_t)r.n && !rc; i++) {
    memcpy(X + i * width, r.p + i * d, d * sizeof *X);
    memcpy(X + i * width + d, r.u + i * d, d * sizeof *X);
    X[i * width + 2 * d] = r.v[i];
    X[i * width + 2 * d + 1] = one[i] = 1;
  }
  if (!rc) esp_least_squares_add(&b->mean, r.n, one, y, NULL);
  if (!rc) esp_least_squares_add(&b->linear, r.n, X, y, NULL);
  ESP_FREE(X);
  ESP_FREE(one);
  return rc;
}

static int fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
               void **fitted) {
  (void)param;
  const esp_comm *comm = backend->comm;
  const int columns = trained->sizes.width[ESP_INPUT] + 2;
  baselines *b;
  ESP_AGREE(comm, ESP_ALLOC(b, 1));
  *fitted = b;
  int rc = esp_least_squares_create(1, 1, &b->mean);
  if (!rc) rc = esp_least_squares_create(columns, 1, &b->linear);
  ESP_AGREE(comm, rc);
  for (int s = 0; s < training->sets; s++) {
    const esp_set *set;
    ESP_CALL(training->get(training->context, s, &set));
    rc = 2 * rows_of(set).dim + 2 == columns ? add_set(comm, set, b) : ESP_OK;
    if (training->put) training->put(training->context, s, set);
    ESP_CALL(rc);
  }
  ESP_CALL(esp_least_squares_solve(comm, &b->mean));
  ESP_CALL(esp_least_squares_solve(comm, &b->linear));
  b->fitted = training->sets > 0;
  return ESP_OK;
}

static void unfit(void **fitted) {
  baselines *b = *fitted;
  if (b) esp_least_squares_free(&b->mean);
  if (b) esp_least_squares_free(&b->linear);
  ESP_FREE(*fitted);
}

#define METHOD(name)                                                                                           \
  static int name(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend, \
                  const esp_set *set, double *y, esp_cost *cost, int *use)

METHOD(by_mean) {
  (void)param, (void)trained, (void)backend;
  const baselines *b = fitted;
  *use = b->fitted;
  cost->near_pairs = -1;
  for (int i = 0; i < set->n_home && b->fitted; i++) y[i] = b->mean.value[0];
  return ESP_OK;
}

METHOD(by_linear) {
  (void)param, (void)trained, (void)backend;
  const baselines *b = fitted;
  const rows r = rows_of(set);
  const double *c = b->linear.value;
  cost->near_pairs = -1;
  *use = b->fitted && b->linear.p == 2 * r.dim + 2;
  for (int i = 0; i < r.n && *use; i++) {
    y[i] = c[2 * r.dim] * r.v[i] + c[2 * r.dim + 1];
    for (int a = 0; a < r.dim; a++) y[i] += c[a] * r.p[i * r.dim + a] + c[r.dim + a] * r.u[i * r.dim + a];
  }
  return ESP_OK;
}

METHOD(own_value) {
  (void)param, (void)fitted, (void)trained, (void)backend;
  const double *v = esp_set_role(set, ESP_SENT, 0, NULL);
  cost->near_pairs = -1;
  *use = 1;
  for (int i = 0; i < set->n_home; i++) y[i] = v[i];
  return ESP_OK;
}

METHOD(one_hop_on) {
  (void)param, (void)fitted, (void)trained;
  const rows r = rows_of(set);
  cost->near_pairs = -1;
  *use = r.dim >= 1 && r.dim <= 3;
  if (!*use) return ESP_OK;
  return esp_hops_follow(backend->comm, set->n, set->first, r.n, r.dim, r.p, r.u, r.v, 1, y);
}

static const esp_method methods[] = {
    {"mean of the answers", .classical = 1, .predict = by_mean},
    {"linear least squares", .classical = 1, .predict = by_linear},
    {"own value", .classical = 1, .predict = own_value},
    {"value one hop on", .classical = 1, .predict = one_hop_on},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"trained network: all pairs", .largest = 16384, .vary = esp_learned_all_pairs},
    {0},
};

/* ---- is the next one among the near pairs of the first layer? ---- */

static int truth_of(const void *param, const esp_set *set, int l, esp_truth *t) {
  const show_param *p = param;
  const rows r = rows_of(set);
  const size_t numbers = (size_t)r.n * (size_t)r.dim;
  *t = (esp_truth){.neighbours = 1, .samples = p->samples, .seed = p->seed};
  if (l > 0 || !r.dim) return ESP_OK;
  t->r = r.dim;
  ESP_CALL(ESP_ALLOC(t->sender, numbers));
  ESP_CALL(ESP_ALLOC(t->receiver, numbers));
  for (size_t k = 0; k < numbers; k++) t->sender[k] = r.p[k], t->receiver[k] = r.p[k] + r.u[k];
  return ESP_OK;
}

static int watch(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit, double **value) {
  esp_truth truth;
  const int rc = truth_of(param, set, 0, &truth);
  return esp_recall_watch(rc, &truth, backend, set, visit, value);
}

/* ---- the row ---- */

#define OF show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){ESP_INT_ROW(OF, samples, "eval_samples", "1024", 1, ESP_COUNT_MAX, "particles",
                                     "particles on which recall is found"),
                         ESP_SEED_ROW(OF, seed),
                         {0}},
    NULL};
#undef OF

static const esp_watching watching = {"recall", watch, esp_recall_unwatch};
static const esp_picture pictures[] = {{0}};

static const esp_heading headings[] = {
    {"distance_ratio", "ratio of differences"}, {"recall", "recall of the next"}, {0}};

const esp_showing esp_hops_showing = {
    .options = &options,
    .figure = figures,
    .method = methods,
    .picture = pictures,
    .about =
        "Here every particle points at another, and the answer is the value at the end of a chain of pointers: as "
        "many layers are needed, and nothing may be smoothed away between them.",
    .ladder =
        "nMSE: mean square error over the variance of a set's answers, mean over the sets (1: as if nothing were "
        "known). Ratio: root mean square difference of predictions over all pairs whose answers differ, over that "
        "of all pairs with the same answer (1: answers do not tell predictions apart, all is smoothed; empty: "
        "there are no differences). Recall: share of particles whose next is among the near pairs of the first "
        "layer.",
    .heading = headings,
    .fit = fit,
    .unfit = unfit,
    .judge = judge,
    .watching = &watching,
    .truth = truth_of,
};
