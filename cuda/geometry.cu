/* Centres, level by level from the leaves: a leaf's in slot order, a node's from its children's, an axis a thread. Radii: every
 * particle of all nodes above it, the largest squared distance by a maximum, which is the same in any order, then its root.
 *
 * Bytes: of a particle 8 d for its leaf, 8 d for all distances, and of each level 8 (d + 1) of its node, mostly from the
 * caches. Operations a particle: d for its leaf, 3 d a level. */
#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/geometry.h"
#include "tree/accept.h"
#include "tree/slots.h"

namespace {

enum { THREADS = 128 };
constexpr unsigned WHOLE = 0xffffffffu;
typedef unsigned long long word;

/* Rows [begin, end). */
__global__ void centre_kernel(esp_cuda_tree t, int dim, int begin, int end, const double *z, double *centre) {
  const int64_t at = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, row = begin + at / dim;
  const int a = (int)(at % dim);
  if (row >= end) return;
  const int64_t left = t.child[2 * row], right = t.child[2 * row + 1];
  centre[row * dim + a] =
      left < 0 ? esp_slots_mean(dim, a, t.count[row], z + (int64_t)t.first[row] * dim)
               : esp_slots_join(t.count[left], centre[left * dim + a], t.count[right], centre[right * dim + a]);
}

/* square [own rows], zero before: squares of distances as the integers of their bits, which grow as they do. */
__global__ void distance_kernel(esp_cuda_tree t, esp_cuda_places p, const double *z, const double *centre,
                                word *square) {
  const int64_t slot = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int own = slot < p.n_own; /* whole warps go on */
  int64_t first = 0, m = p.n, k = 0;
  for (int l = 0; l < t.levels; l++) {
    const int64_t at = k - p.first_node[l], row = t.own_level[l] + at;
    const int held = own && at >= 0 && row < t.own_level[l + 1];
    const double far = held ? esp_accept_distance2(p.dim, z + slot * p.dim, centre + row * p.dim, nullptr) : 0;
    word bits;
    memcpy(&bits, &far, sizeof bits);
    const int mine = held ? (int)row : -1, all = __shfl_sync(WHOLE, mine, 0);
    if (__all_sync(WHOLE, mine == all)) { /* of one node: one of them asks */
      for (int step = 16; step > 0; step /= 2) {
        const word other = __shfl_xor_sync(WHOLE, bits, step);
        bits = other > bits ? other : bits;
      }
      if (threadIdx.x % 32 == 0 && held) atomicMax(square + row, bits);
    } else if (held) {
      atomicMax(square + row, bits);
    }
    const int64_t left = m / 2, right = p.slot_first + slot >= first + left;
    k = 2 * k + right;
    first += right ? left : 0;
    m = right ? m - left : left;
  }
}

__global__ void root_kernel(int rows, double *radius) {
  const int row = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (row < rows) radius[row] = sqrt(radius[row]);
}

unsigned blocks_of(int64_t threads) {
  return (unsigned)((threads + THREADS - 1) / THREADS);
}

}  // namespace

int esp_cuda_geometry(const esp_cuda_tree *tree, const esp_cuda_places *places, const double *z, double *centre,
                      double *radius) {
  if (!tree->own) return ESP_OK;
  for (int l = tree->levels - 1; l >= 0; l--) {
    const int begin = tree->own_level[l], end = tree->own_level[l + 1];
    ESP_LAUNCH(centre_kernel, blocks_of((int64_t)(end - begin) * places->dim), THREADS, 0, 0, *tree, places->dim, begin,
               end, z, centre);
  }
  ESP_CUDA(cudaMemsetAsync(radius, 0, (size_t)tree->own * sizeof *radius, 0));
  ESP_LAUNCH(distance_kernel, blocks_of(places->n_own), THREADS, 0, 0, *tree, *places, z, centre, (word *)radius);
  ESP_LAUNCH(root_kernel, blocks_of(tree->own), THREADS, 0, 0, tree->own, radius);
  return ESP_OK;
}
