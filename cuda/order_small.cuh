/* Nodes of at most ESP_CUDA_ORDER_SMALL particles, a block of threads each: text of cuda/order.cu. The node's records lie in
 * shared memory and are split level by level down to the leaves; a record's place in its part is how many of the part's
 * records are less than it, counted by its thread. Of the last level, by id alone. */
namespace {

enum { SMALL = ESP_CUDA_ORDER_SMALL, EACH = SMALL / THREADS };

/* Where a small node's records are. */
struct records {
  uint64_t high[SMALL], low[SMALL];
  int index[SMALL];
  int axis[SMALL]; /* of parts */
};

__device__ double warp_least(double x) {
  for (int step = 16; step > 0; step /= 2) x = fmin(x, __shfl_xor_sync(WHOLE, x, step));
  return x;
}
__device__ double warp_most(double x) {
  for (int step = 16; step > 0; step /= 2) x = fmax(x, __shfl_xor_sync(WHOLE, x, step));
  return x;
}
/* Extremes along axis a of a part's records, by a warp. */
__device__ void part_extremes(const esp_cuda_order &o, const records &r, int first, int count, int a, double *low,
                              double *high) {
  double least = INFINITY, most = -INFINITY;
  for (int i = first + (int)threadIdx.x % 32; i < first + count; i += 32) {
    const double x = o.z[(int64_t)r.index[i] * o.dim + a];
    least = fmin(x, least);
    most = fmax(x, most);
  }
  *low = warp_least(least);
  *high = warp_most(most);
}

/* The principal direction of a part, by a warp; room: its low, sums, squares. 0: none. */
__device__ int part_principal(const esp_cuda_order &o, const records &r, int first, int count, double spread,
                              double *room, double *direction) {
  const int lane = threadIdx.x % 32, d = o.dim, words = esp_cuda_order_words(d);
  const double scale = esp_principal_scale(spread), *low = room;
  int64_t *sums = (int64_t *)(room + d);
  if (!(scale > 0)) return 0;
  __syncwarp(WHOLE);
  const auto digit = [&](int i, int a) {
    return (int64_t)esp_principal_digit(o.z[(int64_t)r.index[i] * d + a], low[a], scale);
  };
  for (int a = -1, at = 0; a < d; a++)
    for (int b = a < 0 ? 0 : a; b < d; b++, at++) {
      int64_t sum = 0;
      for (int i = first + lane; i < first + count; i += 32) sum += (a < 0 ? 1 : digit(i, a)) * digit(i, b);
      sum = (int64_t)warp_sum((word)sum);
      if (lane == 0) sums[at] = sum;
    }
  __syncwarp(WHOLE);
  double *square = room + d + words;
  if (lane == 0) esp_principal_direction(d, count, sums, square, square + d * d, direction);
  return 1;
}

/* How a part is cut, by a warp. */
__device__ int part_aim(const esp_cuda_order &o, const records &r, int level, int64_t heap, int first, int count,
                        double *room, double *direction) {
  double low, high, widest = 0, spread = 0;
  int axis = 0;
  if (level < o.learned && has_normal(o, heap)) return ESP_CUDA_AIM_NORMAL;
  for (int a = 0; a < o.dim; a++) {
    part_extremes(o, r, first, count, a, &low, &high);
    if (a == 0 || high - low > widest) axis = a, widest = high - low;
    spread = high - low > spread ? high - low : spread;
    if (o.pca && threadIdx.x % 32 == 0) room[a] = low;
  }
  return o.pca && part_principal(o, r, first, count, spread, room, direction) ? (int)ESP_CUDA_AIM_PRINCIPAL : axis;
}

/* Every record to its place in its part of `level` below the node, of m. */
__device__ void parts_sort(records &r, int64_t m, int level) {
  uint64_t high[EACH], low[EACH];
  int index[EACH], to[EACH];
  for (int e = 0; e < EACH; e++) {
    const int i = (int)threadIdx.x + e * THREADS;
    int64_t first, count;
    if (i >= m) continue;
    esp_slots_node(m, level, esp_slots_find(m, level, i), &first, &count);
    high[e] = r.high[i], low[e] = r.low[i], index[e] = r.index[i], to[e] = (int)first;
    for (int j = (int)first; j < (int)(first + count); j++) {
      const int less = r.low[j] < low[e] || (r.low[j] == low[e] && j < i);
      to[e] += r.high[j] < high[e] || (r.high[j] == high[e] && less);
    }
  }
  __syncthreads();
  for (int e = 0; e < EACH; e++) {
    if ((int)threadIdx.x + e * THREADS >= m) continue;
    r.high[to[e]] = high[e], r.low[to[e]] = low[e], r.index[to[e]] = index[e];
  }
  __syncthreads();
}

/* What the records are compared by at `level` below the node, level `above` of the subtree. */
__device__ void parts_keys(const esp_cuda_order &o, records &r, int64_t m, int above, int64_t heap, int level,
                           double *room) {
  const int warp = threadIdx.x / 32, d = o.dim, each = d + esp_cuda_order_words(d) + 2 * d * d;
  double *directions = room + (int64_t)WARPS * each;
  int64_t first, count;
  for (int s = warp; s < 1 << level; s += WARPS) {
    esp_slots_node(m, level, s, &first, &count);
    const int axis = part_aim(o, r, above + level, (heap << level) + s, (int)first, (int)count,
                              room + (int64_t)warp * each, directions + (int64_t)s * d);
    if (threadIdx.x % 32 == 0) r.axis[s] = axis;
  }
  __syncthreads();
  for (int i = (int)threadIdx.x; i < m; i += THREADS) {
    const int64_t s = esp_slots_find(m, level, i);
    const double *z = o.z + (int64_t)r.index[i] * d;
    const int axis = r.axis[s];
    r.high[i] = esp_slots_image(
        axis >= 0
            ? z[axis]
            : esp_slots_score(
                  d, axis == ESP_CUDA_AIM_NORMAL ? o.normal + (((heap << level) + s) - 1) * d : directions + s * d, z));
  }
  __syncthreads();
}

/* An id twice in a leaf is found beside itself. */
__device__ void leaves_check(const esp_cuda_order &o, const records &r, int64_t m, int level) {
  for (int i = 1 + (int)threadIdx.x; i < m; i += THREADS)
    if (r.low[i] == r.low[i - 1] && esp_slots_find(m, level, i) == esp_slots_find(m, level, i - 1)) *o.twin = 1;
}

/* Nodes of `level` of the subtree, to the end. */
__global__ void __launch_bounds__(THREADS)
    small_kernel(esp_cuda_order o, int level, const int *at, int64_t room, int *order) {
  __shared__ records r;
  for (int64_t node = blockIdx.x; node < (int64_t)1 << level; node += gridDim.x) {
    int64_t offset, m;
    const int below = o.levels - level;
    esp_slots_node(o.count, level, node, &offset, &m);
    for (int i = (int)threadIdx.x; i < m; i += THREADS) {
      r.index[i] = at[offset + i];
      r.low[i] = esp_slots_image_id(o.id[r.index[i]]);
    }
    __syncthreads();
    for (int l = 0; l < below; l++) {
      parts_keys(o, r, m, level, (o.heap << level) + node, l, o.small + blockIdx.x * room);
      parts_sort(r, m, l);
    }
    for (int i = (int)threadIdx.x; i < m; i += THREADS) r.high[i] = 0;
    __syncthreads();
    parts_sort(r, m, below);
    leaves_check(o, r, m, below);
    for (int i = (int)threadIdx.x; i < m; i += THREADS) order[offset + i] = r.index[i];
    __syncthreads();
  }
}

}  // namespace
