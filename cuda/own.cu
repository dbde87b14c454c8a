/* Particles and themselves under the gate: the bits of message/gate.c and message/gate_mlp.c.
 *
 * Order. A row: its square by axes, dLoss/dG by the weight and then the channels, dLoss/drho by the channels. A parameter's term
 * of a group: 0, then its rows in order. A group is a block of threads: a thread a row for what is a row's, all threads side by
 * side for what is a channel's, CHANNELS of them at a time, whose parts a row's thread, or that of a channel's weight, adds from
 * shared memory.
 *
 * Bytes and operations a row and channel: take 24 and 2 (gate_mlp: 32 and some 30), take_back 32 and 4 (gate_mlp: 56 and some 45,
 * and 8 in shared memory); a row besides some 60. */
#include "cuda/inline.h"

#include "cuda/groups.cuh"
#include "cuda/launch.h"
#include "cuda/own.h"
#include "message/pairs/own.h"

namespace {

enum { THREADS = 256, ROWS = ESP_GROUP, CHANNELS = 16, EDGE = 2 };
typedef double parts[ROWS][CHANNELS + 1];

/* Dynamic shared memory of a block. */
struct room {
  double rho[ROWS], G[ROWS], by_scale[ROWS];
  parts by_gate, by_rho, dt; /* the latter two: of the learned message */
};

/* A block's rows. */
struct group {
  size_t first;
  int rows;
};
__device__ __forceinline__ group group_of(int n) {
  const size_t first = (size_t)blockIdx.x * ROWS, left = (size_t)n - first;
  return {first, left < ROWS ? (int)left : (int)ROWS};
}

/* Its query, key and distance, of one of the group's rows. */
__device__ __forceinline__ esp_gate_self self_of(const esp_cuda_own &o, const room *r, const group &g, int row,
                                                 const double *query, const double *source) {
  const size_t i = g.first + (size_t)row;
  return {query + i * (size_t)o.query, source + i * (size_t)o.source, r->rho[row], r->G[row]};
}

/* rho and G of all rows. */
__device__ void distances(const esp_cuda_own &o, room *r, const group &g, double scale, const double *query,
                          const double *source) {
  const int t = threadIdx.x;
  const size_t i = g.first + (size_t)t;
  if (t < g.rows) {
    const esp_gate_self p = esp_gate_self_of(o.dim, scale, query + i * (size_t)o.query, source + i * (size_t)o.source);
    r->rho[t] = p.rho;
    r->G[t] = p.G;
  }
  __syncthreads();
}

template <int LEARNED>
__global__ void __launch_bounds__(THREADS)
    take_kernel(esp_cuda_own o, const double *param, int n, const double *query, const double *source, double *sum) {
  ESP_SHARED(room, r);
  const group g = group_of(n);
  const int wide = o.channels + o.den;
  distances(o, r, g, esp_gate_self_scale(param[0]), query, source);
  for (int k = threadIdx.x; k < g.rows * wide; k += THREADS) {
    const int row = k / wide, c = k % wide;
    const esp_gate_self p = self_of(o, r, g, row, query, source);
    double *to = sum + g.first * (size_t)wide + (size_t)k;
    if (c == o.channels)
      *to -= p.G;
    else if (LEARNED)
      *to -= p.G * esp_silu64(esp_gate_self_input(&p, o.dim + c, param + 1 + EDGE * c));
    else
      *to -= p.G * p.k[o.dim + c];
  }
}

/* The parts of channels first .. of all rows, and what is taken from dquery and dsource. */
template <int LEARNED>
__device__ void channels(const esp_cuda_own &o, room *r, const group &g, int first, const double *param,
                         const double *query, const double *source, const double *dsum, double *dquery,
                         double *dsource) {
  for (int k = threadIdx.x; k < ROWS * CHANNELS; k += THREADS) {
    const int row = k / CHANNELS, e = k % CHANNELS, c = first + e;
    if (row >= g.rows || c >= o.channels) continue;
    const size_t i = g.first + (size_t)row, at = (size_t)(o.dim + c);
    const esp_gate_self p = self_of(o, r, g, row, query, source);
    const double a = dsum[i * (size_t)(o.channels + o.den) + (size_t)c];
    if (LEARNED) {
      const double *w3 = param + 1 + EDGE * c;
      const double dt =
          esp_gate_self_slope(&p, esp_gate_self_input(&p, (int)at, w3), w3, a, &r->by_gate[row][e], &r->by_rho[row][e]);
      dsource[i * (size_t)o.source + at] -= dt;
      dquery[i * (size_t)o.query + at] -= dt;
      r->dt[row][e] = dt;
    } else {
      dsource[i * (size_t)o.source + at] -= p.G * a;
      r->by_gate[row][e] = a * p.k[at];
    }
  }
  __syncthreads();
}

/* The learned message's weights of channels first .. : their terms of this group, a thread each. */
__device__ void weights(const esp_cuda_own &o, const room *r, const group &g, int first, double *term) {
  const int t = (int)threadIdx.x - ROWS, e = t / EDGE, c = first + e;
  if (t < 0 || e >= CHANNELS || c >= o.channels) return;
  const double *by = t % EDGE ? r->G : r->rho;
  double sum = 0;
  for (int row = 0; row < g.rows; row++) sum -= r->dt[row][e] * by[row];
  term[1 + EDGE * c + t % EDGE] = sum;
}

/* term [groups][parameters]. */
template <int LEARNED>
__global__ void __launch_bounds__(THREADS)
    back_kernel(esp_cuda_own o, const double *param, int n, const double *query, const double *source,
                const double *dsum, double *dquery, double *dsource, double *term) {
  ESP_SHARED(room, r);
  const group g = group_of(n);
  const int t = threadIdx.x, lives = t < g.rows, wide = o.channels + o.den;
  const size_t i = g.first + (size_t)t;
  const double scale = esp_gate_self_scale(param[0]);
  double *const own = term + (size_t)blockIdx.x * (size_t)(LEARNED ? 1 + EDGE * o.channels : 1);
  distances(o, r, g, scale, query, source);
  double dG = lives && o.den ? dsum[i * (size_t)wide + (size_t)o.channels] : 0, drho = 0;
  for (int first = 0; first < o.channels; first += CHANNELS) {
    const int here = o.channels - first < CHANNELS ? o.channels - first : (int)CHANNELS;
    channels<LEARNED>(o, r, g, first, param, query, source, dsum, dquery, dsource);
    for (int e = 0; e < here && lives; e++) {
      dG += r->by_gate[t][e];
      if (LEARNED) drho += r->by_rho[t][e];
    }
    if (LEARNED) weights(o, r, g, first, own);
    __syncthreads();
  }
  if (lives) {
    const esp_gate_self p = self_of(o, r, g, t, query, source);
    drho -= p.G * dG;
    r->by_scale[t] =
        esp_gate_self_move(o.dim, &p, scale, drho, dquery + i * (size_t)o.query, dsource + i * (size_t)o.source);
  }
  __syncthreads();
  if (t) return;
  double sum = 0;
  for (int row = 0; row < g.rows; row++) sum += r->by_scale[row];
  own[0] = sum;
}

}  // namespace

void esp_cuda_own_take(const esp_cuda_own *o, const double *param, int n, const double *query, const double *source,
                       double *sum) {
  const auto kernel = o->learned ? take_kernel<1> : take_kernel<0>;
  ESP_START(kernel, esp_parts((size_t)n, ROWS), THREADS, sizeof(room), 0, *o, param, n, query, source, sum);
}

void esp_cuda_own_take_back(const esp_cuda_own *o, const double *param, int n, const double *query,
                            const double *source, const double *dsum, double *dquery, double *dsource,
                            int64_t *param_acc) {
  const size_t numbers = o->learned ? 1 + EDGE * (size_t)o->channels : 1;
  esp_cuda_groups(n, numbers, [=](size_t begin, int rows, size_t groups, double *term) {
    const auto kernel = o->learned ? back_kernel<1> : back_kernel<0>;
    const size_t q = begin * (size_t)o->query, s = begin * (size_t)o->source;
    ESP_START(kernel, (unsigned)groups, THREADS, sizeof(room), 0, *o, param, rows, query + q, source + s,
              dsum + begin * (size_t)(o->channels + o->den), dquery + q, dsource + s, term);
    esp_cuda_remember(esp_cuda_exact_add(groups, numbers, term, param_acc));
  });
}
