#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fmm/work.h"

static int64_t id_of(const esp_fmm_work *w, const esp_fmm_body *b) {
  return w->far_ids ? w->bodies->id[b->body] : b->number;
}

/* All four words of a body as one vector; the last is of no account. */
typedef double four __attribute__((vector_size(32)));
typedef int64_t four_bits __attribute__((vector_size(32)));

/* Widened to the words at `from`. By address: where there is no AVX such vectors are not passed. */
static inline void widen(const void *from, four *lo, four *hi) {
  four x;
  memcpy(&x, from, sizeof x);
  const four_bits less = x<*lo, more = x> * hi;
  *lo = (four)((less & (four_bits)x) | (~less & (four_bits)*lo));
  *hi = (four)((more & (four_bits)x) | (~more & (four_bits)*hi));
}

/* A box as it grows, in two chains, as each waits for itself. */
typedef struct {
  four lo[2], hi[2];
} bounds;

static void bounds_start(const esp_fmm_body *b, bounds *box) {
  four x;
  memcpy(&x, b, sizeof x);
  *box = (bounds){{x, x}, {x, x}};
}

static void bounds_widen(const esp_fmm_body *b, size_t count, bounds *box) {
  bounds w = *box;
  size_t i = 0;
  for (; i + 1 < count; i += 2) {
    widen(b + i, w.lo, w.hi);
    widen(b + i + 1, w.lo + 1, w.hi + 1);
  }
  if (i < count) widen(b + i, w.lo, w.hi);
  *box = w;
}

static void bounds_close(const bounds *b, esp_fmm_box *box) {
  four lo = b->lo[0], hi = b->hi[0];
  widen(b->lo + 1, &lo, &hi);
  widen(b->hi + 1, &lo, &hi);
  memcpy(box->lo, &lo, sizeof box->lo);
  memcpy(box->hi, &hi, sizeof box->hi);
  esp_fmm_box_close(box);
}

/* Keys below each of some planes. */
enum { PLANES = 4 };
static void count_below(const double *key, int count, const double *plane, int *below) {
  int64_t n0 = 0, n1 = 0, n2 = 0, n3 = 0;
  for (int i = 0; i < count; i++) {
    n0 += key[i] < plane[0];
    n1 += key[i] < plane[1];
    n2 += key[i] < plane[2];
    n3 += key[i] < plane[3];
  }
  below[0] = (int)n0, below[1] = (int)n1, below[2] = (int)n2, below[3] = (int)n3;
}

/* Keys in [a, b): ranks [below, upto) of those of a node. */
typedef struct {
  double a, b;
  int below, upto;
} range;

/* Narrowed to the key of rank k by planes at these shares of it. */
static void narrow(const double *key, int count, int k, const double *share, range *r) {
  double plane[PLANES];
  int below[PLANES];
  for (int p = 0; p < PLANES; p++) plane[p] = r->a + (r->b - r->a) * share[p];
  count_below(key, count, plane, below);
  for (int p = 0; p < PLANES; p++) {
    const int inside = plane[p] > r->a && plane[p] < r->b;
    if (inside && below[p] <= k) r->a = plane[p], r->below = below[p];
    if (inside && below[p] > k) r->b = plane[p], r->upto = below[p];
  }
}

/* The same, as if keys were spread evenly: close to the key, and `beyond` keys before and behind it. */
static void interpolate(const double *key, int count, int k, double beyond, range *r) {
  const double size = r->upto - r->below, rank = k - r->below, close = 0.25 * beyond;
  const double share[PLANES] = {(rank - beyond) / size, (rank - close) / size, (rank + close) / size,
                                (rank + beyond) / size};
  narrow(key, count, k, share, r);
}

enum { FEW = 48, STRETCH = 16, TURNS = 6 };

/* Keys that are not behind the one of rank k: the last of them, and how many are less. Without branches, which would be guessed
 * wrongly every other time. */
static inline void take_last(four key, four_bits less, int64_t k, four *plane, four_bits *below) {
  const four_bits ahead = less <= k, more = ahead & (less > *below);
  *below = (less & more) | (*below & ~more);
  *plane = (four)(((four_bits)key & more) | ((four_bits)*plane & ~more));
}

/* The key of rank k among `count` keys, and how many are less. some: room behind them. */
static double ranked(double *some, int count, int k, int *below) {
  enum { ROW = 8 }; /* two vectors */
  four plane[2] = {{0}};
  four_bits most[2] = {{-1, -1, -1, -1}, {-1, -1, -1, -1}};
  for (int i = count; i < (count + ROW - 1) / ROW * ROW; i++) some[i] = INFINITY;
  for (int first = 0; first < count; first += ROW) {
    four key[2];
    four_bits less[2] = {{0}};
    memcpy(key, some + first, sizeof key);
    for (int j = 0; j < count; j++) {
      const four one = {some[j], some[j], some[j], some[j]};
      less[0] -= one < key[0];
      less[1] -= one < key[1];
    }
    take_last(key[0], less[0], k, plane, most);
    take_last(key[1], less[1], k, plane + 1, most + 1);
  }
  take_last(plane[1], most[1], k, plane, most);
  double best = plane[0][0];
  int64_t last = most[0][0];
  for (int l = 1; l < 4; l++) {
    const int64_t more = most[0][l] > last;
    last = more ? most[0][l] : last;
    best = more ? plane[0][l] : best;
  }
  *below = (int)last;
  return best;
}

/* A plane in front of which k keys lie or, where that is none, the key of rank k; below: how many lie in front of it. r:
 * a range that holds it. */
static double select_plane(const double *key, int count, int k, range r, int *below) {
  static const double quarter[PLANES] = {0.25, 0.5, 0.75, 1};
  double some[FEW + STRETCH];
  int n = 0;
  for (int turn = 0, slow = 0; r.below < k && (r.upto - r.below > FEW || (turn < TURNS && count > FEW)); turn++) {
    const int size = r.upto - r.below;
    const double middle = r.a + (r.b - r.a) * 0.5;
    if (!(middle > r.a && middle < r.b)) break; /* neighbours: all keys between them are a */
    if (slow)
      narrow(key, count, k, quarter, &r);
    else
      interpolate(key, count, k, turn ? 0.8 * sqrt(size) : 0.04 * size + 2, &r);
    slow = !slow && r.upto - r.below > size / 2;
  }
  *below = r.below;
  if (r.below == k || r.upto - r.below > FEW) return r.a;
  for (int first = 0; first < count; first += STRETCH) {
    const int end = first + STRETCH < count ? first + STRETCH : count;
    int64_t any = 0;
    for (int i = first; i < end; i++) any += key[i] >= r.a && key[i] < r.b;
    for (int i = first; i < end && any; i++) {
      some[n] = key[i];
      n += key[i] >= r.a && key[i] < r.b;
    }
  }
  const double plane = ranked(some, n, k - r.below, below);
  *below += r.below;
  return plane;
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

/* Where a node of over ESP_FMM_LEAF bodies is cut: fmm.h. r: its keys; on return a range that holds the plane. */
static int left_count(const double *key, int count, int level, range *r) {
  const range all = {r->a, nextafter(r->b, INFINITY), 0, count};
  double plane[PLANES];
  int below[PLANES] = {0, count};
  esp_fmm_planes(r->a, r->b, plane);
  *r = all;
  if (level < 40 && count > 2 * ESP_FMM_LEAF) { /* fewer are cut behind the first leaf, wherever the planes are */
    if (count > FEW) interpolate(key, count, count / 2, 0.04 * count + 2, r);
    if (!(plane[0] <= r->a && r->below < count / 2 && plane[1] >= r->b)) count_below(key, count, plane, below);
  }
  const int k = (int)esp_fmm_left_count(count, level, below[0], below[1]);
  if (k < r->below || k >= r->upto) *r = all;
  return k;
}

/* The `left` least in (key, id) to the front of `to`, the others behind, each in the order they had. */
static void divide(const esp_fmm_work *w, const esp_fmm_body *from, int count, int left, range r, esp_fmm_body *to,
                   bounds *box) {
  enum { BLOCK = 512 };
  int below, same;
  const double *key = w->key, plane = select_plane(key, count, left, r, &below);
  if (below == left) {
    size_t l = 0;
    for (size_t begin = 0; begin < (size_t)count; begin += BLOCK) { /* boxes while the bodies are at hand */
      const size_t end = begin + BLOCK < (size_t)count ? begin + BLOCK : (size_t)count, was = l;
      for (size_t i = begin; i < end; i++) { /* no branch: it would be guessed wrongly every other time */
        four x;
        memcpy(&x, from + i, sizeof x);
        const size_t goes = key[i] < plane, behind = (size_t)left + i - l;
        memcpy(to + (behind ^ ((behind ^ l) & -goes)), &x, sizeof x);
        l += goes;
      }
      if (!was && l) bounds_start(to, box);
      if (begin == was && end != l) bounds_start(to + left, box + 1);
      bounds_widen(to + was, l - was, box);
      bounds_widen(to + left + (begin - was), (end - l) - (begin - was), box + 1);
    }
    return;
  }
  esp_fmm_body *l = to, *right = to + left;
  const int64_t first = first_right(w, from, key, count, plane, left - below, (int64_t *)(void *)to, &same);
  for (int i = 0; i < count; i++) {
    const int64_t id = id_of(w, from + i);
    const int goes = key[i] < plane || (key[i] == plane && (id < first || (id == first && same-- > 0)));
    *(goes ? l++ : right++) = from[i];
  }
  bounds_start(to, box);
  bounds_start(to + left, box + 1);
  bounds_widen(to, (size_t)left, box);
  bounds_widen(to + left, (size_t)(count - left), box + 1);
}

/* A leaf's bodies to their slots, by id: each goes behind those that are less. */
static void leaf_close(esp_fmm_work *w, const esp_fmm_body *b, int first, int count) {
  int64_t id[ESP_FMM_LEAF], rank[ESP_FMM_LEAF] = {0};
  esp_fmm_body member[ESP_FMM_LEAF];
  for (int i = 0; i < ESP_FMM_LEAF; i++) id[i] = i < count ? id_of(w, b + i) : INT64_MAX;
  for (int j = 0; j < count; j++) {
    for (int i = 0; i < j; i++) rank[i] += id[j] < id[i];
    for (int i = j + 1; i < ESP_FMM_LEAF; i++) rank[i] += id[j] <= id[i];
  }
  memcpy(member, b, (size_t)count * sizeof *b);
  for (int i = 0; i < count; i++) {
    const int slot = first + (int)rank[i];
    w->body[slot] = member[i];
    for (int a = 0; a < 3; a++) w->x[a][slot] = member[i].x[a];
  }
}

/* A node's bodies lie in from [count], its children's are to lie in to [count]; `first`: their place among those held. */
static void grow(esp_fmm_work *w, int row, int first, int count, int level, const bounds *bound, esp_fmm_body *from,
                 esp_fmm_body *to) {
  esp_fmm_box box;
  bounds child[2];
  bounds_close(bound, &box);
  esp_fmm_node *node = w->own.node + row;
  memcpy(node->centre, box.centre, sizeof box.centre);
  memcpy(node->half, box.half, sizeof box.half);
  node->radius = box.radius;
  esp_fmm_cell *cell = w->own.cell + row;
  cell->first = w->ahead + first;
  cell->count = count;
  cell->right = -first;
  if (count <= ESP_FMM_LEAF) {
    leaf_close(w, from, first, count);
    return;
  }
  const int axis = esp_fmm_widest_side(&box);
  for (int i = 0; i < count; i++) w->key[i] = from[i].x[axis];
  range r = {box.lo[axis], box.hi[axis], 0, count};
  const int left = left_count(w->key, count, level, &r);
  divide(w, from, count, left, r, to, child);
  cell->right = row + left / 8;
  grow(w, row + 1, first, left, level + 1, child, to, from);
  grow(w, cell->right, first + left, count - left, level + 1, child + 1, to + left, from + left);
}

/* Bodies in units of the root. Ids of bodies that are neighbours are far apart in memory, so they are told with the bodies if
 * they span no more than a word. */
static void take_bodies(esp_fmm_work *w) {
  const int64_t *id = w->bodies->id;
  int64_t least = id && w->n ? id[0] : 0, most = least;
  double unit[2];
  esp_fmm_scale_factor(w->scale.length, unit);
  for (int i = 0; i < w->n && id; i++) {
    least = id[i] < least ? id[i] : least;
    most = id[i] > most ? id[i] : most;
  }
  w->far_ids = (uint64_t)most - (uint64_t)least > UINT32_MAX;
  for (int i = 0; i < w->n; i++) {
    for (int a = 0; a < 3; a++) w->body[i].x[a] = w->bodies->position[i][a] * unit[0] * unit[1];
    w->body[i].body = i;
    w->body[i].number = (uint32_t)((uint64_t)(id ? id[i] : i) - (uint64_t)least);
  }
}

int esp_fmm_grow(esp_fmm_work *w) {
  take_bodies(w);
  for (int k = 0; k < w->share.pieces; k++) {
    const esp_fmm_piece *p = w->share.piece + k;
    const esp_fmm_top_node *node = w->top.node + w->top.piece[p->number];
    w->ahead = node->first - p->place;
    bounds bound;
    bounds_start(w->body + p->place, &bound);
    bounds_widen(w->body + p->place, (size_t)node->count, &bound);
    grow(w, p->row, p->place, (int)node->count, node->level, &bound, w->body + p->place, w->other + p->place);
  }
  const size_t extras = (size_t)w->share.extra.count;
  for (int i = 0; i < w->n && extras; i++)
    memcpy(w->extra + (size_t)i * extras, w->share.extra.of + (size_t)w->body[i].body * extras,
           extras * sizeof *w->extra);
  for (int k = 0; k < w->own.rows; k++) {
    const int body = w->body[esp_fmm_place(&w->own, k)].body;
    ESP_CALL(esp_fmm_scale_admit(&w->scale, w->own.node[k].radius, w->bodies->position[body]));
  }
  return ESP_OK;
}
