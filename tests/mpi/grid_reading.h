/* What the tests of grids share: the numbers of every fixture, a layout with every column that grids have, and reading by it. */
#ifndef TEST_GRID_READING_H
#define TEST_GRID_READING_H

#include "case.h"

#include <unistd.h>

#include "io/file.h"
#include "io/formats.h"

/* ---- the numbers ---- */

/* Places along the dimensions that a file may have: time, level, row, column, another. */
typedef struct {
  int t, l, y, x, o;
} spot;

enum { ROWS = 12, COLUMNS = 16, CELLS = ROWS * COLUMNS, TIMES = 3 };
static double true_heat(spot at) {
  return 250 + 2 * at.y + 0.25 * at.x + 4 * at.t + 16 * at.l;
}
static double true_damp(spot at) {
  return (1 + at.y + 16 * at.t) / 8192.0;
}
static double true_u(spot at) {
  return at.x - 4 * at.t;
}
static double true_v(spot at) {
  return at.y / 2.0 - 3;
}
/* ---- the layout, and reading ---- */

enum { PLACE, HEAT, DAMP, SHARE, WIND, GROUND, AREA };
static const esp_column grid_columns[] = {
    [PLACE] = {"x", ESP_INPUT, 3, .min = -INFINITY, .foreign = "place"},
    [HEAT] = {"T", ESP_INPUT, 1, .framed = 1, .foreign = "air_temperature"},
    [DAMP] = {"q", ESP_INPUT, 1, .framed = 1, .foreign = "specific_humidity"},
    [SHARE] = {"RH", ESP_INPUT, 1, .optional = 1, .framed = 1, .foreign = "relative_humidity"},
    [WIND] = {"wind", ESP_INPUT, 3, .optional = 1, .framed = 1, .min = -INFINITY, .foreign = "wind"},
    [GROUND] = {"ground", ESP_INPUT, 1, .optional = 1, .min = -INFINITY, .foreign = "surface_altitude"},
    [AREA] = {"area", ESP_WEIGHT, 1, .optional = 1, .foreign = "cell_area"},
    {"rain", ESP_EXTRA, 1, .optional = 1, .foreign = "rain_nobody_knows"},
    {"T_later", ESP_TARGET, 1, .optional = 1, .of = "T", .ahead = 1, .min = -INFINITY},
    {0}};
static const esp_number grid_numbers[] = {{"every", .count = 1}, {"start", .count = 1}, {"level", .count = 1}, {0}};
static const esp_layout grid_layout = {grid_columns, grid_numbers, ""};
enum { EVERY, START, LEVEL };

static char grid_path[300];

/* A name of its own for this run, the same on every rank. */
static inline const char *grid_name(void) {
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(grid_path, sizeof grid_path, "test_grid_%lld.nc", (long long)pid);
  return grid_path;
}

static inline void grid_remove(void) {
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(grid_path);
}

static inline uint64_t grid_sum(const esp_comm *ranks, const esp_set *set) {
  uint64_t sum;
  assert_int_equal(esp_set_checksum(ranks, set, &sum), ESP_OK);
  return sum;
}

/* Read by all ranks, which must get what one alone gets. */
static inline esp_set grid_read(const esp_input_param *input, esp_origin *origin) {
  esp_set set, alone;
  uint64_t sums[2] = {0};
  if (esp_format_read(comm, input, &grid_layout, &set, origin)) fail_msg("%s", esp_error_message());
  if (esp_set_check(comm, &set, input->file)) fail_msg("%s", esp_error_message());
  sums[0] = grid_sum(comm, &set);
  if (comm->rank == 0) {
    esp_origin other;
    if (esp_format_read(esp_comm_self(), input, &grid_layout, &alone, &other)) fail_msg("%s", esp_error_message());
    sums[1] = grid_sum(esp_comm_self(), &alone);
    assert_string_equal(origin->told, other.told);
    assert_string_equal(origin->note, other.note);
    for (int k = 0; k < 7; k++) {
      assert_int_equal(alone.width[k], set.width[k]);
      if (set.value[k] && set.n_home)
        assert_memory_equal(alone.value[k], set.value[k], (size_t)(set.n_home * set.width[k]) * sizeof(double));
    }
    assert_int_equal(sums[0], sums[1]);
    esp_set_free(&alone);
  }
  comm->agree(comm, 0);
  return set;
}

/* A number of the particle that has an id, from whatever rank has it; NAN: nobody has. */
static inline double grid_value(const esp_set *set, int column, int frame, int64_t id, int axis) {
  double value = -INFINITY;
  for (int i = 0; i < set->n_home; i++) {
    const size_t at = (size_t)(i * set->width[column] + axis), frames = (size_t)(set->n_home * set->width[column]);
    if (set->id[i] == id) value = frame < 0 ? set->value[column][at] : set->frame[column][(size_t)frame * frames + at];
  }
  assert_int_equal(comm->max_f64(comm, &value, 1), ESP_OK);
  return isinf(value) ? (double)NAN : value;
}

static inline void grid_refused(const esp_input_param *input, int code, const char *part) {
  esp_set set;
  const int rc = esp_format_read(comm, input, &grid_layout, &set, NULL);
  if (rc != code || !strstr(esp_error_message(), part))
    fail_msg("code %d, expected %d; '%s' lacks '%s'", rc, code, esp_error_message(), part);
  esp_error_clear();
}

/* Whatever was read or refused, nothing stays: before and after all tests of a program. */
static size_t grid_held;
static inline int grid_begin(void **state) {
  (void)state;
  grid_held = esp_memory_now();
  return 0;
}
static inline int grid_end(void **state) {
  (void)state;
  if (esp_memory_now() == grid_held && esp_file_open_objects() == 0) return 0;
  fprintf(stderr, "%zu bytes are held, %zu were before; %d objects of HDF5 are open\n", esp_memory_now(), grid_held,
          esp_file_open_objects());
  exit(1);
}

#endif
