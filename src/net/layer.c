#include "net/layer.h"

#include <math.h>
#include <string.h>

#include "net/layer_rows.h"

static int check_param(const esp_backend *backend, const esp_layer_param *param, const esp_layer_input *input,
                       const double *message) {
  const esp_form *f = &param->form;
  ESP_CALL(f->message->check(f, message));
  ESP_CHECK(backend->device->kernels(f->message), ESP_ERR_CONFIG, "the device %s does not know the message %s",
            backend->device->name, f->message->name);
  ESP_CHECK(input->tree_key || !input->tree_query, ESP_ERR_ARG, "queries of a fixed tree without its keys");
  ESP_CHECK(input->tree_key || param->domain.dim <= f->dim, ESP_ERR_CONFIG,
            "the tree has dimension %d, the keys it is built on %d: must be at most that", param->domain.dim, f->dim);
  return ESP_OK;
}

static int check_rows(int n, int columns, const double *rows, const char *name, const int64_t *id) {
  for (int i = 0; i < n; i++)
    for (int c = 0; c < columns; c++) {
      const double x = rows[(size_t)i * (size_t)columns + (size_t)c];
      ESP_CHECK(isfinite(x), ESP_ERR_VALUE, "%s of particle id %lld, column %d, is %g; must be finite", name,
                (long long)id[i], c, x);
    }
  return ESP_OK;
}

static int check_input(const esp_layer *layer) {
  const esp_layer_input *in = &layer->input;
  const esp_form *f = &layer->param.form;
  const int n = layer->n_home, d = f->dim;
  ESP_CHECK(in->offset || layer->width.query <= d, ESP_ERR_ARG, "the message %s without the receivers' offsets",
            f->message->name);
  ESP_CALL(check_rows(n, d, in->key, "key", in->id));
  if (in->query) ESP_CALL(check_rows(n, d, in->query, "query", in->id));
  ESP_CALL(check_rows(n, layer->width.source - d, in->value, "value", in->id));
  if (in->offset) ESP_CALL(check_rows(n, layer->width.query - d, in->offset, "offset", in->id));
  return ESP_OK;
}

/* What is not near weighs nothing. */
static void drop_far(esp_lists *lists) {
  for (int b = 0; b < lists->n_block; b++) lists->far_start[b + 1] = 0;
  lists->far_pairs = 0;
}

/* Keys of the trees; made: what had to be, and is freed after the building. */
typedef struct {
  const double *key, *query;
  double *made[2];
} tree_keys;

/* The first columns of the messages' keys. */
static int first_columns(const esp_layer *layer, const double *key, double **made, const double **keys) {
  const size_t n = (size_t)layer->n_home, d = (size_t)layer->param.form.dim, dim = (size_t)layer->param.domain.dim;
  *keys = key;
  if (!key || d == dim) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*made, n * dim));
  for (size_t i = 0; i < n; i++) memcpy(*made + i * dim, key + i * d, dim * sizeof *key);
  *keys = *made;
  return ESP_OK;
}

static int keys_create(const esp_layer *layer, tree_keys *keys) {
  const esp_layer_input *in = &layer->input;
  *keys = (tree_keys){.key = in->tree_key, .query = in->tree_query};
  if (in->tree_key && in->query && !in->tree_query) keys->query = in->tree_key; /* receivers lie elsewhere */
  if (in->tree_key) return ESP_OK;
  ESP_CALL(first_columns(layer, in->key, &keys->made[0], &keys->key));
  return first_columns(layer, in->query, &keys->made[1], &keys->query);
}

static int layer_build(const esp_backend *backend, esp_layer *layer, const tree_keys *keys) {
  const esp_layer_param *param = &layer->param;
  const esp_layer_input *in = &layer->input;
  const esp_form *f = &param->form;
  esp_domain_param domain = param->domain;
  if (f->message->fade) {
    domain.lists.rule = &esp_rule_size, domain.lists.rule_number = f->unit;
    /* where the tree does not stand on all of the keys its nodes still are as large as they are among them */
    if (in->tree_key || f->dim != domain.dim)
      domain.place_dim = f->dim, domain.place = in->key, domain.place_query = in->query ? in->query : in->key;
  }
  for (int a = 0; a < ESP_MAX_DIM; a++) domain.lists.box[a] = a < 3 && a < domain.dim ? f->period[a] : 0;
  ESP_CALL(backend->build(backend->comm, &domain, layer->n_home, keys->key, keys->query, in->id, &layer->dom));
  if (param->near_only) drop_far(&layer->dom->lists);
  return ESP_OK;
}

static esp_pairs pairs_of(const esp_layer *layer) {
  return (esp_pairs){.form = layer->param.form, .width = layer->width, .dom = layer->dom};
}

esp_pairs esp_layer_pairs(const esp_layer *layer) {
  esp_pairs p = pairs_of(layer);
  p.param = layer->learned.there;
  p.query = layer->width.query ? layer->query.there : NULL;
  p.source = layer->source.there;
  p.cell = layer->cell.there;
  return p;
}

esp_pairs esp_layer_host_pairs(const esp_layer *layer) {
  esp_pairs p = pairs_of(layer);
  p.param = layer->message;
  p.query = layer->width.query ? layer->query.host : NULL;
  p.source = layer->source.host;
  p.cell = layer->cell.host;
  return p;
}

/* Own cells while sources travel, then the cells of the others. */
static int layer_cells(esp_layer *layer) {
  esp_domain *dom = layer->dom;
  const esp_cells cells = esp_form_cells(&layer->param.form, &layer->width);
  const size_t unit = (size_t)layer->width.cell * sizeof(double);
  esp_cells_upward(&cells, &dom->tree, layer->source.host, layer->cell.host);
  ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_CELLS, unit, layer->cell.host));
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_CELLS, unit, layer->cell.host));
  esp_cells_top(&cells, &dom->tree, layer->cell.host);
  return ESP_OK;
}

/* What the forward pass holds for its duration. */
typedef struct {
  double *source, *query; /* home rows */
  esp_mirror sum;         /* [n_own][width.sum] */
  esp_scratch *scratch;
} forward_work;

static int forward_create(const esp_kernels *kernels, esp_layer *layer, forward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const esp_device *device = layer->device;
  const size_t own = (size_t)dom->n_own, all = own + (size_t)dom->n_ghost, rows = (size_t)dom->tree.row_count;
  const size_t n = (size_t)layer->n_home;
  ESP_CALL(ESP_ALLOC(w->source, n * (size_t)width->source));
  ESP_CALL(ESP_ALLOC(w->query, n * (size_t)width->query));
  ESP_CALL(esp_mirror_create(device, own * (size_t)width->sum, &w->sum));
  ESP_CALL(esp_mirror_create(device, all * (size_t)width->source, &layer->source));
  ESP_CALL(esp_mirror_create(device, own * (size_t)width->query, &layer->query));
  ESP_CALL(esp_mirror_create(device, rows * (size_t)width->cell, &layer->cell));
  ESP_CALL(esp_mirror_create(device, (size_t)width->param, &layer->learned));
  if (width->param) memcpy(layer->learned.host, layer->message, (size_t)width->param * sizeof(double));
  return kernels->begin(&layer->param.form, dom, &w->scratch);
}

static void forward_free(const esp_device *device, const esp_kernels *kernels, forward_work *w) {
  kernels->end(&w->scratch);
  ESP_FREE(w->source);
  ESP_FREE(w->query);
  esp_mirror_free(device, &w->sum);
}

/* Home rows; what the message does not admit is refused. */
static int fill_rows(const esp_layer *layer, forward_work *w) {
  const esp_form *f = &layer->param.form;
  const size_t width = (size_t)layer->width.source;
  esp_layer_source_rows(layer, 0, layer->n_home, w->source);
  esp_layer_query_rows(layer, 0, layer->n_home, w->query);
  for (int i = 0; i < layer->n_home && f->message->admit; i++)
    ESP_CALL(f->message->admit(f, layer->input.id[i], w->source + (size_t)i * width));
  return ESP_OK;
}

static int put_rows(const esp_layer *layer) {
  const size_t own = (size_t)layer->dom->n_own * (size_t)layer->width.source;
  ESP_CALL(esp_mirror_put(layer->device, &layer->source, 0, own));
  ESP_CALL(esp_mirror_put(layer->device, &layer->query, 0, layer->query.count));
  ESP_CALL(esp_mirror_put(layer->device, &layer->cell, 0, layer->cell.count));
  return esp_mirror_put(layer->device, &layer->learned, 0, layer->learned.count);
}

static int layer_messages(const esp_backend *backend, esp_layer *layer, double *sum) {
  int rc = ESP_OK, here; /* here: this rank's device alone, until all have heard of it */
  esp_domain *dom = layer->dom;
  const esp_comm *comm = backend->comm;
  const esp_device *device = layer->device;
  const esp_kernels *kernels = device->kernels(layer->param.form.message);
  const size_t one = sizeof(double), source_unit = (size_t)layer->width.source * one;
  const size_t query_unit = (size_t)layer->width.query * one, own = (size_t)dom->n_own * (size_t)layer->width.source;
  const int blocks = dom->tree.n_block, interior = dom->n_interior;
  forward_work w = {0};
  rc = forward_create(kernels, layer, &w);
  if (!rc) rc = fill_rows(layer, &w);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(dom->ops->to_slots(dom, source_unit, w.source, layer->source.host));
  ESP_TRY(dom->ops->halo_begin(dom, ESP_HALO_SOURCES, source_unit, layer->source.host));
  if (query_unit) ESP_TRY(dom->ops->to_receivers(dom, query_unit, w.query, layer->query.host));
  ESP_TRY(layer_cells(layer));
  here = put_rows(layer);
  const esp_pairs p = esp_layer_pairs(layer);
  if (!here) here = kernels->forward(&p, interior, dom->block_order, w.sum.there, w.scratch);
  ESP_TRY(dom->ops->halo_end(dom, ESP_HALO_SOURCES, source_unit, layer->source.host));
  if (!here) here = esp_mirror_put(device, &layer->source, own, layer->source.count - own);
  if (!here) here = kernels->forward(&p, blocks - interior, dom->block_order + interior, w.sum.there, w.scratch);
  if (!here) here = esp_mirror_get(device, &w.sum, 0, w.sum.count);
  ESP_TRY(esp_device_agree(device, comm, here));
  ESP_TRY(dom->ops->receivers_home(dom, (size_t)layer->width.sum * one, w.sum.host, sum));
  const esp_form *f = &layer->param.form;
  if (!layer->param.include_self && f->message->own)
    f->message->own->take(f, layer->message, layer->n_home, w.query, w.source, sum);
done:
  forward_free(device, kernels, &w);
  return rc;
}

/* What the form says of the message at hand: how cells are to be held. */
static int settle_form(const esp_backend *backend, esp_layer *layer) {
  esp_form *f = &layer->param.form;
  ESP_CALL(check_param(backend, &layer->param, &layer->input, layer->message));
  if (f->message->fade) f->unit = f->message->fade(f, layer->message);
  layer->width = esp_form_widths(f);
  return check_input(layer);
}

int esp_layer_forward(const esp_backend *backend, const esp_layer_param *param, int n_home,
                      const esp_layer_input *input, const double *message, double *sum, esp_layer *layer) {
  int rc = ESP_OK;
  *layer =
      (esp_layer){.param = *param, .input = *input, .message = message, .device = backend->device, .n_home = n_home};
  tree_keys keys = {0};
  const double begin = esp_wall();
  rc = settle_form(backend, layer);
  if (!rc) rc = keys_create(layer, &keys);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(layer_build(backend, layer, &keys));
  ESP_FREE(keys.made[0]);
  ESP_FREE(keys.made[1]);
  const double built = esp_wall();
  ESP_TRY(layer_messages(backend, layer, sum));
  layer->seconds_build = built - begin;
  layer->seconds_forward = esp_wall() - built;
done:
  ESP_FREE(keys.made[0]);
  ESP_FREE(keys.made[1]);
  if (rc) esp_layer_free(layer);
  return rc;
}

int esp_layer_hear(const esp_backend *backend, esp_domain *dom, const esp_form *form, int n_home,
                   const esp_layer_input *input, const double *message, double *sum) {
  esp_layer layer = {.dom = dom,
                     .param = {.form = *form, .include_self = 1},
                     .input = *input,
                     .message = message,
                     .device = backend->device,
                     .n_home = n_home};
  int rc = settle_form(backend, &layer);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(layer_messages(backend, &layer, sum));
done:
  layer.dom = NULL;
  esp_layer_free(&layer);
  return rc;
}

void esp_layer_free(esp_layer *layer) {
  esp_domain_free(&layer->dom);
  if (layer->device) {
    esp_mirror_free(layer->device, &layer->query);
    esp_mirror_free(layer->device, &layer->source);
    esp_mirror_free(layer->device, &layer->cell);
    esp_mirror_free(layer->device, &layer->learned);
  }
  *layer = (esp_layer){0};
}

void esp_layer_count(const esp_layer *layer, esp_cost *cost) {
  const esp_domain *dom = layer->dom;
  const esp_domain_stats *s = &dom->stats;
  const esp_cost own = {.layers = 1,
                        .near_pairs = dom->lists.near_pairs,
                        .far_pairs = dom->lists.far_pairs,
                        .allowed = dom->param.lists.pairs_per_particle * dom->n_own,
                        .owned = dom->n_own,
                        .ghosts = s->ghosts,
                        .ghost_cells = s->ghost_cells,
                        .moved = s->moved,
                        .messages = s->messages[ESP_HALO_SOURCES] + s->messages[ESP_HALO_CELLS],
                        .bytes = s->bytes,
                        .essential_rows = s->essential_rows,
                        .seconds_build = layer->seconds_build,
                        .seconds_forward = layer->seconds_forward,
                        .seconds_split = s->seconds_split,
                        .seconds_essential = s->seconds_essential,
                        .seconds_lists = s->seconds_lists,
                        .seconds_halo_setup = s->seconds_halo_setup};
  esp_cost_add(cost, &own);
}
