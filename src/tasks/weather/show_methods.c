/* Classical methods, what they are fitted with, and the network on other trees. */
#include <math.h>
#include <string.h>

#include "base/least_squares.h"
#include "net/stack.h"
#include "tasks/weather/advect.h"
#include "tasks/weather/show.h"

/* ---- regressions ---- */

/* What a regression stands on beside a cell's own numbers: T and q in eight directions; what the wind brings; how far T and q
 * are from what is expected. */
enum { OF_AROUND = 2 * ESP_WEATHER_AROUND, OF_WIND = 2, OF_EXPECTED = 2 };
enum { OWN, AROUND, MOVED, APART, REGRESSIONS };
static const struct {
  int around, moved, apart;
} on[REGRESSIONS] = {[OWN] = {0, 0, 0}, [AROUND] = {1, 0, 0}, [MOVED] = {0, 1, 0}, [APART] = {0, 1, 1}};

typedef struct {
  int64_t n;            /* cells of the climatology; 0: training sets differ */
  double (*climate)[2]; /* what is expected, where a set does not say; NULL: it does */
  int width;            /* a cell's own numbers */
  esp_least_squares damped[2], by[REGRESSIONS], held[REGRESSIONS]; /* held: the last fifth, which says the penalty */
  int known[REGRESSIONS];
} fitted;

/* Of one set: what its neighbours and its wind say, where a regression asks. */
typedef struct {
  double *around, *moved;
} beside;

static void beside_free(beside *b) {
  ESP_FREE(b->around);
  ESP_FREE(b->moved);
}

static int beside_create(const esp_weather_show_param *p, const esp_comm *comm, const esp_set *set, int around,
                         int moved, beside *b) {
  int rc = ESP_OK;
  *b = (beside){0};
  if (around) rc = ESP_ALLOC(b->around, (size_t)set->n_home * OF_AROUND);
  if (!rc && moved) rc = ESP_ALLOC(b->moved, (size_t)set->n_home * OF_WIND);
  ESP_TRY(comm->agree(comm, rc));
  if (around) ESP_TRY(esp_weather_around(comm, set, b->around));
  if (moved) ESP_TRY(esp_advect(comm, set, p->lead, b->moved));
done:
  if (rc) beside_free(b);
  return rc;
}

/* How far a value is from what is expected, and how what is expected will change. */
static void expected(const fitted *f, const esp_set *set, int i, int v, double *off, double *change) {
  const double *now = set->value[ESP_WEATHER_EXPECTED], *later = set->value[ESP_WEATHER_EXPECTED_LATER];
  *off = now ? now[2 * i + v] : set->value[ESP_WEATHER_SENT_T + v][i] - f->climate[set->first + i][v];
  *change = later ? later[2 * i + v] : 0;
}

static int is_expected(const fitted *f, const esp_set *set) {
  return set->value[ESP_WEATHER_EXPECTED] || (f->climate && f->n == set->n);
}

static int seen(const esp_set *set, int k) {
  return set->layout->column[k].role == ESP_INPUT && k != ESP_WEATHER_SURFACE;
}

static int own_width(const esp_set *set) {
  int width = 1;
  for (int k = 0; set->layout->column[k].name; k++) width += seen(set, k) ? set->width[k] : 0;
  return width;
}

/* A row of what a cell sees, 1, and what is beside it. */
static void to_columns(const fitted *f, const esp_set *set, const beside *b, int r, int i, double *row) {
  double change;
  int at = 0;
  for (int k = 0; set->layout->column[k].name; k++)
    for (int a = 0; a < set->width[k] && seen(set, k); a++) row[at++] = set->value[k][i * set->width[k] + a];
  row[at++] = 1;
  for (int a = 0; a < OF_AROUND && on[r].around; a++) row[at++] = b->around[i * OF_AROUND + a];
  for (int a = 0; a < OF_WIND && on[r].moved; a++) row[at++] = b->moved[i * OF_WIND + a];
  for (int v = 0; v < OF_EXPECTED && on[r].apart; v++) expected(f, set, i, v, &row[at++], &change);
}

static int columns(const fitted *f, const esp_set *set, const beside *b, int r, int width, double **X) {
  ESP_CALL(ESP_ALLOC(*X, (size_t)set->n_home * (size_t)width));
  for (int i = 0; i < set->n_home; i++) to_columns(f, set, b, r, i, *X + (size_t)i * (size_t)width);
  return ESP_OK;
}

static int regress(int r, const void *param, const fitted *f, const esp_comm *comm, const esp_set *set, double *y,
                   int *use) {
  beside b = {0};
  double *X = NULL;
  int rc;
  *use = f->known[r] && own_width(set) == f->width && (!on[r].apart || is_expected(f, set));
  if (!*use) return ESP_OK;
  ESP_TRY(beside_create(param, comm, set, on[r].around, on[r].moved, &b));
  ESP_TRY(comm->agree(comm, columns(f, set, &b, r, f->by[r].p, &X)));
  esp_least_squares_apply(&f->by[r], set->n_home, X, y);
done:
  beside_free(&b);
  ESP_FREE(X);
  return rc;
}

/* ---- classical methods ---- */

static int persistence(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                       const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fit, (void)trained, (void)backend, (void)use;
  cost->near_pairs = -1;
  memset(y, 0, 2 * (size_t)set->n_home * sizeof *y);
  return ESP_OK;
}

static int climatology(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                       const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)trained, (void)backend;
  cost->near_pairs = -1;
  *use = is_expected(fit, set);
  for (int i = 0; i < set->n_home && *use; i++)
    for (int v = 0; v < 2; v++) {
      double off, change;
      expected(fit, set, i, v, &off, &change);
      y[2 * i + v] = change - off;
    }
  return ESP_OK;
}

static int damped(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                  const esp_set *set, double *y, esp_cost *cost, int *use) {
  const fitted *f = fit;
  (void)param, (void)trained, (void)backend;
  cost->near_pairs = -1;
  *use = is_expected(f, set);
  for (int i = 0; i < set->n_home && *use; i++)
    for (int v = 0; v < 2; v++) {
      double off, change;
      expected(f, set, i, v, &off, &change);
      y[2 * i + v] = change + f->damped[v].value[0] * off;
    }
  return ESP_OK;
}

static int semi_lagrangian(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)fit, (void)trained;
  cost->near_pairs = -1;
  *use = set->value[ESP_WEATHER_WIND] != NULL;
  return *use ? esp_advect(backend->comm, set, ((const esp_weather_show_param *)param)->lead, y) : ESP_OK;
}

#define REGRESSION(name, r)                                                                                 \
  static int name(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend, \
                  const esp_set *set, double *y, esp_cost *cost, int *use) {                                \
    (void)trained;                                                                                          \
    cost->near_pairs = -1;                                                                                  \
    return regress(r, param, fit, backend->comm, set, y, use);                                              \
  }
REGRESSION(linear_own, OWN)
REGRESSION(linear_around, AROUND)
REGRESSION(linear_moved, MOVED)
REGRESSION(linear_apart, APART)

/* ---- fitting ---- */

void esp_weather_unfit(void **data) {
  fitted *f = *data;
  if (!f) return;
  for (int v = 0; v < 2; v++) esp_least_squares_free(&f->damped[v]);
  for (int r = 0; r < REGRESSIONS; r++) esp_least_squares_free(&f->by[r]), esp_least_squares_free(&f->held[r]);
  ESP_FREE(f->climate);
  ESP_FREE(*data);
}

/* On sets of up to so many cells in all, but on FIT_SETS at least where there are as many: neighbours in time tell little. */
enum { FIT_CELLS = 1 << 17, FIT_SETS = 48 };

/* Calls `add` for the sets that are fitted on. */
static int each(const esp_sets *training, int (*add)(void *context, const esp_set *set), void *context) {
  const int64_t most = training->largest > 0 ? FIT_CELLS / training->largest : FIT_SETS;
  const int64_t wanted = most > FIT_SETS ? most : FIT_SETS, every = (training->sets + wanted - 1) / wanted;
  for (int64_t s = 0; s < training->sets; s += every) {
    const esp_set *set;
    ESP_CALL(training->get(training->context, (int)s, &set));
    const int rc = add(context, set);
    if (training->put) training->put(training->context, (int)s, set);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

typedef struct {
  const esp_weather_show_param *param;
  const esp_comm *comm;
  fitted *f;
  double (*sum)[2];
  int n_home, used, held_from; /* the second pass holds those from here on */
} fitting;

/* The first pass: means by place, where sets do not say what is expected; what can be fitted at all. */
static int add_climate(void *context, const esp_set *set) {
  fitting *t = context;
  fitted *f = t->f;
  if (!t->used) {
    const int looked_at = set->n <= ESP_WEATHER_LOOK_N;
    f->width = own_width(set), f->n = set->n, t->n_home = set->n_home;
    for (int r = 0; r < REGRESSIONS; r++)
      f->known[r] = (!on[r].around || looked_at) && (!on[r].moved || (looked_at && set->value[ESP_WEATHER_WIND]));
    if (!set->value[ESP_WEATHER_EXPECTED]) ESP_AGREE(t->comm, ESP_ALLOC(t->sum, t->n_home));
  }
  t->used++;
  if (set->n != f->n) f->n = 0;
  for (int i = 0; i < set->n_home && t->sum && f->n; i++)
    for (int v = 0; v < 2; v++) t->sum[i][v] += set->value[ESP_WEATHER_SENT_T + v][i];
  return ESP_OK;
}

/* Every cell's mean, on every rank: ranks hold other cells of a set they share. */
static int gather_climate(fitting *t) {
  size_t *start = NULL;
  void *all = NULL;
  int rc;
  if (!t->sum || !t->f->n) return ESP_OK;
  for (int i = 0; i < t->n_home; i++)
    for (int v = 0; v < 2; v++) t->sum[i][v] /= t->used;
  ESP_TRY(t->comm->agree(t->comm, ESP_ALLOC(start, t->comm->size + 1)));
  ESP_TRY(t->comm->gather_all(t->comm, t->sum, (size_t)t->n_home * sizeof *t->sum, &all, start));
  t->f->climate = all;
done:
  ESP_FREE(start);
  return rc;
}

static int add_damped(fitted *f, const esp_set *set) {
  double *x = NULL, *y = NULL;
  int rc = ESP_ALLOC(x, set->n_home);
  if (!rc) rc = ESP_ALLOC(y, set->n_home);
  for (int v = 0; v < 2 && !rc && is_expected(f, set); v++) {
    for (int i = 0; i < set->n_home; i++) {
      double change;
      expected(f, set, i, v, &x[i], &change);
      y[i] = set->value[ESP_WEATHER_LATER_T + v][i] - change;
    }
    esp_least_squares_add(&f->damped[v], set->n_home, x, y, set->value[ESP_WEATHER_AREA]);
  }
  ESP_FREE(x);
  ESP_FREE(y);
  return rc;
}

/* The second pass. */
static int add_set(void *context, const esp_set *set) {
  fitting *t = context;
  fitted *f = t->f;
  esp_least_squares *by = t->used++ < t->held_from ? f->by : f->held;
  const size_t n = (size_t)set->n_home;
  double *X = NULL, *y = NULL;
  beside b = {0};
  int rc = ESP_ALLOC(y, 2 * n);
  if (!rc) rc = add_damped(f, set);
  ESP_TRY(t->comm->agree(t->comm, rc));
  ESP_TRY(beside_create(t->param, t->comm, set, f->known[AROUND], f->known[MOVED], &b));
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < 2; v++) y[2 * i + v] = set->value[ESP_WEATHER_LATER_T + v][i];
  for (int r = 0; r < REGRESSIONS; r++) {
    if (!f->known[r] || (on[r].apart && !is_expected(f, set))) continue;
    ESP_FREE(X);
    ESP_TRY(t->comm->agree(t->comm, columns(f, set, &b, r, by[r].p, &X)));
    esp_least_squares_add(&by[r], set->n_home, X, y, NULL);
  }
done:
  ESP_FREE(X);
  ESP_FREE(y);
  beside_free(&b);
  return rc;
}

static int create(fitted *f) {
  for (int v = 0; v < 2; v++) ESP_CALL(esp_least_squares_create(1, 1, &f->damped[v]));
  for (int r = 0; r < REGRESSIONS; r++) {
    const int width = f->width + OF_AROUND * on[r].around + OF_WIND * on[r].moved + OF_EXPECTED * on[r].apart;
    ESP_CALL(esp_least_squares_create(width, 2, &f->by[r]));
    ESP_CALL(esp_least_squares_create(width, 2, &f->held[r]));
  }
  return ESP_OK;
}

int esp_weather_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                    void **data) {
  const esp_comm *comm = backend->comm;
  fitted *f = NULL;
  int rc;
  (void)trained;
  ESP_CALL(comm->agree(comm, ESP_ALLOC(f, 1)));
  fitting t = {.param = param, .comm = comm, .f = *data = f};
  ESP_TRY(each(training, add_climate, &t));
  ESP_TRY(gather_climate(&t));
  ESP_TRY(comm->agree(comm, create(f)));
  t.held_from = t.used * 4 / 5, t.used = 0;
  ESP_TRY(each(training, add_set, &t));
  for (int v = 0; v < 2; v++) ESP_TRY(esp_least_squares_solve(comm, &f->damped[v]));
  for (int r = 0; r < REGRESSIONS; r++)
    if (f->known[r]) ESP_TRY(esp_least_squares_solve_ridge(comm, &f->by[r], &f->held[r], f->width - 1));
done:
  ESP_FREE(t.sum);
  if (rc) esp_weather_unfit(data);
  return rc;
}

/* ---- the network on other trees ---- */

static int near_alone(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  (void)set, (void)pairs;
  esp_stack_param *p = network_param;
  *use = p->far;
  p->far = 0;
  return ESP_OK;
}

static int on_places(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  esp_stack_param *p = network_param;
  esp_lists_param *lists = &p->domain.lists;
  (void)set;
  *use = p->tree_on == ESP_TREE_ON_LEARNED && (lists->pairs_per_particle > 0 || lists->theta > 0);
  p->tree_on = ESP_TREE_ON_FEATURES;
  p->tree_features = 3;
  if (p->split == ESP_SPLIT_LEARNED) p->split = ESP_SPLIT_WIDEST;
  if (lists->pairs_per_particle == 0) lists->pairs_per_particle = pairs;
  return ESP_OK;
}

const esp_method esp_weather_methods[] = {
    {"persistence", .classical = 1, .predict = persistence},
    {"climatology by place", .classical = 1, .predict = climatology},
    {"damped anomaly", .classical = 1, .predict = damped},
    {"semi-Lagrangian: frozen wind", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = semi_lagrangian},
    {"linear: own numbers", .classical = 1, .predict = linear_own},
    {"linear: own numbers and eight directions", .largest = ESP_WEATHER_LOOK_N, .classical = 1,
     .predict = linear_around},
    {"linear: own numbers and semi-Lagrangian", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = linear_moved},
    {"linear: and climatology", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = linear_apart},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"trained network: near pairs alone", .vary = near_alone},
    {"trained network: tree on places", .vary = on_places},
    {0},
};
