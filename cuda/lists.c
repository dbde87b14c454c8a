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
enum { BLOCK, LEAF, NEAR_START, NEAR, FAR_START, FAR, MEETING_START, MEETING, SEEN, PARTS };

#define PART(member, number) \
  { (size_t)(number), sizeof *l->member, (const void **)&l->member, NULL }

static size_t part_bytes(const part *p) {
  return (p->count * p->size + 15) / 16 * 16;
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
  const esp_tree *tree = &dom->tree;
  const int leaves = esp_tree_block_leaves(tree), blocks = tree->n_block;
  int rc = ESP_OK, *cursor = NULL;
  char *host = NULL;
  *l = (esp_cuda_lists){.blocks = blocks, .leaves = leaves, .separate = dom->queries != NULL};
  const int64_t senders = dom->lists.n_leaf ? dom->lists.sender_start[dom->lists.n_leaf] : 0; /* meetings at most */
  part p[PARTS] = {[BLOCK] = PART(block, blocks),
                   [LEAF] = PART(leaf, (size_t)blocks * (size_t)leaves),
                   [NEAR_START] = PART(near_start, blocks + 1),
                   [NEAR] = PART(near, dom->lists.near_start[blocks]),
                   [FAR_START] = PART(far_start, blocks + 1),
                   [FAR] = PART(far, dom->lists.far_start[blocks]),
                   [MEETING_START] = PART(meeting_start, blocks + 1),
                   [MEETING] = PART(meeting, senders),
                   [SEEN] = PART(seen, senders * esp_cuda_words(leaves))};
  size_t bytes = 0;
  for (int k = 0; k < PARTS; k++) bytes += part_bytes(p + k);
  ESP_TRY(largest_block(dom, &l->largest));
  ESP_TRY(ESP_ALLOC(host, bytes));
  ESP_TRY(ESP_ALLOC(cursor, 2 * (size_t)leaves));
  ESP_TRY(esp_cuda_alloc(&l->memory, bytes));
  bytes = 0;
  for (int k = 0; k < PARTS; k++) {
    p[k].host = host + bytes;
    *p[k].pointer = (char *)l->memory + bytes;
    bytes += part_bytes(p + k);
  }
  fill_lists(dom, p);
  fill_meetings(dom, p, cursor, cursor + leaves);
  ESP_TRY(esp_cuda_put(l->memory, host, bytes));
done:
  ESP_FREE(host);
  ESP_FREE(cursor);
  if (rc) esp_cuda_lists_free(l);
  return rc;
}

void esp_cuda_lists_free(esp_cuda_lists *l) {
  esp_cuda_free(&l->memory);
  *l = (esp_cuda_lists){0};
}
