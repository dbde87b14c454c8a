/* Expansions in float32: sixteen cells in lanes into one node, a node into its children, a node onto its bodies. Text of
 * pass.c.
 *
 * Every cell is taken in units of its own distance: with u = (|x|^2 + eps^2)^(-1/2), n = x u, and moments in units of 1/u
 *
 *   L_m += u^(|m| + 1) sum_n M_n u^|n| D_{n+m},   D the derivatives at n with |n|^2 + (eps u)^2 = 1
 *
 * so no power of a distance is formed beyond what the result has, and whatever a cell's size, distance and mass, nothing
 * leaves float32's range that matters. A node's expansion is in units of its own scale (pass.c). */

#include "fmm/cpu/lanes.h"
#include "fmm/work.h"

/* Exponents of the terms in their order. */
static const struct {
  uint8_t e[3];
} term[ESP_FMM_TERMS] = {{{0, 0, 0}}, {{1, 0, 0}}, {{0, 1, 0}}, {{0, 0, 1}}, {{2, 0, 0}}, {{1, 1, 0}}, {{1, 0, 1}},
                         {{0, 2, 0}}, {{0, 1, 1}}, {{0, 0, 2}}, {{3, 0, 0}}, {{2, 1, 0}}, {{2, 0, 1}}, {{1, 2, 0}},
                         {{1, 1, 1}}, {{1, 0, 2}}, {{0, 3, 0}}, {{0, 2, 1}}, {{0, 1, 2}}, {{0, 0, 3}}, {{4, 0, 0}},
                         {{3, 1, 0}}, {{3, 0, 1}}, {{2, 2, 0}}, {{2, 1, 1}}, {{2, 0, 2}}, {{1, 3, 0}}, {{1, 2, 1}},
                         {{1, 1, 2}}, {{1, 0, 3}}, {{0, 4, 0}}, {{0, 3, 1}}, {{0, 2, 2}}, {{0, 1, 3}}, {{0, 0, 4}},
                         {{5, 0, 0}}, {{4, 1, 0}}, {{4, 0, 1}}, {{3, 2, 0}}, {{3, 1, 1}}, {{3, 0, 2}}, {{2, 3, 0}},
                         {{2, 2, 1}}, {{2, 1, 2}}, {{2, 0, 3}}, {{1, 4, 0}}, {{1, 3, 1}}, {{1, 2, 2}}, {{1, 1, 3}},
                         {{1, 0, 4}}, {{0, 5, 0}}, {{0, 4, 1}}, {{0, 3, 2}}, {{0, 2, 3}}, {{0, 1, 4}}, {{0, 0, 5}}};

/* Terms up to an order. */
#define TERMS(n) (((n) + 1) * ((n) + 2) * ((n) + 3) / 6)
#define PLUS(s, t) esp_fmm_term(term[s].e[0] + term[t].e[0], term[s].e[1] + term[t].e[1], term[s].e[2] + term[t].e[2])

/* f^(k) of the softened potential at unit distance: -1 3 -15 .. */
static const float odd_factorial[ESP_FMM_ORDER_MAX + 1] = {1, -1, 3, -15, 105, -945};

/* Derivatives up to order - k of the k-th of the chain: from those of the next, up to one order less. */
ESP_INLINE void chain(const int order, const int k, const fv *x, const fv *next, fv *d) {
  d[0] = fv_all(odd_factorial[k]);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order - k); t++) {
    const int a = term[t].e[0], b = term[t].e[1], c = term[t].e[2];
    const int axis = a == 1 ? 0 : b == 1 ? 1 : c == 1 ? 2 : a ? 0 : b ? 1 : 2, e = term[t].e[axis];
    const int i = a - (axis == 0), j = b - (axis == 1), l = c - (axis == 2);
    d[t] = x[axis] * next[esp_fmm_term(i, j, l)];
    if (e > 1)
      d[t] =
          fv_fma(fv_all((float)(e - 1)), next[esp_fmm_term(i - (axis == 0), j - (axis == 1), l - (axis == 2))], d[t]);
  }
}

ESP_INLINE void derivatives(const int order, const fv *x, fv *D) {
  fv d5[1], d4[4], d3[10], d2[20], d1[35];
  if (order >= 5) chain(order, 5, x, NULL, d5);
  if (order >= 4) chain(order, 4, x, d5, d4);
  if (order >= 3) chain(order, 3, x, d4, d3);
  chain(order, 2, x, d3, d2);
  chain(order, 1, x, d2, d1);
  chain(order, 0, x, d1, D);
}

/* The terms of order m of an expansion. M[0] mass, M[4..] moments. */
ESP_INLINE void contract(const int order, const int m, const fv *M, const fv *D, fv power, fv *L) {
  const int moments = TERMS(m ? order - m : order - 1);
  ESP_UNROLL
  for (int t = TERMS(m - 1); t < TERMS(m); t++) {
    fv sum = M[0] * D[t];
    ESP_UNROLL
    for (int s = 4; s < moments; s++) sum = fv_fma(M[s], D[PLUS(s, t)], sum);
    L[t] = fv_fma(sum, power, L[t]);
  }
}

/* What a node knows of itself: its centre, and the power of two that its lengths are in units of. */
typedef struct {
  double centre[3], inverse; /* 1/scale */
  float eps2;                /* in its units */
} esp_frame;

/* Moments in units of 1/u: those of a cell are in units of its own scale. */
ESP_INLINE void scale_order(const int n, fv power, fv *M) {
  ESP_UNROLL
  for (int k = TERMS(n - 1); k < TERMS(n); k++) M[k] = M[k] * power;
}

/* From the centres of cells to that of the node, in units of the node. */
ESP_INLINE void places(const esp_fmm_work *w, const esp_frame *f, const int *list, fv x[3]) {
#if ESP_WIDTH == 1
  for (int a = 0; a < 3; a++) x[a] = (float)((f->centre[a] - w->tree.cell[list[0]].c[a]) * f->inverse);
#else
  __m128 part[3][WIDTH / 4];
  ESP_UNROLL
  for (int k = 0; k < WIDTH / 4; k++) {
    __m256d c[4];
    const int *four = list + 4 * k;
    dv_columns(w->tree.cell[four[0]].c, w->tree.cell[four[1]].c, w->tree.cell[four[2]].c, w->tree.cell[four[3]].c, c);
    for (int a = 0; a < 3; a++)
      part[a][k] =
          _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_sub_pd(_mm256_set1_pd(f->centre[a]), c[a]), _mm256_set1_pd(f->inverse)));
  }
  for (int a = 0; a < 3; a++) {
#if ESP_WIDTH == 8
    x[a] = (fv)_mm256_insertf128_ps(_mm256_castps128_ps256(part[a][0]), part[a][1], 1);
#else
    __m512 v = _mm512_castps128_ps512(part[a][0]);
    v = _mm512_insertf32x4(_mm512_insertf32x4(v, part[a][1], 1), part[a][2], 2);
    x[a] = (fv)_mm512_insertf32x4(v, part[a][3], 3);
#endif
  }
#endif
}

ESP_INLINE void expand_lanes(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list, fv *L) {
  const float *row[WIDTH];
  fv c[4], M[ESP_FMM_MOMENTS + 1], x[3], D[ESP_FMM_TERMS];
  for (int l = 0; l < WIDTH; l++) row[l] = &w->tree.cell[list[l]].mass;
  fv_columns(row, c);
  places(w, f, list, x);
  for (int l = 0; l < WIDTH; l++) row[l] = w->tree.moment + (size_t)list[l] * (size_t)w->moments;
  ESP_UNROLL
  for (int k = 4; k < TERMS(order - 1); k += 4) {
    fv_columns(row, M + k);
    for (int l = 0; l < WIDTH; l++) row[l] += 4;
  }
  M[0] = c[0];
  fv q = fv_fma(x[2], x[2], fv_all(f->eps2));
  q = fv_fma(x[0], x[0], fv_fma(x[1], x[1], q));
  const fv u = fv_root(fv_min(q, fv_all(0x1p124f)));
  for (int a = 0; a < 3; a++) x[a] = x[a] * u;
  derivatives(order, x, D);
  const fv step = u * (uv_float(fv_bits(c[1]) & 0x7f800000u) * fv_all((float)f->inverse)), step2 = step * step;
  if (order >= 3) scale_order(2, step2, M);
  if (order >= 4) scale_order(3, step2 * step, M);
  if (order >= 5) scale_order(4, step2 * step2, M);
  const fv u2 = u * u, u3 = u2 * u, u4 = u2 * u2, u5 = u3 * u2;
  contract(order, 0, M, D, u, L);
  contract(order, 1, M, D, u2, L);
  contract(order, 2, M, D, u3, L);
  if (order >= 3) contract(order, 3, M, D, u4, L);
  if (order >= 4) contract(order, 4, M, D, u5, L);
  if (order >= 5) contract(order, 5, M, D, u3 * u3, L);
}

/* L += the cells of a list, padded to LANES, each in the lane of its number. */
ESP_INLINE void expand_list(const int order, const esp_fmm_work *w, const esp_frame *f, const int *list, int count,
                            float *L) {
  float lane[ESP_FMM_TERMS][LANES];
  for (int first = 0; first < LANES; first += WIDTH) {
    fv sum[ESP_FMM_TERMS];
    for (int t = 0; t < TERMS(order); t++) sum[t] = fv_all(0);
    for (int k = 0; k < count; k += LANES) expand_lanes(order, w, f, list + k + first, sum);
    for (int t = 0; t < TERMS(order); t++) fv_store(lane[t] + first, sum[t]);
  }
  for (int t = 0; t < TERMS(order); t++) L[t] += lanes_sum(lane[t]);
}

/* to: an expansion about another place, d from the old one in units of the old scale; shrink: the new scale over it. */
ESP_INLINE void move_terms(const int order, const int m, const float *from, const float *by, float power, float *to) {
  ESP_UNROLL
  for (int t = TERMS(m - 1); t < TERMS(m); t++) {
    float sum = from[t];
    ESP_UNROLL
    for (int s = 1; s < TERMS(order - m); s++) sum = fmaf(by[s], from[PLUS(s, t)], sum);
    to[t] = sum * power;
  }
}

ESP_INLINE void move(const int order, const float *from, const float *d, float shrink, float *to) {
  float by[ESP_FMM_TERMS] = {1}, power = shrink;
  ESP_UNROLL
  for (int t = 1; t < TERMS(order); t++) {
    const int a = term[t].e[0], b = term[t].e[1], c = term[t].e[2], axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] * (d[axis] * (1.0f / term[t].e[axis]));
  }
  move_terms(order, 0, from, by, power, to);
  move_terms(order, 1, from, by, power *= shrink, to);
  move_terms(order, 2, from, by, power *= shrink, to);
  if (order >= 3) move_terms(order, 3, from, by, power *= shrink, to);
  if (order >= 4) move_terms(order, 4, from, by, power *= shrink, to);
  if (order >= 5) move_terms(order, 5, from, by, power *= shrink, to);
}

/* Sums of bodies += the expansion of their node: acceleration [3], potential with its sign turned. */
ESP_INLINE void apply(const int order, const float *L, const fv *x, fv *sum) {
  fv by[TERMS(ESP_FMM_ORDER_MAX)];
  by[0] = fv_all(1);
  ESP_UNROLL
  for (int t = 1; t < TERMS(order); t++) {
    const int a = term[t].e[0], b = term[t].e[1], c = term[t].e[2], axis = a ? 0 : b ? 1 : 2;
    by[t] = by[esp_fmm_term(a - (axis == 0), b - (axis == 1), c - (axis == 2))] *
            (x[axis] * fv_all(1.0f / term[t].e[axis]));
  }
  ESP_UNROLL
  for (int e = 0; e < 3; e++) {
    ESP_UNROLL
    for (int t = 0; t < TERMS(order - 1); t++) sum[e] = fv_fma(by[t], fv_all(L[PLUS(e + 1, t)]), sum[e]);
  }
  ESP_UNROLL
  for (int t = 0; t < TERMS(order); t++) sum[3] = fv_fma(by[t], fv_all(L[t]), sum[3]);
}
