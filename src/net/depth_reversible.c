/* States that are made again: net/depth.h. */
#include "net/depth.h"

static const double LIMIT = 1024.0 * 4096.0; /* 2^22 */

static int wide(const esp_depth_state *state) { /* numbers a particle of a group */
  return state->width / state->groups;
}
static size_t numbers(const esp_depth_state *state) { /* of a group */
  return (size_t)state->n * (size_t)wide(state);
}

/* ---- a group, as it is held ---- */

struct esp_holding {
  int (*create)(esp_depth_state *state, size_t count);
  /* y [n][H / G] = group g, or it is added to y. */
  void (*read)(const esp_depth_state *state, int g, int add, double *y);
  /* Group g += sign o [n][H / G]. *bad: as in esp_depth; NULL: nobody asks. */
  void (*change)(const esp_depth_state *state, int g, double sign, const double *o, int64_t *bad);
};

static int create_fixed(esp_depth_state *state, size_t count) {
  return ESP_THERE(state->device, state->fixed, count);
}

static void read_fixed(const esp_depth_state *state, int g, int add, double *y) {
  const int64_t *x = state->fixed + (size_t)g * numbers(state);
  state->device->rows->state->fixed_value(numbers(state), ESP_DEPTH_BITS, x, add, y);
}

static void change_fixed(const esp_depth_state *state, int g, double sign, const double *o, int64_t *bad) {
  int64_t *x = state->fixed + (size_t)g * numbers(state);
  state->device->rows->state->fixed_add(numbers(state), ESP_DEPTH_BITS, sign, o, LIMIT, x, bad);
}

static const esp_holding fixed = {create_fixed, read_fixed, change_fixed};

static int create_float(esp_depth_state *state, size_t count) {
  return ESP_THERE(state->device, state->value, count);
}

static void read_float(const esp_depth_state *state, int g, int add, double *y) {
  const esp_rows *rows = state->device->rows;
  const double *x = state->value + (size_t)g * numbers(state);
  if (add) rows->add(numbers(state), y, x, y);
  if (!add) rows->copy(numbers(state), x, y);
}

static void change_float(const esp_depth_state *state, int g, double sign, const double *o, int64_t *bad) {
  const esp_rows *rows = state->device->rows;
  double *x = state->value + (size_t)g * numbers(state);
  if (bad) *bad = -1;
  (sign > 0 ? rows->add : rows->subtract)(numbers(state), x, o, x);
}

static const esp_holding floating = {create_float, read_float, change_float};

/* ---- groups ---- */

static int create(esp_depth_state *state) {
  ESP_MEMORY_FOR(ESP_MEMORY_STATE);
  ESP_CALL(ESP_THERE(state->device, state->room, numbers(state)));
  return state->depth->holding->create(state, (size_t)state->groups * numbers(state));
}

static void begin(esp_depth_state *state, const double *s, int64_t *bad) {
  const int w = wide(state), H = state->width;
  *bad = -1;
  for (int g = 0; g < state->groups && *bad < 0; g++) {
    state->device->rows->columns(state->n, w, H, g * w, s, w, 0, state->room);
    state->depth->holding->change(state, g, 1, state->room, bad);
    if (*bad >= 0) *bad = *bad / w * H + g * w + *bad % w;
  }
}

static const double *read_groups(const esp_depth_state *state, int t, double *room) {
  const esp_holding *hold = state->depth->holding;
  const int G = state->groups, w = wide(state), i = t % G;
  if (t < state->slots && i > 0) hold->read(state, i - 1, 0, room);
  if (t < state->slots && i == 0)
    for (int g = 1; g < G; g++) hold->read(state, g, g > 1, room);
  for (int g = 0; g < G && t == state->slots; g++) {
    hold->read(state, g, 0, state->room);
    state->device->rows->columns(state->n, w, w, 0, state->room, state->width, g * w, room);
  }
  return room;
}

static void read_back(const esp_depth_state *state, int t, const double *dread, double *ds) {
  const esp_rows *rows = state->device->rows;
  const size_t count = numbers(state);
  const int G = state->groups, w = wide(state), i = t % G;
  double *before = ds + (size_t)(i > 0 ? i - 1 : 0) * count;
  if (t < state->slots && i > 0) rows->add(count, before, dread, before);
  for (int g = 1; g < G && t < state->slots && i == 0; g++)
    rows->add(count, ds + (size_t)g * count, dread, ds + (size_t)g * count);
  for (int g = 0; g < G && t == state->slots; g++)
    rows->add_columns(state->n, w, state->width, g * w, dread, w, 0, ds + (size_t)g * count);
}

static void join(esp_depth_state *state, int t, const double *o, int64_t *bad) {
  state->depth->holding->change(state, t % state->groups, 1, o, bad);
}

static void undo(esp_depth_state *state, int t, const double *o) {
  state->depth->holding->change(state, t % state->groups, -1, o, NULL);
}

static void join_back(const esp_depth_state *state, int t, double *ds, double *d_o) {
  state->device->rows->copy(numbers(state), ds + (size_t)(t % state->groups) * numbers(state), d_o);
}

static const double *begin_back(const esp_depth_state *state, const double *ds, double *room) {
  const int w = wide(state);
  for (int g = 0; g < state->groups; g++)
    state->device->rows->columns(state->n, w, w, 0, ds + (size_t)g * numbers(state), state->width, g * w, room);
  return room;
}

#define GROUPED                                                                                    \
  .grouped = 1, .create = create, .begin = begin, .read = read_groups, .join = join, .undo = undo, \
  .join_back = join_back, .read_back = read_back, .begin_back = begin_back

const esp_depth esp_depth_reversible = {
    .name = "reversible",
    .help = "in groups of fixed-point numbers, one after the other; made again on the way back, bit for bit",
    .holding = &fixed,
    GROUPED};

const esp_depth esp_depth_reversible_float = {
    .name = "reversible_float", .help = "the same in float64, to rounding: a control", .holding = &floating, GROUPED};

const esp_depth esp_depth_reversible_stored = {.name = "reversible_stored",
                                               .help = "the same with all layers' trees and rows kept: a control",
                                               .stores = 1,
                                               .holding = &fixed,
                                               GROUPED};
