/* The rungs of the ladder: every way of predicting D and K of a cloud that `evaluate` compares, as one table.
 * Collective over the backend's comm: a whole cloud on one rank, or one sharded cloud on all. */
#ifndef ESP_METHODS_H
#define ESP_METHODS_H

#include "net/integrator.h"

typedef struct {
  const esp_backend *backend; /* device: the network's */
  const esp_integrator *trained;
  const esp_integrator *untrained; /* the same model with its start values */
  int neighbours;                  /* of the nearest-neighbour baseline */
  const esp_visit *visit;          /* of the trained network's layers, or NULL */
} esp_methods;

typedef struct {
  const char *name; /* no comma: it is a CSV field */
  int64_t largest;  /* not tried on clouds above this */
  int whole;        /* only for clouds that lie whole on one rank */
  int baseline;     /* left out with eval_baselines false */
  /* cloud in model units -> D, K [n_home][3]; cost: pairs and cells of this rank, -1 where nobody counts them */
  int (*predict)(const esp_methods *methods, const esp_cloud *cloud, double (*D)[3], double (*K)[3], esp_cost *cost);
} esp_method;

const esp_method *esp_methods_table(int *count);

#endif
