#include "net/relation_layer.h"

#include <math.h>
#include <string.h>

#include "net/relation_self.h"
#include "net/split_gradient.h"
#include "tree/moments.h"

static int check_param(const esp_relation_layer_param *param, const esp_relation_input *input, const double *value) {
  const esp_gate_form *f = &param->form;
  ESP_CHECK(f->dim >= 1 && f->dim <= ESP_MAX_DIM, ESP_ERR_CONFIG, "messages have key dimension %d; allowed: 1 to %d",
            f->dim, ESP_MAX_DIM);
  ESP_CHECK(f->channels >= 1 && f->channels <= ESP_GATE_MAX_CHANNELS, ESP_ERR_CONFIG,
            "messages have %d channels; allowed: 1 to %d", f->channels, ESP_GATE_MAX_CHANNELS);
  ESP_CHECK(param->gate_tolerance >= 0 && param->gate_tolerance < 1, ESP_ERR_CONFIG,
            "gate tolerance is %g; must be >= 0 and < 1", param->gate_tolerance);
  ESP_CHECK(input->tree_key || !input->tree_query, ESP_ERR_ARG, "queries of a fixed tree without its keys");
  ESP_CHECK(input->offset || !f->mlp, ESP_ERR_ARG, "the mlp message without the receivers' offsets");
  ESP_CHECK(input->tree_key || param->domain.dim == f->dim, ESP_ERR_CONFIG,
            "the tree has dimension %d, the keys it is built on %d: must be equal", param->domain.dim, f->dim);
  for (int a = 0; a < ESP_MAX_DIM; a++)
    ESP_CHECK(param->domain.lists.box[a] == 0, ESP_ERR_CONFIG,
              "box length %g of axis %d; gated messages know no period: must be 0", param->domain.lists.box[a], a);
  const double s = exp(value[0]);
  ESP_CHECK(s > 0 && isfinite(s), ESP_ERR_VALUE, "the gate's scale is exp(%g); must be positive and finite", value[0]);
  return ESP_OK;
}

static int check_rows(int n, int columns, const double *rows, const char *name, const int64_t *id) {
  if (!rows) return ESP_OK;
  for (int i = 0; i < n; i++)
    for (int c = 0; c < columns; c++) {
      const double x = rows[(size_t)i * (size_t)columns + (size_t)c];
      ESP_CHECK(isfinite(x), ESP_ERR_VALUE, "%s of particle id %lld, column %d, is %g; must be finite", name,
                (long long)id[i], c, x);
    }
  return ESP_OK;
}

static int check_inputs(const esp_relation_layer_param *param, int n_home, const esp_relation_input *input,
                        const double *value) {
  const esp_gate_form *f = &param->form;
  ESP_CALL(check_param(param, input, value));
  ESP_CALL(check_rows(n_home, f->dim, input->key, "key", input->id));
  ESP_CALL(check_rows(n_home, f->dim, input->query, "query", input->id));
  ESP_CALL(check_rows(n_home, f->channels, input->value, "value", input->id));
  if (f->mlp) ESP_CALL(check_rows(n_home, f->channels, input->offset, "offset", input->id));
  return ESP_OK;
}

/* What is not near weighs nothing. */
static void drop_far(esp_lists *lists) {
  for (int b = 0; b < lists->n_block; b++) lists->far_start[b + 1] = 0;
  lists->far_pairs = 0;
}

static int layer_build(const esp_backend *backend, esp_relation_layer *layer) {
  const esp_relation_layer_param *param = &layer->param;
  const esp_relation_input *in = &layer->input;
  esp_domain_param domain = param->domain;
  /* Keys of a fixed tree say nothing about how far apart the messages' keys are. */
  domain.lists.reach = domain.lists.fade = 0;
  if (param->fade && !in->tree_key) domain.lists.fade = exp(layer->value[0]);
  if (param->gate_tolerance > 0 && !in->tree_key)
    domain.lists.reach = exp(layer->value[0]) * sqrt(-2 * log(param->gate_tolerance));
  const double *key = in->tree_key ? in->tree_key : in->key, *query = in->tree_key ? in->tree_query : in->query;
  ESP_CALL(backend->build(backend->comm, &domain, layer->n_home, key, query, in->id, &layer->dom));
  if (param->near_only) drop_far(&layer->dom->lists);
  return ESP_OK;
}

/* rows [n][left + right], side by side; b NULL: a alone. */
static void join_rows(int n, int left, const double *a, int right, const double *b, double *rows) {
  const size_t l = (size_t)left, r = b ? (size_t)right : 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(rows + i * (l + r), a + i * l, l * sizeof *rows);
    if (b) memcpy(rows + i * (l + r) + l, b + i * r, r * sizeof *rows);
  }
}

/* The other way; a or b may be NULL. */
static void part_rows(int n, int left, double *a, int right, double *b, const double *rows) {
  const size_t l = (size_t)left, r = (size_t)right;
  for (size_t i = 0; i < (size_t)n; i++) {
    if (a) memcpy(a + i * l, rows + i * (l + r), l * sizeof *rows);
    if (b) memcpy(b + i * r, rows + i * (l + r) + l, r * sizeof *rows);
  }
}

static esp_gate gate_of(const esp_relation_layer *layer) {
  return (esp_gate){.form = layer->param.form,
                    .dom = layer->dom,
                    .param = layer->value,
                    .query = layer->query,
                    .source = layer->source,
                    .cell = layer->cell};
}

typedef struct {
  const esp_gate_form *form;
  const double *source;
  double *dsource;
} moment_rows;

static void add_moments(const void *context, int slot, double *row) {
  const moment_rows *m = context;
  esp_gate_moments(m->form, m->source + (size_t)slot * (size_t)esp_gate_source_width(m->form), row);
}

static void pull_moments(void *context, int slot, const double *adjoint) {
  const moment_rows *m = context;
  const size_t at = (size_t)slot * (size_t)esp_gate_source_width(m->form);
  esp_gate_moments_pull(m->form, m->source + at, adjoint, m->dsource + at);
}

/* Own cells while sources travel, then the cells of the others. */
static int layer_cells(esp_relation_layer *layer) {
  esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const int width = esp_gate_cell_width(f);
  const size_t unit = (size_t)width * sizeof *layer->cell;
  const moment_rows rows = {.form = f, .source = layer->source};
  esp_moments_upward(&dom->tree, width, add_moments, &rows, layer->cell);
  ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_CELLS, unit, layer->cell));
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_CELLS, unit, layer->cell));
  esp_moments_top(&dom->tree, width, layer->cell);
  return ESP_OK;
}

/* What the forward pass holds for its duration. */
typedef struct {
  double *source, *query; /* home rows */
  double *sum;            /* [n_own][sum_width] */
  esp_gate_scratch *scratch;
} forward_work;

static int forward_create(const esp_backend *backend, esp_relation_layer *layer, forward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const size_t n = (size_t)layer->n_home, own = (size_t)dom->n_own, sources = own + (size_t)dom->n_ghost;
  const size_t source_width = (size_t)esp_gate_source_width(f), query_width = (size_t)esp_gate_query_width(f);
  ESP_CALL(ESP_ALLOC(w->source, n * source_width));
  ESP_CALL(ESP_ALLOC(w->query, n * query_width));
  ESP_CALL(ESP_ALLOC(w->sum, own * (size_t)esp_gate_sum_width(f)));
  ESP_CALL(ESP_ALLOC(layer->source, sources * source_width));
  ESP_CALL(ESP_ALLOC(layer->query, own * query_width));
  ESP_CALL(ESP_ALLOC(layer->cell, (size_t)dom->tree.row_count * (size_t)esp_gate_cell_width(f)));
  ESP_CALL(backend->device->gate->scratch_create(f, dom, &w->scratch));
  return ESP_OK;
}

static void forward_free(const esp_backend *backend, forward_work *w) {
  ESP_FREE(w->source);
  ESP_FREE(w->query);
  ESP_FREE(w->sum);
  if (w->scratch) backend->device->gate->scratch_free(&w->scratch);
}

static int layer_messages(const esp_backend *backend, esp_relation_layer *layer, double *sum) {
  int rc = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const esp_relation_input *in = &layer->input;
  const size_t source_unit = (size_t)esp_gate_source_width(f) * sizeof(double);
  const size_t query_unit = (size_t)esp_gate_query_width(f) * sizeof(double);
  const int blocks = dom->tree.n_block, interior = dom->n_interior;
  forward_work w = {0};
  ESP_TRY(backend->comm->agree(backend->comm, forward_create(backend, layer, &w)));
  join_rows(layer->n_home, f->dim, in->key, f->channels, in->value, w.source);
  join_rows(layer->n_home, f->dim, in->query ? in->query : in->key, f->channels, f->mlp ? in->offset : NULL, w.query);
  ESP_TRY(dom->ops->to_slots(dom, source_unit, w.source, layer->source));
  ESP_TRY(dom->ops->halo_begin(dom, ESP_HALO_SOURCES, source_unit, layer->source));
  ESP_TRY(dom->ops->to_receivers(dom, query_unit, w.query, layer->query));
  ESP_TRY(layer_cells(layer));
  const esp_gate g = gate_of(layer);
  backend->device->gate->forward(&g, interior, dom->block_order, w.sum, w.scratch);
  ESP_TRY(dom->ops->halo_end(dom, ESP_HALO_SOURCES, source_unit, layer->source));
  backend->device->gate->forward(&g, blocks - interior, dom->block_order + interior, w.sum, w.scratch);
  ESP_TRY(dom->ops->receivers_home(dom, (size_t)esp_gate_sum_width(f) * sizeof *sum, w.sum, sum));
done:
  forward_free(backend, &w);
  return rc;
}

static esp_self_rows self_rows(const esp_relation_input *in) {
  return (esp_self_rows){.key = in->key, .query = in->query, .value = in->value, .offset = in->offset};
}

int esp_relation_layer_forward(const esp_backend *backend, const esp_relation_layer_param *param, int n_home,
                               const esp_relation_input *input, const double *param_value, double *sum,
                               esp_relation_layer *layer) {
  int rc = ESP_OK;
  *layer = (esp_relation_layer){.param = *param, .input = *input, .value = param_value, .n_home = n_home};
  const double begin = esp_wall();
  ESP_TRY(backend->comm->agree(backend->comm, check_inputs(param, n_home, input, param_value)));
  ESP_TRY(layer_build(backend, layer));
  const double built = esp_wall();
  ESP_TRY(layer_messages(backend, layer, sum));
  if (!param->include_self) {
    const esp_self_rows rows = self_rows(input);
    esp_relation_self_forward(&param->form, param_value, n_home, &rows, sum);
  }
  layer->seconds_build = built - begin;
  layer->seconds_forward = esp_wall() - built;
done:
  if (rc) esp_relation_layer_free(layer);
  return rc;
}

/* What the backward pass holds for its duration. */
typedef struct {
  double *gradient;        /* [n_own][sum_width] receivers' slots */
  double *receiver;        /* [n_own + n_receiver_ghost][receiver_width] */
  double *dquery;          /* [n_own][query_width] receivers' slots */
  double *dsource;         /* [n_own][source_width] senders' slots */
  int64_t *cell_acc;       /* [row_count][cell_width][ESP_EXACT_CELL_WORDS] */
  double *adjoint;         /* [own_rows + top_rows][cell_width] */
  double *home_q, *home_s; /* dquery and dsource at home */
  esp_gate_scratch *scratch;
} backward_work;

static int work_create(const esp_backend *backend, const esp_relation_layer *layer, backward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const size_t own = (size_t)dom->n_own, receivers = own + (size_t)dom->n_receiver_ghost, n = (size_t)layer->n_home;
  const size_t rows = (size_t)dom->tree.row_count, held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  const size_t source_width = (size_t)esp_gate_source_width(f), query_width = (size_t)esp_gate_query_width(f);
  const size_t cell_width = (size_t)esp_gate_cell_width(f);
  ESP_CALL(ESP_ALLOC(w->gradient, own * (size_t)esp_gate_sum_width(f)));
  ESP_CALL(ESP_ALLOC(w->receiver, receivers * (size_t)esp_gate_receiver_width(f)));
  ESP_CALL(ESP_ALLOC(w->dquery, own * query_width));
  ESP_CALL(ESP_ALLOC(w->dsource, own * source_width));
  ESP_CALL(ESP_ALLOC(w->cell_acc, rows * cell_width * ESP_EXACT_CELL_WORDS));
  ESP_CALL(ESP_ALLOC(w->adjoint, held * cell_width));
  ESP_CALL(ESP_ALLOC(w->home_q, n * query_width));
  ESP_CALL(ESP_ALLOC(w->home_s, n * source_width));
  ESP_CALL(backend->device->gate->scratch_create(f, dom, &w->scratch));
  return ESP_OK;
}

static void work_free(const esp_backend *backend, backward_work *w) {
  ESP_FREE(w->gradient);
  ESP_FREE(w->receiver);
  ESP_FREE(w->dquery);
  ESP_FREE(w->dsource);
  ESP_FREE(w->cell_acc);
  ESP_FREE(w->adjoint);
  ESP_FREE(w->home_q);
  ESP_FREE(w->home_s);
  if (w->scratch) backend->device->gate->scratch_free(&w->scratch);
}

/* Cell adjoints to their owners, out of the exact accumulators, and by the cells' sums. */
static int reduce_cells(const esp_relation_layer *layer, backward_work *w) {
  esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const size_t width = (size_t)esp_gate_cell_width(f);
  const size_t held = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  esp_exact_carry(&ESP_EXACT_CELL, w->cell_acc, (size_t)dom->tree.row_count * width);
  ESP_CALL(dom->ops->cells_reduce(dom, (int)width * ESP_EXACT_CELL_WORDS, w->cell_acc));
  for (size_t k = 0; k < held * width; k++)
    w->adjoint[k] = esp_exact_value(&ESP_EXACT_CELL, w->cell_acc + k * ESP_EXACT_CELL_WORDS);
  for (size_t row = 0; row < held; row++) esp_gate_cell_adjoint(f, layer->cell + row * width, w->adjoint + row * width);
  return ESP_OK;
}

static int layer_pull(const esp_backend *backend, esp_relation_layer *layer, backward_work *w, int64_t *param_acc) {
  esp_domain *dom = layer->dom;
  const esp_gate_ops *ops = backend->device->gate;
  const esp_gate_form *f = &layer->param.form;
  const esp_gate g = gate_of(layer);
  const size_t unit = (size_t)esp_gate_receiver_width(f) * sizeof *w->receiver;
  const int blocks = dom->tree.n_block, interior = dom->n_sender_interior;
  join_rows(dom->n_own, esp_gate_query_width(f), layer->query, esp_gate_sum_width(f), w->gradient, w->receiver);
  ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_RECEIVERS, unit, w->receiver));
  ops->backward_receivers(&g, blocks, dom->block_order, w->gradient, w->dquery, w->cell_acc, param_acc, w->scratch);
  ESP_CALL(reduce_cells(layer, w));
  ops->backward_senders(&g, interior, dom->sender_block_order, w->receiver, w->dsource, w->scratch);
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_RECEIVERS, unit, w->receiver));
  ops->backward_senders(&g, blocks - interior, dom->sender_block_order + interior, w->receiver, w->dsource, w->scratch);
  moment_rows rows = {.form = f, .source = layer->source, .dsource = w->dsource};
  esp_moments_downward(&dom->tree, esp_gate_cell_width(f), w->adjoint, pull_moments, &rows);
  return ESP_OK;
}

static int learns_splits(const esp_relation_layer *layer) {
  return layer->dom->param.split.kind == ESP_SPLIT_LEARNED && !layer->param.form.mlp && !layer->dom->queries &&
         !layer->input.tree_key;
}

static int pull_splits(const esp_relation_layer *layer, backward_work *w, int64_t *normal_acc) {
  const esp_gate g = gate_of(layer);
  esp_split_soft soft;
  ESP_CALL(esp_split_soft_make(layer->dom, layer->source, esp_gate_source_width(&layer->param.form), &soft));
  const int rc = esp_split_gradient(&g, &soft, w->receiver, w->dquery, w->dsource, normal_acc);
  esp_split_soft_free(&soft);
  return layer->dom->comm->agree(layer->dom->comm, rc);
}

/* dquery and dsource at home into the caller's arrays. */
static void spread_home(const esp_relation_layer *layer, const backward_work *w, double *dkey, double *dquery,
                        double *dvalue, double *doffset) {
  const esp_gate_form *f = &layer->param.form;
  const int n = layer->n_home, offsets = f->mlp ? f->channels : 0;
  const size_t dim = (size_t)f->dim, wide = (size_t)esp_gate_query_width(f);
  part_rows(n, f->dim, dkey, f->channels, dvalue, w->home_s);
  part_rows(n, f->dim, layer->input.query ? dquery : NULL, offsets, f->mlp ? doffset : NULL, w->home_q);
  if (layer->input.query) return;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t a = 0; a < dim; a++) dkey[i * dim + a] += w->home_q[i * wide + a];
}

int esp_relation_layer_backward(const esp_backend *backend, esp_relation_layer *layer, const double *gradient,
                                double *dkey, double *dquery, double *dvalue, double *doffset, int64_t *param_acc,
                                int64_t *normal_acc) {
  int rc = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_gate_form *f = &layer->param.form;
  const size_t one = sizeof(double);
  backward_work w = {0};
  const double begin = esp_wall();
  ESP_TRY(backend->comm->agree(backend->comm, work_create(backend, layer, &w)));
  ESP_TRY(dom->ops->to_receivers(dom, (size_t)esp_gate_sum_width(f) * one, gradient, w.gradient));
  ESP_TRY(layer_pull(backend, layer, &w, param_acc));
  if (normal_acc && learns_splits(layer)) ESP_TRY(pull_splits(layer, &w, normal_acc));
  ESP_TRY(dom->ops->receivers_home(dom, (size_t)esp_gate_query_width(f) * one, w.dquery, w.home_q));
  ESP_TRY(dom->ops->to_home(dom, (size_t)esp_gate_source_width(f) * one, w.dsource, w.home_s));
  spread_home(layer, &w, dkey, dquery, dvalue, doffset);
  if (!layer->param.include_self) {
    const esp_self_rows rows = self_rows(&layer->input);
    esp_relation_self_backward(f, layer->value, layer->n_home, &rows, gradient, dkey, dquery, dvalue, doffset,
                               param_acc);
  }
  layer->seconds_backward = esp_wall() - begin;
done:
  work_free(backend, &w);
  return rc;
}

void esp_relation_layer_free(esp_relation_layer *layer) {
  esp_domain_free(&layer->dom);
  ESP_FREE(layer->query);
  ESP_FREE(layer->source);
  ESP_FREE(layer->cell);
  memset(layer, 0, sizeof *layer);
}
