#include <math.h>
#include <string.h>

#include "fmm/adjoint.h"
#include "fmm/expansion.h"
#include "fmm/plain.h"
#include "fmm/weight.h"

typedef esp_fmm_plain_node node;

/* A node's moments about its centre, as esp_fmm_expand takes them. */
typedef struct {
  esp_fmm_sums mass, g;
} cell_moments;

typedef struct {
  esp_fmm_weights weights;
  esp_fmm_plain tree;
  double (*sent)[ESP_FMM_SENT];   /* [n] m, g by slot */
  double (*dposition)[3], *dmass; /* [n] by slot */
  cell_moments *moments;          /* [nodes] */
  int order;
} work;

static double squared(const double *x) {
  return (x[0] * x[0] + x[1] * x[1]) + x[2] * x[2];
}

/* ---- moments ---- */

static double power(double x, int n) {
  double p = 1;
  for (int k = 0; k < n; k++) p *= x;
  return p;
}

/* sum m y^n, and what they would lose by moving every body along its g: - sum g . grad y^n. */
static void add_body(const double *y, double m, const double *g, double *mass, double *dipole) {
  for (int n = 0; n <= ESP_FMM_ORDER_MAX - 1; n++)
    for (int a = 0; a <= n; a++)
      for (int b = 0; a + b <= n; b++) {
        const int e[3] = {a, b, n - a - b}, term = esp_fmm_term(e[0], e[1], e[2]);
        const double p[3] = {power(y[0], e[0]), power(y[1], e[1]), power(y[2], e[2])};
        mass[term] += m * p[0] * p[1] * p[2];
        for (int k = 0; k < 3; k++)
          if (e[k]) dipole[term] -= g[k] * e[k] * power(y[k], e[k] - 1) * p[(k + 1) % 3] * p[(k + 2) % 3];
      }
}

static void find_moments(work *w, int row) {
  const node *J = w->tree.node + row;
  cell_moments *to = w->moments + row;
  for (int a = 0; a < 3; a++) to->mass.c[a] = to->g.c[a] = J->cell.c[a];
  for (int j = J->first; j < J->first + J->count; j++) {
    const double *x = w->tree.x[j], y[3] = {x[0] - J->cell.c[0], x[1] - J->cell.c[1], x[2] - J->cell.c[2]};
    add_body(y, w->sent[j][0], w->sent[j] + 1, to->mass.raw, to->g.raw);
  }
}

/* ---- tides ---- */

static esp_fmm_shares shares(const work *w, int row) {
  const node *I = w->tree.node + row;
  if (!I->cell.right) return esp_fmm_shares_leaf(I->count, (const double(*)[ESP_FMM_SENT])(w->sent + I->first));
  const esp_fmm_shares left = shares(w, row + 1), right = shares(w, I->cell.right);
  return esp_fmm_shares_join(&left, &right);
}

static double find_least(work *w, int row, esp_fmm_tides here) {
  node *I = w->tree.node + row;
  const double radius = I->box.radius, eps2 = w->tree.eps2;
  if (I->count <= ESP_FMM_RECEIVERS) {
    const esp_fmm_shares own = shares(w, row);
    return I->least = esp_fmm_tides_of(&w->weights, here, radius, eps2, &own);
  }
  const esp_fmm_shares left = shares(w, row + 1), right = shares(w, I->cell.right);
  const double one = find_least(w, row + 1, esp_fmm_tides_below(&w->weights, here, radius, eps2, &right));
  const double two = find_least(w, I->cell.right, esp_fmm_tides_below(&w->weights, here, radius, eps2, &left));
  return I->least = fmin(one, two);
}

/* ---- receivers ---- */

static esp_fmm_kind judge(const work *w, const node *I, const esp_fmm_gate *g, const node *J) {
  double x[3], gap[3];
  for (int a = 0; a < 3; a++) {
    x[a] = I->box.centre[a] - J->cell.c[a];
    gap[a] = fmax(fabs(x[a]) - I->box.half[a], 0);
  }
  if (!(J->cell.mass > 0)) return ESP_FMM_NOTHING;
  if (esp_fmm_expands(g, w->order + 2, &J->cell, squared(x), w->tree.eps2)) return ESP_FMM_EXPAND;
  const int leaf = I->count <= ESP_FMM_RECEIVERS;
  if (leaf && esp_fmm_weights_act(w->order, g->t, &J->cell, squared(gap), w->tree.eps2)) return ESP_FMM_CELL;
  return ESP_FMM_NEAR;
}

/* H (m g_k - m_k g) and -g . r / q^(3/2) of a sender at y. */
static void hear(work *w, int k, const double *y, double m, const double *g) {
  const double *x = w->tree.x[k], r[3] = {y[0] - x[0], y[1] - x[1], y[2] - x[2]};
  const double q = squared(r) + w->tree.eps2, u = q > esp_fmm_together ? 1 / sqrt(q) : 0, u3 = u * u * u;
  double v[3];
  for (int a = 0; a < 3; a++) v[a] = m * w->sent[k][1 + a] - w->sent[k][0] * g[a];
  const double along = 3 * u * u * ((r[0] * v[0] + r[1] * v[1]) + r[2] * v[2]);
  for (int a = 0; a < 3; a++) w->dposition[k][a] += u3 * (along * r[a] - v[a]);
  w->dmass[k] -= u3 * ((r[0] * g[0] + r[1] * g[1]) + r[2] * g[2]);
}

static void pairs(work *w, const node *I, const node *J) {
  for (int k = I->first; k < I->first + I->count; k++)
    for (int j = J->first; j < J->first + J->count; j++)
      if (j != k) hear(w, k, w->tree.x[j], w->sent[j][0], w->sent[j] + 1);
}

typedef struct {
  double mass[ESP_FMM_TERMS], g[ESP_FMM_TERMS];
} expansions;

static void expand(const work *w, int row, const double *at, expansions *L) {
  const cell_moments *J = w->moments + row;
  esp_fmm_expand(&J->mass, w->tree.eps2, at, w->order - 2, w->order, w->order, L->mass);
  esp_fmm_expand(&J->g, w->tree.eps2, at, w->order - 1, w->order, w->order - 1, L->g);
}

/* Phi: the expansion of masses at the body. */
static void add_terms(work *w, int k, const double *Phi, const double *psi) {
  static const int second[3][3] = {{4, 5, 6}, {5, 7, 8}, {6, 8, 9}};
  for (int a = 0; a < 3; a++) {
    for (int b = 0; b < 3; b++) w->dposition[k][a] += Phi[second[a][b]] * w->sent[k][1 + b];
    w->dposition[k][a] -= w->sent[k][0] * psi[1 + a];
  }
  w->dmass[k] -= psi[0];
}

/* A cell at one place is a body: nothing of itself is left where it is one. */
static void hear_cell(work *w, int k, int row) {
  const cell_moments *J = w->moments + row;
  const double g[3] = {-J->g.raw[1], -J->g.raw[2], -J->g.raw[3]};
  expansions at = {{0}, {0}};
  if (w->tree.node[row].cell.reach == 0) {
    hear(w, k, J->mass.c, J->mass.raw[0], g);
  } else {
    expand(w, row, w->tree.x[k], &at);
    add_terms(w, k, at.mass, at.g);
  }
}

static void act(work *w, const node *I, int row, esp_fmm_kind kind, expansions *L) {
  const node *J = w->tree.node + row;
  const esp_fmm_witness *to = w->tree.witness;
  if (to) to->entry(to->context, kind, I->first, I->count, J->first, J->count);
  if (kind == ESP_FMM_NEAR) pairs(w, I, J);
  if (kind == ESP_FMM_EXPAND) expand(w, row, I->box.centre, L);
  for (int k = I->first; kind == ESP_FMM_CELL && k < I->first + I->count; k++) hear_cell(w, k, row);
}

static void apply(work *w, int k, const double *centre, const expansions *L) {
  double Phi[ESP_FMM_TERMS] = {0}, psi[ESP_FMM_TERMS] = {0};
  esp_fmm_move(w->order, L->mass, centre, w->tree.x[k], 2, Phi);
  esp_fmm_move(w->order - 1, L->g, centre, w->tree.x[k], 1, psi);
  add_terms(w, k, Phi, psi);
}

/* As in the specification of the force. */
static int receive(work *w, int row, const expansions *above, const double *from, int count, const int *left) {
  const node *I = w->tree.node + row;
  const int leaf = I->count <= ESP_FMM_RECEIVERS;
  const esp_fmm_gate gate = esp_fmm_gate_make(w->order - 1, I->box.radius, w->weights.tolerance * I->least);
  expansions L = {{0}, {0}};
  int rc = ESP_OK, *queue = NULL, kept = 0;
  ESP_CALL(ESP_ALLOC(queue, w->tree.nodes));
  memcpy(queue, left, (size_t)count * sizeof *queue);
  if (above) {
    esp_fmm_move(w->order, above->mass, from, I->box.centre, w->order, L.mass);
    esp_fmm_move(w->order - 1, above->g, from, I->box.centre, w->order - 1, L.g);
  }
  for (int k = 0; k < count; k++) {
    const int j = queue[k];
    const node *J = w->tree.node + j;
    const esp_fmm_kind kind = judge(w, I, &gate, J);
    if (kind == ESP_FMM_NEAR && J->cell.right > 0 && (leaf || (double)J->cell.radius > gate.r)) {
      queue[count++] = j + 1;
      queue[count++] = J->cell.right;
    } else if (kind == ESP_FMM_NEAR && !leaf) {
      queue[kept++] = j;
    } else {
      act(w, I, j, kind, &L);
    }
  }
  for (int k = I->first; leaf && k < I->first + I->count; k++) apply(w, k, I->box.centre, &L);
  if (!leaf) {
    ESP_TRY(receive(w, row + 1, &L, I->box.centre, kept, queue));
    ESP_TRY(receive(w, I->cell.right, &L, I->box.centre, kept, queue));
  }
done:
  ESP_FREE(queue);
  return rc;
}

/* ---- the whole ---- */

static void release(work *w) {
  ESP_FREE(w->sent);
  ESP_FREE(w->dposition);
  ESP_FREE(w->dmass);
  ESP_FREE(w->moments);
  esp_fmm_plain_free(&w->tree);
  esp_fmm_weights_free(&w->weights);
}

/* Bodies by slot. */
static int prepare(work *w, const esp_fmm_param *param, const esp_fmm_bodies *bodies, const double (*g)[3],
                   const esp_fmm_witness *witness) {
  *w = (work){.order = 0};
  int rc = ESP_OK;
  ESP_CALL(esp_fmm_weights_create(esp_comm_self(), param, bodies, g, &w->weights));
  w->order = w->weights.order;
  ESP_TRY(esp_fmm_plain_create(&w->weights.param, &w->weights.bodies, witness, &w->tree));
  ESP_TRY(esp_fmm_plain_grow(&w->tree));
  ESP_TRY(ESP_ALLOC(w->sent, bodies->n));
  ESP_TRY(ESP_ALLOC(w->dposition, bodies->n));
  ESP_TRY(ESP_ALLOC(w->dmass, bodies->n));
  ESP_TRY(ESP_ALLOC(w->moments, w->tree.nodes));
  for (int k = 0; k < bodies->n; k++) memcpy(w->sent[k], w->weights.sent[w->tree.order[k].body], sizeof w->sent[k]);
done:
  if (rc) release(w);
  return rc;
}

static void deliver(const work *w, const esp_fmm_gradient *to) {
  for (int k = 0; k < w->tree.n; k++) {
    const int i = w->tree.order[k].body;
    for (int a = 0; a < 3 && to->dposition; a++) to->dposition[i][a] = w->weights.dposition * w->dposition[k][a];
    if (to->dmass) to->dmass[i] = w->weights.dmass * w->dmass[k];
  }
}

int esp_fmm_adjoint_specification(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const double (*g)[3],
                                  const esp_fmm_gradient *to) {
  work w;
  int rc = ESP_OK;
  const int root = 0;
  ESP_CALL(prepare(&w, param, bodies, g, to->witness));
  for (int row = 0; row < w.tree.nodes; row++) find_moments(&w, row);
  if (bodies->n) {
    find_least(&w, 0, (esp_fmm_tides){0, 0});
    ESP_TRY(receive(&w, 0, NULL, NULL, 1, &root));
  }
  deliver(&w, to);
done:
  release(&w);
  return rc;
}

int esp_fmm_adjoint_all_pairs(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const double (*g)[3],
                              const esp_fmm_gradient *to) {
  work w;
  ESP_CALL(prepare(&w, param, bodies, g, NULL));
  const node all = {.count = bodies->n};
  pairs(&w, &all, &all);
  deliver(&w, to);
  release(&w);
  return ESP_OK;
}
