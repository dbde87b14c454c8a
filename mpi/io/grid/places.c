/* Places and areas of cells. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "io/grid/source.h"

#define DEGREE 0.017453292519943295
#define POLE (90 - 1e-6) /* degrees */

void esp_grid_places_free(esp_grid_places *p) {
  ESP_FREE(p->place);
  ESP_FREE(p->east);
  ESP_FREE(p->area);
  ESP_FREE(p->again);
  *p = (esp_grid_places){0};
}

static int put(const esp_grid_file *file, double lat, double lon, double *place, double *east) {
  east[0] = -sin(lon * DEGREE);
  east[1] = cos(lon * DEGREE);
  if (isnan(lat) || isnan(lon)) return place[0] = place[1] = place[2] = NAN, ESP_OK;
  ESP_CHECK(fabs(lat) <= 90 + 1e-4 && fabs(lon) <= 720, ESP_ERR_VALUE,
            "%s: a cell at latitude %g, longitude %g: allowed are -90 to 90, -720 to 720 degrees", file->path, lat,
            lon);
  if (fabs(lat) >= POLE) return place[0] = place[1] = 0, place[2] = lat > 0 ? 1 : -1, ESP_OK;
  place[0] = cos(lat * DEGREE) * cos(lon * DEGREE);
  place[1] = cos(lat * DEGREE) * sin(lon * DEGREE);
  place[2] = sin(lat * DEGREE);
  return ESP_OK;
}

/* ---- latitudes and longitudes ---- */

/* Half the way between the two neighbours; at an end the way to the one there is; 1: it is alone. */
static double spacing(const double *x, int64_t n, int64_t k) {
  const int64_t low = k > 0 ? k - 1 : k, high = k + 1 < n ? k + 1 : k;
  return high > low ? fabs(x[high] - x[low]) / (double)(high - low) : 1;
}

/* Of a row at a pole one cell stands for the cap that reaches half way to the next row. */
static void put_pole(const esp_grid_space *s, const double *lat, int64_t n, int64_t j, double *area, char *again) {
  const double half = spacing(lat, n, j) / 2;
  memset(again, 1, (size_t)s->columns);
  again[0] = 0;
  area[0] = 360 * (1 - cos(half * DEGREE)) / DEGREE; /* in square degrees, as cos(lat) dlat dlon */
}

static int put_rows(const esp_grid_file *file, const esp_grid_space *s, const double *lat, const double *lon,
                    esp_grid_places *p) {
  for (int64_t j = 0; j < p->rows; j++) {
    const double at = lat[p->first + j], high = spacing(lat, s->rows, p->first + j);
    for (int64_t i = 0; i < s->columns; i++) {
      const int64_t c = j * s->columns + i;
      ESP_CALL(put(file, at, lon[i], p->place[c], p->east[c]));
      p->area[c] = cos(at * DEGREE) * high * spacing(lon, s->columns, i);
    }
    if (fabs(at) >= POLE) put_pole(s, lat, s->rows, p->first + j, p->area + j * s->columns, p->again + j * s->columns);
  }
  return ESP_OK;
}

static int read_rectilinear(const esp_grid_file *file, const esp_grid_space *s, esp_grid_places *p) {
  double *lat = NULL, *lon = NULL;
  int64_t rows, columns;
  int rc = ESP_OK;
  ESP_TRY(esp_grid_whole(file, s->lat, &lat, &rows));
  ESP_TRY(esp_grid_longitudes(file, s, &lon, &columns));
  for (int64_t j = 0; j < rows; j++) lat[j] *= s->lat_unit;
  ESP_TRY(put_rows(file, s, lat, lon, p));
done:
  ESP_FREE(lat);
  ESP_FREE(lon);
  return rc;
}

/* ---- two latitudes and longitudes a cell ---- */

static void difference(const double *a, const double *b, double *d) {
  for (int c = 0; c < 3; c++) d[c] = b[c] - a[c];
}

/* By the parallelogram of half the ways between neighbours; `around`: places of rows with one more on either side, as far as
 * the grid goes. */
static double area_of(const double (*around)[3], int64_t rows, int64_t columns, int64_t j, int64_t i) {
  const int64_t up = j + 1 < rows ? j + 1 : j, down = j > 0 ? j - 1 : j;
  const int64_t right = i + 1 < columns ? i + 1 : i, left = i > 0 ? i - 1 : i;
  double a[3], b[3];
  if (up == down || right == left) return 1;
  difference(around[down * columns + i], around[up * columns + i], a);
  difference(around[j * columns + left], around[j * columns + right], b);
  const double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2], z = a[0] * b[1] - a[1] * b[0];
  return sqrt(x * x + y * y + z * z) / (double)((up - down) * (right - left));
}

/* Latitudes or longitudes of rows, which must be the same at all times that are read. */
static int read_angles(const esp_grid_file *file, const esp_grid_space *s, int var, double unit,
                       const esp_grid_places *p, int64_t first, int64_t rows, double **value) {
  const int64_t cells = rows * s->columns;
  esp_grid_times times;
  esp_grid_source source;
  ESP_CALL(esp_grid_times_read(file, var, &times));
  ESP_CALL(esp_grid_source_fit(file, var, s, &times, &source));
  source.unit.factor = unit;
  const int64_t count = source.time >= 0 ? p->times : 1;
  ESP_CALL(ESP_ALLOC(*value, count * cells));
  ESP_CALL(esp_grid_source_read(file, &source, s, p->from, count, first, rows, *value));
  for (int64_t k = cells; k < count * cells; k++)
    ESP_CHECK((*value)[k] == (*value)[k - cells] || isnan((*value)[k]), ESP_ERR_FORMAT,
              "%s: %s changes from time number %" PRId64
              " to the next: of a grid that moves one time can be read: key io_time",
              file->path, file->var[var].name, k / cells);
  return ESP_OK;
}

/* Rows of places. */
static int read_rows(const esp_grid_file *file, const esp_grid_space *s, const esp_grid_places *p, int64_t first,
                     int64_t rows, double (*place)[3], double (*east)[2]) {
  const size_t cells = (size_t)(rows * s->columns);
  const int var[2] = {s->lat, s->lon};
  const double unit[2] = {s->lat_unit, s->lon_unit};
  double *value[2] = {NULL, NULL};
  int rc = ESP_OK;
  for (int k = 0; k < 2; k++) ESP_TRY(read_angles(file, s, var[k], unit[k], p, first, rows, &value[k]));
  for (size_t c = 0; c < cells; c++) ESP_TRY(put(file, value[0][c], value[1][c], place[c], east[c]));
done:
  ESP_FREE(value[0]);
  ESP_FREE(value[1]);
  return rc;
}

static int read_curvilinear(const esp_grid_file *file, const esp_grid_space *s, esp_grid_places *p) {
  const int64_t low = p->first > 0, high = p->first + p->rows < s->rows, rows = p->rows + low + high;
  double(*around)[3] = NULL, (*east)[2] = NULL;
  int rc = ESP_OK;
  if (p->rows == 0) return ESP_OK;
  ESP_TRY(ESP_ALLOC(around, rows * s->columns));
  ESP_TRY(ESP_ALLOC(east, rows * s->columns));
  ESP_TRY(read_rows(file, s, p, p->first - low, rows, around, east));
  memcpy(p->place, around + low * s->columns, (size_t)(p->rows * s->columns) * sizeof *p->place);
  memcpy(p->east, east + low * s->columns, (size_t)(p->rows * s->columns) * sizeof *p->east);
  for (int64_t j = 0; j < p->rows; j++)
    for (int64_t i = 0; i < s->columns; i++)
      p->area[j * s->columns + i] = area_of((const double(*)[3])around, rows, s->columns, j + low, i);
done:
  ESP_FREE(around);
  ESP_FREE(east);
  return rc;
}

/* ---- cells in no order ---- */

static int read_cells(const esp_grid_file *file, const esp_grid_space *s, esp_grid_places *p) {
  for (int64_t c = 0; c < p->rows; c++) p->area[c] = 1;
  return p->rows ? read_rows(file, s, p, p->first, p->rows, p->place, p->east) : ESP_OK;
}

int esp_grid_places_read(const esp_grid_file *file, const esp_grid_space *space, esp_grid_places *p) {
  static int (*const read[])(const esp_grid_file *, const esp_grid_space *, esp_grid_places *) = {
      read_rectilinear, read_curvilinear, read_cells};
  const int64_t cells = p->rows * space->columns;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(p->place, cells));
  ESP_TRY(ESP_ALLOC(p->east, cells));
  ESP_TRY(ESP_ALLOC(p->area, cells));
  ESP_TRY(ESP_ALLOC(p->again, cells));
  ESP_TRY(read[space->kind](file, space, p));
done:
  if (rc) esp_grid_places_free(p);
  return rc;
}
