/* A feature set: n things, each a vector of features, values it sends, and targets; or this rank's share of them, in
 * home order. Everything is a number without a unit.
 *
 * A view of a set (base/set.h) for the numerics that name its columns; its arrays may be the set's. */
#ifndef ESP_FEATURE_SET_H
#define ESP_FEATURE_SET_H

#include <stdint.h>

#include "base/base.h"
#include "base/comm.h"
#include "base/set.h" /* ESP_GROUP, esp_set_share */

typedef struct {
  int64_t n;                             /* particles in all */
  int64_t first;                         /* global number of the first held here: a multiple of ESP_GROUP */
  int n_home;                            /* held here: whole groups, but for the end of the set */
  int features, values, targets, hidden; /* D >= 1, F >= 1, T >= 1 (0: targets unknown), r (0: not known) */
  int64_t *id;                           /* [n_home] unique over ranks */
  double *x;                             /* [n_home][D] features: what embeddings and read-outs see */
  double *v;                             /* [n_home][F] values that are sent */
  double *y;                             /* [n_home][T] targets; NULL if T = 0 */
  double *weight; /* [n_home] of the particle in the loss: 1 scored, 0 not; NULL: all are scored */
  double *z;      /* [n_home][r] hidden coordinates, where whoever made the data knows them: for judging, for the oracle
                     tree and for pictures, never an input of the network; NULL if r = 0 */
} esp_feature_set;

/* Allocate for the sizes given in *set (n, first, n_home, features, values, targets, hidden; weight if `weighted`),
 * zeroed. Local. */
int esp_feature_set_create(esp_feature_set *set, int weighted);
void esp_feature_set_free(esp_feature_set *set);

#endif
