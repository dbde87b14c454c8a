#include "net/depth.h"

/* ---- rows that keep every state, or, forward alone, the latest ---- */

static size_t numbers(const esp_depth_state *state) {
  return (size_t)state->n * (size_t)state->width;
}

static int create(esp_depth_state *state) {
  ESP_MEMORY_FOR(ESP_MEMORY_STATE);
  return ESP_THERE(state->device, state->value, (state->kept ? (size_t)state->slots + 1 : 1) * numbers(state));
}

static void begin(esp_depth_state *state, const double *s, int64_t *bad) {
  *bad = -1;
  if (s != state->value) state->device->rows->copy(numbers(state), s, state->value);
}

static double *before(const esp_depth_state *state, int t) {
  return state->value + (state->kept ? (size_t)t * numbers(state) : 0);
}

static const double *read_state(const esp_depth_state *state, int t, double *room) {
  (void)room;
  return before(state, t);
}

static void add(esp_depth_state *state, int t, const double *o, int64_t *bad) {
  *bad = -1;
  state->device->rows->add(numbers(state), before(state, t), o, before(state, t + 1));
}

static void add_back(const esp_depth_state *state, int t, double *ds, double *d_o) {
  (void)t;
  state->device->rows->copy(numbers(state), ds, d_o);
}

static const esp_depth residual = {.name = "residual",
                                   .help = "s + o",
                                   .create = create,
                                   .begin = begin,
                                   .read = read_state,
                                   .join = add,
                                   .join_back = add_back};

static void replace(esp_depth_state *state, int t, const double *o, int64_t *bad) {
  *bad = -1;
  state->device->rows->copy(numbers(state), o, before(state, t + 1));
}

static void replace_back(const esp_depth_state *state, int t, double *ds, double *d_o) {
  (void)t;
  state->device->rows->copy(numbers(state), ds, d_o);
  state->device->rows->zero(numbers(state), ds);
}

static const esp_depth plain = {.name = "plain",
                                .help = "o",
                                .create = create,
                                .begin = begin,
                                .read = read_state,
                                .join = replace,
                                .join_back = replace_back};

const esp_depth *const esp_depths[] = {
    &residual, &plain, &esp_depth_reversible, &esp_depth_reversible_float, &esp_depth_reversible_stored, NULL};

const char *esp_depth_name(int k) {
  return esp_depths[k] ? esp_depths[k]->name : NULL;
}

void esp_depth_state_free(esp_depth_state *state) {
  if (!state->device) return;
  ESP_THERE_FREE(state->device, state->value);
  ESP_THERE_FREE(state->device, state->fixed);
  ESP_THERE_FREE(state->device, state->room);
}
