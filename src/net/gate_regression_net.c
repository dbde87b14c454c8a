/* The network of gate regression: its way forward and back. What is done with features is the host's, messages are the device's. */
#include <math.h>

#include "base/exact_sum.h"
#include "message/gate.h"
#include "net/gate_regression.h"
#include "net/layer.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };
enum { ALL_PAIRS = 1 << 26 /* of a step */, LANES = 64 /* of a block then */ };
/* Times s, from the keys: where a block holds some that are asked and some that are not, places relative to its centre are as
 * large. */
static const double NOWHERE = 1e2;
static const double LEAST = 1e-9; /* theta */

/* All in the host's memory. */
struct esp_pass {
  double *own;
  esp_features rows, seen;
  double *key, *query; /* [n][d] */
  double *sum;         /* [n][C] */
  esp_layer layer;
  int stands;
};

static void pass_free(esp_pass **pass) {
  esp_pass *p = *pass;
  if (!p) return;
  if (p->stands) esp_layer_free(&p->layer);
  ESP_FREE(p->own);
  esp_features_half_free(&p->seen);
  ESP_FREE(p->key);
  ESP_FREE(p->query);
  ESP_FREE(p->sum);
  ESP_FREE(*pass);
}

static int create(esp_model *model) {
  const esp_gate_regression_param *p = model->param;
  const int *width = model->sizes.width;
  ESP_CHECK(width[ESP_SENT] >= 1 && width[ESP_SENT] == width[ESP_TARGET], ESP_ERR_CONFIG,
            "gate regression of %d numbers sent and %d targets: must be as many", width[ESP_SENT], width[ESP_TARGET]);
  ESP_CALL(ESP_ALLOC(model->block.entry, 1));
  esp_block_add(&model->block, width[ESP_INPUT], p->shape.dim, "E");
  return esp_block_alloc(&model->block);
}

static double length(const esp_features *rows, size_t i) {
  const double *x = rows->x + i * (size_t)rows->dense;
  double sum = 0;
  for (int j = 0; j < rows->dense; j++) sum += x[j] * x[j];
  for (int64_t e = rows->sparse.start ? rows->sparse.start[i] : 0; rows->sparse.start && e < rows->sparse.start[i + 1];
       e++)
    sum += esp_csr_entry(&rows->sparse, e) * esp_csr_entry(&rows->sparse, e);
  return sqrt(sum);
}

/* What is seen of a particle becomes as long as all of it. */
static void lengthen(const esp_features *rows, esp_features *seen) {
  for (size_t i = 0; i < (size_t)rows->n; i++) {
    const double left = length(seen, i), a = left > 0 ? length(rows, i) / left : 0;
    double *x = (double *)seen->x + i * (size_t)seen->dense;
    for (int j = 0; j < seen->dense; j++) x[j] *= a;
    for (int64_t e = seen->sparse.start ? seen->sparse.start[i] : 0;
         seen->sparse.start && e < seen->sparse.start[i + 1]; e++)
      seen->sparse.value[e] *= a;
  }
}

/* Those that are not asked. */
static int is_silent(const esp_model *model, const esp_set *set, size_t i) {
  const esp_gate_regression_param *p = model->param;
  return !esp_gate_asked(p->shape.seed, *p->step, set->id[i], p->receivers, set->n);
}

/* Half of them to either side: the first cut of the receivers' tree goes through those that are asked. */
static void send_away(const esp_model *model, const esp_set *set, double place, double *rows) {
  const size_t d = (size_t)((const esp_gate_regression_param *)model->param)->shape.dim;
  for (size_t i = 0; i < (size_t)set->n_home; i++)
    for (size_t a = 0; a < d && is_silent(model, set, i); a++)
      rows[i * d + a] = a ? 0 : set->id[i] % 2 ? place : -place;
}

static int pass_create(const esp_model *model, const esp_set *set, esp_pass **pass) {
  const esp_gate_regression_param *p = model->param;
  const size_t n = (size_t)set->n_home, d = (size_t)p->shape.dim;
  ESP_CALL(ESP_ALLOC(*pass, 1));
  ESP_CALL(esp_features_of(set, &(*pass)->rows, &(*pass)->own));
  ESP_CALL(esp_features_half_create(&(*pass)->rows, p->shape.seed, (uint64_t)*p->step, 0, &(*pass)->seen));
  ESP_CALL(ESP_ALLOC((*pass)->key, n * d));
  ESP_CALL(ESP_ALLOC((*pass)->query, n * d));
  ESP_CALL(ESP_ALLOC((*pass)->sum, n * (size_t)model->sizes.width[ESP_SENT]));
  lengthen(&(*pass)->rows, &(*pass)->seen);
  esp_features_times(&(*pass)->rows, p->shape.dim, model->block.value, (*pass)->key);
  esp_features_times(&(*pass)->seen, p->shape.dim, model->block.value, (*pass)->query);
  send_away(model, set, NOWHERE * exp(p->ln_s), (*pass)->query);
  return ESP_OK;
}

static esp_layer_param layer_param(const esp_model *model, int64_t n) {
  const esp_gate_regression_param *p = model->param;
  esp_layer_param layer = {.domain = p->shape.domain,
                           .form = {.message = &esp_message_gate,
                                    .dim = p->shape.dim,
                                    .channels = model->sizes.width[ESP_SENT],
                                    .mean = 1,
                                    .order = p->shape.order,
                                    .unit = 1},
                           .near_only = !p->shape.far};
  layer.domain.dim = p->shape.dim;
  if (p->receivers <= 0 || p->receivers >= n || p->receivers > ALL_PAIRS / n) return layer;
  layer.domain.lists = (esp_lists_param){.theta = LEAST};
  layer.domain.leaf = layer.domain.block = LANES;
  layer.form.order = 0;
  return layer;
}

static int forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                   double *y, esp_cost *cost, esp_pass **pass) {
  const esp_gate_regression_param *p = model->param;
  const esp_layer_param layer = layer_param(model, set->n);
  const esp_comm *comm = backend->comm;
  esp_pass *made = NULL;
  (void)visit;
  int rc = pass_create(model, set, &made);
  ESP_TRY(comm->agree(comm, rc));
  const esp_layer_input input = {
      .id = set->id, .key = made->key, .query = made->query, .value = esp_set_role(set, ESP_SENT, 0, NULL)};
  ESP_TRY(esp_layer_forward(backend, &layer, set->n_home, &input, &p->ln_s, made->sum, &made->layer));
  made->stands = 1;
  if (cost) esp_layer_count(&made->layer, cost);
  if (cost) cost->theta = made->layer.dom->param.lists.theta;
  const size_t count = (size_t)set->n_home * (size_t)layer.form.channels;
  ESP_TRY(esp_device_agree(backend->device, comm, esp_device_put(backend->device, count, made->sum, y)));
  if (pass) *pass = made, made = NULL;
done:
  pass_free(&made);
  return rc;
}

/* In the host's memory. */
typedef struct {
  double *dsum, *dkey, *dquery, *term;
  int64_t *scale, *acc; /* acc: NULL where the gradient lies there itself */
} adjoint;

static int adjoint_create(const esp_model *model, const esp_backend *backend, const esp_set *set, const double *dy,
                          adjoint *a) {
  const size_t n = (size_t)set->n_home, d = (size_t)((const esp_gate_regression_param *)model->param)->shape.dim;
  const size_t C = (size_t)model->sizes.width[ESP_SENT];
  ESP_CALL(ESP_ALLOC(a->dsum, n * C));
  ESP_CALL(ESP_ALLOC(a->dkey, n * d));
  ESP_CALL(ESP_ALLOC(a->dquery, n * d));
  ESP_CALL(ESP_ALLOC(a->term, d));
  ESP_CALL(ESP_ALLOC(a->scale, WORDS));
  if (!backend->device->shared) ESP_CALL(ESP_ALLOC(a->acc, (size_t)model->block.count * WORDS));
  return esp_device_get(backend->device, n * C, dy, a->dsum);
}

static void adjoint_free(adjoint *a) {
  ESP_FREE(a->dsum);
  ESP_FREE(a->dkey);
  ESP_FREE(a->dquery);
  ESP_FREE(a->term);
  ESP_FREE(a->scale);
  ESP_FREE(a->acc);
}

static int backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                    const double *dy, esp_gradient *to, esp_cost *cost) {
  const int d = ((const esp_gate_regression_param *)model->param)->shape.dim;
  const size_t count = (size_t)model->block.count;
  adjoint a = {0};
  int rc = adjoint_create(model, backend, set, dy, &a);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  const esp_layer_gradient into = {a.dkey, a.dquery, NULL, NULL};
  ESP_TRY(esp_layer_backward(backend, &pass->layer, a.dsum, &into, a.scale, NULL));
  if (cost) cost->seconds_backward += pass->layer.seconds_backward;
  int64_t *acc = a.acc ? a.acc : esp_gradient_at(to, 0);
  send_away(model, set, 0, a.dquery);
  esp_features_terms(&pass->rows, d, a.dkey, a.term, acc);
  esp_features_terms(&pass->seen, d, a.dquery, a.term, acc);
  esp_exact_carry(&ESP_EXACT_FULL, acc, count);
  if (a.acc) rc = esp_device_add(backend->device, count * WORDS, a.acc, esp_gradient_at(to, 0));
  ESP_TRY(esp_device_agree(backend->device, backend->comm, rc));
done:
  adjoint_free(&a);
  return rc;
}

static const esp_options options = {.size = sizeof(esp_gate_regression_param), .row = (const esp_option[]){{0}}};

const esp_network esp_network_gate_regression = {.name = "gate_regression",
                                                 .help = "hidden features from those of particles that lie near",
                                                 .options = &options,
                                                 .create = create,
                                                 .forward = forward,
                                                 .backward = backward,
                                                 .pass_free = pass_free};
