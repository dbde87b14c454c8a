/* How wide a gate is to be: so that a receiver hears of about so many senders. */
#ifndef ESP_PERPLEXITY_H
#define ESP_PERPLEXITY_H

#include "base/comm.h"

enum { ESP_PERPLEXITY_SAMPLE = 1024 };

/* t = s^2 of the gate exp(-|z_i - z_j|^2 / 2 t) over all j != i: the median over receivers of the perplexity, exp of the entropy of
 * what they hear, is `perplexity`. The receivers are as many as ESP_PERPLEXITY_SAMPLE of the n particles, evenly over their
 * numbers (all of fewer); senders are all. By bisection, to 1e-4 of t; sums are exact: the same bits on any number of ranks.
 * Keys z [n_home][d] of particles first .. of n. A perplexity that n - 1 senders cannot give becomes half of n - 1; 1 where all
 * lie in one place, or n < 3. Collective. Time O(1024 n d); memory O(n_home). Errors: memory. */
int esp_perplexity_temperature(const esp_comm *comm, int64_t n, int64_t first, int n_home, int d, const double *z,
                               double perplexity, double *t);

#endif
