#include "cuda/lists.h"

#include <string.h>

#include "cuda/memory.h"
#include "tree/domain.h"

/* One array within the memory of all: [count] of `size` bytes, and the pointer to it. */
typedef struct {
  size_t count, size;
  const void **pointer;
  void *host;
} part;
enum { BLOCK, LEAF, NEAR_START, NEAR, FAR_START, FAR, LISTS };
enum { MEETING_START, MEETING, SEEN, MEETINGS };

#define PART(member, number) \
  { (size_t)(number), sizeof *l->member, (const void **)&l->member, NULL }

static size_t part_bytes(const part *p) {
  return (p->count * p->size + 15) / 16 * 16;
}

/* One piece of memory for all of `parts` parts, here (zeroed, the caller's) and there. */
static int parts_create(int parts, part *p, char **host, void **there, size_t *bytes) {
  *bytes = 0;
  for (int k = 0; k < parts; k++) *bytes += part_bytes(p + k);
  ESP_CALL(ESP_ALLOC(*host, *bytes));
  ESP_CALL(esp_cuda_alloc(there, *bytes));
  size_t at = 0;
  for (int k = 0; k < parts; k++, at += part_bytes(p + k - 1)) {
    p[k].host = *host + at;
    *p[k].pointer = (char *)*there + at;
  }
  return ESP_OK;
}

static esp_cuda_run run_of(const esp_tree *tree, int row) {
  return (esp_cuda_run){tree->part_first[row], tree->part_count[row]};
}

static void fill_lists(const esp_domain *dom, const part *p) {
  const esp_tree *tree = &dom->tree;
  const esp_lists *lists = &dom->lists;
  esp_cuda_run *block = p[BLOCK].host, *leaf = p[LEAF].host, *near = p[NEAR].host, *far = p[FAR].host;
  for (size_t b = 0; b < p[BLOCK].count; b++) block[b] = run_of(tree, esp_tree_block_row(tree, (int)b));
  for (size_t k = 0; k < p[LEAF].count; k++) leaf[k] = run_of(tree, esp_tree_leaf_row(tree, (int)k));
  for (size_t k = 0; k < p[NEAR].count; k++) near[k] = run_of(tree, lists->near[k]);
  for (size_t k = 0; k < p[FAR].count; k++) far[k] = (esp_cuda_run){lists->far[k], tree->part_count[lists->far[k]]};
  memcpy(p[NEAR_START].host, lists->near_start, p[NEAR_START].count * p[NEAR_START].size);
  memcpy(p[FAR_START].host, lists->far_start, p[FAR_START].count * p[FAR_START].size);
}

/* cursor, seen [leaves]. */
static int64_t count_meetings(const esp_domain *dom, int *cursor, int *seen) {
  int64_t n = 0;
  for (int b = 0; b < dom->tree.n_block; b++) {
    memset(cursor, 0, (size_t)esp_tree_block_leaves(&dom->tree) * sizeof *cursor);
    while (esp_lists_next_receiver(&dom->tree, &dom->lists, b, cursor, seen) >= 0) n++;
  }
  return n;
}

static void fill_meetings(const esp_domain *dom, const part *p, int *cursor, int *seen) {
  const int leaves = esp_tree_block_leaves(&dom->tree), words = esp_cuda_words(leaves);
  int64_t *start = p[MEETING_START].host, n = 0;
  esp_cuda_meeting *meeting = p[MEETING].host;
  uint32_t *bits = p[SEEN].host;
  for (int b = 0; b < dom->tree.n_block; b++) {
    start[b] = n;
    memset(cursor, 0, (size_t)leaves * sizeof *cursor);
    for (int entry; (entry = esp_lists_next_receiver(&dom->tree, &dom->lists, b, cursor, seen)) >= 0; n++) {
      esp_cuda_run *run = &meeting[n].receivers;
      esp_lists_receivers(&dom->tree, &dom->lists, entry, &run->first, &run->count);
      meeting[n].leaves = n * words;
      for (int k = 0; k < leaves; k++) bits[n * words + k / 32] |= (uint32_t)(seen[k] != 0) << (k % 32);
    }
  }
  start[dom->tree.n_block] = n;
}

static int largest_block(const esp_domain *dom, int *largest) {
  *largest = 0;
  for (int b = 0; b < dom->tree.n_block; b++)
    *largest = esp_imax(*largest, dom->tree.part_count[esp_tree_block_row(&dom->tree, b)]);
  ESP_CHECK(*largest <= ESP_CUDA_BLOCK_MAX, ESP_ERR_LIMIT,
            "a block of %d particles; a device takes at most %d: set tree_block and tree_leaf to that or less",
            *largest, ESP_CUDA_BLOCK_MAX);
  return ESP_OK;
}

int esp_cuda_lists_create(const struct esp_domain *dom, esp_cuda_lists *l) {
  const int leaves = esp_tree_block_leaves(&dom->tree), blocks = dom->tree.n_block;
  int rc = ESP_OK;
  char *host = NULL;
  size_t bytes;
  *l = (esp_cuda_lists){.blocks = blocks, .leaves = leaves, .separate = dom->queries != NULL};
  part p[LISTS] = {[BLOCK] = PART(block, blocks),
                   [LEAF] = PART(leaf, (size_t)blocks * (size_t)leaves),
                   [NEAR_START] = PART(near_start, blocks + 1),
                   [NEAR] = PART(near, dom->lists.near_start[blocks]),
                   [FAR_START] = PART(far_start, blocks + 1),
                   [FAR] = PART(far, dom->lists.far_start[blocks])};
  ESP_TRY(largest_block(dom, &l->largest));
  ESP_TRY(parts_create(LISTS, p, &host, &l->memory, &bytes));
  fill_lists(dom, p);
  ESP_TRY(esp_cuda_put(l->memory, host, bytes));
done:
  ESP_FREE(host);
  if (rc) esp_cuda_lists_free(l);
  return rc;
}

int esp_cuda_lists_meet(const struct esp_domain *dom, esp_cuda_lists *l) {
  int rc = ESP_OK, *cursor = NULL;
  char *host = NULL;
  size_t bytes;
  if (l->meetings) return ESP_OK;
  ESP_CALL(ESP_ALLOC(cursor, 2 * (size_t)l->leaves));
  const int64_t n = count_meetings(dom, cursor, cursor + l->leaves);
  part p[MEETINGS] = {[MEETING_START] = PART(meeting_start, l->blocks + 1),
                      [MEETING] = PART(meeting, n),
                      [SEEN] = PART(seen, n * esp_cuda_words(l->leaves))};
  ESP_TRY(parts_create(MEETINGS, p, &host, &l->meetings, &bytes));
  fill_meetings(dom, p, cursor, cursor + l->leaves);
  ESP_TRY(esp_cuda_put(l->meetings, host, bytes));
done:
  ESP_FREE(host);
  ESP_FREE(cursor);
  if (rc) esp_cuda_free(&l->meetings);
  return rc;
}

void esp_cuda_lists_free(esp_cuda_lists *l) {
  esp_cuda_free(&l->memory);
  esp_cuda_free(&l->meetings);
  *l = (esp_cuda_lists){0};
}
