#include "net/fixed_point.h"

#include <limits.h>
#include <math.h>

enum { MOST = ESP_FIXED_POINT_WINDOW, WORDS = ESP_EXACT_FULL_WORDS };

/* Dot products of an iteration: of f, of G(x), of the newest differences; f with the columns of dF, and the newest with them. */
enum { FF, GG, DGDG, DGDF, F_COLUMNS, NEW_COLUMNS = F_COLUMNS + MOST, DOTS = NEW_COLUMNS + MOST };

static const double ASTRAY = 100;  /* |f|^2 over that before where what was kept leads nowhere */
static const double RIDGE = 1e-12; /* of columns of length 1: what rounding leaves of those that are nearly parallel */

/* In the device's memory. A column is the difference of two iterates, and, until the next, the first of them. */
typedef struct {
  const esp_backend *backend;
  size_t count;
  int window, columns, newest; /* columns: of them are in use; newest: the place of the one that is begun */
  double *g, *f, *dg[MOST], *df[MOST];
  int64_t *acc;            /* [DOTS][WORDS] */
  double *value;           /* [DOTS]; what iterates are combined with */
  double dot[DOTS];        /* the host's */
  double gram[MOST][MOST]; /* of dF */
} work;

static int create(int window, work *w) {
  ESP_MEMORY_FOR(ESP_MEMORY_STATE);
  const esp_device *device = w->backend->device;
  ESP_CALL(ESP_THERE(device, w->g, w->count));
  ESP_CALL(ESP_THERE(device, w->f, w->count));
  for (int j = 0; j < window; j++) ESP_CALL(ESP_THERE(device, w->dg[j], w->count));
  for (int j = 0; j < window; j++) ESP_CALL(ESP_THERE(device, w->df[j], w->count));
  ESP_CALL(ESP_THERE(device, w->acc, DOTS * WORDS));
  ESP_CHECK(w->count <= INT_MAX, ESP_ERR_ARG, "%zu numbers of a state on one rank: at most %d", w->count, INT_MAX);
  return ESP_THERE(device, w->value, DOTS);
}

static void work_free(work *w) {
  const esp_device *device = w->backend->device;
  ESP_THERE_FREE(device, w->g);
  ESP_THERE_FREE(device, w->f);
  for (int j = 0; j < MOST; j++) ESP_THERE_FREE(device, w->dg[j]);
  for (int j = 0; j < MOST; j++) ESP_THERE_FREE(device, w->df[j]);
  ESP_THERE_FREE(device, w->acc);
  ESP_THERE_FREE(device, w->value);
}

/* Dot products are gradients of a product of one number by one number, and combinations are such products: tables that every
 * device fills. */
static void dot(const work *w, int which, const double *a, const double *b) {
  w->backend->device->dense->gradient((int)w->count, 1, 1, a, b, w->acc + (size_t)which * WORDS, NULL);
}

static int dots(work *w) {
  const esp_device *device = w->backend->device;
  device->rows->zero(DOTS * WORDS, (double *)w->acc);
  dot(w, FF, w->f, w->f);
  dot(w, GG, w->g, w->g);
  if (w->columns > 0) dot(w, DGDG, w->dg[w->newest], w->dg[w->newest]);
  if (w->columns > 0) dot(w, DGDF, w->dg[w->newest], w->df[w->newest]);
  for (int j = 0; j < w->columns; j++) dot(w, F_COLUMNS + j, w->f, w->df[j]);
  for (int j = 0; j < w->columns; j++) dot(w, NEW_COLUMNS + j, w->df[w->newest], w->df[j]);
  device->rows->exact_carry(&ESP_EXACT_FULL, w->acc, DOTS);
  ESP_CALL(esp_device_sum(device, w->backend->comm, w->acc, DOTS));
  device->rows->exact_value(&ESP_EXACT_FULL, w->acc, DOTS, w->value);
  ESP_CALL(esp_device_agree(device, w->backend->comm, device->get(w->dot, w->value, sizeof w->dot)));
  for (int j = 0; j < w->columns; j++) w->gram[j][w->newest] = w->gram[w->newest][j] = w->dot[NEW_COLUMNS + j];
  return ESP_OK;
}

/* gamma [columns], by Cholesky's method of columns brought to length 1; all 0 where that fails. */
static void solve(const work *w, double gamma[MOST]) {
  const int m = w->columns;
  double L[MOST][MOST], y[MOST], length[MOST];
  for (int j = 0; j < m; j++) gamma[j] = 0, length[j] = sqrt(w->gram[j][j]);
  for (int j = 0; j < m; j++)
    for (int i = j; i < m; i++) {
      double sum = w->gram[i][j] / (length[i] * length[j]) + (i == j ? RIDGE : 0);
      for (int k = 0; k < j; k++) sum -= L[i][k] * L[j][k];
      if (i == j && !(sum > 0)) return;
      L[i][j] = i == j ? sqrt(sum) : sum / L[j][j];
    }
  for (int j = 0; j < m; j++) {
    y[j] = w->dot[F_COLUMNS + j] / length[j];
    for (int k = 0; k < j; k++) y[j] -= L[j][k] * y[k];
    y[j] /= L[j][j];
  }
  for (int j = m - 1; j >= 0; j--) {
    for (int k = j + 1; k < m; k++) y[j] -= L[k][j] * y[k];
    y[j] /= L[j][j];
  }
  for (int j = 0; j < m; j++) gamma[j] = y[j] / length[j];
}

/* The column that was begun becomes a difference. */
static void end_column(work *w) {
  const esp_rows *rows = w->backend->device->rows;
  if (w->newest < 0) return;
  rows->subtract(w->count, w->g, w->dg[w->newest], w->dg[w->newest]);
  rows->subtract(w->count, w->f, w->df[w->newest], w->df[w->newest]);
  w->columns = esp_imin(w->columns + 1, w->window);
}

static void begin_column(work *w) {
  const esp_rows *rows = w->backend->device->rows;
  if (w->window == 0) return;
  w->newest = (w->newest + 1) % w->window;
  rows->copy(w->count, w->g, w->dg[w->newest]);
  rows->copy(w->count, w->f, w->df[w->newest]);
}

/* x = G(x) - dG gamma. */
static int step(work *w, double *x) {
  const esp_device *device = w->backend->device;
  double gamma[MOST];
  solve(w, gamma);
  for (int j = 0; j < w->columns; j++) gamma[j] = -gamma[j];
  device->rows->copy(w->count, w->g, x);
  ESP_AGREE(w->backend->comm, esp_device_put(device, (size_t)w->columns, gamma, w->value));
  for (int j = 0; j < w->columns; j++) device->dense->forward((int)w->count, 1, 1, w->value + j, NULL, 1, w->dg[j], x);
  return ESP_OK;
}

/* |G(a) - G(b)| / |a - b| of the latest iterates; a - b is the difference of G less that of f. before: |f|^2 of the one before, which
 * is what Picard steps by. */
static double ratio(const work *w, double before) {
  const double *d = w->dot;
  if (w->columns == 0) return sqrt(d[FF] / before);
  const double moved = d[DGDG] - 2 * d[DGDF] + w->gram[w->newest][w->newest];
  return moved > 0 ? sqrt(d[DGDG] / moved) : 0;
}

int esp_fixed_point_solve(const esp_backend *backend, const esp_fixed_point_param *param, size_t count,
                          esp_fixed_point_map map, void *context, double *x, esp_fixed_point_found *found) {
  work w = {.backend = backend, .count = count, .window = esp_imin(param->window, MOST), .newest = -1};
  double before = INFINITY;
  int rc;
  *found = (esp_fixed_point_found){.change = INFINITY};
  ESP_TRY(backend->comm->agree(backend->comm, create(w.window, &w)));
  while (found->iterations < param->iterations) {
    ESP_TRY(map(context, x, w.g));
    backend->device->rows->subtract(count, w.g, x, w.f);
    end_column(&w);
    ESP_TRY(dots(&w));
    const double square = w.dot[FF];
    if (found->iterations++ > 0) found->contraction = fmax(found->contraction, ratio(&w, before));
    found->change = square == 0 ? 0 : sqrt(square / w.dot[GG]);
    if (found->change <= param->tolerance || !isfinite(found->change)) break;
    if (square > ASTRAY * before) w.columns = 0, w.newest = -1;
    before = square;
    if (found->iterations == param->iterations) break;
    ESP_TRY(step(&w, x));
    begin_column(&w);
  }
done:
  work_free(&w);
  return rc;
}
