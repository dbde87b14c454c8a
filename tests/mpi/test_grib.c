/* Fields of GRIB, editions 1 and 2, made by ecCodes from its samples, are read to the numbers that they were given: on
 * latitudes and longitudes, and on a reduced Gaussian grid; times in any order; refused are holes, doubles and files that
 * are cut off. Built where ecCodes is.
 * ranks: 1 3 */
#include <eccodes.h>

#include "grid_reading.h"

static FILE *out;

static void ok(int code) {
  if (code) fail_msg("%s", codes_get_error_message(code));
}

/* One message: a field at a time and a level. */
static void put(const char *sample, const char *name, int t, int l, double (*number)(spot), double unit) {
  codes_handle *h = codes_handle_new_from_samples(NULL, sample);
  assert_non_null(h);
  const void *message;
  size_t size, length = strlen(name), points;
  double *value;
  if (strstr(sample, "regular")) {
    ok(codes_set_long(h, "Ni", COLUMNS));
    ok(codes_set_long(h, "Nj", ROWS));
    ok(codes_set_double(h, "latitudeOfFirstGridPointInDegrees", 82.5));
    ok(codes_set_double(h, "latitudeOfLastGridPointInDegrees", -82.5));
    ok(codes_set_double(h, "longitudeOfFirstGridPointInDegrees", 0));
    ok(codes_set_double(h, "longitudeOfLastGridPointInDegrees", 337.5));
    ok(codes_set_double(h, "iDirectionIncrementInDegrees", 22.5));
    ok(codes_set_double(h, "jDirectionIncrementInDegrees", 15));
  }
  ok(codes_set_long(h, "dataDate", 20000101));
  ok(codes_set_long(h, "dataTime", t % 2 ? 0 : 600 * t)); /* odd ones are forecasts from midnight */
  ok(codes_set_long(h, "step", t % 2 ? 6 * t : 0));
  ok(codes_set_long(h, "level", l ? 500 : 850));
  ok(codes_set_string(h, "shortName", name, &length));
  ok(codes_get_size(h, "values", &points));
  if (strstr(sample, "regular")) points = CELLS;
  value = malloc(points * sizeof *value);
  for (size_t k = 0; k < points; k++)
    value[k] = unit * number((spot){.t = t, .l = l, .y = (int)k / COLUMNS % ROWS, .x = (int)k % COLUMNS});
  ok(codes_set_long(h, "bitsPerValue", 24));
  ok(codes_set_double(h, "missingValue", -5e5 * unit));
  ok(codes_set_long(h, "bitmapPresent", 1));
  ok(codes_set_double_array(h, "values", value, points));
  ok(codes_get_message(h, &message, &size));
  assert_int_equal(fwrite(message, 1, size, out), size);
  free(value);
  codes_handle_delete(h);
}

static double with_hole(spot at) {
  return at.y == 4 && at.x == 3 && at.t == 1 ? -5e5 : true_heat(at);
}

enum { WHOLE, HOLE, TWICE };

static void make(const char *sample, int fault) {
  grid_name();
  if (comm->rank == 0) {
    out = fopen(grid_path, "wb");
    assert_non_null(out);
    for (int t = TIMES - 1; t >= 0; t--)
      for (int l = 0; l < 2; l++) {
        put(sample, "t", t, l, with_hole, 1);
        if (fault == TWICE && t == 1) put(sample, "t", t, l, with_hole, 1);
        if (fault != HOLE || t != 1) put(sample, "q", t, l, true_damp, 1);
        put(sample, "u", t, l, true_u, 1);
        put(sample, "v", t, l, true_v, 1);
      }
    assert_int_equal(fclose(out), 0);
  }
  comm->agree(comm, 0);
}

static void near(double a, double b, double tolerance) {
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g", a, b);
}

static void editions(void **state) {
  (void)state;
  static const char *const samples[] = {"regular_ll_pl_grib1", "regular_ll_pl_grib2", "reduced_gg_pl_32_grib2"};
  for (int k = 0; k < 3; k++)
    for (int l = 0; l < 2; l++) {
      make(samples[k], WHOLE);
      const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = l ? 500 : 850}};
      esp_origin origin;
      esp_set set = grid_read(&input, &origin);
      assert_int_equal(set.n, k < 2 ? CELLS - 1 : 6114 - 32);
      assert_string_equal(esp_format_writer(&origin)->extension, ".nc");
      assert_true(set.frames == TIMES && set.about[EVERY].real == 6 && set.about[START].real == 262968);
      assert_non_null(strstr(origin.told, k < 2 ? "12 x 16 latitudes" : "6114 cells"));
      for (int t = 0; t < TIMES; t++)
        for (int i = 0; i < set.n_home; i++) {
          const spot at = {.t = t, .l = l, .y = (int)set.id[i] / COLUMNS % ROWS, .x = (int)set.id[i] % COLUMNS};
          const size_t place = (size_t)t * (size_t)set.n_home + (size_t)i;
          near(set.frame[HEAT][place], true_heat(at), 1e-3);
          near(set.frame[DAMP][place], true_damp(at), 1e-6);
          near(hypot(hypot(set.frame[WIND][3 * place], set.frame[WIND][3 * place + 1]), set.frame[WIND][3 * place + 2]),
               hypot(true_u(at), true_v(at)), 1e-3);
          if (k < 2) near(set.value[PLACE][3 * i + 2], sin((82.5 - 15 * at.y) * 0.017453292519943295), 1e-12);
        }
      esp_set_free(&set);
      grid_remove();
    }
}

static void refused(void **state) {
  (void)state;
  const esp_input_param input = {.file = grid_path, .types = "all", .grid = {.level = 850}};
  make("regular_ll_pl_grib2", HOLE);
  grid_refused(&input, ESP_ERR_FORMAT, "q(time_2 2, isobaricInhPa 2, latitude 12, longitude 16): allowed are");
  grid_refused(&input, ESP_ERR_FORMAT, "times (time 3)");
  grid_remove();
  make("regular_ll_pl_grib2", TWICE);
  grid_refused(&input, ESP_ERR_FORMAT, "stands twice");
  if (comm->rank == 0) assert_int_equal(truncate(grid_path, 5000), 0);
  comm->agree(comm, 0);
  grid_refused(&input, ESP_ERR_FORMAT, "cannot be read");
  grid_remove();
}

CASE_MAIN_WITH(grid_begin, grid_end, cmocka_unit_test(editions), cmocka_unit_test(refused))
