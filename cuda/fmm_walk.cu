/* Estimates of |a| and lists of the multipole method on a device (fmm/pairs/judge.h), in float64.
 *
 * A walk is 32 threads of a warp, an estimate sixteen, a cell each. Cells come from a queue, and those that are opened put
 * their children at its end, in order: so lists are those of the CPU, whatever is judged at once. Sums of an estimate are its
 * sixteen lanes', of the same sixteens of the queue, halved again and again. A cell judged reads 64 bytes and takes 70
 * operations of float64 in a walk, 45 in an estimate, a root or a quotient counted as one; numbers of the queue are written
 * and read once, those of lists once more. */
#include "cuda/inline.h"

#include "cuda/fmm_lanes.cuh"
#include "cuda/launch.h"
#include "fmm/pairs/judge.h"
#include "fmm/pairs/near.h"

namespace {

enum { THREADS = 128, LANES = 16 };

/* Where a lane of those in `chosen` is among them. */
__device__ __forceinline__ int place_in(unsigned chosen, int lane) {
  return __popc(chosen & ((1u << lane) - 1));
}

__device__ __forceinline__ esp_judged judged(const esp_fmm_cell &cell) {
  esp_judged J;
  for (int a = 0; a < 3; a++) J.c[a] = cell.c[a];
  J.mass = (double)cell.mass;
  J.radius = (double)cell.radius;
  J.b2 = (double)cell.b2;
  J.b4 = (double)cell.b4;
  J.reach = (double)cell.reach;
  J.parent = cell.right;
  return J;
}

__device__ __forceinline__ void add(const esp_cuda_fmm &p, int what, int64_t value) {
  if (value) atomicAdd(p.count + what, (unsigned long long)value);
}

/* The children of the opened ones to the end of a queue of n, if there is room: how long it is then. All lanes of mask, each with its
 * own `lane` there and cell's row; shift: where they begin in the warp. */
__device__ int push(const esp_cuda_fmm &p, unsigned mask, int shift, int lane, int open, int row, int right, int *queue,
                    int n) {
  const int missing = open && right == p.absent;
  const unsigned absent = __ballot_sync(mask, missing), chosen = __ballot_sync(mask, open && !missing);
  const int to = n + 2 * place_in(chosen >> shift, lane), end = n + 2 * __popc(chosen);
  if (lane == 0 && absent) add(p, ESP_CUDA_FMM_MISSING, __popc(absent));
  if (end > p.queue_room) {
    if (lane == 0) atomicMax(p.count + ESP_CUDA_FMM_QUEUE, (unsigned long long)end);
    return -1;
  }
  if (open && !missing) {
    queue[to] = row + 1;
    queue[to + 1] = right;
  }
  __syncwarp(mask);
  return end;
}

/* ---- |a| ---- */

__device__ double grain(const esp_cuda_fmm &p, const esp_cuda_fmm_estimated &of) {
  const int count = (int)(of.end - of.first);
  double mass = 0, heaviest = 0;
  for (int i = of.place; i < of.place + count; i++) {
    mass += p.mass[i];
    heaviest = p.mass[i] > heaviest ? p.mass[i] : heaviest;
  }
  return grain_of(mass, heaviest, count, of.node.radius, p.eps2);
}

__global__ void estimate_kernel(esp_cuda_fmm p, int count, const esp_cuda_fmm_estimated *of, double *least) {
  const int shift = threadIdx.x & LANES, lane = threadIdx.x % LANES;
  const unsigned mask = 0xffffu << shift;
  const int group = (blockIdx.x * blockDim.x + threadIdx.x) / LANES;
  int *queue = p.queue + (size_t)group * p.queue_room;
  for (int i = group; i < count && group < p.queues; i += p.queues) {
    const esp_cuda_fmm_estimated &I = of[i];
    double A[3] = {0, 0, 0};
    int n = 1;
    if (lane == 0) queue[0] = 0;
    __syncwarp(mask);
    for (int k = 0; k < n;) {
      const int batch = n - k < LANES ? n - k : (int)LANES, row = lane < batch ? queue[k + lane] : p.rows;
      const esp_fmm_cell &cell = p.cell[row];
      const esp_judged J = judged(cell);
      const dm opens =
          lane < batch ? pull(&I.node, I.first, I.end, p.eps2, &J, cell.first, cell.first + cell.count, A) : 0;
      n = push(p, mask, shift, lane, opens != 0, row, cell.right, queue, n);
      k += batch;
    }
    double square = grain(p, I);
    square *= square;
    for (int a = 0; a < 3; a++) {
      for (int half = LANES / 2; half; half /= 2) A[a] += __shfl_xor_sync(mask, A[a], half);
      square += A[a] * A[a];
    }
    if (lane == 0) least[i] = sqrt(square);
  }
}

/* ---- lists ---- */

enum { ALL = 32, KINDS = 4 };
/* In the order in which lists lie. */
__device__ __forceinline__ int kind_of(int k) {
  return k == 0 ? (int)ESP_FMM_EXPAND : k == 1 ? (int)ESP_FMM_CELL : k == 2 ? (int)ESP_FMM_NEAR : (int)ESP_FMM_KEEP;
}

/* Judges all of a queue of n, which grows: how long it was; -1: there was no room. kinds [KINDS]: how many of each. */
__device__ int judge_all(const esp_cuda_fmm &p, int leaf, const esp_fmm_node &I, const esp_fmm_gate &gate, int *queue,
                         uint8_t *verdict, int n, int *kinds) {
  const int lane = threadIdx.x % ALL;
  for (int k = 0; k < n;) {
    const int batch = n - k < ALL ? n - k : (int)ALL, row = lane < batch ? queue[k + lane] : p.rows;
    const esp_fmm_cell &cell = p.cell[row];
    const esp_judged J = judged(cell);
    const int v = lane < batch ? (int)judge(p.order, leaf, p.adjoint, &I, &gate, p.eps2, &J) : (int)ESP_FMM_NOTHING;
    if (lane < batch) verdict[k + lane] = (uint8_t)v;
    for (int j = 0; j < KINDS; j++) kinds[j] += __popc(__ballot_sync(~0u, v == kind_of(j)));
    n = push(p, ~0u, 0, lane, v == ESP_FMM_OPEN, row, cell.right, queue, n);
    k += batch;
  }
  return n;
}

/* Room for lists and what is left: where each begins; 0 in *fits: there is none. By all lanes. */
__device__ void reserve(const esp_cuda_fmm &p, int leaf, const int *kinds, int64_t *at, int64_t *left, int *fits) {
  const int lane = threadIdx.x % ALL, listed = kinds[0] + kinds[1] + kinds[2];
  long long begin[2] = {0, 0};
  if (lane == 0) {
    begin[0] = (long long)atomicAdd(p.count + ESP_CUDA_FMM_LISTED, (unsigned long long)listed);
    if (!leaf) begin[1] = (long long)atomicAdd(p.count + ESP_CUDA_FMM_LEFT, (unsigned long long)kinds[3]);
  }
  *at = __shfl_sync(~0u, begin[0], 0);
  *left = __shfl_sync(~0u, begin[1], 0);
  *fits = *at + listed <= p.list_room && (leaf || *left + kinds[3] <= p.left_room);
}

/* Lists from the verdicts. */
__device__ void write_lists(const int *queue, const uint8_t *verdict, int n, const int *kinds, int *list, int *left) {
  const int lane = threadIdx.x % ALL;
  int *to[KINDS] = {list, list + kinds[0], list + kinds[0] + kinds[1], left};
  __syncwarp();
  for (int k = 0; k < n; k += ALL) {
    const int v = k + lane < n ? verdict[k + lane] : (int)ESP_FMM_NOTHING, row = k + lane < n ? queue[k + lane] : 0;
    for (int j = 0; j < KINDS; j++) {
      const unsigned chosen = __ballot_sync(~0u, v == kind_of(j));
      if (v == kind_of(j)) to[j][place_in(chosen, lane)] = row;
      to[j] += __popc(chosen);
    }
  }
  __syncwarp();
}

/* What it costs, and bodies that are not here. */
__device__ void count_costs(const esp_cuda_fmm &p, int row, int tests, const int *kinds, const int *near_list) {
  const int lane = threadIdx.x % ALL;
  const int64_t bodies = p.cell[row].count;
  int64_t pairs = 0, missing = 0;
  for (int k = lane; k < kinds[2]; k += ALL) {
    const esp_fmm_cell &J = p.cell[near_list[k]];
    pairs += J.count * bodies;
    missing += J.right == -p.bodies_held && J.count > 0 && p.bodies_held > 0;
  }
  add(p, ESP_CUDA_FMM_NEAR_PAIRS, pairs);
  add(p, ESP_CUDA_FMM_MISSING, missing);
  if (lane) return;
  add(p, ESP_CUDA_FMM_TESTS, tests);
  add(p, ESP_CUDA_FMM_EXPANSIONS, kinds[0]);
  add(p, ESP_CUDA_FMM_CELL_PAIRS, kinds[1] * bodies);
}

/* What the parent left to the queue: how many; -1: there is no room. */
__device__ int take_left(const esp_cuda_fmm &p, const esp_cuda_fmm_lists *above, int parent, int *queue) {
  const int lane = threadIdx.x % ALL, n = parent < 0 ? 1 : above[parent].lefts;
  __syncwarp();
  if (n > p.queue_room) {
    if (lane == 0) atomicMax(p.count + ESP_CUDA_FMM_QUEUE, (unsigned long long)n);
    return -1;
  }
  for (int k = lane; k < n; k += ALL) queue[k] = parent < 0 ? 0 : above[parent].left[k];
  __syncwarp();
  return n;
}

__global__ void walk_kernel(esp_cuda_fmm p, int leaf, int count, const esp_cuda_fmm_receiver *receiver,
                            const esp_cuda_fmm_lists *above, esp_cuda_fmm_lists *to) {
  const int lane = threadIdx.x % ALL, warp = (blockIdx.x * blockDim.x + threadIdx.x) / ALL;
  int *queue = p.queue + (size_t)warp * p.queue_room;
  uint8_t *verdict = p.verdict + (size_t)warp * p.queue_room;
  for (int i = warp; i < count && warp < p.queues; i += p.queues) {
    const int row = receiver[i].row, parent = receiver[i].parent;
    const esp_fmm_node &I = p.node[row];
    const double scale = scale_of(I.radius, p.softening, parent < 0 ? 1 : 1 / above[parent].inverse);
    const double least = I.least > p.floor ? I.least : p.floor;
    const esp_fmm_gate gate = esp_fmm_gate_make(p.order + p.gate_order, I.radius, p.tolerance * least);
    int kinds[KINDS] = {0, 0, 0, 0}, fits = 0, n = take_left(p, above, parent, queue);
    int64_t at = 0, left = 0;
    n = judge_all(p, leaf, I, gate, queue, verdict, n, kinds);
    if (n >= 0) reserve(p, leaf, kinds, &at, &left, &fits);
    if (fits) {
      write_lists(queue, verdict, n, kinds, p.list + at, leaf ? nullptr : p.left + left);
      count_costs(p, row, n, kinds, p.list + at + kinds[0] + kinds[1]);
    }
    if (lane) continue;
    esp_cuda_fmm_lists out;
    out.list = fits ? p.list + at : nullptr;
    out.left = fits && !leaf ? p.left + left : nullptr;
    out.expand = kinds[0], out.cell = kinds[1], out.near_leaves = kinds[2], out.lefts = kinds[3];
    out.row = row, out.parent = parent;
    out.inverse = 1 / scale;
    to[i] = out;
  }
}

unsigned blocks_of(int64_t threads) {
  return (unsigned)((threads + THREADS - 1) / THREADS);
}

}  // namespace

int esp_cuda_fmm_estimate(const esp_cuda_fmm *p, int count, const esp_cuda_fmm_estimated *of, double *least) {
  const int64_t groups = count < p->queues ? count : p->queues;
  ESP_LAUNCH(estimate_kernel, blocks_of(groups * LANES), THREADS, 0, 0, *p, count, of, least);
  return ESP_OK;
}

int esp_cuda_fmm_walk(const esp_cuda_fmm *p, int leaf, int count, const esp_cuda_fmm_receiver *receiver,
                      const esp_cuda_fmm_lists *above, esp_cuda_fmm_lists *to) {
  const int64_t warps = count < p->queues ? count : p->queues;
  ESP_LAUNCH(walk_kernel, blocks_of(warps * ALL), THREADS, 0, 0, *p, leaf, count, receiver, above, to);
  return ESP_OK;
}
