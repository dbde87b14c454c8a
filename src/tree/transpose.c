/* What follows from the near and far lists: the transpose and the fingerprints. */
#include <string.h>

#include "tree/lists.h"

int esp_lists_transpose(const esp_tree *tree, esp_lists *lists) {
  ESP_MEMORY_FOR(ESP_MEMORY_LISTS);
  int rc = ESP_OK, depth = tree->shape.depth, leaf0 = tree->level_row[depth];
  int leaves = tree->level_row[depth + 1] - leaf0;
  int64_t *at = NULL;
  ESP_FREE(lists->sender_start);
  ESP_FREE(lists->sender);
  ESP_FREE(lists->ghost_block);
  ESP_FREE(lists->ghost_first);
  lists->n_leaf = leaves;
  lists->n_ghost_block = 0;
  ESP_TRY(ESP_ALLOC(lists->sender_start, leaves + 1));
  ESP_TRY(ESP_ALLOC(lists->sender, lists->near_start[lists->n_block]));
  ESP_TRY(ESP_ALLOC(lists->ghost_block, 0));
  ESP_TRY(ESP_ALLOC(lists->ghost_first, 1));
  ESP_TRY(ESP_ALLOC(at, leaves));
  lists->ghost_first[0] = tree->n_own;
  for (int64_t e = 0; e < lists->near_start[lists->n_block]; e++) {
    int leaf = lists->near[e] - leaf0;
    ESP_NEED(leaf >= 0 && leaf < leaves, ESP_ERR_ARG, "row %d of a near list is not an own leaf", lists->near[e]);
    lists->sender_start[leaf + 1]++;
  }
  for (int leaf = 0; leaf < leaves; leaf++) {
    at[leaf] = lists->sender_start[leaf];
    lists->sender_start[leaf + 1] += lists->sender_start[leaf];
  }
  for (int b = 0; b < lists->n_block; b++) {
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++) {
      lists->sender[at[lists->near[e] - leaf0]++] = b;
    }
  }
done:
  ESP_FREE(at);
  return rc;
}

static uint64_t mix(uint64_t state, uint64_t value) {
  uint64_t x = state * 0x9e3779b97f4a7c15u + value + 0x632be59bd9b4e019u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static uint64_t mix_rows(uint64_t state, const esp_tree *tree, const int *rows, int64_t count) {
  state = mix(state, (uint64_t)count);
  for (int64_t e = 0; e < count; e++) state = mix(state, (uint64_t)tree->heap[rows[e]]);
  return state;
}

uint64_t esp_lists_hash(const esp_tree *tree, const esp_lists *lists) {
  uint64_t sum = 0;
  for (int b = 0; b < lists->n_block; b++) {
    uint64_t state = mix(1, (uint64_t)(tree->block_first + b));
    int64_t near = lists->near_start[b], far = lists->far_start[b];
    state = mix_rows(state, tree, lists->near + near, lists->near_start[b + 1] - near);
    sum += mix_rows(state, tree, lists->far + far, lists->far_start[b + 1] - far);
  }
  return sum;
}

uint64_t esp_lists_sender_hash(const esp_tree *tree, const esp_lists *lists) {
  uint64_t sum = 0;
  int leaf0 = tree->level_row[tree->shape.depth];
  for (int leaf = 0; leaf < lists->n_leaf; leaf++) {
    uint64_t state = mix(2, (uint64_t)tree->heap[leaf0 + leaf]);
    state = mix(state, (uint64_t)(lists->sender_start[leaf + 1] - lists->sender_start[leaf]));
    for (int64_t e = lists->sender_start[leaf]; e < lists->sender_start[leaf + 1]; e++) {
      int b = lists->sender[e];
      int64_t global = b < lists->n_block ? tree->block_first + b : lists->ghost_block[b - lists->n_block];
      state = mix(state, (uint64_t)global);
    }
    sum += state;
  }
  return sum;
}

void esp_lists_free(esp_lists *lists) {
  ESP_FREE(lists->near_start);
  ESP_FREE(lists->near);
  ESP_FREE(lists->far_start);
  ESP_FREE(lists->far);
  ESP_FREE(lists->sender_start);
  ESP_FREE(lists->sender);
  ESP_FREE(lists->ghost_block);
  ESP_FREE(lists->ghost_first);
  memset(lists, 0, sizeof *lists);
}

int64_t esp_lists_receiver_block(const esp_tree *tree, const esp_lists *lists, int entry) {
  return entry < lists->n_block ? tree->block_first + entry : lists->ghost_block[entry - lists->n_block];
}

int esp_lists_next_receiver(const esp_tree *tree, const esp_lists *lists, int block, int *cursor, int *seen) {
  const int leaves = esp_tree_block_leaves(tree);
  const int64_t *start = lists->sender_start + (int64_t)block * leaves;
  int64_t lowest = INT64_MAX;
  int entry = -1;
  for (int leaf = 0; leaf < leaves; leaf++) {
    if (start[leaf] + cursor[leaf] >= start[leaf + 1]) continue;
    const int e = lists->sender[start[leaf] + cursor[leaf]];
    const int64_t global = esp_lists_receiver_block(tree, lists, e);
    if (global < lowest) lowest = global, entry = e;
  }
  if (entry < 0) return -1;
  for (int leaf = 0; leaf < leaves; leaf++) {
    const int64_t at = start[leaf] + cursor[leaf];
    seen[leaf] = at < start[leaf + 1] && lists->sender[at] == entry;
    cursor[leaf] += seen[leaf];
  }
  return entry;
}

void esp_lists_receivers(const esp_tree *tree, const esp_lists *lists, int entry, int *first, int *count) {
  if (entry < lists->n_block) {
    const int row = esp_tree_block_row(tree, entry);
    *first = tree->part_first[row];
    *count = tree->part_count[row];
  } else {
    *first = lists->ghost_first[entry - lists->n_block];
    *count = lists->ghost_first[entry - lists->n_block + 1] - *first;
  }
}
