#include "net/layer.h"

#include <math.h>
#include <string.h>

enum { CELL_WORDS = ESP_CELL_ADJOINT_WORDS };

static int check_inputs(const esp_layer_param *param, int n_home, const double (*y)[3], const double *mu,
                        const int64_t *id) {
  ESP_CHECK(param->domain.dim == 2 || param->domain.dim == 3, ESP_ERR_CONFIG,
            "a layer has dimension %d; allowed: 2 or 3", param->domain.dim);
  ESP_CHECK(param->eps >= 0 && isfinite(param->eps), ESP_ERR_CONFIG, "softening length %g; allowed: finite, >= 0",
            param->eps);
  for (int i = 0; i < n_home; i++) {
    ESP_CHECK(isfinite(mu[i]) && mu[i] >= 0, ESP_ERR_VALUE, "particle %lld has mass %g; allowed: finite, >= 0",
              (long long)id[i], mu[i]);
    ESP_CHECK(isfinite(y[i][2]), ESP_ERR_VALUE, "particle %lld has position %g on axis 2; allowed: finite",
              (long long)id[i], y[i][2]);
  }
  return ESP_OK;
}

/* Home rows as they travel, wrapped into the box, and the keys of the tree. */
static void pack_home(const esp_layer_param *param, int n_home, const double (*y)[3], const double *mu,
                      esp_source *source, double *z) {
  const int dim = param->domain.dim;
  for (int i = 0; i < n_home; i++) {
    source[i].mu = mu[i];
    for (int a = 0; a < 3; a++) {
      const double box = a < dim ? param->domain.lists.box[a] : 0;
      double place = y[i][a];
      if (box > 0) {
        place -= box * floor(place / box);
        if (place >= box || place < 0) place = 0; /* rounding of a place just below 0 or at the end */
      }
      source[i].y[a] = place;
      if (a < dim) z[(size_t)i * (size_t)dim + (size_t)a] = place;
    }
  }
}

static int layer_build(const esp_backend *backend, const esp_layer_param *param, int n_home, const double (*y)[3],
                       const double *mu, const int64_t *id, esp_source **home, esp_layer *layer) {
  int rc = ESP_OK;
  ESP_TRY(backend->comm->agree(backend->comm, check_inputs(param, n_home, y, mu, id)));
  int code = ESP_ALLOC(*home, n_home);
  if (!code) code = ESP_ALLOC(layer->key, (size_t)n_home * (size_t)param->domain.dim);
  ESP_TRY(backend->comm->agree(backend->comm, code));
  pack_home(param, n_home, y, mu, *home, layer->key);
  ESP_TRY(backend->build(backend->comm, &param->domain, n_home, layer->key, NULL, id, &layer->dom));
done:
  return rc;
}

/* Own cells while sources travel, then the cells of the others. */
static int layer_cells(esp_layer *layer) {
  esp_domain *dom = layer->dom;
  esp_cells_upward(&dom->tree, layer->source, layer->cell);
  ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_CELLS, sizeof *layer->cell, layer->cell));
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_CELLS, sizeof *layer->cell, layer->cell));
  esp_cells_top(&dom->tree, layer->cell);
  return ESP_OK;
}

static int layer_messages(const esp_backend *backend, const esp_source *home, esp_layer *layer, double (*a)[3]) {
  int rc = ESP_OK;
  esp_domain *dom = layer->dom;
  const esp_comm *comm = backend->comm;
  double(*slot)[3] = NULL;
  esp_scratch *scratch = NULL;
  int code = ESP_ALLOC(layer->source, (size_t)dom->n_own + (size_t)dom->n_ghost);
  if (!code) code = ESP_ALLOC(layer->cell, dom->tree.row_count);
  if (!code) code = ESP_ALLOC(slot, dom->n_own);
  if (!code) code = backend->device->ops->scratch_create(dom, layer->g.mlp, &scratch);
  ESP_TRY(comm->agree(comm, code));
  layer->g.dom = dom;
  layer->g.source = layer->source;
  layer->g.cell = layer->cell;
  ESP_TRY(dom->ops->to_slots(dom, sizeof *home, home, layer->source));
  ESP_TRY(dom->ops->halo_begin(dom, ESP_HALO_SOURCES, sizeof *layer->source, layer->source));
  ESP_TRY(layer_cells(layer));
  backend->device->ops->forward(&layer->g, dom->n_interior, dom->block_order, slot, scratch);
  ESP_TRY(dom->ops->halo_end(dom, ESP_HALO_SOURCES, sizeof *layer->source, layer->source));
  backend->device->ops->forward(&layer->g, dom->tree.n_block - dom->n_interior, dom->block_order + dom->n_interior,
                                slot, scratch);
  ESP_TRY(dom->ops->to_home(dom, sizeof *a, slot, a));
done:
  backend->device->ops->scratch_free(&scratch);
  ESP_FREE(slot);
  return rc;
}

int esp_layer_forward(const esp_backend *backend, const esp_layer_param *param, int n_home, const double (*y)[3],
                      const double *mu, const int64_t *id, const esp_mlp *mlp, double (*a)[3], esp_layer *layer) {
  int rc = ESP_OK;
  esp_source *home = NULL;
  memset(layer, 0, sizeof *layer);
  layer->g = (esp_gravity){.eps2 = param->eps * param->eps, .newton = param->newton, .mlp = mlp};
  for (int a3 = 0; a3 < 3 && a3 < param->domain.dim; a3++) layer->g.box[a3] = param->domain.lists.box[a3];
  const double begin = esp_wall();
  ESP_TRY(layer_build(backend, param, n_home, y, mu, id, &home, layer));
  const double built = esp_wall();
  ESP_TRY(layer_messages(backend, home, layer, a));
  layer->seconds_build = built - begin;
  layer->seconds_forward = esp_wall() - built;
done:
  ESP_FREE(home);
  if (rc) esp_layer_free(layer);
  return rc;
}

/* What the backward pass holds for its duration. */
typedef struct {
  double (*gradient)[3], (*dy)[3]; /* [n_own] */
  esp_receiver *receiver;          /* [n_own + n_receiver_ghost] */
  int64_t *cell_acc;               /* [row_count][CELL_WORDS] */
  esp_cell_adjoint *adjoint;       /* [own_rows + top_rows] */
  esp_scratch *scratch;
} backward_work;

static int work_create(const esp_backend *backend, const esp_layer *layer, backward_work *w) {
  const esp_domain *dom = layer->dom;
  const esp_tree *tree = &dom->tree;
  ESP_CALL(ESP_ALLOC(w->gradient, dom->n_own));
  ESP_CALL(ESP_ALLOC(w->dy, dom->n_own));
  ESP_CALL(ESP_ALLOC(w->receiver, (size_t)dom->n_own + (size_t)dom->n_receiver_ghost));
  ESP_CALL(ESP_ALLOC(w->cell_acc, (size_t)tree->row_count * CELL_WORDS));
  ESP_CALL(ESP_ALLOC(w->adjoint, (size_t)tree->own_rows + (size_t)tree->top_rows));
  ESP_CALL(backend->device->ops->scratch_create(dom, layer->g.mlp, &w->scratch));
  return ESP_OK;
}

static void work_free(const esp_backend *backend, backward_work *w) {
  ESP_FREE(w->gradient);
  ESP_FREE(w->dy);
  ESP_FREE(w->receiver);
  ESP_FREE(w->cell_acc);
  ESP_FREE(w->adjoint);
  backend->device->ops->scratch_free(&w->scratch);
}

/* Cell adjoints to their owners, and out of the exact accumulators. */
static int reduce_cells(esp_domain *dom, backward_work *w) {
  const size_t rows = (size_t)dom->tree.own_rows + (size_t)dom->tree.top_rows;
  esp_exact_carry(&ESP_EXACT_CELL, w->cell_acc, (size_t)dom->tree.row_count * ESP_CELL_ADJOINTS);
  ESP_CALL(dom->ops->cells_reduce(dom, CELL_WORDS, w->cell_acc));
  for (size_t row = 0; row < rows; row++) {
    const int64_t *acc = w->cell_acc + row * CELL_WORDS;
    for (int c = 0; c < 3; c++)
      w->adjoint[row].dX[c] = esp_exact_value(&ESP_EXACT_CELL, acc + c * ESP_EXACT_CELL_WORDS);
    for (int c = 0; c < 6; c++)
      w->adjoint[row].dC[c] = esp_exact_value(&ESP_EXACT_CELL, acc + (3 + c) * ESP_EXACT_CELL_WORDS);
  }
  return ESP_OK;
}

static int layer_pull(const esp_backend *backend, esp_layer *layer, backward_work *w, int64_t *param_acc) {
  esp_domain *dom = layer->dom;
  const esp_ops *ops = backend->device->ops;
  for (int i = 0; i < dom->n_own; i++) {
    memcpy(w->receiver[i].y, layer->source[i].y, sizeof w->receiver[i].y);
    memcpy(w->receiver[i].g, w->gradient[i], sizeof w->receiver[i].g);
    w->receiver[i].mu = layer->source[i].mu;
  }
  ESP_CALL(dom->ops->halo_begin(dom, ESP_HALO_RECEIVERS, sizeof *w->receiver, w->receiver));
  ops->backward_receivers(&layer->g, dom->tree.n_block, dom->block_order, (const double(*)[3])w->gradient, w->dy,
                          w->cell_acc, param_acc, w->scratch);
  ESP_CALL(reduce_cells(dom, w));
  const int interior = dom->n_sender_interior;
  ops->backward_senders(&layer->g, interior, dom->sender_block_order, w->receiver, w->dy, param_acc, w->scratch);
  ESP_CALL(dom->ops->halo_end(dom, ESP_HALO_RECEIVERS, sizeof *w->receiver, w->receiver));
  ops->backward_senders(&layer->g, dom->tree.n_block - interior, dom->sender_block_order + interior, w->receiver, w->dy,
                        param_acc, w->scratch);
  esp_cells_downward(&dom->tree, layer->source, layer->cell, w->adjoint, w->dy);
  return ESP_OK;
}

int esp_layer_backward(const esp_backend *backend, esp_layer *layer, const double (*gradient)[3], double (*dy)[3],
                       int64_t *param_acc) {
  int rc = ESP_OK;
  esp_domain *dom = layer->dom;
  backward_work w = {0};
  const double begin = esp_wall();
  ESP_TRY(backend->comm->agree(backend->comm, work_create(backend, layer, &w)));
  ESP_TRY(dom->ops->to_slots(dom, sizeof *gradient, gradient, w.gradient));
  ESP_TRY(layer_pull(backend, layer, &w, param_acc));
  ESP_TRY(dom->ops->to_home(dom, sizeof *dy, w.dy, dy));
  layer->seconds_backward = esp_wall() - begin;
done:
  work_free(backend, &w);
  return rc;
}

void esp_layer_free(esp_layer *layer) {
  esp_domain_free(&layer->dom);
  ESP_FREE(layer->source);
  ESP_FREE(layer->cell);
  ESP_FREE(layer->key);
  memset(layer, 0, sizeof *layer);
}
