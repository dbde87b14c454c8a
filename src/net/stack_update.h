/* A layer's update: sums -> aggregate -> o = R2 silu(R1 [a A; s] + b1) + c, and its adjoint (net/stack.h has the
 * letters). Home rows, float64; a row's numbers do not depend on its neighbours. What lies between A and o is computed
 * again on the way back, a few rows at a time: cheaper than to write it to memory and read it. Local. */
#ifndef ESP_STACK_UPDATE_H
#define ESP_STACK_UPDATE_H

#include "net/dense.h"
#include "net/stack.h"

/* What both directions need for a moment, for a few rows at a time; wide enough for every layer. */
typedef struct {
  double *joint, *djoint;   /* [rows][C + H] */
  double *t;                /* [rows][h] = R1 [a A; s] + b1; on the way back silu'(t) in its place */
  double *hidden, *dhidden; /* [rows][h] silu(t) */
} esp_stack_scratch;
/* For up to n rows a call. The second of each pair only if `backward`. */
int esp_stack_scratch_create(const esp_stack *relation, int n, int backward, esp_stack_scratch *scratch);
void esp_stack_scratch_free(esp_stack_scratch *scratch);

/* s [n][H], sum [n][sum_width] -> o [n][out]. */
void esp_stack_update_forward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s,
                              const double *sum, esp_stack_scratch *scratch, double *o);
/* d_o [n][out] -> dsum [n][sum_width] (set), ds [n][H] += (NULL: not wanted), acc [count][ESP_EXACT_FULL_WORDS] of the
 * whole block += one term a (group of ESP_GROUP rows, number). */
void esp_stack_update_backward(const esp_dense *dense, const esp_stack *relation, int l, int n, const double *s,
                               const double *sum, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                               double *ds, int64_t *acc);

#endif
