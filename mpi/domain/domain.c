#include "domain/domain.h"

#include <string.h>

#include "domain/comm.h"
#include "domain/essential.h"
#include "domain/forest.h"
#include "domain/halo.h"
#include "domain/migrate.h"

typedef struct {
  esp_migrate migrate;
  esp_migrate receivers; /* where they have a tree of their own */
  esp_halo halo;
} impl_mpi;

static impl_mpi *impl_of(esp_domain *dom) {
  return dom->impl;
}

static int send_out(esp_domain *dom, esp_migrate *migrate, size_t unit, const void *home, void *slots) {
  dom->stats.bytes += migrate->arrived * (int64_t)unit;
  return esp_migrate_to_slots(migrate, unit, home, slots);
}

static int send_home(esp_domain *dom, esp_migrate *migrate, size_t unit, const void *slots, void *home) {
  dom->stats.bytes += migrate->moved * (int64_t)unit;
  return esp_migrate_to_home(migrate, unit, slots, home);
}

static int to_slots(esp_domain *dom, size_t unit, const void *home, void *slots) {
  return send_out(dom, &impl_of(dom)->migrate, unit, home, slots);
}

static int to_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  return send_home(dom, &impl_of(dom)->migrate, unit, slots, home);
}

static esp_migrate *receivers_of(esp_domain *dom) {
  return dom->queries ? &impl_of(dom)->receivers : &impl_of(dom)->migrate;
}

static int to_receivers(esp_domain *dom, size_t unit, const void *home, void *slots) {
  return send_out(dom, receivers_of(dom), unit, home, slots);
}

static int receivers_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  return send_home(dom, receivers_of(dom), unit, slots, home);
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

static int route(const esp_domain *dom, esp_route_kind kind, esp_route *out) {
  const impl_mpi *impl = dom->impl;
  const esp_migrate *receivers = dom->queries ? &impl->receivers : &impl->migrate;
  int rc;
  if (kind == ESP_ROUTE_SLOTS || kind == ESP_ROUTE_RECEIVER_SLOTS)
    rc = esp_forest_route(dom->comm, (kind == ESP_ROUTE_SLOTS ? &impl->migrate : receivers)->forest, 0, out);
  else
    rc = esp_halo_route(dom->comm, &impl->halo, &dom->tree, kind, out);
  if (rc) esp_route_free(out);
  return rc;
}

static void destroy(esp_domain *dom) {
  impl_mpi *impl = impl_of(dom);
  if (!impl) return;
  esp_halo_free(&impl->halo);
  esp_migrate_free(&impl->receivers);
  esp_migrate_free(&impl->migrate);
  ESP_FREE(dom->impl);
}

static const esp_domain_ops ops_mpi = {.name = "mpi",
                                       .to_slots = to_slots,
                                       .to_home = to_home,
                                       .halo_begin = halo_begin,
                                       .halo_end = halo_end,
                                       .cells_reduce = cells_reduce,
                                       .to_receivers = to_receivers,
                                       .receivers_home = receivers_home,
                                       .route = route,
                                       .destroy = destroy};

/* Slots' places in place of their keys. */
static int lie(esp_domain *dom, esp_migrate *migrate, int n_own, const double *at, double **slot_z) {
  const int dim = dom->param.place_dim;
  if (!dim) return ESP_OK;
  ESP_FREE(*slot_z);
  ESP_AGREE(dom->comm, ESP_ALLOC(*slot_z, (size_t)n_own * (size_t)dim));
  return send_out(dom, migrate, (size_t)dim * sizeof(double), at, *slot_z);
}

/* One tree over keys z: order, own rows and places (`at`, or the keys) in slot order. */
static int place(esp_domain *dom, const esp_shape *shape, const esp_cover *cover, const double *z, const double *at,
                 const int64_t *id, esp_tree *tree, esp_migrate *migrate, int64_t **slot_id, double **slot_z) {
  const esp_comm *comm = dom->comm;
  const esp_split_rule *rule = &dom->param.split;
  const esp_grower *grower = esp_grower_of(dom->param.grower);
  const int dim = dom->param.dim;
  int *cover_of = NULL;
  int rc = esp_tree_create(shape, esp_domain_place_dim(&dom->param), comm->rank, comm->size, 0, tree);
  if (!rc) rc = ESP_ALLOC(cover_of, dom->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_split(comm, shape, cover, rule, dim, dom->n_home, z, id, cover_of));
  ESP_TRY(esp_migrate_create(comm, shape, cover, rule, grower, dim, dom->n_home, z, id, cover_of, migrate, slot_id,
                             slot_z));
  dom->stats.moved += migrate->moved;
  dom->stats.bytes += migrate->arrived * (int64_t)(16 + sizeof(double) * (size_t)dim);
  ESP_TRY(lie(dom, migrate, tree->n_own, at, slot_z));
  ESP_TRY(comm->agree(comm, grower->geometry(tree, *slot_z)));
done:
  ESP_FREE(cover_of);
  return rc;
}

/* The receivers' tree. It has the shape and the covering roots of the senders', and needs no more of their particles
 * than the geometry of its own rows. */
static int place_queries(esp_domain *dom, const esp_shape *shape, const esp_cover *cover, const double *query,
                         const int64_t *id) {
  int64_t *slot_id = NULL;
  double *slot_q = NULL;
  ESP_AGREE(dom->comm, ESP_ALLOC(dom->queries, 1));
  const int rc = place(dom, shape, cover, query, dom->param.place_query, id, dom->queries, &impl_of(dom)->receivers,
                       &slot_id, &slot_q);
  ESP_FREE(slot_id);
  ESP_FREE(slot_q);
  return rc;
}

static int split_and_migrate(esp_domain *dom, const double *z, int apart, const double *query, const int64_t *id,
                             esp_cover *cover, double **slot_z) {
  const esp_comm *comm = dom->comm;
  esp_shape shape;
  const double start = esp_wall();
  ESP_CALL(esp_migrate_check_ids(comm, dom->n_home, id));
  int rc = esp_shape_make(dom->n, dom->param.leaf, dom->param.block, &shape);
  if (!rc) rc = esp_cover_make(&shape, comm->size, cover);
  ESP_CALL(comm->agree(comm, rc));
  if (apart) ESP_CALL(place_queries(dom, &shape, cover, query, id));
  ESP_CALL(place(dom, &shape, cover, z, dom->param.place, id, &dom->tree, &impl_of(dom)->migrate, &dom->id, slot_z));
  dom->n_own = dom->tree.n_own;
  dom->stats.seconds_split = esp_wall() - start;
  return ESP_OK;
}

typedef struct {
  esp_domain *dom;
  esp_essential *essential;
} counting;

/* Near pairs of all ranks for one theta. A rank may stop counting where the limit of all ranks is passed. */
static int count_pairs(void *context, const esp_lists_param *param, double theta, int64_t *pairs) {
  const counting *c = context;
  esp_domain *dom = c->dom;
  double start = esp_wall();
  ESP_CALL(esp_essential_exchange(dom->comm, param, theta, &dom->tree, c->essential));
  dom->stats.seconds_essential += esp_wall() - start;
  start = esp_wall();
  ESP_AGREE(dom->comm, esp_grower_of(dom->param.grower)->count(&dom->tree, dom->queries, param, theta, pairs));
  ESP_CALL(dom->comm->sum_i64(dom->comm, pairs, 1));
  dom->stats.seconds_lists += esp_wall() - start;
  return ESP_OK;
}

/* Theta, essential rows, near and far lists. */
static int build_lists(esp_domain *dom, const esp_cover *cover, const double *slot_z, esp_essential *essential) {
  const esp_comm *comm = dom->comm;
  esp_lists_param *param = &dom->param.lists;
  counting c = {dom, essential};
  double start = esp_wall();
  ESP_CALL(esp_essential_create(comm, cover, param, dom->queries, slot_z, &dom->tree, essential));
  dom->stats.seconds_essential += esp_wall() - start;
  if (param->pairs_per_particle > 0) {
    /* every rank must try the same angles, also where callers bring different hints */
    ESP_CALL(comm->broadcast(comm, &param->theta, sizeof param->theta, 0));
    ESP_CALL(esp_lists_choose(param, dom->n, count_pairs, &c, &param->theta));
  }
  if (param->pairs_limit > 0) {
    int64_t pairs;
    ESP_CALL(count_pairs(&c, param, param->theta, &pairs));
    if (pairs > (__int128)param->pairs_limit * dom->n) return esp_domain_refuse_pairs(dom, slot_z, pairs);
  } else {
    start = esp_wall();
    ESP_CALL(esp_essential_exchange(comm, param, param->theta, &dom->tree, essential));
    dom->stats.seconds_essential += esp_wall() - start;
  }
  start = esp_wall();
  ESP_AGREE(comm, esp_grower_of(dom->param.grower)->walk(&dom->tree, dom->queries, param, &dom->lists));
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

static int build(esp_domain *dom, const double *z, int apart, const double *query, const int64_t *id) {
  const esp_comm *comm = dom->comm;
  esp_cover cover = {0};
  esp_essential essential = {0};
  double *slot_z = NULL;
  int rc;
  esp_domain_stats *stats = &dom->stats;
  ESP_TRY(split_and_migrate(dom, z, apart, query, id, &cover, &slot_z));
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

/* Particles in all, and whether receivers have keys of their own. */
static int take_stock(const esp_comm *comm, int n_home, const double *query, int64_t *n, int *apart) {
  int64_t sum[3] = {n_home, query != NULL, n_home > 0 && !query};
  ESP_CALL(comm->sum_i64(comm, sum, 3));
  *n = sum[0];
  *apart = sum[1] > 0;
  ESP_CHECK(!*apart || !sum[2], ESP_ERR_ARG, "%lld ranks with particles give no query keys, others do",
            (long long)sum[2]);
  return ESP_OK;
}

int esp_domain_build_mpi(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                         const double *query, const int64_t *id, esp_domain **dom) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  *dom = NULL;
  if (!comm->impl) return esp_domain_build_self(comm, param, n_home, z, query, id, dom);
  esp_domain *made = NULL;
  int apart;
  int rc = esp_domain_check(param, n_home, z, query, id);
  if (!rc) rc = ESP_ALLOC(made, 1);
  if (!rc) rc = esp_alloc(&made->impl, 1, sizeof(impl_mpi), __FILE__, __LINE__, __func__);
  ESP_TRY(comm->agree(comm, rc));
  made->comm = comm;
  made->ops = &ops_mpi;
  made->param = *param;
  made->n_home = n_home;
  ESP_TRY(take_stock(comm, n_home, query, &made->n, &apart));
  ESP_TRY(build(made, z, apart, query, id));
  *dom = made;
  made = NULL;
done:
  esp_domain_free(&made);
  return rc;
}
