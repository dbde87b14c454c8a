/* Fields on grids are read to the same numbers whichever way a NetCDF file has them: order of dimensions, units, calendars,
 * packing, names, kinds of grid, winds along the grid; masked cells are left out, one cell stands for a pole; the same on any
 * number of ranks. What is written is read back.
 * ranks: 1 2 3 */
#include "grid_fixture.h"
#include "io/info.h"

#define DEGREE 0.017453292519943295

/* Wind and place from latitude and longitude by themselves. */
static void check_vectors(const esp_set *set, int i, int t, double lat, double lon, spot at) {
  const double f = lat * DEGREE, a = lon * DEGREE, u = true_u(at), v = true_v(at);
  const double *x = set->value[PLACE] + 3 * i;
  const double *wind =
      (set->frame[WIND] ? set->frame[WIND] + (size_t)t * (size_t)set->n_home * 3 : set->value[WIND]) + 3 * i;
  grid_near(x[0], cos(f) * cos(a), 1e-15);
  grid_near(x[1], cos(f) * sin(a), 1e-15);
  grid_near(x[2], sin(f), 1e-15);
  grid_near(wind[0], -u * sin(a) - v * sin(f) * cos(a), 1e-14);
  grid_near(wind[1], u * cos(a) - v * sin(f) * sin(a), 1e-14);
  grid_near(wind[2], v * cos(f), 1e-14);
}

/* Every cell that is there has what the usual file has. */
static void check_usual(const esp_set *set, int level, double (*lat)(spot), double (*lon)(spot), double tolerance) {
  for (int t = 0; t < (set->frames ? set->frames : 1); t++)
    for (int i = 0; i < set->n_home; i++) {
      const spot at = of_id(set->id[i], t, level);
      const size_t k = (size_t)t * (size_t)set->n_home + (size_t)i;
      grid_near(set->frames ? set->frame[HEAT][k] : set->value[HEAT][i], true_heat(at), tolerance);
      grid_near(set->frames ? set->frame[DAMP][k] : set->value[DAMP][i], true_damp(at), 1e-17);
      if (set->width[WIND]) check_vectors(set, i, t, lat(at), lon(at), at);
    }
}

static void read_usual(const fixture *f, esp_input_param input, int level, double (*lat)(spot), double (*lon)(spot),
                       double tolerance) {
  esp_origin origin;
  grid_make(f);
  input.file = grid_path;
  esp_set set = grid_read(&input, &origin);
  assert_int_equal(set.n, CELLS);
  assert_int_equal(set.frames, TIMES);
  grid_near(set.about[EVERY].real, 6, 0);
  grid_near(set.about[START].real, 262968, 0); /* 10957 days */
  check_usual(&set, level, lat, lon, tolerance);
  esp_set_free(&set);
  grid_remove();
}

/* ---- ways of having it ---- */

static double pascals(spot at) {
  return 100 * two_levels(at);
}
static double southward(spot at) {
  return 82.5 - 15 * at.y;
}
static double centred(spot at) {
  return east(at) - 180;
}
static double packed(spot at) {
  return (true_heat(at) - 250) / 0.25;
}
static double celsius(spot at) {
  return true_heat(at) - 273.15;
}
static double grams(spot at) {
  return 1000 * true_damp(at);
}
static double quarter_days(spot at) {
  return 0.25 * at.t + 4748; /* from 1987-01-01 to 2000-01-01 */
}
static double seconds(spot at) {
  return 21600.0 * at.t;
}
static double stamp(spot at) {
  char text[32];
  snprintf(text, sizeof text, "2000-01-01_%02d:00:00", 6 * at.t);
  return text[at.o];
}

static void orders(void **state) {
  (void)state;
  static const char *const order[] = {"tlyx", "tlxy", "xylt", "ltyx", "yxtl"};
  static const int formats[] = {NC_NETCDF4, 0, NC_64BIT_OFFSET, NC_64BIT_DATA, NC_NETCDF4};
  for (int k = 0; k < 5; k++) {
    fixture f = usual();
    f.format = formats[k];
    for (int v = V_HEAT; v < V_MORE; v++) f.var[v].dims = order[(k + v) % 5];
    read_usual(&f, at_level(k % 2 ? 500 : 850), k % 2, north, east, 0);
  }
}

static void units(void **state) {
  (void)state;
  fixture f = usual(); /* a record dimension, packed numbers, rows from the north, longitudes around 0 */
  f.format = NC_64BIT_OFFSET;
  f.dim[0].length = 0, f.records = TIMES;
  f.var[V_TIME].value = seconds,
  f.var[V_TIME].attributes = "units=seconds since 2000-01-01T00:00:00Z;calendar=gregorian";
  f.var[V_HEAT] =
      (fixture_var){"Tair", "tlyx", NC_SHORT, "units=K;scale_factor:0.25;add_offset:250;_FillValue:-32767", packed};
  f.var[V_LEVEL].attributes = "units=Pa;standard_name=air_pressure", f.var[V_LEVEL].value = pascals;
  f.var[V_LAT].value = southward;
  f.var[V_LON].value = centred;
  read_usual(&f, at_level(850), 0, southward, centred, 0);
  f = usual(); /* units in brackets, names without standard names, coordinates without attributes */
  f.format = 0;
  f.var[V_TIME].value = quarter_days, f.var[V_TIME].attributes = "units=days since 1987-1-1 0";
  f.var[V_LEVEL].attributes = f.var[V_LAT].attributes = f.var[V_LON].attributes = "comment=none";
  f.var[V_HEAT].attributes = "units=;long_name=Air Temperature [degC]", f.var[V_HEAT].value = celsius;
  f.var[V_HEAT].type = NC_DOUBLE;
  f.var[V_DAMP].attributes = "long_name=humidity [g/kg]", f.var[V_DAMP].value = grams;
  f.var[V_DAMP].type = NC_DOUBLE;
  f.var[V_U].attributes = f.var[V_V].attributes = "units=m/s";
  read_usual(&f, at_level(500), 1, north, east, 1e-12);
  f = usual(); /* units and names by keys */
  f.var[V_HEAT].name = "heat", f.var[V_HEAT].attributes = "units=warm";
  f.var[V_DAMP].name = "damp", f.var[V_DAMP].attributes = "comment=none";
  f.var[V_U].name = "a", f.var[V_U].attributes = f.var[V_V].attributes = "comment=none";
  f.var[V_V].name = "b";
  esp_input_param input = at_level(500);
  input.grid = (esp_grid_param){"heat", "damp", "a", "b", "K", "kg/kg", "m/s", 500, 0, 0};
  read_usual(&f, input, 1, north, east, 0);
  f = usual(); /* texts for times, and no coordinate that is called as its dimension */
  f.dim[4] = (fixture_dim){'o', "DateStrLen", 19};
  f.var[V_TIME] = (fixture_var){"Times", "to", NC_CHAR, "comment=none", stamp};
  f.dim[2].name = "south_north", f.dim[3].name = "west_east";
  f.var[V_LAT].name = "a", f.var[V_LAT].attributes = "units=degrees;axis=Y";
  f.var[V_LAT].dims = "y";
  f.dim[2].name = "a";
  read_usual(&f, at_level(850), 0, north, east, 0);
}

static double twelve_later(spot at) {
  return 6 * at.t - 12;
}

/* One time of several. */
static void one_time(void **state) {
  (void)state;
  const fixture f = usual();
  esp_origin origin;
  grid_make(&f);
  esp_input_param input = at_level(850);
  input.grid.time = 3;
  esp_set set = grid_read(&input, &origin);
  assert_true(set.frames == 0 && set.about[EVERY].real == 0 && set.about[START].real == 262980);
  for (int i = 0; i < set.n_home; i++) grid_near(set.value[HEAT][i], true_heat(of_id(set.id[i], 2, 0)), 0);
  assert_non_null(strstr(origin.told, "time 2000-01-01 12:00, number 3 of 3"));
  esp_set_free(&set);
  grid_remove();
}

/* Of forecasts, times of validity count, not those of their beginning. */
static void forecasts(void **state) {
  (void)state;
  fixture f = usual();
  f.format = 0;
  f.var[V_TIME].value = twelve_later;
  f.var[V_MORE] =
      (fixture_var){"valid_time", "t", NC_DOUBLE, "units=hours since 2000-01-01;standard_name=time", six_hours};
  read_usual(&f, at_level(850), 0, north, east, 0);
}

/* ---- calendars ---- */

static void calendars(void **state) {
  (void)state;
  static const struct {
    const char *attributes;
    double start;
  } rows[] = {{"units=hours since 1970-01-01", 0},
              {"units=hours since 1900-01-01 00:00:0.0;calendar=standard", -613608},
              {"units=hours since 1-1-1 00:00:0.0;calendar=standard", -17259936},
              {"units=hours since 0001-01-01;calendar=proleptic_gregorian", -17259888},
              {"units=hours since 1582-10-15;calendar=gregorian", -3394248},
              {"units=hours since 1582-10-04;calendar=gregorian", -3394272},
              {"units=hours since 2001-03-01;calendar=noleap", 24 * (31 * 365 + 59)},
              {"units=hours since 2000-03-01;calendar=365_day", 24 * (30 * 365 + 59)},
              {"units=hours since 2001-03-01;calendar=all_leap", 24 * (31 * 366 + 60)},
              {"units=hours since 2000-02-30;calendar=360_day", 24 * (30 * 360 + 59)},
              {"units=hours since 1970-01-01 06:00:00 +06:00", 0},
              {"units=hours since 1970-01-01 00:00:00 -6", 6},
              {"units=hours since 1970-01-02T12:30:00 UTC", 36.5}};
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    fixture f = usual();
    esp_origin origin;
    f.format = 0;
    f.var[V_TIME].attributes = rows[k].attributes;
    grid_make(&f);
    const esp_input_param input = at_level(850);
    esp_set set = grid_read(&input, &origin);
    grid_near(set.about[START].real, rows[k].start, 1e-9);
    grid_near(set.about[EVERY].real, 6, 0);
    esp_set_free(&set);
    grid_remove();
  }
}

/* ---- kinds of grids ---- */

static double to_north(spot at) {
  return -90 + 18.0 * at.y; /* 11 rows */
}
static double cell_north(spot at) {
  return north((spot){.y = at.y / COLUMNS}) * DEGREE;
}
static double cell_east(spot at) {
  return east((spot){.x = at.y % COLUMNS}) * DEGREE;
}
#define CELL(field)                                                                       \
  static double cell_##field(spot at) {                                                   \
    return field((spot){.t = at.t, .l = at.l, .y = at.y / COLUMNS, .x = at.y % COLUMNS}); \
  }
CELL(true_heat)
CELL(true_damp)
CELL(true_u)
CELL(true_v)

static double tilted_north(spot at) {
  return -40 + 3 * at.y + 0.5 * at.x;
}
static double tilted_east(spot at) {
  return 10 + 4 * at.x - 0.25 * at.y;
}

static double along(spot at) {
  return 0.6 * true_u(at) + 0.8 * true_v(at);
}
static double across(spot at) {
  return 0.6 * true_v(at) - 0.8 * true_u(at);
}
static double cosine(spot at) {
  (void)at;
  return 0.6;
}
static double sine(spot at) {
  (void)at;
  return 0.8;
}

/* Winds along a grid that is turned. */
static void turned(void **state) {
  (void)state;
  fixture f = usual();
  esp_origin origin;
  f.format = 0;
  f.var[V_LAT] = (fixture_var){"XLAT", "yx", NC_DOUBLE, "units=degree_north", tilted_north};
  f.var[V_LON] = (fixture_var){"XLONG", "yx", NC_DOUBLE, "units=degree_east", tilted_east};
  f.var[V_U] = (fixture_var){"U10", "tlyx", NC_DOUBLE, "units=m s-1;stagger= ", along};
  f.var[V_V] = (fixture_var){"V10", "tlyx", NC_DOUBLE, "units=m s-1;stagger= ", across};
  f.var[V_MORE] = (fixture_var){"COSALPHA", "tyx", NC_DOUBLE, "units= ", cosine};
  f.var[V_MORE + 1] = (fixture_var){"SINALPHA", "tyx", NC_DOUBLE, "units= ", sine};
  for (int standard = 0; standard < 2; standard++) {
    if (standard) f.var[V_U].attributes = "units=m s-1;standard_name=eastward_wind";
    grid_make(&f);
    const esp_input_param input = at_level(850);
    esp_set set = grid_read(&input, &origin);
    for (int64_t id = 0; id < CELLS; id += 17)
      grid_near(grid_value(&set, WIND, 1, id, 2),
                (standard ? across : true_v)(of_id(id, 1, 0)) * cos(tilted_north(of_id(id, 1, 0)) * DEGREE), 1e-13);
    esp_set_free(&set);
    grid_remove();
  }
}

static void kinds(void **state) {
  (void)state;
  fixture f = usual(); /* two latitudes and longitudes a cell, which know time */
  f.dim[2].name = "south_north", f.dim[3].name = "west_east";
  f.var[V_LAT] = (fixture_var){"XLAT", "tyx", NC_DOUBLE, "units=degree_north", tilted_north};
  f.var[V_LON] = (fixture_var){"XLONG", "tyx", NC_DOUBLE, "units=degree_east", tilted_east};
  read_usual(&f, at_level(850), 0, tilted_north, tilted_east, 0);
  f = usual(); /* cells in no order, in radians */
  f.dim[2] = (fixture_dim){'y', "cell", CELLS}, f.dim[3] = (fixture_dim){0};
  f.var[V_LAT] = (fixture_var){"clat", "y", NC_DOUBLE, "units=radian;standard_name=latitude", cell_north};
  f.var[V_LON] = (fixture_var){"clon", "y", NC_DOUBLE, "units=radian;standard_name=longitude", cell_east};
  f.var[V_HEAT].value = cell_true_heat, f.var[V_DAMP].value = cell_true_damp;
  f.var[V_U].value = cell_true_u, f.var[V_V].value = cell_true_v;
  for (int v = V_HEAT; v < V_MORE; v++) f.var[v].dims = v % 2 ? "ytl" : "tly";
  read_usual(&f, at_level(850), 0, north, east, 0);
}

static double jumping(spot at) {
  return remainder(east(at), 360);
}

static void poles(void **state) { /* rows at both, and the first column once more */
  (void)state;
  double (*const longitudes[])(spot) = {east, jumping};
  for (int k = 0; k < 2; k++) {
    esp_origin origin;
    fixture f = usual();
    f.dim[2].length = 11, f.dim[3].length = 17;
    f.var[V_LAT].value = to_north, f.var[V_LON].value = longitudes[k];
    grid_make(&f);
    const esp_input_param input = at_level(850);
    esp_set set = grid_read(&input, &origin);
    assert_int_equal(set.n, 9 * 16 + 2);
    assert_non_null(strstr(origin.note, "30 cells at a pole"));
    assert_non_null(strstr(origin.note, "last column is the first"));
    grid_near(grid_value(&set, PLACE, -1, 0, 2), -1, 0);
    grid_near(grid_value(&set, PLACE, -1, 10 * 16, 2), 1, 0);
    assert_true(isnan(grid_value(&set, PLACE, -1, 1, 2)));
    /* all areas together are the sphere's, of which each pole has its cap */
    double sum = 0, cap = (1 - cos(9 * DEGREE)) / 2;
    for (int64_t id = 0; id < 11 * 16; id++) {
      const double area = grid_value(&set, AREA, -1, id, 0);
      sum += isnan(area) ? 0 : area;
    }
    grid_near(sum, 9 * 16 + 2, 1e-9);
    grid_near(grid_value(&set, AREA, -1, 0, 0) / sum, cap, 0.01 * cap);
    grid_near(grid_value(&set, AREA, -1, 16 + 3, 0) / grid_value(&set, AREA, -1, 5 * 16 + 8, 0), cos(72 * DEGREE),
              1e-12);
    for (int64_t i = 0; i < 16; i++)
      grid_near(grid_value(&set, AREA, -1, 5 * 16 + i, 0), grid_value(&set, AREA, -1, 5 * 16, 0), 1e-12);
    esp_set_free(&set);
    grid_remove();
  }
}

/* ---- what is not there ---- */

static double with_holes(spot at) {
  if (at.l == 0 && at.y == 3) return 1e20;                           /* a row at one level */
  if (at.l == 0 && at.y == 5 && at.x == 2 && at.t == 2) return 1e20; /* a cell at the last time */
  return true_damp(at);
}
static double with_gaps(spot at) {
  return at.y == 7 && at.x == 1 ? NAN : true_heat(at);
}
static double with_faults(spot at) {
  return at.y == 8 && at.x == 4 ? -999 : true_u(at);
}
static double nothing(spot at) {
  (void)at;
  return 1e20;
}

static void masks(void **state) {
  (void)state;
  for (int format = 0; format < 2; format++) {
    fixture f = usual();
    esp_origin origin;
    f.format = format ? NC_NETCDF4 : 0;
    f.var[V_HEAT].value = with_gaps;
    f.var[V_DAMP].value = with_holes,
    f.var[V_DAMP].attributes = "standard_name=specific_humidity;units=1;_FillValue:1e20";
    f.var[V_U].value = with_faults,
    f.var[V_U].attributes = "standard_name=eastward_wind;units=m s-1;missing_value:-999";
    grid_make(&f);
    esp_input_param input = at_level(850);
    esp_set set = grid_read(&input, &origin);
    assert_int_equal(set.n, CELLS - COLUMNS - 3);
    assert_non_null(strstr(origin.told, "19 masked (t 1, q 17, u 1)"));
    check_usual(&set, 0, north, east, 0);
    assert_true(isnan(grid_value(&set, HEAT, -1, 3 * COLUMNS + 5, 0)));
    assert_true(isnan(grid_value(&set, HEAT, -1, 5 * COLUMNS + 2, 0)));
    esp_set_free(&set);
    input = at_level(500);
    set = grid_read(&input, &origin);
    assert_int_equal(set.n, CELLS - 2);
    esp_set_free(&set);
    grid_remove();
    f.var[V_DAMP].value = nothing;
    grid_make(&f);
    grid_refused(&input, ESP_ERR_VALUE, "all 192 cells are masked (t 1, q 192, u 1)");
    grid_remove();
  }
}

/* ---- a single state, the surface, writing ---- */

static double hill(spot at) {
  return 9.80665 * 8 * at.y;
}

static void there_and_back(void **state) {
  (void)state;
  fixture f = usual();
  esp_origin origin, again;
  esp_set back;
  char path[400];
  f.dim[0].length = 1;
  f.var[V_MORE] = (fixture_var){"z", "yx", NC_DOUBLE, "units=m**2 s**-2;standard_name=geopotential", hill};
  grid_make(&f);
  const esp_input_param input = at_level(500);
  esp_set set = grid_read(&input, &origin);
  assert_true(set.frames == 0 && set.about[EVERY].real == 0 && set.about[LEVEL].real == 500);
  check_usual(&set, 1, north, east, 0);
  grid_near(grid_value(&set, GROUND, -1, 5 * COLUMNS, 0), 40, 1e-12);
  assert_true(set.width[7] == 0 && set.width[8] == 0);
  assert_string_equal(esp_format_writer(&origin)->extension, ".nc");
  snprintf(path, sizeof path, "%s.back.nc", grid_path);
  for (int compress = 0; compress < 2; compress++) {
    if (esp_format_write(comm, path, &set, &origin, origin.time + 24, compress)) fail_msg("%s", esp_error_message());
    const esp_input_param written = {.file = path, .types = "all"};
    if (esp_format_read(comm, &written, &grid_layout, &back, &again)) fail_msg("%s", esp_error_message());
    assert_true(back.n == CELLS && back.about[START].real == origin.time + 24 && back.about[LEVEL].real == 500);
    for (int i = 0; i < 3 * set.n_home; i++) grid_near(back.value[PLACE][i], set.value[PLACE][i], 1e-15);
    for (int k = HEAT; k <= DAMP; k++)
      assert_memory_equal(back.value[k], set.value[k], (size_t)set.n_home * sizeof(double));
    assert_true(back.width[WIND] == 0 && back.width[GROUND] == 0);
    esp_set_free(&back);
  }
  esp_set_free(&set);
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  grid_remove();
}

static void described(void **state) {
  (void)state;
  fixture f = usual();
  char *text = NULL;
  size_t length;
  static const char *const parts[] = {
      "grid         NetCDF-4, 4 dimensions, 8 variables", "dimension    time 3",
      "t(time 3, level 2, lat 12, lon 16)  air_temperature  [K]", "levels       level 850 500 hPa",
      "times        time 3 from 2000-01-01 00:00 to 2000-01-01 12:00, every 6 h, standard"};
  grid_make(&f);
  FILE *out = open_memstream(&text, &length);
  assert_int_equal(esp_info_print(comm, grid_path, NULL, out), ESP_OK);
  fclose(out);
  for (size_t k = 0; k < sizeof parts / sizeof *parts && comm->rank == 0; k++)
    if (!strstr(text, parts[k])) fail_msg("'%s' lacks '%s'", text, parts[k]);
  free(text);
  grid_remove();
}

CASE_MAIN_WITH(grid_begin, grid_end, cmocka_unit_test(described), cmocka_unit_test(orders), cmocka_unit_test(units),
               cmocka_unit_test(one_time), cmocka_unit_test(forecasts), cmocka_unit_test(calendars),
               cmocka_unit_test(turned), cmocka_unit_test(kinds), cmocka_unit_test(poles), cmocka_unit_test(masks),
               cmocka_unit_test(there_and_back))
