#include "tasks/weather/advect.h"

#include <math.h>
#include <string.h>

#include "tasks/weather/sphere.h"
#include "tasks/weather/weather.h"

/* What of a cell is known everywhere: place, wind (radians an hour), T and q in units of the targets. */
enum { NEAR = 6 };

typedef struct {
  double x[3], wind[3], value[2];
} cell;

typedef struct {
  int n;
  cell *at;
  int (*near)[NEAR];            /* [n] */
  double (*slope)[2][3];        /* [n] of both values, along the sphere */
  double (*low)[2], (*high)[2]; /* among a cell and its neighbours */
} field;

/* ---- cells of all ranks ---- */

static int gather(const esp_comm *comm, const esp_set *set, field *f) {
  cell *own = NULL;
  void *all = NULL;
  size_t *start = NULL;
  const double hour = 3600 * ESP_WEATHER_UNIT_WIND / ESP_EARTH_RADIUS;
  int rc = ESP_ALLOC(own, set->n_home);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < set->n_home; i++) {
    memcpy(own[i].x, set->value[ESP_WEATHER_PLACE] + 3 * i, sizeof own[i].x);
    for (int a = 0; a < 3 && set->value[ESP_WEATHER_WIND]; a++)
      own[i].wind[a] = hour * set->value[ESP_WEATHER_WIND][3 * i + a];
    own[i].value[0] = set->value[ESP_WEATHER_SENT_T][i];
    own[i].value[1] = set->value[ESP_WEATHER_SENT_Q][i];
  }
  ESP_TRY(comm->gather_all(comm, own, (size_t)set->n_home * sizeof *own, &all, start));
  f->at = all;
  f->n = (int)set->n;
done:
  ESP_FREE(own);
  ESP_FREE(start);
  return rc;
}

static int nearest(const field *f, const double x[3]) {
  return (int)esp_closest3(f->at->x, f->n, sizeof *f->at / sizeof(double), x);
}

/* The NEAR nearest ones of cell i, itself left out. */
static void find_near(const field *f, int i, int near[NEAR]) {
  double close[NEAR];
  for (int k = 0; k < NEAR; k++) close[k] = -2, near[k] = i;
  for (int j = 0; j < f->n; j++) {
    const double c = esp_dot3(f->at[i].x, f->at[j].x);
    if (j == i || c <= close[NEAR - 1]) continue;
    int k = NEAR - 1;
    for (; k > 0 && close[k - 1] < c; k--) close[k] = close[k - 1], near[k] = near[k - 1];
    close[k] = c, near[k] = j;
  }
}

/* East and north; where |z| is not below `highest`, any two. */
static void axes(const double x[3], double highest, double axis[2][3]) {
  const double pole[3] = {0, 0, 1}, beside[3] = {1, 0, 0};
  esp_cross3(fabs(x[2]) < highest ? pole : beside, x, axis[0]);
  esp_unit3(axis[0]);
  esp_cross3(x, axis[0], axis[1]);
}

/* Least squares over the neighbours, in the plane that touches the sphere. */
static void fit_slopes(field *f, int i) {
  const cell *here = &f->at[i];
  double axis[2][3], at[NEAR][2], xx = 0, xy = 0, yy = 0;
  axes(here->x, 0.9, axis);
  for (int k = 0; k < NEAR; k++) {
    const double *x = f->at[f->near[i][k]].x;
    for (int a = 0; a < 2; a++) at[k][a] = esp_dot3(x, axis[a]);
    xx += at[k][0] * at[k][0], xy += at[k][0] * at[k][1], yy += at[k][1] * at[k][1];
  }
  const double area = xx * yy - xy * xy;
  for (int v = 0; v < 2; v++) {
    double x = 0, y = 0;
    f->low[i][v] = f->high[i][v] = here->value[v];
    for (int k = 0; k < NEAR; k++) {
      const double other = f->at[f->near[i][k]].value[v], rise = other - here->value[v];
      x += at[k][0] * rise, y += at[k][1] * rise;
      f->low[i][v] = fmin(f->low[i][v], other), f->high[i][v] = fmax(f->high[i][v], other);
    }
    const double along = area > 0 ? (yy * x - xy * y) / area : 0, up = area > 0 ? (xx * y - xy * x) / area : 0;
    for (int a = 0; a < 3; a++) f->slope[i][v][a] = along * axis[0][a] + up * axis[1][a];
  }
}

static int create(const esp_comm *comm, const esp_set *set, field *f) {
  *f = (field){0};
  ESP_CALL(gather(comm, set, f));
  int rc = ESP_ALLOC(f->near, f->n);
  if (!rc) rc = ESP_ALLOC(f->slope, f->n);
  if (!rc) rc = ESP_ALLOC(f->low, f->n);
  if (!rc) rc = ESP_ALLOC(f->high, f->n);
  ESP_AGREE(comm, rc);
  for (int i = 0; i < f->n; i++) find_near(f, i, f->near[i]);
  for (int i = 0; i < f->n; i++) fit_slopes(f, i);
  return ESP_OK;
}

static void destroy(field *f) {
  ESP_FREE(f->at);
  ESP_FREE(f->near);
  ESP_FREE(f->slope);
  ESP_FREE(f->low);
  ESP_FREE(f->high);
}

/* ---- back along the wind ---- */

/* From x for `hours` against the wind at `from`; the wind is brought along the sphere. */
static void back(const double x[3], const double wind[3], double hours, double to[3]) {
  const double up = esp_dot3(wind, x);
  for (int a = 0; a < 3; a++) to[a] = x[a] - hours * (wind[a] - up * x[a]);
  esp_unit3(to);
}

/* Steps of at most two hours, by the midpoint rule. */
static void departure(const field *f, const double x[3], double hours, double to[3]) {
  const int steps = (int)ceil(hours / 2);
  memcpy(to, x, 3 * sizeof *to);
  for (int s = 0; s < steps; s++) {
    double half[3], from[3];
    memcpy(from, to, sizeof from);
    back(from, f->at[nearest(f, from)].wind, hours / steps / 2, half);
    back(from, f->at[nearest(f, half)].wind, hours / steps, to);
  }
}

/* The field at a place, within what cells there have. */
static void value_at(const field *f, const double x[3], double value[2]) {
  const int at = nearest(f, x);
  for (int v = 0; v < 2; v++) {
    value[v] = f->at[at].value[v];
    for (int a = 0; a < 3; a++) value[v] += f->slope[at][v][a] * (x[a] - f->at[at].x[a]);
    value[v] = fmin(fmax(value[v], f->low[at][v]), f->high[at][v]);
  }
}

int esp_advect(const esp_comm *comm, const esp_set *set, double hours, double *change) {
  field f;
  int rc;
  ESP_TRY(create(comm, set, &f));
  for (int i = 0; i < set->n_home; i++) {
    const double own[2] = {set->value[ESP_WEATHER_SENT_T][i], set->value[ESP_WEATHER_SENT_Q][i]};
    double from[3], value[2];
    departure(&f, set->value[ESP_WEATHER_PLACE] + 3 * i, hours, from);
    value_at(&f, from, value);
    for (int v = 0; v < 2; v++) change[2 * i + v] = value[v] - own[v];
  }
done:
  destroy(&f);
  return rc;
}

/* Mean distance of a cell's nearest neighbours. */
static double spacing(const field *f) {
  double sum = 0;
  for (int i = 0; i < f->n; i++)
    for (int k = 0; k < NEAR; k++) sum += acos(fmin(esp_dot3(f->at[i].x, f->at[f->near[i][k]].x), 1));
  return f->n ? sum / f->n / NEAR : 0;
}

int esp_weather_around(const esp_comm *comm, const esp_set *set, double *around) {
  const double eighth = acos(-1.0) / 4;
  field f;
  int rc;
  ESP_TRY(create(comm, set, &f));
  const double away = 2.5 * spacing(&f);
  for (int i = 0; i < set->n_home; i++) {
    const double *x = set->value[ESP_WEATHER_PLACE] + 3 * i;
    double axis[2][3];
    axes(x, 1 - 1e-12, axis);
    for (int d = 0; d < ESP_WEATHER_AROUND; d++) {
      double to[3], value[2];
      for (int a = 0; a < 3; a++)
        to[a] = x[a] * cos(away) + sin(away) * (cos(d * eighth) * axis[0][a] + sin(d * eighth) * axis[1][a]);
      value_at(&f, to, value);
      for (int v = 0; v < 2; v++)
        around[2 * (i * ESP_WEATHER_AROUND + d) + v] = value[v] - set->value[ESP_WEATHER_SENT_T + v][i];
    }
  }
done:
  destroy(&f);
  return rc;
}
