/* Far cells of the gate: what the moments of a cell say to a block's receivers, and the adjoint. Text of gate_kernels.h,
 * after gate_pairs.h.
 * The formulas: message/pairs/gate_cells.h, of AT_ONCE receivers at a time. */

enum {
  CELLS_AT_ONCE = 32,                     /* summed in ESP_REAL before they are added in float64 */
  AT_ONCE = (int)(32 / sizeof(ESP_REAL)), /* receivers: a vector no wider than a register, wider ones stay in memory */
  SHARES = ESP_LANE / AT_ONCE
};
typedef ESP_REAL esp_number __attribute__((vector_size(32), aligned(sizeof(ESP_REAL)), may_alias));

ESP_INLINE esp_number esp_number_of(ESP_REAL value) {
  return value - (esp_number){0};
}
ESP_INLINE esp_number esp_number_fma(esp_number a, esp_number b, esp_number c) {
  ESP_REAL to[AT_ONCE];
  esp_number sum;
#pragma omp simd
  for (int l = 0; l < AT_ONCE; l++) to[l] = ESP_FMA(a[l], b[l], c[l]);
  memcpy(&sum, to, sizeof sum);
  return sum;
}
#include "message/pairs/gate_cells.h"

/* x [d], G of lanes base .. */
ESP_INLINE void cell_edge(const int d, const esp_scratch *k, const gate_lanes *t, int base, esp_number *restrict x,
                          esp_number *restrict G) {
  ESP_REAL r2[AT_ONCE] = {0}, g[AT_ONCE], at[AT_ONCE];
  for (int a = 0; a < d; a++) {
    const ESP_REAL *restrict row = t->key + (size_t)a * t->capacity + base, y = k->cell.key[a];
#pragma omp simd
    for (int l = 0; l < AT_ONCE; l++) r2[l] = esp_gate_square(row[l], y, r2[l]);
  }
#pragma omp simd
  for (int l = 0; l < AT_ONCE; l++) esp_gate_close(r2[l], r2 + l, g + l);
  for (int a = 0; a < d; a++) {
    const ESP_REAL *restrict row = t->key + (size_t)a * t->capacity + base, y = k->cell.key[a];
#pragma omp simd
    for (int l = 0; l < AT_ONCE; l++) at[l] = g[l] > 0 ? row[l] - y : 0;
    memcpy(x + a, at, sizeof at);
  }
  memcpy(G, g, sizeof g);
}

ESP_INLINE void cell_forward(const int d, const int order, esp_scratch *k, gate_lanes *t) {
  for (int base = 0; base < t->padded; base += AT_ONCE) {
    esp_number x[d > 8 ? ESP_MAX_DIM : 8], G;
    cell_edge(d, k, t, base, x, &G);
    for (int c = 0; c < k->width; c++) {
      esp_number *acc = (esp_number *)(t->acc + (size_t)c * t->capacity + base);
      *acc = esp_number_fma(G, esp_gate_poly(d, order, k->cell.poly + c * k->cell.moments, x, NULL), *acc);
    }
  }
}

/* lanes_total of `count` vectors of ESP_LANE that lie in shares [SHARES][count]; halves [count][4] is room. The same bits. */
static void cell_totals(const esp_number *share, int count, double *restrict halves, double *restrict to) {
  const ESP_REAL *part = (const ESP_REAL *)share;
  const size_t next = (size_t)count * AT_ONCE;
  for (int m = 0; m < count; m++)
    for (int l = 0; l < 4; l++) {
      double sum[2];
      for (int h = 0; h < 2; h++) {
        const size_t low = (size_t)(4 * h + l), high = low + 8;
        const ESP_REAL *at = part + (size_t)m * AT_ONCE;
        sum[h] = (double)at[low / AT_ONCE * next + low % AT_ONCE] + (double)at[high / AT_ONCE * next + high % AT_ONCE];
      }
      halves[4 * m + l] = sum[0] + sum[1];
    }
#pragma omp simd
  for (int m = 0; m < count; m++) to[m] = (halves[4 * m] + halves[4 * m + 2]) + (halves[4 * m + 1] + halves[4 * m + 3]);
}

/* acc rows: [d] moves; last: the rate. */
ESP_INLINE void cell_receivers(const int d, const int order, esp_scratch *k, gate_lanes *t) {
  enum { ROOM = ESP_MAX_DIM };
  const int M = k->cell.moments, all = k->width * M;
  const size_t row = t->capacity;
  const esp_number share = esp_number_of((ESP_REAL)(0.5 / ESP_LN2));
  esp_number sum[SHARES * ROOM];
  memset(sum, 0, SHARES * (size_t)d * sizeof *sum);
  memset(k->cell.part, 0, SHARES * (size_t)all * sizeof(esp_number));
  for (int base = 0; base < t->padded; base += AT_ONCE) {
    esp_number x[d > 8 ? ROOM : 8], dx[d > 8 ? ROOM : 8], slope[d > 8 ? ROOM : 8], G, score = {0};
    const int h = base / AT_ONCE % SHARES;
    esp_number *part = (esp_number *)k->cell.part + h * all;
    cell_edge(d, k, t, base, x, &G);
    for (int a = 0; a < d; a++) memset(dx + a, 0, sizeof *dx);
    for (int c = 0; c < k->width; c++) {
      const esp_number g = G * *(const esp_number *)(t->value + (size_t)c * row + base);
      score = esp_number_fma(g, esp_gate_poly(d, order, k->cell.poly + c * M, x, slope), score);
      for (int a = 0; a < d; a++) dx[a] = esp_number_fma(g, slope[a], dx[a]);
      esp_gate_monomials(d, order, g, x, part + c * M);
    }
    esp_number *rate = (esp_number *)(t->acc + (size_t)d * row + base);
    for (int a = 0; a < d; a++) {
      const esp_number move = esp_gate_cell_move(dx[a], x[a], score);
      esp_number *acc = (esp_number *)(t->acc + (size_t)a * row + base);
      sum[h * d + a] += move;
      *acc = esp_number_fma(share, move, *acc);
      *rate = esp_number_fma(-share * x[a], move, *rate);
    }
  }
  cell_totals(sum, d, k->cell.halves, k->cell.term);
}

/* Of constant keys: what its channels' moments hear alone. */
ESP_INLINE void cell_moments(const int d, const int order, esp_scratch *k, gate_lanes *t) {
  const int M = k->cell.moments, all = k->form.channels * M;
  memset(k->cell.part, 0, SHARES * (size_t)all * sizeof(esp_number));
  for (int base = 0; base < t->padded; base += AT_ONCE) {
    esp_number x[d > 8 ? ESP_MAX_DIM : 8], G;
    esp_number *part = (esp_number *)k->cell.part + base / AT_ONCE % SHARES * all;
    cell_edge(d, k, t, base, x, &G);
    for (int c = 0; c < k->form.channels; c++) {
      const esp_number g = G * *(const esp_number *)(t->value + (size_t)c * t->capacity + base);
      esp_gate_monomials(d, order, g, x, part + c * M);
    }
  }
}

ESP_INLINE void cell_fixed(const int d, const int order, const int back, esp_scratch *k, gate_lanes *t) {
  if (back && (k->still & ESP_STILL_KEYS))
    cell_moments(d, order, k, t);
  else if (back)
    cell_receivers(d, order, k, t);
  else
    cell_forward(d, order, k, t);
}

#define ESP_CELL_CASE(d, order)       \
  case 4 * (d) + (order):             \
    cell_fixed(d, order, back, k, t); \
    break

ESP_INLINE void cell_any(const int back, esp_scratch *k, gate_lanes *t) {
  switch (4 * k->form.dim + k->form.order) { /* order <= 3 */
    ESP_CELL_CASE(2, 0);
    ESP_CELL_CASE(2, 1);
    ESP_CELL_CASE(2, 2);
    ESP_CELL_CASE(2, 3);
    ESP_CELL_CASE(3, 1);
    ESP_CELL_CASE(3, 2);
    ESP_CELL_CASE(4, 1);
    ESP_CELL_CASE(4, 2);
    ESP_CELL_CASE(4, 3);
    ESP_CELL_CASE(8, 0);
    ESP_CELL_CASE(8, 1);
    ESP_CELL_CASE(8, 2);
    default:
      cell_fixed(k->form.dim, k->form.order, back, k, t);
  }
}

/* What a cell says, and how that changes with ln s through its moments, whose n-th order falls as s^-n. */
static void cell_meet(const esp_scratch *k, const double *cell, ESP_REAL *to) {
  const gate_cell *c = &k->cell;
  const int M = c->moments, d = k->form.dim, all = k->width * M;
  double *P = c->work, *V = P + M;
  for (int w = 0; w < k->width; w++, to += M) {
    const double *moments = cell + d + 1 + w * M;
    esp_moments_hermite(d, k->form.order, moments, P);
    for (int m = 0; m < M; m++) to[m] = (ESP_REAL)(P[m] * c->power[c->degree[m]]);
    for (int m = 0; m < M; m++) V[m] = c->degree[m] * moments[m];
    esp_moments_hermite(d, k->form.order, V, P);
    for (int m = 0; m < M; m++) to[all + m] = (ESP_REAL)(P[m] * c->power[c->degree[m]]);
  }
}

/* The cell at hand; 0 where no lane hears it. */
static int cell_load(esp_scratch *k, size_t row, const double *cell) {
  gate_cell *c = &k->cell;
  const int d = k->form.dim;
  ESP_REAL *all = c->all + row * 2 * (size_t)k->width * (size_t)c->moments;
  if (!(cell[d] > 0) || !key_to(d, k, cell, 1, c->key)) return 0;
  if (c->met[row] != c->pass) cell_meet(k, cell, all);
  c->met[row] = c->pass;
  c->poly = all;
  return 1;
}

/* Its adjoint as the table has it: by K / s through u, and by each P; and what its moments say of s. */
static void cell_close(esp_scratch *k, int64_t *acc) {
  gate_cell *c = &k->cell;
  const int d = k->form.dim, all = k->width * c->moments;
  double *dP = c->term + d;
  if (k->still & ESP_STILL_KEYS) {
    const int said = k->form.channels * c->moments;
    cell_totals((const esp_number *)c->part, said, c->halves, dP);
    for (int m = 0; m < said; m++) dP[m] *= c->power[c->degree[m % c->moments]];
    esp_exact_add_row(&ESP_EXACT_CELL, acc + (size_t)d * ESP_EXACT_CELL_WORDS, dP, said);
    return;
  }
  cell_totals((const esp_number *)c->part, all, c->halves, dP);
  for (int a = 0; a < d; a++) c->term[a] /= -c->power[1];
  for (int m = 0; m < all; m++) {
    const double part = dP[m];
    c->rate[m] = fma(-part, (double)c->poly[all + m], c->rate[m]);
    dP[m] = c->power[c->degree[m % c->moments]] * part;
  }
  esp_exact_add_row(&ESP_EXACT_CELL, acc, c->term, k->w.adjoint);
}

/* The block's far cells; acc of `rows` rows. cell_acc NULL: forward. */
static void cells_say(esp_scratch *k, gate_lanes *t, const esp_pairs *p, int block, int rows, int64_t *cell_acc) {
  const esp_lists *lists = &p->dom->lists;
  const int64_t end = lists->far_start[block + 1];
  for (int64_t e = lists->far_start[block]; e < end;) {
    lanes_clear(t, rows);
    for (int64_t last = e + CELLS_AT_ONCE; e < end && e < last; e++) {
      const size_t row = (size_t)lists->far[e];
      const double *cell = p->cell + row * (size_t)k->w.cell;
      if (!cell_load(k, row, cell)) continue;
      if (!cell_acc) {
        cell_any(0, k, t);
        continue;
      }
      cell_any(1, k, t);
      cell_close(k, cell_acc + row * (size_t)k->w.adjoint * ESP_EXACT_CELL_WORDS);
    }
    lanes_add(k, t, rows);
  }
}
