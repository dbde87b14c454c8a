#include "verbs/methods.h"

#include <string.h>

#include "tasks/gravity/nbody_step.h"

static int ballistic(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3],
                     esp_cost *cost) {
  (void)methods, (void)cost;
  memset(D, 0, (size_t)cloud->n_home * sizeof *D);
  memset(K, 0, (size_t)cloud->n_home * sizeof *K);
  return ESP_OK;
}

/* Constant acceleration, by the direct sum, over the horizon T = 1. */
static int constant(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3],
                    esp_cost *cost) {
  const double(*x)[3] = (const double(*)[3])cloud->x;
  ESP_CALL(esp_nbody_direct(methods->backend->comm, cloud->n_home, x, cloud->m, cloud->n_home, x, cloud->eps,
                            cloud->box, K, NULL));
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < 3; a++) D[i][a] = 0.5 * K[i][a];
  cost->near_pairs = (int64_t)cloud->n_home * (cloud->n - 1);
  return ESP_OK;
}

/* D and K from the state x', w' after the horizon, in place of it. */
static void subtract_start(const esp_cloud *cloud, double (*x)[3], double (*w)[3]) {
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < 3; a++) {
      x[i][a] -= cloud->x[i][a] + cloud->v[i][a];
      w[i][a] -= cloud->v[i][a];
    }
}

/* `layers` leapfrog steps over the horizon T = 1: kick-drift-kick, or drift-kick-drift as the untrained network does. */
static int leapfrog(const esp_methods *methods, const esp_nbody_force *force, int kick_first, const esp_cloud *cloud,
                    double (*D)[3], double (*K)[3]) {
  const int n = cloud->n_home, steps = methods->trained->param.layers;
  double(*a)[3];
  ESP_AGREE(methods->backend->comm, ESP_ALLOC(a, n));
  memcpy(D, cloud->x, (size_t)n * sizeof *D);
  memcpy(K, cloud->v, (size_t)n * sizeof *K);
  int rc = kick_first ? esp_nbody_kdk(force, steps, 1.0 / steps, n, cloud->m, cloud->id, D, K, a, 0)
                      : esp_nbody_dkd(force, steps, 1.0 / steps, n, cloud->m, cloud->id, D, K, a);
  subtract_start(cloud, D, K);
  ESP_FREE(a);
  return rc;
}

static int nearest(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3], esp_cost *cost) {
  esp_nbody_force force = esp_nbody_force_of(methods->backend, ESP_NBODY_NEAREST, 0, cloud);
  force.neighbours = methods->neighbours;
  int64_t others = cloud->n - 1, seen = force.neighbours < others ? force.neighbours : others;
  cost->near_pairs = methods->trained->param.layers * cloud->n_home * seen;
  return leapfrog(methods, &force, 0, cloud, D, K);
}

/* In float64 on the same kind of tree. */
static int same_tree(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3],
                     esp_cost *cost) {
  const esp_domain_param *tree = &methods->trained->param.domain;
  esp_backend exact = *methods->backend;
  exact.device = &esp_device_cpu64;
  esp_nbody_force force = esp_nbody_force_of(&exact, ESP_NBODY_TREE, tree->lists.theta, cloud);
  int64_t pairs[2] = {0, 0};
  force.leaf = tree->leaf;
  force.block = tree->block;
  force.pairs = pairs;
  int rc = leapfrog(methods, &force, 1, cloud, D, K);
  cost->near_pairs = pairs[0], cost->far_pairs = pairs[1];
  return rc;
}

static int untrained(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3],
                     esp_cost *cost) {
  return esp_integrator_predict(methods->untrained, methods->backend, cloud, D, K, NULL, cost);
}

static int trained(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3], esp_cost *cost) {
  return esp_integrator_predict(methods->trained, methods->backend, cloud, D, K, methods->visit, cost);
}

/* The start tableau is a leapfrog of L steps; with all pairs in float64 it is the direct one. */
static int direct(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3], esp_cost *cost) {
  esp_nbody_force force = esp_nbody_force_of(methods->backend, ESP_NBODY_DIRECT, 0, cloud);
  cost->near_pairs = methods->trained->param.layers * (int64_t)cloud->n_home * (cloud->n - 1);
  return leapfrog(methods, &force, 0, cloud, D, K);
}

static const esp_method table[] = {
    {"ballistic", INT64_MAX, 0, 1, ballistic},
    {"0.5 a T^2", 65536, 0, 1, constant},
    {"leapfrog with nearest neighbours", 4096, 1, 1, nearest},
    {"leapfrog with the same tree", INT64_MAX, 0, 1, same_tree},
    {"untrained network", INT64_MAX, 0, 0, untrained},
    {"trained network", INT64_MAX, 0, 0, trained},
    {"direct leapfrog", 65536, 0, 1, direct},
};

const esp_method *esp_methods_table(int *count) {
  *count = (int)(sizeof table / sizeof table[0]);
  return table;
}
