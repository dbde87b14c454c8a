/* The sums of a layer: by the layer, or, where they are gravity's in open space, by the multipole method. */
#include "fmm/adjoint_work.h"
#include "net/integrator_work.h"
#include "net/multipole.h"

typedef esp_vec3 vec3;

/* Places along the tree's axes alone. */
static int keys_of(const esp_integrator_walk *k, const vec3 *y, double **key) {
  const size_t n = (size_t)k->n, dim = (size_t)k->layer.domain.dim;
  ESP_AGREE(k->backend->comm, ESP_ALLOC(*key, n * dim));
  for (size_t i = 0; i < n; i++)
    for (size_t a = 0; a < dim; a++) (*key)[i * dim + a] = y[i][a];
  return ESP_OK;
}

/* ---- by the layer's tree ---- */

static int tree_forward(const esp_integrator_walk *k, const vec3 *y, const double *message, int l, int keep,
                        const esp_visit *visit, vec3 *A, esp_layer *layer, esp_cost *cost) {
  const esp_layer_input input = {.id = k->id, .key = (const double *)y, .value = k->m};
  ESP_CALL(esp_layer_forward(k->backend, &k->layer, k->n, &input, message, (double *)A, layer));
  esp_layer_count(layer, cost);
  double *key = NULL;
  int rc = visit ? keys_of(k, y, &key) : ESP_OK;
  if (visit && !rc) rc = visit->layer(visit->context, l, layer->dom, key, NULL);
  ESP_FREE(key);
  if (!keep) esp_layer_free(layer);
  return rc;
}

static int tree_backward(const esp_integrator_walk *k, const vec3 *y, const vec3 *dA, esp_layer *layer, vec3 *dY,
                         int64_t *dmessage, esp_cost *cost) {
  (void)y;
  const esp_layer_gradient to = {.dkey = (double *)dY};
  ESP_CALL(esp_layer_backward(k->backend, layer, (const double *)dA, &to, dmessage, NULL));
  cost->seconds_backward += layer->seconds_backward;
  return ESP_OK;
}

static const esp_integrator_sums by_tree = {tree_forward, tree_backward};

/* ---- by multipoles ---- */

static esp_fmm_bodies bodies_at(const esp_integrator_walk *k, const vec3 *y) {
  return (esp_fmm_bodies){.n = k->n, .position = y, .mass = k->m, .id = k->id};
}

static esp_fmm_param param_of(const esp_integrator_walk *k) {
  return esp_fmm_param_of(k->param->order, k->param->tolerance, k->layer.form.softening);
}

/* What computes there: all give the same bits. */
static const esp_fmm_kernels *kernels_of(const esp_integrator_walk *k) {
  const esp_fmm_kernels *own = k->backend->device->multipole;
  return own ? own : esp_fmm_widest();
}

/* A visitor sees the balanced tree there. */
static int visit_places(const esp_integrator_walk *k, const vec3 *y, const esp_visit *visit, int l) {
  const esp_backend *backend = k->backend;
  esp_domain_param param = k->layer.domain;
  esp_domain *dom = NULL;
  double *key = NULL;
  int rc;
  param.lists.pairs_limit = 0; /* nothing is summed by it */
  ESP_TRY(keys_of(k, y, &key));
  ESP_TRY(backend->build(backend->comm, &param, k->n, key, NULL, k->id, &dom));
  ESP_TRY(visit->layer(visit->context, l, dom, key, NULL));
done:
  esp_domain_free(&dom);
  ESP_FREE(key);
  return rc;
}

static int multipole_forward(const esp_integrator_walk *k, const vec3 *y, const double *message, int l, int keep,
                             const esp_visit *visit, vec3 *A, esp_layer *layer, esp_cost *cost) {
  (void)message, (void)keep, (void)layer;
  const esp_fmm_param param = param_of(k);
  const esp_fmm_bodies bodies = bodies_at(k, y);
  esp_fmm_cost pass;
  const esp_fmm_result result = {.acceleration = A, .cost = &pass};
  ESP_CALL(esp_fmm_force_with(kernels_of(k), k->backend->comm, &param, &bodies, &result));
  esp_multipole_count(&pass, cost);
  return visit ? visit_places(k, y, visit, l) : ESP_OK;
}

static int multipole_backward(const esp_integrator_walk *k, const vec3 *y, const vec3 *dA, esp_layer *layer, vec3 *dY,
                              int64_t *dmessage, esp_cost *cost) {
  (void)layer, (void)dmessage;
  const esp_fmm_param param = param_of(k);
  const esp_fmm_bodies bodies = bodies_at(k, y);
  const esp_fmm_gradient to = {.dposition = dY};
  const double begin = esp_wall();
  ESP_CALL(esp_fmm_adjoint_with(kernels_of(k), k->backend->comm, &param, &bodies, dA, &to));
  cost->seconds_backward += esp_wall() - begin;
  return ESP_OK;
}

static const esp_integrator_sums by_multipoles = {multipole_forward, multipole_backward};

/* ---- gravity by multipoles, the rest of the message by the layer, near pairs alone ---- */

static esp_integrator_walk rest_of(const esp_integrator_walk *k) {
  esp_integrator_walk rest = *k;
  rest.layer.form.message = k->layer.form.message->rest;
  rest.layer.near_only = 1;
  return rest;
}

static int both_forward(const esp_integrator_walk *k, const vec3 *y, const double *message, int l, int keep,
                        const esp_visit *visit, vec3 *A, esp_layer *layer, esp_cost *cost) {
  const esp_integrator_walk rest = rest_of(k);
  vec3 *more = NULL;
  int rc;
  ESP_TRY(k->backend->comm->agree(k->backend->comm, ESP_ALLOC(more, k->n)));
  ESP_TRY(multipole_forward(k, y, NULL, l, keep, NULL, A, NULL, cost));
  ESP_TRY(tree_forward(&rest, y, message, l, keep, visit, more, layer, cost));
  cost->layers--; /* the two are one */
  for (int i = 0; i < k->n; i++)
    for (int a = 0; a < 3; a++) A[i][a] += more[i][a];
done:
  ESP_FREE(more);
  return rc;
}

static int both_backward(const esp_integrator_walk *k, const vec3 *y, const vec3 *dA, esp_layer *layer, vec3 *dY,
                         int64_t *dmessage, esp_cost *cost) {
  vec3 *more = NULL;
  int rc;
  ESP_TRY(k->backend->comm->agree(k->backend->comm, ESP_ALLOC(more, k->n)));
  ESP_TRY(multipole_backward(k, y, dA, NULL, dY, NULL, cost));
  ESP_TRY(tree_backward(k, y, dA, layer, more, dmessage, cost));
  for (int i = 0; i < k->n; i++)
    for (int a = 0; a < 3; a++) dY[i][a] += more[i][a];
done:
  ESP_FREE(more);
  return rc;
}

static const esp_integrator_sums by_both = {both_forward, both_backward};

const esp_integrator_sums *esp_integrator_sums_of(const esp_integrator_param *param, const esp_space *space) {
  if (!esp_integrator_by_multipoles(param, space)) return &by_tree;
  return esp_body_messages[param->message]->rest ? &by_both : &by_multipoles;
}

int esp_integrator_by_multipoles(const esp_integrator_param *param, const esp_space *space) {
  const esp_message *message = esp_body_messages[param->message];
  const double *period = space->period;
  const int open = !(period[0] > 0 || period[1] > 0 || period[2] > 0);
  return esp_message_has(message, ESP_MESSAGE_GRAVITY) && open && param->domain.lists.theta > 0;
}
