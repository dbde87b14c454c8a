/* A particle a thread, and the stream that passes it: text of cuda/gate.cu and cuda/gate_mlp.cu, which give the CPU's bits
 * (message/cpu/gate_lanes.h). The stream holds the slots of what some lane may hear, ESP_GATE_CHUNK of them; their numbers come
 * through shared memory BATCH at a time, and ESP_GATE_AT_ONCE are met together. */
#include "cuda/gate.h"
#include "cuda/stream.cuh"
#include "message/pairs/gate.h"

namespace {

enum { BATCH = 32, FOLD = 8, WARPS = ESP_CUDA_BLOCK_MAX / 32 };

/* Dynamic shared memory of a block. */
struct room {
  float *entry;              /* [BATCH / 4][entry_row][4]: number n of four entries side by side */
  double *centre;            /* [d] of the block's keys */
  double *total;             /* [threads] */
  unsigned long long *reach; /* |y|^2 beyond which nothing is heard, as bits */
  float *edge;               /* [3][C] of the learned message: ln 2 W3[0], W3[0], W3[1] */
  float *x;                  /* [d][threads] lanes */
  float *fold;               /* [FOLD][threads] */
  int *start, *slot, *warp;  /* [threads + 1], [ESP_GATE_CHUNK], [WARPS] */
  int entry_row;
};

/* Into `memory`; returns its bytes. */
__host__ __device__ size_t room_of(const esp_cuda_gate &p, int threads, unsigned char *memory, room *r) {
  const size_t d = (size_t)p.dim, t = (size_t)threads;
  r->entry_row = p.dim + p.channels + p.width + 1; /* of the widest pass of either message */
  r->entry = (float *)memory;
  r->centre = (double *)(r->entry + BATCH * (size_t)r->entry_row);
  r->total = r->centre + d;
  r->reach = (unsigned long long *)(r->total + t);
  r->edge = (float *)(r->reach + 1);
  r->x = r->edge + 3 * (size_t)p.channels;
  r->fold = r->x + d * t;
  r->start = (int *)(r->fold + FOLD * t);
  r->slot = r->start + t + 1;
  r->warp = r->slot + ESP_GATE_CHUNK;
  return (size_t)((unsigned char *)(r->warp + WARPS) - memory);
}

inline int threads_of(const esp_cuda_gate *p) {
  return p->lists.largest <= 32 ? 32 : (p->lists.largest + 31) / 32 * 32;
}

inline size_t room_bytes(const esp_cuda_gate *p) {
  unsigned char here;
  room r;
  return room_of(*p, threads_of(p), &here, &r);
}

/* The kernel may have them. */
template <class Kernel>
int room_take(const esp_cuda_gate *p, Kernel kernel, size_t *bytes) {
  *bytes = room_bytes(p);
  ESP_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)*bytes));
  return ESP_OK;
}

/* The key of a row along axis a, `times` of it, in the lanes' unit. */
__device__ double place(const esp_cuda_gate &p, const room &r, const double *key, double times, int a) {
  return esp_gate_place(key[a], times, r.centre[a], p.scale);
}

/* A row's numbers in the stream: key, what is behind it, and a 1: which den sums, or the one that the row stands for. */
__device__ float row_number(const esp_cuda_gate &p, const room &r, const double *row, int numbers, int n) {
  if (n < p.dim) return (float)place(p, r, row, 1, n);
  return n < numbers ? (float)row[n] : 1.0f;
}

/* Whether any lane can hear it. */
__device__ int heard(const esp_cuda_gate &p, const room &r, const double *key, double times) {
  double r2 = 0;
  for (int a = 0; a < p.dim; a++) {
    const double y = place(p, r, key, times, a);
    r2 = fma(y, y, r2);
  }
  return !(r2 > __longlong_as_double((long long)*r.reach));
}

/* The block's centre and lanes, of rows whose keys come first, and how far away anything is heard. */
__device__ void load(const esp_cuda_gate &p, const room &r, esp_cuda_run own, const double *rows, int row) {
  const double *first = rows + (size_t)own.first * row, *mine = first + (size_t)threadIdx.x * row;
  const int live = (int)threadIdx.x < own.count;
  for (int a = threadIdx.x; a < p.dim; a += blockDim.x) {
    double sum = 0;
    for (int i = 0; i < own.count; i++) sum += first[(size_t)i * row + a] / own.count;
    r.centre[a] = sum;
  }
  if (threadIdx.x == 0) *r.reach = 0;
  __syncthreads();
  double r2 = 0;
  for (int a = 0; a < p.dim; a++) {
    const double y = live ? place(p, r, mine, 1, a) : 0;
    r.x[a * (int)blockDim.x + (int)threadIdx.x] = (float)y;
    r2 = fma(y, y, r2);
  }
  if (r2 > 0) atomicMax(r.reach, (unsigned long long)__double_as_longlong(r2));
  __syncthreads();
  if (threadIdx.x == 0) {
    const double radius = __longlong_as_double((long long)*r.reach);
    const double reach = (sqrt(radius) + sqrt((double)ESP_FAINT)) * (1 + 1e-4);
    *r.reach = (unsigned long long)__double_as_longlong(reach * reach);
  }
  __syncthreads();
}

/* How many of the threads before this one say so, and how many of all. */
__device__ int rank_of(const room &r, int says, int *all) {
  const int t = threadIdx.x, warps = (int)blockDim.x / 32;
  const unsigned mask = __ballot_sync(0xffffffffu, says);
  int before = __popc(mask & ((1u << (t % 32)) - 1));
  if (t % 32 == 0) r.warp[t / 32] = __popc(mask);
  __syncthreads();
  *all = 0;
  for (int w = 0; w < warps; w++) {
    if (w < t / 32) before += r.warp[w];
    *all += r.warp[w];
  }
  __syncthreads();
  return before;
}

/* Behind the `filled` slots that are in the stream those of the threads that hear; full chunks are flushed, and with `last` what
 * is left. Returns how many are left in it. Flushed in one place, since all of a pass is inlined there. */
template <class Flush>
__device__ int stream_put(const room &r, int filled, int hears, int slot, int last, Flush flush) {
  int all, at = filled + rank_of(r, hears, &all);
  for (filled += all;; at -= ESP_GATE_CHUNK, filled -= ESP_GATE_CHUNK) {
    if (hears && at >= 0 && at < ESP_GATE_CHUNK) r.slot[at] = slot;
    if (filled <= 0) return 0;
    if (filled < ESP_GATE_CHUNK && !last) return filled;
    __syncthreads();
    flush(min(filled, (int)ESP_GATE_CHUNK));
    __syncthreads();
  }
}

/* Particles of runs, whose rows begin with keys. */
template <class Flush>
__device__ int stream_runs(const esp_cuda_gate &p, const room &r, const esp_cuda_run *run, int64_t runs,
                           const double *rows, int row, int filled, int last, Flush flush) {
  const int threads = (int)blockDim.x, t = (int)threadIdx.x;
  int64_t first = 0;
  do {
    const int n = runs - first < threads ? (int)(runs - first) : threads;
    __syncthreads();
    esp_run_starts(run + first, n, r.start);
    const int end = r.start[n];
    int base = 0;
    do {
      int hears = 0, slot = -1;
      if (base + t < end) {
        const int k = esp_run_of(r.start, n, base + t);
        slot = run[first + k].first + base + t - r.start[k];
        hears = heard(p, r, rows + (size_t)slot * row, 1);
      }
      base += threads;
      filled = stream_put(r, filled, hears, slot, last && base >= end && first + threads >= runs, flush);
    } while (base < end);
    first += threads;
  } while (first < runs);
  return filled;
}

/* The stream's entries, BATCH by BATCH: number(slot, n) is the n-th of an entry, 0 behind the last entry; meet(y, j): the
 * four from j on. */
template <class Number, class Meet>
__device__ void stream_meet(const room &r, int filled, int numbers, Number number, Meet meet) {
  for (int first = 0; first < filled; first += BATCH) {
    __syncthreads();
    for (int k = threadIdx.x; k < BATCH * numbers; k += (int)blockDim.x) {
      const int e = k / numbers, n = k % numbers, four = e / ESP_GATE_AT_ONCE;
      r.entry[(four * r.entry_row + n) * ESP_GATE_AT_ONCE + e % ESP_GATE_AT_ONCE] =
          first + e < filled ? number(r.slot[first + e], n) : 0.0f;
    }
    __syncthreads();
    for (int e = 0; e < BATCH && first + e < filled; e += ESP_GATE_AT_ONCE) meet(r.entry + e * r.entry_row, first + e);
  }
}

/* Number n of four entries. */
__device__ __forceinline__ void four_of(const float *y, int n, float *number) {
  const float4 four = reinterpret_cast<const float4 *>(y)[n];
  number[0] = four.x, number[1] = four.y, number[2] = four.z, number[3] = four.w;
}

/* With one tree the block itself, then its near leaves. */
template <class Flush>
__device__ void stream_near(const esp_cuda_gate &p, const room &r, int block, Flush flush) {
  const int64_t first = p.lists.near_start[block], leaves = p.lists.near_start[block + 1] - first;
  int filled = 0;
  for (int near = p.lists.separate; near < 2; near++)
    filled = stream_runs(p, r, near ? p.lists.near + first : p.lists.block + block, near ? leaves : 1, p.source,
                         p.source_row, filled, near, flush);
}

/* Whether two meetings are of the same leaves. */
__device__ int same_leaves(const esp_cuda_lists &lists, const esp_cuda_meeting &a, const esp_cuda_meeting &b) {
  for (int w = 0; w < (lists.leaves + 31) / 32; w++)
    if (lists.seen[a.leaves + w] != lists.seen[b.leaves + w]) return 0;
  return 1;
}

/* The block itself as receivers, for all lanes; then blocks that have leaves of it near, for the lanes of those. flush(filled,
 * met): whether this lane meets them. */
template <class Flush>
__device__ void stream_receivers(const esp_cuda_gate &p, const room &r, int block, const double *receiver,
                                 Flush flush) {
  const esp_cuda_run own = p.lists.block[block];
  const esp_cuda_meeting *meeting = p.lists.meeting;
  const int64_t first = p.lists.meeting_start[block], end = p.lists.meeting_start[block + 1];
  const int row = p.query_row + p.width, slot = own.first + (int)threadIdx.x, live = (int)threadIdx.x < own.count;
  const int mine = esp_leaf_of(p.lists, block, slot);
  int met = live, filled = 0;
  for (int64_t e = p.lists.separate ? first : first - 1; e < end; e++) {
    const int is_own = e < first, last = is_own || e + 1 == end || !same_leaves(p.lists, meeting[e], meeting[e + 1]);
    if (!is_own) met = live && esp_meets(p.lists, meeting[e], mine);
    filled = stream_runs(p, r, is_own ? p.lists.block + block : &meeting[e].receivers, 1, receiver, row, filled, last,
                         [&](int count) { flush(count, met); });
  }
}

/* r2 and G of the lane and four entries. */
template <int D>
__device__ void edges(int dim, const float *y, const float *x, float *r2, float *G) {
  float square[ESP_GATE_AT_ONCE] = {0, 0, 0, 0};
  const int d = D ? D : dim;
#pragma unroll
  for (int a = 0; a < d; a++) {
    float key[ESP_GATE_AT_ONCE];
    four_of(y, a, key);
#pragma unroll
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) square[e] = esp_gate_square(key[e], x[a], square[e]);
  }
#pragma unroll
  for (int e = 0; e < ESP_GATE_AT_ONCE; e++) esp_gate_close(square[e], r2 + e, G + e);
}

/* Into the first d of acc. */
template <int D>
__device__ void moves(int dim, const float *y, const float *x, const float *pull, float *acc) {
  const int d = D ? D : dim;
#pragma unroll
  for (int a = 0; a < d; a++) {
    float key[ESP_GATE_AT_ONCE];
    four_of(y, a, key);
#pragma unroll
    for (int e = 0; e < ESP_GATE_AT_ONCE; e++) acc[a] = esp_gate_move(pull[e], key[e], x[a], acc[a]);
  }
}

/* A sum over lanes, by sixteen threads that lie side by side, of which this is the l-th: to all of them. term(part, lane): the part
 * with the lane's. All threads of a warp call it together. */
template <class Term>
__device__ double lanes_total(int lanes, int l, Term term) {
  float part = 0;
  for (int at = l; at < lanes; at += ESP_LANE) part = term(part, at);
  double sum = (double)part;
  for (int apart = ESP_LANE / 2; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, apart);
  return sum;
}

__device__ void cell_term(int64_t *acc, int place, double term) {
  if (term != 0)
    esp_exact_atomic(ESP_EXACT_CELL_WORDS, ESP_EXACT_CELL_LSB, acc + (size_t)place * ESP_EXACT_CELL_WORDS, term);
}

__device__ void param_term(int64_t *param_acc, int place, double term) {
  if (term != 0)
    esp_exact_atomic(ESP_EXACT_FULL_WORDS, ESP_EXACT_FULL_LSB, param_acc + (size_t)place * ESP_EXACT_FULL_WORDS, term);
}

/* Of a number a lane, in the lanes' order: at the first thread. */
__device__ double row_total(const room &r, int count, double value) {
  __syncthreads();
  r.total[threadIdx.x] = value;
  __syncthreads();
  double sum = 0;
  for (int i = 0; i < count && threadIdx.x == 0; i++) sum += r.total[i];
  return sum;
}

/* Number c of a lane's gradient. */
__device__ void gradient_add(const esp_cuda_gate &p, int c, double sum, double *to) {
  *to = fma(c < p.dim ? p.slope : 1.0, sum, *to);
}

}  // namespace
