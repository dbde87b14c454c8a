#include "domain/domain.h"

#include <string.h>

#include "domain/comm.h"
#include "domain/essential.h"
#include "domain/halo.h"
#include "domain/migrate.h"

typedef struct {
  esp_migrate migrate;
  esp_halo halo;
} impl_mpi;

static impl_mpi *impl_of(esp_domain *dom) {
  return dom->impl;
}

static int to_slots(esp_domain *dom, size_t unit, const void *home, void *slots) {
  dom->stats.bytes += impl_of(dom)->migrate.arrived * (int64_t)unit;
  return esp_migrate_to_slots(&impl_of(dom)->migrate, unit, home, slots);
}

static int to_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  dom->stats.bytes += impl_of(dom)->migrate.moved * (int64_t)unit;
  return esp_migrate_to_home(&impl_of(dom)->migrate, unit, slots, home);
}

static int halo_begin(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array) {
  return esp_halo_begin(dom->comm, &impl_of(dom)->halo, kind, unit, array);
}

static int halo_end(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array) {
  const esp_halo *halo = &impl_of(dom)->halo;
  int64_t rows = halo->ghosts[kind];
  if (kind == ESP_HALO_CELLS) rows += halo->n_cover - halo->own_covers;
  dom->stats.bytes += rows * (int64_t)unit;
  return esp_halo_end(dom->comm, &impl_of(dom)->halo, kind, unit, array);
}

static int cells_reduce(esp_domain *dom, int words, int64_t *acc) {
  return esp_halo_cells_reduce(dom->comm, &impl_of(dom)->halo, &dom->tree, words, acc);
}

static void destroy(esp_domain *dom) {
  impl_mpi *impl = impl_of(dom);
  if (!impl) return;
  esp_halo_free(&impl->halo);
  esp_migrate_free(&impl->migrate);
  ESP_FREE(dom->impl);
}

static const esp_domain_ops ops_mpi = {.name = "mpi",
                                       .to_slots = to_slots,
                                       .to_home = to_home,
                                       .halo_begin = halo_begin,
                                       .halo_end = halo_end,
                                       .cells_reduce = cells_reduce,
                                       .to_receivers = to_slots,
                                       .receivers_home = to_home,
                                       .destroy = destroy};

/* Order, own rows of the tree and keys in slot order. */
static int split_and_migrate(esp_domain *dom, const double *z, const int64_t *id, esp_cover *cover, double **slot_z) {
  const esp_comm *comm = dom->comm;
  const int dim = dom->param.dim;
  esp_shape shape;
  int *cover_of = NULL;
  int rc;
  const double start = esp_wall();
  ESP_TRY(esp_migrate_check_ids(comm, dom->n_home, id));
  rc = esp_shape_make(dom->n, dom->param.leaf, dom->param.block, &shape);
  if (!rc) rc = esp_cover_make(&shape, comm->size, cover);
  if (!rc) rc = esp_tree_create(&shape, dim, comm->rank, comm->size, 0, &dom->tree);
  if (!rc) rc = ESP_ALLOC(cover_of, dom->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_split(comm, &shape, cover, &dom->param.split, dim, dom->n_home, z, id, cover_of));
  ESP_TRY(esp_migrate_create(comm, &shape, cover, &dom->param.split, dim, dom->n_home, z, id, cover_of, &impl_of(dom)->migrate, &dom->id,
                             slot_z));
  dom->n_own = dom->tree.n_own;
  dom->stats.moved = impl_of(dom)->migrate.moved;
  dom->stats.bytes += impl_of(dom)->migrate.arrived * (int64_t)(16 + sizeof(double) * (size_t)dim);
  esp_tree_geometry(&dom->tree, *slot_z);
  dom->stats.seconds_split = esp_wall() - start;
done:
  ESP_FREE(cover_of);
  return rc;
}

/* Near pairs of all ranks for one theta. A rank may stop counting where the limit of all ranks is passed. */
static int count_pairs(esp_domain *dom, const esp_lists_param *param, double theta, esp_essential *essential,
                       int64_t *pairs) {
  double start = esp_wall();
  ESP_CALL(esp_essential_exchange(dom->comm, param, theta, &dom->tree, essential));
  dom->stats.seconds_essential += esp_wall() - start;
  start = esp_wall();
  ESP_AGREE(dom->comm, esp_lists_count(&dom->tree, NULL, param, theta, pairs));
  ESP_CALL(dom->comm->sum_i64(dom->comm, pairs, 1));
  dom->stats.seconds_lists += esp_wall() - start;
  return ESP_OK;
}

/* As on one rank: the smallest theta of the ladder whose near pairs fit the budget; the largest if none does. */
static int choose_theta(esp_domain *dom, esp_essential *essential, double *theta) {
  int count, low = 0;
  const double *ladder = esp_lists_ladder(&count);
  esp_lists_param param = dom->param.lists;
  const __int128 budget = (__int128)param.pairs_per_particle * dom->n;
  int high = count - 1;
  param.pairs_limit = param.pairs_per_particle;
  while (low < high) {
    const int middle = (low + high) / 2;
    int64_t pairs;
    ESP_CALL(count_pairs(dom, &param, ladder[middle], essential, &pairs));
    if (pairs <= budget)
      high = middle;
    else
      low = middle + 1;
  }
  *theta = ladder[high];
  return ESP_OK;
}

/* The longest run of own slots that share one point. */
static int64_t longest_run(const esp_domain *dom, const double *slot_z, int *first) {
  const int dim = dom->param.dim;
  int64_t best = 0;
  for (int s = 0, begin = 0; s < dom->n_own; s++) {
    for (int a = 0; a < dim; a++)
      if (slot_z[(int64_t)s * dim + a] != slot_z[(int64_t)begin * dim + a]) begin = s;
    if (s - begin + 1 > best) {
      best = s - begin + 1;
      *first = begin;
    }
  }
  return best;
}

static int refuse_pairs(const esp_domain *dom, const double *slot_z, int64_t pairs) {
  const esp_comm *comm = dom->comm;
  const esp_domain_param *param = &dom->param;
  int first = 0, rc = ESP_OK;
  const int64_t mine = longest_run(dom, slot_z, &first);
  int64_t most = mine;
  ESP_CALL(comm->max_i64(comm, &most, 1));
  const double each = (double)pairs / (double)dom->n;
  if (mine == most && most > param->leaf)
    rc = ESP_FAIL(
        ESP_ERR_LIMIT,
        "at least %.0f near pairs a particle; %lld are allowed: at least %lld particles share one point, among "
        "them id %lld; merge or displace them, or raise the limit",
        each, (long long)param->lists.pairs_limit, (long long)most, (long long)dom->id[first]);
  else if (most <= param->leaf)
    rc = ESP_FAIL(
        ESP_ERR_LIMIT,
        "at least %.0f near pairs a particle; %lld are allowed: raise theta (now %g) or the limit, or lower the "
        "block size (now %d)",
        each, (long long)param->lists.pairs_limit, param->lists.theta, param->block);
  return comm->agree(comm, rc);
}

/* Theta, essential rows, near and far lists. */
static int build_lists(esp_domain *dom, const esp_cover *cover, const double *slot_z, esp_essential *essential) {
  const esp_comm *comm = dom->comm;
  esp_lists_param *param = &dom->param.lists;
  double start = esp_wall();
  ESP_CALL(esp_essential_create(comm, cover, param, slot_z, &dom->tree, essential));
  dom->stats.seconds_essential += esp_wall() - start;
  if (param->pairs_per_particle > 0) ESP_CALL(choose_theta(dom, essential, &param->theta));
  if (param->pairs_limit > 0) {
    int64_t pairs;
    ESP_CALL(count_pairs(dom, param, param->theta, essential, &pairs));
    if (pairs > (__int128)param->pairs_limit * dom->n) return refuse_pairs(dom, slot_z, pairs);
  } else {
    start = esp_wall();
    ESP_CALL(esp_essential_exchange(comm, param, param->theta, &dom->tree, essential));
    dom->stats.seconds_essential += esp_wall() - start;
  }
  start = esp_wall();
  ESP_AGREE(comm, esp_lists_walk(&dom->tree, NULL, param, &dom->lists));
  dom->stats.seconds_lists += esp_wall() - start;
  return ESP_OK;
}

/* Blocks that need no ghost first; both parts ascending. */
static int order_blocks(int blocks, const char *needs_ghost, int **order, int *interior) {
  int at = 0;
  ESP_CALL(ESP_ALLOC(*order, blocks));
  for (int pass = 0; pass < 2; pass++) {
    for (int b = 0; b < blocks; b++)
      if (needs_ghost[b] == pass) (*order)[at++] = b;
    if (!pass) *interior = at;
  }
  return ESP_OK;
}

static int find_interior(esp_domain *dom) {
  const esp_tree *tree = &dom->tree;
  const esp_lists *lists = &dom->lists;
  const int blocks = tree->n_block, leaves = 1 << (tree->shape.depth - tree->shape.block_level);
  char *needs = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(needs, blocks));
  for (int b = 0; b < blocks; b++)
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
      needs[b] |= lists->near[e] >= tree->own_rows;
  ESP_TRY(order_blocks(blocks, needs, &dom->block_order, &dom->n_interior));
  memset(needs, 0, (size_t)blocks);
  for (int leaf = 0; leaf < lists->n_leaf; leaf++)
    for (int64_t e = lists->sender_start[leaf]; e < lists->sender_start[leaf + 1]; e++)
      needs[leaf / leaves] |= lists->sender[e] >= blocks;
  ESP_TRY(order_blocks(blocks, needs, &dom->sender_block_order, &dom->n_sender_interior));
done:
  ESP_FREE(needs);
  return rc;
}

static int build(esp_domain *dom, const double *z, const int64_t *id) {
  const esp_comm *comm = dom->comm;
  esp_cover cover = {0};
  esp_essential essential = {0};
  double *slot_z = NULL;
  int rc;
  esp_domain_stats *stats = &dom->stats;
  ESP_TRY(split_and_migrate(dom, z, id, &cover, &slot_z));
  ESP_TRY(build_lists(dom, &cover, slot_z, &essential));
  ESP_FREE(slot_z);
  const double start = esp_wall();
  ESP_TRY(esp_halo_create(comm, &essential, &dom->tree, &dom->lists, &impl_of(dom)->halo, &dom->n_ghost,
                          &dom->n_receiver_ghost));
  ESP_TRY(comm->agree(comm, find_interior(dom)));
  const esp_halo *halo = &impl_of(dom)->halo;
  stats->seconds_halo_setup = esp_wall() - start;
  stats->ghosts = dom->n_ghost;
  stats->receiver_ghosts = dom->n_receiver_ghost;
  stats->ghost_cells = halo->ghosts[ESP_HALO_CELLS];
  stats->essential_rows = essential.rows;
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++) stats->messages[kind] = halo->messages[kind];
done:
  ESP_FREE(slot_z);
  esp_essential_free(&essential);
  esp_cover_free(&cover);
  return rc;
}

int esp_domain_build_mpi(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                          const double *query, const int64_t *id, esp_domain **dom) {
  *dom = NULL;
  ESP_CHECK(!query, ESP_ERR_ARG, "separate query keys are not there yet");
  if (!comm->impl) return esp_domain_build_self(comm, param, n_home, z, query, id, dom);
  esp_domain *made = NULL;
  int rc = esp_domain_check(param, n_home, z, id);
  if (!rc) rc = ESP_ALLOC(made, 1);
  if (!rc) rc = esp_alloc(&made->impl, 1, sizeof(impl_mpi), __FILE__, __LINE__, __func__);
  ESP_TRY(comm->agree(comm, rc));
  made->comm = comm;
  made->ops = &ops_mpi;
  made->param = *param;
  made->n = made->n_home = n_home;
  ESP_TRY(comm->sum_i64(comm, &made->n, 1));
  ESP_TRY(build(made, z, id));
  *dom = made;
  made = NULL;
done:
  esp_domain_free(&made);
  return rc;
}
