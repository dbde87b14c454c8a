/* Far cells of the gate (message/pairs/gate_cells.h), a receiver a thread: text of cuda/gate.cu, after cuda/gate_lane.cuh. */
typedef float esp_number;
#define ESP_UNROLL _Pragma("unroll")
ESP_INLINE esp_number esp_number_of(float value) {
  return value;
}
ESP_INLINE esp_number esp_number_fma(esp_number a, esp_number b, esp_number c) {
  return fmaf(a, b, c);
}
#include "message/pairs/gate_cells.h"

namespace {

enum { CELLS_AT_ONCE = 32 }; /* summed in float32 before they are added in float64 */

/* ---- what every cell says: esp_moments_hermite, a number a thread ---- */

/* Places of y_a y_b, of y_a y_b y_c in a row of moments. */
__device__ int place2(int d, int a, int b) {
  return 1 + d + a * d - a * (a - 1) / 2 + b - a;
}
__device__ int tetrahedron(int n) {
  return n * (n + 1) * (n + 2) / 6;
}
__device__ int place3(int d, int a, int b, int c) {
  const int n = d - a, k = b - a;
  return 1 + d + d * (d + 1) / 2 + tetrahedron(d) - tetrahedron(n) + k * n - k * (k - 1) / 2 + c - b;
}

/* The number of the Hermite series of V; weighed: every moment times its degree. */
__device__ double hermite(int d, int order, const esp_cuda_monomial m, int number, int weighed, const double *V) {
  const auto moment = [&](int degree, int at) { return weighed ? degree * V[at] : V[at]; };
  const int a = m.letter[0], b = m.letter[1], c = m.letter[2];
  double P = moment(m.degree, number);
  if (m.degree == 0)
    for (int k = 0; k < d && order >= 2; k++) P -= 0.5 * moment(2, place2(d, k, k));
  if (m.degree == 1)
    for (int k = 0; k < d && order >= 3; k++) P -= 0.5 * moment(3, k <= a ? place3(d, k, k, a) : place3(d, a, k, k));
  if (m.degree == 2) P *= a == b ? 0.5 : 1;
  if (m.degree == 3) P *= a == b && b == c ? 1.0 / 6 : a == b || b == c ? 0.5 : 1;
  return P;
}

__global__ void meet_kernel(esp_cuda_gate p) {
  const int64_t all = (int64_t)p.width * p.moments, at = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (at >= p.rows * all) return;
  const int64_t row = at / all;
  const int number = (int)(at % p.moments);
  const double *V = p.cell + row * p.cell_row + p.dim + 1 + (at % all - number);
  const esp_cuda_monomial m = p.monomial[number];
  for (int weighed = 0; weighed < 2; weighed++)
    p.said[2 * row * all + weighed * all + at % all] =
        (float)(hermite(p.dim, p.order, m, number, weighed, V) * p.power[m.degree]);
}

/* ---- cells met by lanes ---- */

/* x [d], G. */
template <int D>
__device__ float cell_edge(int dim, const float *lane, const float *y, float *x) {
  const int d = D ? D : dim;
  float r2 = 0, held, G;
#pragma unroll
  for (int a = 0; a < d; a++) r2 = esp_gate_square(lane[a], y[a], r2);
  esp_gate_close(r2, &held, &G);
#pragma unroll
  for (int a = 0; a < d; a++) x[a] = G > 0 ? lane[a] - y[a] : 0;
  return G;
}

/* The block's far cells, CELLS_AT_ONCE at a time: begin(), meet(row, key) of each that any lane hears, end(). */
template <class Begin, class Meet, class End>
__device__ void cells_meet(const esp_cuda_gate &p, const room &r, int block, Begin begin, Meet meet, End end) {
  const int64_t last = p.lists.far_start[block + 1];
  for (int64_t first = p.lists.far_start[block]; first < last; first += CELLS_AT_ONCE) {
    const int n = last - first < CELLS_AT_ONCE ? (int)(last - first) : (int)CELLS_AT_ONCE, k = threadIdx.x;
    __syncthreads();
    if (k < n) {
      const int row = p.lists.far[first + k].first;
      const double *cell = p.cell + (size_t)row * p.cell_row;
      r.slot[k] = cell[p.dim] > 0 && heard(p, r, cell, 1) ? row : -1;
      for (int a = 0; a < p.dim; a++) r.entry[k * p.dim + a] = (float)place(p, r, cell, 1, a);
    }
    __syncthreads();
    begin();
    for (int j = 0; j < n; j++)
      if (r.slot[j] >= 0) meet(r.slot[j], r.entry + j * p.dim);
    end();
  }
}

/* h m(x) of the lane `at` added to a part. */
__device__ float monomial_add(const esp_cuda_monomial m, float h, const float *x, int stride, int at, float part) {
  if (m.degree == 0) return part + h;
  for (int k = 0; k + 1 < m.degree; k++) h *= x[m.letter[k] * stride + at];
  return fmaf(h, x[m.letter[m.degree - 1] * stride + at], part);
}

/* A channel's share in the adjoint of a cell, and, unless rate is NULL, in what its moments say of s: from h, fold row 0, and x of all
 * lanes. */
__device__ void cell_close(const esp_cuda_gate &p, const room &r, int lanes, const float *x, const float *poly, int c,
                           double *rate, int64_t *acc) {
  const int M = p.moments, all = p.width * M, threads = blockDim.x;
  for (int first = 0; first < ESP_LANE * M; first += threads) {
    const int at = first + (int)threadIdx.x, m = at / ESP_LANE < M ? at / ESP_LANE : M - 1;
    const esp_cuda_monomial of = p.monomial[m];
    const double part = lanes_total(lanes, at % ESP_LANE, [&](float sum, int lane) {
      return monomial_add(of, r.fold[lane], x, threads, lane, sum);
    });
    if (at % ESP_LANE || at >= ESP_LANE * M) continue;
    if (rate) rate[c * M + m] = fma(-part, (double)poly[all + c * M + m], rate[c * M + m]);
    cell_term(acc, p.dim + c * M + m, p.power[of.degree] * part);
  }
}

/* dLoss/d(K / s) through the lanes' moves, row by row of `move`. */
__device__ void cell_key_close(const esp_cuda_gate &p, int lanes, const float *move, int64_t *acc) {
  const int threads = blockDim.x;
  for (int first = 0; first < ESP_LANE * p.dim; first += threads) {
    const int at = first + (int)threadIdx.x, a = at / ESP_LANE < p.dim ? at / ESP_LANE : p.dim - 1;
    const double part =
        lanes_total(lanes, at % ESP_LANE, [&](float sum, int lane) { return sum + move[a * threads + lane]; });
    if (at % ESP_LANE == 0 && at < ESP_LANE * p.dim) cell_term(acc, a, part / -p.power[1]);
  }
}

}  // namespace
