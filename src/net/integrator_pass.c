/* The way through the model and back: see integrator.h. */
#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "net/integrator.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

typedef double vec3[3];

static double dot(const double a[3], const double b[3]) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* ---- the mean projection ---- */

/* Sums over all particles of weight_i u_i and weight_i v_i; weight NULL: 1. */
static int vector_sums(const esp_comm *comm, int n, const double *weight, const vec3 *u, const vec3 *v, double sum[6]) {
  int64_t acc[6 * WORDS] = {0};
  for (int i = 0; i < n; i++) {
    double f = weight ? weight[i] : 1;
    for (int a = 0; a < 3; a++) {
      esp_exact_add(&ESP_EXACT_FULL, acc + a * WORDS, f * u[i][a]);
      esp_exact_add(&ESP_EXACT_FULL, acc + (3 + a) * WORDS, f * v[i][a]);
    }
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, 6);
  ESP_CALL(comm->sum_i64(comm, acc, 6 * WORDS));
  for (int s = 0; s < 6; s++) sum[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * WORDS);
  return ESP_OK;
}

static int total_mass(const esp_comm *comm, const esp_cloud *cloud, double *mass) {
  int64_t acc[WORDS] = {0};
  for (int i = 0; i < cloud->n_home; i++) esp_exact_add(&ESP_EXACT_FULL, acc, cloud->m[i]);
  esp_exact_carry(&ESP_EXACT_FULL, acc, 1);
  ESP_CALL(comm->sum_i64(comm, acc, WORDS));
  *mass = esp_exact_value(&ESP_EXACT_FULL, acc);
  return ESP_OK;
}

static int project(const esp_comm *comm, const esp_cloud *cloud, double mass, vec3 *D, vec3 *K) {
  double sum[6];
  ESP_CALL(vector_sums(comm, cloud->n_home, mass > 0 ? cloud->m : NULL, (const vec3 *)D, (const vec3 *)K, sum));
  double whole = mass > 0 ? mass : (double)(cloud->n > 0 ? cloud->n : 1);
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) {
      D[i][a] -= sum[a] / whole;
      K[i][a] -= sum[3 + a] / whole;
    }
  }
  return ESP_OK;
}

/* Adjoint: g_i - (weight_i / whole) sum_j g_j. */
static int project_adjoint(const esp_comm *comm, const esp_cloud *cloud, double mass, const vec3 *gD, const vec3 *gK,
                           vec3 *hD, vec3 *hK) {
  double sum[6];
  ESP_CALL(vector_sums(comm, cloud->n_home, NULL, gD, gK, sum));
  double whole = mass > 0 ? mass : (double)(cloud->n > 0 ? cloud->n : 1);
  for (int i = 0; i < cloud->n_home; i++) {
    double share = (mass > 0 ? cloud->m[i] : 1) / whole;
    for (int a = 0; a < 3; a++) {
      hD[i][a] = gD[i][a] - share * sum[a];
      hK[i][a] = gK[i][a] - share * sum[3 + a];
    }
  }
  return ESP_OK;
}

/* ---- forward ---- */

static esp_layer_param layer_param(const esp_integrator *model, const esp_cloud *cloud, double mass) {
  esp_layer_param p = {.domain = model->param.domain,
                       .form = {.message = esp_body_messages[model->param.message],
                                .dim = 3,
                                .channels = model->param.hidden,
                                .softening = cloud->eps,
                                .mean = cloud->n > 0 && mass > 0 ? mass / (double)cloud->n : 1}};
  p.domain.dim = cloud->dim;
  for (int a = 0; a < 3 && a < cloud->dim; a++) p.form.period[a] = cloud->box[a];
  return p;
}

/* Which learned message layer l has. */
static int message_of(const esp_integrator *model, int l) {
  return model->mlps == 1 ? 0 : l;
}

static int pass_alloc(const esp_integrator *model, const esp_cloud *cloud, esp_integrator_pass *pass) {
  int L = model->param.layers;
  ESP_CHECK(cloud->model, ESP_ERR_ARG, "the network needs a cloud in model units");
  *pass = (esp_integrator_pass){.n_home = cloud->n_home, .layers = L};
  ESP_CALL(ESP_ALLOC(pass->A, (size_t)L * (size_t)cloud->n_home));
  ESP_CALL(ESP_ALLOC(pass->layer, L));
  return ESP_OK;
}

/* Y_l: terms in the order of the layers; in the box. */
static void place(const esp_form *form, const esp_cloud *cloud, const esp_integrator_pass *pass, int l, vec3 *y) {
  int n = cloud->n_home;
  double c = pass->table[l];
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) y[i][a] = cloud->x[i][a] + c * cloud->v[i][a];
  }
  for (int k = 0; k < l; k++) {
    double alpha = pass->table[esp_tableau_alpha(pass->layers, l, k)];
    const vec3 *A = (const vec3 *)pass->A + (size_t)k * (size_t)n;
    for (int i = 0; i < n; i++) {
      for (int a = 0; a < 3; a++) y[i][a] += alpha * A[i][a];
    }
  }
  esp_form_wrap(form, n, (double *)y);
}

static void count_cost(const esp_layer *layer, esp_cost *cost) {
  cost->near_pairs += layer->dom->lists.near_pairs;
  cost->far_pairs += layer->dom->lists.far_pairs;
  cost->allowed += layer->dom->param.lists.pairs_per_particle * layer->dom->n_own;
  cost->seconds_build += layer->seconds_build;
  cost->seconds_forward += layer->seconds_forward;
}

/* D and K [n_home] before the projection. */
static void readout(const esp_integrator_pass *pass, vec3 *D, vec3 *K) {
  int n = pass->n_home, L = pass->layers;
  memset(D, 0, (size_t)n * sizeof *D);
  memset(K, 0, (size_t)n * sizeof *K);
  for (int l = 0; l < L; l++) {
    double b = pass->table[L + l], kick = pass->table[2 * L + l];
    const vec3 *A = (const vec3 *)pass->A + (size_t)l * (size_t)n;
    for (int i = 0; i < n; i++) {
      for (int a = 0; a < 3; a++) {
        D[i][a] += b * A[i][a];
        K[i][a] += kick * A[i][a];
      }
    }
  }
}

/* A visitor's keys have the tree's axes alone. */
static int visit_layer(const esp_visit *visit, int l, esp_domain *dom, int n, const vec3 *y) {
  const size_t dim = (size_t)dom->param.dim;
  double *key = NULL;
  int rc = ESP_OK;
  if (!visit) return ESP_OK;
  ESP_TRY(dom->comm->agree(dom->comm, ESP_ALLOC(key, (size_t)n * dim)));
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t a = 0; a < dim; a++) key[i * dim + a] = y[i][a];
  ESP_TRY(visit->layer(visit->context, l, dom, key, NULL));
done:
  ESP_FREE(key);
  return rc;
}

/* All layers into pass->A. keep: pass->layer holds them after; else each is freed after visit. */
static int run_layers(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud, int keep,
                      vec3 *y, const esp_visit *visit, esp_integrator_pass *pass) {
  ESP_CALL(total_mass(backend->comm, cloud, &pass->mass));
  const esp_layer_param param = layer_param(model, cloud, pass->mass);
  const esp_layer_input input = {.id = cloud->id, .key = (const double *)y, .value = cloud->m};
  esp_tableau_expand(model->param.tableau, pass->layers, model->block.value, pass->table);
  for (int l = 0; l < pass->layers; l++) {
    esp_layer *layer = &pass->layer[l];
    const double *message = model->block.value + model->tableau_count + message_of(model, l) * model->mlp_count;
    double *A = (double *)(pass->A + (size_t)l * (size_t)cloud->n_home);
    place(&param.form, cloud, pass, l, y);
    ESP_CALL(esp_layer_forward(backend, &param, cloud->n_home, &input, model->mlps ? message : NULL, A, layer));
    count_cost(layer, &pass->cost);
    const int rc = visit_layer(visit, l, layer->dom, cloud->n_home, y);
    if (!keep) esp_layer_free(layer);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

int esp_integrator_forward(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                           esp_integrator_pass *pass) {
  const esp_comm *comm = backend->comm;
  vec3 *y = NULL;
  int rc = pass_alloc(model, cloud, pass);
  if (!rc) rc = ESP_ALLOC(pass->D, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(pass->K, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(y, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(run_layers(model, backend, cloud, 1, y, NULL, pass));
  readout(pass, pass->D, pass->K);
  ESP_TRY(project(comm, cloud, pass->mass, pass->D, pass->K));
done:
  ESP_FREE(y);
  if (rc) esp_integrator_pass_free(pass);
  return rc;
}

void esp_integrator_pass_free(esp_integrator_pass *pass) {
  for (int l = 0; l < pass->layers && pass->layer; l++) esp_layer_free(&pass->layer[l]);
  ESP_FREE(pass->layer);
  ESP_FREE(pass->A);
  ESP_FREE(pass->D);
  ESP_FREE(pass->K);
  *pass = (esp_integrator_pass){0};
}

int esp_integrator_predict(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                           double (*D)[3], double (*K)[3], const esp_visit *visit, esp_cost *cost) {
  const esp_comm *comm = backend->comm;
  esp_integrator_pass pass = {0};
  vec3 *y = NULL;
  int rc = pass_alloc(model, cloud, &pass);
  if (!rc) rc = ESP_ALLOC(y, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(run_layers(model, backend, cloud, 0, y, visit, &pass));
  readout(&pass, D, K);
  ESP_TRY(project(comm, cloud, pass.mass, D, K));
  if (cost) *cost = pass.cost;
done:
  ESP_FREE(y);
  esp_integrator_pass_free(&pass);
  return rc;
}

/* ---- backward ---- */

/* gradient of number `index` of the table += sum_i u_i . v_i */
static void add_dots(int n, const vec3 *u, const vec3 *v, int index, esp_gradient *gradient) {
  int64_t *acc = gradient->acc + (size_t)index * WORDS;
  for (int i = 0; i < n; i++) esp_exact_add(&ESP_EXACT_FULL, acc, dot(u[i], v[i]));
}

static void add_scaled(int n, double factor, const vec3 *u, vec3 *sum) {
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) sum[i][a] += factor * u[i][a];
  }
}

/* Layers from last to first: gA^l is complete when all later layers have given their part. gA [L * n], gY [n]. */
static int backward_layers(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                           esp_integrator_pass *pass, vec3 *gA, vec3 *gY, esp_gradient *gradient) {
  int n = pass->n_home, L = pass->layers, size = esp_tableau_size(L);
  for (int l = L - 1; l >= 0; l--) {
    const esp_layer_gradient to = {.dkey = (double *)gY};
    int64_t *acc = NULL;
    if (model->mlps) acc = gradient->acc + (size_t)(size + message_of(model, l) * model->mlp_count) * WORDS;
    ESP_CALL(
        esp_layer_backward(backend, &pass->layer[l], (const double *)(gA + (size_t)l * (size_t)n), &to, acc, NULL));
    pass->cost.seconds_backward += pass->layer[l].seconds_backward;
    add_dots(n, (const vec3 *)gY, (const vec3 *)cloud->v, l, gradient);
    for (int k = 0; k < l; k++) {
      int index = esp_tableau_alpha(L, l, k);
      add_dots(n, (const vec3 *)gY, (const vec3 *)pass->A + (size_t)k * (size_t)n, index, gradient);
      add_scaled(n, pass->table[index], (const vec3 *)gY, gA + (size_t)k * (size_t)n);
    }
  }
  return ESP_OK;
}

int esp_integrator_backward(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                            esp_integrator_pass *pass, const double (*gD)[3], const double (*gK)[3],
                            esp_gradient *gradient) {
  const esp_comm *comm = backend->comm;
  int rc, n = pass->n_home, L = pass->layers;
  vec3 *hD = NULL, *hK = NULL, *gA = NULL;
  rc = ESP_ALLOC(hD, n);
  if (!rc) rc = ESP_ALLOC(hK, n);
  if (!rc) rc = ESP_ALLOC(gA, (size_t)L * (size_t)n);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(project_adjoint(comm, cloud, pass->mass, gD, gK, hD, hK));
  for (int l = 0; l < L; l++) {
    const vec3 *A = (const vec3 *)pass->A + (size_t)l * (size_t)n;
    vec3 *g = gA + (size_t)l * (size_t)n;
    add_dots(n, (const vec3 *)hD, A, L + l, gradient);
    add_dots(n, (const vec3 *)hK, A, 2 * L + l, gradient);
    add_scaled(n, pass->table[L + l], (const vec3 *)hD, g);
    add_scaled(n, pass->table[2 * L + l], (const vec3 *)hK, g);
  }
  /* hD is not needed any more: it serves as gY. */
  ESP_TRY(backward_layers(model, backend, cloud, pass, gA, hD, gradient));
  esp_exact_carry(&ESP_EXACT_FULL, gradient->acc, (size_t)gradient->count);
done:
  ESP_FREE(hD);
  ESP_FREE(hK);
  ESP_FREE(gA);
  return rc;
}

/* ---- roll-out ---- */

int esp_cloud_advance(esp_cloud *cloud, const double (*D)[3], const double (*K)[3]) {
  ESP_CHECK(cloud->model, ESP_ERR_ARG, "a roll-out needs a cloud in model units");
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < 3; a++) {
      double x = cloud->x[i][a] + (cloud->v[i][a] + D[i][a]), box = cloud->box[a];
      if (box > 0) {
        x -= box * floor(x / box);
        if (x >= box) x = 0;
      }
      cloud->x[i][a] = x;
      cloud->v[i][a] += K[i][a];
    }
  }
  return ESP_OK;
}

int esp_cloud_horizon(esp_cloud *cloud, double factor) {
  ESP_CHECK(cloud->model, ESP_ERR_ARG, "a change of horizon needs a cloud in model units");
  ESP_CHECK(factor > 0, ESP_ERR_VALUE, "horizon times %g: the factor must be > 0", factor);
  cloud->T *= factor;
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->m[i] *= factor * factor;
    for (int a = 0; a < 3; a++) cloud->v[i][a] *= factor;
  }
  return ESP_OK;
}
