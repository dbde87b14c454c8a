#include <math.h>
#include <string.h>

#include "fmm/adjoint_work.h"
#include "fmm/trade.h"

enum { MASS = 20, DIPOLE = 35 }; /* terms up to order 3, 4 */

/* What a node has beside its weights: about its centre sum m y^n / n!, and sum over a of sum g_a y^(n-a) / (n-a)!; shares. */
typedef struct {
  double mass[MASS], g[DIPOLE];
  esp_fmm_shares share;
} sums;
_Static_assert(sizeof(sums) <= ESP_FMM_MORE * sizeof(double), "a piece's root tells it to all");

int esp_fmm_adjoint_row(int order) {
  static const int numbers[ESP_FMM_ORDER_MAX + 1] = {[3] = 16, [4] = 32, [5] = 56};
  return numbers[order];
}

static int terms(int order) {
  return (order + 1) * (order + 2) * (order + 3) / 6;
}

/* Products of terms, made once: term `to` of one factor and term `by` of the other make term `of`. */
typedef struct {
  uint8_t of, to, by, axis;
} product;

typedef struct {
  int count, masses, order[DIPOLE]; /* terms, those of masses, the order of each */
  double over[DIPOLE];              /* by[t] = by[less[t]] y[axis[t]] over[t], of y^t / t! */
  uint8_t less[DIPOLE], axis[DIPOLE];
  int dipoles, shifts;
  product dipole[3 * DIPOLE],
      shift[MASS * DIPOLE]; /* of g_axis and `by`; of a moment `to` and `by`, by ascending `of` */
} tables;

static void add_term(tables *x, const int *e) {
  const int t = esp_fmm_term(e[0], e[1], e[2]);
  for (int a = 2; a >= 0; a--) {
    int less[3] = {e[0], e[1], e[2]};
    if (!less[a]--) continue;
    const int by = esp_fmm_term(less[0], less[1], less[2]);
    x->less[t] = (uint8_t)by;
    x->axis[t] = (uint8_t)a;
    x->over[t] = 1.0 / e[a];
    x->dipole[x->dipoles++] = (product){.of = (uint8_t)t, .by = (uint8_t)by, .axis = (uint8_t)a};
  }
  for (int a = 0; a <= e[0]; a++)
    for (int b = 0; b <= e[1]; b++)
      for (int c = 0; c <= e[2]; c++)
        x->shift[x->shifts++] = (product){.of = (uint8_t)t,
                                          .to = (uint8_t)esp_fmm_term(a, b, c),
                                          .by = (uint8_t)esp_fmm_term(e[0] - a, e[1] - b, e[2] - c)};
}

static tables list_terms(int order) {
  tables x = {.count = terms(order), .masses = terms(order - 1)};
  for (int n = 0; n <= order; n++)
    for (int a = n; a >= 0; a--)
      for (int b = n - a; b >= 0; b--) {
        x.order[esp_fmm_term(a, b, n - a - b)] = n;
        add_term(&x, (int[]){a, b, n - a - b});
      }
  return x;
}

/* by[t] = y^t / t!. */
static void monomials(const tables *x, const double *y, double *by) {
  by[0] = 1;
  for (int t = 1; t < x->count; t++) by[t] = by[x->less[t]] * (y[x->axis[t]] * x->over[t]);
}

static void add_body(const tables *x, const double *y, double m, const double *g, sums *to) {
  double by[DIPOLE];
  monomials(x, y, by);
  for (int t = 0; t < x->masses; t++) to->mass[t] += m * by[t];
  for (int k = 0; k < x->dipoles; k++) to->g[x->dipole[k].of] += g[x->dipole[k].axis] * by[x->dipole[k].by];
}

/* to += those of a child whose centre lies at d. */
static void shift(const tables *x, const sums *from, const double *d, sums *to) {
  double by[DIPOLE];
  monomials(x, d, by);
  for (int k = 0; k < x->shifts; k++) {
    const product p = x->shift[k];
    to->g[p.of] += from->g[p.to] * by[p.by]; /* g[0] is 0 */
    if (p.of < x->masses) to->mass[p.of] += from->mass[p.to] * by[p.by];
  }
}

static sums two(const tables *x, const double *c, const sums *left, const double *c_left, const sums *right,
                const double *c_right) {
  sums all = {.share = esp_fmm_shares_join(&left->share, &right->share)};
  double d[2][3];
  for (int a = 0; a < 3; a++) {
    d[0][a] = c_left[a] - c[a];
    d[1][a] = c_right[a] - c[a];
  }
  shift(x, left, d[0], &all);
  shift(x, right, d[1], &all);
  return all;
}

static void row_close(const tables *x, const sums *s, float radius, float *row) {
  const double scale = (double)esp_fmm_cell_scale(radius), inverse = scale > 0 ? 1 / scale : 0;
  const int masses = x->masses;
  for (int t = 0; t < x->count; t++) {
    const int n = x->order[t];
    double power = 1;
    for (int k = 1; k < n; k++) power *= -inverse;
    if (t) row[masses + t - 1] = (float)(s->g[t] * power);
    if (t < masses) row[t] = (float)(s->mass[t] * (n ? -inverse * power : 1));
  }
}

/* ---- up ---- */

static sums climb(esp_fmm_work *w, const tables *x, int row) {
  const esp_fmm_cell *cell = w->own.cell + row;
  sums to = {.mass = {0}};
  if (cell->right > 0) {
    const sums left = climb(w, x, row + 1), right = climb(w, x, cell->right);
    to = two(x, cell->c, &left, w->own.cell[row + 1].c, &right, w->own.cell[cell->right].c);
  } else {
    const int first = -cell->right, count = (int)cell->count;
    const double(*sent)[ESP_FMM_SENT] = (const double(*)[ESP_FMM_SENT])(w->extra + (size_t)first * ESP_FMM_SENT);
    for (int j = 0; j < count; j++) {
      double y[3];
      for (int a = 0; a < 3; a++) y[a] = w->x[a][first + j] - cell->c[a];
      add_body(x, y, sent[j][0], sent[j] + 1, &to);
    }
    to.share = esp_fmm_shares_leaf(count, sent);
  }
  w->adjoint->share[row] = to.share;
  row_close(x, &to, cell->radius, w->own.moment + (size_t)row * (size_t)w->moments);
  return to;
}

static int upward(esp_fmm_work *w) {
  const tables x = list_terms(w->order - 1);
  ESP_CALL(ESP_ALLOC(w->adjoint->share, w->own.rows));
  esp_fmm_upward(w);
  for (int k = 0; k < w->share.pieces; k++) {
    const esp_fmm_piece *p = w->share.piece + k;
    const sums all = climb(w, &x, p->row);
    memcpy(w->root[p->number].more, &all, sizeof all);
  }
  return ESP_OK;
}

static void join(const esp_fmm_work *w, const esp_fmm_gathered *left, const esp_fmm_gathered *right,
                 esp_fmm_gathered *to) {
  const tables x = list_terms(w->order - 1);
  sums l, r;
  memcpy(&l, left->more, sizeof l);
  memcpy(&r, right->more, sizeof r);
  esp_fmm_sums_join(w->param->order, &left->sums, &right->sums, &to->sums);
  const sums all = two(&x, to->sums.c, &l, left->sums.c, &r, right->sums.c);
  memcpy(to->more, &all, sizeof all);
}

static void close_row(const esp_fmm_work *w, const esp_fmm_gathered *of, const esp_fmm_node *box, esp_fmm_rows *tree,
                      int row) {
  const tables x = list_terms(w->order - 1);
  sums all;
  memcpy(&all, of->more, sizeof all);
  esp_fmm_row_close(w, &of->sums, box, tree, row);
  row_close(&x, &all, tree->cell[row].radius, tree->moment + (size_t)row * (size_t)w->moments);
}

/* ---- tides ---- */

static double find_least(esp_fmm_work *w, int row, esp_fmm_tides here) {
  const esp_fmm_weights *weights = w->adjoint->weights;
  const esp_fmm_shares *share = w->adjoint->share;
  esp_fmm_node *I = w->own.node + row;
  const int left = row + 1, right = w->own.cell[row].right;
  if (w->own.cell[row].count <= ESP_FMM_RECEIVERS)
    return I->least = esp_fmm_tides_of(weights, here, I->radius, w->eps2, share + row);
  const esp_fmm_tides of_left = esp_fmm_tides_below(weights, here, I->radius, w->eps2, share + right);
  const esp_fmm_tides of_right = esp_fmm_tides_below(weights, here, I->radius, w->eps2, share + left);
  const double one = find_least(w, left, of_left), two = find_least(w, right, of_right);
  return I->least = fmin(one, two);
}

static esp_fmm_shares shares_of(const esp_fmm_work *w, int at) {
  const esp_fmm_top_node *node = w->top.node + at;
  if (node->piece >= 0) {
    sums all;
    memcpy(&all, w->root[node->piece].more, sizeof all);
    return all.share;
  }
  const esp_fmm_shares left = shares_of(w, node->child[0]), right = shares_of(w, node->child[1]);
  return esp_fmm_shares_join(&left, &right);
}

/* Of the pieces held below a node of the top. */
static void descend(esp_fmm_work *w, int at, esp_fmm_tides here) {
  const esp_fmm_top_node *node = w->top.node + at;
  for (int k = 0; node->piece >= 0 && k < w->share.pieces; k++)
    if (w->share.piece[k].number == node->piece) find_least(w, w->share.piece[k].row, here);
  for (int k = 0; node->piece < 0 && k < 2; k++) {
    const esp_fmm_shares sibling = shares_of(w, node->child[1 - k]);
    descend(w, node->child[k], esp_fmm_tides_below(w->adjoint->weights, here, node->box.radius, w->eps2, &sibling));
  }
}

static int least(const esp_fmm_kernels *kernels, esp_fmm_work *w) {
  (void)kernels;
  w->floor = 0; /* the root's tide is one */
  descend(w, 0, (esp_fmm_tides){0, 0});
  return ESP_OK;
}

static int receive(const esp_fmm_kernels *kernels, esp_fmm_work *w) {
  ESP_CALL(kernels->adjoint(w));
  return ESP_OK;
}

const esp_fmm_method esp_fmm_of_adjoint = {-1, 2, upward, least, receive, esp_fmm_weights_act, join, close_row};
