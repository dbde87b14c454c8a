#include "io/grid/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Numbers that are read at once: many chunks of a file, and not all of a long record. */
enum { AT_ONCE = 1 << 22 };

static int is_staggered(const esp_grid_file *file, const esp_grid_variable *v) {
  int staggered = v->stagger[0] && v->stagger[0] != ' ';
  for (int k = 0; k < v->rank; k++) staggered |= strstr(file->dim[v->dim[k]].name, "_stag") != NULL;
  return staggered;
}

static int refuse(const esp_grid_file *file, int var, const esp_grid_space *space, const esp_grid_times *times) {
  const esp_grid_variable *v = &file->var[var];
  char shape[512], grid[512];
  esp_grid_shape(file, var, shape, sizeof shape);
  snprintf(grid, sizeof grid, "%s", file->dim[space->row_dim].name);
  if (space->column_dim >= 0) esp_grid_add(grid, sizeof grid, ", %s", file->dim[space->column_dim].name);
  if (is_staggered(file, v))
    return ESP_FAIL(ESP_ERR_FORMAT,
                    "%s: %s is staggered: it lies between the cells of the grid (%s); a mean over neighbours, written "
                    "as a variable on the cells, can be read",
                    file->path, shape, grid);
  return ESP_FAIL(
      ESP_ERR_FORMAT,
      "%s: %s: allowed are the dimensions of the grid (%s), times (%s %lld), levels, and others of length 1",
      file->path, shape, grid, times->dim >= 0 ? file->dim[times->dim].name : "none of length",
      (long long)times->count);
}

int esp_grid_source_fit(const esp_grid_file *file, int var, const esp_grid_space *space, const esp_grid_times *times,
                        esp_grid_source *source) {
  const esp_grid_variable *v = &file->var[var];
  const int level = esp_axis_find(file, var, ESP_AXIS_LEVEL);
  const int level_dim = level >= 0 && file->var[level].rank == 1 ? file->var[level].dim[0] : -1;
  *source = (esp_grid_source){.var = var,
                              .time = times->dim >= 0 ? esp_grid_dim_of(v, times->dim) : -1,
                              .row = esp_grid_dim_of(v, space->row_dim),
                              .column = space->column_dim >= 0 ? esp_grid_dim_of(v, space->column_dim) : -1,
                              .level = {.dim = -1},
                              .unit = {1, 0}};
  int fits = source->row >= 0 && (source->column >= 0 || space->column_dim < 0) && !is_staggered(file, v);
  for (int k = 0; k < v->rank; k++)
    fits &= k == source->time || k == source->row || k == source->column || v->dim[k] == level_dim ||
            file->dim[v->dim[k]].length == 1;
  return fits ? ESP_OK : refuse(file, var, space, times);
}

/* ---- reading ---- */

/* Steps between neighbours along the variable's dimensions, of a block of count [rank] numbers. */
static void steps(int rank, const int64_t *count, int64_t *step) {
  int64_t all = 1;
  for (int k = rank; k-- > 0;) step[k] = all, all *= count[k];
}

static double scaled(const esp_unit *unit, double value) {
  return value * unit->factor + unit->zero;
}

int esp_grid_source_read(const esp_grid_file *file, const esp_grid_source *s, const esp_grid_space *space, int64_t from,
                         int64_t times, int64_t first, int64_t rows, double *value) {
  const esp_grid_variable *v = &file->var[s->var];
  const int64_t columns = space->columns, cells = rows * columns, own = s->time >= 0 ? times : 1;
  int64_t start[ESP_GRID_RANK] = {0}, count[ESP_GRID_RANK], step[ESP_GRID_RANK + 1] = {0}, some = AT_ONCE;
  double *block = NULL;
  int rc = ESP_OK;
  if (cells == 0) return ESP_OK;
  some = some > cells ? some / cells : 1;
  if (some > own) some = own;
  for (int k = 0; k < v->rank; k++) count[k] = 1;
  if (s->level.dim >= 0) start[s->level.dim] = s->level.index;
  start[s->row] = first, count[s->row] = rows;
  if (s->column >= 0) count[s->column] = columns;
  ESP_TRY(ESP_ALLOC(block, some * cells));
  for (int64_t t = 0; t < own; t += some) {
    const int64_t now = own - t < some ? own - t : some;
    if (s->time >= 0) start[s->time] = from + t, count[s->time] = now;
    ESP_TRY(file->read(file, s->var, start, count, block));
    steps(v->rank, count, step);
    const int64_t by_time = s->time >= 0 ? step[s->time] : 0, by_column = s->column >= 0 ? step[s->column] : 0;
    for (int64_t a = 0; a < now; a++)
      for (int64_t j = 0; j < rows; j++)
        for (int64_t i = 0; i < columns; i++)
          value[((t + a) * rows + j) * columns + i] =
              scaled(&s->unit, block[a * by_time + j * step[s->row] + i * by_column]);
  }
  for (int64_t t = own; t < times; t++) memcpy(value + t * cells, value, (size_t)cells * sizeof *value);
done:
  ESP_FREE(block);
  return rc;
}
