/* The integrator as a row of the table of networks: sets of positions and velocities (INPUT, three numbers each), masses
 * (SENT) and, where they are known, displacements and velocity changes (TARGET, three numbers each). */
#include <math.h>
#include <string.h>

#include "net/integrator.h"
#include "net/network.h"

/* block is the model's own; param stands in the model, where it may have been changed. */
typedef struct {
  esp_integrator net;
  double *sums; /* [accumulators] scratch of map */
} plan;

struct esp_pass {
  esp_integrator net;
  esp_cloud cloud;
  esp_integrator_pass pass;
};

static esp_integrator net_of(const esp_model *model) {
  esp_integrator net = ((const plan *)model->plan)->net;
  net.param = *(const esp_integrator_param *)model->param;
  return net;
}

static void destroy(esp_model *model) {
  plan *p = model->plan;
  if (p) esp_integrator_free(&p->net);
  if (p) ESP_FREE(p->sums);
  ESP_FREE(model->plan);
}

static int create(esp_model *model) {
  const int *width = model->sizes.width;
  plan *p;
  ESP_CHECK(width[ESP_INPUT] == 6 && width[ESP_SENT] == 1 && width[ESP_TARGET] == 6, ESP_ERR_CONFIG,
            "data with %d inputs, %d sent numbers and %d targets a particle: an integrator takes positions and "
            "velocities (6), masses (1), displacements and changes of velocity (6)",
            width[ESP_INPUT], width[ESP_SENT], width[ESP_TARGET]);
  ESP_CALL(ESP_ALLOC(p, 1));
  model->plan = p;
  ESP_CALL(esp_integrator_create(model->param, &p->net));
  memcpy(model->param, &p->net.param, sizeof p->net.param);
  model->block = p->net.block;
  ESP_CALL(ESP_ALLOC(p->sums, esp_gradient_sums(&p->net)));
  return ESP_OK;
}

/* The set's own arrays, seen as a cloud. */
static int view(const esp_set *set, esp_cloud *cloud) {
  ESP_CHECK(set->ready, ESP_ERR_ARG, "the network needs a set in its own units");
  *cloud = (esp_cloud){.n = set->n, .n_home = set->n_home, .dim = set->space.dim, .model = 1, .G = 1, .d = 1, .T = 1};
  cloud->eps = set->space.softening;
  memcpy(cloud->box, set->space.period, sizeof cloud->box);
  cloud->id = set->id;
  cloud->m = esp_set_role(set, ESP_SENT, 0, NULL);
  cloud->x = (double(*)[3])esp_set_role(set, ESP_INPUT, 0, NULL);
  cloud->v = (double(*)[3])esp_set_role(set, ESP_INPUT, 1, NULL);
  return ESP_OK;
}

static void join(int n, double (*D)[3], double (*K)[3], double *y) {
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(y + 6 * i, D[i], sizeof D[i]);
    memcpy(y + 6 * i + 3, K[i], sizeof K[i]);
  }
}

static void part(int n, const double *y, double (*D)[3], double (*K)[3]) {
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(D[i], y + 6 * i, sizeof D[i]);
    memcpy(K[i], y + 6 * i + 3, sizeof K[i]);
  }
}

static int predict(const esp_integrator *net, const esp_backend *backend, const esp_cloud *cloud,
                   const esp_visit *visit, double *y, esp_cost *cost) {
  double(*D)[3] = NULL, (*K)[3] = NULL;
  int rc = ESP_ALLOC(D, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(K, cloud->n_home);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_integrator_predict(net, backend, cloud, D, K, visit, cost));
  join(cloud->n_home, D, K, y);
done:
  ESP_FREE(D);
  ESP_FREE(K);
  return rc;
}

static void pass_free(esp_pass **pass) {
  if (*pass) esp_integrator_pass_free(&(*pass)->pass);
  ESP_FREE(*pass);
}

static int forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                   double *y, esp_cost *cost, esp_pass **pass) {
  const esp_integrator net = net_of(model);
  esp_cloud cloud;
  esp_cost own = {0};
  esp_pass *kept = NULL;
  int rc;
  ESP_CALL(view(set, &cloud));
  if (!pass) {
    ESP_CALL(predict(&net, backend, &cloud, visit, y, &own));
    if (cost) esp_cost_add(cost, &own);
    return ESP_OK;
  }
  *pass = NULL;
  ESP_TRY(backend->comm->agree(backend->comm, ESP_ALLOC(kept, 1)));
  kept->net = net;
  kept->cloud = cloud;
  ESP_TRY(esp_integrator_forward(&kept->net, backend, &kept->cloud, &kept->pass));
  join(cloud.n_home, kept->pass.D, kept->pass.K, y);
  own = kept->pass.cost;
  own.theta = kept->pass.layer[0].dom->param.lists.theta;
  if (cost) esp_cost_add(cost, &own);
  *pass = kept;
done:
  if (rc) pass_free(&kept);
  return rc;
}

static int backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                    const double *dy, int64_t *acc, esp_cost *cost) {
  (void)model, (void)set;
  const int n = pass->cloud.n_home;
  double(*dD)[3] = NULL, (*dK)[3] = NULL;
  esp_gradient gradient = {.count = esp_gradient_sums(&pass->net), .acc = acc};
  const double before = pass->pass.cost.seconds_backward;
  int rc = ESP_ALLOC(dD, n);
  if (!rc) rc = ESP_ALLOC(dK, n);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  part(n, dy, dD, dK);
  ESP_TRY(esp_integrator_backward(&pass->net, backend, &pass->cloud, &pass->pass, (const double(*)[3])dD,
                                  (const double(*)[3])dK, &gradient));
  if (cost) cost->seconds_backward += pass->pass.cost.seconds_backward - before;
done:
  ESP_FREE(dD);
  ESP_FREE(dK);
  return rc;
}

static int sums(const esp_model *model) {
  return esp_gradient_sums(&((const plan *)model->plan)->net);
}

static void map(const esp_model *model, const int64_t *acc, double *value) {
  const esp_integrator net = net_of(model);
  esp_gradient gradient = {
      .count = sums(model), .acc = (int64_t *)acc, .value = value, .sums = ((const plan *)model->plan)->sums};
  esp_gradient_map(&net, &gradient); /* reads acc alone */
}

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

static int place(const esp_model *model, const esp_set *set, esp_place *where, double *key, double *query) {
  (void)query;
  const esp_integrator_param *param = model->param;
  const esp_form form = {.message = esp_body_messages[param->message], .dim = 3, .channels = param->hidden};
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
    .destroy = destroy,
    .forward = forward,
    .backward = backward,
    .pass_free = pass_free,
    .sums = sums,
    .map = map,
    .place = place,
    .settle = settle,
};
