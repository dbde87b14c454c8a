#include "domain/cover.h"

/* The owners of the first and the last block of a node at or above block level. */
static void owners(const esp_shape *shape, int size, int64_t heap, int *first, int *last) {
  const int level = esp_heap_level(heap);
  const int64_t k = heap - ((int64_t)1 << level);
  const int64_t span = (int64_t)1 << (shape->block_level - level);
  *first = esp_shape_owner(shape, size, k * span);
  *last = esp_shape_owner(shape, size, (k + 1) * span - 1);
}

/* Straddling nodes in heap order: a queue, each node's children behind it. */
static int find_top(const esp_shape *shape, int size, esp_cover *cover) {
  size_t room = 0;
  int a, b;
  owners(shape, size, 1, &a, &b);
  if (a == b) return ESP_ALLOC(cover->top, 0);
  ESP_CALL(ESP_GROW(cover->top, room, 1));
  cover->top[cover->n_top++] = 1;
  for (int t = 0; t < cover->n_top; t++)
    for (int c = 0; c < 2; c++) {
      const int64_t child = 2 * cover->top[t] + c;
      owners(shape, size, child, &a, &b);
      if (a == b) continue;
      ESP_CALL(ESP_GROW(cover->top, room, cover->n_top + 1));
      cover->top[cover->n_top++] = child;
    }
  return ESP_OK;
}

/* Covering roots in slot order: depth first, left child first. The binary tree of top nodes has n_top + 1 leaves. */
static int find_cover(const esp_shape *shape, int size, esp_cover *cover) {
  const int most = cover->n_top + 1;
  int64_t stack[64];
  int parent[64], depth = 0, b;
  ESP_CALL(ESP_ALLOC(cover->top_child, cover->n_top));
  ESP_CALL(ESP_ALLOC(cover->cover, most));
  ESP_CALL(ESP_ALLOC(cover->cover_owner, most));
  ESP_CALL(ESP_ALLOC(cover->cover_first, size + 1));
  for (int t = 0, child = 1; t < cover->n_top; t++)
    for (int c = 0; c < 2; c++)
      if (child < cover->n_top && cover->top[child] == 2 * cover->top[t] + c)
        cover->top_child[t][c] = child++;
      else
        cover->top_child[t][c] = -1;
  stack[depth] = 1;
  parent[depth++] = cover->n_top ? 0 : -1;
  while (depth) {
    const int64_t heap = stack[--depth];
    const int t = parent[depth];
    if (t >= 0) {
      for (int c = 1; c >= 0; c--) {
        stack[depth] = 2 * heap + c;
        parent[depth++] = cover->top_child[t][c] > 0 ? cover->top_child[t][c] : -1;
      }
      continue;
    }
    const int i = cover->n_cover++;
    cover->cover[i] = heap;
    owners(shape, size, heap, &cover->cover_owner[i], &b);
    cover->cover_first[cover->cover_owner[i] + 1]++;
  }
  for (int r = 0; r < size; r++) cover->cover_first[r + 1] += cover->cover_first[r];
  return ESP_OK;
}

/* Name the covering roots in top_child: in slot order they are met by the same walk. */
static void link_cover(esp_cover *cover) {
  int stack[64], depth = 0, met = 0;
  if (!cover->n_top) return;
  /* entries: top index, with the side to visit next in the lowest bit */
  stack[depth++] = 0;
  while (depth) {
    const int t = stack[depth - 1] >> 1, side = stack[depth - 1] & 1;
    int *child = &cover->top_child[t][side];
    if (side)
      depth--;
    else
      stack[depth - 1] |= 1;
    if (*child < 0)
      *child = -1 - met++;
    else
      stack[depth++] = *child << 1;
  }
}

int esp_cover_make(const esp_shape *shape, int size, esp_cover *cover) {
  *cover = (esp_cover){0};
  int rc = find_top(shape, size, cover);
  if (!rc) rc = find_cover(shape, size, cover);
  if (rc) {
    esp_cover_free(cover);
    return rc;
  }
  link_cover(cover);
  return ESP_OK;
}

void esp_cover_free(esp_cover *cover) {
  ESP_FREE(cover->top);
  ESP_FREE(cover->top_child);
  ESP_FREE(cover->cover);
  ESP_FREE(cover->cover_owner);
  ESP_FREE(cover->cover_first);
}
