/* What a device can do at most, measured. */
#ifndef ESP_TESTS_CEILINGS_H
#define ESP_TESTS_CEILINGS_H

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

typedef struct {
  double copy;          /* bytes a second, read and written */
  double fma;           /* float32 product-sums a second */
  double root, divided; /* 1/sqrt a second: the hardware's; rounded as IEEE 754 has it */
} ceilings;

/* bytes: of the array that is copied; rounds: of a thread's loop. Errors: the device's. */
int ceilings_measure(size_t bytes, int rounds, ceilings *c);

#ifdef __cplusplus
}
#endif
#endif
