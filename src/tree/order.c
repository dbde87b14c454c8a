/* Selection of medians, node by node, depth first. Records are moved, not indices: the keys of a node lie together, so
 * all but the first few levels run in the cache. */
#include <string.h>

#include "tree/direction.h"
#include "tree/slots.h"

/* (high, low) = (z_axis or direction . z, id), each mapped to an unsigned integer of the same order. */
typedef struct {
  uint64_t high, low;
  int index, place; /* in the input; in the node's coordinates */
} record;

typedef struct {
  int first, count, level;
  int64_t heap;
} span;

enum { SMALL = 16, SAMPLE = 31 };

static inline int record_less(const record *a, const record *b) {
  unsigned __int128 x = (unsigned __int128)a->high << 64 | a->low, y = (unsigned __int128)b->high << 64 | b->low;
  return x < y;
}

static void insertion_sort(record *r, int m) {
  for (int i = 1; i < m; i++) {
    record x = r[i];
    int j = i;
    for (; j > 0 && record_less(&x, &r[j - 1]); j--) r[j] = r[j - 1];
    r[j] = x;
  }
}

/* Moves what is less than the pivot to the front; returns how many. No branch depends on the keys. */
static int part_less(record *r, int m, const record *pivot) {
  record p = *pivot;
  int store = 0;
  for (int i = 0; i < m; i++) {
    record x = r[i];
    r[i] = r[store];
    r[store] = x;
    store += record_less(&x, &p);
  }
  return store;
}

/* As part_less for what is not greater. */
static int part_not_greater(record *r, int m, const record *pivot) {
  record p = *pivot;
  int store = 0;
  for (int i = 0; i < m; i++) {
    record x = r[i];
    r[i] = r[store];
    r[store] = x;
    store += !record_less(&p, &x);
  }
  return store;
}

/* A pivot a little beyond k seen from the nearer end (as in Floyd and Rivest, "Expected time bounds for selection",
 * Comm. ACM 18 (1975)), so that mostly the short side is kept. Sample places are pseudo-random: no order of the input
 * is bad. */
static record pick_pivot(const record *r, int m, int k, uint64_t *state) {
  record sample[SAMPLE];
  int s = m > 256 ? SAMPLE : m > 64 ? 7 : 3;
  for (int i = 0; i < s; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    sample[i] = r[(*state >> 32) * (uint64_t)m >> 32];
  }
  insertion_sort(sample, s);
  int rank = (int)((int64_t)k * s / m), shift = s > 3 ? s / 10 : 0;
  rank += 2 * (int64_t)k < m ? shift : -shift;
  return sample[esp_imin(esp_imax(rank, 0), s - 1)];
}

/* Afterwards no record of [0, k) is greater than one of [k, m). Expected O(m), also when all records are equal. */
static void select_smallest(record *r, int m, int k) {
  uint64_t state = (uint64_t)m;
  while (m > SMALL && k > 0 && k < m) {
    record pivot = pick_pivot(r, m, k, &state);
    int below = part_less(r, m, &pivot);
    if (below == k) return;
    if (below > k) {
      m = below;
      continue;
    }
    if (below == 0) {
      int same = part_not_greater(r, m, &pivot);
      if (same >= k) return;
      below = same;
    }
    r += below;
    m -= below;
    k -= below;
  }
  if (k > 0 && k < m) insertion_sort(r, m);
}

static void sort_records(record *r, int m) {
  while (m > SMALL) {
    select_smallest(r, m, m / 2);
    sort_records(r, m / 2);
    r += m / 2;
    m -= m / 2;
  }
  insertion_sort(r, m);
}

/* Extremes of the rows of z by axis. */
static inline __attribute__((always_inline)) void find_extremes(const double *z, int m, int dim, double *low,
                                                                double *high) {
  for (int a = 0; a < dim; a++) low[a] = high[a] = z[a];
  for (int i = 1; i < m; i++) {
#pragma omp simd
    for (int a = 0; a < dim; a++) {
      double x = z[(size_t)i * (size_t)dim + (size_t)a];
      low[a] = x < low[a] ? x : low[a];
      high[a] = x > high[a] ? x : high[a];
    }
  }
}

/* The axis of widest spread over the rows of z; ties to the lowest. */
static inline __attribute__((always_inline)) int widest_axis(const double *z, int m, int dim) {
  double low[ESP_MAX_DIM], high[ESP_MAX_DIM];
  find_extremes(z, m, dim, low, high);
  int axis = 0;
  for (int a = 1; a < dim; a++) {
    if (high[a] - low[a] > high[axis] - low[axis]) axis = a;
  }
  return axis;
}

/* The principal direction of the rows of z; 0 where there is none. */
static int find_principal(const double *z, int m, int dim, double *direction) {
  double low[ESP_MAX_DIM], high[ESP_MAX_DIM];
  esp_split_grid grid;
  int64_t sums[ESP_SPLIT_MOST_WORDS];
  find_extremes(z, m, dim, low, high);
  if (!esp_split_grid_make(dim, low, high, &grid)) return 0;
  memset(sums, 0, (size_t)esp_split_words(dim) * sizeof *sums);
  esp_split_add(&grid, dim, m, z, sums);
  esp_split_direction(dim, m, sums, direction);
  return 1;
}

/* One node, along `direction` or, where that is NULL, the widest axis: select, then bring the coordinates into the new
 * order. */
static inline __attribute__((always_inline)) void split_node(record *r, const double *direction, const double *from,
                                                             double *to, int m, int dim) {
  size_t width = (size_t)dim;
  if (direction) {
    for (int i = 0; i < m; i++) {
      r[i].high = esp_slots_image(esp_slots_score(dim, direction, from + (size_t)i * width));
      r[i].place = i;
    }
  } else {
    int axis = widest_axis(from, m, dim);
    for (int i = 0; i < m; i++) {
      r[i].high = esp_slots_image(from[(size_t)i * width + (size_t)axis]);
      r[i].place = i;
    }
  }
  select_smallest(r, m, m / 2);
  for (int i = 0; i < m; i++) {
    const double *x = from + (size_t)r[i].place * width;
    for (int a = 0; a < dim; a++) to[(size_t)i * width + (size_t)a] = x[a];
  }
}

static void split_any(record *r, const double *direction, const double *from, double *to, int m, int dim) {
  switch (dim) {
    case 1:
      split_node(r, direction, from, to, m, 1);
      break;
    case 2:
      split_node(r, direction, from, to, m, 2);
      break;
    case 3:
      split_node(r, direction, from, to, m, 3);
      break;
    case 4:
      split_node(r, direction, from, to, m, 4);
      break;
    case 8:
      split_node(r, direction, from, to, m, 8);
      break;
    default:
      split_node(r, direction, from, to, m, dim);
      break;
  }
}

static int finish_leaf(record *r, int m, const int64_t *id, int *order) {
  for (int i = 0; i < m; i++) r[i].high = 0;
  sort_records(r, m);
  for (int i = 0; i < m; i++) order[i] = r[i].index;
  for (int i = 1; i < m; i++) {
    ESP_CHECK(r[i].low != r[i - 1].low, ESP_ERR_VALUE, "particle id %lld appears twice; ids must be unique",
              (long long)id[r[i].index]);
  }
  return ESP_OK;
}

/* buffer[0] and buffer[1] take turns by level: a node's rows are read from one and written to the other. */
static int order_subtree(int levels, const esp_split_rule *rule, int64_t heap, int count, int dim, const int64_t *id,
                         record *r, double *const buffer[2], int *order) {
  double principal[ESP_MAX_DIM];
  span stack[72];
  int top = 0;
  stack[top++] = (span){0, count, 0, heap};
  while (top > 0) {
    span node = stack[--top];
    if (node.count == 0) continue;
    if (node.level == levels) {
      ESP_CALL(finish_leaf(r + node.first, node.count, id, order + node.first));
      continue;
    }
    size_t at = (size_t)node.first * (size_t)dim;
    const double *from = buffer[node.level & 1] + at;
    const double *direction = esp_split_normal(rule, dim, node.heap);
    if (rule && rule->kind == ESP_SPLIT_PCA && find_principal(from, node.count, dim, principal)) direction = principal;
    split_any(r + node.first, direction, from, buffer[(node.level + 1) & 1] + at, node.count, dim);
    int left = node.count / 2;
    stack[top++] = (span){node.first + left, node.count - left, node.level + 1, 2 * node.heap + 1};
    stack[top++] = (span){node.first, left, node.level + 1, 2 * node.heap};
  }
  return ESP_OK;
}

int esp_tree_order(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int count, int dim,
                   const double *z, const int64_t *id, int *order) {
  int64_t offset, expected;
  esp_shape_node(shape, level, k, &offset, &expected);
  ESP_CHECK(count == expected, ESP_ERR_ARG, "node %lld of level %d was given %d particles; its shape says %lld",
            (long long)k, level, count, (long long)expected);
  ESP_CHECK(dim >= 1 && dim <= ESP_MAX_DIM, ESP_ERR_ARG, "key dimension is %d; 1 to %d are allowed", dim, ESP_MAX_DIM);
  ESP_CALL(esp_split_check(rule, dim));
  int rc = ESP_OK;
  record *r = NULL;
  double *buffer[2] = {NULL, NULL};
  size_t words = (size_t)count * (size_t)dim;
  ESP_TRY(ESP_ALLOC(r, count));
  ESP_TRY(ESP_ALLOC(buffer[0], words));
  ESP_TRY(ESP_ALLOC(buffer[1], words));
  if (words) memcpy(buffer[0], z, words * sizeof *z);
  for (int i = 0; i < count; i++) r[i] = (record){.low = esp_slots_image_id(id[i]), .index = i};
  ESP_TRY(order_subtree(shape->depth - level, rule, ((int64_t)1 << level) + k, count, dim, id, r, buffer, order));
done:
  ESP_FREE(r);
  ESP_FREE(buffer[0]);
  ESP_FREE(buffer[1]);
  return rc;
}
