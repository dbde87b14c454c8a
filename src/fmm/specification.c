#include "fmm/specification.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fmm/expansion.h"
#include "fmm/plain.h"

typedef esp_fmm_plain_node node;
typedef esp_fmm_plain work;

/* ---- tree ---- */

static int by_key(const void *a, const void *b) {
  const esp_fmm_plain_body *p = a, *q = b;
  if (p->key != q->key) return p->key < q->key ? -1 : 1;
  if (p->id != q->id) return p->id < q->id ? -1 : 1;
  return (p->body > q->body) - (p->body < q->body);
}

static double place(const work *w, const esp_fmm_plain_body *e, int axis) {
  return ldexp(w->bodies->position[e->body][axis], -w->scale.length);
}

/* Bodies in front of the plane; order: sorted along the axis. */
static int in_front(const esp_fmm_plain_body *order, int count, double plane) {
  int k = 0;
  while (k < count && order[k].key < plane) k++;
  return k;
}

static int left_count(const esp_fmm_plain_body *order, int count, int level, double lo, double hi) {
  const double low = lo + 0.35 * (hi - lo), high = hi - 0.35 * (hi - lo);
  int k = count / 2;
  if (level < 40 && in_front(order, count, low) >= k)
    k = in_front(order, count, low);
  else if (level < 40 && in_front(order, count, high) <= k)
    k = in_front(order, count, high);
  k = (k + ESP_FMM_LEAF / 2) / ESP_FMM_LEAF * ESP_FMM_LEAF;
  if (k < ESP_FMM_LEAF) k = ESP_FMM_LEAF;
  return k < count ? k : (count - 1) / ESP_FMM_LEAF * ESP_FMM_LEAF;
}

static void sort_along(work *w, int first, int count, int axis) {
  for (int i = first; i < first + count; i++) w->order[i].key = axis < 3 ? place(w, w->order + i, axis) : 0;
  qsort(w->order + first, (size_t)count, sizeof *w->order, by_key);
}

static void box_make(const work *w, int first, int count, esp_fmm_box *box) {
  for (int a = 0; a < 3; a++) {
    box->lo[a] = box->hi[a] = place(w, w->order + first, a);
    for (int i = first; i < first + count; i++) {
      box->lo[a] = fmin(box->lo[a], place(w, w->order + i, a));
      box->hi[a] = fmax(box->hi[a], place(w, w->order + i, a));
    }
  }
  esp_fmm_box_close(box);
}

static void grow(work *w, int row, int first, int count, int level) {
  node *I = w->node + row;
  box_make(w, first, count, &I->box);
  I->first = first;
  I->count = count;
  if (count <= ESP_FMM_LEAF) {
    sort_along(w, first, count, 3); /* by id alone */
    for (int i = first; i < first + count; i++) {
      for (int a = 0; a < 3; a++) w->x[i][a] = place(w, w->order + i, a);
      w->m[i] = ldexp(w->bodies->mass[w->order[i].body], -w->scale.mass);
    }
    esp_fmm_sums_leaf(w->param->order, count, w->x + first, w->m + first, &I->sums);
  } else {
    int axis = 0;
    for (int a = 1; a < 3; a++)
      if (I->box.hi[a] - I->box.lo[a] > I->box.hi[axis] - I->box.lo[axis]) axis = a;
    sort_along(w, first, count, axis);
    const int left = left_count(w->order + first, count, level, I->box.lo[axis], I->box.hi[axis]);
    I->cell.right = row + left / 8;
    grow(w, row + 1, first, left, level + 1);
    grow(w, I->cell.right, first + left, count - left, level + 1);
    esp_fmm_sums_join(w->param->order, &w->node[row + 1].sums, &w->node[I->cell.right].sums, &I->sums);
  }
  esp_fmm_cell_close(&I->sums, &I->box, &I->cell);
}

int esp_fmm_plain_grow(work *w) {
  if (w->n) grow(w, 0, 0, w->n, 0);
  for (int k = 0; k < w->nodes; k++)
    ESP_CALL(
        esp_fmm_scale_admit(&w->scale, w->node[k].box.radius, w->bodies->position[w->order[w->node[k].first].body]));
  return ESP_OK;
}

/* ---- |a| ---- */

static int contains(const node *J, const node *I) {
  return J->first <= I->first && I->first + I->count <= J->first + J->count;
}

/* What a body of I feels of the nearest of the others in I, as if they were spread evenly; the heaviest left out. */
static double grain(const work *w, const node *I) {
  static const double root3[] = {1, 1.26, 1.59, 2, 2.52, 3.17, 4}; /* of 2^k */
  double mass = 0, heaviest = 0;
  int k = 0;
  for (int i = I->first; i < I->first + I->count; i++) {
    mass += w->m[i];
    heaviest = fmax(heaviest, w->m[i]);
  }
  while (1 << k < I->count) k++;
  const double apart = I->box.radius / root3[k], q = apart * apart + w->eps2;
  return q > 0 ? (mass - heaviest) / I->count * apart / (q * sqrt(q)) : 0;
}

static double squared(const double *x) {
  return (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2];
}

/* The square of the distance of a place from a node's box. */
static double gap_squared(const node *I, const double *c) {
  double x[3];
  for (int a = 0; a < 3; a++) x[a] = fmax(fabs(I->box.centre[a] - c[a]) - I->box.half[a], 0);
  return squared(x);
}

/* Monopoles of all but I, and of what touches it, at its centre, softened by their extent; the k-th of the queue is added to sum
 * k mod 16. What touches it may be a clump of which I holds a few bodies, which do not feel it as the centre does. */
static double estimate(const work *w, const node *I, int *queue) {
  double A[3][ESP_FMM_LEAF] = {{0}}, square = grain(w, I);
  square *= square;
  int count = 1;
  queue[0] = 0;
  for (int k = 0; k < count; k++) {
    const node *J = w->node + queue[k];
    double x[3];
    for (int a = 0; a < 3; a++) x[a] = J->cell.c[a] - I->box.centre[a];
    const double d2 = (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2], r = (double)J->cell.radius, r2 = r * r;
    if (J->cell.right && !contains(I, J) && (contains(J, I) || r2 >= d2)) {
      queue[count++] = queue[k] + 1;
      queue[count++] = J->cell.right;
    } else if (!contains(I, J) && gap_squared(I, J->cell.c) >= 0.0625 * (I->box.radius * I->box.radius)) {
      const double q = (d2 + 0.25 * r2) + w->eps2, f = q > 0 ? (double)J->cell.mass / (q * sqrt(q)) : 0;
      for (int a = 0; a < 3; a++) A[a][k % ESP_FMM_LEAF] += f * x[a];
    }
  }
  for (int a = 0; a < 3; a++) {
    for (int half = ESP_FMM_LEAF / 2; half; half /= 2)
      for (int l = 0; l < half; l++) A[a][l] += A[a][l + half];
    square += A[a][0] * A[a][0];
  }
  return sqrt(square);
}

static double given(const work *w, const node *I) {
  double least = INFINITY;
  for (int i = I->first; i < I->first + I->count; i++)
    least = fmin(least, w->bodies->previous[w->order[i].body] / w->unit);
  return least;
}

/* above: the estimate of a node that holds this one; < 0: none yet. */
static double find_least(work *w, int row, double above, int *queue) {
  node *I = w->node + row;
  if (above < 0 && I->count <= ESP_FMM_ESTIMATE && !w->bodies->previous) above = estimate(w, I, queue);
  I->least = above >= 0 ? above : INFINITY;
  if (w->bodies->previous) I->least = given(w, I);
  if (!I->cell.right) return I->least;
  const double left = find_least(w, row + 1, above, queue), right = find_least(w, I->cell.right, above, queue);
  return I->least = fmin(I->least, fmin(left, right));
}

static void add_terms(work *w, int slot, const double *L) {
  w->potential[slot] -= L[0];
  for (int a = 0; a < 3; a++) w->a[slot][a] += L[1 + a];
}

/* ---- lists ---- */

static int acts_as_cell(const work *w, const node *I, const esp_fmm_gate *g, const esp_fmm_cell *J) {
  return esp_fmm_acts_as_cell(w->param->order, g->t, J, gap_squared(I, J->c), w->eps2);
}

static esp_fmm_kind judge(const work *w, const node *I, const esp_fmm_gate *g, const node *J) {
  double x[3];
  for (int a = 0; a < 3; a++) x[a] = I->box.centre[a] - J->cell.c[a];
  const double d2 = squared(x);
  if (!(J->cell.mass > 0)) return ESP_FMM_NOTHING;
  if (esp_fmm_expands(g, w->param->order + 2, &J->cell, d2, w->eps2)) return ESP_FMM_EXPAND;
  if (I->count <= ESP_FMM_RECEIVERS && acts_as_cell(w, I, g, &J->cell)) return ESP_FMM_CELL;
  return ESP_FMM_NEAR;
}

/* ---- receivers ---- */

static void pairs(work *w, const node *I, const node *J) {
  for (int i = I->first; i < I->first + I->count; i++)
    for (int j = J->first; j < J->first + J->count; j++) {
      const double r[3] = {w->x[j][0] - w->x[i][0], w->x[j][1] - w->x[i][1], w->x[j][2] - w->x[i][2]};
      const double q = squared(r) + w->eps2, u = q > esp_fmm_together ? 1 / sqrt(q) : 0, f = w->m[j] * u;
      w->potential[i] -= i == j ? 0 : f;
      for (int a = 0; a < 3; a++) w->a[i][a] += f * u * u * r[a];
    }
}

static int coincide(const double *x, const double *y) {
  return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static int holds(const node *J, int slot) {
  return J->first <= slot && slot < J->first + J->count;
}

static void act(work *w, const node *I, const node *J, esp_fmm_kind kind, double *L) {
  const int order = w->param->order;
  if (w->witness) w->witness->entry(w->witness->context, kind, I->first, I->count, J->first, J->count);
  if (kind == ESP_FMM_EXPAND) esp_fmm_expand(&J->sums, w->eps2, I->box.centre, order - 1, order, order, L);
  if (kind == ESP_FMM_NEAR) pairs(w, I, J);
  const int moments = order == 2 ? 0 : 2;
  for (int i = I->first; kind != ESP_FMM_NEAR && i < I->first + I->count; i++) {
    double at[4] = {0};
    if (holds(J, i) && w->eps2 > 0) at[0] -= w->m[i] / sqrt(w->eps2);
    if (kind == ESP_FMM_CELL && !(coincide(w->x[i], J->cell.c) && w->eps2 == 0))
      esp_fmm_expand(&J->sums, w->eps2, w->x[i], moments, moments + 1, 1, at);
    add_terms(w, i, at);
  }
}

/* The receiver of this row: the expansion of its parent about `from` (NULL: none), and what the parent left. queue has
 * room for all nodes. */
static int receive(work *w, int row, const double *above, const double *from, int count, const int *left) {
  const node *I = w->node + row;
  const int leaf = I->count <= ESP_FMM_RECEIVERS, order = w->param->order;
  const esp_fmm_gate gate = esp_fmm_gate_make(order, I->box.radius, w->param->tolerance * fmax(I->least, w->floor));
  double L[ESP_FMM_TERMS] = {0};
  int rc = ESP_OK, *queue = NULL, kept = 0;
  ESP_CALL(ESP_ALLOC(queue, w->nodes));
  memcpy(queue, left, (size_t)count * sizeof *queue);
  if (above) esp_fmm_move(order, above, from, I->box.centre, order, L);
  for (int k = 0; k < count; k++) {
    const int j = queue[k];
    const node *J = w->node + j;
    const esp_fmm_kind kind = judge(w, I, &gate, J);
    if (kind == ESP_FMM_NEAR && J->cell.right > 0 && (leaf || (double)J->cell.radius > gate.r)) {
      queue[count++] = j + 1;
      queue[count++] = J->cell.right;
    } else if (kind == ESP_FMM_NEAR && !leaf) {
      queue[kept++] = j;
    } else {
      act(w, I, J, kind, L);
    }
  }
  for (int i = I->first; leaf && i < I->first + I->count; i++) {
    double at[4] = {0};
    esp_fmm_move(order, L, I->box.centre, w->x[i], 1, at);
    add_terms(w, i, at);
  }
  if (!leaf) {
    ESP_TRY(receive(w, row + 1, L, I->box.centre, kept, queue));
    ESP_TRY(receive(w, I->cell.right, L, I->box.centre, kept, queue));
  }
done:
  ESP_FREE(queue);
  return rc;
}

/* ---- the whole ---- */

void esp_fmm_plain_free(work *w) {
  ESP_FREE(w->order);
  ESP_FREE(w->x);
  ESP_FREE(w->m);
  ESP_FREE(w->a);
  ESP_FREE(w->potential);
  ESP_FREE(w->node);
}

int esp_fmm_plain_create(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_witness *witness,
                         work *w) {
  *w = (work){.param = param, .bodies = bodies, .witness = witness, .n = bodies->n};
  ESP_CALL(esp_fmm_scale_make(esp_comm_self(), param, bodies, &w->scale));
  w->unit = esp_fmm_scale_acceleration(&w->scale);
  w->eps2 = w->scale.softening * w->scale.softening;
  w->nodes = w->n ? 2 * ((w->n - 1) / ESP_FMM_LEAF + 1) - 1 : 0;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(w->order, w->n));
  ESP_TRY(ESP_ALLOC(w->x, w->n));
  ESP_TRY(ESP_ALLOC(w->m, w->n));
  ESP_TRY(ESP_ALLOC(w->a, w->n));
  ESP_TRY(ESP_ALLOC(w->potential, w->n));
  ESP_TRY(ESP_ALLOC(w->node, w->nodes));
  for (int i = 0; i < w->n; i++) w->order[i] = (esp_fmm_plain_body){0, bodies->id ? bodies->id[i] : i, i};
done:
  if (rc) esp_fmm_plain_free(w);
  return rc;
}

static void deliver(const work *w, const esp_fmm_result *result) {
  const double potential = esp_fmm_scale_potential(&w->scale);
  for (int k = 0; k < w->n; k++) {
    const int i = w->order[k].body;
    for (int a = 0; a < 3 && result->acceleration; a++) result->acceleration[i][a] = w->unit * w->a[k][a];
    if (result->potential) result->potential[i] = potential * w->potential[k];
    if (result->slot) result->slot[i] = k;
  }
}

/* A floor of |a|, so that a body at rest among the others does not open them all. */
static double least_of_all(const work *w) {
  const node *root = w->node;
  const double q = root->box.radius * root->box.radius + w->eps2;
  return q > 0 ? 0x1p-30 * root->sums.raw[0] / q : 0;
}

int esp_fmm_specification(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result) {
  work w;
  int rc = ESP_OK, *queue = NULL;
  const int root = 0;
  ESP_CALL(esp_fmm_plain_create(param, bodies, result->witness, &w));
  ESP_TRY(ESP_ALLOC(queue, w.nodes));
  if (w.n) {
    ESP_TRY(esp_fmm_plain_grow(&w));
    w.floor = least_of_all(&w);
    find_least(&w, 0, -1, queue);
    ESP_TRY(receive(&w, 0, NULL, NULL, 1, &root));
  }
  deliver(&w, result);
done:
  ESP_FREE(queue);
  esp_fmm_plain_free(&w);
  return rc;
}

int esp_fmm_all_pairs(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result) {
  work w;
  ESP_CALL(esp_fmm_plain_create(param, bodies, result->witness, &w));
  for (int i = 0; i < w.n; i++) {
    for (int a = 0; a < 3; a++) w.x[i][a] = place(&w, w.order + i, a);
    w.m[i] = ldexp(bodies->mass[i], -w.scale.mass);
  }
  const node all = {.count = w.n};
  pairs(&w, &all, &all);
  deliver(&w, result);
  esp_fmm_plain_free(&w);
  return ESP_OK;
}
