#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fmm/work.h"

static int64_t id_of(const esp_fmm_work *w, const esp_fmm_body *b) {
  return w->bodies->id ? w->bodies->id[b->body] : b->body;
}

/* All four words of a body as one vector; the last is of no account. */
typedef double four __attribute__((vector_size(32)));
typedef int64_t four_bits __attribute__((vector_size(32)));

static void box_of(const esp_fmm_body *b, int count, esp_fmm_box *box) {
  four lo, hi;
  memcpy(&lo, b, sizeof lo);
  memcpy(&hi, b, sizeof hi);
  for (int i = 1; i < count; i++) {
    four x;
    memcpy(&x, b + i, sizeof x);
    const four_bits less = x<lo, more = x> hi;
    lo = (four)((less & (four_bits)x) | (~less & (four_bits)lo));
    hi = (four)((more & (four_bits)x) | (~more & (four_bits)hi));
  }
  memcpy(box->lo, &lo, sizeof box->lo);
  memcpy(box->hi, &hi, sizeof box->hi);
  esp_fmm_box_close(box);
}

static int count_below(const double *key, int count, double plane) {
  int64_t below = 0;
  for (int i = 0; i < count; i++) below += key[i] < plane;
  return (int)below;
}

static void sort_keys(double *v, int count) {
  for (int i = 1; i < count; i++) {
    const double x = v[i];
    int j = i;
    for (; j && v[j - 1] > x; j--) v[j] = v[j - 1];
    v[j] = x;
  }
}

/* The key of rank k among those in [a, b), of which there are at most FEW; `below` lie in front of a. */
enum { FEW = 48, STRETCH = 32 };
static double pick(const double *key, int count, int k, double a, double b, int below) {
  double some[FEW + 1];
  int n = 0;
  for (int first = 0; first < count; first += STRETCH) {
    const int end = first + STRETCH < count ? first + STRETCH : count;
    int64_t any = 0;
    for (int i = first; i < end; i++) any += key[i] >= a && key[i] < b;
    for (int i = first; i < end && any; i++) {
      some[n] = key[i];
      n += key[i] >= a && key[i] < b;
    }
  }
  sort_keys(some, n);
  return some[k - below];
}

/* The key of rank k, in [lo, hi]: planes by interpolation a little beyond it, on either side in turn, every fourth by
 * bisection, until few keys are left between two. */
static double select_key(const double *key, int count, int k, double lo, double hi) {
  double a = lo, b = nextafter(hi, INFINITY);
  int below = 0, upto = count;
  for (int turn = 0; upto - below > FEW; turn++) {
    const double beyond = (upto - below) * 0.04 + FEW / 6, rank = k - below + (turn % 2 ? -beyond : beyond);
    double plane = turn % 4 == 3 ? b : a + (b - a) * (rank / (upto - below));
    if (!(plane > a && plane < b)) plane = a + 0.5 * (b - a);
    if (!(plane > a && plane < b)) return a; /* neighbours: all keys between them are a */
    const int at = count_below(key, count, plane);
    if (at <= k) {
      a = plane;
      below = at;
    } else {
      b = plane;
      upto = at;
    }
  }
  return pick(key, count, k, a, b, below);
}

static int by_id(const void *a, const void *b) {
  const int64_t p = *(const int64_t *)a, q = *(const int64_t *)b;
  return (p > q) - (p < q);
}

/* Of the bodies whose key is `plane`, `want` go left: those of the least ids. The first id of which not all do; *same: how many
 * of those that have it do, 0 where ids are unique. `spare`: as many words as there are bodies. */
static int64_t first_right(const esp_fmm_work *w, const esp_fmm_body *b, const double *key, int count, double plane,
                           int want, int64_t *spare, int *same) {
  int ties = 0;
  for (int i = 0; i < count; i++)
    if (key[i] == plane) spare[ties++] = id_of(w, b + i);
  qsort(spare, (size_t)ties, sizeof *spare, by_id);
  for (*same = 0; *same < want && spare[want - 1 - *same] == spare[want];) ++*same;
  return spare[want];
}

/* Where a node of over ESP_FMM_LEAF bodies is cut: fmm.h. */
static int left_count(const double *key, int count, int level, double lo, double hi) {
  const double low = lo + 0.35 * (hi - lo), high = hi - 0.35 * (hi - lo);
  int k = count / 2;
  if (level < 40) {
    const int below = count_below(key, count, low);
    if (below >= k) {
      k = below;
    } else {
      const int most = count_below(key, count, high);
      if (most <= k) k = most;
    }
  }
  k = (k + ESP_FMM_LEAF / 2) / ESP_FMM_LEAF * ESP_FMM_LEAF;
  if (k < ESP_FMM_LEAF) k = ESP_FMM_LEAF;
  return k < count ? k : (count - 1) / ESP_FMM_LEAF * ESP_FMM_LEAF;
}

/* The `left` least in (key, id) to the front of `to`, the others behind, each in the order they had. */
static void divide(const esp_fmm_work *w, const esp_fmm_body *from, int count, int left, double lo, double hi,
                   esp_fmm_body *to) {
  const double *key = w->key, plane = select_key(key, count, left, lo, hi);
  const int below = count_below(key, count, plane);
  int l = 0;
  if (below == left) {
    for (int i = 0; i < count; i++) {
      const int goes = key[i] < plane, right = left + i - l;
      to[right ^ ((right ^ l) & -goes)] = from[i]; /* no branch: it would be guessed wrongly every other time */
      l += goes;
    }
    return;
  }
  int same;
  const int64_t first = first_right(w, from, key, count, plane, left - below, (int64_t *)(void *)to, &same);
  for (int i = 0; i < count; i++) {
    const int64_t id = id_of(w, from + i);
    const int goes = key[i] < plane || (key[i] == plane && (id < first || (id == first && same-- > 0)));
    to[goes ? l : left + i - l] = from[i];
    l += goes;
  }
}

static void leaf_close(esp_fmm_work *w, esp_fmm_body *b, int first, int count) {
  for (int i = 1; i < count; i++) {
    const esp_fmm_body one = b[i];
    const int64_t id = id_of(w, &one);
    int j = i;
    for (; j && id_of(w, b + j - 1) > id; j--) b[j] = b[j - 1];
    b[j] = one;
  }
  if (b != w->body + first) memcpy(w->body + first, b, (size_t)count * sizeof *b);
  for (int i = 0; i < count; i++)
    for (int a = 0; a < 3; a++) w->x[a][first + i] = w->body[first + i].x[a];
}

/* A node's bodies lie in from [count], its children's are to lie in to [count]. */
static void grow(esp_fmm_work *w, int row, int first, int count, int level, esp_fmm_body *from, esp_fmm_body *to) {
  esp_fmm_box box;
  box_of(from, count, &box);
  esp_fmm_node *node = w->node + row;
  memcpy(node->centre, box.centre, sizeof box.centre);
  memcpy(node->half, box.half, sizeof box.half);
  node->radius = box.radius;
  esp_fmm_cell *cell = w->cell + row;
  cell->first = first;
  cell->count = count;
  cell->right = -first;
  if (count <= ESP_FMM_LEAF) {
    leaf_close(w, from, first, count);
    return;
  }
  int axis = 0;
  for (int a = 1; a < 3; a++)
    if (box.hi[a] - box.lo[a] > box.hi[axis] - box.lo[axis]) axis = a;
  for (int i = 0; i < count; i++) w->key[i] = from[i].x[axis];
  const int left = left_count(w->key, count, level, box.lo[axis], box.hi[axis]);
  divide(w, from, count, left, box.lo[axis], box.hi[axis], to);
  cell->right = row + left / 8;
  grow(w, row + 1, first, left, level + 1, to, from);
  grow(w, cell->right, first + left, count - left, level + 1, to + left, from + left);
}

int esp_fmm_grow(esp_fmm_work *w) {
  double unit[2];
  esp_fmm_scale_factor(w->scale.length, unit);
  for (int i = 0; i < w->n; i++) {
    for (int a = 0; a < 3; a++) w->body[i].x[a] = w->bodies->position[i][a] * unit[0] * unit[1];
    w->body[i].body = i;
  }
  grow(w, 0, 0, w->n, 0, w->body, w->other);
  for (int k = 0; k < w->nodes; k++)
    ESP_CALL(esp_fmm_scale_admit(&w->scale, w->node[k].radius, w->body[w->cell[k].first].body));
  return ESP_OK;
}
