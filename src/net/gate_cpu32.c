/* Gated pairs in float32: the routines that training and prediction use. */
#include "net/functions32.h"

/* 2^x for x in [-126, 0]: plain arithmetic, the same bits in a vector as alone. Polynomial of the Cephes library
 * (Moshier), error below 2 units in the last place. */
static inline __attribute__((always_inline)) float gate_exp2(float x) {
  const float n = rintf(x), r = x - n;
  float p = 1.535336188e-4f;
  p = p * r + 1.339887440e-3f;
  p = p * r + 9.618437357e-3f;
  p = p * r + 5.550332471e-2f;
  p = p * r + 2.402264791e-1f;
  p = p * r + 6.931472028e-1f;
  p = p * r + 1.0f;
  int32_t bits;
  memcpy(&bits, &p, sizeof bits);
  bits += (int32_t)n * (1 << 23);
  memcpy(&p, &bits, sizeof p);
  return p;
}

#define ESP_REAL float
#define ESP_EXP esp_exp32
#define ESP_GATE_EXP2 gate_exp2
#define ESP_GATE_FAINT 100.0f
#define ESP_GATE_OPS esp_gate_cpu32
#define ESP_GATE_OPS_NAME "cpu32"
#include "net/gate_cpu_body.h"
