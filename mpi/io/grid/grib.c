/* A GRIB file as an esp_grid_file. */
#include "io/grid/grib.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/input.h"

/* What stands behind a variable: fields, or a coordinate. */
typedef struct {
  const esp_grib_field *of; /* one field that is like all of it */
  const char *coordinate;   /* "latitudes", "longitudes"; NULL: fields, times or levels */
  double *value;            /* times or levels; NULL: fields */
  double *times, *levels;   /* of fields: borrowed from their coordinates; NULL: no such dimension */
  int64_t count[2];         /* of them, at least 1 */
} content;

typedef struct {
  esp_grib_field *field;
  int64_t fields;
  content *content;          /* [file->vars] */
  size_t vars, dims, filled; /* capacities */
} impl;

/* ---- growing lists ---- */

/* A place in the list of dimensions. */
static int add_dimension(esp_grid_file *file, const char *name, int64_t length, int *place) {
  impl *own = file->impl;
  ESP_CALL(ESP_GROW(file->dim, own->dims, file->dims + 1));
  char unique[ESP_GRID_NAME];
  snprintf(unique, sizeof unique, "%s", name);
  for (int k = 2; esp_grid_find_dimension(file, unique) >= 0; k++) snprintf(unique, sizeof unique, "%s_%d", name, k);
  file->dim[file->dims] = (esp_grid_dimension){.length = length};
  memcpy(file->dim[file->dims].name, unique, sizeof unique);
  *place = file->dims++;
  return ESP_OK;
}

/* A variable, and what stands behind it, to be filled in. */
static int add_variable(esp_grid_file *file, const char *name, const char *kind, esp_grid_variable **v, content **c) {
  impl *own = file->impl;
  char unique[ESP_GRID_NAME];
  ESP_CALL(ESP_GROW(file->var, own->vars, file->vars + 1));
  ESP_CALL(ESP_GROW(own->content, own->filled, file->vars + 1));
  snprintf(unique, sizeof unique, "%s", name);
  if (esp_grid_find(file, unique) >= 0 && kind[0]) snprintf(unique, sizeof unique, "%s_%s", name, kind);
  for (int k = 2; esp_grid_find(file, unique) >= 0; k++) snprintf(unique, sizeof unique, "%s_%s_%d", name, kind, k);
  *v = &file->var[file->vars];
  *c = &own->content[file->vars++];
  **v = (esp_grid_variable){.scale = 1, .least = -INFINITY, .most = INFINITY};
  **c = (content){.count = {1, 1}};
  memcpy((*v)->name, unique, sizeof unique);
  return ESP_OK;
}

/* ---- coordinates ---- */

/* The dimension of a list of times or levels: one that is there already, or a new one with its coordinate. */
static int add_axis(esp_grid_file *file, const char *name, const char *units, const double *value, int64_t count,
                    int *dim, double **kept) {
  impl *own = file->impl;
  for (int k = 0; k < file->vars; k++) {
    const esp_grid_variable *v = &file->var[k];
    if (!own->content[k].value || strcmp(v->units, units) || file->dim[v->dim[0]].length != count) continue;
    if (memcmp(own->content[k].value, value, (size_t)count * sizeof *value)) continue;
    *dim = v->dim[0];
    *kept = own->content[k].value;
    return ESP_OK;
  }
  esp_grid_variable *v;
  content *c;
  ESP_CALL(add_dimension(file, name, count, dim));
  ESP_CALL(add_variable(file, file->dim[*dim].name, "", &v, &c));
  v->rank = 1;
  v->dim[0] = *dim;
  snprintf(v->units, sizeof v->units, "%s", units);
  snprintf(v->axis, sizeof v->axis, strstr(units, "since") ? "T" : "Z");
  ESP_CALL(ESP_ALLOC(c->value, count));
  memcpy(c->value, value, (size_t)count * sizeof *value);
  *kept = c->value;
  return ESP_OK;
}

/* Latitudes and longitudes of a grid that is met for the first time. Grids of latitudes and longitudes have one each. */
static int add_grid(esp_grid_file *file, const esp_grib_field *f, int *row, int *column) {
  static const char *const names[2] = {"latitude", "longitude"}, *const keys[2] = {"latitudes", "longitudes"};
  static const char *const units[2] = {"degrees_north", "degrees_east"};
  const int regular = f->columns && !strncmp(f->grid_type, "regular_", 8);
  impl *own = file->impl;
  for (int k = 0; k < file->vars; k++)
    if (own->content[k].coordinate && !strcmp(own->content[k].of->grid, f->grid)) {
      *row = file->var[k].dim[0];
      *column = regular ? file->var[k + 1].dim[0] : f->columns ? file->var[k].dim[1] : -1;
      return ESP_OK;
    }
  *column = -1;
  ESP_CALL(add_dimension(file, regular ? names[0] : f->columns ? "y" : "cell", f->rows, row));
  if (f->columns) ESP_CALL(add_dimension(file, regular ? names[1] : "x", f->columns, column));
  for (int k = 0; k < 2; k++) {
    esp_grid_variable *v;
    content *c;
    ESP_CALL(add_variable(file, names[k], "", &v, &c));
    v->rank = regular || !f->columns ? 1 : 2;
    v->dim[0] = regular && k ? *column : *row;
    v->dim[1] = *column;
    snprintf(v->standard_name, sizeof v->standard_name, "%s", names[k]);
    snprintf(v->units, sizeof v->units, "%s", units[k]);
    c->of = f;
    c->coordinate = keys[k];
  }
  return ESP_OK;
}

/* ---- fields ---- */

static int alike(const esp_grib_field *a, const esp_grib_field *b) {
  return !strcmp(a->name, b->name) && !strcmp(a->kind, b->kind) && !strcmp(a->grid, b->grid);
}

/* Kinds of levels whose fields are what CF's names say; of others the name tells the kind. */
static const struct {
  const char *kind, *units;
} kinds[] = {{"isobaricInhPa", "hPa"}, {"isobaricInPa", "Pa"}, {"surface", ""}, {"heightAboveGround", "m"}};

static const char *units_of_kind(const char *kind) {
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    if (!strcmp(kind, kinds[k].kind)) return kinds[k].units;
  return NULL;
}

/* Sorted, each once; levels stay as they came. */
static void insert(double *list, int64_t *count, double value, int sorted) {
  int64_t at = *count;
  for (int64_t k = 0; k < *count; k++)
    if (list[k] == value) return;
  for (; sorted && at > 0 && list[at - 1] > value; at--) list[at] = list[at - 1];
  list[at] = value;
  ++*count;
}

/* Its name and standard name are those of a field of air: not so where air's own letter (t) stands for the ground. */
static int is_plain(const esp_grib_field *f) {
  const int letter = !f->name[1] && strcmp(f->name, "z");
  return units_of_kind(f->kind) && !(letter && !strcmp(f->kind, "surface"));
}

static int add_fields(esp_grid_file *file, const esp_grib_field *f, double *times, double *levels) {
  const impl *own = file->impl;
  const char *level_units = units_of_kind(f->kind);
  int64_t count[2] = {0, 0};
  int dim[4], rank = 0, level_dim = -1;
  double *kept[2] = {NULL, NULL};
  for (const esp_grib_field *g = f; g < own->field + own->fields; g++) {
    if (!alike(f, g)) continue;
    insert(times, &count[0], g->hours, 1);
    insert(levels, &count[1], g->level, 0);
  }
  ESP_CALL(add_axis(file, "time", "hours since 1970-01-01 00:00:00", times, count[0], &dim[rank++], &kept[0]));
  if (count[1] > 1 || (level_units && strstr(level_units, "Pa"))) {
    ESP_CALL(add_axis(file, f->kind[0] ? f->kind : "level", level_units ? level_units : f->kind, levels, count[1],
                      &level_dim, &kept[1]));
    dim[rank++] = level_dim;
  }
  ESP_CALL(add_grid(file, f, &dim[rank], &dim[rank + 1]));
  rank += dim[rank + 1] < 0 ? 1 : 2;
  esp_grid_variable *v;
  content *c;
  char name[ESP_GRID_NAME];
  snprintf(name, sizeof name, is_plain(f) ? "%s" : "%s_%s", f->name, f->kind);
  ESP_CALL(add_variable(file, name, f->kind, &v, &c));
  v->rank = rank;
  memcpy(v->dim, dim, (size_t)rank * sizeof *dim);
  snprintf(v->units, sizeof v->units, "%s", f->units);
  if (is_plain(f)) snprintf(v->standard_name, sizeof v->standard_name, "%s", f->standard_name);
  *c = (content){.of = f, .times = kept[0], .levels = kept[1], .count = {count[0], count[1]}};
  return ESP_OK;
}

static int make_lists(esp_grid_file *file) {
  const impl *own = file->impl;
  double *times = NULL, *levels = NULL;
  int rc = ESP_ALLOC(times, own->fields + 1);
  if (!rc) rc = ESP_ALLOC(levels, own->fields + 1);
  for (int64_t k = 0; k < own->fields && !rc; k++) {
    int64_t first = 0;
    while (!alike(&own->field[first], &own->field[k])) first++;
    if (first == k) rc = add_fields(file, &own->field[k], times, levels);
  }
  ESP_FREE(times);
  ESP_FREE(levels);
  return rc;
}

/* ---- reading ---- */

static int find_field(const esp_grid_file *file, int var, int64_t t, int64_t l, const esp_grib_field **found) {
  const impl *own = file->impl;
  const content *c = &own->content[var];
  const char *name = file->var[var].name;
  *found = NULL;
  for (const esp_grib_field *f = own->field; f < own->field + own->fields; f++) {
    if (!alike(f, c->of) || f->hours != c->times[t] || (c->levels && f->level != c->levels[l])) continue;
    ESP_CHECK(
        !*found, ESP_ERR_FORMAT,
        "%s: %s at level %g, time number %lld of %lld, stands twice, at bytes %lld and %lld: allowed is one field a "
        "time and level",
        file->path, name, f->level, (long long)t, (long long)c->count[0], (long long)(*found)->offset,
        (long long)f->offset);
    *found = f;
  }
  ESP_CHECK(*found, ESP_ERR_FORMAT, "%s: has no %s at time number %lld of %lld, level %g, which other fields have",
            file->path, name, (long long)t, (long long)c->count[0], c->levels ? c->levels[l] : 0);
  return ESP_OK;
}

/* What is asked for of rows and columns of a field's numbers, or, of a rectilinear grid, of one row or column. */
static void cut(const esp_grib_field *f, const double *all, int rank, const int64_t *start, const int64_t *count,
                int64_t by_row, double *value) {
  const int64_t width = f->columns ? f->columns : 1;
  if (rank == 1)
    for (int64_t k = 0; k < count[0]; k++) value[k] = all[(start[0] + k) * by_row];
  else
    for (int64_t j = 0; j < count[0]; j++)
      memcpy(value + j * count[1], all + (start[0] + j) * width + start[1], (size_t)count[1] * sizeof *value);
}

static int read_fields(const esp_grid_file *file, int var, const int64_t *start, const int64_t *count, double *all,
                       double *value) {
  const content *c = &((impl *)file->impl)->content[var];
  const int rank = file->var[var].rank, level = c->levels ? 1 : -1, grid = c->levels ? 2 : 1;
  const int64_t levels = level < 0 ? 1 : count[level], first = level < 0 ? 0 : start[level];
  const int64_t some = count[grid] * (rank - grid > 1 ? count[grid + 1] : 1);
  for (int64_t t = 0; t < count[0]; t++)
    for (int64_t l = 0; l < levels; l++) {
      const esp_grib_field *f;
      ESP_CALL(find_field(file, var, start[0] + t, first + l, &f));
      ESP_CHECK(f->points == c->of->points, ESP_ERR_FORMAT, "%s: %s has %lld points at byte %lld, %lld before",
                file->path, f->name, (long long)f->points, (long long)f->offset, (long long)c->of->points);
      ESP_CALL(esp_grib_numbers(file->path, f, "values", all));
      cut(f, all, rank - grid, start + grid, count + grid, 1, value + (t * levels + l) * some);
    }
  return ESP_OK;
}

static int read_part(const esp_grid_file *file, int var, const int64_t *start, const int64_t *count, double *value) {
  const content *c = &((impl *)file->impl)->content[var];
  const int rank = file->var[var].rank;
  double *all = NULL;
  if (c->value) return memcpy(value, c->value + start[0], (size_t)count[0] * sizeof *value), ESP_OK;
  ESP_CALL(ESP_ALLOC(all, c->of->points));
  const int of_rows = rank == 1 && !strcmp(c->coordinate ? c->coordinate : "", "latitudes") && c->of->columns;
  int rc = c->coordinate ? esp_grib_numbers(file->path, c->of, c->coordinate, all)
                         : read_fields(file, var, start, count, all, value);
  if (!rc && c->coordinate) cut(c->of, all, rank, start, count, of_rows ? c->of->columns : 1, value);
  ESP_FREE(all);
  return rc;
}

/* ---- opening ---- */

static void close_file(esp_grid_file *file) {
  impl *own = file->impl;
  if (!own) return;
  for (int k = 0; k < file->vars && own->content; k++) ESP_FREE(own->content[k].value);
  ESP_FREE(own->content);
  ESP_FREE(own->field);
  ESP_FREE(own);
  file->impl = NULL;
}

/* Rank 0 reads the file from end to end; the others hear of it. */
static int share_list(const esp_comm *comm, esp_grid_file *file) {
  impl *own = file->impl;
  ESP_AGREE(comm, comm->rank ? ESP_OK : esp_grib_list(file->path, &own->field, &own->fields));
  ESP_CALL(comm->broadcast(comm, &own->fields, sizeof own->fields, 0));
  ESP_AGREE(comm, comm->rank ? ESP_ALLOC(own->field, own->fields) : ESP_OK);
  return comm->broadcast(comm, own->field, (size_t)own->fields * sizeof *own->field, 0);
}

int esp_grib_open(const esp_comm *comm, const char *path, esp_grid_file *file) {
  impl *own = NULL;
  *file = (esp_grid_file){.path = path, .kind = "GRIB", .read = read_part, .close = close_file};
  int rc = ESP_ALLOC(own, 1);
  file->impl = own;
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(share_list(comm, file));
  ESP_TRY(comm->agree(comm, make_lists(file)));
done:
  if (rc) esp_grid_close(file);
  return rc;
}
