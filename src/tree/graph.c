#include "tree/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "tree/graph_work.h"

/* ---- both sides ---- */

int esp_graph_sides_create(esp_domain *dom, int64_t first, int dim, const double *key, const double *query,
                           esp_graph_sides *s) {
  const size_t own = (size_t)dom->n_own, all = own + (size_t)dom->n_ghost, unit = (size_t)dim * sizeof(double);
  const size_t n = (size_t)dom->n_home;
  int64_t *number = NULL;
  esp_graph_home *home = NULL;
  *s = (esp_graph_sides){.dom = dom, .dim = dim};
  int rc = ESP_ALLOC(s->query, own * (size_t)dim);
  if (!rc) rc = ESP_ALLOC(s->home, own);
  if (!rc) rc = ESP_ALLOC(s->key, all * (size_t)dim);
  if (!rc) rc = ESP_ALLOC(s->id, all);
  if (!rc) rc = ESP_ALLOC(s->number, all);
  if (!rc) rc = ESP_ALLOC(number, n);
  if (!rc) rc = ESP_ALLOC(home, n);
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  for (int i = 0; i < dom->n_home; i++) number[i] = first + i;
  ESP_TRY(dom->ops->to_slots(dom, unit, key, s->key));
  ESP_TRY(dom->ops->to_slots(dom, sizeof *number, number, s->number));
  if (own) memcpy(s->id, dom->id, own * sizeof *s->id);
  ESP_TRY(dom->ops->to_home(dom, sizeof *number, dom->id, number)); /* the domain keeps no ids at home */
  for (int i = 0; i < dom->n_home; i++) home[i] = (esp_graph_home){number[i], dom->comm->rank, i};
  ESP_TRY(dom->ops->to_receivers(dom, sizeof *home, home, s->home));
  ESP_TRY(dom->ops->to_receivers(dom, unit, query ? query : key, s->query));
done:
  ESP_FREE(number);
  ESP_FREE(home);
  return rc;
}

void esp_graph_sides_free(esp_graph_sides *s) {
  ESP_FREE(s->query);
  ESP_FREE(s->home);
  ESP_FREE(s->key);
  ESP_FREE(s->id);
  ESP_FREE(s->number);
}

/* ---- the way home ---- */

/* Edges of one round: what is under way is small beside the graph, whatever its size. */
enum { ROUND = 1 << 18 };

typedef struct {
  int64_t row, sender;
  double distance;
} travelling;

typedef struct {
  const esp_graph_sides *sides;
  const esp_graph_rows *rows;
  esp_graph *graph;
  int64_t *next; /* [n_home] where the next edge of a row goes */
  size_t room;   /* edges below */
  travelling *edge;
  int *dest;
  esp_graph_edge *row; /* [longest row] */
} delivery;

/* Slots from `slot` on that make a round; the edges of them. */
static int round_of(const delivery *d, int slot, size_t *edges) {
  const int own = d->sides->dom->n_own;
  *edges = 0;
  while (slot < own && *edges < ROUND) *edges += (size_t)d->rows->count[slot++];
  return slot;
}

static int delivery_create(delivery *d, int64_t *rounds) {
  const esp_domain *dom = d->sides->dom;
  int longest = 0;
  *rounds = 0;
  for (int slot = 0; slot < dom->n_own; (*rounds)++) {
    size_t edges;
    slot = round_of(d, slot, &edges);
    if (edges > d->room) d->room = edges;
  }
  for (int slot = 0; slot < dom->n_own; slot++) longest = esp_imax(longest, d->rows->count[slot]);
  ESP_CALL(ESP_ALLOC(d->next, dom->n_home));
  ESP_CALL(ESP_ALLOC(d->edge, d->room));
  ESP_CALL(ESP_ALLOC(d->dest, d->room));
  return ESP_ALLOC(d->row, longest);
}

static int64_t pack(const delivery *d, int slot, int end) {
  int64_t at = 0;
  for (; slot < end; slot++) {
    const esp_graph_home *home = &d->sides->home[slot];
    d->rows->edges(d->rows->context, slot, d->row);
    for (int e = 0; e < d->rows->count[slot]; e++, at++) {
      d->dest[at] = home->rank;
      d->edge[at] = (travelling){home->row, d->row[e].number, sqrt(d->row[e].distance2)};
    }
  }
  return at;
}

/* The edges of a row come from one rank, in their order. */
static void unpack(const delivery *d, const esp_inbox *inbox) {
  const travelling *edge = inbox->row;
  for (int64_t e = 0; e < inbox->start[inbox->count]; e++) {
    const int64_t at = d->next[edge[e].row]++;
    d->graph->sender[at] = edge[e].sender;
    d->graph->distance[at] = edge[e].distance;
  }
}

static int send_all(const delivery *d, int64_t rounds) {
  const esp_comm *comm = d->sides->dom->comm;
  for (int64_t r = 0, slot = 0; r < rounds; r++) {
    size_t edges;
    esp_inbox inbox = {0};
    const int end = round_of(d, (int)slot, &edges);
    const int64_t count = pack(d, (int)slot, end);
    ESP_CALL(comm->scatter(comm, count, d->dest, sizeof *d->edge, d->edge, &inbox));
    unpack(d, &inbox);
    esp_inbox_free(&inbox);
    slot = end;
  }
  return ESP_OK;
}

/* Rows' lengths, where their homes are; the edges of all. */
static int shape(const esp_graph_sides *sides, const int *count, int64_t first, esp_graph *graph) {
  esp_domain *dom = sides->dom;
  const esp_comm *comm = dom->comm;
  int *lengths = NULL;
  *graph = (esp_graph){.n = dom->n, .first = first, .n_home = dom->n_home};
  int rc = ESP_ALLOC(lengths, dom->n_home);
  if (!rc) rc = ESP_ALLOC(graph->start, (size_t)dom->n_home + 1);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(dom->ops->receivers_home(dom, sizeof *count, count, lengths));
  for (int i = 0; i < dom->n_home; i++) graph->start[i + 1] = graph->start[i] + lengths[i];
  graph->edges = graph->before = graph->start[dom->n_home];
  ESP_TRY(comm->sum_i64(comm, &graph->edges, 1));
  ESP_TRY(comm->exscan_i64(comm, &graph->before));
  rc = ESP_RESERVE(graph->sender, graph->start[dom->n_home]);
  if (!rc) rc = ESP_RESERVE(graph->distance, graph->start[dom->n_home]);
  ESP_TRY(comm->agree(comm, rc));
done:
  ESP_FREE(lengths);
  return rc;
}

int esp_graph_deliver(const esp_graph_sides *sides, const esp_graph_rows *rows, int64_t first, esp_graph *graph) {
  const esp_comm *comm = sides->dom->comm;
  delivery d = {.sides = sides, .rows = rows, .graph = graph};
  int64_t rounds;
  int rc;
  ESP_TRY(shape(sides, rows->count, first, graph));
  ESP_TRY(comm->agree(comm, delivery_create(&d, &rounds)));
  memcpy(d.next, graph->start, (size_t)graph->n_home * sizeof *d.next);
  ESP_TRY(comm->max_i64(comm, &rounds, 1));
  ESP_TRY(send_all(&d, rounds));
done:
  ESP_FREE(d.next);
  ESP_FREE(d.edge);
  ESP_FREE(d.dest);
  ESP_FREE(d.row);
  return rc;
}

/* ---- near lists ---- */

typedef struct {
  const esp_graph_sides *sides;
  int *block; /* [n_own] that a slot is in */
} near_rows;

/* Run e of the senders that are near to block b: -1, its own, which lists leave out where there is one tree; then the list's.
 * 0: there is none. */
static int run_of(const esp_graph_sides *s, int b, int64_t e, int *first, int *count) {
  const esp_domain *dom = s->dom;
  const esp_lists *lists = &dom->lists;
  const int64_t entry = lists->near_start[b] + e;
  if (entry >= lists->near_start[b + 1] && e >= 0) return 0;
  const int row = e < 0 ? esp_tree_block_row(&dom->tree, b) : lists->near[entry];
  *first = dom->tree.part_first[row];
  *count = e < 0 && dom->queries ? 0 : dom->tree.part_count[row];
  return 1;
}

static int near_count(const near_rows *near, int slot) {
  const esp_graph_sides *s = near->sides;
  int first, count, all = 0;
  for (int64_t e = -1; run_of(s, near->block[slot], e, &first, &count); e++) {
    all += count;
    for (int j = first; j < first + count; j++) all -= s->id[j] == s->home[slot].id;
  }
  return all;
}

static int by_distance(const void *a, const void *b) {
  return esp_graph_nearer(a, b) ? -1 : esp_graph_nearer(b, a);
}

static void near_edges(void *context, int slot, esp_graph_edge *to) {
  const near_rows *near = context;
  const esp_graph_sides *s = near->sides;
  const size_t dim = (size_t)s->dim;
  int first, count;
  size_t all = 0;
  for (int64_t e = -1; run_of(s, near->block[slot], e, &first, &count); e++)
    for (int j = first; j < first + count; j++) {
      if (s->id[j] == s->home[slot].id) continue;
      const double d2 = esp_graph_distance2(s->dim, s->query + (size_t)slot * dim, s->key + (size_t)j * dim);
      to[all++] = (esp_graph_edge){d2, s->id[j], s->number[j]};
    }
  qsort(to, all, sizeof *to, by_distance);
}

/* Senders of other ranks that are near. */
static int fetch(const esp_graph_sides *s) {
  esp_domain *dom = s->dom;
  const struct {
    size_t unit;
    void *array;
  } all[] = {{(size_t)s->dim * sizeof *s->key, s->key}, {sizeof *s->id, s->id}, {sizeof *s->number, s->number}};
  for (size_t k = 0; k < sizeof all / sizeof all[0]; k++) {
    ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_SOURCES, all[k].unit, all[k].array));
    ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_SOURCES, all[k].unit, all[k].array));
  }
  return ESP_OK;
}

static void blocks_of(const esp_tree *tree, int *block) {
  for (int b = 0; b < tree->n_block; b++) {
    int64_t offset, count;
    esp_shape_node(&tree->shape, tree->shape.block_level, tree->block_first + b, &offset, &count);
    for (int64_t slot = offset; slot < offset + count; slot++) block[slot - tree->slot_first] = b;
  }
}

int esp_graph_near(esp_domain *dom, int64_t first, int dim, const double *key, const double *query, esp_graph *graph) {
  esp_graph_sides sides;
  near_rows near = {.sides = &sides};
  int *count = NULL;
  *graph = (esp_graph){0};
  int rc = esp_graph_sides_create(dom, first, dim, key, query, &sides);
  if (rc) goto done;
  ESP_TRY(fetch(&sides));
  rc = ESP_ALLOC(near.block, dom->n_own);
  if (!rc) rc = ESP_ALLOC(count, dom->n_own);
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  blocks_of(&dom->tree, near.block);
  for (int slot = 0; slot < dom->n_own; slot++) count[slot] = near_count(&near, slot);
  const esp_graph_rows rows = {count, near_edges, &near};
  ESP_TRY(esp_graph_deliver(&sides, &rows, first, graph));
done:
  esp_graph_sides_free(&sides);
  ESP_FREE(near.block);
  ESP_FREE(count);
  return rc;
}

/* ---- the whole ---- */

int esp_graph_checksum(const esp_comm *comm, const esp_graph *graph, uint64_t *sum) {
  uint64_t all = 0;
  for (int i = 0; i < graph->n_home; i++)
    for (int64_t e = graph->start[i]; e < graph->start[i + 1]; e++) {
      const uint64_t row = esp_hash_mix(0, (uint64_t)(graph->first + i));
      all += esp_hash_double(esp_hash_mix(row, (uint64_t)graph->sender[e]), graph->distance[e]);
    }
  int64_t word = (int64_t)all;
  ESP_CALL(comm->sum_i64(comm, &word, 1));
  *sum = (uint64_t)word;
  return ESP_OK;
}

void esp_graph_free(esp_graph *graph) {
  ESP_FREE(graph->start);
  ESP_FREE(graph->sender);
  ESP_FREE(graph->distance);
  *graph = (esp_graph){0};
}
