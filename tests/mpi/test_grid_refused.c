/* What a grid cannot be read as is refused on every rank, by names: of the file, the variable, what is allowed and which key
 * helps; files that are cut off or broken, too.
 * ranks: 1 3 */
#include "grid_fixture.h"

static double late(spot at) {
  return at.t == 2 ? 13 : 6 * at.t;
}
static double back(spot at) {
  return -6 * at.t;
}
static double numbers(spot at) {
  return 1 + at.l;
}
static double adrift(spot at) {
  return north(at) + at.t;
}
static double too_far_north(spot at) {
  return 10 * at.y;
}
static double warm(spot at) {
  return true_heat(at) - 273.15;
}
static double dry(spot at) {
  return at.y == 11 && at.t == 1 ? -6 : 50;
}

#define HEAT_OF(...)               \
  f->var[V_HEAT] = (fixture_var) { \
    __VA_ARGS__                    \
  }
#define DAMP_OF(...)               \
  f->var[V_DAMP] = (fixture_var) { \
    __VA_ARGS__                    \
  }
#define MORE(...)                  \
  f->var[V_MORE] = (fixture_var) { \
    __VA_ARGS__                    \
  }
#define TIME(text) f->var[V_TIME].attributes = text

/* One thing is changed in the usual file, or in the keys. */
enum {
  NO_LEVEL,
  NO_SUCH_LEVEL,
  NO_LEVELS,
  NO_PRESSURES,
  LONE_HEIGHT,
  TWO,
  NO_VARIABLE,
  UNEQUAL,
  BACKWARDS,
  MONTHS,
  CALENDAR,
  UNIT,
  NO_UNIT,
  OTHER_UNIT,
  HUMID_UNIT,
  STAGGERED,
  STAGGERED_WIND,
  LATER,
  ALONG,
  ENSEMBLE,
  NO_PLACES,
  ANGLE,
  MIXED_PLACES,
  NORTH,
  ADRIFT,
  COLD,
  BELOW,
  NO_DAMP,
  NO_AIR,
  TWO_PRESSURES,
  NO_DATE,
  NO_SCALE,
  NUMBERED,
  NO_TIME,
  VACUUM
};

static void spoil(int what, fixture *f, esp_grid_param *k) {
  switch (what) {
    case NO_LEVEL:
      k->level = 0;
      break;
    case NO_SUCH_LEVEL:
      k->level = 700;
      break;
    case NO_LEVELS:
      for (int v = V_HEAT; v < V_MORE; v++) f->var[v].dims = "tyx";
      break;
    case NO_PRESSURES:
      f->var[V_LEVEL].value = numbers, f->var[V_LEVEL].attributes = "units=1";
      break;
    case LONE_HEIGHT:
      f->dim[1].length = 1;
      f->var[V_LEVEL].attributes = "units=m;axis=Z";
      break;
    case TWO:
      MORE("ta", "tlyx", NC_FLOAT, "units=K;standard_name=air_temperature", true_heat);
      break;
    case NO_VARIABLE:
      k->temperature = "heat";
      break;
    case UNEQUAL:
      f->var[V_TIME].value = late;
      break;
    case BACKWARDS:
      f->var[V_TIME].value = back;
      break;
    case MONTHS:
      TIME("units=months since 2000-01-01");
      break;
    case CALENDAR:
      TIME("units=days since 2000-01-01;calendar=lunar");
      break;
    case NO_DATE:
      TIME("units=hours since yesterday");
      break;
    case UNIT:
      HEAT_OF("t", "tlyx", NC_FLOAT, "units=warm", true_heat);
      break;
    case NO_UNIT:
      HEAT_OF("t", "tlyx", NC_FLOAT, "standard_name=air_temperature", true_heat);
      break;
    case OTHER_UNIT:
      k->units_temperature = "degC";
      break;
    case HUMID_UNIT:
      DAMP_OF("q", "tlyx", NC_FLOAT, "units=percents", true_damp);
      break;
    case STAGGERED:
      f->dim[3].name = "west_east_stag";
      break;
    case STAGGERED_WIND:
      f->dim[4] = (fixture_dim){'o', "west_east_stag", 17};
      MORE("U", "tlyo", NC_FLOAT, "units=m s-1;stagger=X", true_u);
      k->wind_u = "U";
      break;
    case ALONG:
      f->var[V_LAT] = (fixture_var){"XLAT", "yx", NC_DOUBLE, "units=degree_north", true_v};
      f->var[V_LON] = (fixture_var){"XLONG", "yx", NC_DOUBLE, "units=degree_east", east};
      f->var[V_U].attributes = "standard_name=x_wind;units=m s-1";
      k->wind_u = "u";
      break;
    case LATER:
      k->time = 4;
      break;
    case ENSEMBLE:
      f->dim[4] = (fixture_dim){'o', "number", 5};
      f->var[V_HEAT].dims = "otlyx";
      break;
    case NO_PLACES:
      f->var[V_LAT].name = "a", f->var[V_LAT].attributes = "units=km";
      break;
    case ANGLE:
      f->var[V_LAT].attributes = "units=gradians;standard_name=latitude";
      break;
    case MIXED_PLACES:
      f->var[V_LON] = (fixture_var){"lon2", "yx", NC_DOUBLE, "units=degrees_east", true_v};
      break;
    case ADRIFT:
      f->var[V_LAT] = (fixture_var){"XLAT", "tyx", NC_DOUBLE, "units=degree_north", adrift};
      f->var[V_LON] = (fixture_var){"XLONG", "tyx", NC_DOUBLE, "units=degree_east", east};
      break;
    case NORTH:
      f->var[V_LAT].value = too_far_north;
      break;
    case COLD:
      f->var[V_HEAT].value = warm;
      break;
    case BELOW:
      DAMP_OF("r", "tlyx", NC_FLOAT, "units=%", dry);
      break;
    case NO_DAMP:
      f->var[V_DAMP].name = "other", f->var[V_DAMP].attributes = "units=1";
      break;
    case NO_AIR:
      for (int v = V_HEAT; v < V_MORE; v++) f->var[v].dims = "tyx";
      DAMP_OF("r", "tyx", NC_FLOAT, "units=1", true_damp);
      k->level = 0;
      break;
    case NO_SCALE:
      HEAT_OF("t", "tlyx", NC_FLOAT, "units=K;scale_factor=two", true_heat);
      break;
    case NUMBERED:
      HEAT_OF("t", "tlyx", NC_FLOAT, "units:3", true_heat);
      break;
    case NO_TIME:
      TIME("units=hours since 2000-01-01;scale_factor:1e300");
      break;
    case VACUUM:
      f->dim[1].length = 1, k->level = 0;
      f->var[V_LEVEL].attributes = "units=hPa;scale_factor:-1";
      break;
    case TWO_PRESSURES:
      DAMP_OF("r", "tlyx", NC_FLOAT, "units=1", true_damp);
      k->pressure = 850;
      break;
  }
}

static void refusals(void **state) {
  (void)state;
  static const struct {
    int what, code;
    const char *parts[4];
  } rows[] = {
      {NO_LEVEL, ESP_ERR_CONFIG, {"t has 2 levels", "key io_level: 850, 500 hPa"}},
      {NO_SUCH_LEVEL, ESP_ERR_CONFIG, {"io_level 700 hPa", "the nearest are 850, 500 hPa"}},
      {NO_LEVELS, ESP_ERR_CONFIG, {"io_level 850 hPa", "t has no levels"}},
      {NO_PRESSURES, ESP_ERR_FORMAT, {"2 levels of t (level, unit '1') are no pressures", "hPa, mb or Pa"}},
      {LONE_HEIGHT, ESP_ERR_CONFIG, {"io_level 850 hPa", "in 'm', which is no pressure"}},
      {TWO, ESP_ERR_CONFIG, {"temperature may be any of t, ta", "key io_temperature"}},
      {NO_VARIABLE, ESP_ERR_CONFIG, {"io_temperature 'heat'", "there are time, level, lat, lon, t, q, u, v"}},
      {UNEQUAL,
       ESP_ERR_FORMAT,
       {"from number 0, 2000-01-01 00:00, to the next, 2000-01-01 06:00", "are 6 h", "mean step is 6.5 h"}},
      {BACKWARDS, ESP_ERR_FORMAT, {"to the next, 1999-12-31 18:00", "-6 h"}},
      {MONTHS, ESP_ERR_FORMAT, {"'months since 2000-01-01'", "seconds, minutes, hours or days since a date"}},
      {NO_DATE, ESP_ERR_FORMAT, {grid_path, "'hours since yesterday'", "hours since 1900-01-01"}},
      {NO_SCALE, ESP_ERR_FORMAT, {"attribute scale_factor of variable t is not one number"}},
      {NUMBERED, ESP_ERR_CONFIG, {"has the unit '3'"}},
      {NO_TIME, ESP_ERR_FORMAT, {"time number 1 of time is 6e+300 h"}},
      {VACUUM, ESP_ERR_FORMAT, {"the level of t is -850 hPa (level)", "above 0"}},
      {CALENDAR, ESP_ERR_FORMAT, {"calendar 'lunar'", "proleptic_gregorian"}},
      {UNIT, ESP_ERR_CONFIG, {"t (temperature) has the unit 'warm'", "allowed are K, degC", "io_units_temperature"}},
      {NO_UNIT, ESP_ERR_CONFIG, {"t (temperature) states no unit", "K, degC", "io_units_temperature"}},
      {OTHER_UNIT, ESP_ERR_CONFIG, {"states the unit 'K', io_units_temperature says 'degC'"}},
      {HUMID_UNIT, ESP_ERR_CONFIG, {"'percents'", "kg/kg", "io_units_humidity"}},
      {STAGGERED, ESP_ERR_FORMAT, {"west_east_stag 16) is staggered", "air_temperature"}},
      {STAGGERED_WIND, ESP_ERR_FORMAT, {"U(time 3, level 2, lat 12, west_east_stag 17) is staggered"}},
      {ALONG, ESP_ERR_FORMAT, {"u is x_wind, along the grid", "COSALPHA"}},
      {LATER, ESP_ERR_CONFIG, {"io_time 4: there are 3 times"}},
      {ENSEMBLE, ESP_ERR_FORMAT, {"t(number 5, time 3", "others of length 1"}},
      {NO_PLACES, ESP_ERR_FORMAT, {"has no latitudes", "degrees_north"}},
      {ANGLE, ESP_ERR_FORMAT, {"unit 'gradians' of lat", "degrees, radian"}},
      {MIXED_PLACES, ESP_ERR_FORMAT, {"latitudes lat of 1 dimensions and longitudes lon2 of 2"}},
      {NORTH, ESP_ERR_VALUE, {"latitude 100", "-90 to 90"}},
      {ADRIFT, ESP_ERR_FORMAT, {"XLAT changes from time number 1 to the next", "key io_time"}},
      {COLD, ESP_ERR_VALUE, {"t (temperature) is -23.15 K at time 0, row 0, column 0", "100 to 400"}},
      {BELOW, ESP_ERR_VALUE, {"r (relative humidity) is -0.06 1 at time 1, row 11, column 0", "-0.05 to 3"}},
      {NO_DAMP, ESP_ERR_FORMAT, {"has no specific_humidity", "Qair q hus", "key io_humidity"}},
      {NO_AIR, ESP_ERR_FORMAT, {"no pressure", "set io_pressure (hPa)", "specific_humidity"}},
      {TWO_PRESSURES, ESP_ERR_CONFIG, {"io_pressure 850 hPa with a level of 850 hPa"}},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    fixture f = usual();
    esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
    f.format = 0;
    spoil(rows[k].what, &f, &input.grid);
    grid_make(&f);
    for (int p = 0; p < 4 && rows[k].parts[p]; p++) grid_refused(&input, rows[k].code, rows[k].parts[p]);
    grid_remove();
  }
}

/* A column that no grid has; one of another width. */
static void layouts(void **state) {
  (void)state;
  static const esp_column rows[][2] = {{{"m", ESP_SENT, 1, .foreign = "mass"}, {0}},
                                       {{"x", ESP_INPUT, 2, .foreign = "place"}, {0}}};
  static const esp_number none[] = {{0}};
  const fixture f = usual();
  grid_make(&f);
  const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
  for (int k = 0; k < 2; k++) {
    const esp_layout layout = {rows[k], none, ""};
    esp_set set;
    assert_int_equal(esp_format_read(comm, &input, &layout, &set, NULL), ESP_ERR_FORMAT);
    assert_non_null(strstr(esp_error_message(), "place 3, air_temperature 1"));
    esp_error_clear();
  }
  grid_remove();
}

/* ---- files that are not whole ---- */

static long size_of(void) {
  FILE *file = fopen(grid_path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  const long size = ftell(file);
  fclose(file);
  return size;
}

static void cut_off(void **state) {
  (void)state;
  static const int formats[] = {0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4};
  for (int k = 0; k < 8; k++) {
    fixture f = usual();
    f.format = formats[k / 2];
    if (k % 2) f.dim[0].length = 0, f.records = TIMES;
    grid_make(&f);
    const long size = size_of(), left[] = {size - 1, size / 2, 700, 40, 4};
    for (int c = 0; c < 5; c++) {
      comm->agree(comm, 0);
      if (comm->rank == 0) assert_int_equal(truncate(grid_path, left[c]), 0);
      comm->agree(comm, 0);
      const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
      esp_set set;
      const int rc = esp_format_read(comm, &input, &grid_layout, &set, NULL);
      if (rc != ESP_ERR_FORMAT)
        fail_msg("format %d cut at %ld of %ld: %d %s", k, left[c], size, rc, esp_error_message());
      esp_error_clear();
    }
    grid_remove();
  }
}

/* A file that claims what it cannot hold: no memory is taken for it. */
static void claims(void **state) {
  (void)state;
  fixture f = usual();
  int id, dim;
  grid_make(&f);
  if (comm->rank == 0) {
    nc(nc_open(grid_path, NC_WRITE, &id));
    nc(nc_def_dim(id, "many", (size_t)1 << 40, &dim));
    nc(nc_def_var(id, "lots", NC_DOUBLE, 1, &dim, &dim));
    nc(nc_def_var_chunking(id, dim, NC_CHUNKED, &(size_t){1024}));
    nc(nc_close(id));
  }
  comm->agree(comm, 0);
  const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
  grid_refused(&input, ESP_ERR_FORMAT, "variable lots claims 1099511627776 numbers");
  grid_remove();
}

/* A byte of one chunk, which one rank alone reads. */
static void broken_chunk(void **state) {
  (void)state;
  fixture f = usual();
  f.sums = 1;
  grid_make(&f);
  const float last = (float)true_heat((spot){.t = TIMES - 1, .l = 0, .y = ROWS - 1, .x = COLUMNS - 1});
  const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
  esp_origin origin;
  esp_set set = grid_read(&input, &origin);
  esp_set_free(&set);
  if (comm->rank == 0) {
    const long size = size_of();
    char *bytes = malloc((size_t)size), *at = bytes;
    FILE *file = fopen(grid_path, "r+b");
    assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
    while (at && memcmp(at, &last, sizeof last)) at = at - bytes < size - 4 ? at + 1 : NULL;
    assert_non_null(at);
    fseek(file, at - bytes, SEEK_SET);
    fputc(at[0] ^ 1, file);
    fclose(file);
    free(bytes);
  }
  comm->agree(comm, 0);
  grid_refused(&input, ESP_ERR_FORMAT, "t: NetCDF: HDF error");
  grid_remove();
}

CASE_MAIN_WITH(grid_begin, grid_end, cmocka_unit_test(refusals), cmocka_unit_test(layouts), cmocka_unit_test(cut_off),
               cmocka_unit_test(claims), cmocka_unit_test(broken_chunk))
