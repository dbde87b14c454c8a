/* Making: places, rings, pointers; and following them. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/hops/hops.h"

enum { STREAM_HOPS = 0x686f70 }; /* seeds of sets are no numbers that others meet */

int esp_hops_follow(const esp_comm *comm, int64_t n, int64_t first, int n_home, int dim, const double *p,
                    const double *u, const double *v, int hops, double *y) {
  const size_t home = (size_t)n_home, d = (size_t)dim;
  void *place = NULL, *value = NULL, *next = NULL;
  int *mine = NULL;
  size_t *start = NULL;
  esp_hops_grid grid = {0};
  ESP_CHECK(n <= INT32_MAX, ESP_ERR_LIMIT, "hops of %" PRId64 " particles: at most %d can be followed", n, INT32_MAX);
  int rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(mine, home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, p, home * d * sizeof *p, &place, start));
  ESP_TRY(comm->gather_all(comm, v, home * sizeof *v, &value, start));
  ESP_TRY(comm->agree(comm, esp_hops_grid_create((int)n, dim, place, &grid)));
  for (size_t i = 0; i < home; i++) {
    double at[3];
    for (size_t a = 0; a < d; a++) at[a] = p[i * d + a] + u[i * d + a];
    mine[i] = esp_hops_grid_find(&grid, at, -1, NULL);
  }
  ESP_TRY(comm->gather_all(comm, mine, home * sizeof *mine, &next, start));
  for (int i = 0; i < n_home; i++) {
    int at = (int)first + i;
    for (int k = 0; k < hops; k++) at = ((const int *)next)[at];
    y[i] = ((const double *)value)[at];
  }
done:
  esp_hops_grid_free(&grid);
  ESP_FREE(place);
  ESP_FREE(value);
  ESP_FREE(next);
  ESP_FREE(mine);
  ESP_FREE(start);
  return rc;
}

/* ---- rings ---- */

typedef struct {
  int64_t cell;
  uint64_t key;
  int i;
} link;

static int by_cell(const void *left, const void *right) {
  const link *a = left, *b = right;
  if (a->cell != b->cell) return a->cell < b->cell ? -1 : 1;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->i < b->i ? -1 : a->i > b->i;
}

/* ring [n]: whom each of all particles points at. */
static int draw_rings(const esp_hops_data *data, uint64_t seed, int n, const double *p, int *ring) {
  const double side = data->reach / sqrt(data->dim);
  link *order = NULL;
  ESP_CALL(ESP_ALLOC(order, n));
  for (int i = 0; i < n; i++) {
    int64_t cell = 0;
    for (int a = 0; a < data->dim && side > 0; a++) {
      const double offset = esp_rng_uniform(seed, 0, ESP_RNG_CLOUD, (uint32_t)a);
      const double x = p[(size_t)i * (size_t)data->dim + (size_t)a];
      cell = cell * ((int64_t)(1 / side) + 2) + (int64_t)(x / side + offset);
    }
    order[i] = (link){cell, esp_rng_bits(seed, (uint64_t)i, ESP_RNG_SAMPLE, 0), i};
  }
  if (n > 0) qsort(order, (size_t)n, sizeof *order, by_cell);
  for (int k = 0, begin = 0; k < n; k++) {
    const int last = k == n - 1 || order[k + 1].cell != order[k].cell;
    ring[order[k].i] = order[last ? begin : k + 1].i;
    if (last) begin = k + 1;
  }
  ESP_FREE(order);
  return ESP_OK;
}

/* Pointers of this rank's particles. p [n][dim] of all. */
static void draw_pointers(const esp_hops_data *data, uint64_t seed, const esp_hops_grid *grid, const int *ring,
                          esp_set *set) {
  const size_t d = (size_t)data->dim;
  for (int i = 0; i < set->n_home; i++) {
    const size_t id = (size_t)(set->first + i), to = (size_t)ring[id];
    double d2, *u = set->value[ESP_HOPS_U] + (size_t)i * d;
    const int alone = esp_hops_grid_find(grid, grid->p + to * d, (int)to, &d2) < 0;
    const double wide = alone ? 0 : data->noise * sqrt(d2) / (2 * sqrt(data->dim));
    for (size_t a = 0; a < d; a++)
      u[a] = grid->p[to * d + a] - grid->p[id * d + a] +
             wide * (2 * esp_rng_uniform(seed, id, ESP_RNG_VELOCITY, (uint32_t)a) - 1);
  }
}

static int draw(const esp_hops_data *data, uint64_t seed, esp_set *set) {
  const size_t n = (size_t)set->n, d = (size_t)data->dim;
  esp_hops_grid grid = {0};
  double *p = NULL;
  int *ring = NULL, rc;
  ESP_TRY(ESP_ALLOC(p, n * d));
  ESP_TRY(ESP_ALLOC(ring, n));
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < d; a++) p[i * d + a] = esp_rng_uniform(seed, i, ESP_RNG_POSITION, (uint32_t)a);
  ESP_TRY(draw_rings(data, seed, (int)n, p, ring));
  ESP_TRY(esp_hops_grid_create((int)n, data->dim, p, &grid));
  draw_pointers(data, seed, &grid, ring, set);
  if (set->n_home) memcpy(set->value[ESP_HOPS_P], p + (size_t)set->first * d, (size_t)set->n_home * d * sizeof *p);
  for (int i = 0; i < set->n_home; i++) {
    set->id[i] = set->first + i;
    set->value[ESP_HOPS_V][i] = esp_rng_bits(seed, (uint64_t)set->id[i], ESP_RNG_MASS, 0) & 1 ? 1 : -1;
  }
done:
  esp_hops_grid_free(&grid);
  ESP_FREE(p);
  ESP_FREE(ring);
  return rc;
}

int esp_hops_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  const esp_hops_data *data = param;
  const esp_comm *comm = backend->comm;
  const uint64_t part = esp_rng_bits(data->seed, STREAM_HOPS, ESP_RNG_CLOUD, (uint32_t)item->part);
  const uint64_t seed = esp_rng_bits(part, (uint64_t)item->number, ESP_RNG_CLOUD, 0);
  int64_t count;
  esp_set set = {.n = item->n,
                 .layout = &esp_hops_layout,
                 .width = {[ESP_HOPS_P] = data->dim, [ESP_HOPS_U] = data->dim, [ESP_HOPS_V] = 1, [ESP_HOPS_Y] = 1}};
  set.about[ESP_HOPS_K].whole = data->hops;
  set.about[ESP_HOPS_REACH].real = data->reach;
  set.about[ESP_HOPS_NOISE].real = data->noise;
  set.about[ESP_HOPS_SEED].whole = (int64_t)data->seed;
  esp_set_share(set.n, comm->rank, comm->size, &set.first, &count);
  set.n_home = (int)count;
  int rc = esp_set_create(&set);
  if (!rc) rc = draw(data, seed, &set);
  rc = comm->agree(comm, rc);
  double *const *value = set.value;
  if (!rc)
    rc = esp_hops_follow(comm, set.n, set.first, set.n_home, data->dim, value[ESP_HOPS_P], value[ESP_HOPS_U],
                         value[ESP_HOPS_V], data->hops, value[ESP_HOPS_Y]);
  if (!rc) rc = to->put(to, &set);
  esp_set_free(&set);
  ESP_CALL(rc);
  return ESP_OK;
}
