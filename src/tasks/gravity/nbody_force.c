#include "tasks/gravity/nbody_force.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "fmm/fmm.h"
#include "net/layer.h"
#include "tasks/gravity/nbody_neighbours.h"
#include "base/sum.h"

/* LANES receivers are summed side by side; every receiver, also of a part-filled tile, goes through the same loop, so
 * that its result does not depend on its place. */
enum { LANES = 16, CHUNK = 4096 };

typedef struct {
  int count;
  double x[CHUNK], y[CHUNK], z[CHUNK], m[CHUNK];
} source_chunk;

typedef struct {
  double x[LANES], y[LANES], z[LANES], ax[LANES], ay[LANES], az[LANES], p[LANES];
} receiver_tile;

typedef struct {
  double eps2, box[3], inverse[3];
} pair_law;

static inline __attribute__((always_inline)) void tile_add(const source_chunk *restrict s, receiver_tile *restrict t,
                                                           const pair_law law, int periodic, int potential) {
  receiver_tile r = *t;
  for (int j = 0; j < s->count; j++) {
    const double xj = s->x[j], yj = s->y[j], zj = s->z[j], mj = s->m[j];
    for (int i = 0; i < LANES; i++) {
      double dx = xj - r.x[i], dy = yj - r.y[i], dz = zj - r.z[i];
      if (periodic) {
        dx -= law.box[0] * rint(dx * law.inverse[0]);
        dy -= law.box[1] * rint(dy * law.inverse[1]);
        dz -= law.box[2] * rint(dz * law.inverse[2]);
      }
      const double q = law.eps2 + dx * dx + dy * dy + dz * dz;
      const double root = sqrt(q);
      const double w = q > 0 ? mj / (potential ? root : q * root) : 0;
      if (potential) {
        r.p[i] -= w;
      } else {
        r.ax[i] += w * dx;
        r.ay[i] += w * dy;
        r.az[i] += w * dz;
      }
    }
  }
  *t = r;
}

static __attribute__((noinline)) void tile_open(const source_chunk *s, receiver_tile *t, const pair_law *law) {
  tile_add(s, t, *law, 0, 0);
}
static __attribute__((noinline)) void tile_periodic(const source_chunk *s, receiver_tile *t, const pair_law *law) {
  tile_add(s, t, *law, 1, 0);
}
static __attribute__((noinline)) void tile_potential(const source_chunk *s, receiver_tile *t, const pair_law *law) {
  tile_add(s, t, *law, 1, 1);
}

static void tiles_load(int n, const double (*y)[3], receiver_tile *tile) {
  for (int i = 0; i < (n + LANES - 1) / LANES * LANES; i++) {
    receiver_tile *t = tile + i / LANES;
    const double *from = y[i < n ? i : n - 1];
    t->x[i % LANES] = from[0];
    t->y[i % LANES] = from[1];
    t->z[i % LANES] = from[2];
  }
}

/* Fill the chunk with `count` of my particles from `first` on. */
static void chunk_fill(source_chunk *s, int first, int count, const double (*x)[3], const double *m) {
  for (int j = 0; j < count; j++) {
    s->x[j] = x[first + j][0];
    s->y[j] = x[first + j][1];
    s->z[j] = x[first + j][2];
    s->m[j] = m[first + j];
  }
  s->count = count;
}

static int direct_sum(const esp_comm *comm, int n_home, const double (*x)[3], const double *m, int n_tile,
                      const pair_law *law, int periodic, int potential, source_chunk *chunk, receiver_tile *tile) {
  for (int root = 0; root < comm->size; root++) {
    int64_t count = n_home;
    ESP_CALL(comm->broadcast(comm, &count, sizeof count, root));
    for (int64_t first = 0; first < count; first += CHUNK) {
      int part = (int)(count - first < CHUNK ? count - first : CHUNK);
      if (comm->rank == root) chunk_fill(chunk, (int)first, part, x, m);
      ESP_CALL(comm->broadcast(comm, chunk, sizeof *chunk, root));
      for (int t = 0; t < n_tile; t++) {
        if (potential) {
          tile_potential(chunk, tile + t, law);
        } else {
          (periodic ? tile_periodic : tile_open)(chunk, tile + t, law);
        }
      }
    }
  }
  return ESP_OK;
}

int esp_nbody_direct(const esp_comm *comm, int n_home, const double (*x)[3], const double *m, int n_receiver,
                     const double (*y)[3], double eps, const double *box, double (*a)[3], double *potential) {
  int rc = ESP_OK, periodic = 0;
  pair_law law = {.eps2 = eps * eps};
  for (int k = 0; box && k < 3; k++) {
    law.box[k] = box[k];
    law.inverse[k] = box[k] > 0 ? 1 / box[k] : 0;
    periodic |= box[k] > 0;
  }
  source_chunk *chunk = NULL;
  receiver_tile *tile = NULL;
  int n_tile = (n_receiver + LANES - 1) / LANES;
  rc = ESP_ALLOC(chunk, 1);
  if (!rc) rc = ESP_ALLOC(tile, n_tile);
  ESP_TRY(comm->agree(comm, rc));
  tiles_load(n_receiver, y, tile);
  if (a) ESP_TRY(direct_sum(comm, n_home, x, m, n_tile, &law, periodic, 0, chunk, tile));
  if (potential) ESP_TRY(direct_sum(comm, n_home, x, m, n_tile, &law, periodic, 1, chunk, tile));
  for (int i = 0; i < n_receiver; i++) {
    const receiver_tile *t = tile + i / LANES;
    if (a) a[i][0] = t->ax[i % LANES], a[i][1] = t->ay[i % LANES], a[i][2] = t->az[i % LANES];
    if (potential) potential[i] = t->p[i % LANES];
  }
done:
  ESP_FREE(tile);
  ESP_FREE(chunk);
  return rc;
}

esp_nbody_force esp_nbody_force_of(const esp_backend *backend, esp_nbody_kind kind, double theta,
                                   const esp_cloud *cloud) {
  esp_nbody_force force = {.backend = backend,
                           .kind = kind,
                           .G = cloud->G,
                           .eps = cloud->eps,
                           .box = {cloud->box[0], cloud->box[1], cloud->box[2]},
                           .dim = cloud->dim,
                           .order = ESP_FMM_ORDER_MAX,
                           .theta = theta,
                           .leaf = 8,
                           .block = 32};
  return force;
}

static int direct_force(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                        const int64_t *id, double (*a)[3]) {
  (void)id;
  return esp_nbody_direct(force->backend->comm, n_home, x, m, n_home, x, force->eps, force->box, a, NULL);
}

static int nearest_force(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                         const int64_t *id, double (*a)[3]) {
  (void)id;
  ESP_CHECK(force->backend->comm->size == 1, ESP_ERR_ARG,
            "nearest neighbours of a cloud on %d ranks; it must lie on one", force->backend->comm->size);
  return esp_nbody_nearest(n_home, x, m, force->neighbours, force->eps, force->box, a);
}

static int multipole_force(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                           const int64_t *id, double (*a)[3]) {
  const esp_fmm_param param = esp_fmm_param_of(force->order, force->tolerance, force->eps);
  const esp_fmm_bodies bodies = {.n = n_home, .position = x, .mass = m, .id = id};
  esp_fmm_cost cost;
  const esp_fmm_result result = {.acceleration = a, .cost = force->pairs ? &cost : NULL};
  for (int k = 0; k < 3; k++)
    ESP_CHECK(!(force->box[k] > 0), ESP_ERR_ARG, "the multipole method in a box of side %g; open space is needed",
              force->box[k]);
  ESP_CALL(esp_fmm_force(force->backend->comm, &param, &bodies, &result));
  if (force->pairs) {
    force->pairs[0] += cost.near_pairs;
    force->pairs[1] += cost.cell_pairs + cost.expansions;
  }
  return ESP_OK;
}

static int tree_force(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                      const int64_t *id, double (*a)[3]) {
  int rc;
  double(*y)[3] = NULL;
  esp_layer layer = {0};
  esp_layer_param param = {.domain = {.leaf = force->leaf, .block = force->block, .dim = force->dim},
                           .form = {.message = &esp_message_newton, .dim = 3, .softening = force->eps}};
  param.domain.lists.theta = force->theta;
  param.domain.lists.pairs_limit = force->pairs_limit;
  for (int k = 0; k < force->dim; k++) param.form.period[k] = force->box[k];
  ESP_TRY(force->backend->comm->agree(force->backend->comm, ESP_ALLOC(y, n_home)));
  if (n_home) memcpy(y, x, (size_t)n_home * sizeof *y);
  esp_form_wrap(&param.form, n_home, (double *)y);
  const esp_layer_input input = {.id = id, .key = (const double *)y, .value = m};
  ESP_TRY(esp_layer_forward(force->backend, &param, n_home, &input, NULL, (double *)a, &layer));
  if (force->pairs) {
    force->pairs[0] += layer.dom->lists.near_pairs;
    force->pairs[1] += layer.dom->lists.far_pairs;
  }
done:
  esp_layer_free(&layer);
  ESP_FREE(y);
  return rc;
}

int esp_nbody_accelerate(const esp_nbody_force *force, int n_home, const double (*x)[3], const double *m,
                         const int64_t *id, double (*a)[3]) {
  static int (*const by[ESP_NBODY_KINDS])(const esp_nbody_force *, int, const double(*)[3], const double *,
                                          const int64_t *, double(*)[3]) = {
      [ESP_NBODY_DIRECT] = direct_force,
      [ESP_NBODY_MULTIPOLE] = multipole_force,
      [ESP_NBODY_TREE] = tree_force,
      [ESP_NBODY_NEAREST] = nearest_force,
  };
  ESP_CALL(by[force->kind](force, n_home, x, m, id, a));
  for (int i = 0; i < n_home && force->G != 1; i++) {
    for (int k = 0; k < 3; k++) a[i][k] *= force->G;
  }
  return ESP_OK;
}

int esp_nbody_sample(uint64_t seed, int64_t n, int count, int64_t first, int n_home, int *sample) {
  int found = 0;
  if (n <= count) {
    for (int i = 0; i < n_home; i++) sample[found++] = i;
    return found;
  }
  for (int k = 0; k < count; k++) {
    int64_t begin = n * k / count, end = n * (k + 1) / count;
    int64_t at = begin + (int64_t)esp_rng_below(seed, (uint64_t)k, ESP_RNG_SAMPLE, 0, (uint64_t)(end - begin));
    if (at >= first && at < first + n_home) sample[found++] = (int)(at - first);
  }
  return found;
}

static void compare_add(esp_sum *sum, const double *a, const double *exact) {
  double difference = 0, square = 0;
  for (int k = 0; k < 3; k++) {
    difference += (a[k] - exact[k]) * (a[k] - exact[k]);
    square += exact[k] * exact[k];
  }
  esp_sum_add(sum, 0, difference);
  esp_sum_add(sum, 1, square);
  if (square > 0) {
    esp_sum_add(sum, 2, difference / square);
    esp_sum_add(sum, 3, 1);
  }
}

int esp_nbody_compare(const esp_nbody_force *force, uint64_t seed, int count, int64_t n, int n_home,
                      const double (*x)[3], const double *m, const double (*a)[3], esp_nbody_force_error *error) {
  const esp_comm *comm = force->backend->comm;
  int rc = ESP_OK, *sample = NULL, found = 0;
  double(*y)[3] = NULL, (*exact)[3] = NULL, value[4];
  esp_sum sum = {0};
  int64_t first = n_home;
  ESP_CALL(comm->exscan_i64(comm, &first));
  rc = ESP_ALLOC(sample, esp_imin(n_home, n <= count ? n_home : count));
  if (!rc) {
    found = esp_nbody_sample(seed, n, count, first, n_home, sample);
    rc = ESP_ALLOC(y, found);
  }
  if (!rc) rc = ESP_ALLOC(exact, found);
  ESP_TRY(comm->agree(comm, rc));
  for (int s = 0; s < found; s++) memcpy(y[s], x[sample[s]], sizeof *y);
  ESP_TRY(esp_nbody_direct(comm, n_home, x, m, found, (const double(*)[3])y, force->eps, force->box, exact, NULL));
  for (int s = 0; s < found; s++) {
    for (int k = 0; k < 3; k++) exact[s][k] *= force->G;
    compare_add(&sum, a[sample[s]], exact[s]);
  }
  ESP_TRY(esp_sum_end(comm, &sum, 4, value));
  error->l2 = value[1] > 0 ? sqrt(value[0] / value[1]) : 0;
  error->rms = value[3] > 0 ? sqrt(value[2] / value[3]) : 0;
done:
  ESP_FREE(sample);
  ESP_FREE(y);
  ESP_FREE(exact);
  return rc;
}
