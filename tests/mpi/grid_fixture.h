/* A maker of small NetCDF files from a table of variables, for the tests of grids. */
#ifndef TEST_GRID_FIXTURE_H
#define TEST_GRID_FIXTURE_H

#include <netcdf.h>

#include "grid_reading.h"

/* ---- the maker ---- */

typedef struct {
  char letter; /* t l y x o; 0 ends the rows */
  const char *name;
  int length; /* 0: unlimited, one record a time of `records` */
} fixture_dim;

typedef struct {
  const char *name; /* NULL ends the rows */
  const char *dims; /* letters, in the order of the file */
  nc_type type;
  const char *attributes;   /* "units=K;scale_factor:0.5": texts and numbers; fill values get the variable's type */
  double (*value)(spot at); /* as it is stored */
} fixture_var;

typedef struct {
  int format; /* 0: classic, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4 */
  int sums;   /* chunks of few rows, with checksums */
  int records;
  fixture_dim dim[6];
  fixture_var var[16];
} fixture;

static inline void nc(int code) {
  if (code) fail_msg("%s", nc_strerror(code));
}

static inline void fixture_attributes(int id, int var, const fixture_var *v) {
  char text[1024];
  snprintf(text, sizeof text, "%s", v->attributes);
  for (char *save = NULL, *one = strtok_r(text, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
    char *sign = strpbrk(one, "=:");
    assert_non_null(sign);
    const char kind = *sign;
    *sign = 0;
    const int filling = strstr(one, "_Fill") || strstr(one, "missing") || strstr(one, "valid");
    const double number = atof(sign + 1);
    if (kind == '=')
      nc(nc_put_att_text(id, var, one, strlen(sign + 1), sign + 1));
    else
      nc(nc_put_att_double(id, var, one, filling ? v->type : NC_DOUBLE, 1, &number));
  }
}

static inline int *spot_part(spot *at, char letter) {
  switch (letter) {
    case 't':
      return &at->t;
    case 'l':
      return &at->l;
    case 'y':
      return &at->y;
    case 'x':
      return &at->x;
    default:
      return &at->o;
  }
}

static inline void fixture_values(int id, int var, const fixture *f, const fixture_var *v) {
  size_t count[8] = {1, 1, 1, 1, 1, 1, 1, 1}, start[8] = {0}, all = 1;
  const size_t rank = strlen(v->dims);
  for (size_t k = 0; k < rank; k++) {
    const fixture_dim *d = f->dim;
    while (d->letter != v->dims[k]) d++;
    count[k] = (size_t)(d->length ? d->length : f->records);
    all *= count[k];
  }
  double *value = malloc((all + 1) * sizeof *value);
  char *text = malloc(all + 1);
  for (size_t n = 0; n < all; n++) {
    spot at = {0};
    size_t left = n;
    for (size_t k = rank; k-- > 0; left /= count[k]) *spot_part(&at, v->dims[k]) = (int)(left % count[k]);
    value[n] = v->value(at);
    text[n] = v->type == NC_CHAR ? (char)value[n] : 0;
  }
  nc(v->type == NC_CHAR ? nc_put_vara_text(id, var, start, count, text)
                        : nc_put_vara_double(id, var, start, count, value));
  free(value);
  free(text);
}

/* On one rank. */
static inline void fixture_write(const char *path, const fixture *f) {
  int id, dim[6] = {0}, var[16];
  nc(nc_create(path, NC_CLOBBER | f->format, &id));
  for (int k = 0; f->dim[k].letter; k++)
    nc(nc_def_dim(id, f->dim[k].name, f->dim[k].length ? (size_t)f->dim[k].length : NC_UNLIMITED, &dim[k]));
  for (int k = 0; f->var[k].name; k++) {
    const fixture_var *v = &f->var[k];
    int own[8];
    for (size_t d = 0; d < strlen(v->dims); d++)
      for (int place = 0; f->dim[place].letter; place++)
        if (f->dim[place].letter == v->dims[d]) own[d] = dim[place];
    nc(nc_def_var(id, v->name, v->type, (int)strlen(v->dims), own, &var[k]));
    if (f->sums && strlen(v->dims) == 4) {
      nc(nc_def_var_chunking(id, var[k], NC_CHUNKED, (const size_t[]){3, 2, 2, 16}));
      nc(nc_def_var_fletcher32(id, var[k], NC_FLETCHER32));
    }
    fixture_attributes(id, var[k], v);
  }
  nc(nc_enddef(id));
  for (int k = 0; f->var[k].name; k++) fixture_values(id, var[k], f, &f->var[k]);
  nc(nc_close(id));
}

/* ---- a file with everything in its usual place, to be spoilt one by one ---- */

enum { V_TIME, V_LEVEL, V_LAT, V_LON, V_HEAT, V_DAMP, V_U, V_V, V_MORE };

static double six_hours(spot at) {
  return 6 * at.t;
}
static double two_levels(spot at) {
  return at.l ? 500 : 850;
}
static double north(spot at) {
  return -82.5 + 15 * at.y;
}
static double east(spot at) {
  return 22.5 * at.x;
}

static inline fixture usual(void) {
  return (fixture){
      .format = NC_NETCDF4,
      .dim = {{'t', "time", TIMES}, {'l', "level", 2}, {'y', "lat", ROWS}, {'x', "lon", COLUMNS}},
      .var = {[V_TIME] = {"time", "t", NC_DOUBLE, "units=hours since 2000-01-01 00:00:00", six_hours},
              [V_LEVEL] = {"level", "l", NC_FLOAT, "units=hPa", two_levels},
              [V_LAT] = {"lat", "y", NC_DOUBLE, "units=degrees_north", north},
              [V_LON] = {"lon", "x", NC_DOUBLE, "units=degrees_east", east},
              [V_HEAT] = {"t", "tlyx", NC_FLOAT, "standard_name=air_temperature;units=K", true_heat},
              [V_DAMP] = {"q", "tlyx", NC_FLOAT, "standard_name=specific_humidity;units=kg kg-1", true_damp},
              [V_U] = {"u", "tlyx", NC_FLOAT, "standard_name=eastward_wind;units=m s-1", true_u},
              [V_V] = {"v", "tlyx", NC_FLOAT, "standard_name=northward_wind;units=m s-1", true_v}}};
}

static inline void grid_make(const fixture *f) {
  grid_name();
  if (comm->rank == 0) fixture_write(grid_path, f);
  comm->agree(comm, 0);
}

static inline esp_input_param at_level(double level) {
  return (esp_input_param){.file = grid_path, .types = "all", .grid = {.level = level}};
}

static inline spot of_id(int64_t id, int t, int l) {
  return (spot){.t = t, .l = l, .y = (int)(id / COLUMNS), .x = (int)(id % COLUMNS)};
}

static inline void grid_near(double a, double b, double tolerance) {
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g", a, b);
}

#endif
