/* Qualifiers, indices, barriers and operations of a warp. cuda_runtime.h includes this. */
#ifndef ESP_MODEL_EXECUTION_H
#define ESP_MODEL_EXECUTION_H

#define __global__
#define __device__
#define __host__
#ifdef ESPALIER_SANITIZE /* a compiler takes minutes for the checks of all that is inlined */
#define __forceinline__ inline
#else
#define __forceinline__ inline __attribute__((always_inline))
#endif
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
/* All zero-initialised statics of a kernel file are gathered by shared.ld; "used": they change behind the compiler. */
#define __shared__ static __attribute__((used))
#define __constant__ __attribute__((section("esp_constant")))
#define ESP_SHARED(type, name) type *const name = reinterpret_cast<type *>(esp_model_dynamic)

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;
extern unsigned char esp_model_dynamic[];

/* Where a thread waits. */
struct esp_model_place {
  const char *what, *file;
  int line;
};
#define ESP_MODEL_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

/* Wait for all threads of the block; the threads whose value is not 0. */
int esp_model_block(esp_model_place place, int value);
/* Wait for the lanes of `mask`; what the 32 lanes brought, valid until this thread waits again (those of mask alone). */
const uint64_t *esp_model_warp(esp_model_place place, unsigned mask, uint64_t value);
/* This thread's lane. */
int esp_model_lane();
/* Ends the launch: this thread did what is not allowed. */
[[noreturn]] void esp_model_fault(esp_model_place place, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the block ---- */

static inline void __syncthreads(ESP_MODEL_HERE) {
  esp_model_block({"__syncthreads", file, line}, 0);
}
static inline int __syncthreads_count(int value, ESP_MODEL_HERE) {
  return esp_model_block({"__syncthreads_count", file, line}, value != 0);
}
static inline int __syncthreads_or(int value, ESP_MODEL_HERE) {
  return esp_model_block({"__syncthreads_or", file, line}, value != 0) > 0;
}
static inline int __syncthreads_and(int value, ESP_MODEL_HERE) {
  return esp_model_block({"__syncthreads_and", file, line}, value == 0) == 0;
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}

/* ---- the warp ---- */

template <class T>
static inline uint64_t esp_model_pack(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "lanes exchange numbers of 4 or 8 bytes");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
static inline T esp_model_unpack(uint64_t bits) {
  T value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The value of lane `from`, as everyone in mask gets one. */
template <class T>
static inline T esp_model_take(esp_model_place place, unsigned mask, T value, int from, int width) {
  if (width <= 0 || width > 32 || (width & (width - 1)))
    esp_model_fault(place, "width %d: allowed are 1, 2, 4, 8, 16, 32", width);
  const uint64_t *brought = esp_model_warp(place, mask, esp_model_pack(value));
  if (!(mask >> from & 1)) esp_model_fault(place, "reads lane %d, which is not in its mask 0x%08x", from, mask);
  return esp_model_unpack<T>(brought[from]);
}

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32, ESP_MODEL_HERE) {
  const int self = esp_model_lane();
  const int from = (self & ~(width - 1)) + (lane & (width - 1));
  return esp_model_take({"__shfl_sync", file, line}, mask, value, from, width);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, ESP_MODEL_HERE) {
  const int self = esp_model_lane();
  const int64_t from = self - (int64_t)delta;
  const int taken = from < (self & ~(width - 1)) ? self : (int)from;
  return esp_model_take({"__shfl_up_sync", file, line}, mask, value, taken, width);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, ESP_MODEL_HERE) {
  const int self = esp_model_lane();
  const int64_t from = self + (int64_t)delta;
  const int taken = from > (self | (width - 1)) ? self : (int)from;
  return esp_model_take({"__shfl_down_sync", file, line}, mask, value, taken, width);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, ESP_MODEL_HERE) {
  const int self = esp_model_lane(), from = self ^ bits;
  const int taken = from < 0 || from > (self | (width - 1)) ? self : from;
  return esp_model_take({"__shfl_xor_sync", file, line}, mask, value, taken, width);
}

/* Lanes of mask whose value is `like`. */
static inline unsigned esp_model_lanes(const uint64_t *brought, unsigned mask, uint64_t like) {
  unsigned lanes = 0;
  for (int lane = 0; lane < 32; lane++)
    if (mask >> lane & 1 && brought[lane] == like) lanes |= 1u << lane;
  return lanes;
}

static inline void __syncwarp(unsigned mask = 0xffffffffu, ESP_MODEL_HERE) {
  esp_model_warp({"__syncwarp", file, line}, mask, 0);
}
static inline unsigned __ballot_sync(unsigned mask, int value, ESP_MODEL_HERE) {
  return esp_model_lanes(esp_model_warp({"__ballot_sync", file, line}, mask, value != 0), mask, 1);
}
static inline int __any_sync(unsigned mask, int value, ESP_MODEL_HERE) {
  return esp_model_lanes(esp_model_warp({"__any_sync", file, line}, mask, value != 0), mask, 1) != 0;
}
static inline int __all_sync(unsigned mask, int value, ESP_MODEL_HERE) {
  return esp_model_lanes(esp_model_warp({"__all_sync", file, line}, mask, value != 0), mask, 1) == mask;
}
template <class T>
static inline unsigned __match_any_sync(unsigned mask, T value, ESP_MODEL_HERE) {
  const uint64_t bits = esp_model_pack(value);
  return esp_model_lanes(esp_model_warp({"__match_any_sync", file, line}, mask, bits), mask, bits);
}

#define ESP_MODEL_REDUCE(name, T, expression)                                                                       \
  static inline T __reduce_##name##_sync(unsigned mask, T value, ESP_MODEL_HERE) {                                  \
    const uint64_t *brought = esp_model_warp({"__reduce_" #name "_sync", file, line}, mask, esp_model_pack(value)); \
    T a = value;                                                                                                    \
    for (int lane = 0; lane < 32; lane++) {                                                                         \
      const T b = esp_model_unpack<T>(brought[lane]);                                                               \
      if (mask >> lane & 1 && lane != esp_model_lane()) a = (T)(expression);                                        \
    }                                                                                                               \
    return a;                                                                                                       \
  }
ESP_MODEL_REDUCE(add, unsigned, a + b)
ESP_MODEL_REDUCE(add, int, (unsigned)a + (unsigned)b)
ESP_MODEL_REDUCE(min, unsigned, a < b ? a : b)
ESP_MODEL_REDUCE(min, int, a < b ? a : b)
ESP_MODEL_REDUCE(max, unsigned, a > b ? a : b)
ESP_MODEL_REDUCE(max, int, a > b ? a : b)
ESP_MODEL_REDUCE(and, unsigned, a &b)
ESP_MODEL_REDUCE(or, unsigned, a | b)
ESP_MODEL_REDUCE(xor, unsigned, a ^ b)
#undef ESP_MODEL_REDUCE

#endif
