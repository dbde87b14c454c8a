/* The loss: mean over the clouds of a batch of
 *
 *   NMSE(D) + lambda NMSE(K),    NMSE(X) = sum |X_i - X*_i|^2 / sum |X*_i|^2 over the particles of one cloud.
 *
 * Each cloud is normalised by its own targets, so clouds of different n count alike, the gradient of a cloud needs
 * nothing of the others, and ranks that share a batch need not meet before the backward pass. Targets that are all zero
 * are normalised by 1. Sums are exact, so the loss is the same bits for any number of ranks. */
#ifndef ESP_LOSS_H
#define ESP_LOSS_H

#include "base/particles.h"

typedef struct esp_loss esp_loss; /* a row of the table of losses */

typedef struct {
  double D, K; /* NMSE of one cloud */
} esp_nmse;

/* NMSE of one prediction D, K [n_home][3] of `cloud`, whose targets must be there (ESP_ERR_ARG else), and its gradient
 * gD, gK [n_home][3] = weight * d(NMSE(D) + lambda NMSE(K)) / d(D, K); gD, gK may be NULL. Collective over the cloud's
 * comm. n = 0 gives 0. */
int esp_loss_cloud(const esp_comm *comm, const esp_cloud *cloud, const double (*D)[3], const double (*K)[3],
                   double lambda, double weight, double (*gD)[3], double (*gK)[3], esp_nmse *nmse);

#endif
