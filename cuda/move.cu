/* Rows from array to array: gathered, scattered, permuted, added. A row is moved by 2^k lanes, k the least that gives each of its
 * elements one (at most a warp, which then goes over the row); an element is the largest of 1, 2, 4, 8, 16 bytes that
 * row length, pitches and addresses allow, so rows of float64 go by 8 or 16 bytes, neighbours by neighbours. A row costs 2 unit + 4 to 8
 * bytes of memory and no arithmetic: the copy bandwidth binds, less by what a gathered row's first and last sectors hold
 * beside it. Sums are of integers, by atomics: the same words in any order. */
#include "cuda/move.h"

#include "cuda/launch.h"

namespace {

enum { THREADS = 256 };

/* How a grid goes over n rows. */
struct shape {
  int n, lanes, elements; /* lanes: a power of two; elements of a row */
};

struct ends {
  const int *from_row, *to_row; /* or NULL */
  size_t from_pitch, to_pitch;  /* in elements */
};

__device__ size_t row_of(const int *row, int i) {
  return row ? (size_t)row[i] : (size_t)i;
}

template <class Each>
__device__ void each_element(const shape &s, Each each) {
  const int lane = (int)threadIdx.x & (s.lanes - 1), rows = (int)blockDim.x / s.lanes;
  const int64_t i = (int64_t)blockIdx.x * rows + (int)threadIdx.x / s.lanes;
  if (i >= s.n) return;
  for (int e = lane; e < s.elements; e += s.lanes) each((int)i, e);
}

template <class T>
__global__ void move_kernel(shape s, ends at, const T *from, T *to) {
  each_element(s, [&](int i, int e) {
    to[row_of(at.to_row, i) * at.to_pitch + e] = from[row_of(at.from_row, i) * at.from_pitch + e];
  });
}

__global__ void add_kernel(shape s, ends at, const unsigned long long *from, unsigned long long *to) {
  each_element(s, [&](int i, int e) {
    const unsigned long long word = from[row_of(at.from_row, i) * at.from_pitch + e];
    if (word) atomicAdd(to + row_of(at.to_row, i) * at.to_pitch + e, word);
  });
}

shape shape_of(int n, size_t elements) {
  shape s = {n, 1, (int)elements};
  while (s.lanes < 32 && s.lanes < s.elements) s.lanes *= 2;
  return s;
}

unsigned blocks_of(const shape &s) {
  const int rows = THREADS / s.lanes;
  return (unsigned)(((int64_t)s.n + rows - 1) / rows);
}

template <class T>
int move_by(int n, size_t unit, const void *from, esp_cuda_rows f, void *to, esp_cuda_rows t) {
  const shape s = shape_of(n, unit / sizeof(T));
  const ends at = {f.row, t.row, f.pitch / sizeof(T), t.pitch / sizeof(T)};
  ESP_LAUNCH(move_kernel<T>, blocks_of(s), THREADS, 0, 0, s, at, static_cast<const T *>(from), static_cast<T *>(to));
  return ESP_OK;
}

}  // namespace

int esp_cuda_move(int n, size_t unit, const void *from, esp_cuda_rows f, void *to, esp_cuda_rows t) {
  if (n <= 0 || !unit) return ESP_OK;
  const size_t all = unit | f.pitch | t.pitch | (size_t)(uintptr_t)from | (size_t)(uintptr_t)to;
  if (all % 16 == 0) return move_by<int4>(n, unit, from, f, to, t);
  if (all % 8 == 0) return move_by<int2>(n, unit, from, f, to, t);
  if (all % 4 == 0) return move_by<int>(n, unit, from, f, to, t);
  if (all % 2 == 0) return move_by<short>(n, unit, from, f, to, t);
  return move_by<char>(n, unit, from, f, to, t);
}

int esp_cuda_move_add(int n, int words, const int64_t *from, const int *from_row, int64_t *to, const int *to_row) {
  if (n <= 0) return ESP_OK;
  const shape s = shape_of(n, (size_t)words);
  const ends at = {from_row, to_row, (size_t)words, (size_t)words};
  ESP_LAUNCH(add_kernel, blocks_of(s), THREADS, 0, 0, s, at, reinterpret_cast<const unsigned long long *>(from),
             reinterpret_cast<unsigned long long *>(to));
  return ESP_OK;
}

int esp_cuda_zero(void *there, size_t bytes) {
  if (bytes) ESP_CUDA(cudaMemsetAsync(there, 0, bytes, 0));
  return ESP_OK;
}
