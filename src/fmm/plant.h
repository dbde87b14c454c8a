/* The tree put together of what is here: the top, the pieces held, and what other ranks sent of theirs. */
#ifndef ESP_FMM_PLANT_H
#define ESP_FMM_PLANT_H

#include "fmm/trade.h"

/* In place of a sent row's `right`. */
enum { ESP_FMM_CHILDREN = 2, ESP_FMM_NO_CHILDREN = 1, ESP_FMM_NO_BODIES = 0, ESP_FMM_BODIES = -1 };

typedef struct {
  double x[3], mass;
} esp_fmm_sent_body;

/* Parts of pieces in the order of slots, each in preorder from its root on. */
typedef struct {
  size_t rows, bodies, row_capacity, moment_capacity, body_capacity, extra_capacity;
  esp_fmm_cell *row;
  float *moment; /* [rows][moments]; for the walk alone */
  esp_fmm_sent_body *body;
  double *extra; /* [bodies][extras] */
} esp_fmm_parcel;

/* tree; for the walk bodies behind those held. On one rank the tree is `own`. Local. Errors: memory,
 * ESP_ERR_INTERNAL for a parcel that does not fit the pieces. */
int esp_fmm_plant(esp_fmm_work *w, const esp_fmm_purpose *purpose, const esp_fmm_parcel *parcel);
/* Frees the tree, unless it is `own`. */
void esp_fmm_unplant(esp_fmm_work *w);

#endif
