#include "net/train_gravity.h"

#include <math.h>

typedef struct {
  const esp_backend *backend;
  const esp_gravity_data *data;
  const esp_integrator *model;
  double *sums; /* [accumulators] scratch of map */
  double (*gD)[3], (*gK)[3];
  size_t capacity_D, capacity_K;
} gravity;

/* One cloud, forward and back, into the accumulators. */
static int run_cloud(gravity *g, const esp_cloud *cloud, double weight, esp_gradient *gradient, double *part,
                     esp_train_record *record) {
  const esp_comm *comm = g->backend->comm;
  esp_integrator_pass pass = {0};
  esp_nmse nmse;
  int rc = ESP_GROW(g->gD, g->capacity_D, cloud->n_home);
  if (!rc) rc = ESP_GROW(g->gK, g->capacity_K, cloud->n_home);
  ESP_CALL(comm->agree(comm, rc));
  ESP_TRY(esp_integrator_forward(g->model, g->backend, cloud, &pass));
  ESP_TRY(esp_loss_cloud(comm, cloud, (const double(*)[3])pass.D, (const double(*)[3])pass.K, g->data->lambda, weight,
                         g->gD, g->gK, &nmse));
  ESP_TRY(esp_integrator_backward(g->model, g->backend, cloud, &pass, (const double(*)[3])g->gD,
                                  (const double(*)[3])g->gK, gradient));
  part[0] = nmse.D;
  part[1] = nmse.K;
  record->particles += cloud->n_home;
  record->cost.near_pairs += pass.cost.near_pairs;
  record->cost.far_pairs += pass.cost.far_pairs;
  record->cost.seconds_build += pass.cost.seconds_build;
  record->cost.seconds_forward += pass.cost.seconds_forward;
  record->cost.seconds_backward += pass.cost.seconds_backward;
  record->theta = pass.layer[pass.layers - 1].dom->param.lists.theta;
done:
  esp_integrator_pass_free(&pass);
  return rc;
}

static int item(void *context, int c, double weight, int64_t *acc, double *part, esp_train_record *record) {
  gravity *g = context;
  const esp_gravity_data *data = g->data;
  const esp_cloud *cloud = NULL;
  esp_gradient gradient = {.count = esp_gradient_sums(g->model), .acc = acc};
  ESP_CALL(data->get(data->context, c, &cloud));
  int rc = run_cloud(g, cloud, weight, &gradient, part, record);
  if (data->put) data->put(data->context, c, cloud);
  ESP_CALL(rc);
  return ESP_OK;
}

static void map(void *context, const int64_t *acc, double *value) {
  gravity *g = context;
  esp_gradient gradient = {
      .count = esp_gradient_sums(g->model), .acc = (int64_t *)acc, .value = value, .sums = g->sums};
  esp_gradient_map(g->model, &gradient); /* reads acc alone */
}

int esp_train_gravity(const esp_comm *comm, const esp_backend *backend, const esp_gravity_data *data,
                      const esp_train_param *param, const esp_train_hooks *hooks, esp_integrator *model,
                      esp_adam *adam) {
  int rc = ESP_OK;
  gravity g = {.backend = backend, .data = data, .model = model};
  esp_learner learner = {.count = model->block.count,
                         .value = model->block.value,
                         .sums = esp_gradient_sums(model),
                         .items = data->clouds,
                         .sharded = data->sharded,
                         .parts = 2,
                         .part_weight = {1, data->lambda},
                         .item = item,
                         .map = map,
                         .context = &g};
  ESP_TRY(comm->agree(comm, ESP_ALLOC(g.sums, learner.sums)));
  ESP_TRY(esp_train(comm, &learner, param, hooks, adam));
done:
  ESP_FREE(g.sums);
  ESP_FREE(g.gD);
  ESP_FREE(g.gK);
  return rc;
}

/* The angle the budget gives to a cloud's start positions. */
static int choose_theta(const esp_backend *backend, const esp_gravity_data *data, const esp_integrator *model,
                        double *theta) {
  int rc = ESP_OK;
  const esp_cloud *cloud = NULL;
  esp_domain *dom = NULL;
  double *z = NULL;
  ESP_CALL(data->get(data->context, 0, &cloud));
  esp_domain_param param = model->param.domain;
  int dim = param.dim = cloud->dim;
  for (int a = 0; a < 3; a++) param.lists.box[a] = cloud->box[a];
  ESP_TRY(backend->comm->agree(backend->comm, ESP_ALLOC(z, (size_t)cloud->n_home * (size_t)dim)));
  for (int i = 0; i < cloud->n_home; i++) {
    for (int a = 0; a < dim; a++) {
      double box = cloud->box[a], x = cloud->x[i][a];
      if (box > 0) x -= box * floor(x / box);
      z[(size_t)i * (size_t)dim + (size_t)a] = box > 0 && x >= box ? 0 : x;
    }
  }
  ESP_TRY(backend->build(backend->comm, &param, cloud->n_home, z, NULL, cloud->id, &dom));
  *theta = dom->param.lists.theta;
done:
  esp_domain_free(&dom);
  ESP_FREE(z);
  if (data->put) data->put(data->context, 0, cloud);
  return rc;
}

int esp_train_fix_theta(const esp_comm *comm, const esp_backend *backend, const esp_gravity_data *data,
                        esp_integrator *model) {
  if (model->param.domain.lists.pairs_per_particle <= 0) return ESP_OK;
  double theta = 0;
  int mine = data->sharded || comm->rank == 0;
  ESP_AGREE(comm, mine ? choose_theta(backend, data, model, &theta) : ESP_OK);
  ESP_CALL(comm->broadcast(comm, &theta, sizeof theta, 0));
  model->param.domain.lists.theta = theta;
  model->param.domain.lists.pairs_per_particle = 0;
  return ESP_OK;
}
