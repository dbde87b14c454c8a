/* The tree of the specification, which its forward and backward pass share. */
#ifndef ESP_FMM_PLAIN_H
#define ESP_FMM_PLAIN_H

#include "fmm/cells.h"
#include "fmm/scale.h"

typedef struct {
  esp_fmm_box box;
  esp_fmm_sums sums;
  esp_fmm_cell cell; /* right: that of the node, too */
  int first, count;  /* slots */
  double least;      /* |a| */
} esp_fmm_plain_node;

typedef struct {
  double key;
  int64_t id;
  int body;
} esp_fmm_plain_body;

typedef struct {
  const esp_fmm_param *param;
  const esp_fmm_bodies *bodies;
  const esp_fmm_witness *witness;
  esp_fmm_scale scale;
  int n, nodes;
  double eps2, floor, unit;   /* unit: of |a| */
  esp_fmm_plain_body *order;  /* [n] slots */
  double (*x)[3], *m;         /* [n] by slot */
  double (*a)[3], *potential; /* [n] by slot */
  esp_fmm_plain_node *node;   /* [nodes] preorder */
} esp_fmm_plain;

/* Bodies in the order of the arguments. Errors: those of esp_fmm_scale_make; memory. */
int esp_fmm_plain_create(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_witness *witness,
                         esp_fmm_plain *w);
/* Bodies by slot, nodes but for least. Errors: those of esp_fmm_scale_admit. */
int esp_fmm_plain_grow(esp_fmm_plain *w);
void esp_fmm_plain_free(esp_fmm_plain *w);

#endif
