/* What a pass finds of the far cells of its layers, one after the other: the resolution for a wanted error, and the error that
 * there is (net/far_error.h, net/far_judge.h). */
#ifndef ESP_FAR_FIND_H
#define ESP_FAR_FIND_H

#include "net/far_judge.h"

typedef struct {
  esp_gate_bound table;
  double error, begin;   /* wanted; the theta from which the search begins */
  double theta, bound;   /* the least chosen; the largest of their bounds */
  int layers;            /* judged */
  esp_far_record record; /* sums of squares, until the end */
} esp_far_found;

/* Of messages of so many orders of moments; the caller's (esp_far_found_free). Local. Errors: memory. */
int esp_far_found_create(int order, esp_far_found *found);
void esp_far_found_free(esp_far_found *found);
/* Of a layer whose domain stands, whose rows are brought to the host. Collective. */
int esp_far_found_choose(esp_far_found *found, const esp_comm *comm, esp_layer *layer);
int esp_far_found_judge(esp_far_found *found, const esp_comm *comm, esp_layer *layer);
/* Root mean squares over the layers that were judged; nothing but 0 of none. Local, pure. */
esp_far_record esp_far_found_record(const esp_far_found *found);

#endif
