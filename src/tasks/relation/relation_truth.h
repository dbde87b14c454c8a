/* Inside this folder: sums over Gaussian gates in a space of few dimensions, in float64, as the truth of made relations.
 *
 *   num_i [F] = sum_j G v_j,  den_i = sum_j G,  G = exp(-|q_i - k_j|^2 / 2 h^2)
 *
 * or, where senders and receivers have marks m and u,
 *
 *   num_i [F - 1] = sum_j G (|v_j + t| - |v_j - t|) / 2,  t = m_j - u_i, m the last of a sender's F values
 *
 * Sources are sorted by cells of a grid over the first two axes, then by global number; a receiver's sum runs over the
 * cells its reach meets, in order, in partial sums that are added at the end. So it depends on the receiver and
 * the whole set alone, not on who else is there. */
#ifndef ESP_RELATION_TRUTH_H
#define ESP_RELATION_TRUTH_H

#include "base/comm.h"

typedef struct {
  int axes, values; /* r, F */
  double h;
  double reach;       /* 0: all pairs; else sources farther than this may be left out */
  int self;           /* 1: a particle is a source of its own, too */
  const double *mark; /* NULL, or u [n_home] */
  const double *only; /* NULL, or [n_home]: receivers with 0 get no sums, but zeros */
} esp_truth_law;

/* q, k [n_home][axes], v [n_home][values] of this rank's particles, whose global numbers follow those of the ranks below.
 * sum [n_home][values + 1]: num, den; with marks the place of num's last, the marks' own, means nothing. Collective;
 * n = 0 is fine. ESP_ERR_LIMIT above 2^31 - 1 particles in all. */
int esp_truth_sums(const esp_comm *comm, const esp_truth_law *law, int n_home, const double *q, const double *k,
                   const double *v, double *sum);

#endif
