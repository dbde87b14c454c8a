#include "domain/partition.h"

#include <string.h>

#include <mpi.h>

#include "domain/comm.h"
#include "domain/exchange.h"

enum { BITS = 64 };

/* Which of 64 parts need a row: as a near leaf, as an accepted cell. */
typedef struct {
  uint64_t near, far;
} need;

typedef struct {
  int64_t row; /* at its owner */
  need who;
} note;

typedef struct {
  const esp_domain *dom;
  const int *part, *receiver_part; /* the same with one tree */
  int parts;
  int base;        /* the 64 parts looked at start here */
  int ghost_row;   /* first ghost row */
  int *low, *high; /* [ghost_row] smallest and largest part among a row's members; parts and -1 if it has none */
  need *who;       /* [row_count] */
} census;

void esp_partition_tree(const esp_domain *dom, int parts, int *part) {
  const esp_tree *tree = &dom->tree;
  const int first = tree->level_row[tree->shape.block_level];
  for (int b = 0; b < tree->n_block; b++) {
    const int slot = tree->part_first[first + b], owner = esp_shape_owner(&tree->shape, parts, tree->block_first + b);
    for (int s = slot; s < slot + tree->part_count[first + b]; s++) part[s] = owner;
  }
}

/* ---- work ---- */

static void count_work(const census *c, esp_partition_load *load) {
  const esp_tree *tree = &c->dom->tree;
  const esp_lists *lists = &c->dom->lists;
  const int first = tree->level_row[tree->shape.block_level];
  for (int b = 0; b < tree->n_block; b++) {
    const int slot = tree->part_first[first + b], m = tree->part_count[first + b];
    int64_t near = c->dom->queries ? 0 : m - 1;
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++) near += tree->part_count[lists->near[e]];
    for (int s = slot; s < slot + m; s++) {
      load[c->receiver_part[s]].particles++;
      load[c->receiver_part[s]].near_pairs += near;
      load[c->receiver_part[s]].far_pairs += lists->far_start[b + 1] - lists->far_start[b];
    }
  }
}

/* ---- who owns the members of a row ---- */

static void widen(const census *c, int64_t slot, int64_t end, int *low, int *high) {
  for (int64_t s = slot; s < end; s++) {
    if (c->part[s] < *low) *low = c->part[s];
    if (c->part[s] > *high) *high = c->part[s];
  }
}

/* Own slots of top row t, as [*slot, *end). */
static void slots_of_top(const esp_tree *tree, int row, int64_t *slot, int64_t *end) {
  const int level = esp_heap_level(tree->heap[row]);
  int64_t offset, count;
  esp_shape_node(&tree->shape, level, tree->heap[row] - ((int64_t)1 << level), &offset, &count);
  *slot = offset > tree->slot_first ? offset - tree->slot_first : 0;
  *end = offset + count - tree->slot_first;
  if (*end > tree->n_own) *end = tree->n_own;
}

static int find_extremes(census *c) {
  const esp_comm *comm = c->dom->comm;
  const esp_tree *tree = &c->dom->tree;
  int64_t *top = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(top, 2 * tree->top_rows)));
  for (int row = c->ghost_row - 1; row >= 0; row--) {
    int *low = &c->low[row], *high = &c->high[row];
    const int left = tree->child[2 * row], right = tree->child[2 * row + 1];
    *low = c->parts;
    *high = -1;
    if (row >= tree->own_rows) {
      int64_t slot, end;
      slots_of_top(tree, row, &slot, &end);
      widen(c, slot, end, low, high);
      top[2 * (row - tree->own_rows)] = -*low;
      top[2 * (row - tree->own_rows) + 1] = *high;
    } else if (left < 0) {
      widen(c, tree->part_first[row], (int64_t)tree->part_first[row] + tree->part_count[row], low, high);
    } else {
      *low = esp_imin(c->low[left], c->low[right]);
      *high = esp_imax(c->high[left], c->high[right]);
    }
  }
  ESP_TRY(comm->max_i64(comm, top, 2 * (size_t)tree->top_rows));
  for (int t = 0; t < tree->top_rows; t++) {
    c->low[tree->own_rows + t] = (int)-top[2 * t];
    c->high[tree->own_rows + t] = (int)top[2 * t + 1];
  }
done:
  ESP_FREE(top);
  return rc;
}

/* ---- who needs a row ---- */

static inline uint64_t bit_of(const census *c, int part) {
  const int bit = part - c->base;
  return bit >= 0 && bit < BITS ? (uint64_t)1 << bit : 0;
}

static void mark_rows(census *c) {
  const esp_tree *tree = &c->dom->tree;
  const esp_lists *lists = &c->dom->lists;
  const int first = tree->level_row[tree->shape.block_level], leaf0 = tree->level_row[tree->shape.depth];
  const int leaves = 1 << (tree->shape.depth - tree->shape.block_level);
  memset(c->who, 0, (size_t)tree->row_count * sizeof *c->who);
  for (int b = 0; b < tree->n_block; b++) {
    const int slot = tree->part_first[first + b];
    uint64_t bits = 0;
    for (int s = slot; s < slot + tree->part_count[first + b]; s++) bits |= bit_of(c, c->receiver_part[s]);
    for (int leaf = leaf0 + b * leaves; leaf < leaf0 + (b + 1) * leaves && !c->dom->queries; leaf++)
      c->who[leaf].near |= bits;
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++) c->who[lists->near[e]].near |= bits;
    for (int64_t e = lists->far_start[b]; e < lists->far_start[b + 1]; e++) c->who[lists->far[e]].far |= bits;
  }
}

/* Bits of ghost rows to the rows' owners. */
static int join_ghosts(census *c) {
  const esp_comm *comm = c->dom->comm;
  const esp_tree *tree = &c->dom->tree;
  int *dest = NULL, at = 0, count = 0;
  note *row = NULL;
  esp_inbox inbox = {0};
  for (int r = c->ghost_row; r < tree->row_count; r++) count += (c->who[r].near | c->who[r].far) != 0;
  int rc = ESP_ALLOC(dest, count);
  if (!rc) rc = ESP_ALLOC(row, count);
  ESP_TRY(comm->agree(comm, rc));
  for (int r = c->ghost_row; r < tree->row_count; r++) {
    if (!(c->who[r].near | c->who[r].far)) continue;
    dest[at] = tree->owner[r];
    row[at++] = (note){tree->owner_row[r], c->who[r]};
  }
  ESP_TRY(esp_comm_scatter(comm, count, dest, sizeof *row, row, &inbox));
  const note *got = inbox.row;
  for (int64_t i = 0; i < inbox.start[inbox.count] && !rc; i++) {
    if (got[i].row < 0 || got[i].row >= tree->own_rows)
      rc = ESP_FAIL(ESP_ERR_INTERNAL, "row %lld is not an own row", (long long)got[i].row);
    else {
      c->who[got[i].row].near |= got[i].who.near;
      c->who[got[i].row].far |= got[i].who.far;
    }
  }
  ESP_TRY(comm->agree(comm, rc));
done:
  esp_inbox_free(&inbox);
  ESP_FREE(row);
  ESP_FREE(dest);
  return rc;
}

/* Ghosts to their owners; top rows, which are the same on every rank, to all. */
static int join_rows(census *c) {
  const esp_comm *comm = c->dom->comm;
  const esp_tree *tree = &c->dom->tree;
  if (comm->size == 1) return ESP_OK;
  ESP_CALL(join_ghosts(c));
  ESP_MPI(MPI_Allreduce(MPI_IN_PLACE, c->who + tree->own_rows, 2 * tree->top_rows, MPI_UINT64_T, MPI_BOR,
                        esp_comm_mpi_get(comm)));
  return ESP_OK;
}

/* ---- halo ---- */

static void count_leaf(const census *c, int row, esp_partition_load *load) {
  const esp_tree *tree = &c->dom->tree;
  const int slot = tree->part_first[row], m = tree->part_count[row];
  for (uint64_t bits = c->who[row].near; bits; bits &= bits - 1)
    load[c->base + __builtin_ctzll(bits)].halo_particles += m;
  for (int s = slot; s < slot + m; s++)
    if (c->who[row].near & bit_of(c, c->part[s])) load[c->part[s]].halo_particles--;
}

static void count_cell(const census *c, int row, esp_partition_load *load) {
  for (uint64_t bits = c->who[row].far; bits; bits &= bits - 1) {
    const int q = c->base + __builtin_ctzll(bits);
    load[q].halo_cells += c->low[row] != q || c->high[row] != q;
  }
}

/* Own rows at their owner; top rows, known to all, on rank 0. */
static void count_halo(const census *c, esp_partition_load *load) {
  const esp_tree *tree = &c->dom->tree;
  const int last = c->dom->comm->rank == 0 ? c->ghost_row : tree->own_rows;
  for (int row = tree->level_row[tree->shape.depth]; row < tree->own_rows; row++) count_leaf(c, row, load);
  for (int row = 0; row < last; row++) count_cell(c, row, load);
}

static int check(const esp_domain *dom, int parts, const int *part, const int *receiver_part) {
  ESP_CHECK(parts >= 1, ESP_ERR_ARG, "%d parts; must be >= 1", parts);
  ESP_CHECK(!dom->queries == !receiver_part, ESP_ERR_ARG,
            "receivers' parts go with a tree of queries, and only with one");
  for (int s = 0; s < dom->n_own; s++) {
    ESP_CHECK(part[s] >= 0 && part[s] < parts, ESP_ERR_ARG, "particle id %lld has part %d; must be in [0, %d)",
              (long long)dom->id[s], part[s], parts);
    ESP_CHECK(!receiver_part || (receiver_part[s] >= 0 && receiver_part[s] < parts), ESP_ERR_ARG,
              "receivers' slot %lld has part %d; must be in [0, %d)", (long long)dom->tree.slot_first + s,
              receiver_part[s], parts);
  }
  return ESP_OK;
}

int esp_partition_count(const esp_domain *dom, int parts, const int *part, const int *receiver_part,
                        esp_partition_load *load) {
  const esp_comm *comm = dom->comm;
  const esp_tree *tree = &dom->tree;
  census c = {.dom = dom,
              .part = part,
              .receiver_part = receiver_part ? receiver_part : part,
              .parts = parts,
              .ghost_row = tree->own_rows + tree->top_rows};
  ESP_AGREE(comm, check(dom, parts, part, receiver_part));
  int rc = ESP_ALLOC(c.low, c.ghost_row);
  if (!rc) rc = ESP_ALLOC(c.high, c.ghost_row);
  if (!rc) rc = ESP_ALLOC(c.who, tree->row_count);
  ESP_TRY(comm->agree(comm, rc));
  memset(load, 0, (size_t)parts * sizeof *load);
  count_work(&c, load);
  ESP_TRY(find_extremes(&c));
  for (c.base = 0; c.base < parts; c.base += BITS) {
    mark_rows(&c);
    ESP_TRY(join_rows(&c));
    count_halo(&c, load);
  }
  ESP_TRY(comm->sum_i64(comm, &load[0].particles, (size_t)parts * (sizeof *load / sizeof(int64_t))));
done:
  ESP_FREE(c.low);
  ESP_FREE(c.high);
  ESP_FREE(c.who);
  return rc;
}

/* ---- over the parts ---- */

typedef struct {
  int64_t sum, max;
} extent;

static void extend(extent *e, int64_t value) {
  e->sum += value;
  if (value > e->max) e->max = value;
}

static double imbalance(extent e, int parts) {
  return e.sum > 0 ? (double)e.max * parts / (double)e.sum : 1;
}

void esp_partition_summary(int parts, const esp_partition_load *load, size_t particle_bytes, size_t cell_bytes,
                           esp_partition_cost *cost) {
  extent work = {0}, own = {0}, particles = {0}, cells = {0}, bytes = {0};
  for (int q = 0; q < parts; q++) {
    const esp_partition_load *l = &load[q];
    extend(&work, l->near_pairs + ESP_PARTITION_FAR_WEIGHT * l->far_pairs);
    extend(&own, l->particles);
    extend(&particles, l->halo_particles);
    extend(&cells, l->halo_cells);
    extend(&bytes, l->halo_particles * (int64_t)particle_bytes + l->halo_cells * (int64_t)cell_bytes);
  }
  *cost = (esp_partition_cost){.imbalance_pairs = imbalance(work, parts),
                               .imbalance_particles = imbalance(own, parts),
                               .particles_mean = (double)particles.sum / parts,
                               .cells_mean = (double)cells.sum / parts,
                               .bytes_mean = (double)bytes.sum / parts,
                               .particles_max = particles.max,
                               .cells_max = cells.max,
                               .bytes_max = bytes.max};
}
