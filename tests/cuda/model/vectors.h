/* Vector types of CUDA, with its alignment, and make_*; dim3. cuda_runtime.h includes this. */
#ifndef ESP_MODEL_VECTORS_H
#define ESP_MODEL_VECTORS_H

#define ESP_MODEL_VECTORS(T, name, align1)                    \
  struct alignas(2 * align1) name##2 {                        \
    T x, y;                                                   \
  };                                                          \
  struct name##3 {                                            \
    T x, y, z;                                                \
  };                                                          \
  struct alignas(align1 * 4 < 16 ? align1 * 4 : 16) name##4 { \
    T x, y, z, w;                                             \
  };                                                          \
  static inline name##2 make_##name##2(T x, T y) {            \
    return {x, y};                                            \
  }                                                           \
  static inline name##3 make_##name##3(T x, T y, T z) {       \
    return {x, y, z};                                         \
  }                                                           \
  static inline name##4 make_##name##4(T x, T y, T z, T w) {  \
    return {x, y, z, w};                                      \
  }

#define ESP_MODEL_PAIR(T, name)                    \
  struct alignas(16) name##2 {                     \
    T x, y;                                        \
  };                                               \
  static inline name##2 make_##name##2(T x, T y) { \
    return {x, y};                                 \
  }

ESP_MODEL_VECTORS(signed char, char, 1)
ESP_MODEL_VECTORS(unsigned char, uchar, 1)
ESP_MODEL_VECTORS(short, short, 2)
ESP_MODEL_VECTORS(unsigned short, ushort, 2)
ESP_MODEL_VECTORS(int, int, 4)
ESP_MODEL_VECTORS(unsigned, uint, 4)
ESP_MODEL_VECTORS(float, float, 4)
ESP_MODEL_PAIR(double, double)
ESP_MODEL_PAIR(long long, longlong)
ESP_MODEL_PAIR(unsigned long long, ulonglong)

#undef ESP_MODEL_VECTORS
#undef ESP_MODEL_PAIR

struct double3 {
  double x, y, z;
};
static inline double3 make_double3(double x, double y, double z) {
  return {x, y, z};
}

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

#endif
