#include "domain/split.h"

#include <math.h>
#include <string.h>

#include "base/select.h"
#include "tree/direction.h"

/* The level being selected: nodes [first, first + count) of cover->top. */
typedef struct {
  const esp_comm *comm;
  const esp_shape *shape;
  const esp_cover *cover;
  const esp_split_rule *rule; /* or NULL */
  int dim;
  const double *z;
  const int64_t *id;
  int first, count;
  /* active particles: those in straddling nodes; node[j] of active particle item[j] */
  int64_t n_active, n_candidate;
  int *item, *node;
  int *candidate;  /* indices into item */
  uint64_t *image; /* [n_active] */
  /* by node of the level */
  double *extent; /* [count][2 dim]: max of z and of -z */
  int *axis;      /* -1: along direction [count][dim] instead */
  double *direction;
  esp_split_grid *grid; /* pca */
  int64_t *sums;        /* pca: [count][words] */
  int64_t *bins;        /* [count][ESP_SELECT_BINS] */
  int64_t *rank;        /* which smallest is wanted among the candidates, from 1; 0: none */
  int64_t *equal;       /* candidates that share every digit so far */
  uint64_t *key_cut;    /* image of the median key */
  uint64_t *id_cut;     /* largest id that goes left among equal keys */
  uint64_t *prefix;
} selection;

static uint64_t id_image(int64_t id) {
  return (uint64_t)id ^ (uint64_t)1 << 63;
}

static double active_key(const selection *s, int64_t j) {
  const double *z = s->z + (size_t)s->item[j] * (size_t)s->dim;
  const int t = s->node[j] - s->first;
  return s->axis[t] >= 0 ? z[s->axis[t]] : esp_split_score(s->dim, s->direction + (int64_t)t * s->dim, z);
}

static int find_axes(selection *s) {
  const int dim = s->dim;
  for (int64_t e = 0; e < (int64_t)s->count * 2 * dim; e++) s->extent[e] = -INFINITY;
  for (int64_t j = 0; j < s->n_active; j++) {
    double *extent = s->extent + (int64_t)(s->node[j] - s->first) * 2 * dim;
    const double *z = s->z + (int64_t)s->item[j] * dim;
    for (int a = 0; a < dim; a++) {
      extent[a] = z[a] > extent[a] ? z[a] : extent[a];
      extent[dim + a] = -z[a] > extent[dim + a] ? -z[a] : extent[dim + a];
    }
  }
  ESP_CALL(s->comm->max_f64(s->comm, s->extent, (size_t)s->count * 2 * (size_t)dim));
  for (int t = 0; t < s->count; t++) {
    const double *extent = s->extent + (int64_t)t * 2 * dim;
    s->axis[t] = 0;
    for (int a = 1; a < dim; a++)
      if (extent[a] + extent[dim + a] > extent[s->axis[t]] + extent[dim + s->axis[t]]) s->axis[t] = a;
  }
  return ESP_OK;
}

/* The nodes' sums of integers, added over ranks, and what follows from them. */
static int find_principal(selection *s) {
  const int dim = s->dim, words = esp_split_words(dim);
  double low[ESP_MAX_DIM];
  for (int t = 0; t < s->count; t++) {
    const double *extent = s->extent + (int64_t)t * 2 * dim;
    for (int a = 0; a < dim; a++) low[a] = -extent[dim + a];
    if (esp_split_grid_make(dim, low, extent, &s->grid[t])) s->axis[t] = -1;
  }
  memset(s->sums, 0, (size_t)s->count * (size_t)words * sizeof *s->sums);
  for (int64_t j = 0, end; j < s->n_active; j = end) {
    const int t = s->node[j] - s->first;
    for (end = j + 1; end < s->n_active && s->node[end] == s->node[j] && s->item[end] == s->item[end - 1] + 1;) end++;
    if (s->axis[t] < 0)
      esp_split_add(&s->grid[t], dim, (int)(end - j), s->z + (int64_t)s->item[j] * dim, s->sums + (int64_t)t * words);
  }
  ESP_CALL(s->comm->sum_i64(s->comm, s->sums, (size_t)s->count * (size_t)words));
  for (int t = 0; t < s->count; t++) {
    const int64_t heap = s->cover->top[s->first + t];
    const int level = esp_heap_level(heap);
    int64_t offset, count;
    if (s->axis[t] >= 0) continue;
    esp_shape_node(s->shape, level, heap - ((int64_t)1 << level), &offset, &count);
    esp_split_direction(dim, count, s->sums + (int64_t)t * words, s->direction + (int64_t)t * dim);
  }
  return ESP_OK;
}

/* What each node of the level is cut along. */
static int find_directions(selection *s) {
  ESP_CALL(find_axes(s));
  if (s->sums) return find_principal(s);
  for (int t = 0; t < s->count; t++) {
    const double *normal = esp_split_normal(s->rule, s->dim, s->cover->top[s->first + t]);
    if (!normal) continue;
    s->axis[t] = -1;
    memcpy(s->direction + (int64_t)t * s->dim, normal, (size_t)s->dim * sizeof *normal);
  }
  return ESP_OK;
}

/* On return prefix holds the rank-th smallest image of each node's candidates, equal those that have it. */
static int select_images(selection *s) {
  esp_selection by = {.first = s->first,
                      .groups = s->count,
                      .group = s->node,
                      .word = s->image,
                      .candidates = s->n_candidate,
                      .candidate = s->candidate,
                      .rank = s->rank,
                      .equal = s->equal,
                      .found = s->prefix,
                      .bins = s->bins};
  ESP_CALL(esp_select(s->comm, &by));
  s->n_candidate = by.candidates;
  return ESP_OK;
}

/* Cuts of all nodes of the level: by key, then by id where the median key is shared. */
static int find_cuts(selection *s) {
  int64_t offset, count;
  int tied = 0;
  s->n_candidate = 0;
  for (int t = 0; t < s->count; t++) {
    const int64_t heap = s->cover->top[s->first + t];
    const int level = esp_heap_level(heap);
    esp_shape_node(s->shape, level, heap - ((int64_t)1 << level), &offset, &count);
    s->rank[t] = count / 2;
  }
  for (int64_t j = 0; j < s->n_active; j++) {
    s->image[j] = esp_select_image(active_key(s, j));
    if (s->rank[s->node[j] - s->first]) s->candidate[s->n_candidate++] = (int)j;
  }
  ESP_CALL(select_images(s));
  for (int t = 0; t < s->count; t++) {
    s->key_cut[t] = s->prefix[t];
    s->id_cut[t] = UINT64_MAX;
    /* rank 0 now means: the cut is known without the ids */
    if (s->rank[t] == s->equal[t]) s->rank[t] = 0;
    if (s->rank[t]) tied = 1;
  }
  if (!tied) return ESP_OK;
  int64_t kept = 0;
  for (int64_t c = 0; c < s->n_candidate; c++) {
    const int j = s->candidate[c];
    if (!s->rank[s->node[j] - s->first]) continue;
    s->image[j] = id_image(s->id[s->item[j]]);
    s->candidate[kept++] = j;
  }
  s->n_candidate = kept;
  for (int t = 0; t < s->count; t++) s->prefix[t] = 0;
  const int rc = select_images(s);
  for (int t = 0; t < s->count; t++)
    if (s->rank[t]) s->id_cut[t] = s->prefix[t];
  return rc;
}

/* Every active particle goes to a child; those in a covering subtree are done. */
static void descend(selection *s, int *cover_of) {
  int64_t kept = 0, offset, count;
  for (int64_t j = 0; j < s->n_active; j++) {
    const int t = s->node[j] - s->first, i = s->item[j];
    const int64_t heap = s->cover->top[s->node[j]];
    const int level = esp_heap_level(heap);
    esp_shape_node(s->shape, level, heap - ((int64_t)1 << level), &offset, &count);
    const uint64_t key = esp_select_image(active_key(s, j));
    const int left = count > 1 && (key < s->key_cut[t] || (key == s->key_cut[t] && id_image(s->id[i]) <= s->id_cut[t]));
    const int child = s->cover->top_child[s->node[j]][!left];
    if (child < 0) {
      cover_of[i] = -1 - child;
      continue;
    }
    s->item[kept] = i;
    s->node[kept++] = child;
  }
  s->n_active = kept;
}

static int prepare(selection *s, int n_home) {
  int widest = 0;
  for (int t = 0, from = 0; t < s->cover->n_top; t++) {
    if (esp_heap_level(s->cover->top[t]) != esp_heap_level(s->cover->top[from])) from = t;
    widest = esp_imax(widest, t - from + 1);
  }
  const int64_t w = widest;
  const int pca = s->rule && s->rule->kind == ESP_SPLIT_PCA;
  ESP_CHECK(!pca || s->shape->n <= ESP_SPLIT_MOST_MEMBERS, ESP_ERR_LIMIT,
            "%lld particles; the split rule pca takes at most %lld", (long long)s->shape->n,
            (long long)ESP_SPLIT_MOST_MEMBERS);
  ESP_CALL(ESP_ALLOC(s->item, n_home));
  ESP_CALL(ESP_ALLOC(s->node, n_home));
  ESP_CALL(ESP_ALLOC(s->candidate, n_home));
  ESP_CALL(ESP_ALLOC(s->image, n_home));
  ESP_CALL(ESP_ALLOC(s->extent, w * 2 * s->dim));
  ESP_CALL(ESP_ALLOC(s->axis, w));
  ESP_CALL(ESP_ALLOC(s->direction, w * s->dim));
  if (pca) {
    ESP_CALL(ESP_ALLOC(s->grid, w));
    ESP_CALL(ESP_ALLOC(s->sums, w * esp_split_words(s->dim)));
  }
  ESP_CALL(ESP_ALLOC(s->bins, w * ESP_SELECT_BINS));
  ESP_CALL(ESP_ALLOC(s->rank, w));
  ESP_CALL(ESP_ALLOC(s->equal, w));
  ESP_CALL(ESP_ALLOC(s->key_cut, w));
  ESP_CALL(ESP_ALLOC(s->id_cut, w));
  ESP_CALL(ESP_ALLOC(s->prefix, w));
  s->n_active = n_home;
  for (int i = 0; i < n_home; i++) s->item[i] = i;
  return ESP_OK;
}

static void discard(selection *s) {
  ESP_FREE(s->item);
  ESP_FREE(s->node);
  ESP_FREE(s->candidate);
  ESP_FREE(s->image);
  ESP_FREE(s->extent);
  ESP_FREE(s->axis);
  ESP_FREE(s->direction);
  ESP_FREE(s->grid);
  ESP_FREE(s->sums);
  ESP_FREE(s->bins);
  ESP_FREE(s->rank);
  ESP_FREE(s->equal);
  ESP_FREE(s->key_cut);
  ESP_FREE(s->id_cut);
  ESP_FREE(s->prefix);
}

int esp_split(const esp_comm *comm, const esp_shape *shape, const esp_cover *cover, const esp_split_rule *rule, int dim,
              int n_home, const double *z, const int64_t *id, int *cover_of) {
  memset(cover_of, 0, (size_t)n_home * sizeof *cover_of);
  ESP_AGREE(comm, esp_split_check(rule, dim));
  if (!cover->n_top) return ESP_OK;
  selection s = {.comm = comm, .shape = shape, .cover = cover, .rule = rule, .dim = dim, .z = z, .id = id};
  int rc;
  ESP_TRY(comm->agree(comm, prepare(&s, n_home)));
  for (s.first = 0; s.first < cover->n_top; s.first += s.count) {
    const int level = esp_heap_level(cover->top[s.first]);
    s.count = 1;
    while (s.first + s.count < cover->n_top && esp_heap_level(cover->top[s.first + s.count]) == level) s.count++;
    ESP_TRY(find_directions(&s));
    ESP_TRY(find_cuts(&s));
    descend(&s, cover_of);
  }
done:
  discard(&s);
  return rc;
}
