#include "io/grid/quantity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OF(member) offsetof(esp_grid_param, member)
#define HUMIDITY "io_humidity", "io_units_humidity", OF(humidity), OF(units_humidity)

const esp_quantity_row esp_quantity_rows[ESP_QUANTITIES] = {
    [ESP_TEMPERATURE] = {"temperature", ESP_UNIT_TEMPERATURE, 0, " air_temperature ",
                         " Tair t ta temperature T2 t2m tas 2t T2M air ", "io_temperature", "io_units_temperature",
                         OF(temperature), OF(units_temperature), 100, 100, 400},
    [ESP_SPECIFIC] = {"specific humidity", ESP_UNIT_RATIO, 0, " specific_humidity ",
                      " Qair q hus specific_humidity huss q2m Q2M shum 2sh ", HUMIDITY, -1e-3, 0, 0.2},
    [ESP_MIXING] = {"mixing ratio", ESP_UNIT_RATIO, 0, " humidity_mixing_ratio ", " Q2 QVAPOR mixr ", HUMIDITY, -1e-3,
                    0, 0.25},
    [ESP_DEW_POINT] = {"dew point", ESP_UNIT_TEMPERATURE, 0, " dew_point_temperature ", " d2m td2m 2d tdps Td2 dpt ",
                       HUMIDITY, 50, 50, 400},
    [ESP_RELATIVE] = {"relative humidity", ESP_UNIT_SHARE, 0, " relative_humidity ",
                      " r hurs RH rh hur r2 rh2m rhum relative_humidity ", HUMIDITY, -0.05, 0, 3},
    [ESP_WIND_U] = {"wind to the east", ESP_UNIT_SPEED, 0, " eastward_wind x_wind grid_eastward_wind ",
                    " u ua u10 10u uas U10 U10M U u_component_of_wind uwnd ", "io_wind_u", "io_units_wind", OF(wind_u),
                    OF(units_wind), -300, -300, 300},
    [ESP_WIND_V] = {"wind to the north", ESP_UNIT_SPEED, 0, " northward_wind y_wind grid_northward_wind ",
                    " v va v10 10v vas V10 V10M V v_component_of_wind vwnd ", "io_wind_v", "io_units_wind", OF(wind_v),
                    OF(units_wind), -300, -300, 300},
    [ESP_PRESSURE] = {"surface pressure", ESP_UNIT_PRESSURE, 1, " surface_air_pressure ", " sp ps PSFC PS pres Psurf ",
                      NULL, NULL, 0, 0, 200, 200, 1200},
    [ESP_ALTITUDE] = {"height of the surface", ESP_UNIT_LENGTH, 1, " surface_altitude ",
                      " orog HGT ASurf topo elevation ", NULL, NULL, 0, 0, -2000, -2000, 10000},
    [ESP_GEOPOTENTIAL] = {"geopotential of the surface", ESP_UNIT_GEOPOTENTIAL, 1,
                          " surface_geopotential geopotential ", " z PHIS phis ", NULL, NULL, 0, 0, -2000, -2000,
                          10000},
    [ESP_COSINE] = {"cosine of the grid's angle", ESP_UNIT_NUMBER, 1, " ", " COSALPHA ", NULL, NULL, 0, 0, -1.01, -1.01,
                    1.01},
    [ESP_SINE] = {"sine of the grid's angle", ESP_UNIT_NUMBER, 1, " ", " SINALPHA ", NULL, NULL, 0, 0, -1.01, -1.01,
                  1.01},
};

static int is_among(const char *words, const char *word) {
  char between[ESP_GRID_NAME + 2];
  snprintf(between, sizeof between, " %s ", word);
  return word[0] && !strchr(word, ' ') && strstr(words, between) != NULL;
}

static const char *text_of(const esp_grid_param *param, const char *key, size_t offset) {
  const char *text = key ? *(const char *const *)(const void *)((const char *)param + offset) : NULL;
  return text ? text : "";
}

/* ---- units ---- */

/* The attribute, else brackets in the long name; what CF allows to leave out: the 1 of a quantity without dimension. */
static void stated(const esp_grid_variable *v, const esp_quantity_row *q, char *text, size_t size) {
  snprintf(text, size, "%s", v->units);
  if (!text[0]) esp_unit_in_brackets(v->long_name, text, size);
  const int plain = q->kind == ESP_UNIT_RATIO || q->kind == ESP_UNIT_SHARE;
  if (!text[0] && (q->kind == ESP_UNIT_NUMBER || (plain && is_among(q->standard, v->standard_name))))
    snprintf(text, size, "1");
}

static int settle_unit(const esp_grid_file *file, const esp_grid_param *param, const esp_quantity_row *q,
                       esp_grid_source *source) {
  const esp_grid_variable *v = &file->var[source->var];
  const char *key = text_of(param, q->units_key, q->units);
  char own[ESP_GRID_NAME];
  esp_unit given;
  stated(v, q, own, sizeof own);
  const int known = !esp_unit_find(q->kind, own, &source->unit), keyed = !esp_unit_find(q->kind, key, &given);
  ESP_CHECK(!known || !keyed || (given.factor == source->unit.factor && given.zero == source->unit.zero),
            ESP_ERR_CONFIG, "%s: %s (%s) states the unit '%s', %s says '%s': leave the key out", file->path, v->name,
            q->what, own, q->units_key, key);
  ESP_CHECK(known || keyed, ESP_ERR_CONFIG, "%s: %s (%s) %s%s%s: allowed are %s%s%s", file->path, v->name, q->what,
            own[0] ? "has the unit '" : "states no unit, in its attribute units or in brackets of its long_name", own,
            own[0] ? "'" : "", esp_unit_allowed(q->kind), q->units_key ? "; a file that does not say so: " : "",
            q->units_key ? q->units_key : "");
  if (!known) source->unit = given;
  return ESP_OK;
}

/* ---- candidates ---- */

enum { MOST = 64 };
typedef struct {
  const esp_grid_file *file;
  const esp_grid_param *param;
  const esp_quantity_row *q;
  esp_grid_frame *frame;
  int count, var[MOST];
} candidates;

static int by_standard(const candidates *c, int var) {
  return is_among(c->q->standard, c->file->var[var].standard_name);
}
static int by_name(const candidates *c, int var) {
  return is_among(c->q->names, c->file->var[var].name);
}
/* It has levels where those before it have them, or where the key wants one. */
static int by_level(const candidates *c, int var) {
  const int level = esp_axis_find(c->file, var, ESP_AXIS_LEVEL);
  const int has = level >= 0 && c->file->var[level].rank == 1;
  if (!c->frame->settled && c->param->level == 0) return 1;
  return has == (c->frame->settled ? c->frame->has_level : 1);
}

/* Those that a rule takes, if there are any. */
static void sieve(candidates *c, int (*rule)(const candidates *, int)) {
  int kept = 0, var[MOST];
  for (int k = 0; k < c->count; k++)
    if (rule(c, c->var[k])) var[kept++] = c->var[k];
  if (!kept) return;
  c->count = kept;
  memcpy(c->var, var, (size_t)kept * sizeof *var);
}

/* Winds along a grid that is not one of latitudes and longitudes need its angle (plan.c). */
static int check_along(const candidates *c, int var, const esp_grid_space *space) {
  const esp_grid_variable *v = &c->file->var[var];
  const int along = is_among(" x_wind y_wind grid_eastward_wind grid_northward_wind ", v->standard_name);
  ESP_CHECK(
      !along || space->kind == ESP_GRID_RECTILINEAR || esp_grid_find(c->file, "COSALPHA") >= 0, ESP_ERR_FORMAT,
      "%s: %s is %s, along the grid, and the file does not have the angle of the grid (COSALPHA, SINALPHA): allowed "
      "is %s",
      c->file->path, v->name, v->standard_name, c->q->what);
  return ESP_OK;
}

/* The grid of the first one found, or that of those before it. */
static int fit(const candidates *c, int var, esp_grid_frame *frame, esp_grid_source *source) {
  *frame = *c->frame;
  if (!frame->settled) {
    ESP_CALL(esp_grid_space_find(c->file, var, &frame->space));
    ESP_CALL(esp_grid_times_read(c->file, var, &frame->times));
  }
  ESP_CALL(esp_grid_source_fit(c->file, var, &frame->space, &frame->times, source));
  const int level = esp_axis_find(c->file, var, ESP_AXIS_LEVEL);
  const int64_t levels =
      level >= 0 && c->file->var[level].rank == 1 ? c->file->dim[c->file->var[level].dim[0]].length : 0;
  ESP_CALL(check_along(c, var, &frame->space));
  ESP_CHECK(!c->q->surface || levels <= 1, ESP_ERR_FORMAT, "%s: %s has %lld levels: %s has none", c->file->path,
            c->file->var[var].name, (long long)levels, c->q->what);
  return ESP_OK;
}

static int find_named(candidates *c, const char *name) {
  char list[512] = "";
  c->var[0] = esp_grid_find(c->file, name);
  c->count = 1;
  if (c->var[0] >= 0) return ESP_OK;
  for (int k = 0; k < c->file->vars; k++)
    if (c->file->var[k].rank > 0) esp_grid_add(list, sizeof list, "%s%s", list[0] ? ", " : "", c->file->var[k].name);
  return ESP_FAIL(ESP_ERR_CONFIG, "%s: %s '%s': there is no such variable; there are %s", c->file->path, c->q->key,
                  name, list);
}

/* A humidity of a name that says nothing is what its unit says. */
static int means(const candidates *c, int var) {
  static const esp_unit_kind order[] = {ESP_UNIT_TEMPERATURE, ESP_UNIT_RATIO, ESP_UNIT_SHARE};
  char own[ESP_GRID_NAME];
  esp_unit unit;
  const esp_quantity_row *rows = esp_quantity_rows;
  if (by_standard(c, var) || by_name(c, var)) return 1;
  for (int k = ESP_SPECIFIC; k <= ESP_RELATIVE; k++)
    if (is_among(rows[k].standard, c->file->var[var].standard_name) || is_among(rows[k].names, c->file->var[var].name))
      return 0;
  stated(&c->file->var[var], c->q, own, sizeof own);
  if (!own[0]) snprintf(own, sizeof own, "%s", text_of(c->param, c->q->units_key, c->q->units));
  for (size_t k = 0; k < 3; k++)
    if (!esp_unit_find(order[k], own, &unit)) return order[k] == c->q->kind && c->q != &rows[ESP_MIXING];
  return c->q == &rows[ESP_SPECIFIC];
}

static int find_all(candidates *c) {
  c->count = 0;
  for (int k = 0; k < c->file->vars && c->count < MOST; k++)
    if (c->file->var[k].rank > 0 && (by_standard(c, k) || by_name(c, k))) c->var[c->count++] = k;
  return ESP_OK;
}

/* Those on the grid. why: what is wrong with the first other one. */
static int keep_fitting(candidates *c, char *why, size_t size) {
  int kept = 0;
  for (int k = 0; k < c->count; k++) {
    esp_grid_frame frame;
    esp_grid_source source;
    const int rc = fit(c, c->var[k], &frame, &source);
    if (rc == ESP_ERR_MEMORY || rc == ESP_ERR_CONFIG) return rc;
    if (!rc) c->var[kept++] = c->var[k];
    if (rc && !why[0]) snprintf(why, size, "%.*s", (int)strcspn(esp_error_message(), "\n"), esp_error_message());
    if (rc) esp_error_clear();
  }
  c->count = kept;
  return ESP_OK;
}

/* A field at the surface belongs to none on levels, nor the other way round. */
static void match_level(candidates *c, char *why, size_t size) {
  if (c->q->surface || !c->count) return;
  sieve(c, by_level);
  if (!c->frame->settled || by_level(c, c->var[0])) return;
  snprintf(why, size, "%s: %s has %s, the variables before it have %s", c->file->path, c->file->var[c->var[0]].name,
           c->frame->has_level ? "no levels" : "levels", c->frame->has_level ? "some" : "none");
  c->count = 0;
}

static int refuse_several(const candidates *c) {
  char list[512] = "";
  for (int k = 0; k < c->count; k++)
    esp_grid_add(list, sizeof list, "%s%s", k ? ", " : "", c->file->var[c->var[k]].name);
  return ESP_FAIL(ESP_ERR_CONFIG, "%s: %s may be any of %s: choose by key %s", c->file->path, c->q->what, list,
                  c->q->key);
}

int esp_quantity_choose(const esp_grid_file *file, const esp_grid_param *param, esp_quantity quantity,
                        esp_grid_frame *frame, esp_grid_source *source, char *why, size_t size) {
  const esp_quantity_row *q = &esp_quantity_rows[quantity];
  const char *name = text_of(param, q->key, q->name);
  candidates c = {.file = file, .param = param, .q = q, .frame = frame};
  esp_grid_frame found;
  *source = (esp_grid_source){.var = -1};
  why[0] = 0;
  ESP_CALL(name[0] ? find_named(&c, name) : find_all(&c));
  if (name[0] && quantity >= ESP_SPECIFIC && quantity <= ESP_RELATIVE && !means(&c, c.var[0])) return ESP_OK;
  if (!name[0]) {
    ESP_CALL(keep_fitting(&c, why, size));
    match_level(&c, why, size);
    sieve(&c, by_standard);
    sieve(&c, by_name);
  }
  if (!c.count) return ESP_OK;
  if (c.count > 1 && q->key) return refuse_several(&c); /* without a key: the first in the file */
  ESP_CALL(fit(&c, c.var[0], &found, source));
  if (!q->surface) ESP_CALL(esp_grid_level_choose(file, c.var[0], param->level, &source->level));
  ESP_CALL(settle_unit(file, param, q, source));
  found.settled = 1;
  if (!frame->settled) found.has_level = source->level.dim >= 0;
  *frame = found;
  return ESP_OK;
}
