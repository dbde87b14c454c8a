/* Numbers: rounding, bits, loads. The host rounds to nearest, as the device does, and does not fuse (-ffp-contract=off).
 * cuda_runtime.h includes this. */
#ifndef ESP_MODEL_ARITHMETIC_H
#define ESP_MODEL_ARITHMETIC_H

#define ESP_MODEL_ROUNDED(name, T, expression) \
  static inline T name(T a, T b) {             \
    return expression;                         \
  }
ESP_MODEL_ROUNDED(__fadd_rn, float, a + b)
ESP_MODEL_ROUNDED(__fsub_rn, float, a - b)
ESP_MODEL_ROUNDED(__fmul_rn, float, a *b)
ESP_MODEL_ROUNDED(__fdiv_rn, float, a / b)
ESP_MODEL_ROUNDED(__dadd_rn, double, a + b)
ESP_MODEL_ROUNDED(__dsub_rn, double, a - b)
ESP_MODEL_ROUNDED(__dmul_rn, double, a *b)
ESP_MODEL_ROUNDED(__ddiv_rn, double, a / b)
#undef ESP_MODEL_ROUNDED

/* T name(F a) */
#define ESP_MODEL_UNARY(name, T, F, expression) \
  static inline T name(F a) {                   \
    return expression;                          \
  }
ESP_MODEL_UNARY(__frcp_rn, float, float, 1 / a)
ESP_MODEL_UNARY(__drcp_rn, double, double, 1 / a)
ESP_MODEL_UNARY(__fsqrt_rn, float, float, __builtin_sqrtf(a))
ESP_MODEL_UNARY(__dsqrt_rn, double, double, __builtin_sqrt(a))
ESP_MODEL_UNARY(rsqrtf, float, float, 1 / __builtin_sqrtf(a))
ESP_MODEL_UNARY(rsqrt, double, double, 1 / __builtin_sqrt(a))
ESP_MODEL_UNARY(rsqrt, float, float, 1 / __builtin_sqrtf(a))
ESP_MODEL_UNARY(__int2float_rn, float, int, (float)a)
ESP_MODEL_UNARY(__uint2float_rn, float, unsigned, (float)a)
ESP_MODEL_UNARY(__ll2float_rn, float, long long, (float)a)
ESP_MODEL_UNARY(__ll2double_rn, double, long long, (double)a)
ESP_MODEL_UNARY(__double2float_rn, float, double, (float)a)
ESP_MODEL_UNARY(__popc, int, unsigned, __builtin_popcount(a))
ESP_MODEL_UNARY(__popcll, int, unsigned long long, __builtin_popcountll(a))
ESP_MODEL_UNARY(__ffs, int, int, __builtin_ffs(a))
ESP_MODEL_UNARY(__ffsll, int, long long, __builtin_ffsll(a))
ESP_MODEL_UNARY(__clz, int, int, a ? __builtin_clz((unsigned)a) : 32)
ESP_MODEL_UNARY(__clzll, int, long long, a ? __builtin_clzll((unsigned long long)a) : 64)

/* Bits of one type as another. */
template <class T, class F>
static inline T esp_model_bits(F a) {
  static_assert(sizeof(T) == sizeof(F), "as many bits");
  T b;
  memcpy(&b, &a, sizeof b);
  return b;
}
ESP_MODEL_UNARY(__float_as_int, int, float, esp_model_bits<int>(a))
ESP_MODEL_UNARY(__float_as_uint, unsigned, float, esp_model_bits<unsigned>(a))
ESP_MODEL_UNARY(__int_as_float, float, int, esp_model_bits<float>(a))
ESP_MODEL_UNARY(__uint_as_float, float, unsigned, esp_model_bits<float>(a))
ESP_MODEL_UNARY(__double_as_longlong, long long, double, esp_model_bits<long long>(a))
ESP_MODEL_UNARY(__longlong_as_double, double, long long, esp_model_bits<double>(a))

/* Conversions stop at the ends of the range, and NaN gives 0, as on a device (the lowest number for double). */
template <class T, class F>
static inline T esp_model_whole(F a, T nan) {
  const F end = (F)9223372036854775808.0 / (sizeof(T) == 4 ? (F)4294967296.0 : (F)1);
  const T most = (T)(sizeof(T) == 4 ? 0x7fffffffLL : 0x7fffffffffffffffLL);
  if (a != a) return nan;
  return a >= end ? most : a <= -end ? (T)(-most - 1) : (T)a;
}
ESP_MODEL_UNARY(__float2int_rn, int, float, esp_model_whole<int>(__builtin_rintf(a), 0))
ESP_MODEL_UNARY(__float2int_rd, int, float, esp_model_whole<int>(__builtin_floorf(a), 0))
ESP_MODEL_UNARY(__float2int_rz, int, float, esp_model_whole<int>(__builtin_truncf(a), 0))
ESP_MODEL_UNARY(__double2int_rn, int, double, esp_model_whole<int>(__builtin_rint(a), (int)0x80000000u))
ESP_MODEL_UNARY(__double2int_rd, int, double, esp_model_whole<int>(__builtin_floor(a), (int)0x80000000u))
ESP_MODEL_UNARY(__double2int_rz, int, double, esp_model_whole<int>(__builtin_trunc(a), (int)0x80000000u))
ESP_MODEL_UNARY(__double2ll_rn, long long, double,
                esp_model_whole<long long>(__builtin_rint(a), (long long)0x8000000000000000ull))
#undef ESP_MODEL_UNARY

static inline float __fmaf_rn(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
static inline double __fma_rn(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((uint64_t)a * b >> 32);
}
static inline int __mulhi(int a, int b) {
  return (int)((int64_t)a * b >> 32);
}
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ typedef unsigned __int128 wide;
  return (unsigned long long)((wide)a * b >> 64);
}
static inline unsigned long long __brevll(unsigned long long a) {
  unsigned long long b = 0;
  for (int k = 0; k < 64; k++) b |= (a >> k & 1) << (63 - k);
  return b;
}
static inline unsigned __brev(unsigned a) {
  return (unsigned)(__brevll(a) >> 32);
}

template <class T>
static inline T __ldg(const T *address) {
  return *address;
}
template <class T>
static inline T __ldcg(const T *address) {
  return *address;
}
template <class T>
static inline T __ldcs(const T *address) {
  return *address;
}
template <class T>
static inline void __stcg(T *address, T value) {
  *address = value;
}

#define ESP_MODEL_EXTREMES(T)     \
  static inline T min(T a, T b) { \
    return b < a ? b : a;         \
  }                               \
  static inline T max(T a, T b) { \
    return a < b ? b : a;         \
  }
ESP_MODEL_EXTREMES(int)
ESP_MODEL_EXTREMES(unsigned)
ESP_MODEL_EXTREMES(long)
ESP_MODEL_EXTREMES(unsigned long)
ESP_MODEL_EXTREMES(long long)
ESP_MODEL_EXTREMES(unsigned long long)
#undef ESP_MODEL_EXTREMES
static inline float min(float a, float b) { /* not NaN where one is not */
  return __builtin_fminf(a, b);
}
static inline float max(float a, float b) {
  return __builtin_fmaxf(a, b);
}
static inline double min(double a, double b) {
  return __builtin_fmin(a, b);
}
static inline double max(double a, double b) {
  return __builtin_fmax(a, b);
}

#endif
