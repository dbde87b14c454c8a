/* The way back through a layer: see layer.h. */

#include "net/layer_rows.h"
#include "net/split_gradient.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, CELL_WORDS = ESP_EXACT_CELL_WORDS };

/* What the backward pass holds for its duration, in the device's memory. */
typedef struct {
  const esp_device *device;
  const esp_kernels *kernels;
  double *dsum;            /* [n_own][sum] receivers' slots */
  double *receiver;        /* [n_own + n_receiver_ghost][receiver] */
  double *dquery;          /* [n_own][dquery] receivers' slots */
  double *dsource;         /* [n_own][dsource] senders' slots */
  int64_t *cell_acc;       /* [row_count][adjoint][CELL_WORDS] */
  double *adjoint;         /* [own_rows + top_rows][adjoint] */
  double *home_q, *home_s; /* dquery and dsource at home */
  esp_layer_tile tile;
  esp_scratch *scratch;
  unsigned still; /* ESP_STILL_...: what nobody asks for */
} backward_work;

static int work_create(const esp_layer *layer, backward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const esp_device *device = w->device;
  const size_t own = (size_t)dom->n_own, receivers = own + (size_t)dom->n_receiver_ghost, n = (size_t)layer->n_home;
  const size_t rows = (size_t)dom->tree.row_count, held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  ESP_CALL(ESP_THERE(device, w->dsum, own * (size_t)width->sum));
  ESP_CALL(ESP_THERE(device, w->receiver, receivers * (size_t)esp_receiver_width(width)));
  ESP_CALL(ESP_THERE(device, w->dquery, own * (size_t)width->dquery));
  ESP_CALL(ESP_THERE(device, w->dsource, own * (size_t)width->dsource));
  ESP_CALL(ESP_THERE(device, w->cell_acc, rows * (size_t)width->adjoint * CELL_WORDS));
  ESP_CALL(ESP_THERE(device, w->adjoint, held * (size_t)width->adjoint));
  ESP_CALL(ESP_THERE(device, w->home_q, n * (size_t)width->dquery));
  ESP_CALL(ESP_THERE(device, w->home_s, n * (size_t)width->dsource));
  ESP_CALL(esp_layer_tile_create(layer, &w->tile));
  return w->kernels->begin(&layer->param.form, dom, &w->scratch);
}

static void work_free(const esp_layer *layer, backward_work *w) {
  const esp_device *device = w->device;
  ESP_THERE_FREE(device, w->dsum);
  ESP_THERE_FREE(device, w->receiver);
  ESP_THERE_FREE(device, w->dquery);
  ESP_THERE_FREE(device, w->dsource);
  ESP_THERE_FREE(device, w->cell_acc);
  ESP_THERE_FREE(device, w->adjoint);
  ESP_THERE_FREE(device, w->home_q);
  ESP_THERE_FREE(device, w->home_s);
  esp_layer_tile_free(layer, &w->tile);
  w->kernels->end(&w->scratch);
}

/* Cell adjoints to their owners, and out of the exact accumulators. */
static int reduce_cells(const esp_layer *layer, backward_work *w, int *here) {
  esp_domain *dom = layer->dom;
  const esp_device *device = w->device;
  const size_t width = (size_t)layer->width.adjoint;
  const size_t held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  const int words = (int)width * CELL_WORDS;
  device->rows->exact_carry(&ESP_EXACT_CELL, w->cell_acc, (size_t)dom->tree.row_count * width);
  ESP_CALL(esp_device_moved(device, esp_device_moves(device, dom)->cells_reduce(dom, words, w->cell_acc), here));
  device->rows->exact_value(&ESP_EXACT_CELL, w->cell_acc, held * width, w->adjoint);
  return ESP_OK;
}

/* Receivers as they travel, own ones first. */
static void fill_receivers(const esp_layer *layer, backward_work *w) {
  const esp_widths *width = &layer->width;
  const double *row = width->query ? layer->there.query : layer->there.source;
  esp_rows_join(w->device->rows, layer->dom->n_own, width->query ? width->query : width->source, row, width->sum,
                w->dsum, w->receiver);
}

/* Home rows of dsum to those of the slots' gradients. A rank whose device fails goes on with the others, and says so when nothing is
 * under way to its arrays any more. */
static int layer_pull(const esp_layer *layer, backward_work *w, const double *dsum, int64_t *param_acc) {
  int here = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_device *device = w->device;
  const esp_domain_ops *moves = esp_device_moves(device, dom);
  const esp_widths *width = &layer->width;
  const esp_cells cells = esp_form_cells(&layer->param.form, width);
  esp_pairs p = esp_layer_pairs(layer);
  p.still = w->still;
  const size_t sum = (size_t)width->sum * sizeof(double), unit = (size_t)esp_receiver_width(width) * sizeof(double);
  const int blocks = dom->tree.n_block, interior = dom->n_sender_interior, *order = dom->sender_block_order;
  double *to = width->query ? w->dquery : w->dsource;
  ESP_CALL(esp_device_moved(device, moves->to_receivers(dom, sum, dsum, w->dsum), &here));
  fill_receivers(layer, w);
  ESP_CALL(esp_device_moved(device, moves->halo_begin(dom, ESP_HALO_RECEIVERS, unit, w->receiver), &here));
  if (!here)
    here = w->kernels->receivers(&p, blocks, dom->block_order, w->dsum, to, w->cell_acc, param_acc, w->scratch);
  ESP_CALL(reduce_cells(layer, w, &here));
  if (!here) here = w->kernels->senders(&p, interior, order, w->receiver, w->dsource, param_acc, w->scratch);
  ESP_CALL(esp_device_moved(device, moves->halo_end(dom, ESP_HALO_RECEIVERS, unit, w->receiver), &here));
  if (!here)
    here = w->kernels->senders(&p, blocks - interior, order + interior, w->receiver, w->dsource, param_acc, w->scratch);
  if (!here)
    here = device->cells->downward(&cells, dom, layer->there.source, layer->there.cell, w->adjoint, w->dsource);
  return esp_device_agree(device, dom->comm, here);
}

static int learns_splits(const esp_layer *layer) {
  return layer->dom->param.split.kind == ESP_SPLIT_LEARNED && layer->param.form.message->weigh &&
         !layer->dom->queries && !layer->there.in.tree_key;
}

/* The gradient of the splits is the host's: what it needs is brought here, and what it adds to goes back. */
typedef struct {
  double *receiver, *dquery, *dsource;
  size_t receivers, queries, sources;
} split_rows;

static int split_rows_create(esp_layer *layer, const backward_work *w, split_rows *r) {
  const esp_domain *dom = layer->dom;
  const size_t own = (size_t)dom->n_own;
  r->receivers = (own + (size_t)dom->n_receiver_ghost) * (size_t)esp_receiver_width(&layer->width);
  r->queries = own * (size_t)layer->width.dquery, r->sources = own * (size_t)layer->width.dsource;
  ESP_CALL(esp_layer_fetch(layer));
  if (w->device->shared) {
    r->receiver = w->receiver, r->dquery = w->dquery, r->dsource = w->dsource;
    return ESP_OK;
  }
  ESP_CALL(ESP_ALLOC(r->receiver, r->receivers));
  ESP_CALL(ESP_ALLOC(r->dquery, r->queries));
  ESP_CALL(ESP_ALLOC(r->dsource, r->sources));
  ESP_CALL(esp_device_get(w->device, r->receivers, w->receiver, r->receiver));
  ESP_CALL(esp_device_get(w->device, r->queries, w->dquery, r->dquery));
  return esp_device_get(w->device, r->sources, w->dsource, r->dsource);
}

static int pull_splits(esp_layer *layer, backward_work *w, int64_t *normal_acc) {
  const esp_comm *comm = layer->dom->comm;
  split_rows r = {0};
  esp_split_soft soft = {0};
  int rc;
  ESP_TRY(comm->agree(comm, split_rows_create(layer, w, &r)));
  const esp_pairs p = esp_layer_host_pairs(layer);
  ESP_TRY(esp_split_soft_make(layer->dom, p.source, layer->width.source, &soft));
  rc = esp_split_gradient(&p, &soft, r.receiver, r.dquery, r.dsource, normal_acc);
  if (!rc) rc = esp_device_put(w->device, r.queries, r.dquery, w->dquery);
  if (!rc) rc = esp_device_put(w->device, r.sources, r.dsource, w->dsource);
  rc = comm->agree(comm, rc);
done:
  esp_split_soft_free(&soft);
  if (!w->device->shared) {
    ESP_FREE(r.receiver);
    ESP_FREE(r.dquery);
    ESP_FREE(r.dsource);
  }
  return rc;
}

/* dquery and dsource at home into arrays of the device. */
static void spread_home(const esp_layer *layer, const backward_work *w, const esp_layer_gradient *to) {
  const esp_widths *width = &layer->width;
  const esp_rows *rows = w->device->rows;
  const int n = layer->n_home, d = layer->param.form.dim, queries = layer->there.in.query != NULL;
  esp_rows_part(rows, n, d, to->dkey, width->dsource - d, to->dvalue, w->home_s);
  if (!width->dquery) return;
  esp_rows_part(rows, n, d, queries ? to->dquery : NULL, width->dquery - d, to->doffset, w->home_q);
  if (!queries && to->dkey) rows->add_columns(n, d, width->dquery, 0, w->home_q, d, 0, to->dkey);
}

/* The slots' gradients at home. */
static int bring_home(const esp_layer *layer, backward_work *w) {
  int here = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_device *device = w->device;
  const esp_domain_ops *moves = esp_device_moves(device, dom);
  const size_t queries = (size_t)layer->width.dquery * sizeof(double);
  const size_t sources = (size_t)layer->width.dsource * sizeof(double);
  if (queries) ESP_CALL(esp_device_moved(device, moves->receivers_home(dom, queries, w->dquery, w->home_q), &here));
  ESP_CALL(esp_device_moved(device, moves->to_home(dom, sources, w->dsource, w->home_s), &here));
  return esp_device_agree(device, dom->comm, here);
}

/* All of it with the caller's arrays in the device's memory. */
static int back(const esp_backend *backend, esp_layer *layer, const double *dsum, const esp_layer_gradient *to,
                int64_t *param_acc, int64_t *normal_acc) {
  int rc = ESP_OK;
  const esp_comm *comm = backend->comm;
  backward_work w = {.device = layer->device, .kernels = layer->device->kernels(layer->param.form.message)};
  w.still = (to->dkey || to->dquery ? 0 : ESP_STILL_KEYS) | (to->dvalue ? 0 : ESP_STILL_VALUES);
  if (normal_acc && learns_splits(layer)) w.still = 0;
  ESP_TRY(comm->agree(comm, work_create(layer, &w)));
  ESP_TRY(layer_pull(layer, &w, dsum, param_acc));
  if (normal_acc && learns_splits(layer)) ESP_TRY(pull_splits(layer, &w, normal_acc));
  ESP_TRY(bring_home(layer, &w));
  if (!layer->param.include_self) esp_layer_self_back(layer, &w.tile, dsum, w.home_q, w.home_s, param_acc);
  spread_home(layer, &w, to);
done:
  work_free(layer, &w);
  return rc;
}

/* ---- arrays of the host's memory on a device that has its own ---- */

enum { GRADIENTS = 4 };
typedef struct {
  double *dsum, *gradient[GRADIENTS];
  int64_t *acc, *words;
} visit;

static void gradient_parts(const esp_layer *layer, const esp_layer_gradient *to, double *array[GRADIENTS],
                           size_t count[GRADIENTS]) {
  const int d = layer->param.form.dim;
  const int width[GRADIENTS] = {d, d, layer->width.dsource - d, layer->width.dquery - d};
  double *const all[GRADIENTS] = {to->dkey, to->dquery, to->dvalue, to->doffset};
  for (int k = 0; k < GRADIENTS; k++) {
    array[k] = all[k];
    count[k] = (size_t)layer->n_home * (size_t)esp_imax(width[k], 0);
  }
}

static int visit_create(const esp_layer *layer, const double *dsum, double *const array[GRADIENTS],
                        const size_t count[GRADIENTS], visit *v) {
  const esp_device *device = layer->device;
  const size_t sums = (size_t)layer->n_home * (size_t)layer->width.sum, words = (size_t)layer->width.param * WORDS;
  ESP_CALL(ESP_THERE(device, v->dsum, sums));
  for (int k = 0; k < GRADIENTS; k++)
    if (array[k]) ESP_CALL(ESP_THERE(device, v->gradient[k], count[k]));
  ESP_CALL(ESP_THERE(device, v->acc, words));
  ESP_CALL(ESP_ALLOC(v->words, words));
  return esp_device_put(device, sums, dsum, v->dsum);
}

static int visit_end(const esp_layer *layer, double *const array[GRADIENTS], const size_t count[GRADIENTS],
                     const visit *v, int64_t *param_acc) {
  const esp_device *device = layer->device;
  const size_t words = (size_t)layer->width.param * WORDS;
  for (int k = 0; k < GRADIENTS; k++)
    if (array[k]) ESP_CALL(esp_device_get(device, count[k], v->gradient[k], array[k]));
  if (words) ESP_CALL(device->get(v->words, v->acc, words * sizeof *v->words));
  for (size_t k = 0; k < words; k++) param_acc[k] += v->words[k];
  return ESP_OK;
}

static int back_visiting(const esp_backend *backend, esp_layer *layer, const double *dsum,
                         const esp_layer_gradient *gradient, int64_t *param_acc, int64_t *normal_acc) {
  const esp_device *device = layer->device;
  const esp_comm *comm = backend->comm;
  double *array[GRADIENTS];
  size_t count[GRADIENTS];
  visit v = {0};
  int rc;
  gradient_parts(layer, gradient, array, count);
  ESP_TRY(comm->agree(comm, visit_create(layer, dsum, array, count, &v)));
  const esp_layer_gradient there = {v.gradient[0], v.gradient[1], v.gradient[2], v.gradient[3]};
  ESP_TRY(back(backend, layer, v.dsum, &there, v.acc, normal_acc));
  ESP_TRY(comm->agree(comm, visit_end(layer, array, count, &v, param_acc)));
done:
  ESP_THERE_FREE(device, v.dsum);
  for (int k = 0; k < GRADIENTS; k++) ESP_THERE_FREE(device, v.gradient[k]);
  ESP_THERE_FREE(device, v.acc);
  ESP_FREE(v.words);
  return rc;
}

int esp_layer_backward(const esp_backend *backend, esp_layer *layer, const double *dsum,
                       const esp_layer_gradient *gradient, int64_t *param_acc, int64_t *normal_acc) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const double begin = esp_wall();
  const int there = layer->device->shared || layer->there.in.there;
  ESP_CALL((there ? back : back_visiting)(backend, layer, dsum, gradient, param_acc, normal_acc));
  layer->seconds_backward = esp_wall() - begin;
  return ESP_OK;
}
