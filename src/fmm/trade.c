#include "fmm/trade.h"

#include <math.h>
#include <string.h>

#include "fmm/plant.h"
#include "fmm/regions.h"

/* ---- what all know ---- */

static int64_t owned_pieces(const esp_fmm_work *w, int *first) {
  int count = 0;
  for (int k = 0; k < w->top.pieces; k++) {
    if (w->top.node[w->top.piece[k]].owner != w->comm->rank) continue;
    if (!count++) *first = k;
  }
  return count;
}

static double mass_of(const esp_fmm_work *w, int at) {
  const esp_fmm_top_node *node = w->top.node + at;
  if (node->piece >= 0) return w->root[node->piece].sums.raw[0];
  return mass_of(w, node->child[0]) + mass_of(w, node->child[1]);
}

static void find_floor(esp_fmm_work *w) {
  const double radius = w->top.node->piece >= 0 ? w->root[0].box.radius : w->top.node->box.radius;
  const double q = radius * radius + w->eps2;
  w->floor = q > 0 ? 0x1p-30 * mass_of(w, 0) / q : 0;
}

int esp_fmm_gather_roots(esp_fmm_work *w) {
  int first = 0, rc;
  size_t *start = NULL;
  void *all = NULL;
  const int64_t count = owned_pieces(w, &first);
  ESP_TRY(w->comm->agree(w->comm, ESP_ALLOC(start, w->comm->size + 1)));
  ESP_TRY(w->comm->gather_all(w->comm, w->root + first, (size_t)count * sizeof *w->root, &all, start));
  memcpy(w->root, all, (size_t)w->top.pieces * sizeof *w->root); /* owners ascend with pieces */
  find_floor(w);
done:
  ESP_FREE(all);
  ESP_FREE(start);
  return rc;
}

static double least_of_top(esp_fmm_work *w, int at) {
  esp_fmm_top_node *node = w->top.node + at;
  if (node->piece < 0) node->least = fmin(least_of_top(w, node->child[0]), least_of_top(w, node->child[1]));
  return node->least;
}

int esp_fmm_gather_least(esp_fmm_work *w) {
  double *turned = NULL; /* with the sign turned: the largest is wanted */
  int rc;
  ESP_TRY(w->comm->agree(w->comm, ESP_ALLOC(turned, w->top.pieces)));
  for (int k = 0; k < w->top.pieces; k++) turned[k] = -INFINITY;
  for (int k = 0; k < w->share.pieces; k++)
    turned[w->share.piece[k].number] = -w->own.node[w->share.piece[k].row].least;
  ESP_TRY(w->comm->max_f64(w->comm, turned, (size_t)w->top.pieces));
  for (int k = 0; k < w->top.pieces; k++) w->top.node[w->top.piece[k]].least = -turned[k];
  least_of_top(w, 0);
done:
  ESP_FREE(turned);
  return rc;
}

/* ---- what goes to others ---- */

typedef struct {
  const esp_fmm_work *w;
  const esp_fmm_purpose *purpose;
  const esp_fmm_region *region; /* of the rank that is sent to */
  int *open;                    /* which of them may still ask: a stack */
  size_t open_capacity;
  esp_fmm_parcel parcel;
} packing;

/* Room for one more row and a leaf's bodies. */
static int reserve(packing *p) {
  esp_fmm_parcel *to = &p->parcel;
  const size_t moments = (size_t)p->w->moments;
  if (to->rows == to->row_capacity) ESP_CALL(ESP_GROW(to->row, to->row_capacity, to->rows + 64));
  if ((to->rows + 1) * moments > to->moment_capacity)
    ESP_CALL(ESP_GROW(to->moment, to->moment_capacity, (to->rows + 64) * moments));
  if (to->bodies + ESP_FMM_LEAF > to->body_capacity)
    ESP_CALL(ESP_GROW(to->body, to->body_capacity, to->bodies + 64 * ESP_FMM_LEAF));
  const size_t extras = (size_t)p->w->share.extra.count;
  if ((to->bodies + ESP_FMM_LEAF) * extras > to->extra_capacity)
    ESP_CALL(ESP_GROW(to->extra, to->extra_capacity, (to->bodies + 64 * ESP_FMM_LEAF) * extras));
  return ESP_OK;
}

static void pack_bodies(packing *p, int row) {
  const esp_fmm_work *w = p->w;
  const int first = esp_fmm_place(&w->own, row);
  const size_t extras = (size_t)w->share.extra.count, count = (size_t)w->own.cell[row].count;
  if (extras)
    memcpy(p->parcel.extra + p->parcel.bodies * extras, w->extra + (size_t)first * extras,
           count * extras * sizeof(double));
  for (int i = first; i < first + (int)count; i++)
    p->parcel.body[p->parcel.bodies++] = (esp_fmm_sent_body){{w->x[0][i], w->x[1][i], w->x[2][i]}, w->mass[i]};
}

/* Those of open [first, first + count) that may ask for what is below the row, to the end of the stack: they open it, or a
 * node above them does, which leaves the children to them. A leaf's bodies are asked for by each for itself. */
static int still_open(packing *p, int row, size_t first, int count, int *kept) {
  const esp_fmm_cell *cell = p->w->own.cell + row;
  int below = 0;
  *kept = 0;
  if (first + 2 * (size_t)count > p->open_capacity)
    ESP_CALL(ESP_GROW(p->open, p->open_capacity, first + 2 * (size_t)count));
  for (int k = 0; k < count; k++) {
    const int r = p->open[first + (size_t)k];
    const int opens = esp_fmm_region_opens(p->w, p->purpose, p->region + r, cell);
    if (opens && p->region[r].last > below) below = p->region[r].last;
    if (opens || (cell->right > 0 && r < below)) p->open[first + (size_t)count + (size_t)(*kept)++] = r;
  }
  return ESP_OK;
}

static int pack_row(packing *p, int row, size_t first, int count) {
  const esp_fmm_work *w = p->w;
  const esp_fmm_cell *cell = w->own.cell + row;
  const int whole = p->purpose->whole;
  int kept;
  ESP_CALL(still_open(p, row, first, count, &kept));
  ESP_CALL(reserve(p));
  const size_t at = p->parcel.rows++;
  esp_fmm_cell *to = p->parcel.row + at;
  *to = *cell;
  to->right = cell->right > 0 ? (kept ? ESP_FMM_CHILDREN : ESP_FMM_NO_CHILDREN)
              : kept          ? ESP_FMM_BODIES
                              : ESP_FMM_NO_BODIES;
  if (whole)
    memcpy(p->parcel.moment + at * (size_t)w->moments, w->own.moment + (size_t)row * (size_t)w->moments,
           (size_t)w->moments * sizeof(float));
  if (to->right == ESP_FMM_BODIES && whole) pack_bodies(p, row);
  if (to->right != ESP_FMM_CHILDREN) return ESP_OK;
  ESP_CALL(pack_row(p, row + 1, first + (size_t)count, kept));
  return pack_row(p, cell->right, first + (size_t)count, kept);
}

/* The pieces that are this rank's to send and that the other does not hold; a root alone is known to all. */
static int pack_for(packing *p, int rank, int regions) {
  const esp_fmm_work *w = p->w;
  for (int k = 0; k < w->share.pieces; k++) {
    const esp_fmm_piece *piece = w->share.piece + k;
    const esp_fmm_top_node *node = w->top.node + w->top.piece[piece->number];
    if (node->owner != w->comm->rank || esp_fmm_meets(&w->top, rank, node)) continue;
    if ((size_t)regions > p->open_capacity) ESP_CALL(ESP_GROW(p->open, p->open_capacity, regions));
    for (int r = 0; r < regions; r++) p->open[r] = r;
    const size_t rows = p->parcel.rows, bodies = p->parcel.bodies;
    ESP_CALL(pack_row(p, piece->row, 0, regions));
    if (p->parcel.rows == rows + 1 && p->parcel.bodies == bodies) p->parcel.rows = rows;
  }
  return ESP_OK;
}

/* Fills dest with the rank of what was added since. */
static int address(int rank, size_t from, size_t to, int **dest, size_t *capacity) {
  if (to > *capacity) ESP_CALL(esp_grow((void **)dest, capacity, to, sizeof **dest, __FILE__, __LINE__, __func__));
  for (size_t i = from; i < to; i++) (*dest)[i] = rank;
  return ESP_OK;
}

static int pack_all(packing *p, const esp_fmm_regions *regions, int **row_to, int **body_to) {
  size_t row_room = 0, body_room = 0;
  for (int rank = 0; rank < p->w->comm->size; rank++) {
    const size_t rows = p->parcel.rows, bodies = p->parcel.bodies;
    if (rank == p->w->comm->rank) continue;
    p->region = (const esp_fmm_region *)((const char *)regions->region + regions->start[rank]);
    ESP_CALL(pack_for(p, rank, (int)((regions->start[rank + 1] - regions->start[rank]) / sizeof *p->region)));
    ESP_CALL(address(rank, rows, p->parcel.rows, row_to, &row_room));
    ESP_CALL(address(rank, bodies, p->parcel.bodies, body_to, &body_room));
  }
  return ESP_OK;
}

/* ---- the whole ---- */

enum { ROWS, MOMENTS, BODIES, EXTRAS, INBOXES };

static int send(const esp_fmm_work *w, const esp_fmm_parcel *p, const int *row_to, const int *body_to, int whole,
                esp_inbox inbox[INBOXES]) {
  const size_t extras = (size_t)w->share.extra.count * sizeof(double);
  const size_t moments = (size_t)w->moments * sizeof(float);
  ESP_CALL(w->comm->scatter(w->comm, (int64_t)p->rows, row_to, sizeof *p->row, p->row, &inbox[ROWS]));
  if (!whole) return ESP_OK;
  ESP_CALL(w->comm->scatter(w->comm, (int64_t)p->rows, row_to, moments, p->moment, &inbox[MOMENTS]));
  ESP_CALL(w->comm->scatter(w->comm, (int64_t)p->bodies, body_to, sizeof *p->body, p->body, &inbox[BODIES]));
  if (!extras) return ESP_OK;
  return w->comm->scatter(w->comm, (int64_t)p->bodies, body_to, extras, p->extra, &inbox[EXTRAS]);
}

static int64_t count_in(const esp_inbox *inbox) {
  return inbox->start ? inbox->start[inbox->count] : 0;
}

static void count_costs(esp_fmm_work *w, const esp_inbox inbox[INBOXES]) {
  w->cost.ghosts = count_in(inbox + BODIES);
  w->cost.ghost_nodes = count_in(inbox);
  const int64_t bytes = count_in(inbox) * (int64_t)sizeof(esp_fmm_cell) +
                        count_in(inbox + MOMENTS) * (int64_t)(sizeof(float) * (size_t)w->moments) +
                        count_in(inbox + BODIES) * (int64_t)sizeof(esp_fmm_sent_body) +
                        count_in(inbox + EXTRAS) * (int64_t)sizeof(double) * w->share.extra.count;
  w->cost.bytes += bytes;
  w->cost.halo_bytes += bytes;
  for (int k = 0; k < INBOXES; k++) w->cost.messages += inbox[k].count;
}

int esp_fmm_trade(esp_fmm_work *w, const esp_fmm_purpose *purpose) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  const esp_comm *comm = w->comm;
  packing p = {.w = w, .purpose = purpose};
  esp_fmm_regions regions = {0};
  esp_inbox inbox[INBOXES] = {{0}};
  int rc = ESP_OK, *row_to = NULL, *body_to = NULL;
  if (comm->size > 1) {
    ESP_TRY(esp_fmm_regions_gather(w, &regions));
    ESP_TRY(comm->agree(comm, pack_all(&p, &regions, &row_to, &body_to)));
    ESP_TRY(send(w, &p.parcel, row_to, body_to, purpose->whole, inbox));
    count_costs(w, inbox);
  }
  const esp_fmm_parcel came = {.rows = (size_t)count_in(inbox),
                               .bodies = (size_t)count_in(inbox + BODIES),
                               .row = inbox[ROWS].row,
                               .moment = inbox[MOMENTS].row,
                               .body = inbox[BODIES].row,
                               .extra = inbox[EXTRAS].row};
  ESP_TRY(comm->agree(comm, esp_fmm_plant(w, purpose, &came)));
done:
  for (int k = 0; k < INBOXES; k++) esp_inbox_free(inbox + k);
  esp_fmm_regions_free(&regions);
  ESP_FREE(p.open);
  ESP_FREE(p.parcel.row);
  ESP_FREE(p.parcel.moment);
  ESP_FREE(p.parcel.body);
  ESP_FREE(p.parcel.extra);
  ESP_FREE(row_to);
  ESP_FREE(body_to);
  return rc;
}
