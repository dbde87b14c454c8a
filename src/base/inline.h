/* Short functions that every processor compiles: the compiler of a device is told so by whoever includes them there, who
 * defines this before (cuda/inline.h). */
#ifndef ESP_INLINE
#define ESP_INLINE static inline __attribute__((always_inline))
#endif
