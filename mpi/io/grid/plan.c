#include "io/grid/plan.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  int width;
  esp_quantity of[5]; /* it is the first of these that the file has; ESP_QUANTITIES behind the last */
} fields[ESP_GRID_FIELDS] = {
    [ESP_FIELD_PLACE] = {"place", 3, {ESP_QUANTITIES}},
    [ESP_FIELD_TEMPERATURE] = {"air_temperature", 1, {ESP_TEMPERATURE, ESP_QUANTITIES}},
    [ESP_FIELD_SPECIFIC] = {"specific_humidity",
                            1,
                            {ESP_SPECIFIC, ESP_MIXING, ESP_DEW_POINT, ESP_RELATIVE, ESP_QUANTITIES}},
    [ESP_FIELD_RELATIVE] = {"relative_humidity",
                            1,
                            {ESP_RELATIVE, ESP_DEW_POINT, ESP_SPECIFIC, ESP_MIXING, ESP_QUANTITIES}},
    [ESP_FIELD_WIND] = {"wind", 3, {ESP_WIND_U, ESP_QUANTITIES}},
    [ESP_FIELD_ALTITUDE] = {"surface_altitude", 1, {ESP_ALTITUDE, ESP_GEOPOTENTIAL, ESP_QUANTITIES}},
    [ESP_FIELD_AREA] = {"cell_area", 1, {ESP_QUANTITIES}}};

/* What one humidity needs beside it to become another. */
static const struct {
  esp_grid_field field;
  esp_quantity of;
  int temperature, pressure;
} recipes[] = {{ESP_FIELD_SPECIFIC, ESP_DEW_POINT, 0, 1},
               {ESP_FIELD_SPECIFIC, ESP_RELATIVE, 1, 1},
               {ESP_FIELD_RELATIVE, ESP_DEW_POINT, 1, 0},
               {ESP_FIELD_RELATIVE, ESP_SPECIFIC, 1, 1},
               {ESP_FIELD_RELATIVE, ESP_MIXING, 1, 1}};

const char *esp_grid_field_name(int field, int *width) {
  if (field >= ESP_GRID_FIELDS) return NULL;
  *width = fields[field].width;
  return fields[field].name;
}

int esp_grid_field_of(const esp_column *column) {
  int k = 0;
  while (k < ESP_GRID_FIELDS && !(column->foreign && !strcmp(column->foreign, fields[k].name))) k++;
  return k;
}

/* Every column that may not be missing is one that grids have. */
static int check_layout(const esp_grid_file *file, const esp_layout *layout) {
  for (const esp_column *c = layout->column; c->name; c++) {
    const int k = esp_grid_field_of(c);
    if (!c->foreign || (c->optional && k == ESP_GRID_FIELDS)) continue;
    if (k < ESP_GRID_FIELDS && c->width == fields[k].width) continue;
    char known[256] = "";
    for (int f = 0; f < ESP_GRID_FIELDS; f++)
      esp_grid_add(known, sizeof known, "%s%s %d", f ? ", " : "", fields[f].name, fields[f].width);
    return ESP_FAIL(ESP_ERR_FORMAT, "%s: the data need a column '%s' of %d numbers a particle; a grid has %s",
                    file->path, c->foreign, c->width, known);
  }
  return ESP_OK;
}

/* ---- quantities ---- */

typedef struct {
  esp_grid_plan *plan;
  const esp_grid_param *param;
  int looked[ESP_QUANTITIES];
  char why[1024]; /* the reason why the last one that was looked for is not there */
} making;

static int look(making *m, esp_quantity q, int *found) {
  esp_grid_plan *p = m->plan;
  if (!m->looked[q])
    ESP_CALL(esp_quantity_choose(p->file, m->param, q, &p->frame, &p->source[q], m->why, sizeof m->why));
  m->looked[q] = 1;
  *found = p->source[q].var >= 0;
  if (*found && p->source[q].level.value > 0) {
    p->level = p->pressure = p->source[q].level.value;
    p->assumed = p->source[q].level.assumed;
  }
  return ESP_OK;
}

static int look_pressure(making *m, int *found) {
  const double key = m->param->pressure;
  ESP_CHECK(!(m->plan->level > 0 && key > 0), ESP_ERR_CONFIG,
            "%s: io_pressure %g hPa with a level of %g hPa, which is the pressure: leave one of them out",
            m->plan->file->path, key, m->plan->level);
  if (m->plan->level == 0) m->plan->pressure = key;
  if (m->plan->pressure > 0) return *found = 1, ESP_OK;
  ESP_CALL(look(m, ESP_PRESSURE, found));
  if (!*found)
    snprintf(
        m->why, sizeof m->why,
        "%s: has humidity, but no pressure to convert it by: set io_pressure (hPa), or io_level where it has levels",
        m->plan->file->path);
  return ESP_OK;
}

/* Winds that are not said to be eastward are along the grid, where it has an angle, as WRF's. */
static int look_angle(making *m, int *need) {
  const esp_grid_plan *p = m->plan;
  const esp_grid_variable *u = &p->file->var[p->source[ESP_WIND_U].var];
  int found;
  if (!strcmp(u->standard_name, "eastward_wind")) return ESP_OK;
  ESP_CALL(look(m, ESP_COSINE, &found));
  if (found) ESP_CALL(look(m, ESP_SINE, &found));
  need[ESP_COSINE] = need[ESP_SINE] = found;
  return ESP_OK;
}

/* All that a field needs when it is made of a quantity. */
static int look_recipe(making *m, esp_grid_field field, esp_quantity of, int *found) {
  int need[ESP_QUANTITIES] = {0};
  ESP_CALL(look(m, of, found));
  need[of] = 1;
  need[ESP_WIND_V] = of == ESP_WIND_U;
  if (need[ESP_WIND_V] && *found) ESP_CALL(look(m, ESP_WIND_V, found));
  if (need[ESP_WIND_V] && *found) ESP_CALL(look_angle(m, need));
  for (size_t k = 0; k < sizeof recipes / sizeof *recipes && *found; k++) {
    if (recipes[k].field != field || recipes[k].of != of) continue;
    need[ESP_TEMPERATURE] = recipes[k].temperature;
    if (recipes[k].temperature) ESP_CALL(look(m, ESP_TEMPERATURE, found));
    if (recipes[k].pressure && *found) ESP_CALL(look_pressure(m, found));
    need[ESP_PRESSURE] |= recipes[k].pressure && *found && m->plan->pressure == 0;
  }
  for (int q = 0; q < ESP_QUANTITIES && *found; q++) m->plan->used[q] |= need[q];
  return ESP_OK;
}

static int settle_field(making *m, const esp_column *column, esp_grid_field field, int *width) {
  esp_quantity *from = &m->plan->from[field];
  char first[sizeof m->why] = "";
  int found = fields[field].of[0] == ESP_QUANTITIES;
  for (int k = 0; fields[field].of[k] != ESP_QUANTITIES && !found; k++) {
    m->why[0] = 0;
    ESP_CALL(look_recipe(m, field, fields[field].of[k], &found));
    *from = found ? fields[field].of[k] : ESP_QUANTITIES;
    if (!found && !first[0]) memcpy(first, m->why, sizeof first);
  }
  *width = found ? column->width : 0;
  if (!found) memcpy(m->why, first, sizeof first);
  return ESP_OK;
}

/* The first that the file has. */
static int settle_column(making *m, int k, char *note, size_t size) {
  const esp_column *c = &m->plan->layout->column[k];
  const int field = esp_grid_field_of(c);
  if (field == ESP_GRID_FIELDS) {
    m->plan->width[k] = c->optional ? 0 : c->width;
    return ESP_OK;
  }
  ESP_CALL(settle_field(m, c, (esp_grid_field)field, &m->plan->width[k]));
  if (m->plan->width[k]) {
    m->plan->framed |= c->framed;
    return ESP_OK;
  }
  const char *what = fields[field].name;
  if (c->optional) {
    const size_t path = strlen(m->plan->file->path) + 2; /* the note is headed by it */
    if (strlen(m->why) > path) esp_grid_add(note, size, "%s is left out: %s\n", what, m->why + path);
    return ESP_OK;
  }
  if (m->why[0]) return ESP_FAIL(ESP_ERR_FORMAT, "%s (needed: %s)", m->why, what);
  const esp_quantity of = fields[field].of[0];
  const char *key = esp_quantity_rows[of].key;
  const char *standard = esp_quantity_rows[of].standard, *names = esp_quantity_rows[of].names; /* " a b " */
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: has no %s: no variable has the standard name%.*s, or is called%.*s%s%s",
                  m->plan->file->path, what, (int)strlen(standard) - 1, standard, (int)strlen(names) - 1, names,
                  key ? "; name one by key " : "", key ? key : "");
}

/* All, or the one of the key; the first where nothing has frames. */
static int choose_times(const esp_grid_param *param, esp_grid_plan *p) {
  const int64_t all = p->frame.times.count;
  ESP_CHECK(param->time <= all, ESP_ERR_CONFIG, "%s: io_time %d: there are %" PRId64 " times, numbered from 1",
            p->file->path, param->time, all);
  p->times = p->framed && !param->time ? all : 1;
  p->first = param->time ? param->time - 1 : 0;
  return ESP_OK;
}

int esp_grid_plan_make(const esp_grid_file *file, const esp_grid_param *param, const esp_layout *layout,
                       esp_grid_plan *plan, char *note, size_t size) {
  *plan = (esp_grid_plan){.file = file, .layout = layout};
  making m = {.plan = plan, .param = param};
  int found;
  for (int q = 0; q < ESP_QUANTITIES; q++) plan->source[q].var = -1;
  for (int f = 0; f < ESP_GRID_FIELDS; f++) plan->from[f] = ESP_QUANTITIES;
  ESP_CALL(check_layout(file, layout));
  ESP_CALL(look(&m, ESP_TEMPERATURE, &found)); /* the grid is that of the temperature, if there is one */
  m.looked[ESP_TEMPERATURE] = found;
  for (int k = 0; layout->column[k].name; k++) ESP_CALL(settle_column(&m, k, note, size));
  ESP_CHECK(plan->frame.settled, ESP_ERR_FORMAT, "%s: has no field that is known", file->path);
  const esp_grid_space *space = &plan->frame.space;
  ESP_CALL(choose_times(param, plan));
  ESP_CHECK(space->rows <= INT_MAX / (space->columns ? space->columns : 1) && plan->times <= INT_MAX, ESP_ERR_LIMIT,
            "%s: a grid of %" PRId64 " x %" PRId64 " cells, %" PRId64 " times: allowed are 2^31 - 1 cells and times",
            file->path, space->rows, space->columns, plan->times);
  return ESP_OK;
}

double esp_grid_plan_start(const esp_grid_plan *p) {
  return p->frame.times.start + (double)p->first * p->frame.times.every;
}

/* ---- in words ---- */

static void tell_variables(const esp_grid_plan *p, char *told, size_t size) {
  for (int q = 0, some = 0; q < ESP_QUANTITIES; q++) {
    const esp_grid_source *s = &p->source[q];
    if (!p->used[q]) continue;
    const esp_grid_variable *v = &p->file->var[s->var];
    esp_grid_add(told, size, "%s%s %s", some++ ? ", " : "", esp_quantity_rows[q].what, v->name);
    if (s->unit.factor != 1 || s->unit.zero != 0)
      esp_grid_add(told, size, " (x %.6g%+.6g %s)", s->unit.factor, s->unit.zero,
                   esp_unit_own(esp_quantity_rows[q].kind));
  }
  for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++)
    if (p->from[recipes[k].field] == recipes[k].of)
      esp_grid_add(told, size, "; %s made of %s", fields[recipes[k].field].name, esp_quantity_rows[recipes[k].of].what);
  if (p->from[ESP_FIELD_SPECIFIC] == ESP_MIXING) esp_grid_add(told, size, "; specific_humidity made of mixing ratio");
}

void esp_grid_plan_tell(const esp_grid_plan *p, char *told, size_t size) {
  const esp_grid_times *t = &p->frame.times;
  static const char *const areas[] = {"areas by latitude", "areas by neighbours", "areas not known, all alike"};
  char grid[128], from[64], to[64];
  esp_grid_add(told, size, "%s: ", p->file->kind);
  tell_variables(p, told, size);
  esp_grid_space_tell(&p->frame.space, grid, sizeof grid);
  esp_grid_add(told, size, "; %s; %s", grid, areas[p->frame.space.kind]);
  if (p->level > 0) esp_grid_add(told, size, "; level %.7g hPa%s", p->level, p->assumed ? " (unit not stated)" : "");
  if (p->level == 0 && p->pressure > 0) esp_grid_add(told, size, "; pressure %.7g hPa (io_pressure)", p->pressure);
  if (t->var < 0) {
    esp_grid_add(told, size, "; no time stated");
    return;
  }
  esp_calendar_date(t->calendar, esp_grid_plan_start(p), from, sizeof from);
  esp_calendar_date(t->calendar, t->start + t->every * (double)(t->count - 1), to, sizeof to);
  if (p->times > 1)
    esp_grid_add(told, size, "; %" PRId64 " times from %s to %s, every %.7g h", p->times, from, to, t->every);
  else
    esp_grid_add(told, size, "; time %s, number %" PRId64 " of %" PRId64, from, p->first + 1, t->count);
  esp_grid_add(told, size, ", %s calendar", esp_calendar_name(t->calendar));
}
