/* Who is learned from, who chooses, who judges. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tasks/nodes/data.h"

/* The class of node i, -1: none. */
static int class_of(const esp_set *set, int i) {
  const int K = set->width[ESP_NODES_CLASS];
  const double *row = set->value[ESP_NODES_CLASS] + (size_t)i * (size_t)K;
  for (int c = 0; c < K; c++)
    if (row[c] == 1) return c;
  return -1;
}

/* Nodes of each class over all ranks, that `split` (-1: any) are of. Collective. */
static int count_classes(const esp_comm *comm, const esp_set *set, int split, int64_t *count) {
  for (int i = 0; i < set->n_home; i++) {
    const int c = class_of(set, i);
    if (c >= 0 && (split < 0 || set->value[ESP_NODES_SPLIT][i] == split)) count[c]++;
  }
  return comm->sum_i64(comm, count, (size_t)set->width[ESP_NODES_CLASS]);
}

/* ---- quotas ---- */

/* Of `wanted` nodes each class its share, by largest remainders, ties to the lower class; with `least`, at least so many where the
 * class has any. quota [K] is at most count [K]. */
static void share_out(int K, const int64_t *count, int64_t all, int64_t wanted, int64_t least, int64_t *quota) {
  int64_t given = 0;
  for (int c = 0; c < K; c++) {
    quota[c] = (int64_t)((__int128)wanted * count[c] / all);
    if (quota[c] < least && count[c]) quota[c] = least;
    given += quota[c];
  }
  while (given < wanted) { /* at most K times: to the class that is the furthest below its share */
    int best = -1;
    __int128 most = 0;
    for (int c = 0; c < K; c++) {
      const __int128 left = (__int128)wanted * count[c] - (__int128)quota[c] * all;
      if (quota[c] < count[c] && (best < 0 || left > most)) best = c, most = left;
    }
    if (best < 0) return;
    quota[best]++, given++;
  }
}

/* ---- the first of each class ---- */

typedef struct {
  uint64_t key;
  int64_t number; /* in the set */
  int64_t class;
} candidate;

static int by_class(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  if (a->class != b->class) return a->class < b->class ? -1 : 1;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

/* Sorted; of each class the first most [K] are kept. */
static size_t keep_first(candidate *all, size_t count, const int64_t *most) {
  size_t kept = 0;
  int64_t class = -1, seen = 0;
  if (count) qsort(all, count, sizeof *all, by_class);
  for (size_t k = 0; k < count; k++) {
    if (all[k].class != class) class = all[k].class, seen = 0;
    if (seen++ < most[class]) all[kept++] = all[k];
  }
  return kept;
}

/* first [K] of each class are of split 1, the next second [K] of split 2, the others of 3. Collective. */
static int assign(const esp_comm *comm, esp_set *set, uint64_t seed, const int64_t *first, const int64_t *both) {
  candidate *mine = NULL;
  void *all = NULL;
  size_t *start = NULL, count = 0;
  int rc = ESP_ALLOC(mine, set->n_home);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < set->n_home; i++) {
    const int c = class_of(set, i);
    set->value[ESP_NODES_SPLIT][i] = c < 0 ? 0 : 3;
    if (c < 0) continue;
    mine[count++] = (candidate){esp_rng_bits(seed, (uint64_t)set->id[i], ESP_RNG_SAMPLE, 0), set->first + i, c};
  }
  count = keep_first(mine, count, both);
  ESP_TRY(comm->gather_all(comm, mine, count * sizeof *mine, &all, start));
  candidate *chosen = all;
  count = keep_first(chosen, start[comm->size] / sizeof *chosen, both);
  for (size_t k = 0, in_class = 0; k < count; k++) {
    in_class = k && chosen[k].class == chosen[k - 1].class ? in_class + 1 : 0;
    const int64_t i = chosen[k].number - set->first;
    if (i >= 0 && i < set->n_home) set->value[ESP_NODES_SPLIT][i] = (int64_t)in_class < first[chosen[k].class] ? 1 : 2;
  }
done:
  ESP_FREE(mine);
  ESP_FREE(start);
  ESP_FREE(all);
  return rc;
}

int esp_nodes_split(const esp_comm *comm, esp_set *set, int train, int validation, uint64_t seed) {
  const int K = set->width[ESP_NODES_CLASS];
  int64_t *count = NULL, *quota, *both, all = 0, left = 0;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(count, 3 * K)));
  quota = count + K, both = quota + K;
  ESP_TRY(count_classes(comm, set, -1, count));
  for (int c = 0; c < K; c++) all += count[c];
  ESP_NEED((int64_t)train + validation < all, ESP_ERR_CONFIG,
           "data_nodes_train %d and data_nodes_validation %d of %" PRId64
           " nodes with a class: one must be left for the test",
           train, validation, all);
  share_out(K, count, all, train, 1, quota);
  for (int c = 0; c < K; c++) count[c] -= quota[c], left += count[c];
  ESP_NEED(validation < left, ESP_ERR_CONFIG,
           "data_nodes_train %d and data_nodes_validation %d of %" PRId64
           " nodes with a class: each of the classes has one "
           "to learn from, which leaves %" PRId64 "; one must be left for the test",
           train, validation, all, left);
  share_out(K, count, left, validation, 0, both);
  for (int c = 0; c < K; c++) both[c] += quota[c];
  ESP_TRY(assign(comm, set, seed, quota, both));
done:
  ESP_FREE(count);
  return rc;
}

/* ---- weights ---- */

int esp_nodes_weigh(const esp_comm *comm, esp_set *set, esp_part part) {
  const int K = set->width[ESP_NODES_CLASS];
  int64_t *count = NULL, *any;
  int rc = ESP_OK;
  for (int i = 0; i < set->n_home; i++) {
    double *split = &set->value[ESP_NODES_SPLIT][i];
    if (class_of(set, i) < 0) *split = 0;
    set->value[ESP_NODES_WEIGHT][i] = *split == (part == ESP_PART_TRAIN ? 1 : 3);
    set->value[ESP_NODES_VALIDATION][i] = *split == 2;
  }
  ESP_TRY(comm->agree(comm, ESP_ALLOC(count, 2 * K)));
  any = count + K;
  ESP_TRY(count_classes(comm, set, 1, count));
  ESP_TRY(count_classes(comm, set, -1, any));
  for (int c = 0; c < K; c++)
    ESP_NEED(count[c] > 0, ESP_ERR_VALUE,
             "class %d, of 0 to %d: none of the nodes that are learned from has it (split 1: the file's train, or "
             "data_nodes_train of those that have a class), of all nodes %" PRId64 " have",
             c, K - 1, any[c]);
done:
  ESP_FREE(count);
  return rc;
}
