/* What the tests of grids share: a maker of small NetCDF files from a table of variables, a layout with every column that
 * grids have, and reading by it. */
#ifndef TEST_GRID_FIXTURE_H
#define TEST_GRID_FIXTURE_H

#include "case.h"

#include <unistd.h>

#include <netcdf.h>

#include "io/formats.h"

/* ---- the maker ---- */

/* Places along the dimensions that a file may have: time, level, row, column, another. */
typedef struct {
  int t, l, y, x, o;
} spot;

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

enum { ROWS = 12, COLUMNS = 16, CELLS = ROWS * COLUMNS, TIMES = 3 };
enum { V_TIME, V_LEVEL, V_LAT, V_LON, V_HEAT, V_DAMP, V_U, V_V, V_MORE };

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

static inline void grid_make(const fixture *f) {
  grid_name();
  if (comm->rank == 0) fixture_write(grid_path, f);
  comm->agree(comm, 0);
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

#endif
