#include "io/grid/slice.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/grid/humidity.h"

typedef struct {
  const esp_grid_plan *plan;
  esp_grid_slice *slice;
  int64_t cells;
  esp_grid_places places;
  double *raw[ESP_QUANTITIES]; /* [times][cells]; NULL: not used */
} reading;

void esp_grid_slice_free(esp_grid_slice *slice) {
  esp_set_free(&slice->set);
  ESP_FREE(slice->kept);
  *slice = (esp_grid_slice){0};
}

/* ---- what the file has ---- */

static int read_raw(reading *r) {
  for (int q = 0; q < ESP_QUANTITIES; q++) {
    if (!r->plan->used[q]) continue;
    ESP_CALL(ESP_ALLOC(r->raw[q], r->plan->times * r->cells));
    ESP_CALL(esp_grid_source_read(r->plan->file, &r->plan->source[q], &r->plan->frame.space, r->plan->first,
                                  r->plan->times, r->slice->first, r->slice->rows, r->raw[q]));
  }
  return ESP_OK;
}

static int lacks(const reading *r, int q, int64_t c) {
  for (int64_t t = 0; t < r->plan->times && r->raw[q]; t++)
    if (isnan(r->raw[q][t * r->cells + c])) return 1;
  return 0;
}

/* Is there all of it? What is not is counted. */
static int has_all(const reading *r, int64_t c) {
  int has = !isnan(r->places.place[c][0]);
  for (int q = 0; q < ESP_QUANTITIES; q++) {
    const int hole = lacks(r, q, c);
    r->slice->counts.lacking[q] += hole;
    has &= !hole;
  }
  return has;
}

static void choose_cells(reading *r) {
  esp_grid_slice *s = r->slice;
  for (int64_t c = 0; c < r->cells; c++) {
    const int again = r->places.again[c], has = !again && has_all(r, c);
    s->counts.poles += again;
    s->counts.masked += !again && !has;
    s->kept[c] = (char)has;
    s->count += has;
  }
}

static int refuse_value(const reading *r, int q, int64_t t, int64_t c, double value) {
  const esp_quantity_row *row = &esp_quantity_rows[q];
  const int64_t columns = r->plan->frame.space.columns;
  return ESP_FAIL(ESP_ERR_VALUE,
                  "%s: %s (%s) is %g %s at time %" PRId64 ", row %" PRId64 ", column %" PRId64
                  " of the grid: allowed are %g to %g; is its unit what the file says?",
                  r->plan->file->path, r->plan->file->var[r->plan->source[q].var].name, row->what, value,
                  esp_unit_own(row->kind), t, r->slice->first + c / columns, c % columns, row->least, row->most);
}

static int check_values(reading *r) {
  for (int q = 0; q < ESP_QUANTITIES; q++) {
    const esp_quantity_row *row = &esp_quantity_rows[q];
    for (int64_t k = 0; k < r->plan->times * r->cells && r->raw[q]; k++) {
      double *value = &r->raw[q][k];
      const int64_t c = k % r->cells;
      if (!r->slice->kept[c]) continue;
      if (!(*value >= row->least && *value <= row->most)) return refuse_value(r, q, k / r->cells, c, *value);
      r->slice->counts.raised[q] += *value < row->floor;
      if (*value < row->floor) *value = row->floor;
      r->slice->counts.saturated += q == ESP_RELATIVE && *value > 1;
    }
  }
  return ESP_OK;
}

/* ---- fields of one time ---- */

static double pressure_of(const reading *r, int64_t at) {
  return r->raw[ESP_PRESSURE] ? r->raw[ESP_PRESSURE][at] : r->plan->pressure;
}

/* One value from those that the file has at the same place and time. */
static double same(const reading *r, esp_quantity of, int64_t at) {
  return r->raw[of][at];
}
static double specific_of_mixing(const reading *r, esp_quantity of, int64_t at) {
  return esp_specific_of_mixing(r->raw[of][at]);
}
static double specific_of_dew_point(const reading *r, esp_quantity of, int64_t at) {
  return esp_specific_of_vapour(esp_vapour_saturated(r->raw[of][at]), pressure_of(r, at));
}
static double specific_of_relative(const reading *r, esp_quantity of, int64_t at) {
  const double saturated = esp_vapour_saturated(r->raw[ESP_TEMPERATURE][at]);
  return esp_specific_of_vapour(r->raw[of][at] * saturated, pressure_of(r, at));
}
static double relative_of_dew_point(const reading *r, esp_quantity of, int64_t at) {
  return esp_vapour_saturated(r->raw[of][at]) / esp_vapour_saturated(r->raw[ESP_TEMPERATURE][at]);
}
static double relative_of_specific(const reading *r, esp_quantity of, int64_t at) {
  const double specific = of == ESP_MIXING ? specific_of_mixing(r, of, at) : r->raw[of][at];
  return esp_vapour_of_specific(specific, pressure_of(r, at)) / esp_vapour_saturated(r->raw[ESP_TEMPERATURE][at]);
}

static double (*const made[ESP_GRID_FIELDS][ESP_QUANTITIES])(const reading *, esp_quantity, int64_t) = {
    [ESP_FIELD_TEMPERATURE] = {[ESP_TEMPERATURE] = same},
    [ESP_FIELD_SPECIFIC] = {[ESP_SPECIFIC] = same,
                            [ESP_MIXING] = specific_of_mixing,
                            [ESP_DEW_POINT] = specific_of_dew_point,
                            [ESP_RELATIVE] = specific_of_relative},
    [ESP_FIELD_RELATIVE] = {[ESP_RELATIVE] = same,
                            [ESP_DEW_POINT] = relative_of_dew_point,
                            [ESP_SPECIFIC] = relative_of_specific,
                            [ESP_MIXING] = relative_of_specific},
    [ESP_FIELD_ALTITUDE] = {[ESP_ALTITUDE] = same, [ESP_GEOPOTENTIAL] = same}};

static void fill_scalar(const reading *r, esp_grid_field field, int64_t t, double *to) {
  const esp_quantity of = r->plan->from[field];
  for (int64_t c = 0; c < r->cells; c++)
    if (r->slice->kept[c]) to[c] = made[field][of](r, of, t * r->cells + c);
}
static void fill_place(const reading *r, esp_grid_field field, int64_t t, double *to) {
  (void)field, (void)t;
  for (int64_t c = 0; c < r->cells; c++) memcpy(to + 3 * c, r->places.place[c], 3 * sizeof *to);
}
static void fill_area(const reading *r, esp_grid_field field, int64_t t, double *to) {
  (void)field, (void)t;
  memcpy(to, r->places.area, (size_t)r->cells * sizeof *to);
}
/* From along the grid to east and north, where the file has the grid's angle. */
static void turn(const reading *r, int64_t at, double *u, double *v) {
  if (!r->raw[ESP_COSINE]) return;
  const double c = r->raw[ESP_COSINE][at], s = r->raw[ESP_SINE][at], along = *u, across = *v;
  *u = along * c - across * s;
  *v = across * c + along * s;
}

/* u along the east (e, 0), v along the north: the place's axis turned, place x east. */
static void fill_wind(const reading *r, esp_grid_field field, int64_t t, double *to) {
  (void)field;
  for (int64_t c = 0; c < r->cells; c++) {
    const double *x = r->places.place[c], *e = r->places.east[c];
    double u = r->raw[ESP_WIND_U][t * r->cells + c], v = r->raw[ESP_WIND_V][t * r->cells + c];
    turn(r, t * r->cells + c, &u, &v);
    to[3 * c] = u * e[0] - v * x[2] * e[1];
    to[3 * c + 1] = u * e[1] + v * x[2] * e[0];
    to[3 * c + 2] = v * (x[0] * e[1] - x[1] * e[0]);
  }
}

static void (*const fill[ESP_GRID_FIELDS])(const reading *, esp_grid_field, int64_t, double *) = {
    [ESP_FIELD_PLACE] = fill_place,     [ESP_FIELD_TEMPERATURE] = fill_scalar, [ESP_FIELD_SPECIFIC] = fill_scalar,
    [ESP_FIELD_RELATIVE] = fill_scalar, [ESP_FIELD_WIND] = fill_wind,          [ESP_FIELD_ALTITUDE] = fill_scalar,
    [ESP_FIELD_AREA] = fill_area};

static int fill_set(reading *r) {
  esp_set *set = &r->slice->set;
  *set = (esp_set){.n = r->cells, .n_home = (int)r->cells, .layout = r->plan->layout};
  set->frames = r->plan->times > 1 ? (int)r->plan->times : 0;
  memcpy(set->width, r->plan->width, sizeof set->width);
  ESP_CALL(esp_set_create(set));
  for (int k = 0; set->layout->column[k].name; k++) {
    const int field = esp_grid_field_of(&set->layout->column[k]);
    if (field == ESP_GRID_FIELDS || !set->width[k]) continue;
    fill[field](r, (esp_grid_field)field, 0, set->value[k]);
    for (int64_t t = 0; t < set->frames && set->frame[k]; t++)
      fill[field](r, (esp_grid_field)field, t, set->frame[k] + t * r->cells * set->width[k]);
  }
  return ESP_OK;
}

int esp_grid_slice_read(const esp_grid_plan *plan, esp_grid_slice *slice) {
  reading r = {.plan = plan, .slice = slice, .cells = slice->rows * plan->frame.space.columns};
  int rc = ESP_OK;
  r.places = (esp_grid_places){.first = slice->first, .rows = slice->rows, .from = plan->first, .times = plan->times};
  ESP_TRY(ESP_ALLOC(slice->kept, r.cells));
  ESP_TRY(esp_grid_places_read(plan->file, &plan->frame.space, &r.places));
  ESP_TRY(read_raw(&r));
  choose_cells(&r);
  ESP_TRY(check_values(&r));
  ESP_TRY(fill_set(&r));
done:
  for (int q = 0; q < ESP_QUANTITIES; q++) ESP_FREE(r.raw[q]);
  esp_grid_places_free(&r.places);
  return rc;
}
