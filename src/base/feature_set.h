/* A feature set: n things, each a vector of features, values it sends, and targets; or this rank's share of them, in
 * home order. Everything is a number without a unit.
 *
 * Groups. Sums over particles of many products (gradients of dense layers) are formed group by group in float64, in
 * home order, and group sums are added exactly (base/exact_sum.h). So a group must be the same particles in the same
 * order on any number of ranks: a group is ESP_FEATURE_GROUP consecutive particles of the set's global order, and a
 * rank's share is whole groups. */
#ifndef ESP_FEATURE_SET_H
#define ESP_FEATURE_SET_H

#include <stdint.h>

#include "base/base.h"
#include "base/comm.h"

enum { ESP_FEATURE_GROUP = 64 };

typedef struct {
  int64_t n;                             /* particles in all */
  int64_t first;                         /* global number of the first held here: a multiple of ESP_FEATURE_GROUP */
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

/* First particle and number of particles of rank r of P: group floor(G r/P) on, of G = ceil(n / ESP_FEATURE_GROUP). */
void esp_feature_share(int64_t n, int rank, int size, int64_t *first, int64_t *count);
/* Allocate for the sizes given in *set (n, first, n_home, features, values, targets, hidden; weight if `weighted`),
 * zeroed. Local. */
int esp_feature_set_create(esp_feature_set *set, int weighted);
void esp_feature_set_free(esp_feature_set *set);
/* Finite numbers, weights >= 0, shares that fit together. ESP_ERR_VALUE naming id, field, column and value, with
 * `source` (file or caller) in front. Collective: agrees. */
int esp_feature_set_check(const esp_comm *comm, const esp_feature_set *set, const char *source);
/* Fingerprint: sum modulo 2^64 over particles of a hash of (id, x, v, y, weight; weights that are not given are 1);
 * independent of order and ranks. Collective. */
int esp_feature_set_checksum(const esp_comm *comm, const esp_feature_set *set, uint64_t *sum);

#endif
