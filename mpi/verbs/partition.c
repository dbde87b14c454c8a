/* partition: cut the particles for many ranks and say, from real lists, what each rank would compute and receive; the
 * tree's own cut beside two of Zoltan. Runs on the ranks at hand, whatever numbers of ranks are asked for. */
#include "domain/domain.h"
#include "domain/partition.h"
#include "domain/partition_zoltan.h"
#include "io/ensemble.h"
#include "message/newton.h"
#include "tasks/box/box_start.h"
#include "verbs/cuts.h"
#include "verbs/relation_verbs.h"
#include "verbs/run.h"
#include "io/snapshot_cloud.h"
#include "verbs/setup.h"

typedef struct {
  const char *name, *zoltan; /* NULL: the tree's own */
} cut_method;

static const cut_method methods[] = {
    {"tree", NULL}, {"bisection (Zoltan RCB)", "RCB"}, {"Hilbert order (Zoltan HSFC)", "HSFC"}};
enum { METHODS = sizeof methods / sizeof methods[0] };

typedef struct {
  esp_run *run;
  esp_cloud cloud;
  esp_domain *dom;
  int *home_part, *part; /* [n_home], [n_own] */
} partition;

/* ---- the particles ---- */

static int read_test_cloud(const esp_run *run, esp_cloud *cloud) {
  char path[4096];
  esp_ensemble ensemble;
  int largest = 0, rc;
  ESP_CALL(esp_run_data(run, path, sizeof path));
  ESP_CALL(esp_ensemble_open(run->comm, path, &ensemble));
  const esp_ensemble_entry *entry = ensemble.entry[ESP_PART_TEST];
  ESP_NEED(ensemble.clouds[ESP_PART_TEST] > 0, ESP_ERR_VALUE, "%s: no test clouds; give a snapshot with -input FILE",
           path);
  for (int c = 1; c < ensemble.clouds[ESP_PART_TEST]; c++)
    if (entry[c].n > entry[largest].n) largest = c;
  ESP_TRY(esp_ensemble_share(&ensemble, run->comm, ESP_PART_TEST, largest, cloud));
done:
  esp_ensemble_close(&ensemble);
  return rc;
}

/* A cell on the far side must lie whole within half a box, so in a large periodic box the shell around that distance is
 * near, a good part of all particles: a period is kept where it is asked for, and in test clouds, which the network
 * sees so. */
static int read_cloud(const esp_run *run, esp_cloud *cloud) {
  esp_snapshot_header header;
  const int snapshot = esp_config_string(run->config, "input")[0] != 0;
  if (snapshot)
    ESP_CALL(esp_snapshot_input(run->comm, run->config, cloud, &header));
  else
    ESP_CALL(read_test_cloud(run, cloud));
  esp_box_wrap(cloud->box, cloud->n_home, cloud->x);
  const int periodic = cloud->box[0] > 0 || cloud->box[1] > 0 || cloud->box[2] > 0;
  if (snapshot && periodic && !esp_config_flag(run->config, "partition_periodic")) {
    esp_run_say(run, "partition: the box is taken as open (partition_periodic false)\n");
    for (int a = 0; a < 3; a++) cloud->box[a] = 0;
  }
  return ESP_OK;
}

/* One domain at the positions, as the layers of the network have at theirs. */
static int build_domain(partition *p) {
  const esp_run *run = p->run;
  const esp_cloud *cloud = &p->cloud;
  const int dim = cloud->dim;
  double *z = NULL;
  int rc;
  esp_domain_param param;
  ESP_CALL(esp_options_fill(&esp_domain_options, run->config, &param));
  param.dim = dim;
  for (int a = 0; a < dim; a++) param.lists.box[a] = cloud->box[a];
  rc = ESP_ALLOC(z, (size_t)cloud->n_home * (size_t)dim);
  ESP_TRY(run->comm->agree(run->comm, rc));
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < dim; a++) z[(size_t)i * (size_t)dim + (size_t)a] = cloud->x[i][a];
  ESP_TRY(esp_domain_build_mpi(run->comm, &param, cloud->n_home, z, NULL, cloud->id, &p->dom));
  rc = ESP_ALLOC(p->home_part, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(p->part, p->dom->n_own);
  ESP_TRY(run->comm->agree(run->comm, rc));
done:
  ESP_FREE(z);
  return rc;
}

static int describe(const partition *p, double seconds) {
  const esp_run *run = p->run;
  const esp_domain_param *param = &p->dom->param;
  int64_t pairs[2] = {p->dom->lists.near_pairs, p->dom->lists.far_pairs};
  ESP_CALL(run->comm->sum_i64(run->comm, pairs, 2));
  const double n = (double)p->dom->n, near = (double)pairs[0] / n, far = (double)pairs[1] / n;
  cJSON_AddNumberToObject(run->json, "particles", n);
  cJSON_AddBoolToObject(run->json, "periodic", p->cloud.box[0] > 0 || p->cloud.box[1] > 0 || p->cloud.box[2] > 0);
  cJSON_AddNumberToObject(run->json, "theta", param->lists.theta);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", near);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", far);
  cJSON_AddNumberToObject(run->json, "far_weight", ESP_PARTITION_FAR_WEIGHT);
  cJSON_AddNumberToObject(run->json, "domain_seconds", seconds);
  esp_run_say(
      run,
      "partition: %lld particles, leaf %d, block %d, theta %.4g: %.1f near pairs and %.1f far cells a particle; one "
      "domain on %d rank%s in %.2f s\n",
      (long long)p->dom->n, param->leaf, param->block, param->lists.theta, near, far, run->comm->size,
      run->comm->size > 1 ? "s" : "", seconds);
  esp_run_say(
      run,
      "imbalance: largest over mean; pair work is near pairs + %d x far cells. Halo: a rank's, mean and largest; "
      "%zu bytes a particle, %zu a cell.\n",
      ESP_PARTITION_FAR_WEIGHT, ESP_BODY * sizeof(double), ESP_MASS_CELL * sizeof(double));
  if (esp_partition_zoltan_built())
    esp_run_say(
        run,
        "Zoltan bisects for the ranks at hand (here %d) first, so its cuts depend on them, and are at their best on a "
        "power of two; the tree's cuts do not.\n\n",
        run->comm->size);
  else
    esp_run_say(run, "Built without Zoltan: its two cuts are left out.\n\n");
  return ESP_OK;
}

/* ---- the cuts ---- */

static int make_cut(partition *p, const cut_method *method, int ranks) {
  const esp_cloud *cloud = &p->cloud;
  if (!method->zoltan) {
    esp_partition_tree(p->dom, ranks, p->part);
    return ESP_OK;
  }
  ESP_CALL(esp_partition_zoltan(p->run->comm, method->zoltan, ranks, cloud->dim, cloud->n_home,
                                (const double(*)[3])cloud->x, p->home_part));
  return p->dom->ops->to_slots(p->dom, sizeof *p->part, p->home_part, p->part);
}

static int try_ranks(void *context, esp_cuts *cuts, int ranks) {
  partition *p = context;
  const esp_comm *comm = p->run->comm;
  esp_partition_load *load = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(load, ranks)));
  for (int m = 0; m < METHODS; m++) {
    if (methods[m].zoltan && !esp_partition_zoltan_built()) continue;
    esp_partition_cost cost;
    const double start = esp_wall();
    ESP_TRY(make_cut(p, &methods[m], ranks));
    const double seconds = esp_wall() - start;
    ESP_TRY(esp_partition_count(p->dom, ranks, p->part, NULL, load));
    esp_partition_summary(ranks, load, ESP_BODY * sizeof(double), ESP_MASS_CELL * sizeof(double), &cost);
    esp_cuts_add(cuts, ranks, methods[m].name, &cost, -1, seconds);
  }
done:
  ESP_FREE(load);
  return rc;
}

int esp_verb_partition(esp_run *run) {
  partition p = {.run = run};
  esp_cuts cuts = {.run = run};
  int rc;
  if (esp_setup_is_relation(run)) return esp_relation_partition(run);
  ESP_TRY(read_cloud(run, &p.cloud));
  const double start = esp_wall();
  ESP_TRY(esp_error_blame(build_domain(&p), esp_config_string(run->config, "input")));
  ESP_TRY(describe(&p, esp_wall() - start));
  ESP_TRY(esp_cuts_each(run, 28, try_ranks, &p, &cuts));
done:
  esp_cuts_free(&cuts);
  ESP_FREE(p.part);
  ESP_FREE(p.home_part);
  esp_domain_free(&p.dom);
  esp_cloud_free(&p.cloud);
  return rc;
}
