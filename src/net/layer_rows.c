#include "net/layer_rows.h"

#include "base/set.h"

void esp_rows_join(const esp_rows *rows, int n, int left, const double *a, int right, const double *b, double *joint) {
  const int wide = left + (b ? right : 0);
  rows->columns(n, left, left, 0, a, wide, 0, joint);
  if (b) rows->columns(n, right, right, 0, b, wide, left, joint);
}

void esp_rows_part(const esp_rows *rows, int n, int left, double *a, int right, double *b, const double *joint) {
  if (a) rows->columns(n, left, left + right, 0, joint, left, 0, a);
  if (b) rows->columns(n, right, left + right, left, joint, right, 0, b);
}

/* ---- memories ---- */

/* Which of an input's arrays, and how wide they are. */
enum { KEYS = 2, PARTS = 4 }; /* the first are keys */
typedef struct {
  const double **array;
  int width;
} part;

static void parts_of(const esp_layer *layer, esp_layer_input *in, part all[PARTS]) {
  const int d = layer->param.form.dim;
  all[0] = (part){&in->key, d};
  all[1] = (part){&in->query, d};
  all[2] = (part){&in->value, layer->width.source - d};
  all[3] = (part){&in->offset, layer->width.query - d};
}

int esp_layer_take_input(esp_layer *layer, const esp_layer_input *input) {
  const esp_device *device = layer->device;
  part from[PARTS], to[PARTS];
  layer->there.in = layer->host.in = *input;
  if (device->shared) return ESP_OK;
  esp_layer_rows *other = input->there ? &layer->host : &layer->there;
  parts_of(layer, &layer->host.in, from);
  parts_of(layer, &other->in, to);
  for (int k = 0; k < PARTS; k++) *to[k].array = NULL;
  if (input->there) return ESP_OK;
  for (int k = 0; k < PARTS; k++) {
    const size_t count = (size_t)layer->n_home * (size_t)esp_imax(from[k].width, 0);
    double *there = NULL;
    if (!*from[k].array) continue;
    ESP_CALL(ESP_THERE(device, there, count));
    *to[k].array = there;
    ESP_CALL(esp_device_put(device, count, *from[k].array, there));
  }
  return ESP_OK;
}

/* Rows of the device in the host's memory; *host is made. */
static int fetch(const esp_device *device, size_t count, const double *there, double **host) {
  if (*host || !there) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*host, count));
  return esp_device_get(device, count, there, *host);
}

/* Parts first .. last - 1 of the input. */
static int fetch_parts(esp_layer *layer, int first, int last) {
  part from[PARTS], to[PARTS];
  if (layer->device->shared || !layer->there.in.there) return ESP_OK;
  parts_of(layer, &layer->there.in, from);
  parts_of(layer, &layer->host.in, to);
  for (int k = first; k < last; k++)
    ESP_CALL(fetch(layer->device, (size_t)layer->n_home * (size_t)esp_imax(from[k].width, 0), *from[k].array,
                   (double **)to[k].array));
  return ESP_OK;
}

int esp_layer_fetch_keys(esp_layer *layer) {
  return fetch_parts(layer, 0, KEYS);
}

int esp_layer_fetch(esp_layer *layer) {
  const esp_domain *dom = layer->dom;
  const esp_widths *w = &layer->width;
  const size_t own = (size_t)dom->n_own, sources = own + (size_t)dom->n_ghost;
  if (layer->device->shared) {
    layer->host = layer->there;
    return ESP_OK;
  }
  ESP_CALL(fetch_parts(layer, 0, PARTS));
  ESP_CALL(fetch(layer->device, own * (size_t)w->query, layer->there.query, &layer->host.query));
  ESP_CALL(fetch(layer->device, sources * (size_t)w->source, layer->there.source, &layer->host.source));
  return fetch(layer->device, (size_t)dom->tree.row_count * (size_t)w->cell, layer->there.cell, &layer->host.cell);
}

void esp_layer_free(esp_layer *layer) {
  const esp_device *device = layer->device;
  part all[PARTS];
  if (!layer->borrowed) esp_domain_free(&layer->dom);
  if (device) {
    ESP_THERE_FREE(device, layer->there.query);
    ESP_THERE_FREE(device, layer->there.source);
    ESP_THERE_FREE(device, layer->there.cell);
    ESP_THERE_FREE(device, layer->learned);
  }
  if (device && !device->shared) {
    const int there = layer->there.in.there;
    parts_of(layer, there ? &layer->host.in : &layer->there.in, all);
    for (int k = 0; k < PARTS && there; k++) ESP_FREE(*all[k].array);
    for (int k = 0; k < PARTS && !there; k++) ESP_THERE_FREE(device, *all[k].array);
    ESP_FREE(layer->host.query);
    ESP_FREE(layer->host.source);
    ESP_FREE(layer->host.cell);
  }
  *layer = (esp_layer){0};
}

/* ---- home rows ---- */

/* Row `first` of rows that may not be there. */
static const double *row_of(const double *rows, int first, int width) {
  return rows ? rows + (size_t)first * (size_t)width : NULL;
}

void esp_layer_source_rows(const esp_layer *layer, int first, int count, double *rows) {
  const esp_layer_input *in = &layer->there.in;
  const int d = layer->param.form.dim, values = layer->width.source - d;
  esp_rows_join(layer->device->rows, count, d, row_of(in->key, first, d), values, row_of(in->value, first, values),
                rows);
}

void esp_layer_query_rows(const esp_layer *layer, int first, int count, double *rows) {
  const esp_layer_input *in = &layer->there.in;
  const int d = layer->param.form.dim, offsets = layer->width.query - d;
  if (!layer->width.query) return;
  esp_rows_join(layer->device->rows, count, d, row_of(in->query ? in->query : in->key, first, d), offsets,
                offsets ? row_of(in->offset, first, offsets) : NULL, rows);
}

const esp_own_message *esp_layer_own(const esp_layer *layer) {
  const esp_message *message = layer->param.form.message;
  const esp_own_message *own = layer->device->kernels(message)->own;
  return own ? own : message->own;
}

int esp_layer_tile_create(const esp_layer *layer, esp_layer_tile *tile) {
  tile->rows = esp_imin(layer->n_home, layer->device->rows->tile);
  ESP_CALL(ESP_THERE(layer->device, tile->query, (size_t)tile->rows * (size_t)layer->width.query));
  return ESP_THERE(layer->device, tile->source, (size_t)tile->rows * (size_t)layer->width.source);
}

void esp_layer_tile_free(const esp_layer *layer, esp_layer_tile *tile) {
  ESP_THERE_FREE(layer->device, tile->query);
  ESP_THERE_FREE(layer->device, tile->source);
}

void esp_layer_self_back(const esp_layer *layer, const esp_layer_tile *tile, const double *dsum, double *dquery,
                         double *dsource, int64_t *param_acc) {
  const esp_own_message *own = esp_layer_own(layer);
  const esp_widths *w = &layer->width;
  for (int first = 0; first < layer->n_home && own; first += tile->rows) {
    const size_t at = (size_t)first;
    const int count = esp_imin(tile->rows, layer->n_home - first);
    esp_layer_source_rows(layer, first, count, tile->source);
    esp_layer_query_rows(layer, first, count, tile->query);
    own->take_back(&layer->param.form, layer->learned, count, tile->query, tile->source, dsum + at * (size_t)w->sum,
                   dquery + at * (size_t)w->dquery, dsource + at * (size_t)w->dsource, param_acc);
  }
}
