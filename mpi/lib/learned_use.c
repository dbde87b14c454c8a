/* What a relation says of rows: predictions, places, owners, neighbours. */
#include "io/graph_file.h"
#include "lib/learned.h"

static const char ROWS[] = "rows";

/* ---- predictions ---- */

/* What a search finds for this set is of this set alone. */
static int run_network(espalier_relation *r, const esp_set *set, double *y, esp_cost *cost) {
  const esp_backend backend = esp_learned_backend(r);
  const size_t size = r->model.network->options->size;
  char *param = NULL;
  double bound;
  int rc;
  ESP_CALL(r->comm->agree(r->comm, ESP_ALLOC(param, size)));
  memcpy(param, r->model.param, size);
  ESP_TRY(esp_model_aim(&r->model, &backend, set, &bound));
  ESP_TRY(esp_model_predict(&r->model, &backend, set, NULL, y, cost));
done:
  memcpy(r->model.param, param, size);
  ESP_FREE(param);
  return rc;
}

int espalier_relation_predict(espalier_relation *r, const espalier_rows *set, double *y, espalier_stats *stats) {
  esp_error_clear();
  const double start = esp_wall();
  espalier_stats own = {0};
  esp_learned_rows rows = {0};
  esp_cost cost = {0};
  double *home = NULL;
  int rc;
  ESP_CALL(esp_learned_check(r, "espalier_relation_predict"));
  const size_t targets = (size_t)r->model.sizes.width[ESP_TARGET];
  ESP_TRY(esp_learned_take(r, set, 0, y != NULL, ROWS, &rows));
  ESP_TRY(r->comm->agree(r->comm, ESP_ALLOC(home, (size_t)rows.set.n_home * targets)));
  ESP_TRY(run_network(r, &rows.set, home, &cost));
  ESP_TRY(esp_shares_back(&rows.shares, targets * sizeof *home, home, y));
  esp_lib_stats(&cost, &own);
  own.seconds = esp_wall() - start;
  if (stats) *stats = own;
done:
  ESP_FREE(home);
  esp_learned_free(&rows);
  return rc;
}

/* ---- places ---- */

/* Where the rows of a set are. */
typedef struct {
  esp_place where;
  double *key, *query; /* [n_home][dim]; query NULL: one map */
} places;

static int find_places(const espalier_relation *r, const esp_set *set, places *p) {
  return esp_model_places(&r->model, r->comm, set, &p->where, &p->key, &p->query);
}

static void places_free(places *p) {
  ESP_FREE(p->key);
  ESP_FREE(p->query);
}

int espalier_relation_place(espalier_relation *r, const espalier_rows *set, double *place) {
  esp_error_clear();
  esp_learned_rows rows = {0};
  places p = {0};
  int rc;
  ESP_CALL(esp_learned_check(r, "espalier_relation_place"));
  ESP_TRY(esp_learned_take(r, set, 0, place != NULL, ROWS, &rows));
  ESP_TRY(find_places(r, &rows.set, &p));
  ESP_TRY(esp_shares_back(&rows.shares, (size_t)p.where.domain.dim * sizeof *place, p.key, place));
done:
  places_free(&p);
  esp_learned_free(&rows);
  return rc;
}

/* The tree of the places. Its lists are not used: a wide angle makes them short. */
static int build(const espalier_relation *r, const esp_set *set, const places *p, esp_domain **dom) {
  esp_domain_param param = p->where.domain;
  param.lists = (esp_lists_param){.theta = 2};
  return esp_domain_build_mpi(r->comm, &param, set->n_home, p->key, p->query, set->id, dom);
}

int espalier_relation_partition(espalier_relation *r, const espalier_rows *set, int *owner, int64_t *slot) {
  esp_error_clear();
  esp_learned_rows rows = {0};
  places p = {0};
  esp_domain *dom = NULL;
  esp_lib_place *home = NULL, *mine = NULL;
  int rc;
  ESP_CALL(esp_learned_check(r, "espalier_relation_partition"));
  ESP_TRY(esp_learned_take(r, set, 0, owner || slot, ROWS, &rows));
  ESP_TRY(find_places(r, &rows.set, &p));
  ESP_TRY(build(r, &rows.set, &p, &dom));
  rc = ESP_ALLOC(home, rows.set.n_home);
  if (!rc) rc = ESP_ALLOC(mine, set->n);
  ESP_TRY(r->comm->agree(r->comm, rc));
  ESP_TRY(esp_lib_slots(dom, home));
  ESP_TRY(esp_shares_back(&rows.shares, sizeof *home, home, mine));
  for (int64_t i = 0; i < set->n; i++) {
    if (owner) owner[i] = mine[i].owner;
    if (slot) slot[i] = mine[i].slot;
  }
done:
  ESP_FREE(home);
  ESP_FREE(mine);
  esp_domain_free(&dom);
  places_free(&p);
  esp_learned_free(&rows);
  return rc;
}

/* ---- neighbours ---- */

/* Of a row, the e-th: a sender's id and the weight of it. */
typedef struct {
  int64_t id;
  double weight;
} neighbour;

/* Ids of what has numbers, which are those of the share: sender [edges] -> id [edges]. */
static int find_ids(const espalier_relation *r, const esp_set *set, const esp_graph *graph, int64_t *id) {
  const esp_comm *comm = r->comm;
  const int64_t edges = graph->start[graph->n_home];
  esp_exchange *exchange = NULL;
  int64_t *number = NULL;
  int rc = edges <= INT32_MAX
               ? ESP_ALLOC(number, set->n_home)
               : ESP_FAIL(ESP_ERR_LIMIT, "%lld neighbours on a rank; at most %d", (long long)edges, INT32_MAX);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < set->n_home; i++) number[i] = set->first + i;
  ESP_TRY(comm->exchange_create(comm, set->n_home, number, (int)edges, graph->sender, &exchange));
  ESP_TRY(comm->exchange_begin(comm, exchange, sizeof *id, set->id, id));
  ESP_TRY(comm->exchange_end(comm, exchange, sizeof *id, set->id, id));
done:
  comm->exchange_free(&exchange);
  ESP_FREE(number);
  return rc;
}

/* row [n_home][k]. */
static int find_neighbours(const espalier_relation *r, const esp_set *set, const places *p, int k, neighbour *row) {
  const esp_graph_about about = {.scale = p->where.domain.lists.rule ? p->where.domain.lists.rule_number : 0};
  const int64_t most = set->n - 1 < k ? set->n - 1 : k;
  esp_domain *dom = NULL;
  esp_graph graph = {0};
  int64_t *id = NULL;
  int rc;
  for (int64_t e = 0; e < (int64_t)set->n_home * k; e++) row[e] = (neighbour){-1, 0};
  if (most < 1) return ESP_OK;
  ESP_TRY(build(r, set, p, &dom));
  ESP_TRY(esp_graph_nearest(dom, set->first, p->where.domain.dim, p->key, p->query, most, &graph));
  ESP_TRY(r->comm->agree(r->comm, ESP_ALLOC(id, graph.start[graph.n_home])));
  ESP_TRY(find_ids(r, set, &graph, id));
  for (int i = 0; i < graph.n_home; i++)
    for (int64_t e = graph.start[i]; e < graph.start[i + 1]; e++)
      row[(int64_t)i * k + e - graph.start[i]] = (neighbour){id[e], esp_graph_weight(&about, graph.distance[e])};
done:
  ESP_FREE(id);
  esp_graph_free(&graph);
  esp_domain_free(&dom);
  return rc;
}

int espalier_relation_neighbors(espalier_relation *r, const espalier_rows *set, int k, int64_t *neighbor,
                                double *weight) {
  static const char *const name[] = {"k"};
  esp_error_clear();
  esp_learned_rows rows = {0};
  places p = {0};
  neighbour *home = NULL, *mine = NULL;
  int rc;
  ESP_CALL(esp_learned_check(r, "espalier_relation_neighbors"));
  ESP_CALL(esp_lib_same(r->comm, 1, &(double){k}, name));
  ESP_CHECK(k >= 1, ESP_ERR_VALUE, "espalier_relation_neighbors: k = %d; at least 1 is needed", k);
  ESP_TRY(esp_learned_take(r, set, 0, neighbor || weight, ROWS, &rows));
  ESP_TRY(find_places(r, &rows.set, &p));
  rc = ESP_ALLOC(home, (size_t)rows.set.n_home * (size_t)k);
  if (!rc) rc = ESP_ALLOC(mine, (size_t)set->n * (size_t)k);
  ESP_TRY(r->comm->agree(r->comm, rc));
  ESP_TRY(find_neighbours(r, &rows.set, &p, k, home));
  ESP_TRY(esp_shares_back(&rows.shares, (size_t)k * sizeof *home, home, mine));
  for (int64_t e = 0; e < set->n * k; e++) {
    if (neighbor) neighbor[e] = mine[e].id;
    if (weight) weight[e] = mine[e].weight;
  }
done:
  ESP_FREE(home);
  ESP_FREE(mine);
  places_free(&p);
  esp_learned_free(&rows);
  return rc;
}
