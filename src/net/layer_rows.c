#include "net/layer_rows.h"

#include <string.h>

#include "base/set.h"

void esp_rows_join(int n, int left, const double *a, int right, const double *b, double *rows) {
  const size_t l = (size_t)left, r = b ? (size_t)right : 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(rows + i * (l + r), a + i * l, l * sizeof *rows);
    if (r) memcpy(rows + i * (l + r) + l, b + i * r, r * sizeof *rows);
  }
}

void esp_rows_part(int n, int left, double *a, int right, double *b, const double *rows) {
  const size_t l = (size_t)left, r = (size_t)right;
  for (size_t i = 0; i < (size_t)n; i++) {
    if (a) memcpy(a + i * l, rows + i * (l + r), l * sizeof *rows);
    if (b) memcpy(b + i * r, rows + i * (l + r) + l, r * sizeof *rows);
  }
}

/* Row `first` of rows that may not be there. */
static const double *row_of(const double *rows, int first, int width) {
  return rows ? rows + (size_t)first * (size_t)width : NULL;
}

void esp_layer_source_rows(const esp_layer *layer, int first, int count, double *rows) {
  const int d = layer->param.form.dim, values = layer->width.source - d;
  esp_rows_join(count, d, row_of(layer->input.key, first, d), values, row_of(layer->input.value, first, values), rows);
}

void esp_layer_query_rows(const esp_layer *layer, int first, int count, double *rows) {
  const int d = layer->param.form.dim, offsets = layer->width.query - d;
  const double *query = layer->input.query ? layer->input.query : layer->input.key;
  if (!layer->width.query) return;
  esp_rows_join(count, d, row_of(query, first, d), offsets,
                offsets ? row_of(layer->input.offset, first, offsets) : NULL, rows);
}

int esp_layer_group_create(const esp_layer *layer, esp_layer_group *g) {
  ESP_CALL(ESP_ALLOC(g->query, ESP_GROUP * (size_t)layer->width.query));
  return ESP_ALLOC(g->source, ESP_GROUP * (size_t)layer->width.source);
}

void esp_layer_group_free(esp_layer_group *g) {
  ESP_FREE(g->query);
  ESP_FREE(g->source);
}

void esp_layer_self_back(const esp_layer *layer, const esp_layer_group *g, const double *dsum, double *dquery,
                         double *dsource, int64_t *param_acc) {
  const esp_form *f = &layer->param.form;
  const esp_widths *w = &layer->width;
  for (int first = 0; first < layer->n_home && f->message->own; first += ESP_GROUP) {
    const size_t at = (size_t)first;
    const int count = esp_imin(ESP_GROUP, layer->n_home - first);
    esp_layer_source_rows(layer, first, count, g->source);
    esp_layer_query_rows(layer, first, count, g->query);
    f->message->own->take_back(f, layer->message, count, g->query, g->source, dsum + at * (size_t)w->sum,
                               dquery + at * (size_t)w->dquery, dsource + at * (size_t)w->dsource, param_acc);
  }
}
