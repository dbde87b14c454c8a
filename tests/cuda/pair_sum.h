/* A tiled kernel that has what kernels have: shared memory fixed and dynamic, barriers, shuffles, atomics. Forces of n
 * bodies on each other (softened, open space), their sum over components, and pairs that were counted. Host arrays:
 * x[n][3], mass[n], force[n][3]; n = 0 is fine. */
#ifndef ESP_TESTS_PAIR_SUM_H
#define ESP_TESTS_PAIR_SUM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double sum[3];
  long long pairs;
} pair_totals;

int pair_sum(int n, const double *x, const double *mass, double softening, double *force, pair_totals *totals);

#ifdef __cplusplus
}
#endif
#endif
