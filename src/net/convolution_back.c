/* The way back through the graph convolution: see convolution.h. */
#include "net/convolution_mix.h"

/* In the device's memory. */
typedef struct {
  esp_convolution_adjoint mix;
  double *dmixed[ESP_CONVOLUTION_LAYERS]; /* [n][h], [n][K] dLoss/d(what M was applied to) */
  double *dhidden;                        /* [n][h] */
} adjoint;

static int adjoint_create(const esp_convolution_walk *k, adjoint *g) {
  const size_t n = (size_t)k->n;
  for (int l = 0; l < ESP_CONVOLUTION_LAYERS; l++)
    ESP_CALL(ESP_THERE(k->device, g->dmixed[l], n * (size_t)esp_convolution_wide(k, l)));
  ESP_CALL(ESP_THERE(k->device, g->dhidden, n * (size_t)k->h));
  return esp_convolution_adjoint_create(k, &g->mix);
}

static void adjoint_free(const esp_device *device, adjoint *g) {
  for (int l = 0; l < ESP_CONVOLUTION_LAYERS; l++) ESP_THERE_FREE(device, g->dmixed[l]);
  ESP_THERE_FREE(device, g->dhidden);
  esp_convolution_adjoint_free(device, &g->mix);
}

/* Of b's gradient alone. */
static void bias(const esp_convolution_walk *k, int wide, const double *dy, const esp_gradient *to, int at) {
  k->dense->gradient(k->n, 0, wide, dy, dy, esp_gradient_at(to, at), esp_gradient_at(to, at));
}

/* dy -> g->dhidden, by the hidden units before the relu. */
static int second(const esp_convolution_walk *k, const double *dy, adjoint *g, esp_gradient *to, esp_cost *cost) {
  const esp_convolution_places at = k->plan->at;
  const esp_pass *pass = k->pass;
  const int count = k->h * k->K + k->K;
  const size_t units = (size_t)k->n * (size_t)k->h;
  ESP_CALL(esp_gradient_begin(to, at.W2, count));
  bias(k, k->K, dy, to, at.b2);
  ESP_CALL(esp_convolution_mix_back(k, 1, &g->mix, dy, g->dmixed[1], cost));
  k->dense->gradient(k->n, k->K, k->h, g->dmixed[1], pass->hidden, esp_gradient_at(to, at.W2), NULL);
  ESP_CALL(esp_gradient_end(k->rows, to, at.W2, count));
  k->dense->forward(k->n, k->K, k->h, pass->value + at.W2, NULL, 0, g->dmixed[1], g->dhidden);
  if (pass->mask) k->rows->times(units, g->dhidden, pass->mask, g->dhidden);
  k->rows->graph->relu_back(units, pass->hidden, g->dhidden, g->dhidden);
  return ESP_OK;
}

static int first(const esp_convolution_walk *k, adjoint *g, esp_gradient *to, esp_cost *cost) {
  const esp_convolution_places at = k->plan->at;
  const esp_pass *pass = k->pass;
  const esp_csr_there *words = &pass->seen_words;
  const int count = (k->D + 1) * k->h;
  ESP_CALL(esp_gradient_begin(to, at.W1, count));
  bias(k, k->h, g->dhidden, to, at.b1);
  ESP_CALL(esp_convolution_mix_back(k, 0, &g->mix, g->dhidden, g->dmixed[0], cost));
  if (pass->dense)
    k->dense->gradient(k->n, k->h, pass->dense, g->dmixed[0], pass->seen, esp_gradient_at(to, at.W1), NULL);
  if (words->start)
    k->rows->graph->sparse_terms(k->n, k->h, words->start, words->index, words->value, g->dmixed[0],
                                 esp_gradient_at(to, at.W1 + pass->dense * k->h));
  return esp_gradient_end(k->rows, to, at.W1, count);
}

/* E, by both layers' gates and by what is added to the loss. */
static int keys(const esp_convolution_walk *k, const adjoint *g, esp_gradient *to) {
  const esp_pass *pass = k->pass;
  const esp_csr_there *words = &pass->words;
  const double *dkey = g->mix.dkey[1];
  const int E = k->plan->at.E, d = k->param->dim;
  ESP_CALL(esp_gradient_begin(to, E, k->D * d));
  if (pass->dense) k->dense->gradient(k->n, d, pass->dense, dkey, pass->x, esp_gradient_at(to, E), NULL);
  if (words->start)
    k->rows->graph->sparse_terms(k->n, d, words->start, words->index, words->value, dkey,
                                 esp_gradient_at(to, E + pass->dense * d));
  ESP_CALL(esp_convolution_add_back(k, to));
  return esp_gradient_end(k->rows, to, E, k->D * d);
}

int esp_convolution_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                             const double *dy, esp_gradient *to, esp_cost *cost) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const esp_convolution_walk k = esp_convolution_walk_of(model, backend, set, pass);
  adjoint g = {0};
  int rc;
  ESP_TRY(backend->comm->agree(backend->comm, adjoint_create(&k, &g)));
  ESP_TRY(second(&k, dy, &g, to, cost));
  ESP_TRY(first(&k, &g, to, cost));
  if (k.plan->learns) ESP_TRY(keys(&k, &g, to));
  ESP_TRY(esp_device_agree(k.device, backend->comm, ESP_OK));
done:
  adjoint_free(k.device, &g);
  return rc;
}
