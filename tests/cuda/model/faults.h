/* Kernels that are wrong when they are told to be, and right otherwise. a[FAULT_N] -> b[FAULT_N], two blocks of
 * FAULT_BLOCK threads. */
#ifndef ESP_MODEL_FAULTS_H
#define ESP_MODEL_FAULTS_H

#ifdef __cplusplus
extern "C" {
#endif

enum { FAULT_N = 50, FAULT_BLOCK = 64 };

typedef struct {
  const char *name;
  const char *report; /* part of what the model says; NULL: the number is wrong, or an address sanitizer's */
  int sanitizer;      /* seen only by one */
} fault;

/* NULL behind the last. */
const fault *fault_of(int k);
/* What b[i] has to be, in fault k. */
float fault_right(int k, const float *a, int i);
int fault_run(int k, int broken, const float *a, float *b);

#ifdef __cplusplus
}
#endif
#endif
