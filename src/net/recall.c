#include "net/recall.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A particle as a candidate for the samples, in the order of (hash, id). */
typedef struct {
  uint64_t hash;
  int64_t id;
  int index; /* home */
} candidate;

/* A neighbour as far as it is known; id of none: found is less than wanted. */
typedef struct {
  double distance2;
  int64_t id;
} neighbour;

/* Particles that are compared at a time. */
enum { BLOCK = 256 };

typedef struct {
  int samples, width, wanted; /* width: r; wanted: neighbours of each */
  int itself;                 /* a particle may be its own neighbour */
  int64_t *id;                /* [samples] ascending */
  double *place;              /* [samples][r] as receivers */
  neighbour *nearest;         /* [samples][wanted] by (distance, id) */
  int *found;                 /* [samples] of them there are */
  double *axis;               /* [r][BLOCK] of a block of particles */
} search;

static int by_hash(const void *a, const void *b) {
  const candidate *p = a, *q = b;
  if (p->hash != q->hash) return p->hash < q->hash ? -1 : 1;
  return (p->id > q->id) - (p->id < q->id);
}

static int by_id(const void *a, const void *b) {
  const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
  return (p > q) - (p < q);
}

/* Sample of this id, or -1. */
static int find(const search *s, int64_t id) {
  const int64_t *at = bsearch(&id, s->id, (size_t)s->samples, sizeof *s->id, by_id);
  return at ? (int)(at - s->id) : -1;
}

/* ---- who is looked at ---- */

/* This rank's first `samples` particles by hash; *mine of them. */
static int offer(int n, const int64_t *id, const double *weight, uint64_t seed, int samples, candidate **list,
                 int *mine) {
  ESP_CALL(ESP_ALLOC(*list, n));
  int count = 0;
  for (int i = 0; i < n; i++)
    if (!weight || weight[i] > 0)
      (*list)[count++] = (candidate){.hash = esp_hash_mix(seed, (uint64_t)id[i]), .id = id[i], .index = i};
  qsort(*list, (size_t)count, sizeof **list, by_hash);
  *mine = esp_imin(count, samples);
  return ESP_OK;
}

/* Everyone's offers -> the first `samples` of all, by id. */
static int choose(const esp_comm *comm, int samples, const candidate *list, int mine, search *s) {
  int rc = ESP_OK;
  void *all = NULL;
  size_t *start = NULL;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  ESP_TRY(comm->gather_all(comm, list, (size_t)mine * sizeof *list, &all, start));
  const size_t offered = start[comm->size] / sizeof *list;
  candidate *every = all;
  qsort(every, offered, sizeof *every, by_hash);
  s->samples = offered < (size_t)samples ? (int)offered : samples;
  rc = ESP_ALLOC(s->id, s->samples);
  if (!rc) rc = ESP_ALLOC(s->place, (size_t)s->samples * (size_t)s->width);
  if (!rc) rc = ESP_ALLOC(s->nearest, (size_t)s->samples * (size_t)s->wanted);
  if (!rc) rc = ESP_ALLOC(s->found, s->samples);
  if (!rc) rc = ESP_ALLOC(s->axis, (size_t)s->width * BLOCK);
  ESP_TRY(comm->agree(comm, rc));
  for (int k = 0; k < s->samples; k++) s->id[k] = every[k].id;
  qsort(s->id, (size_t)s->samples, sizeof *s->id, by_id);
done:
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}

/* The samples' places, from whoever holds them. */
static int collect(const esp_comm *comm, const candidate *list, int mine, const double *place, search *s) {
  int rc = ESP_OK, held = 0;
  const size_t r = (size_t)s->width, unit = r + 1;
  void *all = NULL;
  size_t *start = NULL;
  double *rows = NULL; /* number of the sample, its place */
  rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(rows, (size_t)mine * unit);
  ESP_TRY(comm->agree(comm, rc));
  for (int m = 0; m < mine; m++) {
    const int k = find(s, list[m].id);
    if (k < 0) continue;
    rows[(size_t)held * unit] = k;
    memcpy(rows + (size_t)held * unit + 1, place + (size_t)list[m].index * r, r * sizeof *rows);
    held++;
  }
  ESP_TRY(comm->gather_all(comm, rows, (size_t)held * unit * sizeof *rows, &all, start));
  const double *every = all;
  for (size_t m = 0; m < start[comm->size] / (unit * sizeof *rows); m++)
    memcpy(s->place + (size_t)every[m * unit] * r, every + m * unit + 1, r * sizeof *rows);
done:
  ESP_FREE(all);
  ESP_FREE(start);
  ESP_FREE(rows);
  return rc;
}

/* ---- their neighbours ---- */

static int nearer(const neighbour *a, const neighbour *b) {
  return a->distance2 < b->distance2 || (a->distance2 == b->distance2 && a->id < b->id);
}

/* Into the sorted list of sample k, if it is among the wanted. */
static void insert(search *s, int k, const neighbour *one) {
  neighbour *list = s->nearest + (size_t)k * (size_t)s->wanted;
  int at = s->found[k];
  if (at == s->wanted && !nearer(one, &list[at - 1])) return;
  if (at == s->wanted)
    at--;
  else
    s->found[k]++;
  for (; at > 0 && nearer(one, &list[at - 1]); at--) list[at] = list[at - 1];
  list[at] = *one;
}

/* Squared distances of sample k from the block's particles, axis by axis; is one of them at most `worst`? */
static int look_block(const search *s, int k, int count, double worst, double *distance2) {
  int any = 0;
  for (int i = 0; i < count; i++) distance2[i] = 0;
  for (size_t a = 0; a < (size_t)s->width; a++) {
    const double x = s->place[(size_t)k * (size_t)s->width + a], *axis = s->axis + a * BLOCK;
    for (int i = 0; i < count; i++) {
      const double d = axis[i] - x;
      distance2[i] += d * d;
    }
  }
  for (int i = 0; i < count; i++) any |= distance2[i] <= worst;
  return any;
}

/* All samples beside all particles, a block of them at a time. */
static void look(int n, const int64_t *id, const double *reference, search *s) {
  const size_t r = (size_t)s->width, wanted = (size_t)s->wanted;
  double distance2[BLOCK];
  for (int first = 0; first < n; first += BLOCK) {
    const int count = esp_imin(BLOCK, n - first);
    for (size_t i = 0; i < (size_t)count; i++)
      for (size_t a = 0; a < r; a++) s->axis[a * BLOCK + i] = reference[((size_t)first + i) * r + a];
    for (int k = 0; k < s->samples; k++) {
      const int full = s->found[k] == s->wanted;
      const double worst = full ? s->nearest[(size_t)k * wanted + wanted - 1].distance2 : INFINITY;
      if (!look_block(s, k, count, worst, distance2)) continue;
      for (int i = 0; i < count; i++) {
        const neighbour one = {distance2[i], id[first + i]};
        if (one.distance2 <= worst && (s->itself || one.id != s->id[k])) insert(s, k, &one);
      }
    }
  }
}

/* Samples whose neighbours of all ranks are at hand at once: what is gathered grows with the ranks. */
enum { AT_ONCE = 32 };

/* Everyone's nearest of samples first .. first + count - 1 -> the nearest of all. */
static int merge_some(const esp_comm *comm, search *s, int first, int count, size_t *start) {
  int rc = ESP_OK;
  const size_t wanted = (size_t)s->wanted, size = (size_t)count * wanted;
  neighbour *mine = s->nearest + (size_t)first * wanted;
  void *near = NULL, *found = NULL;
  ESP_TRY(comm->gather_all(comm, mine, size * sizeof *mine, &near, start));
  ESP_TRY(comm->gather_all(comm, s->found + first, (size_t)count * sizeof *s->found, &found, start));
  memset(s->found + first, 0, (size_t)count * sizeof *s->found);
  const neighbour *every = near;
  const int *there = found;
  for (size_t p = 0; p < (size_t)comm->size; p++)
    for (size_t k = 0; k < (size_t)count; k++)
      for (int m = 0; m < there[p * (size_t)count + k]; m++)
        insert(s, first + (int)k, every + p * size + k * wanted + (size_t)m);
done:
  ESP_FREE(near);
  ESP_FREE(found);
  return rc;
}

static int merge(const esp_comm *comm, search *s) {
  int rc = ESP_OK;
  size_t *start = NULL;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, comm->size + 1)));
  for (int first = 0; first < s->samples; first += AT_ONCE)
    ESP_TRY(merge_some(comm, s, first, esp_imin(AT_ONCE, s->samples - first), start));
done:
  ESP_FREE(start);
  return rc;
}

/* ---- are they near pairs? ---- */

static int holds(int64_t count, const int64_t *id, int64_t wanted) {
  for (int64_t i = 0; i < count; i++)
    if (id[i] == wanted) return 1;
  return 0;
}

/* Hits of sample k, whose receiver's slot is in own block b. id [n_own + n_ghost] in the order of the senders' slots. */
static int64_t hits_of(const esp_domain *dom, const search *s, int k, int b, const int64_t *id) {
  const esp_lists *lists = &dom->lists;
  const esp_tree *tree = &dom->tree;
  int64_t hits = 0;
  for (int m = 0; m < s->found[k]; m++) {
    const int64_t wanted = s->nearest[(size_t)k * (size_t)s->wanted + (size_t)m].id;
    int hit = 0;
    if (!dom->queries) {
      int64_t offset, count;
      esp_shape_node(&tree->shape, tree->shape.block_level, tree->block_first + b, &offset, &count);
      hit = holds(count, id + (offset - tree->slot_first), wanted);
    }
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1] && !hit; e++) {
      const int row = lists->near[e];
      hit = holds(tree->part_count[row], id + tree->part_first[row], wanted);
    }
    hits += hit;
  }
  return hits;
}

/* This rank's hits: samples whose receiver's slot it owns. slot_id [n_own] ids in the order of the receivers' slots. */
static int64_t count_hits(const esp_domain *dom, const search *s, const int64_t *slot_id, const int64_t *id) {
  const esp_tree *tree = &dom->tree;
  int64_t hits = 0;
  for (int i = 0; i < dom->n_own; i++) {
    const int k = find(s, slot_id[i]);
    if (k < 0) continue;
    const int64_t block = esp_shape_find(&tree->shape, tree->shape.block_level, tree->slot_first + i);
    hits += hits_of(dom, s, k, (int)(block - tree->block_first), id);
  }
  return hits;
}

/* The nearest that there are for all samples. */
static int64_t wanted_of(const search *s) {
  int64_t all = 0;
  for (int k = 0; k < s->samples; k++) all += s->found[k];
  return all;
}

static int share(const esp_comm *comm, int64_t hits, const search *s, double *recall) {
  const int64_t wanted = wanted_of(s);
  ESP_CALL(comm->sum_i64(comm, &hits, 1));
  *recall = wanted ? (double)hits / (double)wanted : 1;
  return ESP_OK;
}

static int judge(const esp_comm *comm, esp_domain *dom, const int64_t *home_id, const search *s, double *recall) {
  int rc = ESP_OK;
  int64_t *slot_id = NULL, *id = NULL;
  rc = ESP_ALLOC(slot_id, dom->n_own);
  if (!rc) rc = ESP_ALLOC(id, (size_t)dom->n_own + (size_t)dom->n_ghost);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(dom->ops->to_receivers(dom, sizeof *home_id, home_id, slot_id));
  if (dom->n_own) memcpy(id, dom->id, (size_t)dom->n_own * sizeof *id);
  ESP_TRY(dom->ops->halo_begin(dom, ESP_HALO_SOURCES, sizeof *id, id));
  ESP_TRY(dom->ops->halo_end(dom, ESP_HALO_SOURCES, sizeof *id, id));
  ESP_TRY(share(comm, count_hits(dom, s, slot_id, id), s, recall));
done:
  ESP_FREE(slot_id);
  ESP_FREE(id);
  return rc;
}

/* ---- are they in rows? ---- */

static int64_t row_hits(const search *s, int k, int64_t count, const int64_t *sender) {
  int64_t hits = 0;
  for (int m = 0; m < s->found[k]; m++)
    hits += holds(count, sender, s->nearest[(size_t)k * (size_t)s->wanted + (size_t)m].id);
  return hits;
}

static int judge_rows(const esp_comm *comm, const esp_graph *graph, const int64_t *number, const search *s,
                      double *recall) {
  int64_t hits = 0;
  for (int i = 0; i < graph->n_home; i++) {
    const int64_t from = graph->start[i];
    const int k = find(s, number[i]);
    if (k >= 0) hits += row_hits(s, k, graph->start[i + 1] - from, graph->sender + from);
  }
  return share(comm, hits, s, recall);
}

/* ---- the two ---- */

/* Who is looked at, and their nearest among all. */
static int search_all(const esp_comm *comm, int n_home, const int64_t *id, const double *weight,
                      const double *reference, const double *reference_query, int samples, uint64_t seed, search *s) {
  int rc = ESP_OK, mine = 0;
  candidate *list = NULL;
  ESP_CHECK(s->wanted >= 1 && samples >= 1 && s->width >= 1, ESP_ERR_ARG,
            "recall of %d neighbours of %d particles in %d dimensions: each must be >= 1", s->wanted, samples,
            s->width);
  ESP_TRY(comm->agree(comm, offer(n_home, id, weight, seed, samples, &list, &mine)));
  ESP_TRY(choose(comm, samples, list, mine, s));
  ESP_TRY(collect(comm, list, mine, reference_query ? reference_query : reference, s));
  look(n_home, id, reference, s);
  ESP_TRY(merge(comm, s));
done:
  ESP_FREE(list);
  return rc;
}

static void search_free(search *s) {
  ESP_FREE(s->id);
  ESP_FREE(s->place);
  ESP_FREE(s->nearest);
  ESP_FREE(s->found);
  ESP_FREE(s->axis);
}

int esp_recall(const esp_comm *comm, esp_domain *dom, int n_home, const int64_t *id, const double *weight, int r,
               const double *reference, const double *reference_query, int neighbours, int samples, uint64_t seed,
               double *recall) {
  search s = {.width = r, .wanted = neighbours, .itself = reference_query != NULL};
  int rc;
  ESP_TRY(search_all(comm, n_home, id, weight, reference, reference_query, samples, seed, &s));
  ESP_TRY(judge(comm, dom, id, &s, recall));
done:
  search_free(&s);
  return rc;
}

int esp_recall_rows(const esp_comm *comm, const esp_graph *graph, int r, const double *reference,
                    const double *reference_query, int neighbours, int samples, uint64_t seed, double *recall) {
  search s = {.width = r, .wanted = neighbours};
  int64_t *number = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(number, graph->n_home)));
  for (int i = 0; i < graph->n_home; i++) number[i] = graph->first + i;
  ESP_TRY(search_all(comm, graph->n_home, number, NULL, reference, reference_query, samples, seed, &s));
  ESP_TRY(judge_rows(comm, graph, number, &s, recall));
done:
  ESP_FREE(number);
  search_free(&s);
  return rc;
}
