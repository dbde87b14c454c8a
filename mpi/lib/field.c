/* The field at places that need be no particles: massless bodies among the particles, which alone receive. */
#include <math.h>
#include <string.h>

#include "lib/work.h"

/* The softenings of all targets of all ranks, ascending. */
static int find_softenings(const esp_comm *comm, const esp_lib_targets *t, double *softening, int *count) {
  double last = -1;
  for (*count = 0;; (*count)++) {
    double next = -INFINITY; /* minus the least above the last */
    for (int i = 0; i < t->n; i++)
      if (t->softening[i] > last) next = fmax(next, -t->softening[i]);
    ESP_CALL(comm->max_f64(comm, &next, 1));
    if (isinf(next)) return ESP_OK;
    ESP_CHECK(*count < ESPALIER_SOFTENINGS, ESP_ERR_LIMIT,
              "targets have more than %d different softenings, each of which is a sum of its own: round them to fewer",
              ESPALIER_SOFTENINGS);
    softening[*count] = last = -next;
  }
}

/* Particles, then targets of one softening. */
typedef struct {
  int n, room;
  double (*x)[3], *m, (*a)[3], *potential;
  int64_t *id;
  unsigned char *active;
  int *of; /* of a target: its place among all */
} gathering;

/* Ids of particles are even, of targets odd, each in their own order. */
static int gather(const esp_cloud *cloud, const esp_lib_targets *t, gathering *g) {
  g->room = cloud->n_home + t->n;
  ESP_CALL(ESP_ALLOC(g->x, g->room));
  ESP_CALL(ESP_ALLOC(g->m, g->room));
  ESP_CALL(ESP_ALLOC(g->a, g->room));
  ESP_CALL(ESP_ALLOC(g->potential, g->room));
  ESP_CALL(ESP_ALLOC(g->id, g->room));
  ESP_CALL(ESP_ALLOC(g->active, g->room));
  ESP_CALL(ESP_ALLOC(g->of, g->room));
  for (int i = 0; i < cloud->n_home; i++) {
    ESP_CALL(esp_lib_check_id(cloud->id[i]));
    memcpy(g->x[i], cloud->x[i], sizeof *g->x);
    g->m[i] = cloud->m[i];
    g->id[i] = 2 * cloud->id[i];
  }
  return ESP_OK;
}

static void gathering_free(gathering *g) {
  ESP_FREE(g->x);
  ESP_FREE(g->m);
  ESP_FREE(g->a);
  ESP_FREE(g->potential);
  ESP_FREE(g->id);
  ESP_FREE(g->active);
  ESP_FREE(g->of);
}

static void choose(const esp_lib_targets *t, double softening, int first, gathering *g) {
  g->n = first;
  for (int i = 0; i < t->n; i++) {
    if (t->softening[i] != softening) continue;
    memcpy(g->x[g->n], t->x[i], sizeof *g->x);
    g->m[g->n] = 0;
    g->id[g->n] = 2 * t->id[i] + 1;
    g->active[g->n] = 1;
    g->of[g->n++] = i;
  }
}

/* Sums at the targets chosen. */
static int sum(const espalier *e, const esp_cloud *cloud, double softening, gathering *g, espalier_stats *stats) {
  const int first = cloud->n_home, count = g->n - first;
  if (!esp_lib_by_multipoles(e, cloud)) {
    ESP_CALL(esp_lib_all_pairs(e, cloud, softening, count, (const double(*)[3])g->x + first, g->a + first,
                               g->potential + first));
    stats->near_pairs += cloud->n * count;
    return ESP_OK;
  }
  const esp_fmm_bodies bodies = {.n = g->n, .position = (const double(*)[3])g->x, .mass = g->m, .id = g->id};
  const esp_fmm_result result = {.acceleration = g->a, .potential = g->potential};
  ESP_CALL(esp_lib_multipole(e, softening, cloud->G, &bodies, g->active, &result, stats));
  return ESP_OK;
}

static int field(const espalier *e, const esp_cloud *cloud, const esp_lib_targets *t, const espalier_strides *stride,
                 double (*a)[3], double *potential, espalier_stats *stats) {
  double softening[ESPALIER_SOFTENINGS];
  int count, rc;
  gathering g = {.n = 0};
  ESP_CHECK(esp_lib_by_multipoles(e, cloud) || e->options.theta == 0, ESP_ERR_CONFIG,
            "espalier_field in a periodic box needs options.theta < 0: all pairs");
  ESP_CALL(find_softenings(e->comm, t, softening, &count));
  ESP_TRY(e->comm->agree(e->comm, gather(cloud, t, &g)));
  for (int k = 0; k < count; k++) {
    choose(t, softening[k], cloud->n_home, &g);
    ESP_TRY(sum(e, cloud, softening[k], &g, stats));
    for (int i = cloud->n_home; i < g.n; i++) {
      esp_lib_put(a, stride->vector, g.of[i], g.a[i], 3);
      esp_lib_put(potential, stride->number, g.of[i], g.potential + i, 1);
    }
  }
done:
  gathering_free(&g);
  return rc;
}

int espalier_field(espalier *e, const espalier_particles *p, const espalier_targets *at, double (*acceleration)[3],
                   double *potential, espalier_stats *stats) {
  esp_error_clear();
  double start = esp_wall();
  espalier_stats own = {0};
  esp_cloud cloud = {0};
  esp_lib_targets targets = {0};
  int rc;
  ESP_CALL(esp_lib_make_cloud(e, p, 0, 1, 0, &cloud));
  ESP_TRY(esp_lib_targets_make(e, at, p->softening, acceleration || potential, &targets));
  ESP_TRY(field(e, &cloud, &targets, &at->stride, acceleration, potential, &own));
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
done:
  esp_lib_targets_free(&targets);
  esp_cloud_free(&cloud);
  return rc;
}
