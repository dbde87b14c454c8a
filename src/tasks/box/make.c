/* Making: trajectories, cut into sets. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "tasks/box/box.h"
#include "tasks/box/box_start.h"
#include "tasks/gravity/cloud.h"
#include "tasks/gravity/nbody_step.h"

static int sets_of(const esp_box_param *p, esp_part part) {
  return part == ESP_PART_TRAIN ? (p->train_frames - 1) / p->stride + 1 : 1;
}

int esp_box_plan(const void *param, esp_plan *plan) {
  const esp_box_param *p = param;
  if (plan->part == ESP_PART_TRAIN) plan->items = p->train;
  plan->sets = sets_of(p, plan->part);
  plan->frames = plan->part == ESP_PART_TEST ? (int64_t)p->test_frames + 1 : 0;
  plan->shared = 0;
  strcpy(plan->how, "truth by direct sum");
  return ESP_OK;
}

static int energy_of(const esp_nbody_force *force, const esp_cloud *cloud, double *energy) {
  return esp_nbody_energy(force, cloud, (const double(*)[3])cloud->x, (const double(*)[3])cloud->v, energy);
}

typedef struct {
  const esp_box_param *param;
  esp_part part;
  esp_nbody_force force;
  esp_cloud cloud;
  double (*x)[3], (*v)[3], (*a)[3];
  int sets;
  esp_set *set; /* [sets] */
} trajectory;

/* The frame at hand, with its targets and the cloud's numbers. */
static void keep_pair(esp_cloud *cloud, esp_set *set) {
  esp_set seen;
  esp_cloud_give(cloud, 0, &esp_box_layout, &seen);
  memcpy(set->id, seen.id, (size_t)seen.n_home * sizeof *set->id);
  memcpy(set->about, seen.about, sizeof set->about);
  for (int k = ESP_CLOUD_M; k <= ESP_CLOUD_K; k++)
    memcpy(set->value[k], seen.value[k], (size_t)seen.n_home * (size_t)seen.width[k] * sizeof(double));
}

static void keep_frame(const esp_cloud *cloud, int f, esp_set *set) {
  const size_t n = (size_t)cloud->n_home, at = (size_t)f * n * 3;
  memcpy(set->frame[ESP_CLOUD_X] + at, cloud->x, n * sizeof *cloud->x);
  memcpy(set->frame[ESP_CLOUD_V] + at, cloud->v, n * sizeof *cloud->v);
}

/* Frame by frame; energy [2] at the start and the end. */
static int run(trajectory *t, double *energy) {
  const esp_box_param *p = t->param;
  const int train = t->part == ESP_PART_TRAIN;
  const int stride = train ? p->stride : p->test_frames;
  const int last = train ? (t->sets - 1) * stride + 1 : p->test_frames;
  const size_t bytes = (size_t)t->cloud.n_home * sizeof *t->x;
  ESP_CALL(energy_of(&t->force, &t->cloud, energy));
  for (int f = 0; f <= last; f++) {
    if (!train) keep_frame(&t->cloud, f, t->set);
    if (f == last) break;
    ESP_CALL(esp_box_frame(&t->force, p->substeps, &t->cloud, t->x, t->v, t->a, f > 0));
    if (f % stride == 0) keep_pair(&t->cloud, &t->set[f / stride]);
    memcpy(t->cloud.x, t->x, bytes);
    memcpy(t->cloud.v, t->v, bytes);
  }
  return energy_of(&t->force, &t->cloud, energy + 1);
}

static int create(trajectory *t, int64_t n) {
  ESP_CALL(ESP_ALLOC(t->x, n));
  ESP_CALL(ESP_ALLOC(t->v, n));
  ESP_CALL(ESP_ALLOC(t->a, n));
  ESP_CALL(ESP_ALLOC(t->set, t->sets));
  for (int s = 0; s < t->sets; s++) {
    t->set[s] = (esp_set){.n = n, .n_home = (int)n, .layout = &esp_box_layout};
    t->set[s].frames = t->part == ESP_PART_TEST ? t->param->test_frames + 1 : 0;
    t->set[s].width[ESP_CLOUD_D] = t->set[s].width[ESP_CLOUD_K] = 3;
    ESP_CALL(esp_set_create(&t->set[s]));
  }
  return ESP_OK;
}

static void destroy(trajectory *t) {
  ESP_FREE(t->x);
  ESP_FREE(t->v);
  ESP_FREE(t->a);
  for (int s = 0; s < t->sets && t->set; s++) esp_set_free(&t->set[s]);
  ESP_FREE(t->set);
  esp_cloud_free(&t->cloud);
}

static void tell(const trajectory *t, uint64_t seed, double energy_error, double momentum, esp_set *set) {
  esp_value *about = set->about;
  about[ESP_CLOUD_KIND].whole = ESP_KIND_BOX;
  about[ESP_CLOUD_SEED].whole = (int64_t)seed;
  about[ESP_CLOUD_STEPS].whole = t->param->substeps;
  about[ESP_CLOUD_ENERGY_ERROR].real = energy_error;
  about[ESP_CLOUD_MOMENTUM].real = momentum;
}

int esp_box_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  const esp_box_param *p = param;
  const uint64_t seed = esp_rng_bits(p->seed, (uint64_t)item->number, ESP_RNG_CLOUD, 1 + (uint32_t)item->part);
  trajectory t = {.param = p, .part = item->part, .sets = sets_of(p, item->part)};
  double energy[2], momentum[3];
  int rc = ESP_OK;
  ESP_CALL(esp_box_start(backend->comm, seed, item->n, p->frame, &t.cloud));
  t.force = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, &t.cloud);
  ESP_TRY(create(&t, item->n));
  ESP_TRY(run(&t, energy));
  ESP_TRY(esp_nbody_momentum(backend->comm, t.cloud.n_home, t.cloud.m, (const double(*)[3])t.cloud.v, momentum));
  for (int s = 0; s < t.sets; s++) {
    tell(&t, seed, fabs(energy[1] / energy[0] - 1), hypot(momentum[0], momentum[1]), &t.set[s]);
    ESP_TRY(to->put(to, &t.set[s]));
  }
done:
  destroy(&t);
  return rc;
}
