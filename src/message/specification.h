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

#endif
