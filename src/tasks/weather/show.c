/* Figures, classical methods and pictures. */
#include <math.h>
#include <string.h>

#include "base/least_squares.h"
#include "net/stack.h"
#include "tasks/weather/advect.h"
#include "tasks/weather/show.h"

enum { COLUMNS = 13 };

/* ---- figures ---- */

enum { RMSE, SKILL = 2, SHIFT = 4 }; /* T, then q */
static const esp_figure figures[] = {
    {"rmse_t", "RMSE T, K", "%.3f", 1}, {"rmse_q", "RMSE q, g/kg", "%.4f", 1},      {"skill_t", "skill T", "%.4f", 0},
    {"skill_q", "skill q", "%.4f", 0},  [SHIFT] = {"shift", "shift, h", "%.2f", 0}, {0}};

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  const double unit[2] = {ESP_WEATHER_UNIT_T, 1000 * ESP_WEATHER_UNIT_Q};
  (void)param;
  for (int i = 0; i < set->n_home; i++)
    for (int v = 0; v < 2; v++) {
      const double area = set->value[ESP_WEATHER_AREA] ? set->value[ESP_WEATHER_AREA][i] : 1;
      const double came = unit[v] * set->value[ESP_WEATHER_LATER_T + v][i];
      const double off = unit[v] * (y[2 * i + v] - set->value[ESP_WEATHER_LATER_T + v][i]);
      esp_tally_add(tally, RMSE + v, area * off * off, area);
      esp_tally_add(tally, SKILL + v, area * (came * came - off * off), area * came * came);
    }
  if (!backend->comm->rank && !isnan(seen)) esp_tally_add(tally, SHIFT, seen, 1);
  return ESP_OK;
}

/* ---- classical methods ---- */

typedef struct {
  int64_t n; /* cells of the climatology; 0: training sets differ */
  double (*climate)[2];
  esp_least_squares own, moved,
      apart; /* on a cell's own numbers; and on what the wind brings; and on how far T and q are from
                                          the climatology */
  int moved_known;
} fitted;

/* A row of what a cell sees, 1, what the wind brings (moved), and the distance from the climatology (climate). */
static void to_columns(const esp_set *set, int i, const double *moved, const double (*climate)[2], double *row) {
  int at = 0;
  for (int k = ESP_WEATHER_PLACE; k <= ESP_WEATHER_RH; k++)
    for (int a = 0; a < set->width[k] && k != ESP_WEATHER_SURFACE; a++)
      row[at++] = set->value[k][i * set->width[k] + a];
  row[at++] = 1;
  for (int v = 0; v < 2 && moved; v++) row[at++] = moved[2 * i + v];
  for (int v = 0; v < 2 && climate; v++) row[at++] = set->value[ESP_WEATHER_SENT_T + v][i] - climate[set->first + i][v];
}

static int persistence(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                       const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fit, (void)trained, (void)backend, (void)use;
  cost->near_pairs = -1;
  memset(y, 0, 2 * (size_t)set->n_home * sizeof *y);
  return ESP_OK;
}

static int climatology(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                       const esp_set *set, double *y, esp_cost *cost, int *use) {
  const fitted *f = fit;
  (void)param, (void)trained, (void)backend;
  cost->near_pairs = -1;
  *use = f->n == set->n;
  for (int i = 0; i < set->n_home && *use; i++)
    for (int v = 0; v < 2; v++) y[2 * i + v] = f->climate[set->first + i][v] - set->value[ESP_WEATHER_SENT_T + v][i];
  return ESP_OK;
}

static int semi_lagrangian(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                           const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)fit, (void)trained, (void)use;
  cost->near_pairs = -1;
  return esp_advect(backend->comm, set, ((const esp_weather_show_param *)param)->lead, y);
}

static int linear(const esp_least_squares *by, const esp_comm *comm, const esp_set *set, const double *moved,
                  const double (*climate)[2], double *y) {
  double *X = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(X, (size_t)set->n_home * (size_t)by->p)));
  for (int i = 0; i < set->n_home; i++) to_columns(set, i, moved, climate, X + (size_t)i * (size_t)by->p);
  esp_least_squares_apply(by, set->n_home, X, y);
done:
  ESP_FREE(X);
  return rc;
}

static int linear_own(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                      const esp_set *set, double *y, esp_cost *cost, int *use) {
  const fitted *f = fit;
  (void)param, (void)trained, (void)use;
  cost->near_pairs = -1;
  return linear(&f->own, backend->comm, set, NULL, NULL, y);
}

static int with_wind(const esp_weather_show_param *param, const fitted *f, const esp_comm *comm, const esp_set *set,
                     int apart, double *y) {
  double *moved = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(moved, 2 * (size_t)set->n_home)));
  ESP_TRY(esp_advect(comm, set, param->lead, moved));
  ESP_TRY(linear(apart ? &f->apart : &f->moved, comm, set, moved, apart ? f->climate : NULL, y));
done:
  ESP_FREE(moved);
  return rc;
}

static int linear_moved(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                        const esp_set *set, double *y, esp_cost *cost, int *use) {
  const fitted *f = fit;
  (void)trained;
  cost->near_pairs = -1;
  *use = f->moved_known;
  return *use ? with_wind(param, f, backend->comm, set, 0, y) : ESP_OK;
}

static int linear_apart(const void *param, const void *fit, const esp_model *trained, const esp_backend *backend,
                        const esp_set *set, double *y, esp_cost *cost, int *use) {
  const fitted *f = fit;
  (void)trained;
  cost->near_pairs = -1;
  *use = f->moved_known && f->n == set->n;
  return *use ? with_wind(param, f, backend->comm, set, 1, y) : ESP_OK;
}

/* ---- fitting ---- */

static void unfit(void **data) {
  fitted *f = *data;
  if (!f) return;
  esp_least_squares_free(&f->own);
  esp_least_squares_free(&f->moved);
  esp_least_squares_free(&f->apart);
  ESP_FREE(f->climate);
  ESP_FREE(*data);
}

/* Sums of T and q by place: ranks hold other cells, so all of them are gathered at the end. */
static void add_climate(const esp_set *set, double (*sum)[2]) {
  for (int i = 0; i < set->n_home; i++)
    for (int v = 0; v < 2; v++) sum[i][v] += set->value[ESP_WEATHER_SENT_T + v][i];
}

static int add_set(const esp_weather_show_param *p, const esp_comm *comm, const esp_set *set, fitted *f) {
  const size_t n = (size_t)set->n_home;
  double *X = NULL, *y = NULL, *moved = NULL;
  int rc = ESP_ALLOC(X, n * (COLUMNS + 4));
  if (!rc) rc = ESP_ALLOC(y, 2 * n);
  if (!rc) rc = ESP_ALLOC(moved, 2 * n);
  ESP_TRY(comm->agree(comm, rc));
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < 2; v++) y[2 * i + v] = set->value[ESP_WEATHER_LATER_T + v][i];
  for (int i = 0; i < set->n_home; i++) to_columns(set, i, NULL, NULL, X + (size_t)i * COLUMNS);
  esp_least_squares_add(&f->own, set->n_home, X, y, NULL);
  if (f->moved_known) {
    ESP_TRY(esp_advect(comm, set, p->lead, moved));
    for (int i = 0; i < set->n_home; i++) to_columns(set, i, moved, NULL, X + (size_t)i * (COLUMNS + 2));
    esp_least_squares_add(&f->moved, set->n_home, X, y, NULL);
  }
  if (f->moved_known && f->n) {
    for (int i = 0; i < set->n_home; i++) to_columns(set, i, moved, f->climate, X + (size_t)i * (COLUMNS + 4));
    esp_least_squares_add(&f->apart, set->n_home, X, y, NULL);
  }
done:
  ESP_FREE(X);
  ESP_FREE(y);
  ESP_FREE(moved);
  return rc;
}

/* Every cell's mean, on every rank. */
static int gather_climate(const esp_comm *comm, double (*sum)[2], int n_home, int sets, fitted *f) {
  size_t *start = NULL;
  void *all = NULL;
  int rc;
  for (int i = 0; i < n_home; i++)
    for (int v = 0; v < 2; v++) sum[i][v] /= sets;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  ESP_TRY(comm->gather_all(comm, sum, (size_t)n_home * sizeof *sum, &all, start));
  f->climate = all;
done:
  ESP_FREE(start);
  return rc;
}

/* On up to this many training sets: neighbours in time tell little more. */
enum { FIT_SETS = 48 };

static int find_climate(const esp_comm *comm, const esp_sets *training, int every, fitted *f) {
  double(*sum)[2] = NULL;
  int n_home = 0, used = 0, rc = ESP_OK;
  for (int s = 0; s < training->sets; s += every, used++) {
    const esp_set *set;
    ESP_TRY(training->get(training->context, s, &set));
    if (!sum) {
      f->n = set->n, n_home = set->n_home;
      f->moved_known = set->n <= ESP_WEATHER_LOOK_N;
      ESP_TRY(comm->agree(comm, ESP_ALLOC(sum, n_home)));
    }
    if (set->n != f->n)
      f->n = 0;
    else if (f->n)
      add_climate(set, sum);
    if (training->put) training->put(training->context, s, set);
  }
  if (f->n) ESP_TRY(gather_climate(comm, sum, n_home, used, f));
done:
  ESP_FREE(sum);
  return rc;
}

static int fit_all(const esp_weather_show_param *p, const esp_comm *comm, const esp_sets *training, fitted *f) {
  const int every = (training->sets + FIT_SETS - 1) / FIT_SETS;
  ESP_CALL(find_climate(comm, training, every, f));
  for (int s = 0; s < training->sets; s += every) {
    const esp_set *set;
    ESP_CALL(training->get(training->context, s, &set));
    const int rc = add_set(p, comm, set, f);
    if (training->put) training->put(training->context, s, set);
    ESP_CALL(rc);
  }
  ESP_CALL(esp_least_squares_solve(comm, &f->own));
  if (f->moved_known) ESP_CALL(esp_least_squares_solve(comm, &f->moved));
  if (f->moved_known && f->n) ESP_CALL(esp_least_squares_solve(comm, &f->apart));
  return ESP_OK;
}

static int fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
               void **data) {
  const esp_comm *comm = backend->comm;
  fitted *f = NULL;
  (void)trained;
  int rc = ESP_ALLOC(f, 1);
  if (!rc) rc = esp_least_squares_create(COLUMNS, 2, &f->own);
  if (!rc) rc = esp_least_squares_create(COLUMNS + 2, 2, &f->moved);
  if (!rc) rc = esp_least_squares_create(COLUMNS + 4, 2, &f->apart);
  *data = f;
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(fit_all(param, comm, training, f));
done:
  if (rc) unfit(data);
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
    {"semi-Lagrangian: frozen wind", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = semi_lagrangian},
    {"linear: own numbers", .classical = 1, .predict = linear_own},
    {"linear: own numbers and semi-Lagrangian", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = linear_moved},
    {"linear: and climatology", .largest = ESP_WEATHER_LOOK_N, .classical = 1, .predict = linear_apart},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"trained network: near pairs alone", .vary = near_alone},
    {"trained network: tree on places", .vary = on_places},
    {0},
};

/* ---- the row ---- */

#define OF esp_weather_show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){ESP_INT_ROW(OF, lead, "data_weather_lead", "24", 1, 876000, "hours",
                                     "how far ahead task weather looks: a multiple of data_weather_every"),
                         {0}},
    NULL};
#undef OF

static const esp_watching watching = {"shift", esp_weather_shift_begin, esp_weather_shift_end};

const esp_showing esp_weather_showing = {
    .options = &options,
    .figure = figures,
    .method = esp_weather_methods,
    .picture = esp_weather_pictures,
    .about =
        "Here the particles are the cells of an atmosphere on the sphere, and what is predicted is the change of "
        "temperature and humidity; a tree in a learned space decides which cells' air each of them hears.",
    .ladder =
        "RMSE of temperature (K) and specific humidity (g/kg) at the lead time, weighted by area. Persistence: "
        "nothing changes; skill: 1 - MSE / that of persistence. Semi-Lagrangian: what the wind of now, standing still, "
        "brings. Shift: how far upstream the network listens, in hours of each cell's own wind.",
    .fit = fit,
    .unfit = unfit,
    .judge = judge,
    .watching = &watching,
    .draw = esp_weather_draw,
};
