/* The learned message between a thread's body and the stream (message/pairs/law.h): text of cuda/body.cu. */
#include "cuda/body_lane.cuh"

namespace {

template <int LAW>
__device__ void weights_load(const esp_cuda_bodies &p, const room &r) {
  const int H = p.hidden;
  const double gain = LAW ? ESP_CUDA_LAW_GAIN : 1;
  const double *w1 = p.param, *w2 = w1 + 2 * H, *w3 = w2 + H, *v = w3 + 3 * H;
  for (int h = threadIdx.x; h < H; h += blockDim.x) {
    r.weight[W1 * H + h] = (float)w1[2 * h];
    r.weight[W1S * H + h] = (float)w1[2 * h + 1];
    r.weight[W2 * H + h] = (float)w2[h];
    for (int f = 0; f < 3; f++) r.weight[(W3 + f) * H + h] = (float)w3[3 * h + f];
    r.weight[V * H + h] = (float)(gain * v[h]);
    for (int m = 0; m < UNITS; m++) r.param[m * H + h] = 0;
  }
}

struct heard {
  float phi, de0, de1, de2;
};

/* given: the row of weights for what the entry has, own: for what the body has. */
template <int SLOPE>
__device__ heard units(const float *w, int H, int given, float s_entry, int own, float s, const esp_edge &e) {
  heard o = {0, 0, 0, 0};
  for (int h = 0; h < H; h++) {
    const float offset = fmaf(w[given * H + h], s_entry, w[W1 * H + h]), v = w[V * H + h];
    const float w0 = w[W3 * H + h], w1 = w[(W3 + 1) * H + h], w2 = w[(W3 + 2) * H + h];
    const float t = esp_law_input(offset, w[own * H + h], s, w0, w1, w2, e.log, e.root, e.inverse);
    const float m = ESP_SIGMOID(t);
    o.phi = fmaf(v, t * m, o.phi);
    if (SLOPE) {
      const float d = esp_law_unit_slope(v, t, m);
      o.de0 = fmaf(d, w0, o.de0);
      o.de1 = fmaf(d, w1, o.de1);
      o.de2 = fmaf(d, w2, o.de2);
    }
  }
  return o;
}

template <int LAW>
__device__ void law_forward(const room &r, const esp_space &space, int H, int filled, lane *t) {
  for (int j = 0; j < filled; j++) {
    const esp_entry e = r.entry[j];
    const esp_edge edge = esp_law_edge(e, space, !LAW, t->x, t->y, t->z);
    const float f = e.w * edge.kappa * units<0>(r.weight, H, W2, r.feature[j], W1S, t->s, edge).phi;
    t->ax = fmaf(f, edge.rx, t->ax);
    t->ay = fmaf(f, edge.ry, t->ay);
    t->az = fmaf(f, edge.rz, t->az);
  }
}

/* dr of one pair into d. */
__device__ void pull(const esp_edge &e, const heard &o, float p, float dphi, float f, float gx, float gy, float gz,
                     float d[3]) {
  const float c = esp_law_along(e.root, e.inverse, e.tidal, p, dphi, f, o.de0, o.de1, o.de2);
  d[0] = fmaf(c, e.rx, f * gx);
  d[1] = fmaf(c, e.ry, f * gy);
  d[2] = fmaf(c, e.rz, f * gz);
}

/* dy_i; of cells, their own dr: sixteen lanes after sixteen. */
template <int LAW>
__device__ void law_receivers(const room &r, const esp_space &space, int H, int filled, int first, int64_t *cell_acc,
                              lane *t) {
  for (int j = 0; j < filled; j++) {
    const esp_entry e = r.entry[j];
    esp_edge edge = esp_law_edge(e, space, !LAW, t->x, t->y, t->z);
    float d[3];
    if (first + j == (int)threadIdx.x) edge.kappa = 0;
    const float p = esp_dot3(edge.rx, edge.ry, edge.rz, t->gx, t->gy, t->gz), dphi = e.w * edge.kappa * p;
    const heard o = units<1>(r.weight, H, W2, r.feature[j], W1S, t->s, edge);
    pull(edge, o, p, dphi, e.w * edge.kappa * o.phi, t->gx, t->gy, t->gz, d);
    t->ax -= d[0];
    t->ay -= d[1];
    t->az -= d[2];
    if (!cell_acc) continue;
    for (int c = 0; c < 3; c++) fold_put(r, *t, c, d[c]);
    __syncthreads();
    if (threadIdx.x < 3) {
      double term = 0;
      for (int base = 0; base < t->padded; base += 16) term += esp_total16(r.fold + threadIdx.x * blockDim.x + base);
      cell_term(cell_acc + ((size_t)r.row[j] * ESP_CUDA_MASS_ADJOINT + threadIdx.x) * ESP_EXACT_CELL_WORDS, term);
    }
    __syncthreads();
  }
}

/* Parameters' gradients of hidden units [h0, h0 + GROUP): a lane's over the chunk, then those of sixteen lanes. */
template <int LAW>
__device__ void law_slopes(const room &r, const esp_space &space, int H, int filled, int first, int h0, const lane &t) {
  float slope[GROUP][UNITS] = {};
  for (int j = 0; j < filled; j++) {
    const esp_entry e = r.entry[j];
    const float s_entry = r.feature[j], *w = r.weight;
    esp_edge edge = esp_law_edge(e, space, !LAW, t.x, t.y, t.z);
    if (first + j == (int)threadIdx.x) edge.kappa = 0;
    const float dphi = e.w * edge.kappa * esp_dot3(edge.rx, edge.ry, edge.rz, t.gx, t.gy, t.gz);
    for (int g = 0; g < GROUP && h0 + g < H; g++) {
      const int h = h0 + g;
      const float x = esp_law_input(fmaf(w[W2 * H + h], s_entry, w[W1 * H + h]), w[W1S * H + h], t.s, w[W3 * H + h],
                                    w[(W3 + 1) * H + h], w[(W3 + 2) * H + h], edge.log, edge.root, edge.inverse);
      const float m = ESP_SIGMOID(x), dt = esp_law_unit_slope(w[V * H + h], x, m) * dphi;
      slope[g][W1] += dt;
      slope[g][W1S] = fmaf(dt, t.s, slope[g][W1S]);
      slope[g][W2] = fmaf(dt, s_entry, slope[g][W2]);
      slope[g][W3] = fmaf(dt, edge.log, slope[g][W3]);
      slope[g][W3 + 1] = fmaf(dt, edge.root, slope[g][W3 + 1]);
      slope[g][W3 + 2] = fmaf(dt, edge.inverse, slope[g][W3 + 2]);
      slope[g][V] = fmaf(dphi, x * m, slope[g][V]);
    }
  }
  for (int g = 0; g < GROUP && h0 + g < H; g++)
    for (int m = 0; m < UNITS; m++) {
      fold_put(r, t, 0, slope[g][m]);
      __syncthreads();
      for (int base = 0; base < t.padded && threadIdx.x == 0; base += 16) {
        double sum = 0;
        for (int l = 0; l < 16; l++) sum += (double)r.fold[base + l];
        r.param[m * H + h0 + g] += sum;
      }
      __syncthreads();
    }
}

__device__ void law_senders_pair(const room &r, int H, int j, const esp_entry &e, const esp_edge &edge, lane *t) {
  float d[3];
  const float p = esp_dot3(edge.rx, edge.ry, edge.rz, e.gx, e.gy, e.gz), dphi = edge.kappa * p;
  const heard o = units<1>(r.weight, H, W1S, r.feature[j], W2, t->s, edge);
  pull(edge, o, p, dphi, edge.kappa * o.phi, e.gx, e.gy, e.gz, d);
  t->ax += d[0];
  t->ay += d[1];
  t->az += d[2];
}

/* One float64 term a (block, number), in the order of the parameter block. */
template <int LAW>
__device__ void law_param_add(const room &r, int H, int64_t *param_acc) {
  const double gain = LAW ? ESP_CUDA_LAW_GAIN : 1;
  __syncthreads();
  for (int k = threadIdx.x; k < UNITS * H; k += blockDim.x) {
    const int m = k / H, h = k % H;
    const double sum = r.param[k] * (m == V ? gain : 1);
    const int to = m < W2 ? 2 * h + m : m == W2 ? 2 * H + h : m < V ? 3 * H + 3 * h + (m - W3) : 6 * H + h;
    if (sum != 0)
      esp_exact_atomic(ESP_EXACT_FULL_WORDS, ESP_EXACT_FULL_LSB, param_acc + (size_t)to * ESP_EXACT_FULL_WORDS, sum);
  }
}

}  // namespace
