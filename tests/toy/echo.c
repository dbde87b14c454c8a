/* A whole task in one file: echo. n points of the unit square, each with a value; every point hears the values around
 * it, and the network is to find out from the answers how far is near:
 *
 *   y_i = sum_{j != i} exp(-|x_i - x_j|^2 / 2 h^2) v_j
 *
 * docs/2-house.md shows this file. tests/toy/tasks.c holds its row; the program is otherwise the product's. */
#include <math.h>
#include <stddef.h>

#include "base/config.h"
#include "base/rng.h"
#include "tasks/task.h"

/* ---- its keys ---- */

typedef struct {
  double h;
  uint64_t seed;
} echo;

static const esp_option rows[] = {{"data_echo_h", ESP_OPTION_REAL, offsetof(echo, h), .unit = "", .min = 1e-3,
                                   .max = 10, .value = "0.2", .help = "how far an echo is heard"},
                                  {"run_seed", ESP_OPTION_WHOLE, offsetof(echo, seed), .unit = "", .min = 0,
                                   .max = 1e15, .value = "1", .help = "seed of all random numbers"},
                                  {0}};
static const esp_options options = {.size = sizeof(echo), .row = rows};

/* ---- its data ---- */

enum { X, V, Y, COLUMNS };
static const esp_column column[COLUMNS + 1] = {
    {.name = "x", .role = ESP_INPUT, .width = 2, .min = -INFINITY, .unit = "1", .help = "place in the unit square"},
    {.name = "v", .role = ESP_SENT, .width = 1, .min = -INFINITY, .unit = "1", .help = "what is called out"},
    {.name = "y",
     .role = ESP_TARGET,
     .width = 1,
     .optional = 1,
     .min = -INFINITY,
     .unit = "1",
     .help = "what is heard"},
    {0}};
static const esp_number number[] = {{0}};
static const esp_layout layout = {column, number, "none: plain numbers"};

static int plan(const void *param, esp_plan *plan) {
  (void)param;
  plan->sets = 1;
  plan->shared = 0; /* small sets: each is made on one rank */
  snprintf(plan->how, sizeof plan->how, "echoes over all pairs");
  return ESP_OK;
}

/* Where particle i of a set is (k = 0, 1), and what it calls (k = 2). */
static double draw(const echo *e, const esp_item *item, int64_t i, uint32_t k) {
  const uint64_t set = (uint64_t)item->part << 32 | (uint64_t)item->number;
  return esp_rng_uniform(e->seed ^ set << 8, (uint64_t)i, ESP_RNG_POSITION, k);
}

static int make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  (void)backend;
  const echo *e = param;
  const size_t n = (size_t)item->n;
  esp_set set = {.n = item->n, .n_home = (int)item->n, .layout = &layout, .width = {[X] = 2, [V] = 1, [Y] = 1}};
  ESP_CALL(esp_set_create(&set));
  double *x = set.value[X], *v = set.value[V], *y = set.value[Y];
  for (size_t i = 0; i < n; i++) {
    set.id[i] = (int64_t)i;
    for (uint32_t k = 0; k < 2; k++) x[2 * i + k] = draw(e, item, (int64_t)i, k);
    v[i] = 2 * draw(e, item, (int64_t)i, 2) - 1;
  }
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++) {
      const double a = x[2 * i] - x[2 * j], b = x[2 * i + 1] - x[2 * j + 1];
      if (j != i) y[i] += exp(-(a * a + b * b) / (2 * e->h * e->h)) * v[j];
    }
  return to->put(to, &set);
}

/* A prediction is the set with its targets replaced. */
static int output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  (void)param, (void)targets;
  *elapsed = 0;
  for (int i = 0; i < set->n_home; i++) set->value[Y][i] = y[i];
  return ESP_OK;
}

/* ---- what is compared ---- */

static const esp_figure figure[] = {{"nrmse", "NRMSE", "%.5f", 1}, {0}};

static int silence(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                   const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fitted, (void)trained, (void)backend, (void)use;
  cost->near_pairs = -1; /* nothing to count */
  for (int i = 0; i < set->n_home; i++) y[i] = 0;
  return ESP_OK;
}

static const esp_method method[] = {
    {.name = "silence", .classical = 1, .predict = silence},
    {.name = "untrained network", .untrained = 1},
    {.name = "trained network"},
    {0},
};

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  (void)param, (void)backend, (void)seen;
  const double *target = set->value[Y];
  for (int i = 0; i < set->n_home; i++)
    esp_tally_add(tally, 0, (y[i] - target[i]) * (y[i] - target[i]), target[i] * target[i]);
  return ESP_OK;
}

static const esp_picture picture[] = {{0}};
static const esp_showing showing = {
    .figure = figure,
    .method = method,
    .picture = picture,
    .about = "Here every point hears the values around it, and how far is near is learned.",
    .ladder = "NRMSE: root mean square error over the root mean square of what is heard (1 = silence).",
    .judge = judge,
};

/* ---- the row ---- */

extern const esp_network esp_network_stack;

static const esp_making making = {.plan = plan, .make = make};

const esp_task esp_task_echo = {
    .name = "echo",
    .help = "points that hear the values around them",
    .options = &options,
    .layout = &layout,
    .network = &esp_network_stack,
    .loss = &esp_loss_nmse,
    .making = &making,
    .output = output,
    .showing = &showing,
};
