/* The way through the graph convolution: see convolution.h. */
#include "base/hash.h"
#include "base/rng.h"
#include "net/convolution_mix.h"

esp_convolution_walk esp_convolution_walk_of(const esp_model *model, const esp_backend *backend, const esp_set *set,
                                             esp_pass *pass) {
  return (esp_convolution_walk){.model = model,
                                .param = model->param,
                                .plan = model->plan,
                                .backend = backend,
                                .device = backend->device,
                                .dense = backend->device->dense,
                                .rows = backend->device->rows,
                                .set = set,
                                .n = set->n_home,
                                .D = model->sizes.width[ESP_INPUT],
                                .h = ((const esp_convolution_param *)model->param)->hidden,
                                .K = model->sizes.width[ESP_TARGET],
                                .pass = pass};
}

/* ---- given edges ---- */

void esp_convolution_graph_free(esp_convolution_graph *graph) {
  if (!graph->there) return;
  esp_given_leave(&graph->rows);
  esp_given_free(&graph->given);
  *graph = (esp_convolution_graph){0};
}

static uint64_t print_of(const esp_set *set, const esp_csr *edges) {
  const int64_t entries = edges->start[edges->rows];
  uint64_t print = esp_hash_mix((uint64_t)set->n, (uint64_t)set->first);
  for (int i = 0; i <= edges->rows; i++) print = esp_hash_mix(print, (uint64_t)edges->start[i]);
  for (int64_t e = 0; e < entries; e++) print = esp_hash_mix(print, (uint64_t)edges->index[e]);
  for (int64_t e = 0; e < entries && edges->value; e++) print = esp_hash_double(print, edges->value[e]);
  return print;
}

int esp_convolution_edges(const esp_convolution_walk *k) {
  const esp_comm *comm = k->backend->comm;
  const esp_csr *edges = esp_set_csr(k->set, ESP_ROLES, ESP_EDGES);
  esp_convolution_graph *graph = &k->plan->graph;
  int rc = ESP_OK;
  if (!k->plan->given) return ESP_OK;
  ESP_NEED(edges, ESP_ERR_CONFIG,
           "net_share %g with data that have no edges: set it to 0, or give the data edges (a column of them)",
           k->param->share);
  const uint64_t print = print_of(k->set, edges);
  const int same =
      graph->there && graph->print == print && graph->given.comm == comm && graph->rows.device == k->device;
  int64_t other = !same;
  ESP_CALL(comm->max_i64(comm, &other, 1));
  if (!other) return ESP_OK;
  esp_convolution_graph_free(graph);
  ESP_CALL(esp_given_create(comm, k->set->n, k->set->first, edges, ESP_GIVEN_SYMMETRIC, &graph->given));
  graph->there = 1, graph->print = print;
  rc = comm->agree(comm, esp_given_bring(k->device, &graph->given, &graph->rows));
  if (rc) esp_convolution_graph_free(graph);
done:
  return rc;
}

/* ---- what a pass holds ---- */

static int check_set(const esp_convolution_walk *k) {
  const int targets = esp_set_role_width(k->set, ESP_TARGET);
  ESP_CHECK(targets == 0 || targets == k->K, ESP_ERR_ARG, "a set of %d targets for a network of %d classes", targets,
            k->K);
  return ESP_OK;
}

static int gate_begin(const esp_convolution_walk *k) {
  esp_pass *pass = k->pass;
  const size_t n = (size_t)k->n;
  if (!k->plan->gated) return ESP_OK;
  ESP_CALL(ESP_THERE(k->device, pass->key, n * (size_t)k->param->dim));
  for (int l = 0; l < ESP_CONVOLUTION_LAYERS; l++)
    ESP_CALL(ESP_THERE(k->device, pass->sum[l], n * (size_t)(esp_convolution_wide(k, l) + 1)));
  return ESP_OK;
}

enum { FIRST_FEATURE = 4096 }; /* of the units that may be dropped: behind the hidden ones */

/* What W1 sees, and which hidden units there are. */
static int drop(const esp_convolution_walk *k) {
  const esp_convolution_param *p = k->param;
  const uint64_t seed = esp_rng_bits(p->seed, k->model->draw, ESP_RNG_DROP, 0);
  const size_t n = (size_t)k->n, dense = n * (size_t)k->pass->dense;
  const esp_rows *rows = k->rows;
  esp_pass *pass = k->pass;
  esp_csr_there *words = &pass->seen_words;
  int64_t *id = NULL;
  int rc = ESP_OK;
  pass->seen = pass->x, *words = pass->words;
  if (!k->model->draw || p->dropout == 0) return ESP_OK;
  ESP_TRY(ESP_THERE(k->device, id, n));
  ESP_TRY(k->device->put(id, k->set->id, n * sizeof *id));
  ESP_TRY(ESP_THERE(k->device, pass->mask, n * (size_t)k->h));
  rows->state->drop(k->n, k->h, seed, id, 0, p->dropout, pass->mask);
  ESP_TRY(ESP_THERE(k->device, pass->dropped, dense));
  rows->state->drop(k->n, pass->dense, seed, id, FIRST_FEATURE, p->dropout, pass->dropped);
  rows->times(dense, pass->x, pass->dropped, pass->dropped);
  pass->seen = pass->dropped;
  if (!words->start) goto done;
  const esp_csr *csr = esp_set_csr(k->set, ESP_INPUT, ESP_SPARSE);
  ESP_TRY(ESP_THERE(k->device, pass->dropped_words, csr->start[csr->rows]));
  rows->graph->sparse_drop(k->n, words->start, words->index, words->value, seed, id,
                           FIRST_FEATURE + (uint32_t)pass->dense, p->dropout, pass->dropped_words);
  words->value = pass->dropped_words;
done:
  rc = esp_device_settled(k->device, rc);
  ESP_THERE_FREE(k->device, id);
  return rc;
}

static int pass_begin(const esp_convolution_walk *k) {
  esp_pass *pass = k->pass;
  const esp_device *device = k->device;
  const esp_csr *words = esp_set_csr(k->set, ESP_INPUT, ESP_SPARSE);
  const size_t n = (size_t)k->n;
  const double *x;
  ESP_CALL(check_set(k));
  ESP_CALL(esp_convolution_features(k->set, k->D, &pass->dense, &x, &pass->joined));
  ESP_CALL(
      esp_device_bring(device, (size_t)k->model->block.count, k->model->block.value, &pass->copy[0], &pass->value));
  ESP_CALL(esp_device_bring(device, n * (size_t)pass->dense, x, &pass->copy[1], &pass->x));
  if (words) ESP_CALL(esp_csr_bring(device, words, &pass->words));
  for (int l = 0; l < ESP_CONVOLUTION_LAYERS; l++)
    ESP_CALL(ESP_THERE(device, pass->mixed[l], n * (size_t)esp_convolution_wide(k, l)));
  if (k->plan->given) ESP_CALL(ESP_THERE(device, pass->scaled, n * (size_t)esp_imax(k->h, k->K)));
  ESP_CALL(ESP_THERE(device, pass->hidden, n * (size_t)k->h));
  ESP_CALL(drop(k));
  return gate_begin(k);
}

void esp_convolution_pass_free(esp_pass **there) {
  esp_pass *pass = *there;
  if (pass) {
    const esp_device *device = pass->device;
    for (int l = 0; l < ESP_CONVOLUTION_LAYERS; l++) {
      esp_layer_free(&pass->layer[l]);
      ESP_THERE_FREE(device, pass->mixed[l]);
      ESP_THERE_FREE(device, pass->sum[l]);
    }
    for (int c = 0; c < 2; c++) ESP_THERE_FREE(device, pass->copy[c]);
    esp_csr_leave(device, &pass->words);
    ESP_THERE_FREE(device, pass->dropped);
    ESP_THERE_FREE(device, pass->dropped_words);
    ESP_THERE_FREE(device, pass->mask);
    ESP_THERE_FREE(device, pass->key);
    ESP_THERE_FREE(device, pass->scaled);
    ESP_THERE_FREE(device, pass->hidden);
    ESP_FREE(pass->joined);
    esp_convolution_beside_leave(pass);
  }
  ESP_FREE(*there);
}

/* ---- forward ---- */

/* y [n][wide] += b. */
static void add_bias(const esp_convolution_walk *k, int wide, int at, double *y) {
  const double *b = k->pass->value + at;
  k->dense->forward(k->n, 0, wide, b, b, 1, y, y);
}

/* Both layers, from what the pass holds of the set to y. */
static int layers(const esp_convolution_walk *k, const esp_visit *visit, int keep, double *y, esp_cost *cost) {
  esp_pass *pass = k->pass;
  const esp_convolution_places at = k->plan->at;
  const double *value = pass->value;
  const size_t units = (size_t)k->n * (size_t)k->h;
  if (k->plan->gated)
    esp_convolution_product(k->dense, k->rows, k->n, pass->dense, pass->x, &pass->words, k->param->dim, value + at.E,
                            pass->key);
  esp_convolution_product(k->dense, k->rows, k->n, pass->dense, pass->seen, &pass->seen_words, k->h, value + at.W1,
                          pass->mixed[0]);
  ESP_CALL(esp_convolution_mix(k, 0, keep, visit, pass->hidden, cost));
  add_bias(k, k->h, at.b1, pass->hidden);
  k->rows->graph->relu(units, pass->hidden, pass->hidden);
  if (pass->mask) k->rows->times(units, pass->hidden, pass->mask, pass->hidden);
  k->dense->backward(k->n, k->K, k->h, value + at.W2, 0, pass->hidden, pass->mixed[1]);
  ESP_CALL(esp_convolution_mix(k, 1, keep, visit, y, cost));
  add_bias(k, k->K, at.b2, y);
  return ESP_OK;
}

int esp_convolution_through(esp_convolution_walk *k, const esp_visit *visit, double *y, esp_cost *cost,
                            esp_pass **pass) {
  const esp_comm *comm = k->backend->comm;
  esp_pass *made = NULL;
  int rc = ESP_ALLOC(made, 1);
  if (made) made->device = k->device;
  k->pass = made;
  if (pass) *pass = NULL;
  if (!rc) rc = pass_begin(k);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_convolution_edges(k));
  ESP_TRY(layers(k, visit, pass != NULL, y, cost));
  ESP_TRY(esp_device_agree(k->device, comm, ESP_OK));
  if (pass) *pass = made, made = NULL;
done:
  esp_convolution_pass_free(&made);
  return rc;
}

int esp_convolution_forward(const esp_model *model, const esp_backend *backend, const esp_set *set,
                            const esp_visit *visit, double *y, esp_cost *cost, esp_pass **pass) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  esp_convolution_walk k = esp_convolution_walk_of(model, backend, set, NULL);
  ESP_CALL(esp_convolution_through(&k, visit, y, cost, pass));
  return ESP_OK;
}
