#include "io/grid/space.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "io/grid/axis.h"
#include "io/grid/unit.h"

/* Dimensions without that of times: WRF's coordinates have it. */
static int plain_dims(const esp_grid_file *file, int var, int *dim) {
  const esp_grid_variable *v = &file->var[var];
  const int time = esp_axis_find(file, var, ESP_AXIS_TIME);
  const int time_dim = time >= 0 && file->var[time].rank == 1 ? file->var[time].dim[0] : -1;
  int rank = 0;
  for (int k = 0; k < v->rank; k++)
    if (v->dim[k] != time_dim && rank < 2) dim[rank++] = v->dim[k];
  return rank;
}

static int unit_of(const esp_grid_file *file, int var, double *unit) {
  const esp_grid_variable *v = &file->var[var];
  esp_unit found = {1, 0};
  ESP_CHECK(!v->units[0] || !esp_unit_find(ESP_UNIT_ANGLE, v->units, &found), ESP_ERR_FORMAT,
            "%s: unit '%s' of %s: allowed are %s", file->path, v->units, v->name, esp_unit_allowed(ESP_UNIT_ANGLE));
  *unit = found.factor;
  return ESP_OK;
}

int esp_grid_longitudes(const esp_grid_file *file, const esp_grid_space *s, double **lon, int64_t *count) {
  ESP_CALL(esp_grid_whole(file, s->lon, lon, count));
  for (int64_t i = 0; i < *count; i++) {
    double *x = *lon + i;
    *x *= s->lon_unit;
    if (i && fabs(x[0] - x[-1]) > 180) x[0] -= 360 * floor((x[0] - x[-1]) / 360 + 0.5);
  }
  return ESP_OK;
}

/* The column behind the last one is the first: a grid that closes has no column twice. */
static int find_repeated(const esp_grid_file *file, esp_grid_space *s) {
  double *lon = NULL;
  int64_t count;
  ESP_CALL(esp_grid_longitudes(file, s, &lon, &count));
  const double turn = count > 1 ? lon[count - 1] - lon[0] : 0;
  s->repeated = fabs(fabs(turn) - 360) < 1e-6;
  s->columns = count - s->repeated;
  ESP_FREE(lon);
  return ESP_OK;
}

int esp_grid_space_find(const esp_grid_file *file, int var, esp_grid_space *s) {
  const char *name = file->var[var].name;
  int lat[2] = {-1, -1}, lon[2] = {-1, -1};
  char shape[512];
  *s = (esp_grid_space){.lat = esp_axis_find(file, var, ESP_AXIS_LATITUDE),
                        .lon = esp_axis_find(file, var, ESP_AXIS_LONGITUDE),
                        .row_dim = -1,
                        .column_dim = -1,
                        .columns = 1};
  esp_grid_shape(file, var, shape, sizeof shape);
  ESP_CHECK(s->lat >= 0 && s->lon >= 0, ESP_ERR_FORMAT,
            "%s: %s has no %s: allowed are variables of its dimensions with standard_name latitude and longitude, or "
            "units degrees_north and degrees_east",
            file->path, shape, s->lat < 0 ? "latitudes" : "longitudes");
  ESP_CALL(unit_of(file, s->lat, &s->lat_unit));
  ESP_CALL(unit_of(file, s->lon, &s->lon_unit));
  const int lats = plain_dims(file, s->lat, lat), lons = plain_dims(file, s->lon, lon);
  const int one = lats == 1 && lons == 1, same = lat[0] == lon[0] && lat[1] == lon[1];
  ESP_CHECK(one || (lats == 2 && lons == 2 && same), ESP_ERR_FORMAT,
            "%s: latitudes %s of %d dimensions and longitudes %s of %d, for %s: allowed are one each, or the same two",
            file->path, file->var[s->lat].name, lats, file->var[s->lon].name, lons, name);
  s->kind = !one ? ESP_GRID_CURVILINEAR : same ? ESP_GRID_CELLS : ESP_GRID_RECTILINEAR;
  s->row_dim = lat[0];
  if (s->kind != ESP_GRID_CELLS) s->column_dim = one ? lon[0] : lat[1];
  s->rows = file->dim[s->row_dim].length;
  if (s->column_dim >= 0) s->columns = file->dim[s->column_dim].length;
  return s->kind == ESP_GRID_RECTILINEAR ? find_repeated(file, s) : ESP_OK;
}

void esp_grid_space_tell(const esp_grid_space *s, char *text, size_t size) {
  static const char *const words[] = {"latitudes and longitudes", "cells of a curvilinear grid", "cells"};
  if (s->kind == ESP_GRID_CELLS)
    snprintf(text, size, "%" PRId64 " cells", s->rows);
  else
    snprintf(text, size, "%" PRId64 " x %" PRId64 " %s", s->rows, s->columns, words[s->kind]);
}
