#include "net/aggregate.h"

/* Silence weighs as much as senders of 0 do. */
static void hear(int C, const double *sum, double *A) {
  for (int c = 0; c < C / 2; c++) A[c] = esp_average_of(sum[c], sum[C / 2 + c]);
}

static double hear_back(int C, const double *sum, const double *A, const double *dA, double *dsum) {
  for (int c = 0; c < C / 2; c++) {
    double dweight = 0;
    dsum[c] = esp_average_back(A[c], sum[C / 2 + c], dA[c], &dweight);
    dsum[C / 2 + c] = dweight;
  }
  return 0;
}

const esp_aggregate esp_aggregate_softmax = {
    .name = "softmax",
    .help =
        "the mean of values v weighed by exp(beta v), beta learned a channel: towards the largest, or the smallest, "
        "until |beta v| is beyond some 10, where weights level off; a far cell holds moments of both sums",
    .says = 2,
    .start = 0.3,
    .hear = hear,
    .hear_back = hear_back};
