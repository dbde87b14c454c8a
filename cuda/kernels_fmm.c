/* The multipole method's row of a device (fmm/work.h): what the host makes, trees, moments, halos, is put there in every call,
 * and results are got back.
 *
 * Receivers go down level by level. A level's are taken some at a time, so that their lists fit; what they leave to their
 * children is kept until those are done. A walk that had no room for lists is made again with more. */
#include "cuda/fmm.h"
#include "cuda/device.h"
#include "cuda/kernels.h"
#include "cuda/memory.h"
#include "fmm/adjoint_work.h"

enum { SOME = 1 << 15 };                     /* receivers at a time */
enum { QUEUES = 1 << 12, QUEUE_ROOM = 256 }; /* at first */

static const int64_t nothing[ESP_CUDA_FMM_COUNTS];

/* Rows of a level's receivers: those with children, or those without. */
typedef struct {
  esp_cuda_fmm_receiver *of;
  int count;
  size_t capacity;
} receivers;

/* A level's, of the device, but for those without children. */
typedef struct {
  esp_cuda_fmm_lists *lists; /* [room] */
  float *L;                  /* [room][ESP_CUDA_FMM_LONGEST] */
  int room;
  void **left; /* [lefts] what each walk left */
  int lefts;
  size_t left_capacity;
} level;

typedef struct {
  esp_fmm_work *w;
  esp_cuda_fmm p;
  receivers branch[2], leaf; /* branch: of this level, of the next */
  level above, here, leaves;
  esp_cuda_fmm_receiver *receiver; /* [SOME] of the device */
  double *vector, *potential;      /* of the device */
  double listed[2], left;          /* numbers a receiver had in the last walk: with children, without */
} descent;

/* ---- memory of the device ---- */

/* A copy; nothing of none. */
static int copy(void *there, const void *host, size_t count, size_t unit) {
  ESP_CALL(esp_cuda_alloc((void **)there, count * unit));
  return count ? esp_cuda_put(*(void **)there, host, count * unit) : ESP_OK;
}

/* Another memory of so many bytes, whatever was in it. */
static int renew(void *there, size_t bytes) {
  esp_cuda_free((void **)there);
  return esp_cuda_alloc((void **)there, bytes);
}

/* Queues of so much room each: more than there are nodes, or than fit in some memory, are of no use. */
static int queues_make(esp_cuda_fmm *p, int64_t room) {
  int64_t queues = QUEUES;
  while (queues > 32 && (queues > p->rows || queues * room > (int64_t)QUEUES * QUEUE_ROOM * 4)) queues /= 2;
  ESP_CHECK(room < INT32_MAX, ESP_ERR_LIMIT, "a queue of %lld cells; fewer than 2^31", (long long)room);
  p->queues = (int)queues;
  p->queue_room = (int)room;
  ESP_CALL(renew(&p->queue, (size_t)(queues * room) * sizeof *p->queue));
  return renew(&p->verdict, (size_t)(queues * room) * sizeof *p->verdict);
}

static void release(esp_cuda_fmm *p) {
  const void **all[] = {(const void **)&p->node,  (const void **)&p->cell,    (const void **)&p->moment,
                        (const void **)&p->x[0],  (const void **)&p->x[1],    (const void **)&p->x[2],
                        (const void **)&p->mass,  (const void **)&p->sent,    (const void **)&p->body,
                        (const void **)&p->queue, (const void **)&p->verdict, (const void **)&p->list,
                        (const void **)&p->count};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) esp_cuda_free((void **)all[k]);
}

/* Numbers of bodies, which the host has beside their places on the way to the tree. */
static int put_bodies(const esp_fmm_work *w, esp_cuda_fmm *p) {
  const size_t all = (size_t)w->bodies_held, n = (size_t)w->n;
  int *body = NULL, rc;
  ESP_TRY(ESP_RESERVE(body, n));
  for (size_t i = 0; i < n; i++) body[i] = w->body[i].body;
  ESP_TRY(copy(&p->body, body, n, sizeof *body));
  for (int a = 0; a < 3; a++) ESP_TRY(copy(&p->x[a], w->x[a], all, sizeof *w->x[a]));
  ESP_TRY(copy(&p->mass, w->mass, all, sizeof *w->mass));
  if (w->adjoint) ESP_TRY(copy(&p->sent, w->extra, all * ESP_FMM_SENT, sizeof *w->extra));
done:
  ESP_FREE(body);
  return rc;
}

static int put_cells(const esp_fmm_work *w, esp_cuda_fmm *p) {
  *p = (esp_cuda_fmm){.rows = w->tree.rows,
                      .moments = w->moments,
                      .absent = w->absent,
                      .bodies_held = w->bodies_held,
                      .order = w->order,
                      .gate_order = w->method->gate_order,
                      .adjoint = w->adjoint != NULL,
                      .tolerance = w->tolerance,
                      .floor = w->floor,
                      .softening = w->scale.softening,
                      .eps2 = w->eps2,
                      .unit = w->adjoint ? w->adjoint->dposition : esp_fmm_scale_acceleration(&w->scale),
                      .unit_potential = w->adjoint ? w->adjoint->dmass : esp_fmm_scale_potential(&w->scale)};
  ESP_CALL(copy(&p->cell, w->tree.cell, (size_t)w->tree.rows + 1, sizeof *w->tree.cell));
  ESP_CALL(copy(&p->count, nothing, ESP_CUDA_FMM_COUNTS, sizeof *nothing));
  return queues_make(p, QUEUE_ROOM);
}

/* What a walk counted. */
static int counted(const esp_cuda_fmm *p, int64_t *count) {
  return esp_cuda_get(count, p->count, ESP_CUDA_FMM_COUNTS * sizeof *count);
}

/* Counts of the next walk begin at 0. */
static int count_anew(const esp_cuda_fmm *p) {
  return esp_cuda_put(p->count, nothing, ESP_CUDA_FMM_EXACT * sizeof *nothing);
}

/* ---- |a| ---- */

/* Nodes that are estimated, or their estimates taken: in preorder. */
typedef struct {
  esp_fmm_work *w;
  esp_cuda_fmm_estimated *of;
  double *least;
  int count;
  size_t capacity;
} estimates;

static int list_estimated(estimates *e, int row) {
  const esp_fmm_cell *cell = e->w->own.cell + row;
  if (cell->count > ESP_FMM_ESTIMATE) {
    ESP_CALL(list_estimated(e, row + 1));
    return list_estimated(e, cell->right);
  }
  if ((size_t)e->count == e->capacity) ESP_CALL(ESP_GROW(e->of, e->capacity, e->count + 1));
  e->of[e->count++] = (esp_cuda_fmm_estimated){e->w->own.node[row], cell->first, cell->first + cell->count,
                                               esp_fmm_place(&e->w->own, row), 0};
  return ESP_OK;
}

static double take_estimates(estimates *e, int row, double above) {
  const esp_fmm_cell *cell = e->w->own.cell + row;
  double least = above;
  if (above < 0 && cell->count <= ESP_FMM_ESTIMATE) least = above = e->least[e->count++];
  if (cell->right > 0) {
    const double left = take_estimates(e, row + 1, above), right = take_estimates(e, cell->right, above);
    if (above < 0) least = left < right ? left : right;
  }
  return e->w->own.node[row].least = least;
}

static int estimate_there(estimates *e, esp_cuda_fmm *p) {
  esp_cuda_fmm_estimated *of = NULL;
  double *least = NULL;
  int64_t count[ESP_CUDA_FMM_COUNTS];
  int rc;
  ESP_TRY(copy(&of, e->of, (size_t)e->count, sizeof *of));
  ESP_TRY(esp_cuda_alloc((void **)&least, (size_t)e->count * sizeof *least));
  do {
    ESP_TRY(count_anew(p));
    ESP_TRY(esp_cuda_fmm_estimate(p, e->count, of, least));
    ESP_TRY(counted(p, count));
    if (count[ESP_CUDA_FMM_QUEUE]) ESP_TRY(queues_make(p, 2 * count[ESP_CUDA_FMM_QUEUE]));
  } while (count[ESP_CUDA_FMM_QUEUE]);
  e->w->missing += (int)count[ESP_CUDA_FMM_MISSING];
  ESP_TRY(esp_cuda_get(e->least, least, (size_t)e->count * sizeof *least));
done:
  esp_cuda_free((void **)&of);
  esp_cuda_free((void **)&least);
  return rc;
}

/* Where |a| was given, or nothing is held, nothing is left for a device. */
static int estimate(esp_fmm_work *w) {
  estimates e = {.w = w};
  esp_cuda_fmm p = {.rows = 0};
  int rc = ESP_OK;
  if (w->bodies->previous || !w->share.pieces) return esp_fmm_widest()->estimate(w);
  for (int k = 0; k < w->share.pieces; k++) ESP_TRY(list_estimated(&e, w->share.piece[k].row));
  ESP_TRY(ESP_RESERVE(e.least, e.count));
  ESP_TRY(put_cells(w, &p));
  ESP_TRY(copy(&p.mass, w->mass, (size_t)w->n, sizeof *w->mass));
  ESP_TRY(estimate_there(&e, &p));
  e.count = 0;
  for (int k = 0; k < w->share.pieces; k++) take_estimates(&e, w->share.piece[k].row, -1);
done:
  ESP_FREE(e.of);
  ESP_FREE(e.least);
  release(&p);
  return rc;
}

/* ---- levels ---- */

static void level_clear(level *l) {
  for (int k = 0; k < l->lefts; k++) esp_cuda_free(l->left + k);
  l->lefts = 0;
}

static void level_free(level *l) {
  level_clear(l);
  ESP_FREE(l->left);
  esp_cuda_free((void **)&l->lists);
  esp_cuda_free((void **)&l->L);
}

/* Room for so many receivers. */
static int level_room(level *l, int count) {
  level_clear(l);
  if (count <= l->room) return ESP_OK;
  l->room = 0;
  ESP_CALL(renew(&l->lists, (size_t)count * sizeof *l->lists));
  ESP_CALL(renew(&l->L, (size_t)count * ESP_CUDA_FMM_LONGEST * sizeof *l->L));
  l->room = count;
  return ESP_OK;
}

/* A receiver that has slots of this rank. */
static int receivers_add(descent *d, receivers *branch, int row, int parent) {
  const esp_fmm_work *w = d->w;
  const esp_fmm_cell *cell = w->tree.cell + row;
  receivers *to = cell->count <= ESP_FMM_RECEIVERS ? &d->leaf : branch;
  if (cell->first >= w->end || cell->first + cell->count <= w->first) return ESP_OK;
  if ((size_t)to->count == to->capacity) ESP_CALL(ESP_GROW(to->of, to->capacity, to->count + 1));
  to->of[to->count++] = (esp_cuda_fmm_receiver){row, parent};
  return ESP_OK;
}

static void count_costs(esp_fmm_work *w, int receivers_walked, const int64_t *count) {
  w->cost.nodes += receivers_walked;
  w->cost.tests += count[ESP_CUDA_FMM_TESTS];
  w->cost.expansions += count[ESP_CUDA_FMM_EXPANSIONS];
  w->cost.cell_pairs += count[ESP_CUDA_FMM_CELL_PAIRS];
  w->cost.near_pairs += count[ESP_CUDA_FMM_NEAR_PAIRS];
  w->missing += (int)count[ESP_CUDA_FMM_MISSING];
}

/* More room, where a walk had not enough: whether it is to be made again. */
static int more_room(descent *d, const int64_t *count, int *again) {
  esp_cuda_fmm *p = &d->p;
  *again = 0;
  if (count[ESP_CUDA_FMM_QUEUE]) {
    *again = 1;
    ESP_CALL(queues_make(p, 2 * count[ESP_CUDA_FMM_QUEUE]));
  }
  if (count[ESP_CUDA_FMM_LISTED] > p->list_room) {
    *again = 1;
    p->list_room = count[ESP_CUDA_FMM_LISTED] + count[ESP_CUDA_FMM_LISTED] / 4;
    ESP_CALL(renew(&p->list, (size_t)p->list_room * sizeof *p->list));
  }
  if (count[ESP_CUDA_FMM_LEFT] > p->left_room) {
    *again = 1;
    p->left_room = count[ESP_CUDA_FMM_LEFT] + count[ESP_CUDA_FMM_LEFT] / 4;
    ESP_CALL(renew(&p->left, (size_t)p->left_room * sizeof *p->left));
  }
  return ESP_OK;
}

/* Room for as much as the last walk says. */
static int foresee(descent *d, int leaf, int some) {
  esp_cuda_fmm *p = &d->p;
  const int64_t listed = (int64_t)(1.25 * d->listed[leaf] * some), left = (int64_t)(1.25 * d->left * some);
  p->left = NULL;
  if (listed > p->list_room) {
    p->list_room = 0;
    ESP_CALL(renew(&p->list, (size_t)listed * sizeof *p->list));
    p->list_room = listed;
  }
  if (leaf) return ESP_OK;
  p->left_room = left;
  return esp_cuda_alloc((void **)&p->left, (size_t)left * sizeof *p->left);
}

/* Lists of some receivers; what they leave is of `here`. */
static int walk_some(descent *d, int leaf, int some, const esp_cuda_fmm_receiver *of, esp_cuda_fmm_lists *to) {
  int64_t count[ESP_CUDA_FMM_COUNTS];
  int again = 1, rc = ESP_OK;
  level *here = &d->here;
  if (!leaf && (size_t)here->lefts == here->left_capacity)
    ESP_CALL(ESP_GROW(here->left, here->left_capacity, here->lefts + 1));
  ESP_TRY(foresee(d, leaf, some));
  ESP_TRY(esp_cuda_put(d->receiver, of, (size_t)some * sizeof *of));
  while (again) {
    ESP_TRY(count_anew(&d->p));
    ESP_TRY(esp_cuda_fmm_walk(&d->p, leaf, some, d->receiver, d->above.lists, to));
    ESP_TRY(counted(&d->p, count));
    ESP_TRY(more_room(d, count, &again));
  }
  count_costs(d->w, some, count);
  d->listed[leaf] = (double)count[ESP_CUDA_FMM_LISTED] / some;
  if (!leaf) d->left = (double)count[ESP_CUDA_FMM_LEFT] / some;
done:
  if (!leaf && d->p.left) here->left[here->lefts++] = d->p.left;
  return rc;
}

/* Lists and expansions of a level's receivers, and the results of bodies, of those without children. */
static int receive_all(descent *d, int leaf, const receivers *r, level *to) {
  const esp_cuda_fmm *p = &d->p;
  ESP_CALL(level_room(to, leaf && r->count > SOME ? (int)SOME : r->count));
  for (int first = 0; first < r->count; first += SOME) {
    const int some = r->count - first < SOME ? r->count - first : (int)SOME;
    esp_cuda_fmm_lists *of = to->lists + (leaf ? 0 : first);
    float *L = to->L + (size_t)(leaf ? 0 : first) * ESP_CUDA_FMM_LONGEST;
    ESP_CALL(walk_some(d, leaf, some, r->of + first, of));
    if (d->w->missing) return ESP_OK;
    ESP_CALL(
        (p->adjoint ? esp_cuda_fmm_adjoint_expand : esp_cuda_fmm_expand)(p, some, of, d->above.lists, d->above.L, L));
    if (leaf)
      ESP_CALL(
          (p->adjoint ? esp_cuda_fmm_adjoint_bodies : esp_cuda_fmm_bodies)(p, some, of, L, d->vector, d->potential));
  }
  return ESP_OK;
}

static int descend(descent *d) {
  receivers *now = d->branch, *next = d->branch + 1;
  ESP_CALL(receivers_add(d, now, 0, -1));
  while (!d->w->missing && (now->count || d->leaf.count)) {
    ESP_CALL(receive_all(d, 1, &d->leaf, &d->leaves));
    ESP_CALL(receive_all(d, 0, now, &d->here));
    d->leaf.count = next->count = 0;
    for (int k = 0; k < now->count; k++) {
      ESP_CALL(receivers_add(d, next, now->of[k].row + 1, k));
      ESP_CALL(receivers_add(d, next, d->w->tree.cell[now->of[k].row].right, k));
    }
    const level above = d->above;
    d->above = d->here;
    d->here = above;
    receivers *const last = now;
    now = next;
    next = last;
  }
  return ESP_OK;
}

static int results(const descent *d) {
  const esp_fmm_result *to = d->w->result;
  const size_t n = (size_t)d->w->n;
  int64_t count[ESP_CUDA_FMM_COUNTS];
  ESP_CALL(counted(&d->p, count));
  d->w->cost.exact += count[ESP_CUDA_FMM_EXACT];
  if (to->acceleration) ESP_CALL(esp_cuda_get(to->acceleration, d->vector, 3 * n * sizeof *d->vector));
  if (to->potential) ESP_CALL(esp_cuda_get(to->potential, d->potential, n * sizeof *d->potential));
  return ESP_OK;
}

static int receive(esp_fmm_work *w) {
  descent d = {.w = w};
  const size_t n = (size_t)w->n;
  int rc = ESP_OK;
  double begin = esp_wall();
  if (w->first == w->end) return ESP_OK;
  if (w->result->witness) return (w->adjoint ? esp_fmm_widest()->adjoint : esp_fmm_widest()->receive)(w);
  ESP_TRY(put_cells(w, &d.p));
  ESP_TRY(copy(&d.p.node, w->tree.node, (size_t)w->tree.rows, sizeof *w->tree.node));
  ESP_TRY(copy(&d.p.moment, w->tree.moment, (size_t)(w->tree.rows + 1) * (size_t)w->moments, sizeof *w->tree.moment));
  ESP_TRY(put_bodies(w, &d.p));
  ESP_TRY(esp_cuda_alloc((void **)&d.receiver, SOME * sizeof *d.receiver));
  ESP_TRY(esp_cuda_alloc((void **)&d.vector, 3 * n * sizeof *d.vector));
  if (w->result->potential) ESP_TRY(esp_cuda_alloc((void **)&d.potential, n * sizeof *d.potential));
  w->cost.rest += esp_wall() - begin;
  begin = esp_wall();
  ESP_TRY(descend(&d));
  ESP_TRY(results(&d));
  w->cost.near += esp_wall() - begin;
done:
  for (int k = 0; k < 2; k++) ESP_FREE(d.branch[k].of);
  ESP_FREE(d.leaf.of);
  level_free(&d.above);
  level_free(&d.here);
  level_free(&d.leaves);
  esp_cuda_free((void **)&d.receiver);
  esp_cuda_free((void **)&d.vector);
  esp_cuda_free((void **)&d.potential);
  release(&d.p);
  return rc;
}

static int available(void) {
  int count;
  if (!esp_device_count(&count)) return count > 0;
  esp_error_clear();
  return 0;
}

/* What the walk tells a witness, the CPU tells, with the same results. */
const esp_fmm_kernels esp_fmm_cuda32 = {"CUDA", available, estimate, receive, receive, NULL};
