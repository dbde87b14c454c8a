/* Receiver blocks walk a tree, a block a thread: from the root, the left child first, by a stack of its own; once to count what
 * its lists will hold, and once to write them where they belong. What is near and far is decided as on the CPU, by
 * tree/accept.h in float64, so lists are the same, entry by entry.
 *
 * Bytes a node met: 40 + 8 d, once for each pass; most of them from the caches, since blocks beside each other meet the same
 * nodes. Operations a node: 3 d + 5 and a root; by size 20 more and an exponential where the node is larger than theta s. */
#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/walk.h"
#include "tree/accept.h"

namespace {

enum { THREADS = 128, STACK = 72 };

__device__ int level_of(int64_t heap) {
  return 63 - __clzll(heap);
}

template <int D>
__device__ int is_far(const esp_cuda_walk &w, const double *c1, double R1, int row, double R2) {
  const int d = D ? D : w.dim;
  const double *c2 = w.centre + (int64_t)row * d, *box = w.periodic ? w.box : nullptr;
  if (!w.ruled) return esp_accept_angle(d, c1, R1, c2, R2, w.theta, box);
  if (!(w.theta > 0)) return 0;
  const double distance = sqrt(esp_accept_distance2(d, c1, c2, box));
  return esp_accept_period(d, c1, R1, c2, R2, box) && esp_accept_size(w.theta, w.number, R1, R2, distance);
}

/* near, far: NULL to count. */
template <int D>
__device__ esp_cuda_walked walk_block(const esp_cuda_walk &w, int b, int *near, int *far) {
  const esp_cuda_node own = w.block[b];
  const double *c1 = w.block_centre + (int64_t)b * (D ? D : w.dim);
  const int own_level = w.apart ? -1 : level_of(own.heap);
  esp_cuda_walked found = {0, 0, 0, 0};
  int stack[STACK], top = 0;
  if (own.count > 0) stack[top++] = w.root;
  while (top > 0) {
    const int row = stack[--top];
    const esp_cuda_node node = w.node[row];
    if (node.count == 0) continue;
    const int level = level_of(node.heap);
    if (level <= own_level && own.heap >> (own_level - level) == node.heap) {
      if (level == own_level) continue;
    } else if (is_far<D>(w, c1, own.radius, row, node.radius)) {
      if (far) far[found.far] = row;
      found.far++;
      continue;
    } else if (level == w.depth) {
      if (near) near[found.near] = row;
      found.near++;
      found.particles += node.count;
      continue;
    }
    if (node.left < 0 || node.right < 0) {
      found.trouble = node.heap;
      return found;
    }
    stack[top++] = node.right;
    stack[top++] = node.left;
  }
  return found;
}

template <int D>
__global__ void count_kernel(esp_cuda_walk w, esp_cuda_walked *walked) {
  const int b = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (b < w.blocks) walked[b] = walk_block<D>(w, b, nullptr, nullptr);
}

template <int D>
__global__ void fill_kernel(esp_cuda_walk w, const int64_t *near_start, const int64_t *far_start, int *near, int *far) {
  const int b = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (b < w.blocks) walk_block<D>(w, b, near + near_start[b], far + far_start[b]);
}

const struct {
  int dim;
  void (*count)(esp_cuda_walk, esp_cuda_walked *);
  void (*fill)(esp_cuda_walk, const int64_t *, const int64_t *, int *, int *);
} known[] = {{2, count_kernel<2>, fill_kernel<2>},
             {3, count_kernel<3>, fill_kernel<3>},
             {4, count_kernel<4>, fill_kernel<4>},
             {8, count_kernel<8>, fill_kernel<8>},
             {0, count_kernel<0>, fill_kernel<0>}};

int kernels_of(int dim) {
  int k = 0;
  while (known[k].dim && known[k].dim != dim) k++;
  return k;
}

}  // namespace

int esp_cuda_walk_count(const esp_cuda_walk *w, esp_cuda_walked *walked) {
  const int k = kernels_of(w->dim);
  ESP_LAUNCH(known[k].count, (unsigned)((w->blocks + THREADS - 1) / THREADS), THREADS, 0, 0, *w, walked);
  return ESP_OK;
}

int esp_cuda_walk_fill(const esp_cuda_walk *w, const int64_t *near_start, const int64_t *far_start, int *near,
                       int *far) {
  const int k = kernels_of(w->dim);
  ESP_LAUNCH(known[k].fill, (unsigned)((w->blocks + THREADS - 1) / THREADS), THREADS, 0, 0, *w, near_start, far_start,
             near, far);
  return ESP_OK;
}
