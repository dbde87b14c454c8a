/* The balanced order of a subtree. Which particles go left at a node, the floor(m / 2) smallest by (key, id), is a set; the last
 * step orders leaves by id; so slots are the CPU's however the particles were moved on the way, and all that is summed are
 * integers.
 *
 * Levels of nodes over ESP_CUDA_ORDER_SMALL particles: extremes by axis, (pca: integer sums and the direction,) keys, then the
 * cut's eight digits by histograms, of ids alike by eight more where several are, and a move. A block takes CHUNK slots, of
 * one node or two. Bytes a particle and level: 16 d + 12 (extremes, keys: gathered) + 8 * 8 (histograms) + 20 (move). The
 * nodes that are small then, once for all levels below (cuda/order_small.cuh): 12 + 8 d log2(SMALL / leaf) bytes and about
 * 2 SMALL comparisons a particle. */
#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/order.h"
#include "tree/principal.h"
#include "tree/slots.h"

namespace {

enum {
  THREADS = 256,
  WARPS = THREADS / 32,
  CHUNK = 1024,
  ROUNDS = CHUNK / THREADS,
  BINS = ESP_CUDA_ORDER_BINS,
  DIGITS = 8
};
constexpr unsigned WHOLE = 0xffffffffu;
typedef unsigned long long word;

/* The slots of a block of threads: of node `node`, and from `border` on of the next one. */
struct chunk {
  int first, end, border;
  int64_t node;
};

__device__ chunk chunk_of(const esp_cuda_order &o, int level) {
  chunk c;
  int64_t offset, count;
  c.first = (int)blockIdx.x * CHUNK;
  c.end = min(c.first + CHUNK, o.count);
  c.node = esp_slots_find(o.count, level, c.first);
  esp_slots_node(o.count, level, c.node, &offset, &count);
  c.border = (int)(offset + count);
  return c;
}

__device__ int nodes_of(const chunk &c) {
  return c.border < c.end ? 2 : 1;
}

/* This thread's e-th slot if it is of the chunk's node `next`; else -1. */
__device__ int slot_of(const chunk &c, int next, int e) {
  const int i = c.first + (int)threadIdx.x + e * THREADS;
  return i < c.end && (i >= c.border) == next ? i : -1;
}

__device__ word warp_sum(word x) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(WHOLE, x, step);
  return x;
}

__device__ int has_normal(const esp_cuda_order &o, int64_t heap) {
  int any = 0;
  for (int a = 0; a < o.dim; a++) any |= o.normal[(heap - 1) * o.dim + a] != 0;
  return any;
}

__global__ void start_kernel(esp_cuda_order o) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < o.count) o.at[0][i] = i;
}

__global__ void begin_kernel(esp_cuda_order o, int level) {
  const int64_t node = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  int64_t offset, count;
  if (node >= (int64_t)1 << level) return;
  esp_slots_node(o.count, level, node, &offset, &count);
  esp_cuda_cut cut = {};
  cut.rank = (int)(count / 2);
  o.cut[node] = cut;
  for (int a = 0; a < o.dim; a++) {
    o.extreme[node * 2 * o.dim + a] = ~(uint64_t)0;
    o.extreme[node * 2 * o.dim + o.dim + a] = 0;
  }
  for (int k = 0; k < esp_cuda_order_words(o.dim) && o.pca; k++) o.sums[node * esp_cuda_order_words(o.dim) + k] = 0;
}

__global__ void extremes_kernel(esp_cuda_order o, int level, const int *at) {
  ESP_SHARED(word, e); /* [2 nodes][least, largest][dim] */
  const chunk c = chunk_of(o, level);
  const int d = o.dim;
  for (int k = (int)threadIdx.x; k < 4 * d; k += THREADS) e[k] = k / d % 2 ? 0 : ~(word)0;
  __syncthreads();
  for (int k = 0; k < d * nodes_of(c); k++) { /* an axis of a node */
    const int next = k / d, a = k % d;
    word least = ~(word)0, most = 0, *to = e + next * 2 * d + a;
    for (int round = 0; round < ROUNDS; round++) {
      const int i = slot_of(c, next, round);
      if (i < 0) continue;
      const word x = esp_slots_image(o.z[(int64_t)at[i] * d + a]);
      least = min(least, x), most = max(most, x);
    }
    for (int step = 16; step > 0; step /= 2) {
      least = min(least, __shfl_xor_sync(WHOLE, least, step));
      most = max(most, __shfl_xor_sync(WHOLE, most, step));
    }
    if (threadIdx.x % 32) continue;
    atomicMin(to, least);
    atomicMax(to + d, most);
  }
  __syncthreads();
  for (int k = (int)threadIdx.x; k < 2 * d * nodes_of(c); k += THREADS) {
    word *to = (word *)o.extreme + c.node * 2 * d + k;
    if (k / d % 2)
      atomicMax(to, e[k]);
    else
      atomicMin(to, e[k]);
  }
}

/* How nodes are cut, but for principal directions. */
__global__ void aim_kernel(esp_cuda_order o, int level) {
  const int64_t node = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (node >= (int64_t)1 << level) return;
  const uint64_t *low = o.extreme + node * 2 * o.dim, *high = low + o.dim;
  double widest = 0, spread = 0;
  esp_cuda_cut *cut = o.cut + node;
  for (int a = 0; a < o.dim; a++) {
    const double s = esp_slots_number(high[a]) - esp_slots_number(low[a]);
    if (a == 0 || s > widest) cut->axis = a, widest = s;
    spread = s > spread ? s : spread;
  }
  if (level < o.learned && has_normal(o, (o.heap << level) + node)) cut->axis = ESP_CUDA_AIM_NORMAL;
  cut->scale = o.pca ? esp_principal_scale(spread) : 0;
  if (cut->scale > 0) cut->axis = ESP_CUDA_AIM_PRINCIPAL;
}

/* A node's sums of one chunk, added to those of its block. */
__device__ void chunk_sums(const esp_cuda_order &o, const chunk &c, int next, const int *at, word *sums) {
  const int d = o.dim;
  const uint64_t *low = o.extreme + (c.node + next) * 2 * d;
  const double scale = o.cut[c.node + next].scale;
  int q[ROUNDS][ESP_PRINCIPAL_DIM];
  for (int e = 0; e < ROUNDS; e++) {
    const int i = slot_of(c, next, e);
    for (int a = 0; a < d; a++)
      q[e][a] = i < 0 ? 0 : (int)esp_principal_digit(o.z[(int64_t)at[i] * d + a], esp_slots_number(low[a]), scale);
  }
  for (int a = -1; a < d; a++)
    for (int b = a < 0 ? 0 : a; b < d; b++, sums++) {
      word sum = 0;
      for (int e = 0; e < ROUNDS; e++) sum += (word)((a < 0 ? 1 : q[e][a]) * q[e][b]);
      sum = warp_sum(sum);
      if (threadIdx.x % 32 == 0) atomicAdd(sums, sum);
    }
}

__global__ void sums_kernel(esp_cuda_order o, int level, const int *at) {
  ESP_SHARED(word, sums); /* [2 nodes][words] */
  const chunk c = chunk_of(o, level);
  const int words = esp_cuda_order_words(o.dim);
  for (int k = (int)threadIdx.x; k < 2 * words; k += THREADS) sums[k] = 0;
  __syncthreads();
  for (int next = 0; next < nodes_of(c); next++)
    if (o.cut[c.node + next].scale > 0) chunk_sums(o, c, next, at, sums + next * words);
  __syncthreads();
  for (int k = (int)threadIdx.x; k < words * nodes_of(c); k += THREADS)
    atomicAdd((word *)o.sums + c.node * words + k, sums[k]);
}

__global__ void direction_kernel(esp_cuda_order o, int level) {
  const int64_t node = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  int64_t offset, count;
  if (node >= (int64_t)1 << level || !(o.cut[node].scale > 0)) return;
  double *square = o.square + node * 2 * o.dim * o.dim;
  esp_slots_node(o.count, level, node, &offset, &count);
  esp_principal_direction(o.dim, count, o.sums + node * esp_cuda_order_words(o.dim), square, square + o.dim * o.dim,
                          o.direction + node * o.dim);
}

__global__ void keys_kernel(esp_cuda_order o, int level, const int *at) {
  const chunk c = chunk_of(o, level);
  for (int i = c.first + (int)threadIdx.x; i < c.end; i += THREADS) {
    const int64_t node = c.node + (i >= c.border);
    const int axis = o.cut[node].axis;
    const double *z = o.z + (int64_t)at[i] * o.dim;
    const double *direction =
        axis == ESP_CUDA_AIM_NORMAL ? o.normal + ((o.heap << level) + node - 1) * o.dim : o.direction + node * o.dim;
    o.key[i] = esp_slots_image(axis >= 0 ? z[axis] : esp_slots_score(o.dim, direction, z));
  }
}

/* A slot's digit if it is like the cut in all digits before; else -1. */
__device__ int digit_of(const esp_cuda_order &o, const esp_cuda_cut &cut, int pass, int slot, const int *at) {
  const int shift = 56 - 8 * (pass % DIGITS), beyond = pass % DIGITS;
  const uint64_t key = o.key[slot];
  uint64_t x = key, like = cut.high;
  if (pass >= DIGITS) {
    if (cut.done || key != cut.high) return -1;
    x = esp_slots_image_id(o.id[at[slot]]), like = cut.low;
  }
  return beyond && x >> (shift + 8) != like >> (shift + 8) ? -1 : (int)(x >> shift & (BINS - 1));
}

__global__ void histogram_kernel(esp_cuda_order o, int level, int pass, const int *at) {
  __shared__ unsigned bins[2 * BINS];
  const chunk c = chunk_of(o, level);
  const int nodes = nodes_of(c);
  const esp_cuda_cut cut[2] = {o.cut[c.node], o.cut[c.node + nodes - 1]};
  if (pass >= DIGITS && cut[0].done && cut[1].done) return; /* all of them */
  for (int k = (int)threadIdx.x; k < 2 * BINS; k += THREADS) bins[k] = 0;
  __syncthreads();
  for (int i = c.first + (int)threadIdx.x; i < c.end; i += THREADS) {
    const int next = i >= c.border, digit = digit_of(o, next ? cut[1] : cut[0], pass, i, at);
    if (digit >= 0) atomicAdd(bins + next * BINS + digit, 1u);
  }
  __syncthreads();
  for (int k = (int)threadIdx.x; k < nodes * BINS; k += THREADS)
    if (bins[k]) atomicAdd(o.bins + c.node * BINS + k, bins[k]);
}

/* The cut's digit, a warp a node. */
__global__ void pick_kernel(esp_cuda_order o, int level, int pass) {
  enum { MINE = BINS / 32 };
  const int64_t node = ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / 32;
  const int lane = threadIdx.x % 32, shift = 56 - 8 * (pass % DIGITS);
  if (node >= (int64_t)1 << level || (pass >= DIGITS && o.cut[node].done)) return; /* whole warps */
  unsigned *from = o.bins + node * BINS + lane * MINE, bin[MINE], sum = 0;
  for (int k = 0; k < MINE; k++) {
    bin[k] = from[k];
    from[k] = 0;
    sum += bin[k];
  }
  unsigned through = sum;
  for (int step = 1; step < 32; step *= 2) {
    const unsigned before = __shfl_up_sync(WHOLE, through, step);
    through += lane >= step ? before : 0;
  }
  unsigned rank = (unsigned)o.cut[node].rank, before = through - sum;
  __syncwarp(WHOLE);
  if (rank <= before || rank > through) return;
  esp_cuda_cut *cut = o.cut + node;
  int k = 0;
  for (; rank - before > bin[k]; k++) before += bin[k];
  const uint64_t digit = (uint64_t)(lane * MINE + k) << shift;
  cut->rank = (int)(rank - before);
  cut->equal = (int)bin[k];
  if (pass < DIGITS)
    cut->high |= digit;
  else
    cut->low |= digit;
  if (pass != DIGITS - 1 || cut->rank != cut->equal) return;
  cut->done = 1;
  cut->low = ~(uint64_t)0;
}

/* Slots to the halves of their nodes, in any order. */
__global__ void move_kernel(esp_cuda_order o, int level, const int *at, int *to) {
  __shared__ int moved[4], base[4]; /* of [node][half] */
  const chunk c = chunk_of(o, level);
  int mine[ROUNDS], half[ROUNDS];
  if (threadIdx.x < 4) moved[threadIdx.x] = 0;
  __syncthreads();
  for (int e = 0; e < ROUNDS; e++) {
    const int i = c.first + (int)threadIdx.x + e * THREADS, next = i >= c.border;
    if (i >= c.end) continue;
    const esp_cuda_cut *cut = o.cut + c.node + next;
    const uint64_t key = o.key[i];
    const int left =
        key < cut->high || (key == cut->high && (cut->done || esp_slots_image_id(o.id[at[i]]) <= cut->low));
    half[e] = 2 * next + !left;
    mine[e] = atomicAdd(moved + half[e], 1);
  }
  __syncthreads();
  if ((int)threadIdx.x < 2 * nodes_of(c))
    base[threadIdx.x] = atomicAdd(o.cut[c.node + threadIdx.x / 2].cursor + threadIdx.x % 2, moved[threadIdx.x]);
  __syncthreads();
  for (int e = 0; e < ROUNDS; e++) {
    const int i = c.first + (int)threadIdx.x + e * THREADS;
    if (i >= c.end) continue;
    const int64_t node = c.node + half[e] / 2;
    int64_t offset, count;
    esp_slots_node(o.count, level, node, &offset, &count);
    const int left = (int)(count / 2), place = base[half[e]] + mine[e];
    if (half[e] % 2)
      to[offset + left + place] = at[i];
    else if (place < left)
      to[offset + place] = at[i];
    else /* an id stands twice */
      to[offset + left + atomicAdd(o.cut[node].cursor + 1, 1)] = at[i];
  }
}

}  // namespace

#include "cuda/order_small.cuh"

namespace {

int split_level(const esp_cuda_order *o, int level, const int *at, int *to) {
  const unsigned nodes = 1u << level, some = (nodes + THREADS - 1) / THREADS, warps = (nodes + WARPS - 1) / WARPS;
  const unsigned chunks = (unsigned)((o->count - 1) / CHUNK + 1);
  const size_t words = (size_t)esp_cuda_order_words(o->dim);
  ESP_LAUNCH(begin_kernel, some, THREADS, 0, 0, *o, level);
  ESP_LAUNCH(extremes_kernel, chunks, THREADS, 4 * o->dim * sizeof(word), 0, *o, level, at);
  ESP_LAUNCH(aim_kernel, some, THREADS, 0, 0, *o, level);
  if (o->pca) {
    ESP_LAUNCH(sums_kernel, chunks, THREADS, 2 * words * sizeof(word), 0, *o, level, at);
    ESP_LAUNCH(direction_kernel, some, THREADS, 0, 0, *o, level);
  }
  ESP_LAUNCH(keys_kernel, chunks, THREADS, 0, 0, *o, level, at);
  for (int pass = 0; pass < 2 * DIGITS; pass++) {
    ESP_LAUNCH(histogram_kernel, chunks, THREADS, 0, 0, *o, level, pass, at);
    ESP_LAUNCH(pick_kernel, warps, THREADS, 0, 0, *o, level, pass);
  }
  ESP_LAUNCH(move_kernel, chunks, THREADS, 0, 0, *o, level, at, to);
  return ESP_OK;
}

}  // namespace

size_t esp_cuda_order_small_room(int dim) {
  const size_t d = (size_t)dim;
  return WARPS * (d + (size_t)esp_cuda_order_words(dim) + 2 * d * d) + SMALL * d;
}

int esp_cuda_order_run(const esp_cuda_order *o, int *order) {
  const int large = esp_cuda_order_large(o->count, o->levels);
  if (o->count == 0) return ESP_OK;
  ESP_LAUNCH(start_kernel, (unsigned)((o->count - 1) / THREADS + 1), THREADS, 0, 0, *o);
  for (int level = 0; level < large; level++) ESP_CALL(split_level(o, level, o->at[level % 2], o->at[(level + 1) % 2]));
  const int64_t room = o->pca ? (int64_t)esp_cuda_order_small_room(o->dim) : 0;
  const unsigned blocks = (unsigned)esp_cuda_order_blocks(o->count, o->levels, o->pca);
  ESP_LAUNCH(small_kernel, blocks, THREADS, 0, 0, *o, large, o->at[large % 2], room, order);
  return ESP_OK;
}
