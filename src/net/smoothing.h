/* Smoothing: do particles whose answers differ lie further apart in what a network makes of them than those whose answers are
 * alike? For the states between layers, and for the prediction.
 *
 * Of a sample of particles all pairs are compared. The difference of two answers is that of their targets, each over its
 * spread in the sample, squared and summed; answers differ where it is above the mean over all pairs, and are alike where it is
 * not: with answers of two values, where they are not the same.
 *
 *   ratio    root mean square difference of rows over pairs whose answers differ, over that of pairs whose answers are alike:
 *            1 if rows do not tell answers apart (the group distance ratio of Zhou et al., NeurIPS 2020, with root mean
 *            squares for means, and for answers without classes)
 *   spread   root mean square difference of rows over all pairs, over sqrt(2) times that of the rows from 0: 0 if all are the
 *            same, 1 if they have nothing in common
 *
 * What a sample cannot tell is NAN: no pairs of either kind, or no differences. The same bits on any number of ranks. */
#ifndef ESP_SMOOTHING_H
#define ESP_SMOOTHING_H

#include "base/comm.h"
#include "base/set.h"

typedef struct esp_smoothing esp_smoothing;

/* Of the set's home rows. samples: particles that are looked at, drawn by id hash, at most n; those of weight 0 are not. Every
 * rank holds the sample: O(samples^2) bytes and time. Collective; free with esp_smoothing_free, also after a failure. */
int esp_smoothing_create(const esp_comm *comm, const esp_set *set, int samples, uint64_t seed, esp_smoothing **made);
void esp_smoothing_free(esp_smoothing **smoothing);
int esp_smoothing_samples(const esp_smoothing *smoothing); /* particles in the sample. Local */
/* rows [n_home][width], in home order. O(samples^2 width) time on every rank. Collective. */
int esp_smoothing_of(const esp_smoothing *smoothing, int width, const double *rows, double *ratio, double *spread);

#endif
