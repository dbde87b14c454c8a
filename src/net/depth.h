/* The table of depth: how a layer's output joins the state between two layers of the stack, and the way back. A row is a
 * const esp_depth, listed in net/depths.c. Home rows, `count` numbers in all, in the device's memory; local. */
#ifndef ESP_DEPTH_H
#define ESP_DEPTH_H

#include <stddef.h>

#include "net/rows.h"

typedef struct {
  const char *name, *help;
  /* The state after the layer, from that before it and the layer's output o. next may be s. */
  void (*join)(const esp_rows *rows, size_t count, const double *s, const double *o, double *next);
  /* ds: dLoss by the state after the layer -> what of it goes past the layer, to the state before; d_o: by the output. */
  void (*join_back)(const esp_rows *rows, size_t count, double *ds, double *d_o);
  /* The state before the layer from that after it; layer: the output of a state. NULL: it is lost, so that every state is
   * kept for the way back. */
  int (*rebuild)(size_t count, const double *next, int (*layer)(void *context, const double *s, double *o),
                 void *context, double *s);
} esp_depth;

extern const esp_depth *const esp_depths[]; /* NULL behind the last */
const char *esp_depth_name(int k);          /* of the k-th; NULL behind the last */

#endif
