/* partition: cut the particles for many ranks and say, from real lists, what each rank would compute and receive; the
 * tree's own cut beside others. All keep the tree's lists, so all compute the same sums: only who owns what differs. Runs
 * on the ranks at hand, whatever numbers of ranks are asked for. */
#include <inttypes.h>
#include <stdio.h>

#include "domain/domain.h"
#include "domain/partition.h"
#include "domain/partition_cuts.h"
#include "domain/partition_zoltan.h"
#include "io/formats.h"
#include "io/owners.h"
#include "verbs/cuts.h"
#include "verbs/data.h"
#include "verbs/setup.h"

typedef enum { ON_TREE, ON_KEYS, ON_INPUTS } space;
typedef enum { BY_TREE, BY_BISECTION, BY_HILBERT, BY_ZOLTAN_RCB, BY_ZOLTAN_HSFC } how;
/* Zoltan cuts positions in 2 or 3 dimensions; learned spaces have more, and inputs beside them. */
static const struct {
  const char *name;
  space on;
  how by;
  int positions; /* for networks whose keys are positions, or for the others */
} cuts_tried[] = {{"tree", ON_TREE, BY_TREE, 1},
                  {"bisection (Zoltan RCB)", ON_KEYS, BY_ZOLTAN_RCB, 1},
                  {"Hilbert order (Zoltan HSFC)", ON_KEYS, BY_ZOLTAN_HSFC, 1},
                  {"learned tree", ON_TREE, BY_TREE, 0},
                  {"bisection of the learned space", ON_KEYS, BY_BISECTION, 0},
                  {"Hilbert order in the learned space", ON_KEYS, BY_HILBERT, 0},
                  {"bisection of the raw features", ON_INPUTS, BY_BISECTION, 0},
                  {"Hilbert order of the raw features", ON_INPUTS, BY_HILBERT, 0}};
enum { CUTS = sizeof cuts_tried / sizeof cuts_tried[0] };

typedef struct {
  esp_run *run;
  int positions;
  esp_set set;
  esp_place place;
  double *key, *query; /* [n_home][dim]; query NULL: one tree */
  esp_domain *dom;
  int *home_part, *part, *receiver_part; /* [n_home], [n_own], [n_own] */
} partition;

/* ---- the particles ---- */

static int is_periodic(const esp_set *set) {
  return set->space.period[0] > 0 || set->space.period[1] > 0 || set->space.period[2] > 0;
}

/* A cell on the far side must lie whole within half a box, so in a large periodic box the shell around that distance is
 * near, a good part of all particles: a period is kept where it is asked for, and in test sets, which the network sees so. */
static int read_foreign(const esp_run *run, const esp_task *task, const esp_input_param *input, esp_set *set) {
  ESP_CALL(esp_task_check_input(task, 1));
  esp_origin origin;
  ESP_CALL(esp_format_read(run->comm, input, task->layout, set, &origin));
  esp_run_say_notes(run, "partition", input->file, origin.note);
  esp_run_say(run, "partition: %s: %s\n", input->file, origin.told);
  ESP_AGREE(run->comm, task->making->places(set));
  if (!is_periodic(set) || esp_config_flag(run->config, "partition_periodic")) return ESP_OK;
  esp_run_say(run, "partition: the box is taken as open (partition_periodic false)\n");
  for (int a = 0; a < 3; a++) set->space.period[a] = 0;
  return ESP_OK;
}

static int read_test(const esp_run *run, esp_set *set) {
  esp_data data;
  ESP_CALL(esp_data_open(run, ESP_PART_TEST, 1, &data));
  const int largest = esp_set_largest(&data.file, ESP_PART_TEST);
  int rc = esp_data_set(&data, run->comm, ESP_PART_TEST, largest, set);
  esp_data_close(&data);
  return rc;
}

/* ---- the domain of layer 0 ---- */

/* Where keys are positions, the network's parameters do not matter: it is made anew, as the keys describe it. A trained one may
 * have to find its resolution for this set. */
static int make_model(const esp_run *run, const esp_task *task, const esp_set *set, esp_model *model) {
  const esp_network *network = task->network;
  esp_place place;
  char path[4096];
  if (!network->positions) {
    ESP_CALL(esp_run_checkpoint(run, path, sizeof path));
    const esp_device *device;
    ESP_CALL(esp_setup_trained(run, model, &device));
    ESP_CALL(esp_error_blame(network->place(model, NULL, NULL, &place, NULL, NULL), path));
    return esp_error_blame(esp_setup_aim(run, "partition", model, device, set), path);
  }
  const esp_sizes sizes = esp_sizes_of(task->layout, set->width);
  void *param = NULL;
  int rc = esp_setup_options(run, network->options, &param);
  if (!rc) rc = esp_model_create(network, param, &sizes, model);
  ESP_FREE(param);
  return run->comm->agree(run->comm, rc);
}

static int build_domain(partition *p, const esp_model *model) {
  const esp_comm *comm = p->run->comm;
  ESP_CALL(esp_model_places(model, comm, &p->set, &p->place, &p->key, &p->query));
  ESP_CALL(esp_domain_build_mpi(comm, &p->place.domain, p->set.n_home, p->key, p->query, p->set.id, &p->dom));
  int rc = ESP_ALLOC(p->home_part, p->set.n_home);
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

static void say_zoltan(const esp_run *run) {
  if (esp_partition_zoltan_built())
    esp_run_say(
        run,
        "Zoltan bisects for the ranks at hand (here %d) first, so its cuts depend on them, and are at their best on a "
        "power of two; the tree's cuts do not.\n",
        run->comm->size);
  else
    esp_run_say(run, "Built without Zoltan: its two cuts are left out.\n");
}

static int describe(const partition *p, double seconds) {
  const esp_run *run = p->run;
  const esp_domain_param *param = &p->dom->param;
  int64_t pairs[2] = {p->dom->lists.near_pairs, p->dom->lists.far_pairs};
  ESP_CALL(run->comm->sum_i64(run->comm, pairs, 2));
  const double n = p->dom->n ? (double)p->dom->n : 1, near = (double)pairs[0] / n, far = (double)pairs[1] / n;
  cJSON_AddNumberToObject(run->json, "particles", (double)p->dom->n);
  if (p->positions) cJSON_AddBoolToObject(run->json, "periodic", is_periodic(&p->set));
  cJSON_AddNumberToObject(run->json, "theta", param->lists.theta);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", near);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", far);
  cJSON_AddNumberToObject(run->json, "far_weight", ESP_PARTITION_FAR_WEIGHT);
  cJSON_AddNumberToObject(run->json, "domain_seconds", seconds);
  esp_run_say(run,
              "partition: %lld particles in %d %sdimensions, leaf %d, block %d, theta %.4g: %.1f near pairs and %.1f "
              "far cells a particle; one domain on %d rank%s in %.2f s\n",
              (long long)p->dom->n, param->dim, p->positions ? "" : "learned ", param->leaf, param->block,
              param->lists.theta, near, far, run->comm->size, run->comm->size > 1 ? "s" : "", seconds);
  esp_run_say(
      run,
      "imbalance: largest over mean; pair work is near pairs + %d x far cells. Halo: a rank's, mean and largest; "
      "%zu bytes a particle, %zu a cell. Every cut computes the same pairs and cells.\n",
      ESP_PARTITION_FAR_WEIGHT, p->place.source_bytes, p->place.cell_bytes);
  if (p->positions) say_zoltan(run);
  esp_run_say(run, "\n");
  return ESP_OK;
}

/* ---- the cuts ---- */

static int cut_points(partition *p, how by, int ranks, int dim, const double *z) {
  const esp_comm *comm = p->run->comm;
  const esp_set *set = &p->set;
  if (by == BY_ZOLTAN_RCB || by == BY_ZOLTAN_HSFC)
    return esp_partition_zoltan(comm, by == BY_ZOLTAN_RCB ? "RCB" : "HSFC", ranks, dim, set->n_home, z, p->home_part);
  return esp_partition_cut(comm, by == BY_HILBERT ? ESP_CUT_HILBERT : ESP_CUT_BISECTION, ranks, dim, set->n_home, z,
                           set->id, p->home_part);
}

/* Inputs beyond what the selection takes are cut by the first ESP_MAX_DIM. */
static int cut_inputs(partition *p, how by, int ranks) {
  const esp_comm *comm = p->run->comm;
  const size_t n = (size_t)p->set.n_home, dim = (size_t)esp_set_role_width(&p->set, ESP_INPUT);
  const size_t taken = dim < ESP_MAX_DIM ? dim : ESP_MAX_DIM;
  const double *rows;
  double *own = NULL, *first = NULL;
  int rc = esp_set_rows(&p->set, ESP_INPUT, &rows, &own);
  if (!rc && taken < dim) rc = ESP_ALLOC(first, n * taken);
  ESP_TRY(comm->agree(comm, rc));
  for (size_t k = 0; first && k < n * taken; k++) first[k] = rows[k / taken * dim + k % taken];
  ESP_TRY(cut_points(p, by, ranks, (int)taken, first ? first : rows));
done:
  ESP_FREE(own);
  ESP_FREE(first);
  return rc;
}

static int make_cut(partition *p, int m, int ranks) {
  const how by = cuts_tried[m].by;
  if (by == BY_TREE) {
    esp_partition_tree(p->dom, ranks, p->part);
    if (p->query) esp_partition_tree(p->dom, ranks, p->receiver_part);
    return ESP_OK;
  }
  if (cuts_tried[m].on == ON_KEYS)
    ESP_CALL(cut_points(p, by, ranks, p->dom->param.dim, p->key));
  else
    ESP_CALL(cut_inputs(p, by, ranks));
  ESP_CALL(p->dom->ops->to_slots(p->dom, sizeof *p->part, p->home_part, p->part));
  if (!p->query) return ESP_OK;
  return p->dom->ops->to_receivers(p->dom, sizeof *p->part, p->home_part, p->receiver_part);
}

static int is_tried(const partition *p, int m) {
  const int zoltan = cuts_tried[m].by == BY_ZOLTAN_RCB || cuts_tried[m].by == BY_ZOLTAN_HSFC;
  return cuts_tried[m].positions == p->positions && (!zoltan || esp_partition_zoltan_built());
}

static int try_ranks(void *context, esp_cuts *cuts, int ranks) {
  partition *p = context;
  const esp_comm *comm = p->run->comm;
  esp_partition_load *load = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(load, ranks)));
  for (int m = 0; m < CUTS; m++) {
    if (!is_tried(p, m)) continue;
    esp_partition_cost cost;
    int64_t apart = 0;
    const double start = esp_wall();
    ESP_TRY(make_cut(p, m, ranks));
    const double seconds = esp_wall() - start;
    ESP_TRY(esp_partition_count(p->dom, ranks, p->part, p->receiver_part, load));
    esp_partition_summary(ranks, load, p->place.source_bytes, p->place.cell_bytes, &cost);
    if (cuts_tried[m].on == ON_TREE) ESP_TRY(count_apart(p, &apart));
    const double share = p->set.n ? (double)apart / (double)p->set.n : 0;
    esp_cuts_add(cuts, ranks, cuts_tried[m].name, &cost, p->positions ? -1 : share, seconds);
    if (apart)
      esp_run_say(p->run, "%6s  %-35s %.0f %% of the particles receive on another rank than they send from\n", "", "",
                  100 * share);
  }
done:
  ESP_FREE(load);
  return rc;
}

/* The tree's own cut alone: the others are for comparison, and Zoltan's depend on the ranks at hand. */
static int write_owners(partition *p) {
  esp_run *run = p->run;
  const char *path = esp_config_string(run->config, "partition_write");
  int64_t ranks[ESP_LIST];
  uint64_t checksum;
  int count;
  char text[20];
  if (!path[0]) return ESP_OK;
  ESP_CALL(esp_cuts_ranks(run, ranks, &count));
  ESP_CALL(esp_owners_write(path, esp_setup_task(run)->name, &p->set, p->dom, count, ranks, &checksum));
  snprintf(text, sizeof text, "%016" PRIx64, checksum);
  cJSON_AddStringToObject(run->json, "owners", path);
  cJSON_AddStringToObject(run->json, "owners_checksum", text);
  esp_run_say(run, "partition: %s: owner and place of each particle\n\n", path);
  return ESP_OK;
}

static int partition_set(partition *p, const esp_model *model, const char *path, esp_cuts *cuts) {
  const double start = esp_wall();
  p->positions = model->network->positions;
  ESP_CALL(esp_error_blame(build_domain(p, model), path));
  ESP_CALL(describe(p, esp_wall() - start));
  ESP_CALL(write_owners(p));
  return esp_cuts_each(p->run, p->positions ? 28 : 35, try_ranks, p, cuts);
}

int esp_verb_partition(esp_run *run) {
  char path[4096];
  const esp_task *task = esp_setup_task(run);
  esp_input_param input;
  esp_model model = {0};
  partition p = {.run = run};
  esp_cuts cuts = {.run = run};
  int rc;
  ESP_TRY(run->comm->agree(run->comm, esp_options_fill(&esp_input_options, run->config, &input)));
  ESP_TRY(esp_run_data(run, path, sizeof path));
  ESP_TRY(input.file[0] ? read_foreign(run, task, &input, &p.set) : read_test(run, &p.set));
  ESP_TRY(make_model(run, task, &p.set, &model));
  ESP_TRY(partition_set(&p, &model, input.file[0] ? input.file : path, &cuts));
done:
  esp_cuts_free(&cuts);
  ESP_FREE(p.part);
  ESP_FREE(p.receiver_part);
  ESP_FREE(p.home_part);
  ESP_FREE(p.key);
  ESP_FREE(p.query);
  esp_domain_free(&p.dom);
  esp_set_free(&p.set);
  esp_model_free(&model);
  return rc;
}
