#include "net/integrator_work.h"

#include <math.h>
#include <stdio.h>

#include "base/sum.h"
#include "fmm/fmm.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, TABLEAU_GROUPS = 4 };

typedef esp_vec3 vec3;

static double dot(const double *a, const double *b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* ---- parameters ---- */

typedef esp_integrator_shape shape;

static shape shape_of(const esp_integrator_param *p) {
  shape s = {.form = {.message = esp_body_messages[p->message], .dim = 3, .channels = p->hidden, .mean = 1}};
  s.free = esp_tableau_count(p->tableau, p->layers);
  s.table = esp_tableau_size(p->layers);
  s.width = esp_form_widths(&s.form).param;
  s.sets = !s.width ? 0 : esp_message_has(s.form.message, ESP_MESSAGE_SHARED) ? 1 : p->layers;
  return s;
}

/* Where layer l's message begins, behind the tableau. */
static int message_at(const shape *s, int l) {
  return s->sets > 1 ? l * s->width : 0;
}

static int check(const esp_sizes *sizes, const esp_integrator_param *p) {
  const int *width = sizes->width;
  ESP_CHECK(width[ESP_INPUT] == 6 && width[ESP_SENT] == 1 && width[ESP_TARGET] == 6, ESP_ERR_CONFIG,
            "data with %d inputs, %d sent numbers and %d targets a particle: an integrator takes positions and "
            "velocities (6), masses (1), displacements and changes of velocity (6)",
            width[ESP_INPUT], width[ESP_SENT], width[ESP_TARGET]);
  ESP_CHECK(p->layers >= 1 && p->layers <= ESP_MAX_LAYERS, ESP_ERR_CONFIG, "layers %d: allowed are 1 to %d", p->layers,
            ESP_MAX_LAYERS);
  const esp_form form = shape_of(p).form;
  ESP_CALL(form.message->check(&form, NULL));
  ESP_CHECK(p->domain.leaf >= 1 && p->domain.block >= 1, ESP_ERR_CONFIG, "leaf %d, block %d: both must be >= 1",
            p->domain.leaf, p->domain.block);
  ESP_CHECK(p->domain.lists.theta >= 0, ESP_ERR_CONFIG, "theta %g: must be >= 0", p->domain.lists.theta);
  ESP_CHECK(p->order >= ESP_FMM_ORDER_MIN && p->order <= ESP_FMM_ORDER_MAX && p->tolerance >= 0, ESP_ERR_CONFIG,
            "order %d, tolerance %g: allowed are %d to %d, and >= 0", p->order, p->tolerance, ESP_FMM_ORDER_MIN,
            ESP_FMM_ORDER_MAX);
  return ESP_OK;
}

static int create(esp_model *model) {
  esp_integrator_param *p = model->param;
  esp_block *block = &model->block;
  ESP_CALL(check(&model->sizes, p));
  const shape s = shape_of(p);
  const int L = p->layers;
  if (!s.width) p->hidden = 0;
  ESP_CALL(ESP_ALLOC(block->entry, TABLEAU_GROUPS + ESP_MESSAGE_PARTS * s.sets));
  if (p->tableau == ESP_TABLEAU_SYMPLECTIC) {
    esp_block_add(block, L / 2, 1, "tableau.c");
    esp_block_add(block, (L - 1) / 2, 1, "tableau.kick");
  } else {
    esp_block_add(block, L, 1, "tableau.c");
    esp_block_add(block, L, 1, "tableau.b");
    esp_block_add(block, L, 1, "tableau.kick");
    esp_block_add(block, L * (L - 1) / 2, 1, "tableau.alpha");
  }
  for (int m = 0; m < s.sets; m++) {
    char prefix[16];
    snprintf(prefix, sizeof prefix, "mlp%d", m);
    esp_block_add_message(block, &s.form, prefix);
  }
  ESP_CALL(esp_block_alloc(block));
  esp_tableau_start(p->tableau, L, block->value);
  for (int m = 0; m < s.sets; m++)
    s.form.message->start(&s.form, p->seed, m, block->value + s.free + message_at(&s, m));
  return ESP_OK;
}

static int sums(const esp_model *model) {
  const shape s = shape_of(model->param);
  return s.table + s.sets * s.width;
}

static void map(const esp_model *model, const int64_t *acc, double *gradient) {
  const esp_integrator_param *p = model->param;
  const shape s = shape_of(p);
  double table[ESP_MAX_TABLE];
  for (int i = 0; i < s.table; i++) table[i] = esp_exact_value(&ESP_EXACT_FULL, acc + (size_t)i * WORDS);
  esp_tableau_pull(p->tableau, p->layers, model->block.value, table, gradient);
  for (int i = 0; i < s.sets * s.width; i++)
    gradient[s.free + i] = esp_exact_value(&ESP_EXACT_FULL, acc + (size_t)(s.table + i) * WORDS);
}

/* ---- a set on its way ---- */

typedef esp_integrator_walk walk;

static int walk_begin(const esp_model *model, const esp_backend *backend, const esp_set *set, walk *k) {
  ESP_CHECK(set->ready, ESP_ERR_ARG, "the network needs a set in its own units");
  *k =
      (walk){.model = model, .param = model->param, .backend = backend, .all = set->n, .n = set->n_home, .id = set->id};
  k->shape = shape_of(k->param);
  k->m = esp_set_role(set, ESP_SENT, 0, NULL);
  k->x = (const vec3 *)esp_set_role(set, ESP_INPUT, 0, NULL);
  k->w = (const vec3 *)esp_set_role(set, ESP_INPUT, 1, NULL);
  k->sums = esp_integrator_sums_of(k->param, &set->space);
  k->layer = (esp_layer_param){.domain = k->param->domain, .form = k->shape.form};
  k->layer.domain.dim = set->space.dim;
  k->layer.form.softening = set->space.softening;
  for (int a = 0; a < 3 && a < set->space.dim; a++) k->layer.form.period[a] = set->space.period[a];
  return ESP_OK;
}

static void pass_free(esp_pass **pass) {
  esp_pass *p = *pass;
  for (int l = 0; p && p->layer && l < p->layers; l++) esp_layer_free(&p->layer[l]);
  if (p) ESP_FREE(p->layer);
  if (p) ESP_FREE(p->A);
  ESP_FREE(*pass);
}

static int pass_create(const walk *k, esp_pass **pass) {
  ESP_CALL(ESP_ALLOC(*pass, 1));
  (*pass)->layers = k->param->layers;
  ESP_CALL(ESP_ALLOC((*pass)->layer, k->param->layers));
  ESP_CALL(ESP_ALLOC((*pass)->A, (size_t)k->param->layers * (size_t)k->n));
  return ESP_OK;
}

static int total_mass(const walk *k, double *mass) {
  esp_sum sum = {0};
  for (int i = 0; i < k->n; i++) esp_sum_add(&sum, 0, k->m[i]);
  return esp_sum_end(k->backend->comm, &sum, 1, mass);
}

/* u [n][2][3] without its mean, the mass-weighted one if there is mass; back: the adjoint, g_i - (m_i / mass) sum_j g_j. */
static int project(const walk *k, double mass, int back, const double *u, double *out) {
  const double whole = mass > 0 ? mass : (double)(k->all > 0 ? k->all : 1);
  esp_sum sum = {0};
  double all[6], term[6];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double weight = mass > 0 && !back ? k->m[i] : 1;
    for (size_t a = 0; a < 6; a++) term[a] = weight * u[6 * i + a];
    esp_exact_add_row(&ESP_EXACT_FULL, sum.acc[0], term, 6);
  }
  ESP_CALL(esp_sum_end(k->backend->comm, &sum, 6, all));
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double share = (mass > 0 ? k->m[i] : 1) / whole;
    for (size_t a = 0; a < 6; a++) out[6 * i + a] = u[6 * i + a] - (back ? share * all[a] : all[a] / whole);
  }
  return ESP_OK;
}

/* ---- forward ---- */

/* Y_l: terms in the order of the layers; in the box. */
static void place_layer(const walk *k, const esp_pass *pass, int l, vec3 *y) {
  const double c = pass->table[l];
  for (int i = 0; i < k->n; i++)
    for (int a = 0; a < 3; a++) y[i][a] = k->x[i][a] + c * k->w[i][a];
  for (int e = 0; e < l; e++) {
    const double alpha = pass->table[esp_tableau_alpha(pass->layers, l, e)];
    const vec3 *A = (const vec3 *)pass->A + (size_t)e * (size_t)k->n;
    for (int i = 0; i < k->n; i++)
      for (int a = 0; a < 3; a++) y[i][a] += alpha * A[i][a];
  }
  esp_form_wrap(&k->layer.form, k->n, (double *)y);
}

/* All layers into pass->A. keep: pass->layer holds them after; else each is freed after visit. */
static int run_layers(walk *k, int keep, const esp_visit *visit, vec3 *y, esp_cost *cost, esp_pass *pass) {
  const double *message = k->model->block.value + k->shape.free;
  ESP_CALL(total_mass(k, &pass->mass));
  k->layer.form.mean = k->all > 0 && pass->mass > 0 ? pass->mass / (double)k->all : 1;
  esp_tableau_expand(k->param->tableau, pass->layers, k->model->block.value, pass->table);
  for (int l = 0; l < pass->layers; l++) {
    vec3 *A = pass->A + (size_t)l * (size_t)k->n;
    place_layer(k, pass, l, y);
    ESP_CALL(k->sums->forward(k, (const vec3 *)y, k->shape.sets ? message + message_at(&k->shape, l) : NULL, l, keep,
                              visit, A, &pass->layer[l], cost));
  }
  return ESP_OK;
}

/* D and K side by side, before the projection. */
static void read_out(const walk *k, const esp_pass *pass, double *y) {
  const int L = pass->layers;
  for (size_t i = 0; i < 6 * (size_t)k->n; i++) y[i] = 0;
  for (int l = 0; l < L; l++) {
    const double b = pass->table[L + l], kick = pass->table[2 * L + l];
    const vec3 *A = (const vec3 *)pass->A + (size_t)l * (size_t)k->n;
    for (size_t i = 0; i < (size_t)k->n; i++)
      for (size_t a = 0; a < 3; a++) {
        y[6 * i + a] += b * A[i][a];
        y[6 * i + 3 + a] += kick * A[i][a];
      }
  }
}

static int forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                   double *y, esp_cost *cost, esp_pass **pass) {
  walk k;
  esp_pass *made = NULL;
  vec3 *places = NULL;
  double *out = NULL; /* the prediction at home, where y is elsewhere */
  const esp_device *device = backend->device;
  esp_cost own = {0};
  if (pass) *pass = NULL;
  ESP_CALL(walk_begin(model, backend, set, &k));
  int rc = pass_create(&k, &made);
  if (!rc) rc = ESP_ALLOC(places, k.n);
  if (!rc && !device->shared) rc = ESP_ALLOC(out, 6 * (size_t)k.n);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(run_layers(&k, pass != NULL, visit, places, &own, made));
  double *at_home = out ? out : y;
  read_out(&k, made, at_home);
  ESP_TRY(project(&k, made->mass, 0, at_home, at_home));
  if (out) ESP_TRY(esp_device_agree(device, backend->comm, esp_device_put(device, 6 * (size_t)k.n, out, y)));
  if (pass && made->layer[0].dom) own.theta = made->layer[0].dom->param.lists.theta;
  if (cost) esp_cost_add(cost, &own);
  if (pass) *pass = made, made = NULL;
done:
  ESP_FREE(places);
  ESP_FREE(out);
  pass_free(&made);
  return rc;
}

/* ---- backward ---- */

/* h [n][2][3] = dLoss/d(D, K) before the projection -> dA [L][n], and the gradients of b and b'. */
static void read_out_back(const walk *k, const esp_pass *pass, const double *h, vec3 *dA, int64_t *acc) {
  const int L = pass->layers;
  double term[2 * ESP_MAX_LAYERS];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double *hD = h + 6 * i, *hK = hD + 3;
    for (int l = 0; l < L; l++) {
      const size_t at = (size_t)l * (size_t)k->n + i;
      term[l] = dot(hD, pass->A[at]);
      term[L + l] = dot(hK, pass->A[at]);
      for (int a = 0; a < 3; a++) dA[at][a] = pass->table[L + l] * hD[a] + pass->table[2 * L + l] * hK[a];
    }
    esp_exact_add_row(&ESP_EXACT_FULL, acc + (size_t)L * WORDS, term, 2 * L);
  }
}

/* dY of layer l -> its part of dA of the layers before, and the gradients of c_l and alpha_l. */
static void place_layer_back(const walk *k, const esp_pass *pass, int l, const vec3 *dY, vec3 *dA, int64_t *acc) {
  const int alpha = esp_tableau_alpha(pass->layers, l, 0);
  double term[ESP_MAX_LAYERS];
  for (size_t i = 0; i < (size_t)k->n; i++) {
    esp_exact_add(&ESP_EXACT_FULL, acc + (size_t)l * WORDS, dot(dY[i], k->w[i]));
    for (int e = 0; e < l; e++) {
      const size_t at = (size_t)e * (size_t)k->n + i;
      term[e] = dot(dY[i], pass->A[at]);
      for (int a = 0; a < 3; a++) dA[at][a] += pass->table[alpha + e] * dY[i][a];
    }
    esp_exact_add_row(&ESP_EXACT_FULL, acc + (size_t)alpha * WORDS, term, l);
  }
}

/* Layers from last to first: dA^l is complete when all later layers have given their part. y: room for the places. */
static int back_layers(const walk *k, esp_pass *pass, vec3 *y, vec3 *dA, vec3 *dY, int64_t *acc, esp_cost *cost) {
  int64_t *message = acc + (size_t)k->shape.table * WORDS;
  for (int l = pass->layers - 1; l >= 0; l--) {
    const vec3 *own = (const vec3 *)dA + (size_t)l * (size_t)k->n;
    int64_t *dmessage = k->shape.sets ? message + (size_t)message_at(&k->shape, l) * WORDS : NULL;
    place_layer(k, pass, l, y);
    ESP_CALL(k->sums->backward(k, (const vec3 *)y, own, &pass->layer[l], dY, dmessage, cost));
    place_layer_back(k, pass, l, (const vec3 *)dY, dA, acc);
  }
  return ESP_OK;
}

static int backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                    const double *dy, esp_gradient *gradient, esp_cost *cost) {
  walk k;
  int64_t *acc = gradient->acc;
  double *h = NULL, *slope = NULL; /* slope: dy at home, where it is elsewhere */
  vec3 *dA = NULL, *dY = NULL, *y = NULL;
  int64_t *words = NULL; /* the host's accumulators, where acc is not */
  const esp_device *device = backend->device;
  const size_t count = (size_t)sums(model);
  esp_cost own = {0};
  ESP_CALL(walk_begin(model, backend, set, &k));
  int rc = ESP_ALLOC(h, 6 * (size_t)k.n);
  if (!rc) rc = ESP_ALLOC(dA, (size_t)pass->layers * (size_t)k.n);
  if (!rc) rc = ESP_ALLOC(dY, k.n);
  if (!rc) rc = ESP_ALLOC(y, k.n);
  if (!rc && !device->shared) rc = ESP_ALLOC(words, count * WORDS);
  if (!rc && !device->shared) rc = ESP_ALLOC(slope, 6 * (size_t)k.n);
  if (!rc && !device->shared) rc = esp_device_get(device, 6 * (size_t)k.n, dy, slope);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  int64_t *to = device->shared ? acc : words;
  ESP_TRY(project(&k, pass->mass, 1, device->shared ? dy : slope, h));
  read_out_back(&k, pass, h, dA, to);
  ESP_TRY(back_layers(&k, pass, y, dA, dY, to, &own));
  if (cost) esp_cost_add(cost, &own);
  esp_exact_carry(&ESP_EXACT_FULL, to, count);
  if (words) ESP_TRY(backend->comm->agree(backend->comm, esp_device_add(device, count * WORDS, words, acc)));
  device->rows->exact_carry(&ESP_EXACT_FULL, acc, count);
done:
  ESP_FREE(words);
  ESP_FREE(slope);
  ESP_FREE(h);
  ESP_FREE(dA);
  ESP_FREE(dY);
  ESP_FREE(y);
  return rc;
}

/* ---- places ---- */

/* Rows [n][dim] of the positions, wrapped into the period. */
static void positions(const esp_set *set, double *key) {
  const size_t dim = (size_t)set->space.dim;
  const double *x = esp_set_role(set, ESP_INPUT, 0, NULL);
  for (size_t i = 0; i < (size_t)set->n_home; i++)
    for (size_t a = 0; a < dim; a++) {
      const double period = set->space.period[a];
      double at = x[3 * i + a];
      if (period > 0) at -= period * floor(at / period);
      key[i * dim + a] = period > 0 && !(at >= 0 && at < period) ? 0 : at; /* rounding at the edge */
    }
}

static int place(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *where, double *key,
                 double *query) {
  (void)comm, (void)query;
  const esp_integrator_param *param = model->param;
  const esp_form form = shape_of(param).form;
  const esp_widths w = esp_form_widths(&form);
  *where = (esp_place){.domain = param->domain,
                       .source_bytes = (size_t)w.source * sizeof(double),
                       .cell_bytes = (size_t)w.cell * sizeof(double)};
  if (!set) return ESP_OK;
  where->domain.dim = set->space.dim;
  for (int a = 0; a < set->space.dim; a++) where->domain.lists.box[a] = set->space.period[a];
  if (key) positions(set, key);
  return ESP_OK;
}

/* Half a horizon on, without forces: the middle is nearest to all layers. */
static int settle(const esp_model *model, const esp_set *set, double *key) {
  (void)model;
  const size_t dim = (size_t)set->space.dim;
  const double *x = esp_set_role(set, ESP_INPUT, 0, NULL), *v = esp_set_role(set, ESP_INPUT, 1, NULL);
  ESP_CHECK(set->ready, ESP_ERR_ARG, "the network needs a set in its own units");
  for (size_t i = 0; i < (size_t)set->n_home; i++)
    for (size_t a = 0; a < dim; a++) key[i * dim + a] = x[3 * i + a] + 0.5 * v[3 * i + a];
  return ESP_OK;
}

const esp_network esp_network_integrator = {
    .name = "integrator",
    .help = "force layers joined by a tableau into one step over the horizon",
    .options = &esp_integrator_options,
    .positions = 1,
    .create = create,
    .forward = forward,
    .backward = backward,
    .pass_free = pass_free,
    .sums = sums,
    .map = map,
    .place = place,
    .settle = settle,
};
