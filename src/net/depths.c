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

/* ---- the first state, again and again ---- */

static int create_injected(esp_depth_state *state) {
  ESP_MEMORY_FOR(ESP_MEMORY_STATE);
  ESP_CALL(create(state));
  return ESP_THERE(state->device, state->room, numbers(state));
}

/* Forward alone the first state is in `room`; on the way back, what came to it from the slots. */
static void begin_injected(esp_depth_state *state, const double *s, int64_t *bad) {
  begin(state, s, bad);
  if (!state->kept) state->device->rows->copy(numbers(state), s, state->room);
}

static void inject(esp_depth_state *state, int t, const double *o, int64_t *bad) {
  *bad = -1;
  state->device->rows->add(numbers(state), state->kept ? state->value : state->room, o, before(state, t + 1));
}

static void inject_back(const esp_depth_state *state, int t, double *ds, double *d_o) {
  const esp_rows *rows = state->device->rows;
  if (t == state->slots - 1) rows->zero(numbers(state), state->room);
  rows->add(numbers(state), state->room, ds, state->room);
  replace_back(state, t, ds, d_o);
}

static const double *begin_injected_back(const esp_depth_state *state, const double *ds, double *room) {
  state->device->rows->add(numbers(state), ds, state->room, room);
  return room;
}

static const esp_depth injected = {.name = "injected",
                                   .help = "the first state + o: with net_tied what equilibrium comes to, a control",
                                   .alike = 1,
                                   .create = create_injected,
                                   .begin = begin_injected,
                                   .read = read_state,
                                   .join = inject,
                                   .join_back = inject_back,
                                   .begin_back = begin_injected_back};

/* ---- an equilibrium a slot ---- */

/* What is solved for begins where it starts from. */
static void begin_equilibrium(esp_depth_state *state, const double *s, int64_t *bad) {
  begin(state, s, bad);
  if (state->slots > 0) state->device->rows->copy(numbers(state), state->value, before(state, 1));
}

static const double *read_behind(const esp_depth_state *state, int t, double *room) {
  (void)room;
  return before(state, t < state->slots ? t + 1 : t);
}

static void read_behind_back(const esp_depth_state *state, int t, const double *dread, double *ds) {
  (void)t;
  state->device->rows->add(numbers(state), ds, dread, ds);
}

static const esp_depth equilibrium = {
    .name = "equilibrium",
    .help = "s + o of the state that this makes: solved for, in the memory of one layer",
    .implicit = 1,
    .alike = 1,
    .create = create,
    .begin = begin_equilibrium,
    .before = before,
    .read = read_behind,
    .join = add,
    .join_back = add_back,
    .read_back = read_behind_back};

const esp_depth *const esp_depths[] = {
    &residual, &plain, &esp_depth_reversible, &esp_depth_reversible_float, &esp_depth_reversible_stored, &equilibrium,
    &injected, NULL};

const char *esp_depth_name(int k) {
  return esp_depths[k] ? esp_depths[k]->name : NULL;
}

void esp_depth_state_free(esp_depth_state *state) {
  if (!state->device) return;
  ESP_THERE_FREE(state->device, state->value);
  ESP_THERE_FREE(state->device, state->fixed);
  ESP_THERE_FREE(state->device, state->room);
}
