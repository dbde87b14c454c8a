#include "io/grid/axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "io/grid/unit.h"

/* ---- what is a coordinate ---- */

static int is_among(const char *word, const char *const *list) {
  for (; *list; list++)
    if (!strcasecmp(word, *list)) return 1;
  return 0;
}

static const char *const standard[ESP_AXES][8] = {
    [ESP_AXIS_LATITUDE] = {"latitude"},
    [ESP_AXIS_LONGITUDE] = {"longitude"},
    [ESP_AXIS_TIME] = {"time"},
    [ESP_AXIS_LEVEL] = {"air_pressure", "model_level_number", "height", "altitude", "atmosphere_sigma_coordinate",
                        "atmosphere_hybrid_sigma_pressure_coordinate"}};
static const char *const names[ESP_AXES][12] = {
    [ESP_AXIS_LATITUDE] = {"latitude", "lat", "nav_lat", "xlat", "clat", "latcell", "lats"},
    [ESP_AXIS_LONGITUDE] = {"longitude", "lon", "nav_lon", "xlong", "clon", "loncell", "lons"},
    [ESP_AXIS_TIME] = {"time", "times", "valid_time", "xtime"},
    [ESP_AXIS_LEVEL] = {"level", "levels", "lev", "plev", "pressure_level", "isobaricinhpa", "pressure", "isobaric"}};
static const char *const angles[ESP_AXES][7] = {
    [ESP_AXIS_LATITUDE] = {"degrees_north", "degree_north", "degrees_n", "degree_n", "degreesn", "degreen"},
    [ESP_AXIS_LONGITUDE] = {"degrees_east", "degree_east", "degrees_e", "degree_e", "degreese", "degreee"}};
static const char *const letters[ESP_AXES] = {
    [ESP_AXIS_LATITUDE] = "Y", [ESP_AXIS_LONGITUDE] = "X", [ESP_AXIS_LEVEL] = "Z"};

static esp_axis look(const char *const *lists, size_t length, const char *word) {
  for (int k = 1; k < ESP_AXES; k++)
    if (lists[(size_t)k * length] && is_among(word, lists + (size_t)k * length)) return (esp_axis)k;
  return ESP_AXIS_NONE;
}

/* A coordinate of its own dimension, or of none: a pressure there is a level, elsewhere it is a field. */
static int is_own(const esp_grid_file *file, const esp_grid_variable *v) {
  return v->rank == 0 || (v->rank == 1 && !strcmp(v->name, file->dim[v->dim[0]].name));
}

static int is_time(const esp_grid_variable *v) {
  return strstr(v->units, " since ") != NULL || v->stamps;
}

esp_axis esp_axis_of(const esp_grid_file *file, int var) {
  const esp_grid_variable *v = &file->var[var];
  esp_unit unit;
  esp_axis axis;
  if (v->rank < 0) return ESP_AXIS_NONE;
  if (v->standard_name[0]) {
    axis = look(standard[0], 8, v->standard_name);
    if (axis == ESP_AXIS_TIME) return is_time(v) ? axis : ESP_AXIS_NONE;
    if (axis == ESP_AXIS_LEVEL) return is_own(file, v) || !strcasecmp(v->axis, "Z") ? axis : ESP_AXIS_NONE;
    return axis; /* another name: no coordinate */
  }
  axis = look(angles[0], 7, v->units);
  if (axis) return axis;
  if (is_time(v)) return ESP_AXIS_TIME;
  axis = look(names[0], 12, v->name);
  if (axis == ESP_AXIS_LATITUDE || axis == ESP_AXIS_LONGITUDE)
    return !v->units[0] || !esp_unit_find(ESP_UNIT_ANGLE, v->units, &unit) ? axis : ESP_AXIS_NONE;
  if (axis == ESP_AXIS_TIME) return ESP_AXIS_NONE; /* without a date */
  if (!is_own(file, v)) return ESP_AXIS_NONE;
  if (axis || (v->rank == 1 && !esp_unit_find(ESP_UNIT_PRESSURE, v->units, &unit))) return ESP_AXIS_LEVEL;
  const int angle = !esp_unit_find(ESP_UNIT_ANGLE, v->units, &unit);
  for (int k = 1; k < ESP_AXES; k++)
    if (letters[k] && !strcasecmp(v->axis, letters[k]) && angle == (k != ESP_AXIS_LEVEL)) return (esp_axis)k;
  return ESP_AXIS_NONE;
}

/* ---- whose ---- */

/* Every dimension of a coordinate is one of the variable's. */
static int belongs(const esp_grid_file *file, int coordinate, int var) {
  const esp_grid_variable *c = &file->var[coordinate], *v = &file->var[var];
  if (coordinate == var || c->rank < 0) return 0;
  for (int k = 0; k < c->rank; k++)
    if (esp_grid_dim_of(v, c->dim[k]) < 0) return 0;
  return 1;
}

static int is_named(const char *list, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
    if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
  return 0;
}

int esp_axis_find(const esp_grid_file *file, int var, esp_axis axis) {
  const esp_grid_variable *v = &file->var[var];
  const int valid = axis == ESP_AXIS_TIME ? esp_grid_find(file, "valid_time") : -1;
  int named = -1, any = -1;
  if (valid >= 0 && belongs(file, valid, var) && esp_axis_of(file, valid) == axis) return valid;
  for (int k = 0; k < v->rank; k++) {
    const int own = esp_grid_find(file, file->dim[v->dim[k]].name);
    if (own >= 0 && belongs(file, own, var) && esp_axis_of(file, own) == axis) return own;
  }
  for (int k = 0; k < file->vars; k++) {
    if (!belongs(file, k, var) || esp_axis_of(file, k) != axis) continue;
    if (named < 0 && is_named(v->coordinates, file->var[k].name)) named = k;
    if (any < 0 && (file->var[k].rank > 0 || axis == ESP_AXIS_TIME)) any = k;
  }
  return named >= 0 ? named : any;
}

/* ---- times ---- */

/* A step is as long as the mean of all, within a hundredth; it is then told to the second. */
static int check_steps(const esp_grid_file *file, const double *hours, esp_grid_times *t) {
  const char *name = file->var[t->var].name;
  char at[64], next[64];
  const double every = (hours[t->count - 1] - hours[0]) / (double)(t->count - 1);
  for (int64_t k = 0; k + 1 < t->count; k++) {
    const double step = hours[k + 1] - hours[k];
    if (step > 0 && fabs(step - every) <= 0.01 * every) continue;
    esp_calendar_date(t->calendar, hours[k], at, sizeof at);
    esp_calendar_date(t->calendar, hours[k + 1], next, sizeof next);
    return ESP_FAIL(ESP_ERR_FORMAT,
                    "%s: times %s: from number %lld, %s, to the next, %s, are %.7g h, the mean step is %.7g h: steps "
                    "must be equal and go on",
                    file->path, name, (long long)k, at, next, step, every);
  }
  const double seconds = floor(every * 3600 + 0.5);
  t->every = fabs(every * 3600 - seconds) < 0.5 && seconds >= 1 ? seconds / 3600 : every;
  return ESP_OK;
}

int esp_grid_times_read(const esp_grid_file *file, int var, esp_grid_times *t) {
  double *hours = NULL, unit, zero;
  int rc;
  *t = (esp_grid_times){.var = esp_axis_find(file, var, ESP_AXIS_TIME), .dim = -1, .count = 1};
  ESP_CALL(esp_calendar_find("", &t->calendar));
  if (t->var < 0) return ESP_OK;
  const esp_grid_variable *v = &file->var[t->var];
  ESP_CALL(esp_error_in(esp_calendar_find(v->calendar, &t->calendar), file->path));
  ESP_CALL(esp_error_in(esp_calendar_since(t->calendar, v->units, &unit, &zero), file->path));
  ESP_CALL(esp_grid_whole(file, t->var, &hours, &t->count));
  if (v->rank == 1) t->dim = v->dim[0];
  ESP_NEED(t->count > 0, ESP_ERR_FORMAT, "%s: there is no time in %s", file->path, v->name);
  for (int64_t k = 0; k < t->count; k++) {
    ESP_NEED(isfinite(hours[k]), ESP_ERR_FORMAT, "%s: time number %lld of %s is missing", file->path, (long long)k,
             v->name);
    hours[k] = hours[k] * unit + zero;
    ESP_NEED(fabs(hours[k]) < 1e9, ESP_ERR_FORMAT,
             "%s: time number %lld of %s is %g h after 1970: allowed are %g to %g", file->path, (long long)k, v->name,
             hours[k], -1e9, 1e9);
  }
  t->start = hours[0];
  rc = t->count > 1 ? check_steps(file, hours, t) : ESP_OK;
done:
  ESP_FREE(hours);
  return rc;
}
