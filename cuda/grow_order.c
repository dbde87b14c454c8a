/* Order and geometry of a tree by the device: keys and ids are put there, slots and places come back. */
#include "cuda/device_cells.h"
#include "cuda/geometry.h"
#include "cuda/grow.h"
#include "cuda/memory.h"
#include "cuda/order.h"
#include "tree/direction.h"
#include "tree/principal.h"

/* The device's memory of an order, in one piece. */
typedef struct {
  char *memory;
  size_t used;
  int counting; /* 1: how much it will be */
} room;

static void *room_take(room *r, size_t bytes) {
  char *at = r->counting ? NULL : r->memory + r->used;
  r->used += (bytes + 15) / 16 * 16;
  return at;
}

/* Twice: to count, and to place. normals: numbers of them. */
static void place(room *r, esp_cuda_order *o, size_t normals, int **order) {
  const size_t n = (size_t)o->count, d = (size_t)o->dim, words = (size_t)esp_cuda_order_words(o->dim);
  const size_t nodes = (size_t)esp_cuda_order_nodes(o->count, o->levels);
  o->z = room_take(r, n * d * sizeof(double));
  o->id = room_take(r, n * sizeof(int64_t));
  o->normal = room_take(r, normals * sizeof(double));
  for (int k = 0; k < 2; k++) o->at[k] = room_take(r, n * sizeof(int));
  *order = room_take(r, n * sizeof(int));
  o->key = room_take(r, n * sizeof(uint64_t));
  o->cut = room_take(r, nodes * sizeof *o->cut);
  o->bins = room_take(r, nodes * ESP_CUDA_ORDER_BINS * sizeof *o->bins);
  o->extreme = room_take(r, nodes * 2 * d * sizeof(uint64_t));
  o->twin = room_take(r, sizeof(int));
  if (!o->pca) return;
  o->sums = room_take(r, nodes * words * sizeof(int64_t));
  o->square = room_take(r, nodes * 2 * d * d * sizeof(double));
  o->direction = room_take(r, nodes * d * sizeof(double));
  o->small = room_take(
      r, (size_t)esp_cuda_order_blocks(o->count, o->levels, 1) * esp_cuda_order_small_room(o->dim) * sizeof(double));
}

static int order_there(esp_cuda_order *o, size_t normals, const double *normal, const double *z, const int64_t *id,
                       int *order, int *twin) {
  int rc = ESP_OK, *there;
  room r = {.counting = 1};
  place(&r, o, normals, &there);
  ESP_TRY(esp_cuda_alloc((void **)&r.memory, r.used));
  r.counting = 0, r.used = 0;
  place(&r, o, normals, &there);
  ESP_TRY(esp_cuda_put((void *)o->z, z, (size_t)o->count * (size_t)o->dim * sizeof *z));
  ESP_TRY(esp_cuda_put((void *)o->id, id, (size_t)o->count * sizeof *id));
  ESP_TRY(esp_cuda_put((void *)o->normal, normal, normals * sizeof *normal));
  ESP_TRY(esp_cuda_order_run(o, there));
  ESP_TRY(esp_cuda_get(order, there, (size_t)o->count * sizeof *order));
  ESP_TRY(esp_cuda_get(twin, o->twin, sizeof *twin));
done:
  esp_cuda_free((void **)&r.memory);
  return rc;
}

int esp_cuda_tree_order(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int count, int dim,
                        const double *z, const int64_t *id, int *order) {
  esp_cuda_order o = {.count = count, .dim = dim, .levels = shape->depth - level, .heap = ((int64_t)1 << level) + k};
  const int learned = rule && rule->kind == ESP_SPLIT_LEARNED, leaf = count ? ((count - 1) >> o.levels) + 1 : 0;
  int64_t offset, expected;
  int twin = 0;
  size_t normals = 0;
  o.pca = rule && rule->kind == ESP_SPLIT_PCA;
  esp_shape_node(shape, level, k, &offset, &expected);
  /* What is wrong the host tells; what is too large for a block of threads it does. */
  if (count != expected || dim < 1 || dim > ESP_MAX_DIM || leaf > ESP_CUDA_ORDER_SMALL ||
      (o.pca && dim > ESP_PRINCIPAL_DIM))
    return esp_tree_order(shape, rule, level, k, count, dim, z, id, order);
  ESP_CALL(esp_split_check(rule, dim));
  if (learned && rule->levels > level) {
    o.learned = rule->levels - level;
    normals = (((size_t)1 << rule->levels) - 1) * (size_t)dim;
  }
  if (count == 0) return ESP_OK;
  ESP_CALL(order_there(&o, normals, learned ? rule->normal : NULL, z, id, order, &twin));
  return twin ? esp_tree_order(shape, rule, level, k, count, dim, z, id, order) : ESP_OK;
}

int esp_cuda_tree_geometry(esp_tree *tree, const double *z) {
  const size_t own = (size_t)tree->own_rows, dim = (size_t)tree->dim, keys = (size_t)tree->n_own * dim;
  esp_cuda_places places = {.dim = tree->dim, .n_own = tree->n_own, .n = tree->shape.n, .slot_first = tree->slot_first};
  int rc = ESP_OK;
  esp_cuda_tree there;
  void *rows = NULL;
  double *memory = NULL;
  for (int l = 0; l <= tree->shape.depth; l++) places.first_node[l] = tree->level_first[l];
  ESP_TRY(esp_cuda_tree_put(tree, &there, &rows));
  ESP_TRY(esp_cuda_alloc((void **)&memory, (keys + own * (dim + 1)) * sizeof *memory));
  double *centre = memory + keys, *radius = centre + own * dim;
  ESP_TRY(esp_cuda_put(memory, z, keys * sizeof *z));
  ESP_TRY(esp_cuda_geometry(&there, &places, memory, centre, radius));
  ESP_TRY(esp_cuda_get(tree->centre, centre, own * dim * sizeof *centre));
  ESP_TRY(esp_cuda_get(tree->radius, radius, own * sizeof *radius));
done:
  esp_cuda_free(&rows);
  esp_cuda_free((void **)&memory);
  return rc;
}

const esp_grower esp_grower_cuda = {.order = esp_cuda_tree_order,
                                    .geometry = esp_cuda_tree_geometry,
                                    .walk = esp_cuda_lists_walk,
                                    .count = esp_cuda_lists_count};
