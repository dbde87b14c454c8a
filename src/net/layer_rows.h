/* Inside a layer: its rows in the memories of host and device, home rows from their parts, and the gradient of a particle's
 * message to itself. */
#ifndef ESP_LAYER_ROWS_H
#define ESP_LAYER_ROWS_H

#include "net/layer.h"

/* rows [n][left + right], side by side; b NULL or right 0: a alone. And the other way; a or b may be NULL. In the memory of
 * `rows`. */
void esp_rows_join(const esp_rows *rows, int n, int left, const double *a, int right, const double *b, double *joint);
void esp_rows_part(const esp_rows *rows, int n, int left, double *a, int right, double *b, const double *joint);

/* layer->there.in from the caller's input: borrowed, or copied where it lies in the other memory; freed by esp_layer_free.
 * Local. Errors: memory, and those of the device. */
int esp_layer_take_input(esp_layer *layer, const esp_layer_input *input);
/* Keys and queries of layer->host.in alone: as esp_layer_fetch. */
int esp_layer_fetch_keys(esp_layer *layer);

/* Home rows first .. first + count - 1: [key; value], and [query or key; offset] (nothing where width.query is 0); in the
 * device's memory. */
void esp_layer_source_rows(const esp_layer *layer, int first, int count, double *rows);
void esp_layer_query_rows(const esp_layer *layer, int first, int count, double *rows);

/* What particles say to themselves, on this device; NULL: no sum holds it. */
const esp_own_message *esp_layer_own(const esp_layer *layer);
/* Some home rows, for what is done a few rows at a time. Errors: memory. */
typedef struct {
  int rows;
  double *query, *source;
} esp_layer_tile;
int esp_layer_tile_create(const esp_layer *layer, esp_layer_tile *tile);
void esp_layer_tile_free(const esp_layer *layer, esp_layer_tile *tile);
/* A particle's message to itself, taken out of the home rows of the gradients; dsum as in esp_layer_backward, all in the
 * device's memory. Nothing for messages that say nothing to their senders. Local. */
void esp_layer_self_back(const esp_layer *layer, const esp_layer_tile *tile, const double *dsum, double *dquery,
                         double *dsource, int64_t *param_acc);

#endif
