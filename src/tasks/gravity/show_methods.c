/* The rungs of the ladder: every way of predicting D and K that is compared. */
#include <string.h>

#include "net/integrator.h"
#include "tasks/gravity/cloud.h"
#include "tasks/gravity/nbody_step.h"
#include "tasks/gravity/show.h"

/* D, K of a set, with all that predict is given. */
typedef struct {
  const esp_backend *backend;
  const esp_integrator_param *network;
  esp_cloud cloud;
  double (*D)[3], (*K)[3];
} trial;

static int begin(const esp_model *trained, const esp_backend *backend, const esp_set *set, trial *t) {
  *t = (trial){.backend = backend, .network = trained->param};
  esp_cloud_view(set, &t->cloud);
  int rc = ESP_ALLOC(t->D, set->n_home);
  if (!rc) rc = ESP_ALLOC(t->K, set->n_home);
  ESP_AGREE(backend->comm, rc);
  return ESP_OK;
}

static int end(trial *t, int rc, double *y) {
  for (size_t i = 0; i < (size_t)t->cloud.n_home && !rc; i++) {
    memcpy(y + 6 * i, t->D[i], sizeof t->D[i]);
    memcpy(y + 6 * i + 3, t->K[i], sizeof t->K[i]);
  }
  ESP_FREE(t->D);
  ESP_FREE(t->K);
  return rc;
}

/* ---- without a step between ---- */

static int ballistic(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                     const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fitted, (void)trained, (void)backend, (void)cost, (void)use;
  memset(y, 0, (size_t)set->n_home * 6 * sizeof *y);
  return ESP_OK;
}

/* Constant acceleration, by the direct sum, over the horizon T = 1. */
static int constant(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                    const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fitted, (void)use;
  trial t;
  const esp_cloud *c = &t.cloud;
  int rc;
  ESP_TRY(begin(trained, backend, set, &t));
  ESP_TRY(esp_nbody_direct(backend->comm, c->n_home, (const double(*)[3])c->x, c->m, c->n_home,
                           (const double(*)[3])c->x, c->eps, c->box, t.K, NULL));
  for (int i = 0; i < c->n_home; i++)
    for (int a = 0; a < 3; a++) t.D[i][a] = 0.5 * t.K[i][a];
  cost->near_pairs = (int64_t)c->n_home * (c->n - 1);
done:
  return end(&t, rc, y);
}

/* ---- leapfrogs of as many steps as the network has layers ---- */

/* D and K from the state x', w' after the horizon, in place of it. */
static void subtract_start(const esp_cloud *cloud, double (*x)[3], double (*w)[3]) {
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < 3; a++) {
      x[i][a] -= cloud->x[i][a] + cloud->v[i][a];
      w[i][a] -= cloud->v[i][a];
    }
}

/* Over the horizon T = 1: kick-drift-kick, or drift-kick-drift as the untrained network does. */
static int leapfrog(trial *t, const esp_nbody_force *force, int kick_first) {
  const esp_cloud *c = &t->cloud;
  const int n = c->n_home, steps = t->network->layers;
  double(*a)[3];
  ESP_AGREE(t->backend->comm, ESP_ALLOC(a, n));
  memcpy(t->D, c->x, (size_t)n * sizeof *t->D);
  memcpy(t->K, c->v, (size_t)n * sizeof *t->K);
  int rc = kick_first ? esp_nbody_kdk(force, steps, 1.0 / steps, n, c->m, c->id, t->D, t->K, a, 0)
                      : esp_nbody_dkd(force, steps, 1.0 / steps, n, c->m, c->id, t->D, t->K, a);
  subtract_start(c, t->D, t->K);
  ESP_FREE(a);
  return rc;
}

static int nearest(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                   const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)fitted, (void)use;
  trial t;
  int rc;
  ESP_TRY(begin(trained, backend, set, &t));
  esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_NEAREST, 0, &t.cloud);
  force.neighbours = ((const esp_gravity_show_param *)param)->neighbours;
  const int64_t others = set->n - 1, seen = force.neighbours < others ? force.neighbours : others;
  cost->near_pairs = t.network->layers * (set->n_home * seen);
  ESP_TRY(leapfrog(&t, &force, 0));
done:
  return end(&t, rc, y);
}

/* By the network's own way of summing; where that is a tree, in float64. */
static int same_tree(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                     const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fitted, (void)use;
  trial t;
  esp_backend exact = *backend;
  int64_t pairs[2] = {0, 0};
  int rc;
  exact.device = &esp_device_cpu64;
  ESP_TRY(begin(trained, &exact, set, &t));
  const esp_domain_param *tree = &t.network->domain;
  const esp_nbody_kind kind =
      esp_integrator_by_multipoles(t.network, &set->space) ? ESP_NBODY_MULTIPOLE : ESP_NBODY_TREE;
  esp_nbody_force force = esp_nbody_force_of(&exact, kind, tree->lists.theta, &t.cloud);
  force.order = t.network->order;
  force.tolerance = t.network->tolerance;
  force.leaf = tree->leaf;
  force.block = tree->block;
  force.pairs = pairs;
  ESP_TRY(leapfrog(&t, &force, 1));
  cost->near_pairs = pairs[0], cost->far_pairs = pairs[1];
done:
  return end(&t, rc, y);
}

/* The start tableau is a leapfrog of L steps; with all pairs in float64 it is the direct one. */
static int direct(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend,
                  const esp_set *set, double *y, esp_cost *cost, int *use) {
  (void)param, (void)fitted, (void)use;
  trial t;
  int rc;
  ESP_TRY(begin(trained, backend, set, &t));
  esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, &t.cloud);
  cost->near_pairs = t.network->layers * (int64_t)set->n_home * (set->n - 1);
  ESP_TRY(leapfrog(&t, &force, 0));
done:
  return end(&t, rc, y);
}

const esp_method esp_gravity_methods[] = {
    {"ballistic", .classical = 1, .predict = ballistic},
    {"0.5 a T^2", .largest = 65536, .classical = 1, .predict = constant},
    {"leapfrog with nearest neighbours", .largest = 4096, .whole = 1, .classical = 1, .predict = nearest},
    {"leapfrog with the same tree", .classical = 1, .predict = same_tree},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"direct leapfrog", .largest = 65536, .classical = 1, .predict = direct},
    {0},
};
