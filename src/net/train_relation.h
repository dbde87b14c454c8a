/* Training of the learned relation on feature sets: loss nMSE (net/relation.h), the one part of the record. */
#ifndef ESP_TRAIN_RELATION_H
#define ESP_TRAIN_RELATION_H

#include "net/relation.h"
#include "net/train.h"

/* Where feature sets come from; with targets. `get` is local when sharded is 0 (this rank alone asks for a whole set),
 * collective when it is 1 (every rank gets its share: esp_set_share). Between get and put the set is borrowed. */
typedef struct {
  int sets;    /* >= 1 */
  int sharded; /* 0: whole sets, 1: shared by all ranks */
  int (*get)(void *context, int c, const esp_feature_set **set);
  void (*put)(void *context, int c, const esp_feature_set *set); /* may be NULL */
  void *context;
} esp_relation_data;

/* esp_train of the relation. backend->comm: one rank (whole sets) or comm (sharded). A budgeted theta is found anew for
 * each tree; relation->theta is left at the last ones of this rank (no result depends on it). record->theta: the first
 * layer's. Measured good: rate 0.02 held for half of 400 steps, beta2 0.99, clip 1, one set a step, 60 steps of warm-up.
 * Collective over comm. */
int esp_train_relation(const esp_comm *comm, const esp_backend *backend, const esp_relation_data *data,
                       const esp_train_param *param, const esp_train_hooks *hooks, esp_relation *relation,
                       esp_adam *adam);

#endif
