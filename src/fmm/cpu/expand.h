/* Expansions of the CPU's lanes: sixteen cells in lanes into one node (fmm/pairs/expand.h). Text of pass.c. */

#include "fmm/cpu/lanes.h"
#include "fmm/pairs/expand.h"
#include "fmm/work.h"

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
  fv c[4], M[ESP_FMM_MOMENTS + 1], x[3];
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
  expand_cells(order, (float)f->inverse, f->eps2, c[1], x, M, L);
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
