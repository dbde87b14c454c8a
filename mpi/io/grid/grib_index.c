/* The fields of a GRIB file, by ecCodes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <eccodes.h>

#include "base/at_hand.h"
#include "base/input.h"
#include "io/grid/calendar.h"
#include "io/grid/grib.h"

#define MISSING 1e99

static int fail(const char *path, int64_t number, const char *what, int code) {
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: field number %lld: %s: %s", path, (long long)number, what,
                  codes_get_error_message(code));
}

/* Errors come back as codes, and are told by us. */
static void be_silent(const codes_context *context, int level, const char *message) {
  (void)context, (void)level, (void)message;
}

static int begin(const char *path, FILE **stream) {
  codes_context *context = codes_context_get_default();
  codes_context_set_logging_proc(context, be_silent);
  codes_grib_multi_support_on(context);
  ESP_CALL(esp_input_open(path, stream));
  esp_at_hand("reading", path);
  codes_grib_multi_support_reset_file(context, *stream);
  return ESP_OK;
}

static void end(FILE *stream) {
  codes_grib_multi_support_reset_file(codes_context_get_default(), stream);
  fclose(stream);
  esp_at_hand(NULL, NULL);
}

/* ---- one field ---- */

static void text_of(codes_handle *h, const char *key, char *text, size_t size) {
  size_t length = size;
  text[0] = 0;
  if (codes_get_string(h, key, text, &length) || !strcmp(text, "unknown") || !strcmp(text, "~")) text[0] = 0;
  text[size - 1] = 0;
}

static int64_t number_of(codes_handle *h, const char *key) {
  long value = 0;
  return codes_get_long(h, key, &value) || value < 0 || value == CODES_MISSING_LONG ? 0 : value;
}

static int read_time(codes_handle *h, double *hours) {
  const int64_t date = number_of(h, "validityDate"), time = number_of(h, "validityTime");
  const esp_calendar *calendar;
  char text[64];
  ESP_CALL(esp_calendar_find("", &calendar));
  snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d", (int)(date / 10000), (int)(date / 100 % 100),
           (int)(date % 100), (int)(time / 100), (int)(time % 100));
  ESP_CHECK(!esp_calendar_hours(calendar, text, hours), ESP_ERR_FORMAT, "its time of validity is '%s'", text);
  return ESP_OK;
}

/* Winds along another grid than one of latitudes and longitudes, by their names in CF. */
static void name_along(codes_handle *h, esp_grib_field *f) {
  static const char *const names[][2] = {{"eastward_wind", "x_wind"}, {"northward_wind", "y_wind"}};
  for (int k = 0; k < 2 && strncmp(f->grid_type, "regular_", 8) && number_of(h, "uvRelativeToGrid"); k++)
    if (!strcmp(f->standard_name, names[k][0])) snprintf(f->standard_name, sizeof f->standard_name, "%s", names[k][1]);
}

/* Rows and columns, where the points lie as rows one after the other. */
static void read_grid(codes_handle *h, esp_grib_field *f) {
  text_of(h, "gridType", f->grid_type, sizeof f->grid_type);
  text_of(h, "md5GridSection", f->grid, sizeof f->grid);
  f->points = number_of(h, "numberOfPoints");
  f->columns = number_of(h, "Ni");
  f->rows = number_of(h, "Nj");
  if (!f->columns) f->columns = number_of(h, "Nx"), f->rows = number_of(h, "Ny");
  if (strstr(f->grid_type, "reduced") || f->columns * f->rows != f->points || number_of(h, "jPointsAreConsecutive") ||
      number_of(h, "alternativeRowScanning"))
    f->columns = 0, f->rows = f->points;
}

static int read_field(codes_handle *h, esp_grib_field *f) {
  double level = 0;
  text_of(h, "shortName", f->name, sizeof f->name);
  text_of(h, "cfName", f->standard_name, sizeof f->standard_name);
  text_of(h, "units", f->units, sizeof f->units);
  text_of(h, "typeOfLevel", f->kind, sizeof f->kind);
  if (!f->name[0]) snprintf(f->name, sizeof f->name, "param%lld", (long long)number_of(h, "paramId"));
  codes_get_double(h, "level", &level);
  f->level = level;
  f->offset = number_of(h, "offset");
  read_grid(h, f);
  name_along(h, f);
  ESP_CHECK(f->points > 0, ESP_ERR_FORMAT, "its grid has no points");
  return read_time(h, &f->hours);
}

/* ---- all of them ---- */

int esp_grib_list(const char *path, esp_grib_field **field, int64_t *count) {
  FILE *stream;
  size_t capacity = 0;
  int rc = ESP_OK, code = 0;
  *field = NULL;
  *count = 0;
  ESP_CALL(begin(path, &stream));
  for (;;) {
    codes_handle *h = codes_handle_new_from_file(NULL, stream, PRODUCT_GRIB, &code);
    if (!h) break;
    rc = ESP_GROW(*field, capacity, *count + 1);
    esp_grib_field *f = rc ? NULL : &(*field)[*count];
    if (f) memset(f, 0, sizeof *f);
    if (f && read_field(h, f)) rc = esp_error_in(ESP_ERR_FORMAT, path);
    codes_handle_delete(h);
    if (rc) break;
    if (*count && f[-1].offset == f->offset) f->part = f[-1].part + 1;
    ++*count;
  }
  end(stream);
  if (!rc && code && code != CODES_END_OF_FILE) rc = fail(path, *count, "cannot be read", code);
  if (!rc && !*count) rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: has no field of GRIB", path);
  if (rc) ESP_FREE(*field);
  return rc;
}

static int get_numbers(const char *path, codes_handle *h, const esp_grib_field *f, const char *key, double *value) {
  size_t points = 0;
  int code = codes_set_double(h, "missingValue", MISSING);
  if (!code) code = codes_get_size(h, key, &points);
  ESP_CHECK(!code && (int64_t)points == f->points, ESP_ERR_FORMAT,
            "%s: %s at byte %lld has %zu %s, should have %lld: %s", path, f->name, (long long)f->offset, points, key,
            (long long)f->points, codes_get_error_message(code));
  code = codes_get_double_array(h, key, value, &points);
  ESP_CHECK(!code && (int64_t)points == f->points, ESP_ERR_FORMAT, "%s: %s of %s at byte %lld: %s, %zu of %lld numbers",
            path, key, f->name, (long long)f->offset, codes_get_error_message(code), points, (long long)f->points);
  for (size_t k = 0; k < points; k++)
    if (value[k] == MISSING) value[k] = NAN;
  return ESP_OK;
}

int esp_grib_numbers(const char *path, const esp_grib_field *f, const char *key, double *value) {
  codes_handle *h = NULL;
  FILE *stream;
  int code = 0;
  ESP_CALL(begin(path, &stream));
  int rc = fseek(stream, (long)f->offset, SEEK_SET) ? ESP_FAIL(ESP_ERR_FILE, "%s: cannot be read", path) : ESP_OK;
  for (int part = 0; part <= f->part && !rc; part++) {
    if (h) codes_handle_delete(h);
    h = codes_handle_new_from_file(NULL, stream, PRODUCT_GRIB, &code);
    if (!h)
      rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: %s at byte %lld: %s", path, f->name, (long long)f->offset,
                    codes_get_error_message(code));
  }
  if (!rc) rc = get_numbers(path, h, f, key, value);
  if (h) codes_handle_delete(h);
  end(stream);
  return rc;
}
