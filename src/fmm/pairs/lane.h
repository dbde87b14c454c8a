/* One lane of what this folder computes, as cpu/lanes.h has vectors of them: where vectors are of one float, and on a device, where a
 * thread has it. A comparison gives all bits or none. */
#ifndef ESP_FMM_LANE_H
#define ESP_FMM_LANE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/inline.h"

typedef float fv;
typedef uint32_t uv;
typedef double dv;
typedef int64_t dm;

ESP_INLINE uv fv_bits(fv v) {
  uv u;
  memcpy(&u, &v, sizeof u);
  return u;
}
ESP_INLINE fv uv_float(uv u) {
  fv v;
  memcpy(&v, &u, sizeof v);
  return v;
}
ESP_INLINE fv fv_all(float x) {
  return x;
}
ESP_INLINE fv fv_fma(fv a, fv b, fv c) {
  return fmaf(a, b, c);
}
ESP_INLINE fv fv_fnma(fv a, fv b, fv c) {
  return fmaf(-a, b, c);
}
ESP_INLINE fv fv_min(fv a, fv b) {
  return a < b ? a : b;
}
ESP_INLINE fv fv_sqrt(fv a) {
  return sqrtf(a);
}
/* q, or `instead` in the lane whose number is this one. */
ESP_INLINE fv fv_other(fv number, float one, fv q, float instead) {
  return number == one ? instead : q;
}
ESP_INLINE dv dv_all(double x) {
  return x;
}
ESP_INLINE dv dv_root(dv a) {
  return sqrt(a);
}
ESP_INLINE dv dv_size(dv a) {
  return fabs(a);
}
ESP_INLINE dm dv_less(dv a, dv b) {
  return -(int64_t)(a < b);
}
ESP_INLINE dm dm_less(dm a, dm b) {
  return -(int64_t)(a < b);
}
ESP_INLINE dm dm_all(int64_t x) {
  return x;
}
ESP_INLINE dv dv_choose(dm m, dv a, dv b) {
  return m ? a : b;
}

#endif
