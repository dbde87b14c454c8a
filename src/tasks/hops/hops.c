/* The row, its keys and its columns. */
#include "tasks/hops/hops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OF esp_hops_data

/* clang-format off */
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, hops, "data_hops_k", "2", 1, 1024, "hops",
            "of task hops: how often pointers are followed to the value that is asked for"),
        ESP_INT_ROW(OF, dim, "data_hops_dim", "2", 1, 3, "", "of task hops: dimensions of the places"),
        ESP_REAL_ROW(OF, reach, "data_hops_reach", "0", 0, 10, "",
            "of task hops: pointers are at most so long, in sides of the unit square, and stay in its cells; 0: anywhere"),
        ESP_REAL_ROW(OF, noise, "data_hops_noise", "0.1", 0, 0.99, "",
            "of task hops: how far a pointer errs at most, over half the distance from its goal to the nearest other "
            "particle"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
/* clang-format on */

static const esp_column columns[] = {
    {"p", ESP_INPUT, .min = -INFINITY, .unit = "1", .help = "place"},
    {"u", ESP_INPUT, .min = -INFINITY, .unit = "1", .help = "pointer: the next is nearest to p + u"},
    {"v", ESP_SENT, .width = 1, .min = -INFINITY, .unit = "1", .help = "value"},
    {"y", ESP_TARGET, .width = 1, .optional = 1, .min = -INFINITY, .unit = "1", .help = "value after all hops"},
    {0},
};

static const esp_number numbers[] = {
    {"hops", .whole = 1, .count = 1, .min = 0, .max = 1e6, .help = "from a particle to the value it is asked for"},
    {"reach", .count = 1, .max = INFINITY, .help = "longest pointer; 0: any"},
    {"noise", .count = 1, .max = 1, .help = "of pointers, over half the distance to the nearest"},
    {"seed", .whole = 1, .count = 1, .help = "of the run"},
    {0},
};

const esp_layout esp_hops_layout = {columns, numbers, "numbers without a unit"};

static int plan(const void *param, esp_plan *plan) {
  const esp_hops_data *data = param;
  ESP_CHECK(plan->n <= INT32_MAX, ESP_ERR_CONFIG, "data_n %" PRId64 " with data_task hops: at most %d particles a set",
            plan->n, INT32_MAX);
  plan->width[ESP_HOPS_P] = plan->width[ESP_HOPS_U] = data->dim;
  snprintf(plan->how, sizeof plan->how, "pointers followed %d times", data->hops);
  return ESP_OK;
}

/* Predictions are targets. */
static int output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  (void)param;
  *elapsed = 0;
  ESP_CHECK(targets == 1, ESP_ERR_ARG, "a prediction of %d numbers a particle; it is one", targets);
  if (!set->value[ESP_HOPS_Y]) ESP_CALL(ESP_ALLOC(set->value[ESP_HOPS_Y], set->n_home));
  set->width[ESP_HOPS_Y] = 1;
  if (set->n_home) memcpy(set->value[ESP_HOPS_Y], y, (size_t)set->n_home * sizeof *y);
  return ESP_OK;
}

static const esp_making making = {.plan = plan, .make = esp_hops_make};

const esp_task esp_task_hops = {
    .name = "hops",
    .help = "values that lie several hops away, at the end of pointers",
    .options = &options,
    .layout = &esp_hops_layout,
    .network = &esp_network_stack,
    .loss = &esp_loss_nmse,
    .making = &making,
    .output = output,
    .showing = &esp_hops_showing,
};
