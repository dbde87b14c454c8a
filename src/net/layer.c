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

static int check_rows(const esp_layer *layer, int columns, const double *rows, const char *name) {
  const esp_device *device = layer->device;
  int64_t bad = -1;
  double x;
  device->rows->finite((size_t)layer->n_home * (size_t)columns, rows, &bad);
  if (bad < 0) return ESP_OK;
  ESP_CALL(device->get(&x, rows + bad, sizeof x));
  return ESP_FAIL(ESP_ERR_VALUE, "%s of particle id %lld, column %d, is %g; must be finite", name,
                  (long long)layer->there.in.id[bad / columns], (int)(bad % columns), x);
}

static int check_input(const esp_layer *layer) {
  const esp_layer_input *in = &layer->there.in;
  const int d = layer->param.form.dim;
  ESP_CALL(check_rows(layer, d, in->key, "key"));
  if (in->query) ESP_CALL(check_rows(layer, d, in->query, "query"));
  ESP_CALL(check_rows(layer, layer->width.source - d, in->value, "value"));
  if (in->offset) ESP_CALL(check_rows(layer, layer->width.query - d, in->offset, "offset"));
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
  const esp_layer_input *in = &layer->host.in;
  *keys = (tree_keys){.key = in->tree_key, .query = in->tree_query};
  if (in->tree_key && in->query && !in->tree_query) keys->query = in->tree_key; /* receivers lie elsewhere */
  if (in->tree_key) return ESP_OK;
  ESP_CALL(first_columns(layer, in->key, &keys->made[0], &keys->key));
  return first_columns(layer, in->query, &keys->made[1], &keys->query);
}

static int layer_build(const esp_backend *backend, esp_layer *layer, const tree_keys *keys) {
  const esp_layer_param *param = &layer->param;
  const esp_layer_input *in = &layer->host.in;
  const esp_form *f = &param->form;
  esp_domain_param domain = param->domain;
  domain.grower = layer->device->grower;
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

static esp_pairs rows_of(const esp_layer *layer, const esp_layer_rows *rows, const double *param) {
  return (esp_pairs){.form = layer->param.form,
                     .width = layer->width,
                     .dom = layer->dom,
                     .param = param,
                     .query = layer->width.query ? rows->query : NULL,
                     .source = rows->source,
                     .cell = rows->cell};
}

esp_pairs esp_layer_pairs(const esp_layer *layer) {
  return rows_of(layer, &layer->there, layer->learned);
}

esp_pairs esp_layer_host_pairs(const esp_layer *layer) {
  return rows_of(layer, &layer->host, layer->message);
}

/* Own cells while sources travel, then the cells of the others. */
static int layer_cells(esp_layer *layer, int *here) {
  esp_domain *dom = layer->dom;
  const esp_device *device = layer->device;
  const esp_cells cells = esp_form_cells(&layer->param.form, &layer->width);
  const esp_domain_ops *moves = esp_device_moves(device, dom);
  const size_t unit = (size_t)layer->width.cell * sizeof(double);
  double *cell = layer->there.cell;
  if (!*here) *here = device->cells->upward(&cells, dom, layer->there.source, cell);
  ESP_CALL(esp_device_moved(device, moves->halo_begin(dom, ESP_HALO_CELLS, unit, cell), here));
  ESP_CALL(esp_device_moved(device, moves->halo_end(dom, ESP_HALO_CELLS, unit, cell), here));
  if (!*here) *here = device->cells->top(&cells, dom, cell);
  return ESP_OK;
}

/* What the forward pass holds for its duration. */
typedef struct {
  double *source, *query; /* home rows */
  double *sum;            /* [n_own][width.sum] */
  int visits;             /* 1: the caller's sums lie in the other memory, and are made here: */
  double *home;           /* [n_home][width.sum] */
  esp_scratch *scratch;
} forward_work;

static int forward_create(const esp_kernels *kernels, esp_layer *layer, forward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const esp_device *device = layer->device;
  const size_t own = (size_t)dom->n_own, all = own + (size_t)dom->n_ghost, rows = (size_t)dom->tree.row_count;
  const size_t n = (size_t)layer->n_home;
  ESP_CALL(ESP_THERE(device, w->source, n * (size_t)width->source));
  ESP_CALL(ESP_THERE(device, w->query, n * (size_t)width->query));
  ESP_CALL(ESP_THERE(device, w->sum, own * (size_t)width->sum));
  w->visits = !device->shared && !layer->there.in.there;
  if (w->visits) ESP_CALL(ESP_THERE(device, w->home, n * (size_t)width->sum));
  ESP_CALL(ESP_THERE(device, layer->there.source, all * (size_t)width->source));
  ESP_CALL(ESP_THERE(device, layer->there.query, own * (size_t)width->query));
  ESP_CALL(ESP_THERE(device, layer->there.cell, rows * (size_t)width->cell));
  ESP_CALL(ESP_THERE(device, layer->learned, width->param));
  ESP_CALL(esp_device_put(device, (size_t)width->param, layer->message, layer->learned));
  return kernels->begin(&layer->param.form, dom, &w->scratch);
}

static void forward_free(const esp_device *device, const esp_kernels *kernels, forward_work *w) {
  kernels->end(&w->scratch);
  ESP_THERE_FREE(device, w->source);
  ESP_THERE_FREE(device, w->query);
  ESP_THERE_FREE(device, w->sum);
  ESP_THERE_FREE(device, w->home);
}

/* ESP_ERR_VALUE for a source row that cannot be sent: w->source, home rows. */
static int admit(const esp_layer *layer, const forward_work *w) {
  const esp_form *f = &layer->param.form;
  const size_t width = (size_t)layer->width.source, n = (size_t)layer->n_home;
  double *host = w->source, *made = NULL;
  int rc = ESP_OK;
  if (!f->message->admit) return ESP_OK;
  if (!layer->device->shared) ESP_TRY(ESP_ALLOC(made, n * width));
  if (made) host = made;
  ESP_TRY(esp_device_get(layer->device, n * width, w->source, host));
  for (size_t i = 0; i < n; i++) ESP_TRY(f->message->admit(f, layer->there.in.id[i], host + i * width));
done:
  ESP_FREE(made);
  return rc;
}

/* Home rows; what the message does not admit is refused. */
static int fill_rows(const esp_layer *layer, forward_work *w) {
  esp_layer_source_rows(layer, 0, layer->n_home, w->source);
  esp_layer_query_rows(layer, 0, layer->n_home, w->query);
  return admit(layer, w);
}

/* Home rows to sums at home: interior blocks while the sources of other ranks travel. A rank whose device fails goes on with
 * the others, and says so when nothing is under way. */
static int hear(esp_layer *layer, const esp_kernels *kernels, forward_work *w, double *home) {
  int here = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_device *device = layer->device;
  const esp_domain_ops *moves = esp_device_moves(device, dom);
  const size_t one = sizeof(double), source = (size_t)layer->width.source * one;
  const size_t query = (size_t)layer->width.query * one, sum = (size_t)layer->width.sum * one;
  const int blocks = dom->tree.n_block, interior = dom->n_interior;
  esp_layer_rows *rows = &layer->there;
  ESP_CALL(esp_device_moved(device, moves->to_slots(dom, source, w->source, rows->source), &here));
  ESP_CALL(esp_device_moved(device, moves->halo_begin(dom, ESP_HALO_SOURCES, source, rows->source), &here));
  if (query) ESP_CALL(esp_device_moved(device, moves->to_receivers(dom, query, w->query, rows->query), &here));
  ESP_CALL(layer_cells(layer, &here));
  const esp_pairs p = esp_layer_pairs(layer);
  if (!here) here = kernels->forward(&p, interior, dom->block_order, w->sum, w->scratch);
  ESP_CALL(esp_device_moved(device, moves->halo_end(dom, ESP_HALO_SOURCES, source, rows->source), &here));
  if (!here) here = kernels->forward(&p, blocks - interior, dom->block_order + interior, w->sum, w->scratch);
  ESP_CALL(esp_device_moved(device, moves->receivers_home(dom, sum, w->sum, home), &here));
  const esp_own_message *own = layer->param.include_self || here ? NULL : esp_layer_own(layer);
  if (own) own->take(&layer->param.form, layer->learned, layer->n_home, w->query, w->source, home);
  return esp_device_agree(device, dom->comm, here);
}

static int layer_messages(const esp_backend *backend, esp_layer *layer, double *sum) {
  int rc = ESP_OK;
  const esp_comm *comm = backend->comm;
  const esp_device *device = layer->device;
  const esp_kernels *kernels = device->kernels(layer->param.form.message);
  const size_t sums = (size_t)layer->n_home * (size_t)layer->width.sum;
  forward_work w = {0};
  rc = forward_create(kernels, layer, &w);
  if (!rc) rc = fill_rows(layer, &w);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(hear(layer, kernels, &w, w.visits ? w.home : sum));
  if (w.visits) ESP_TRY(comm->agree(comm, esp_device_get(device, sums, w.home, sum)));
  if (device->shared) layer->host = layer->there;
done:
  forward_free(device, kernels, &w);
  return rc;
}

/* What the form says of the message at hand: how cells are to be held. */
static int settle_form(const esp_backend *backend, esp_layer *layer, const esp_layer_input *input) {
  esp_form *f = &layer->param.form;
  ESP_CALL(check_param(backend, &layer->param, input, layer->message));
  if (f->message->fade) f->unit = f->message->fade(f, layer->message);
  layer->width = esp_form_widths(f);
  ESP_CHECK(input->offset || layer->width.query <= f->dim, ESP_ERR_ARG, "the message %s without the receivers' offsets",
            f->message->name);
  ESP_CALL(esp_layer_take_input(layer, input));
  return check_input(layer);
}

int esp_layer_forward(const esp_backend *backend, const esp_layer_param *param, int n_home,
                      const esp_layer_input *input, const double *message, double *sum, esp_layer *layer) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  int rc = ESP_OK;
  *layer = (esp_layer){.param = *param, .message = message, .device = backend->device, .n_home = n_home};
  tree_keys keys = {0};
  const double begin = esp_wall();
  rc = settle_form(backend, layer, input);
  if (!rc) rc = esp_layer_fetch_keys(layer); /* trees are grown by the host */
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

int esp_layer_again(const esp_backend *backend, int n_home, const esp_layer_input *input, const double *message,
                    double *sum, esp_layer *layer) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const double begin = esp_wall();
  esp_layer next = {.dom = layer->dom,
                    .param = layer->param,
                    .message = message,
                    .device = backend->device,
                    .n_home = n_home,
                    .seconds_build = layer->seconds_build,
                    .seconds_forward = layer->seconds_forward};
  int rc = ESP_OK;
  layer->dom = NULL;
  esp_layer_free(layer);
  *layer = next;
  rc = settle_form(backend, layer, input);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(layer_messages(backend, layer, sum));
  layer->seconds_forward += esp_wall() - begin;
done:
  if (rc) esp_layer_free(layer);
  return rc;
}

int esp_layer_over(const esp_backend *backend, esp_domain *dom, const esp_layer_param *param, int n_home,
                   const esp_layer_input *input, const double *message, double *sum, esp_layer *layer) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const double begin = esp_wall();
  *layer = (esp_layer){.dom = dom,
                       .borrowed = 1,
                       .bytes_before = dom->stats.bytes,
                       .param = *param,
                       .message = message,
                       .device = backend->device,
                       .n_home = n_home};
  int rc = settle_form(backend, layer, input);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(layer_messages(backend, layer, sum));
  layer->seconds_forward = esp_wall() - begin;
done:
  if (rc) esp_layer_free(layer);
  return rc;
}

int esp_layer_hear(const esp_backend *backend, esp_domain *dom, const esp_form *form, int n_home,
                   const esp_layer_input *input, const double *message, double *sum) {
  const esp_layer_param param = {.form = *form, .include_self = 1};
  esp_layer layer;
  ESP_CALL(esp_layer_over(backend, dom, &param, n_home, input, message, sum, &layer));
  esp_layer_free(&layer);
  return ESP_OK;
}

void esp_layer_count(const esp_layer *layer, esp_cost *cost) {
  const esp_domain *dom = layer->dom;
  const esp_domain_stats *s = &dom->stats;
  const double built = layer->seconds_build > 0; /* else the domain stood before */
  const esp_cost own = {.layers = 1,
                        .near_pairs = dom->lists.near_pairs,
                        .far_pairs = dom->lists.far_pairs,
                        .allowed = dom->param.lists.pairs_per_particle * dom->n_own,
                        .owned = dom->n_own,
                        .ghosts = s->ghosts,
                        .ghost_cells = s->ghost_cells,
                        .moved = s->moved,
                        .messages = s->messages[ESP_HALO_SOURCES] + s->messages[ESP_HALO_CELLS],
                        .bytes = s->bytes - layer->bytes_before,
                        .essential_rows = s->essential_rows,
                        .seconds_build = layer->seconds_build,
                        .seconds_forward = layer->seconds_forward,
                        .seconds_split = built * s->seconds_split,
                        .seconds_essential = built * s->seconds_essential,
                        .seconds_lists = built * s->seconds_lists,
                        .seconds_halo_setup = built * s->seconds_halo_setup};
  esp_cost_add(cost, &own);
}
