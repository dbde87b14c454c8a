/* Inside a layer: home rows from their parts and back, and the gradient of a particle's message to itself. */
#ifndef ESP_LAYER_ROWS_H
#define ESP_LAYER_ROWS_H

#include "net/layer.h"

/* rows [n][left + right], side by side; b NULL or right 0: a alone. And the other way; a or b may be NULL. */
void esp_rows_join(int n, int left, const double *a, int right, const double *b, double *rows);
void esp_rows_part(int n, int left, double *a, int right, double *b, const double *rows);

/* Home rows first .. first + count - 1: [key; value], and [query or key; offset] (nothing where width.query is 0). */
void esp_layer_source_rows(const esp_layer *layer, int first, int count, double *rows);
void esp_layer_query_rows(const esp_layer *layer, int first, int count, double *rows);

/* A group's rows, for what is done group by group. Errors: memory. */
typedef struct {
  double *query, *source;
} esp_layer_group;
int esp_layer_group_create(const esp_layer *layer, esp_layer_group *g);
void esp_layer_group_free(esp_layer_group *g);
/* A particle's message to itself, taken out of the home rows of the gradients; dsum as in esp_layer_backward. Nothing for
 * messages that say nothing to their senders. Local. */
void esp_layer_self_back(const esp_layer *layer, const esp_layer_group *g, const double *dsum, double *dquery,
                         double *dsource, int64_t *param_acc);

#endif
