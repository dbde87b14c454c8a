#include "io/make_data_item.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "io/snapshot_cloud.h"
#include "tasks/box/box_start.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"
#include "base/sum.h"

static const int64_t DIRECT_TRUTH_LIMIT = 65536;
enum { FORCE_SAMPLE = 1000 };

void esp_data_recipe_read(const esp_config *c, esp_data_recipe *recipe) {
  const char *kind = esp_config_string(c, "data_kind"), *truth = esp_config_string(c, "data_truth");
  *recipe = (esp_data_recipe){
      .box = !strcmp(esp_config_string(c, "data_task"), "box"),
      .kind = !strcmp(kind, "ball")      ? ESP_DATA_KIND_BALL
              : !strcmp(kind, "plummer") ? ESP_DATA_KIND_PLUMMER
                                         : ESP_DATA_KIND_MIXED,
      .seed = (uint64_t)esp_config_int(c, "run_seed"),
      .eps_over_d = esp_config_real(c, "data_eps"),
      .truth = !strcmp(truth, "direct") ? 1
               : !strcmp(truth, "tree") ? 2
                                        : 0,
      .steps = (int)esp_config_int(c, "data_truth_steps"),
      .theta = esp_config_real(c, "data_truth_theta"),
      .shard_n = esp_config_int(c, "data_shard_n"),
      .twin_n = esp_config_int(c, "data_twin_n"),
      .frame = esp_config_real(c, "data_box_dt"),
      .substeps = (int)esp_config_int(c, "data_box_substeps"),
      .test_frames = (int)esp_config_int(c, "data_box_frames"),
      .train_frames = (int)esp_config_int(c, "data_box_train_frames"),
      .stride = (int)esp_config_int(c, "data_box_stride"),
  };
}

int esp_data_by_tree(const esp_data_recipe *recipe, int64_t n) {
  return recipe->truth == 2 || (recipe->truth == 0 && n > DIRECT_TRUTH_LIMIT);
}

int64_t esp_data_item_entries(const esp_data_recipe *recipe, esp_part set) {
  return recipe->box && set == ESP_PART_TRAIN ? (recipe->train_frames + recipe->stride - 1) / recipe->stride : 1;
}

int64_t esp_data_item_rows(const esp_data_recipe *recipe, esp_part set, int64_t n) {
  return n * esp_data_item_entries(recipe, set);
}

int64_t esp_data_item_frame_rows(const esp_data_recipe *recipe, esp_part set, int64_t n) {
  return recipe->box && set == ESP_PART_TEST ? n * (recipe->test_frames + 1) : 0;
}

static uint64_t item_seed(const esp_data_recipe *recipe, esp_part set, int64_t number) {
  return esp_rng_bits(recipe->seed, (uint64_t)number, ESP_RNG_CLOUD, 1 + (uint32_t)set);
}

/* ---- task G ---- */

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

/* The tree truth of a cloud, and its error against a direct truth, which is made for that alone. */
static int tree_and_direct(const esp_backend *backend, const esp_data_recipe *recipe, esp_cloud *cloud,
                           esp_nbody_check *check, double *error) {
  int rc = ESP_OK;
  double(*exact)[3] = NULL;
  esp_nbody_force direct = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, cloud);
  esp_nbody_force tree = esp_nbody_force_of(backend, ESP_NBODY_TREE, recipe->theta, cloud);
  rc = ESP_ALLOC(exact, cloud->n_home);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_nbody_truth(&direct, recipe->steps, cloud, 0, NULL));
  memcpy(exact, cloud->D, (size_t)cloud->n_home * sizeof *exact);
  ESP_TRY(esp_nbody_truth(&tree, recipe->steps, cloud, 1, check));
  ESP_TRY(displacement_error(backend->comm, cloud, (const double(*)[3])exact, error));
done:
  ESP_FREE(exact);
  return rc;
}

static esp_start_param start_of(const esp_data_recipe *recipe, int kind, uint64_t seed, int64_t n) {
  esp_start_param param = {.kind = kind == ESP_DATA_KIND_PLUMMER ? ESP_START_PLUMMER : ESP_START_BALL,
                           .n = n,
                           .seed = seed,
                           .eps_over_d = recipe->eps_over_d,
                           .theta = recipe->theta,
                           .direct_limit = ESP_START_DIRECT_LIMIT};
  return param;
}

/* Error of the tree truth on the smaller twin, made once a kind. */
static int twin_error(const esp_backend *backend, esp_data_recipe *recipe, int kind, double *error) {
  if (!recipe->has_twin[kind]) {
    esp_cloud twin;
    esp_start_info info;
    esp_nbody_check check;
    esp_start_param param = start_of(recipe, kind, item_seed(recipe, ESP_PARTS, kind), recipe->twin_n);
    ESP_CALL(esp_nbody_start(backend, &param, &twin, &info));
    int rc = tree_and_direct(backend, recipe, &twin, &check, &recipe->twin[kind]);
    esp_cloud_free(&twin);
    ESP_CALL(rc);
    recipe->has_twin[kind] = 1;
  }
  *error = recipe->twin[kind];
  return ESP_OK;
}

/* Force error of the tree at time 0. */
static int force_error(const esp_nbody_force *force, const esp_cloud *cloud, esp_ensemble_entry *entry) {
  const esp_comm *comm = force->backend->comm;
  const double(*x)[3] = (const double(*)[3])cloud->x;
  double(*a)[3] = NULL;
  esp_nbody_force_error error;
  int rc = ESP_ALLOC(a, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_nbody_accelerate(force, cloud->n_home, x, cloud->m, cloud->id, a));
  ESP_TRY(esp_nbody_compare(force, (uint64_t)entry->seed, FORCE_SAMPLE, cloud->n, cloud->n_home, x, cloud->m,
                            (const double(*)[3])a, &error));
  entry->force_rms = error.rms;
  entry->force_l2 = error.l2;
done:
  ESP_FREE(a);
  return rc;
}

static int make_truth(const esp_backend *backend, esp_data_recipe *recipe, esp_cloud *cloud,
                      esp_ensemble_entry *entry) {
  esp_nbody_check check;
  if (!entry->truth) {
    esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, cloud);
    ESP_CALL(esp_nbody_truth(&force, recipe->steps, cloud, 1, &check));
  } else {
    esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_TREE, recipe->theta, cloud);
    entry->theta = recipe->theta;
    ESP_CALL(force_error(&force, cloud, entry));
    if (cloud->n <= DIRECT_TRUTH_LIMIT) {
      ESP_CALL(tree_and_direct(backend, recipe, cloud, &check, &entry->displacement_error));
      entry->displacement_bodies = cloud->n;
    } else {
      int kind = entry->kind == ESP_DATA_KIND_SNAPSHOT ? ESP_DATA_KIND_PLUMMER : (int)entry->kind;
      ESP_CALL(twin_error(backend, recipe, kind, &entry->displacement_error));
      entry->displacement_bodies = recipe->twin_n;
      ESP_CALL(esp_nbody_truth(&force, recipe->steps, cloud, 0, &check));
    }
  }
  const double *p = check.momentum;
  entry->momentum = sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]);
  entry->energy_error = check.energy_start != 0 ? fabs(check.energy_end / check.energy_start - 1) : -1;
  return ESP_OK;
}

static int finish_cloud(const esp_backend *backend, esp_data_recipe *recipe, int kind, uint64_t seed,
                        const esp_start_info *info, esp_cloud *cloud, esp_ensemble_entry *entry) {
  *entry = (esp_ensemble_entry){.n = cloud->n,
                                .kind = kind,
                                .seed = (int64_t)seed,
                                .dim = cloud->dim,
                                .G = cloud->G,
                                .eps = cloud->eps,
                                .d = cloud->d,
                                .T = cloud->T,
                                .Q = info->Q,
                                .r_h = info->r_h,
                                .mean_a = info->mean_a,
                                .W = info->W,
                                .sampled = info->sampled,
                                .steps = recipe->steps,
                                .truth = esp_data_by_tree(recipe, cloud->n)};
  int rc = make_truth(backend, recipe, cloud, entry);
  if (rc) {
    esp_cloud_free(cloud);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

int esp_data_cloud(const esp_backend *backend, esp_data_recipe *recipe, esp_part set, int64_t number, int64_t index,
                   int64_t n, esp_cloud *cloud, esp_ensemble_entry *entry) {
  esp_start_info info;
  int kind = recipe->kind == ESP_DATA_KIND_MIXED ? (int)(index % 2) : (int)recipe->kind;
  uint64_t seed = item_seed(recipe, set, number);
  esp_start_param param = start_of(recipe, kind, seed, n);
  ESP_CALL(esp_nbody_start(backend, &param, cloud, &info));
  return finish_cloud(backend, recipe, kind, seed, &info, cloud, entry);
}

int esp_data_snapshot(const esp_backend *backend, esp_data_recipe *recipe, const esp_config *config, esp_cloud *cloud,
                      esp_ensemble_entry *entry) {
  esp_start_info info = {0};
  ESP_CALL(esp_snapshot_cloud(backend->comm, config, cloud, NULL, &info));
  return finish_cloud(backend, recipe, ESP_DATA_KIND_SNAPSHOT, recipe->seed, &info, cloud, entry);
}

/* ---- task M ---- */

static void keep_pair(const esp_cloud *cloud, int64_t at, esp_cloud *rows) {
  size_t n = (size_t)cloud->n_home;
  memcpy(rows->id + at, cloud->id, n * sizeof *rows->id);
  memcpy(rows->m + at, cloud->m, n * sizeof *rows->m);
  memcpy(rows->x + at, cloud->x, n * sizeof *rows->x);
  memcpy(rows->v + at, cloud->v, n * sizeof *rows->v);
  memcpy(rows->D + at, cloud->D, n * sizeof *rows->D);
  memcpy(rows->K + at, cloud->K, n * sizeof *rows->K);
}

static int box_energy(const esp_nbody_force *force, const esp_cloud *cloud, double *energy) {
  double kinetic, potential;
  ESP_CALL(esp_nbody_kinetic(force->backend->comm, cloud->n_home, cloud->m, (const double(*)[3])cloud->v, &kinetic));
  ESP_CALL(esp_nbody_potential(force, cloud->n_home, cloud->m, (const double(*)[3])cloud->x, &potential));
  *energy = kinetic + potential;
  return ESP_OK;
}

typedef struct {
  const esp_data_recipe *recipe;
  esp_part set;
  esp_nbody_force force;
  esp_cloud cloud;
  double (*x)[3], (*v)[3], (*a)[3];
} box_run;

/* Frame by frame; energy [2] at the start and the end. */
static int run_box(box_run *run, int64_t first_row, esp_cloud *rows, double (*frame_x)[3], double (*frame_v)[3],
                   double *energy) {
  const esp_data_recipe *recipe = run->recipe;
  int train = run->set == ESP_PART_TRAIN, n = run->cloud.n_home;
  int stride = train ? recipe->stride : recipe->test_frames;
  int last = train ? ((int)esp_data_item_entries(recipe, run->set) - 1) * stride + 1 : recipe->test_frames;
  size_t bytes = (size_t)n * sizeof *run->x;
  ESP_CALL(box_energy(&run->force, &run->cloud, energy));
  for (int f = 0; f <= last; f++) {
    if (!train) {
      memcpy(frame_x + (size_t)f * (size_t)n, run->cloud.x, bytes);
      memcpy(frame_v + (size_t)f * (size_t)n, run->cloud.v, bytes);
    }
    if (f == last) break;
    ESP_CALL(esp_box_frame(&run->force, recipe->substeps, &run->cloud, run->x, run->v, run->a, f > 0));
    if (f % stride == 0) keep_pair(&run->cloud, first_row + (int64_t)(f / stride) * n, rows);
    memcpy(run->cloud.x, run->x, bytes);
    memcpy(run->cloud.v, run->v, bytes);
  }
  ESP_CALL(box_energy(&run->force, &run->cloud, energy + 1));
  return ESP_OK;
}

int esp_data_trajectory(const esp_backend *backend, const esp_data_recipe *recipe, esp_part set, int64_t number,
                        int64_t n, int64_t first_row, esp_cloud *rows, esp_ensemble_entry *entry, double (*frame_x)[3],
                        double (*frame_v)[3]) {
  int rc = ESP_OK;
  double energy[2], momentum[3];
  uint64_t seed = item_seed(recipe, set, number);
  box_run run = {.recipe = recipe, .set = set};
  ESP_CALL(esp_box_start(backend->comm, seed, n, recipe->frame, &run.cloud));
  run.force = esp_nbody_force_of(backend, ESP_NBODY_DIRECT, 0, &run.cloud);
  ESP_TRY(ESP_ALLOC(run.x, n));
  ESP_TRY(ESP_ALLOC(run.v, n));
  ESP_TRY(ESP_ALLOC(run.a, n));
  ESP_TRY(run_box(&run, first_row, rows, frame_x, frame_v, energy));
  ESP_TRY(esp_nbody_momentum(backend->comm, (int)n, run.cloud.m, (const double(*)[3])run.cloud.v, momentum));
  for (int64_t e = 0; e < esp_data_item_entries(recipe, set); e++) {
    entry[e] = (esp_ensemble_entry){.n = n,
                                    .offset = e * n,
                                    .kind = ESP_DATA_KIND_BOX,
                                    .seed = (int64_t)seed,
                                    .dim = 2,
                                    .frames = set == ESP_PART_TEST ? recipe->test_frames + 1 : 0,
                                    .G = run.cloud.G,
                                    .eps = run.cloud.eps,
                                    .box = {run.cloud.box[0], run.cloud.box[1], 0},
                                    .d = run.cloud.d,
                                    .T = run.cloud.T,
                                    .steps = recipe->substeps,
                                    .energy_error = fabs(energy[1] / energy[0] - 1),
                                    .momentum = hypot(momentum[0], momentum[1])};
  }
done:
  ESP_FREE(run.x);
  ESP_FREE(run.v);
  ESP_FREE(run.a);
  esp_cloud_free(&run.cloud);
  return rc;
}
