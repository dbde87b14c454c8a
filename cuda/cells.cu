/* Cells up and down the tree, level by level: a launch a level, since a row needs its children's (or its parent's) alone. The
 * formulas are those of message/cells/, so a row's numbers come in the CPU's order: a leaf's members in slot order, then
 * parents left and right. Threads are (row, item): an item is a part of a row that needs nothing of the others: a channel of
 * the gate's moments, a number of plain sums, the whole row of masses. On the way down a row is added to by its one parent.
 *
 * Bytes and operations a row (w doubles of a cell, a of an adjoint, s of a source): upward leaf 8 (s n + w), mass 40 n, gate
 * (d + W M (order + 1)) n; node 24 w, mass 60, gate 2 d + 4 W M; downward 8 (2 w + 4 a), the leaves' members 16 s. All but the
 * gate's of high order are bound by memory. Levels of fewer rows than the device has threads are bound by their launch. */
#include "cuda/inline.h"

#include "cuda/launch.h"

#include "cuda/cells.h"
#include "message/cells/gate_mlp.h"
#include "message/cells/mass.h"

namespace {

enum { THREADS = 128, MEMBERS = 32 /* of a leaf, at once */ };

struct mass {
  explicit mass(const esp_cuda_cells &) {}
  __host__ __device__ int items() const { return 1; }
  __device__ void leaf(int, int count, const double *source, double *cell) const {
    double row[ESP_MASS_CELL];
    esp_mass_leaf(count, source, row);
    for (int k = 0; k < ESP_MASS_CELL; k++) cell[k] = row[k];
  }
  __device__ void join(int, double n1, const double *c1, double n2, const double *c2, double *cell) const {
    double row[ESP_MASS_CELL];
    esp_mass_join(n1, c1, n2, c2, row);
    for (int k = 0; k < ESP_MASS_CELL; k++) cell[k] = row[k];
  }
  __device__ void close(const double *, double *) const {}
  __device__ void pass(int, const double *cell, const double *adjoint, const double *child, double *to) const {
    esp_mass_pass(cell, adjoint, child, to);
  }
  __device__ void pull(const double *cell, const double *adjoint, const double *source, double *dsource) const {
    esp_mass_pull(cell, adjoint, source, dsource);
  }
};

struct gate {
  esp_gate_cells_form f;
  explicit gate(const esp_cuda_cells &c) : f(c.gate) {}
  __host__ __device__ int items() const { return f.heard; }
  __device__ void leaf(int item, int count, const double *source, double *cell) const {
    esp_gate_cells_leaf(&f, item, item + 1, count, source, cell);
  }
  __device__ void join(int item, double n1, const double *c1, double n2, const double *c2, double *cell) const {
    esp_gate_cells_join(&f, item, item + 1, n1, c1, n2, c2, cell);
  }
  __device__ void close(const double *cell, double *adjoint) const { esp_gate_cells_close(&f, cell, adjoint); }
  __device__ void pass(int item, const double *cell, const double *adjoint, const double *child, double *to) const {
    esp_gate_cells_pass(&f, item, item + 1, cell, adjoint, child, to);
  }
  __device__ void pull(const double *cell, const double *adjoint, const double *source, double *dsource) const {
    esp_gate_cells_pull(&f, cell, adjoint, source, dsource);
  }
};

struct sums {
  int dim, channels;
  explicit sums(const esp_cuda_cells &c) : dim(c.gate.dim), channels(c.gate.channels) {}
  __host__ __device__ int items() const { return channels + 1 + dim; }
  __device__ void leaf(int item, int count, const double *source, double *cell) const {
    esp_gate_sums_leaf(dim, channels, item, item + 1, count, source, cell);
  }
  __device__ void join(int item, double, const double *c1, double, const double *c2, double *cell) const {
    esp_gate_sums_join(item, item + 1, c1, c2, cell);
  }
  __device__ void close(const double *cell, double *adjoint) const {
    esp_gate_sums_close(channels, 0, channels + 1 + dim, cell, adjoint);
  }
  __device__ void pass(int item, const double *, const double *adjoint, const double *, double *to) const {
    esp_gate_sums_pass(item, item + 1, adjoint, to);
  }
  __device__ void pull(const double *, const double *adjoint, const double *, double *dsource) const {
    esp_gate_sums_pull(dim, channels, adjoint, dsource);
  }
};

__device__ int64_t thread_of() {
  return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

/* Rows [begin, end). */
template <class A>
__global__ void upward_kernel(A a, esp_cuda_cells c, esp_cuda_tree t, int begin, int end, const double *source,
                              double *cell) {
  const int64_t at = thread_of();
  const int item = (int)(at % a.items());
  const int64_t row = begin + at / a.items();
  if (row >= end) return;
  const int left = t.child[2 * row], right = t.child[2 * row + 1];
  double *to = cell + row * c.cell;
  if (left < 0)
    a.leaf(item, t.count[row], source + (int64_t)t.first[row] * c.source, to);
  else
    a.join(item, t.members[left], cell + (int64_t)left * c.cell, t.members[right], cell + (int64_t)right * c.cell, to);
}

template <class A>
__global__ void close_kernel(A a, esp_cuda_cells c, esp_cuda_tree t, const double *cell, double *adjoint) {
  const int64_t row = thread_of();
  if (row < t.held) a.close(cell + row * c.cell, adjoint + row * c.adjoint);
}

/* Of rows [begin, end) to their children that are held. */
template <class A>
__global__ void pass_kernel(A a, esp_cuda_cells c, esp_cuda_tree t, int begin, int end, const double *cell,
                            double *adjoint) {
  const int64_t at = thread_of(), edge = at / a.items(), row = begin + edge / 2;
  if (row >= end) return;
  const int64_t child = t.child[2 * row + edge % 2];
  if (child < 0 || child >= t.held) return;
  a.pass((int)(at % a.items()), cell + row * c.cell, adjoint + row * c.adjoint, cell + child * c.cell,
         adjoint + child * c.adjoint);
}

/* Leaves [begin, end), MEMBERS threads each. */
template <class A>
__global__ void pull_kernel(A a, esp_cuda_cells c, esp_cuda_tree t, int begin, int end, const double *source,
                            const double *cell, const double *adjoint, double *dsource) {
  const int64_t row = begin + thread_of() / MEMBERS;
  if (row >= end) return;
  for (int64_t i = thread_of() % MEMBERS; i < t.count[row]; i += MEMBERS) {
    const int64_t slot = t.first[row] + i;
    a.pull(cell + row * c.cell, adjoint + row * c.adjoint, source + slot * c.source, dsource + slot * c.dsource);
  }
}

unsigned blocks_of(int64_t threads) {
  return (unsigned)((threads + THREADS - 1) / THREADS);
}

template <class A>
int upward(const esp_cuda_cells *c, const esp_cuda_tree *t, const double *source, double *cell) {
  const A a(*c);
  for (int l = t->levels - 1; l >= 0; l--) {
    const int begin = t->own_level[l], end = t->own_level[l + 1];
    ESP_LAUNCH(upward_kernel<A>, blocks_of((int64_t)(end - begin) * a.items()), THREADS, 0, 0, a, *c, *t, begin, end,
               source, cell);
  }
  return ESP_OK;
}

template <class A>
int top(const esp_cuda_cells *c, const esp_cuda_tree *t, double *cell) {
  const A a(*c);
  for (int l = t->tops - 1; l >= 0; l--) {
    const int begin = t->top_level[l], end = t->top_level[l + 1];
    ESP_LAUNCH(upward_kernel<A>, blocks_of((int64_t)(end - begin) * a.items()), THREADS, 0, 0, a, *c, *t, begin, end,
               nullptr, cell);
  }
  return ESP_OK;
}

template <class A>
int downward(const esp_cuda_cells *c, const esp_cuda_tree *t, const double *source, const double *cell, double *adjoint,
             double *dsource) {
  const A a(*c);
  const int leaves = t->own_level[t->levels - 1];
  if (c->kind != ESP_CUDA_CELLS_MASS)
    ESP_LAUNCH(close_kernel<A>, blocks_of(t->held), THREADS, 0, 0, a, *c, *t, cell, adjoint);
  for (int l = 0; l < t->tops + t->levels - 1; l++) {
    const int *level = l < t->tops ? t->top_level + l : t->own_level + l - t->tops;
    ESP_LAUNCH(pass_kernel<A>, blocks_of(2 * (int64_t)(level[1] - level[0]) * a.items()), THREADS, 0, 0, a, *c, *t,
               level[0], level[1], cell, adjoint);
  }
  ESP_LAUNCH(pull_kernel<A>, blocks_of((int64_t)(t->own - leaves) * MEMBERS), THREADS, 0, 0, a, *c, *t, leaves, t->own,
             source, cell, adjoint, dsource);
  return ESP_OK;
}

const struct {
  int (*upward)(const esp_cuda_cells *, const esp_cuda_tree *, const double *, double *);
  int (*top)(const esp_cuda_cells *, const esp_cuda_tree *, double *);
  int (*downward)(const esp_cuda_cells *, const esp_cuda_tree *, const double *, const double *, double *, double *);
} walks[ESP_CUDA_CELLS_KINDS] = {{upward<mass>, top<mass>, downward<mass>},
                                 {upward<gate>, top<gate>, downward<gate>},
                                 {upward<sums>, top<sums>, downward<sums>}};

}  // namespace

int esp_cuda_cells_upward(const esp_cuda_cells *c, const esp_cuda_tree *tree, const double *source, double *cell) {
  return walks[c->kind].upward(c, tree, source, cell);
}

int esp_cuda_cells_top(const esp_cuda_cells *c, const esp_cuda_tree *tree, double *cell) {
  return walks[c->kind].top(c, tree, cell);
}

int esp_cuda_cells_downward(const esp_cuda_cells *c, const esp_cuda_tree *tree, const double *source,
                            const double *cell, double *adjoint, double *dsource) {
  return walks[c->kind].downward(c, tree, source, cell, adjoint, dsource);
}
