/* The way back through a layer: see layer.h. */
#include <string.h>

#include "net/layer_rows.h"
#include "net/split_gradient.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, CELL_WORDS = ESP_EXACT_CELL_WORDS };

/* What the backward pass holds for its duration. */
typedef struct {
  const esp_device *device;
  const esp_kernels *kernels;
  esp_mirror dsum;         /* [n_own][sum] receivers' slots */
  esp_mirror receiver;     /* [n_own + n_receiver_ghost][receiver] */
  esp_mirror dquery;       /* [n_own][dquery] receivers' slots */
  esp_mirror dsource;      /* [n_own][dsource] senders' slots */
  esp_mirror cell_acc;     /* [row_count][adjoint][CELL_WORDS] */
  esp_mirror param_acc;    /* [param][WORDS] */
  double *adjoint;         /* [own_rows + top_rows][adjoint] */
  double *home_q, *home_s; /* dquery and dsource at home */
  esp_layer_group group;
  esp_scratch *scratch;
} backward_work;

static int work_create(const esp_layer *layer, backward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const esp_device *device = w->device;
  const size_t own = (size_t)dom->n_own, receivers = own + (size_t)dom->n_receiver_ghost, n = (size_t)layer->n_home;
  const size_t rows = (size_t)dom->tree.row_count, held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  ESP_CALL(esp_mirror_create(device, own * (size_t)width->sum, &w->dsum));
  ESP_CALL(esp_mirror_create(device, receivers * (size_t)esp_receiver_width(width), &w->receiver));
  ESP_CALL(esp_mirror_create(device, own * (size_t)width->dquery, &w->dquery));
  ESP_CALL(esp_mirror_create(device, own * (size_t)width->dsource, &w->dsource));
  ESP_CALL(esp_mirror_create(device, rows * (size_t)width->adjoint * CELL_WORDS, &w->cell_acc));
  ESP_CALL(esp_mirror_create(device, (size_t)width->param * WORDS, &w->param_acc));
  ESP_CALL(ESP_ALLOC(w->adjoint, held * (size_t)width->adjoint));
  ESP_CALL(ESP_ALLOC(w->home_q, n * (size_t)width->dquery));
  ESP_CALL(ESP_ALLOC(w->home_s, n * (size_t)width->dsource));
  ESP_CALL(esp_layer_group_create(layer, &w->group));
  return w->kernels->begin(&layer->param.form, dom, &w->scratch);
}

static void work_free(backward_work *w) {
  esp_mirror *const mirror[] = {&w->dsum, &w->receiver, &w->dquery, &w->dsource, &w->cell_acc, &w->param_acc};
  for (size_t m = 0; m < sizeof mirror / sizeof *mirror; m++) esp_mirror_free(w->device, mirror[m]);
  ESP_FREE(w->adjoint);
  ESP_FREE(w->home_q);
  ESP_FREE(w->home_s);
  esp_layer_group_free(&w->group);
  w->kernels->end(&w->scratch);
}

/* Cell adjoints to their owners, and out of the exact accumulators. */
static int reduce_cells(const esp_layer *layer, backward_work *w) {
  esp_domain *dom = layer->dom;
  const size_t width = (size_t)layer->width.adjoint;
  const size_t held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  int64_t *acc = w->cell_acc.host;
  esp_exact_carry(&ESP_EXACT_CELL, acc, (size_t)dom->tree.row_count * width);
  ESP_CALL(dom->ops->cells_reduce(dom, (int)width * CELL_WORDS, acc));
  for (size_t k = 0; k < held * width; k++) w->adjoint[k] = esp_exact_value(&ESP_EXACT_CELL, acc + k * CELL_WORDS);
  return ESP_OK;
}

/* Receivers as they travel, own ones first. */
static int receivers_begin(const esp_layer *layer, backward_work *w) {
  esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const size_t wide = (size_t)esp_receiver_width(width);
  const double *row = width->query ? layer->query.host : layer->source.host;
  esp_rows_join(dom->n_own, width->query ? width->query : width->source, row, width->sum, w->dsum.host,
                w->receiver.host);
  return dom->ops->halo_begin(dom, ESP_HALO_RECEIVERS, wide * sizeof(double), w->receiver.host);
}

/* A rank whose device fails goes on with the others, and says so when nothing is under way to its arrays any more. */
static int layer_pull(const esp_layer *layer, backward_work *w) {
  esp_domain *dom = layer->dom;
  const esp_widths *width = &layer->width;
  const esp_pairs p = esp_layer_pairs(layer);
  const size_t wide = (size_t)esp_receiver_width(width), own = (size_t)dom->n_own * wide;
  const int blocks = dom->tree.n_block, interior = dom->n_sender_interior;
  double *there = width->query ? w->dquery.there : w->dsource.there;
  ESP_CALL(receivers_begin(layer, w));
  int rc = esp_mirror_put(w->device, &w->dsum, 0, w->dsum.count);
  if (!rc) rc = esp_mirror_put(w->device, &w->receiver, 0, own);
  if (!rc)
    rc = w->kernels->receivers(&p, blocks, dom->block_order, w->dsum.there, there, w->cell_acc.there,
                               w->param_acc.there, w->scratch);
  if (!rc) rc = esp_mirror_get(w->device, &w->cell_acc, 0, w->cell_acc.count);
  ESP_CALL(reduce_cells(layer, w));
  if (!rc)
    rc = w->kernels->senders(&p, interior, dom->sender_block_order, w->receiver.there, w->dsource.there,
                             w->param_acc.there, w->scratch);
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_RECEIVERS, wide * sizeof(double), w->receiver.host));
  if (!rc) rc = esp_mirror_put(w->device, &w->receiver, own, w->receiver.count - own);
  if (!rc)
    rc = w->kernels->senders(&p, blocks - interior, dom->sender_block_order + interior, w->receiver.there,
                             w->dsource.there, w->param_acc.there, w->scratch);
  if (!rc) rc = esp_mirror_get(w->device, &w->dquery, 0, w->dquery.count);
  if (!rc) rc = esp_mirror_get(w->device, &w->dsource, 0, w->dsource.count);
  if (!rc) rc = esp_mirror_get(w->device, &w->param_acc, 0, w->param_acc.count);
  ESP_CALL(esp_device_agree(w->device, dom->comm, rc));
  const esp_cells cells = esp_form_cells(&layer->param.form, width);
  esp_cells_downward(&cells, &dom->tree, layer->source.host, layer->cell.host, w->adjoint, w->dsource.host);
  return ESP_OK;
}

static int learns_splits(const esp_layer *layer) {
  return layer->dom->param.split.kind == ESP_SPLIT_LEARNED && layer->param.form.message->weigh &&
         !layer->dom->queries && !layer->input.tree_key;
}

static int pull_splits(const esp_layer *layer, backward_work *w, int64_t *normal_acc) {
  const esp_pairs p = esp_layer_host_pairs(layer);
  esp_split_soft soft;
  ESP_CALL(esp_split_soft_make(layer->dom, p.source, layer->width.source, &soft));
  const int rc = esp_split_gradient(&p, &soft, w->receiver.host, w->dquery.host, w->dsource.host, normal_acc);
  esp_split_soft_free(&soft);
  return layer->dom->comm->agree(layer->dom->comm, rc);
}

/* dquery and dsource at home into the caller's arrays. */
static void spread_home(const esp_layer *layer, const backward_work *w, const esp_layer_gradient *to) {
  const esp_widths *width = &layer->width;
  const int n = layer->n_home, d = layer->param.form.dim;
  const size_t dim = (size_t)d, wide = (size_t)width->dquery;
  esp_rows_part(n, d, to->dkey, width->dsource - d, to->dvalue, w->home_s);
  if (!wide) return;
  esp_rows_part(n, d, layer->input.query ? to->dquery : NULL, width->dquery - d, to->doffset, w->home_q);
  if (layer->input.query) return;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t a = 0; a < dim; a++) to->dkey[i * dim + a] += w->home_q[i * wide + a];
}

int esp_layer_backward(const esp_backend *backend, esp_layer *layer, const double *dsum,
                       const esp_layer_gradient *gradient, int64_t *param_acc, int64_t *normal_acc) {
  int rc = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_comm *comm = backend->comm;
  const esp_widths *width = &layer->width;
  const size_t one = sizeof(double);
  backward_work w = {.device = layer->device, .kernels = layer->device->kernels(layer->param.form.message)};
  const double begin = esp_wall();
  ESP_TRY(comm->agree(comm, work_create(layer, &w)));
  ESP_TRY(dom->ops->to_receivers(dom, (size_t)width->sum * one, dsum, w.dsum.host));
  ESP_TRY(layer_pull(layer, &w));
  if (normal_acc && learns_splits(layer)) ESP_TRY(pull_splits(layer, &w, normal_acc));
  if (width->dquery) ESP_TRY(dom->ops->receivers_home(dom, (size_t)width->dquery * one, w.dquery.host, w.home_q));
  ESP_TRY(dom->ops->to_home(dom, (size_t)width->dsource * one, w.dsource.host, w.home_s));
  if (!layer->param.include_self) esp_layer_self_back(layer, &w.group, dsum, w.home_q, w.home_s, w.param_acc.host);
  spread_home(layer, &w, gradient);
  const int64_t *acc = w.param_acc.host;
  for (size_t k = 0; k < w.param_acc.count; k++) param_acc[k] += acc[k];
  layer->seconds_backward = esp_wall() - begin;
done:
  work_free(&w);
  return rc;
}
