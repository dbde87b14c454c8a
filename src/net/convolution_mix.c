#include "net/convolution_mix.h"

#include "base/hash.h"

/* Weights of all that a receiver hears, below which it hears nothing: what it hears of itself, 1, is taken out of sums that a device
 * may hold in float32, and leaves a rounding of about 1e-7. */
static const double LEAST = 1e-5;

/* ---- the gate ---- */

static esp_layer_param layer_param(const esp_convolution_walk *k, int l) {
  const esp_convolution_param *p = k->param;
  esp_layer_param param = {
      .domain = p->domain, .form = esp_convolution_form(p, esp_convolution_wide(k, l)), .near_only = !p->far};
  param.domain.dim = p->dim;
  param.domain.lists.theta_most = ESP_CONVOLUTION_THETA;
  return param;
}

/* Of what a domain is made of. */
static uint64_t print_of(const esp_convolution_walk *k, const esp_layer_param *param, const double *key) {
  const esp_lists_param *lists = &param->domain.lists;
  const size_t count = (size_t)k->n * (size_t)k->param->dim;
  uint64_t print = esp_hash_mix((uint64_t)k->set->n, (uint64_t)k->set->first);
  for (size_t i = 0; i < count; i++) print = esp_hash_double(print, key[i]);
  for (int i = 0; i < k->n; i++) print = esp_hash_mix(print, (uint64_t)k->set->id[i]);
  print = esp_hash_double(print, k->model->block.value[k->plan->at.scale]);
  print = esp_hash_double(esp_hash_double(print, lists->theta), lists->theta_least);
  return esp_hash_mix(esp_hash_mix(print, (uint64_t)lists->pairs_per_particle), (uint64_t)lists->theta_halvings);
}

/* Keys in the host's memory; *made: freed by the caller. */
static int keys_here(const esp_convolution_walk *k, double **made, const double **key) {
  const size_t count = (size_t)k->n * (size_t)k->param->dim;
  *key = k->pass->key;
  if (k->device->shared) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*made, count));
  *key = *made;
  return esp_device_get(k->device, count, k->pass->key, *made);
}

/* The domain that stands, where it is of these keys; else it is ended. Collective. */
static int place_stands(const esp_convolution_walk *k, const esp_layer_param *param) {
  esp_convolution_place *place = &k->plan->place;
  const esp_comm *comm = k->backend->comm;
  const double *key = NULL;
  double *made = NULL;
  int rc;
  ESP_TRY(esp_device_agree(k->device, comm, keys_here(k, &made, &key)));
  const uint64_t print = print_of(k, param, key);
  int64_t other = !place->dom || place->print != print || place->dom->comm != comm;
  ESP_TRY(comm->max_i64(comm, &other, 1));
  if (other) esp_domain_free(&place->dom);
  place->print = print;
done:
  ESP_FREE(made);
  return rc;
}

/* Sums of layer l, over the domain that stands, or one that is made and stands from now on. */
static int listen(const esp_convolution_walk *k, int l, const esp_layer_param *param, const esp_layer_input *in) {
  esp_convolution_place *place = &k->plan->place;
  esp_layer *layer = &k->pass->layer[l];
  const double *message = k->model->block.value + k->plan->at.scale;
  if (l == 0) ESP_CALL(place_stands(k, param));
  if (place->dom) return esp_layer_over(k->backend, place->dom, param, k->n, in, message, k->pass->sum[l], layer);
  esp_layer_param made = *param;
  if (made.domain.lists.pairs_per_particle > 0 && place->theta > 0) made.domain.lists.theta = place->theta;
  ESP_CALL(esp_layer_forward(k->backend, &made, k->n, in, message, k->pass->sum[l], layer));
  place->dom = layer->dom, layer->borrowed = 1;
  place->theta = layer->dom->param.lists.theta;
  return ESP_OK;
}

/* Keys as visitors see them: in the host's memory. */
static int show(const esp_convolution_walk *k, int l, const esp_visit *visit) {
  const double *key = NULL;
  double *made = NULL;
  int rc;
  ESP_TRY(esp_device_agree(k->device, k->backend->comm, keys_here(k, &made, &key)));
  ESP_TRY(visit->layer(visit->context, l, k->pass->layer[l].dom, key, NULL));
done:
  ESP_FREE(made);
  return rc;
}

static int hear(const esp_convolution_walk *k, int l, int keep, const esp_visit *visit, esp_cost *cost) {
  esp_pass *pass = k->pass;
  esp_layer *layer = &pass->layer[l];
  const esp_layer_param param = layer_param(k, l);
  const esp_layer_input in = {.id = k->set->id, .key = pass->key, .value = pass->mixed[l], .there = 1};
  ESP_CALL(listen(k, l, &param, &in));
  if (cost) esp_layer_count(layer, cost);
  if (cost && keep && l == 0) cost->theta = layer->dom->param.lists.theta;
  if (k->each) ESP_CALL(k->each(k, l, k->context));
  if (visit) ESP_CALL(show(k, l, visit));
  if (!keep) esp_layer_free(layer);
  return ESP_OK;
}

/* ---- M ---- */

/* y += r Ahat x, or its transpose. */
static int add_given(const esp_convolution_walk *k, int back, int wide, double share, const double *x, double *y) {
  const double *from = x;
  if (share < 1) {
    k->rows->graph->multiple((size_t)k->n * (size_t)wide, share, 0, x, k->pass->scaled);
    from = k->pass->scaled;
  }
  return esp_given_sum(&k->plan->graph.rows, back, wide, 1, from, y);
}

int esp_convolution_mix(const esp_convolution_walk *k, int l, int keep, const esp_visit *visit, double *y,
                        esp_cost *cost) {
  const esp_convolution_shares shares = esp_convolution_shares_of(k->param);
  const int wide = esp_convolution_wide(k, l);
  const size_t count = (size_t)k->n * (size_t)wide;
  const double *x = k->pass->mixed[l];
  if (shares.own > 0)
    k->rows->graph->multiple(count, shares.own, 0, x, y);
  else
    k->rows->zero(count, y);
  if (k->plan->gated) {
    ESP_CALL(hear(k, l, keep, visit, cost));
    k->rows->graph->average(k->n, wide, shares.gate, LEAST, k->pass->sum[l], y);
  }
  return k->plan->given ? add_given(k, 0, wide, shares.given, x, y) : ESP_OK;
}

int esp_convolution_adjoint_create(const esp_convolution_walk *k, esp_convolution_adjoint *adjoint) {
  const size_t n = (size_t)k->n, most = (size_t)esp_imax(k->h, k->K);
  if (!k->plan->gated) return ESP_OK;
  ESP_CALL(ESP_THERE(k->device, adjoint->dsum, n * (most + 1)));
  ESP_CALL(ESP_THERE(k->device, adjoint->dvalue, n * most));
  for (int i = 0; i < 2 && k->plan->learns; i++)
    ESP_CALL(ESP_THERE(k->device, adjoint->dkey[i], n * (size_t)k->param->dim));
  if (k->plan->learns) k->rows->zero(n * (size_t)k->param->dim, adjoint->dkey[1]);
  return ESP_THERE(k->device, adjoint->nothing, ESP_EXACT_FULL_WORDS);
}

void esp_convolution_adjoint_free(const esp_device *device, esp_convolution_adjoint *adjoint) {
  ESP_THERE_FREE(device, adjoint->dsum);
  ESP_THERE_FREE(device, adjoint->dvalue);
  for (int i = 0; i < 2; i++) ESP_THERE_FREE(device, adjoint->dkey[i]);
  ESP_THERE_FREE(device, adjoint->nothing);
}

int esp_convolution_mix_back(const esp_convolution_walk *k, int l, esp_convolution_adjoint *adjoint, const double *dy,
                             double *dx, esp_cost *cost) {
  const esp_convolution_shares shares = esp_convolution_shares_of(k->param);
  const int wide = esp_convolution_wide(k, l);
  const size_t count = (size_t)k->n * (size_t)wide;
  if (shares.own > 0)
    k->rows->graph->multiple(count, shares.own, 0, dy, dx);
  else
    k->rows->zero(count, dx);
  if (k->plan->gated) {
    esp_layer *layer = &k->pass->layer[l];
    const esp_layer_gradient into = {.dkey = adjoint->dkey[0], .dvalue = adjoint->dvalue};
    const size_t keys = (size_t)k->n * (size_t)k->param->dim;
    k->rows->graph->average_back(k->n, wide, shares.gate, LEAST, k->pass->sum[l], dy, adjoint->dsum);
    ESP_CALL(esp_layer_backward(k->backend, layer, adjoint->dsum, &into, adjoint->nothing, NULL));
    k->rows->add(count, dx, adjoint->dvalue, dx);
    if (adjoint->dkey[0]) k->rows->add(keys, adjoint->dkey[1], adjoint->dkey[0], adjoint->dkey[1]);
    if (cost) cost->seconds_backward += layer->seconds_backward;
  }
  return k->plan->given ? add_given(k, 1, wide, shares.given, dy, dx) : ESP_OK;
}
