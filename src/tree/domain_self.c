/* The domain of one rank: slots are a permutation of home, and nothing has to travel. */
#include <string.h>

#include "tree/domain.h"

typedef struct {
  int *order;     /* [n] home index of the particle in each slot */
  int *receivers; /* [n] likewise of the receivers' slots; NULL with one tree */
} self_impl;

static void gather(int n, const int *order, size_t unit, const char *home, char *slots) {
  for (int s = 0; s < n; s++) memcpy(slots + (size_t)s * unit, home + (size_t)order[s] * unit, unit);
}

static void spread(int n, const int *order, size_t unit, const char *slots, char *home) {
  for (int s = 0; s < n; s++) memcpy(home + (size_t)order[s] * unit, slots + (size_t)s * unit, unit);
}

static int self_to_slots(esp_domain *dom, size_t unit, const void *home, void *slots) {
  gather(dom->n_own, ((self_impl *)dom->impl)->order, unit, home, slots);
  return ESP_OK;
}

static int self_to_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  spread(dom->n_own, ((self_impl *)dom->impl)->order, unit, slots, home);
  return ESP_OK;
}

static const int *receivers_of(const esp_domain *dom) {
  const self_impl *impl = dom->impl;
  return dom->queries ? impl->receivers : impl->order;
}

static int self_to_receivers(esp_domain *dom, size_t unit, const void *home, void *slots) {
  gather(dom->n_own, receivers_of(dom), unit, home, slots);
  return ESP_OK;
}

static int self_receivers_home(esp_domain *dom, size_t unit, const void *slots, void *home) {
  spread(dom->n_own, receivers_of(dom), unit, slots, home);
  return ESP_OK;
}

static int self_halo(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array) {
  (void)dom, (void)kind, (void)unit, (void)array;
  return ESP_OK;
}

static int self_cells_reduce(esp_domain *dom, int words, int64_t *acc) {
  (void)dom, (void)words, (void)acc;
  return ESP_OK;
}

/* Nothing travels: slots are a permutation, and of halos there are none. */
static int self_route(const esp_domain *dom, esp_route_kind kind, esp_route *route) {
  *route = (esp_route){0};
  if (kind != ESP_ROUTE_SLOTS && kind != ESP_ROUTE_RECEIVER_SLOTS) return ESP_OK;
  const int *order = kind == ESP_ROUTE_SLOTS ? ((self_impl *)dom->impl)->order : receivers_of(dom);
  ESP_CALL(ESP_ALLOC(route->kept_from, dom->n_own));
  route->kept = dom->n_own;
  memcpy(route->kept_from, order, (size_t)dom->n_own * sizeof *order);
  return ESP_OK;
}

static void self_destroy(esp_domain *dom) {
  self_impl *impl = dom->impl;
  if (impl) {
    ESP_FREE(impl->order);
    ESP_FREE(impl->receivers);
  }
  ESP_FREE(dom->impl);
}

static const esp_domain_ops self_ops = {.name = "self",
                                        .to_slots = self_to_slots,
                                        .to_home = self_to_home,
                                        .halo_begin = self_halo,
                                        .halo_end = self_halo,
                                        .cells_reduce = self_cells_reduce,
                                        .to_receivers = self_to_receivers,
                                        .receivers_home = self_receivers_home,
                                        .route = self_route,
                                        .destroy = self_destroy};

/* Ids are unique: ascending, as most callers have them, or by a hash table of indices. */
static int check_unique(int n, const int64_t *id) {
  int ascending = 1, *table = NULL;
  for (int i = 1; i < n && ascending; i++) ascending = id[i - 1] < id[i];
  if (ascending) return ESP_OK;
  int bits = 1;
  while ((size_t)1 << bits < 2 * (size_t)n) bits++;
  size_t mask = ((size_t)1 << bits) - 1;
  ESP_CALL(ESP_ALLOC(table, mask + 1));
  for (int i = 0; i < n; i++) {
    uint64_t hash = (uint64_t)id[i] * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash ^ hash >> 32) * 0xd6e8feb86659fd93u >> (64 - bits);
    while (table[at] && id[table[at] - 1] != id[i]) at = (at + 1) & mask;
    if (table[at]) {
      int other = table[at] - 1;
      ESP_FREE(table);
      return ESP_FAIL(ESP_ERR_VALUE, "particle id %lld appears twice (particles %d and %d); ids must be unique",
                      (long long)id[i], other, i);
    }
    table[at] = i + 1;
  }
  ESP_FREE(table);
  return ESP_OK;
}

static int count_pairs(void *context, const esp_lists_param *param, double theta, int64_t *pairs) {
  const esp_domain *dom = context;
  return esp_grower_of(dom->param.grower)->count(&dom->tree, dom->queries, param, theta, pairs);
}

/* One tree over keys z: its order, its rows and geometry, and the places in slot order, keys [n][place dim]. */
static int order_tree(const esp_domain *dom, const esp_shape *shape, const double *z, const double *place,
                      const int64_t *id, int **order, esp_tree *tree, double *keys) {
  const int n = dom->n_home, dim = dom->param.dim, lie = esp_domain_place_dim(&dom->param);
  const esp_grower *grower = esp_grower_of(dom->param.grower);
  ESP_CALL(ESP_ALLOC(*order, n));
  ESP_CALL(grower->order(shape, &dom->param.split, 0, 0, n, dim, z, id, *order));
  ESP_CALL(esp_tree_create(shape, lie, 0, 1, 0, tree));
  gather(n, *order, (size_t)lie * sizeof *z, (const char *)(dom->param.place_dim ? place : z), (char *)keys);
  return grower->geometry(tree, keys);
}

/* Leaves the senders' places in slot order in keys. */
static int build_trees(esp_domain *dom, const double *z, const double *query, const int64_t *id, double *keys) {
  esp_shape shape;
  self_impl *impl = dom->impl;
  double start = esp_wall();
  ESP_CALL(check_unique(dom->n_home, id));
  ESP_CALL(esp_shape_make(dom->n, dom->param.leaf, dom->param.block, &shape));
  if (query) {
    ESP_CALL(ESP_ALLOC(dom->queries, 1));
    ESP_CALL(order_tree(dom, &shape, query, dom->param.place_query, id, &impl->receivers, dom->queries, keys));
  }
  ESP_CALL(order_tree(dom, &shape, z, dom->param.place, id, &impl->order, &dom->tree, keys));
  ESP_CALL(ESP_ALLOC(dom->id, dom->n_home));
  ESP_CALL(self_to_slots(dom, sizeof *id, id, dom->id));
  dom->stats.seconds_split = esp_wall() - start;
  return ESP_OK;
}

static int build_lists(esp_domain *dom, const double *keys) {
  esp_lists_param *param = &dom->param.lists;
  double start = esp_wall();
  if (param->pairs_per_particle > 0) {
    ESP_CALL(esp_lists_choose(param, dom->n, count_pairs, dom, &param->theta));
  }
  if (param->pairs_limit > 0) {
    int64_t pairs;
    ESP_CALL(count_pairs(dom, param, param->theta, &pairs));
    if (pairs > (__int128)param->pairs_limit * dom->n) return esp_domain_refuse_pairs(dom, keys, pairs);
  }
  ESP_CALL(esp_grower_of(dom->param.grower)->walk(&dom->tree, dom->queries, param, &dom->lists));
  ESP_CALL(esp_lists_transpose(&dom->tree, &dom->lists));
  int blocks = dom->tree.n_block;
  ESP_CALL(ESP_ALLOC(dom->block_order, blocks));
  ESP_CALL(ESP_ALLOC(dom->sender_block_order, blocks));
  for (int b = 0; b < blocks; b++) dom->block_order[b] = dom->sender_block_order[b] = b;
  dom->n_interior = dom->n_sender_interior = blocks;
  dom->stats.seconds_lists = esp_wall() - start;
  return ESP_OK;
}

int esp_domain_build_self(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                          const double *query, const int64_t *id, esp_domain **dom) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  *dom = NULL;
  ESP_CHECK(comm->size == 1, ESP_ERR_ARG, "the one-rank builder was given %d ranks", comm->size);
  ESP_CALL(esp_domain_check(param, n_home, z, query, id));
  int rc = ESP_OK;
  esp_domain *d = NULL;
  self_impl *impl = NULL;
  double *keys = NULL;
  ESP_CALL(ESP_ALLOC(d, 1));
  d->comm = comm;
  d->ops = &self_ops;
  d->param = *param;
  d->n = d->n_home = d->n_own = n_home;
  ESP_TRY(ESP_ALLOC(impl, 1));
  d->impl = impl;
  ESP_TRY(ESP_ALLOC(keys, (size_t)n_home * (size_t)esp_domain_place_dim(param)));
  ESP_TRY(build_trees(d, z, query, id, keys));
  ESP_TRY(build_lists(d, keys));
  *dom = d;
  d = NULL;
done:
  ESP_FREE(keys);
  esp_domain_free(&d);
  return rc;
}
