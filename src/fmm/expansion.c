#include "fmm/expansion.h"

#include "fmm/pairs/wide.h"

void esp_fmm_expand(const esp_fmm_sums *sums, double eps2, const double *at, int moments, int order, int terms,
                    double *L) {
  wide_expand(sums->c, sums->raw, eps2, at, moments, order, terms, L);
}

void esp_fmm_move(int order, const double *L, const double *from, const double *to, int terms, double *out) {
  double by[ESP_FMM_TERMS];
  const double x[3] = {to[0] - from[0], to[1] - from[1], to[2] - from[2]};
  for (int n = 0; n <= order; n++)
    for (int a = 0; a <= n; a++)
      for (int b = 0; a + b <= n; b++) by[esp_fmm_term(a, b, n - a - b)] = monomial(x, a, b, n - a - b);
  wide_contract(order, terms, L, by, out);
}
