#include "tests/cuda/numbers.h"

#include "cuda/launch.h"

namespace {

constexpr unsigned block = 32;
unsigned blocks(int n) {
  return ((unsigned)n + block - 1) / block;
}

__device__ int aligned() {
  const size_t sizes[] = {sizeof(int2),    alignof(int2),   sizeof(float3),     alignof(float3),   sizeof(float4),
                          alignof(float4), sizeof(double2), alignof(double2),   sizeof(uchar4),    alignof(uchar4),
                          sizeof(short4),  alignof(short4), sizeof(ulonglong2), alignof(longlong2)};
  int sum = 0;
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) sum += (int)(sizes[k] * (2 * k + 1));
  return sum;
}

__global__ void whole(int n, const unsigned *bits, int *out) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  const unsigned a = bits[i], b = ~a;
  const unsigned long long both = (unsigned long long)a << 32 | b;
  __shared__ unsigned cells[block];
  unsigned *cell = cells + threadIdx.x;
  *cell = a;
  const unsigned old = atomicCAS(cell, a, b);
  const int all[NUMBERS] = {__popc(a),
                            __ffs((int)a),
                            __clz((int)a),
                            (int)__brev(a),
                            __popcll(both),
                            __ffsll((long long)both),
                            __clzll((long long)both),
                            (int)(unsigned)__brevll(both),
                            (int)__umulhi(a, b),
                            __mulhi((int)a, (int)b),
                            (int)old,
                            (int)*cell,
                            min((int)a, (int)b),
                            (int)max(a, b),
                            __float_as_int(__int_as_float((int)(a >> 4))) + 1,
                            aligned()};
  for (int k = 0; k < NUMBERS; k++) out[NUMBERS * i + k] = all[k];
}

__global__ void real(int n, const float *a, const float *b, const float *c, double *out) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  const float x = a[i], y = b[i], z = c[i];
  const double X = x, Y = y, Z = z;
  const double all[NUMBERS] = {__fadd_rn(x, y),    __fsub_rn(x, y), __fmul_rn(x, y), __fdiv_rn(x, y),
                               __fmaf_rn(x, y, z), __frcp_rn(x),    __fsqrt_rn(x),   __dadd_rn(X, Y),
                               __dsub_rn(X, Y),    __dmul_rn(X, Y), __ddiv_rn(X, Y), __fma_rn(X, Y, Z),
                               __drcp_rn(X),       __dsqrt_rn(X),   min(x, y),       max(X, Y)};
  for (int k = 0; k < NUMBERS; k++) out[NUMBERS * i + k] = all[k];
}

__global__ void fixed(int n, const float *a, int *out) {
  const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  const float x = a[i];
  const int all[NUMBERS] = {__float2int_rn(x),  __float2int_rd(x),  __float2int_rz(x),
                            __double2int_rn(x), __double2int_rd(x), __double2int_rz(x)};
  for (int k = 0; k < NUMBERS; k++) out[NUMBERS * i + k] = all[k];
}

/* in: device memory of `inputs` arrays [n], one behind the other, and behind them `out` of NUMBERS a row. */
template <class F, class T, class Launch>
int run(int n, int inputs, const F *const *in, T *out, Launch launch) {
  int rc = ESP_OK;
  F *from = nullptr;
  T *to = nullptr;
  const size_t row = (size_t)n * sizeof(F), bytes = NUMBERS * (size_t)n * sizeof(T);
  ESP_CUDA_TRY(cudaMalloc(&from, (size_t)inputs * row));
  ESP_CUDA_TRY(cudaMalloc(&to, bytes));
  for (int k = 0; k < inputs; k++) ESP_CUDA_TRY(cudaMemcpy(from + k * n, in[k], row, cudaMemcpyHostToDevice));
  ESP_TRY(launch(from, to));
  ESP_CUDA_TRY(cudaMemcpy(out, to, bytes, cudaMemcpyDeviceToHost));
done:
  cudaFree(to);
  cudaFree(from);
  return rc;
}

}  // namespace

int numbers_whole(int n, const unsigned *bits, int *out) {
  return run(n, 1, &bits, out, [n](const unsigned *from, int *to) -> int {
    ESP_LAUNCH(whole, blocks(n), block, 0, nullptr, n, from, to);
    return ESP_OK;
  });
}

int numbers_real(int n, const float *a, const float *b, const float *c, double *out) {
  const float *const in[] = {a, b, c};
  return run(n, 3, in, out, [n](const float *from, double *to) -> int {
    ESP_LAUNCH(real, blocks(n), block, 0, nullptr, n, from, from + n, from + 2 * n, to);
    return ESP_OK;
  });
}

int numbers_fixed(int n, const float *a, int *out) {
  return run(n, 1, &a, out, [n](const float *from, int *to) -> int {
    ESP_LAUNCH(fixed, blocks(n), block, 0, nullptr, n, from, to);
    return ESP_OK;
  });
}
