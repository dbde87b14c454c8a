/* The specification: every message and its adjoint as plain loops over all pairs, in float64. What a device's kernels are
 * tested against; nothing here is fast, nothing else decides what is right. Local, pure, cannot fail. */
#ifndef ESP_SPECIFICATION_H
#define ESP_SPECIFICATION_H

#include "message/message.h"

/* Rows as in message/message.h; where the form has no query rows, query is the receivers' source rows. same: receiver i
 * and sender i are one particle (bodies say nothing to themselves; gates do).
 * sum [receivers][w.sum] is set. */
void esp_specification_forward(const esp_form *f, const double *param, int same, int receivers, const double *query,
                               int senders, const double *source, double *sum);
/* dsum [receivers][w.sum] = dLoss/dsum -> added to: dquery [receivers][w.dquery, or w.dsource where there are no query
 * rows], dsource [senders][w.dsource], dparam [w.param]. */
void esp_specification_backward(const esp_form *f, const double *param, int same, int receivers, const double *query,
                                int senders, const double *source, const double *dsum, double *dquery, double *dsource,
                                double *dparam);

/* Of messages whose cells hold moments (gate): what a cell of `members` says to receivers, as its series, member by member
 * about their mean key: sum_j v_j G(u) sum_{n <= order} T_n, u = (q - K) / s, t_j = (k_j - K) / s, a = u.t_j, b = |t_j|^2,
 *   T_0 = 1, T_1 = a, T_n = (a T_{n-1} - b T_{n-2}) / n        (Hermite: T_n = |t|^n He_n(a / |t|) / n!)
 * added to sum; and its adjoint, K's and s's included: dsum -> added to dquery, dsource, dparam. */
void esp_specification_cell(const esp_form *f, const double *param, int receivers, const double *query, int members,
                            const double *source, double *sum);
void esp_specification_cell_back(const esp_form *f, const double *param, int receivers, const double *query,
                                 int members, const double *source, const double *dsum, double *dquery, double *dsource,
                                 double *dparam);

#endif
