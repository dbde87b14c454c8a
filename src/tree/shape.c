#include "tree/slots.h"
#include "tree/tree.h"

static int64_t ceil_shift(int64_t n, int level) {
  return level > 62 ? n > 0 : (n + (((int64_t)1 << level) - 1)) >> level;
}

int esp_shape_make(int64_t n, int leaf, int block, esp_shape *shape) {
  ESP_CHECK(n >= 0, ESP_ERR_ARG, "number of particles is %lld; must be >= 0", (long long)n);
  ESP_CHECK(n <= (int64_t)1 << 61, ESP_ERR_LIMIT, "number of particles is %lld; at most 2^61", (long long)n);
  ESP_CHECK(leaf >= 1, ESP_ERR_CONFIG, "leaf capacity is %d; must be >= 1", leaf);
  ESP_CHECK(block >= 1, ESP_ERR_CONFIG, "block size is %d; must be >= 1", block);
  int depth = 0, level = 0;
  while (ceil_shift(n, depth) > leaf) depth++;
  while (level < depth && ceil_shift(n, level) > block) level++;
  *shape = (esp_shape){.n = n, .depth = depth, .block_level = level};
  return ESP_OK;
}

void esp_shape_node(const esp_shape *shape, int level, int64_t k, int64_t *offset, int64_t *count) {
  esp_slots_node(shape->n, level, k, offset, count);
}

int64_t esp_shape_find(const esp_shape *shape, int level, int64_t slot) {
  return esp_slots_find(shape->n, level, slot);
}

static int64_t cut_of(const esp_shape *shape, int64_t rank, int size) {
  return (int64_t)((__int128)shape->n * rank / size);
}

/* The first block whose first slot is >= slot; the number of blocks if there is none. Also that first slot. */
static int64_t block_from(const esp_shape *shape, int64_t slot, int64_t *first) {
  int level = shape->block_level;
  int64_t blocks = (int64_t)1 << level, offset, count;
  *first = shape->n;
  if (slot >= shape->n) return blocks;
  int64_t k = esp_shape_find(shape, level, slot);
  esp_shape_node(shape, level, k, &offset, &count);
  if (offset < slot) {
    if (++k == blocks) return blocks;
    esp_shape_node(shape, level, k, &offset, &count);
  } else {
    /* with leaf = 1 some leaves are empty and begin where the next one does */
    int64_t before, none;
    while (k > 0 && (esp_shape_node(shape, level, k - 1, &before, &none), before >= slot)) k--;
  }
  *first = offset;
  return k;
}

void esp_shape_rank(const esp_shape *shape, int rank, int size, int64_t *block_first, int64_t *block_count,
                    int64_t *slot_first, int64_t *slot_count) {
  if (shape->n == 0) {
    *block_first = rank == 0 ? 0 : (int64_t)1 << shape->block_level;
    *block_count = rank == 0 ? (int64_t)1 << shape->block_level : 0;
    *slot_first = *slot_count = 0;
    return;
  }
  int64_t end, slot_end;
  *block_first = block_from(shape, cut_of(shape, rank, size), slot_first);
  end = block_from(shape, cut_of(shape, rank + 1, size), &slot_end);
  *block_count = end - *block_first;
  *slot_count = slot_end - *slot_first;
}

int esp_shape_owner(const esp_shape *shape, int size, int64_t block) {
  if (shape->n == 0) return 0;
  int64_t offset, count;
  esp_shape_node(shape, shape->block_level, block, &offset, &count);
  return (int)(((__int128)(offset + 1) * size - 1) / shape->n);
}
