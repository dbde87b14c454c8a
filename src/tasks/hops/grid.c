/* The nearest of given places: shells of cells around that of the place, until no nearer one can lie outside. */
#include <math.h>
#include <string.h>

#include "tasks/hops/hops.h"

enum { FEW = 2, MOST_CELLS = 1 << 26 }; /* particles a cell; cells */

static int cell_along(const esp_hops_grid *grid, int axis, double x) {
  const double at = (x - grid->low[axis]) / grid->side[axis];
  return !(at > 0) ? 0 : at < grid->cells - 1 ? (int)at : grid->cells - 1;
}

static int cell_of(const esp_hops_grid *grid, const double *at) {
  int cell = 0;
  for (int a = 0; a < grid->dim; a++) cell = cell * grid->cells + cell_along(grid, a, at[a]);
  return cell;
}

int esp_hops_grid_create(int n, int dim, const double *p, esp_hops_grid *grid) {
  const double wanted = fmin((double)n / FEW, MOST_CELLS);
  *grid = (esp_hops_grid){.n = n, .dim = dim, .p = p, .cells = esp_imax(1, (int)pow(wanted, 1.0 / dim))};
  size_t all = 1;
  for (int a = 0; a < dim; a++) {
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < (size_t)n; i++) {
      const double x = p[i * (size_t)dim + (size_t)a];
      low = fmin(low, x), high = fmax(high, x);
    }
    grid->low[a] = n ? low : 0;
    grid->side[a] = high > low ? (high - low) / grid->cells : 1;
    all *= (size_t)grid->cells;
  }
  int rc = ESP_ALLOC(grid->start, all + 1);
  if (!rc) rc = ESP_ALLOC(grid->member, n);
  if (rc) esp_hops_grid_free(grid);
  ESP_CALL(rc);
  int *start = grid->start;
  for (size_t i = 0; i < (size_t)n; i++) start[cell_of(grid, p + i * (size_t)dim) + 1]++;
  for (size_t c = 0; c < all; c++) start[c + 1] += start[c];
  for (int i = n - 1; i >= 0; i--) /* from behind: start[c + 1] ends as the start of c */
    grid->member[--start[cell_of(grid, p + (size_t)i * (size_t)dim) + 1]] = i;
  memmove(start, start + 1, all * sizeof *start);
  start[all] = n;
  return ESP_OK;
}

void esp_hops_grid_free(esp_hops_grid *grid) {
  ESP_FREE(grid->start);
  ESP_FREE(grid->member);
}

typedef struct {
  const esp_hops_grid *grid;
  const double *at;
  int skip, best, centre[3];
  double distance2;
} search;

static void look_at(search *s, int cell) {
  const esp_hops_grid *g = s->grid;
  for (int e = g->start[cell]; e < g->start[cell + 1]; e++) {
    const int i = g->member[e];
    double d2 = 0;
    for (int a = 0; a < g->dim; a++) {
      const double x = g->p[(size_t)i * (size_t)g->dim + (size_t)a] - s->at[a];
      d2 += x * x;
    }
    if (i == s->skip || d2 > s->distance2 || (d2 == s->distance2 && s->best >= 0 && i > s->best)) continue;
    s->best = i, s->distance2 = d2;
  }
}

/* The cells exactly `shell` away from the centre's: on: one of the axes before this one is. */
static void look_around(search *s, int axis, int cell, int shell, int on) {
  const esp_hops_grid *g = s->grid;
  if (axis == g->dim) {
    look_at(s, cell);
    return;
  }
  const int low = s->centre[axis] - shell, high = s->centre[axis] + shell, last = axis == g->dim - 1 && !on;
  for (int c = esp_imax(0, low); c <= esp_imin(g->cells - 1, high); c++)
    if (!last || c == low || c == high)
      look_around(s, axis + 1, cell * g->cells + c, shell, on || c == low || c == high);
}

/* Squared distance that all particles outside of the first shells are at least away; INFINITY: there are none. A little less,
 * as the cells of particles are found in floating point. */
static double outside2(const search *s, int shell) {
  const esp_hops_grid *g = s->grid;
  double gap = INFINITY;
  for (int a = 0; a < g->dim; a++) {
    const int low = s->centre[a] - shell, high = s->centre[a] + shell + 1;
    if (low > 0) gap = fmin(gap, s->at[a] - (g->low[a] + low * g->side[a]) - 1e-6 * g->side[a]);
    if (high < g->cells) gap = fmin(gap, g->low[a] + high * g->side[a] - s->at[a] - 1e-6 * g->side[a]);
  }
  return gap > 0 ? gap * gap : 0;
}

int esp_hops_grid_find(const esp_hops_grid *grid, const double *at, int skip, double *distance2) {
  search s = {.grid = grid, .at = at, .skip = skip, .best = -1, .distance2 = INFINITY};
  for (int a = 0; a < grid->dim; a++) s.centre[a] = cell_along(grid, a, at[a]);
  for (int shell = 0; shell < grid->cells; shell++) {
    look_around(&s, 0, 0, shell, 0);
    if (s.best >= 0 && s.distance2 < outside2(&s, shell)) break;
  }
  if (distance2) *distance2 = s.distance2;
  return s.best;
}
