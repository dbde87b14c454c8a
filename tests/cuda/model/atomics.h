/* Atomic operations: threads of the model do not interrupt each other, so they are plain ones. Returned is the old value,
 * as CUDA does. cuda_runtime.h includes this. */
#ifndef ESP_MODEL_ATOMICS_H
#define ESP_MODEL_ATOMICS_H

#define ESP_MODEL_ATOMIC(name, T, expression) \
  static inline T name(T *address, T value) { \
    const T old = *address;                   \
    *address = (T)(expression);               \
    return old;                               \
  }
#define ESP_MODEL_ATOMIC_WHOLE(T)                             \
  ESP_MODEL_ATOMIC(atomicMin, T, value < old ? value : old)   \
  ESP_MODEL_ATOMIC(atomicMax, T, value > old ? value : old)   \
  ESP_MODEL_ATOMIC(atomicExch, T, value)                      \
  ESP_MODEL_ATOMIC(atomicAnd, T, old &value)                  \
  ESP_MODEL_ATOMIC(atomicOr, T, old | value)                  \
  ESP_MODEL_ATOMIC(atomicXor, T, old ^ value)                 \
  static inline T atomicCAS(T *address, T compare, T value) { \
    const T old = *address;                                   \
    if (old == compare) *address = value;                     \
    return old;                                               \
  }

ESP_MODEL_ATOMIC_WHOLE(int)
ESP_MODEL_ATOMIC_WHOLE(unsigned)
ESP_MODEL_ATOMIC_WHOLE(unsigned long long)
ESP_MODEL_ATOMIC(atomicAdd, int, (unsigned)old + (unsigned)value)
ESP_MODEL_ATOMIC(atomicAdd, unsigned, old + value)
ESP_MODEL_ATOMIC(atomicAdd, unsigned long long, old + value)
ESP_MODEL_ATOMIC(atomicAdd, float, old + value)
ESP_MODEL_ATOMIC(atomicAdd, double, old + value)
ESP_MODEL_ATOMIC(atomicSub, int, (unsigned)old - (unsigned)value)
ESP_MODEL_ATOMIC(atomicSub, unsigned, old - value)
ESP_MODEL_ATOMIC(atomicExch, float, value)

#undef ESP_MODEL_ATOMIC_WHOLE
#undef ESP_MODEL_ATOMIC

#endif
