/* partition, for a learned relation: the particles of the largest test set where they lie in the learned space of layer
 * 0, cut for many ranks. All cuts keep the learned tree's lists, so all compute the same sums: only who owns what
 * differs. */
#include <math.h>

#include "domain/domain.h"
#include "domain/partition.h"
#include "domain/partition_cuts.h"
#include "io/checkpoint_typed.h"
#include "verbs/cuts.h"
#include "verbs/relation_sets.h"
#include "verbs/relation_verbs.h"
#include "verbs/setup.h"

typedef enum { CUT_TREE, CUT_LEARNED, CUT_RAW } cut_space;
static const struct {
  const char *name;
  cut_space space;
  esp_cut_kind kind;
} methods[] = {{"learned tree", CUT_TREE, ESP_CUT_BISECTION},
               {"bisection of the learned space", CUT_LEARNED, ESP_CUT_BISECTION},
               {"Hilbert order in the learned space", CUT_LEARNED, ESP_CUT_HILBERT},
               {"bisection of the raw features", CUT_RAW, ESP_CUT_BISECTION},
               {"Hilbert order of the raw features", CUT_RAW, ESP_CUT_HILBERT}};
enum { METHODS = sizeof methods / sizeof methods[0] };

typedef struct {
  esp_run *run;
  const esp_relation *relation;
  esp_feature_set set;
  double *key, *query; /* [n_home][d]; query NULL: one tree */
  esp_domain *dom;
  int *home_part, *part, *receiver_part; /* [n_home], [n_own], [n_own] */
  size_t particle_bytes, cell_bytes;
} partition;

/* ---- the domain of layer 0 ---- */

static int build_domain(partition *p) {
  const esp_comm *comm = p->run->comm;
  const esp_relation_param *param = &p->relation->param;
  const int64_t normals = param->split == ESP_SPLIT_LEARNED ? p->relation->slot[0].normal : -1;
  const esp_form form = esp_relation_form(p->relation, 0);
  const esp_widths w = esp_form_widths(&form);
  const size_t n = (size_t)p->set.n_home, d = (size_t)param->dim;
  esp_domain_param domain = param->domain;
  int rc = ESP_ALLOC(p->key, n * d);
  if (!rc && param->separate) rc = ESP_ALLOC(p->query, n * d);
  if (!rc) rc = esp_relation_place(p->relation, &p->set, p->key, p->query);
  ESP_CALL(comm->agree(comm, rc));
  domain.dim = param->dim;
  domain.split = (esp_split_rule){.kind = param->split, .levels = param->split_levels};
  if (normals >= 0) domain.split.normal = p->relation->block.value + normals;
  const double scale = exp(p->relation->block.value[p->relation->slot[0].message]);
  if (param->gate_tolerance > 0) domain.lists.reach = scale * sqrt(-2 * log(param->gate_tolerance));
  if (param->fade) domain.lists.fade = scale;
  p->particle_bytes = (size_t)w.source * sizeof(double);
  p->cell_bytes = (size_t)w.cell * sizeof(double);
  ESP_CALL(esp_domain_build_mpi(comm, &domain, p->set.n_home, p->key, p->query, p->set.id, &p->dom));
  rc = ESP_ALLOC(p->home_part, n);
  if (!rc) rc = ESP_ALLOC(p->part, p->dom->n_own);
  if (!rc && p->query) rc = ESP_ALLOC(p->receiver_part, p->dom->n_own);
  return comm->agree(comm, rc);
}

/* With two trees a particle may receive on one rank and send from another: how many do under the trees' own cut. */
static int count_apart(const partition *p, int64_t *apart) {
  int *receives = NULL, rc;
  *apart = 0;
  if (!p->query) return ESP_OK;
  ESP_TRY(p->run->comm->agree(p->run->comm, ESP_ALLOC(receives, p->set.n_home)));
  ESP_TRY(p->dom->ops->to_home(p->dom, sizeof *p->part, p->part, p->home_part));
  ESP_TRY(p->dom->ops->receivers_home(p->dom, sizeof *receives, p->receiver_part, receives));
  for (int i = 0; i < p->set.n_home; i++) *apart += receives[i] != p->home_part[i];
  ESP_TRY(p->run->comm->sum_i64(p->run->comm, apart, 1));
done:
  ESP_FREE(receives);
  return rc;
}

static int describe(const partition *p, double seconds) {
  const esp_run *run = p->run;
  const esp_domain_param *param = &p->dom->param;
  int64_t pairs[2] = {p->dom->lists.near_pairs, p->dom->lists.far_pairs};
  ESP_CALL(run->comm->sum_i64(run->comm, pairs, 2));
  const double n = p->dom->n ? (double)p->dom->n : 1, near = (double)pairs[0] / n, far = (double)pairs[1] / n;
  cJSON_AddNumberToObject(run->json, "particles", (double)p->dom->n);
  cJSON_AddNumberToObject(run->json, "theta", param->lists.theta);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", near);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", far);
  cJSON_AddNumberToObject(run->json, "far_weight", ESP_PARTITION_FAR_WEIGHT);
  cJSON_AddNumberToObject(run->json, "domain_seconds", seconds);
  esp_run_say(run,
              "partition: %lld particles in %d learned dimensions, leaf %d, block %d, theta %.4g: %.1f near pairs and "
              "%.1f far cells a particle; one domain on %d rank%s in %.2f s\n",
              (long long)p->dom->n, param->dim, param->leaf, param->block, param->lists.theta, near, far,
              run->comm->size, run->comm->size > 1 ? "s" : "", seconds);
  esp_run_say(
      run,
      "imbalance: largest over mean; pair work is near pairs + %d x far cells. Halo: a rank's, mean and largest; "
      "%zu bytes a particle, %zu a cell. Every cut computes the same pairs and cells.\n\n",
      ESP_PARTITION_FAR_WEIGHT, p->particle_bytes, p->cell_bytes);
  return ESP_OK;
}

/* ---- the cuts ---- */

/* Raw features beyond what the selection takes are cut by the first ESP_MAX_DIM. */
static int cut_home(partition *p, int m, int ranks) {
  const esp_feature_set *set = &p->set;
  const int learned = methods[m].space == CUT_LEARNED, dim = learned ? p->relation->param.dim : set->features;
  const int taken = esp_imin(dim, ESP_MAX_DIM);
  const double *z = learned ? p->key : set->x;
  double *first = NULL;
  int rc;
  if (taken < dim) {
    ESP_TRY(p->run->comm->agree(p->run->comm, ESP_ALLOC(first, (size_t)set->n_home * (size_t)taken)));
    for (int i = 0; i < set->n_home; i++)
      for (int a = 0; a < taken; a++)
        first[(size_t)i * (size_t)taken + (size_t)a] = z[(size_t)i * (size_t)dim + (size_t)a];
    z = first;
  }
  ESP_TRY(esp_partition_cut(p->run->comm, methods[m].kind, ranks, taken, set->n_home, z, set->id, p->home_part));
done:
  ESP_FREE(first);
  return rc;
}

static int make_cut(partition *p, int m, int ranks) {
  if (methods[m].space == CUT_TREE) {
    esp_partition_tree(p->dom, ranks, p->part);
    if (p->query) esp_partition_tree(p->dom, ranks, p->receiver_part);
    return ESP_OK;
  }
  ESP_CALL(cut_home(p, m, ranks));
  ESP_CALL(p->dom->ops->to_slots(p->dom, sizeof *p->part, p->home_part, p->part));
  if (!p->query) return ESP_OK;
  return p->dom->ops->to_receivers(p->dom, sizeof *p->part, p->home_part, p->receiver_part);
}

static int try_ranks(void *context, esp_cuts *cuts, int ranks) {
  partition *p = context;
  const esp_comm *comm = p->run->comm;
  esp_partition_load *load = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(load, ranks)));
  for (int m = 0; m < METHODS; m++) {
    esp_partition_cost cost;
    const double start = esp_wall();
    ESP_TRY(make_cut(p, m, ranks));
    const double seconds = esp_wall() - start;
    ESP_TRY(esp_partition_count(p->dom, ranks, p->part, p->receiver_part, load));
    esp_partition_summary(ranks, load, p->particle_bytes, p->cell_bytes, &cost);
    int64_t apart = 0;
    if (methods[m].space == CUT_TREE) ESP_TRY(count_apart(p, &apart));
    const double share = p->set.n ? (double)apart / (double)p->set.n : 0;
    esp_cuts_add(cuts, ranks, methods[m].name, &cost, share, seconds);
    if (apart)
      esp_run_say(p->run, "%6s  %-35s %.0f %% of the particles receive on another rank than they send from\n", "", "",
                  100 * share);
  }
done:
  ESP_FREE(load);
  return rc;
}

int esp_relation_partition(esp_run *run) {
  char path[4096];
  esp_relation relation = {0};
  esp_feature_file file;
  partition p = {.run = run, .relation = &relation};
  esp_cuts cuts = {.run = run};
  int rc, opened = 0;
  ESP_TRY(esp_run_checkpoint(run, path, sizeof path));
  ESP_TRY(esp_relation_checkpoint_read(run->comm, path, &relation, NULL, NULL));
  ESP_TRY(esp_setup_trees(run, &relation.param));
  ESP_NEED(relation.param.tree_on == ESP_TREE_ON_LEARNED, ESP_ERR_CONFIG,
           "%s: its trees stand on %s (tree_on); partition cuts trees on the learned keys", path,
           esp_tree_on_name(relation.param.tree_on));
  ESP_TRY(esp_relation_open(run, ESP_PART_TEST, 1, path, sizeof path, &file));
  opened = 1;
  ESP_TRY(esp_feature_share_read(&file, run->comm, ESP_PART_TEST, esp_relation_largest(&file, ESP_PART_TEST), &p.set));
  const double start = esp_wall();
  ESP_TRY(esp_error_blame(build_domain(&p), path));
  ESP_TRY(describe(&p, esp_wall() - start));
  ESP_TRY(esp_cuts_each(run, 35, try_ranks, &p, &cuts));
done:
  if (opened) esp_feature_close(&file);
  esp_cuts_free(&cuts);
  ESP_FREE(p.part);
  ESP_FREE(p.receiver_part);
  ESP_FREE(p.home_part);
  ESP_FREE(p.key);
  ESP_FREE(p.query);
  esp_domain_free(&p.dom);
  esp_feature_set_free(&p.set);
  esp_relation_free(&relation);
  return rc;
}
