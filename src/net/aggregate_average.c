#include "net/aggregate.h"

static void hear(int C, const double *sum, double *A) {
  for (int c = 0; c < C; c++) A[c] = esp_average_of(sum[c], sum[C]);
}

static double hear_back(int C, const double *sum, const double *A, const double *dA, double *dsum) {
  double dden = 0;
  for (int c = 0; c < C; c++) dsum[c] = esp_average_back(A[c], sum[C], dA[c], &dden);
  return dden;
}

const esp_aggregate esp_aggregate_average = {.name = "average",
                                             .help = "num / (den + 0.3)",
                                             .den = 1,
                                             .says = 1,
                                             .start = 0.3,
                                             .hear = hear,
                                             .hear_back = hear_back};
