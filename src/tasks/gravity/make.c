/* Making: clouds of the program's own, another code's particles, and the truth of both. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/sum.h"
#include "fmm/fmm.h"
#include "tasks/gravity/gravity.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"

static const int64_t DIRECT_TRUTH_LIMIT = 65536;
enum { FORCE_SAMPLE = 1000 };

static int by_tree(const esp_gravity_param *p, int64_t n) {
  return p->truth == ESP_GRAVITY_TREE || (p->truth == ESP_GRAVITY_AUTO && n > DIRECT_TRUTH_LIMIT);
}

int esp_gravity_plan(const void *param, esp_plan *plan) {
  ESP_CHECK(plan->n >= 2, ESP_ERR_CONFIG, "a cloud of %lld bodies; at least 2 are needed", (long long)plan->n);
  snprintf(plan->how, sizeof plan->how, "truth by %s", by_tree(param, plan->n) ? "tree" : "direct sum");
  return ESP_OK;
}

/* ---- the truth and its errors ---- */

/* NRMSE of D against `exact`. */
static int displacement_error(const esp_comm *comm, const esp_cloud *cloud, const double (*exact)[3], double *error) {
  esp_sum sum = {0};
  double value[2];
  for (int i = 0; i < cloud->n_home; i++) {
    for (int k = 0; k < 3; k++) {
      double miss = cloud->D[i][k] - exact[i][k];
      esp_sum_add(&sum, 0, miss * miss);
      esp_sum_add(&sum, 1, exact[i][k] * exact[i][k]);
    }
  }
  ESP_CALL(esp_sum_end(comm, &sum, 2, value));
  *error = value[1] > 0 ? sqrt(value[0] / value[1]) : sqrt(value[0]);
  return ESP_OK;
}

static esp_nbody_force tree_of(const esp_gravity_param *p, const esp_backend *backend, const esp_cloud *cloud) {
  esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_MULTIPOLE, 0, cloud);
  force.order = p->order;
  force.tolerance = p->tolerance;
  return force;
}

/* The tree truth of a cloud, and its error against a direct truth, which is made for that alone. */
static int tree_and_direct(const esp_gravity_param *p, const esp_backend *backend, esp_cloud *cloud,
                           esp_nbody_check *check, double *error) {
  int rc = ESP_OK;
  double(*exact)[3] = NULL;
  esp_nbody_force direct = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, cloud);
  esp_nbody_force tree = tree_of(p, backend, cloud);
  rc = ESP_ALLOC(exact, cloud->n_home);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_nbody_truth(&direct, p->steps, cloud, 0, NULL));
  memcpy(exact, cloud->D, (size_t)cloud->n_home * sizeof *exact);
  ESP_TRY(esp_nbody_truth(&tree, p->steps, cloud, 1, check));
  ESP_TRY(displacement_error(backend->comm, cloud, (const double(*)[3])exact, error));
done:
  ESP_FREE(exact);
  return rc;
}

static uint64_t item_seed(const esp_gravity_param *p, uint32_t part, int64_t number) {
  return esp_rng_bits(p->seed, (uint64_t)number, ESP_RNG_CLOUD, 1 + part);
}

static esp_start_param start_of(const esp_gravity_param *p, int64_t kind, uint64_t seed, int64_t n) {
  return (esp_start_param){.kind = kind == ESP_KIND_PLUMMER ? ESP_START_PLUMMER : ESP_START_BALL,
                           .n = n,
                           .seed = seed,
                           .eps_over_d = p->eps,
                           .direct_limit = ESP_START_DIRECT_LIMIT};
}

/* Error of the tree truth on the smaller twin, made once a kind. */
static int twin_error(esp_gravity_param *p, const esp_backend *backend, int64_t kind, double *error) {
  if (!p->has_twin[kind]) {
    esp_cloud twin;
    esp_start_info info;
    esp_nbody_check check;
    esp_start_param param = start_of(p, kind, item_seed(p, ESP_PARTS, kind), p->twin_n);
    ESP_CALL(esp_nbody_start(backend, &param, &twin, &info));
    int rc = tree_and_direct(p, backend, &twin, &check, &p->twin[kind]);
    esp_cloud_free(&twin);
    ESP_CALL(rc);
    p->has_twin[kind] = 1;
  }
  *error = p->twin[kind];
  return ESP_OK;
}

/* Force error of the tree at time 0. */
static int force_error(const esp_nbody_force *force, const esp_cloud *cloud, esp_value *about) {
  const esp_comm *comm = force->backend->comm;
  const double(*x)[3] = (const double(*)[3])cloud->x;
  const uint64_t seed = (uint64_t)about[ESP_CLOUD_SEED].whole;
  double(*a)[3] = NULL;
  esp_nbody_force_error error;
  int rc = ESP_ALLOC(a, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_nbody_accelerate(force, cloud->n_home, x, cloud->m, cloud->id, a));
  ESP_TRY(esp_nbody_compare(force, seed, FORCE_SAMPLE, cloud->n, cloud->n_home, x, cloud->m, (const double(*)[3])a,
                            &error));
  about[ESP_CLOUD_FORCE_RMS].real = error.rms;
  about[ESP_CLOUD_FORCE_L2].real = error.l2;
done:
  ESP_FREE(a);
  return rc;
}

static int tree_truth(esp_gravity_param *p, const esp_backend *backend, esp_cloud *cloud, esp_value *about,
                      esp_nbody_check *check) {
  const esp_nbody_force force = tree_of(p, backend, cloud);
  double *error = &about[ESP_CLOUD_DISPLACEMENT_ERROR].real;
  int64_t *bodies = &about[ESP_CLOUD_DISPLACEMENT_BODIES].whole, kind = about[ESP_CLOUD_KIND].whole;
  about[ESP_CLOUD_ORDER].whole = p->order;
  about[ESP_CLOUD_TOLERANCE].real = esp_fmm_param_of(p->order, p->tolerance, 0).tolerance;
  ESP_CALL(force_error(&force, cloud, about));
  if (cloud->n <= DIRECT_TRUTH_LIMIT) {
    *bodies = cloud->n;
    return tree_and_direct(p, backend, cloud, check, error);
  }
  *bodies = p->twin_n;
  ESP_CALL(twin_error(p, backend, kind == ESP_KIND_SNAPSHOT ? ESP_KIND_PLUMMER : kind, error));
  return esp_nbody_truth(&force, p->steps, cloud, 0, check);
}

/* Targets of a set that has room for them and all numbers but those of the truth. */
static int make_truth(esp_gravity_param *p, const esp_backend *backend, esp_set *set) {
  esp_cloud cloud;
  esp_nbody_check check;
  esp_value *about = set->about;
  esp_cloud_view(set, &cloud);
  about[ESP_CLOUD_STEPS].whole = p->steps;
  about[ESP_CLOUD_TRUTH].whole = by_tree(p, set->n);
  if (by_tree(p, set->n)) {
    ESP_CALL(tree_truth(p, backend, &cloud, about, &check));
  } else {
    const esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, &cloud);
    ESP_CALL(esp_nbody_truth(&force, p->steps, &cloud, 1, &check));
  }
  const double *q = check.momentum;
  about[ESP_CLOUD_MOMENTUM].real = sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]);
  about[ESP_CLOUD_ENERGY_ERROR].real = check.energy_start != 0 ? fabs(check.energy_end / check.energy_start - 1) : -1;
  return ESP_OK;
}

/* ---- sets ---- */

static void tell_start(int64_t kind, uint64_t seed, const esp_start_info *info, esp_set *set) {
  set->about[ESP_CLOUD_KIND].whole = kind;
  set->about[ESP_CLOUD_SEED].whole = (int64_t)seed;
  set->about[ESP_CLOUD_Q].real = info->Q;
  set->about[ESP_CLOUD_R_H].real = info->r_h;
  set->about[ESP_CLOUD_MEAN_A].real = info->mean_a;
  set->about[ESP_CLOUD_W].real = info->W;
  set->about[ESP_CLOUD_SAMPLED].whole = info->sampled;
}

int esp_gravity_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  esp_gravity_param *p = param;
  const int64_t kind = p->kind == ESP_GRAVITY_MIXED ? item->index % 2 : p->kind;
  const uint64_t seed = item_seed(p, item->part, item->number);
  const esp_start_param start = start_of(p, kind, seed, item->n);
  esp_start_info info;
  esp_cloud cloud;
  esp_set set;
  int64_t first, count;
  ESP_CALL(esp_nbody_start(backend, &start, &cloud, &info));
  esp_set_share(item->n, backend->comm->rank, backend->comm->size, &first, &count);
  esp_cloud_give(&cloud, first, &esp_gravity_layout, &set);
  tell_start(kind, seed, &info, &set);
  int rc = make_truth(p, backend, &set);
  if (!rc) rc = to->put(to, &set);
  esp_set_free(&set);
  return rc;
}

/* ---- another code's particles ---- */

static int add_targets(const esp_comm *comm, esp_set *set) {
  int rc = ESP_OK;
  for (int k = ESP_CLOUD_D; k <= ESP_CLOUD_K && !rc; k++) {
    set->width[k] = esp_cloud_columns[k].width;
    rc = ESP_ALLOC(set->value[k], (size_t)set->n_home * (size_t)set->width[k]);
  }
  return comm->agree(comm, rc);
}

int esp_gravity_adopt(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set) {
  esp_gravity_param *p = param;
  esp_start_info info = {0};
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  ESP_CHECK(cloud.n >= 2, ESP_ERR_VALUE, "%lld particles; at least 2 are needed", (long long)cloud.n);
  ESP_CHECK(
      !(cloud.box[0] > 0 || cloud.box[1] > 0 || cloud.box[2] > 0), ESP_ERR_CONFIG,
      "a periodic box of side %g, and only open sets can be predicted: io_periodic open takes these bodies as they "
      "lie, without it",
      cloud.box[0]);
  ESP_CALL(esp_nbody_units(backend->comm, ESP_START_DIRECT_LIMIT, &cloud, NULL, &info));
  set->about[ESP_CLOUD_UNIT_D].real = cloud.d;
  set->about[ESP_CLOUD_UNIT_T].real = p->horizon > 0 ? p->horizon : cloud.T;
  set->about[ESP_CLOUD_EPS].real = p->softening > 0 ? p->softening : p->eps * cloud.d;
  tell_start(ESP_KIND_SNAPSHOT, p->seed, &info, set);
  if (wanted != ESP_ADOPT_TARGETS) return ESP_OK;
  ESP_CALL(add_targets(backend->comm, set));
  return make_truth(p, backend, set);
}
