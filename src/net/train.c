#include "net/train.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/rng.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* What one training holds between steps. */
typedef struct {
  const esp_comm *comm;
  const esp_backend *backend;
  const esp_train_data *data;
  const esp_train_param *param;
  const esp_train_hooks *hooks;
  esp_model *model;
  esp_gradient gradient;
  int *permutation; /* [clouds] of the epoch at hand */
  int64_t epoch;
  double (*gD)[3], (*gK)[3];
  size_t capacity_D, capacity_K;
  int64_t loss_acc[2 * WORDS]; /* sums over clouds of NMSE(D), NMSE(K) */
} training;

int esp_train_pick(uint64_t seed, int clouds, int64_t entry, int *permutation, int64_t *epoch) {
  int64_t e = entry / clouds;
  if (e != *epoch) {
    for (int i = 0; i < clouds; i++) permutation[i] = i;
    for (int i = clouds - 1; i > 0; i--) {
      int j = (int)esp_rng_below(seed, (uint64_t)e, ESP_RNG_BATCH, (uint32_t)i, (uint64_t)i + 1);
      int kept = permutation[i];
      permutation[i] = permutation[j];
      permutation[j] = kept;
    }
    *epoch = e;
  }
  return permutation[entry % clouds];
}

/* One cloud, forward and back, into the accumulators. */
static int run_cloud(training *t, const esp_cloud *cloud, esp_train_record *record) {
  const esp_comm *comm = t->backend->comm;
  esp_model_pass pass = {0};
  esp_nmse nmse;
  int rc = ESP_GROW(t->gD, t->capacity_D, cloud->n_home);
  if (!rc) rc = ESP_GROW(t->gK, t->capacity_K, cloud->n_home);
  ESP_CALL(comm->agree(comm, rc));
  ESP_TRY(esp_model_forward(t->model, t->backend, cloud, &pass));
  ESP_TRY(esp_loss_cloud(comm, cloud, (const double(*)[3])pass.D, (const double(*)[3])pass.K, t->param->lambda,
                         1.0 / t->param->batch, t->gD, t->gK, &nmse));
  ESP_TRY(esp_model_backward(t->model, t->backend, cloud, &pass, (const double(*)[3])t->gD, (const double(*)[3])t->gK,
                             &t->gradient));
  /* A sharded cloud's loss is known to all its ranks: one of them counts it. */
  if (comm->rank == 0) {
    esp_exact_add(&ESP_EXACT_FULL, t->loss_acc, nmse.D);
    esp_exact_add(&ESP_EXACT_FULL, t->loss_acc + WORDS, nmse.K);
  }
  record->particles += cloud->n_home;
  record->cost.near_pairs += pass.cost.near_pairs;
  record->cost.far_pairs += pass.cost.far_pairs;
  record->cost.seconds_build += pass.cost.seconds_build;
  record->cost.seconds_forward += pass.cost.seconds_forward;
  record->cost.seconds_backward += pass.cost.seconds_backward;
done:
  esp_model_pass_free(&pass);
  return rc;
}

/* This rank's part of the batch of step s. */
static int run_batch(training *t, int64_t s, esp_train_record *record) {
  const esp_train_data *data = t->data;
  for (int i = 0; i < t->param->batch; i++) {
    int c = esp_train_pick(t->param->seed, data->clouds, s * t->param->batch + i, t->permutation, &t->epoch);
    if (!data->sharded && i % t->comm->size != t->comm->rank) continue;
    const esp_cloud *cloud = NULL;
    ESP_CALL(data->get(data->context, c, &cloud));
    int rc = run_cloud(t, cloud, record);
    if (data->put) data->put(data->context, c, cloud);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

/* Gradient and loss of the batch over all ranks. */
static int gather(training *t, int64_t s, esp_train_record *record) {
  const esp_train_hooks *hooks = t->hooks;
  if (hooks && hooks->sum) {
    ESP_CALL(hooks->sum(hooks->sum_context, t->gradient.acc, (size_t)t->gradient.count));
  } else {
    ESP_CALL(esp_gradient_sum(t->comm, &t->gradient));
  }
  esp_exact_carry(&ESP_EXACT_FULL, t->loss_acc, 2);
  ESP_CALL(t->comm->sum_i64(t->comm, t->loss_acc, 2 * WORDS));
  esp_gradient_map(t->model, &t->gradient);
  record->D = esp_exact_value(&ESP_EXACT_FULL, t->loss_acc) / t->param->batch;
  record->K = esp_exact_value(&ESP_EXACT_FULL, t->loss_acc + WORDS) / t->param->batch;
  record->loss = record->D + t->param->lambda * record->K;
  record->gradient = esp_clip_norm(t->param->clip, t->model->count, t->gradient.value);
  ESP_CHECK(
      isfinite(record->loss) && isfinite(record->gradient), ESP_ERR_VALUE,
      "training step %lld: loss %g, gradient norm %g; both must be finite: lower the rate (now %g) or look at the "
      "data",
      (long long)s + 1, record->loss, record->gradient, t->param->rate);
  return ESP_OK;
}

static int run_step(training *t, esp_adam *adam) {
  const esp_train_param *p = t->param;
  const esp_train_hooks *hooks = t->hooks;
  int64_t s = adam->step;
  double begin = esp_wall();
  esp_train_record record = {.step = s + 1, .steps = p->steps};
  esp_gradient_clear(&t->gradient);
  memset(t->loss_acc, 0, sizeof t->loss_acc);
  ESP_AGREE(t->comm, run_batch(t, s, &record));
  ESP_CALL(gather(t, s, &record));
  record.rate = esp_rate_cosine(p->rate, s, p->warmup, p->steps);
  esp_adam_step(adam, record.rate, t->gradient.value, t->model->value);
  record.seconds = esp_wall() - begin;
  if (hooks && hooks->step) ESP_AGREE(t->comm, hooks->step(hooks->context, &record));
  int last = s + 1 == p->steps || (p->stop > 0 && s + 1 == p->stop);
  int due = p->checkpoint_every > 0 && (s + 1) % p->checkpoint_every == 0;
  if (hooks && hooks->checkpoint && (last || due)) {
    ESP_AGREE(t->comm, hooks->checkpoint(hooks->context, t->model, adam));
  }
  return ESP_OK;
}

static int check_train(const esp_train_data *data, const esp_train_param *p, const esp_model *model,
                       const esp_adam *adam) {
  ESP_CHECK(data->clouds >= 1, ESP_ERR_VALUE, "training on %d clouds: at least one is needed", data->clouds);
  ESP_CHECK(p->batch >= 1, ESP_ERR_CONFIG, "batch %d: must be >= 1", p->batch);
  ESP_CHECK(p->steps >= 0 && p->warmup >= 0, ESP_ERR_CONFIG, "steps %lld, warmup %lld: both must be >= 0",
            (long long)p->steps, (long long)p->warmup);
  ESP_CHECK(adam->count == model->count, ESP_ERR_ARG, "moments of %d parameters for a model of %d", adam->count,
            model->count);
  return ESP_OK;
}

int esp_train(const esp_comm *comm, const esp_backend *backend, const esp_train_data *data,
              const esp_train_param *param, const esp_train_hooks *hooks, esp_model *model, esp_adam *adam) {
  training t = {
      .comm = comm, .backend = backend, .data = data, .param = param, .hooks = hooks, .model = model, .epoch = -1};
  int rc = check_train(data, param, model, adam);
  if (!rc) rc = esp_gradient_create(model, &t.gradient);
  if (!rc) rc = ESP_ALLOC(t.permutation, data->clouds);
  ESP_TRY(comm->agree(comm, rc));
  int64_t end = param->stop > 0 && param->stop < param->steps ? param->stop : param->steps;
  while (adam->step < end) ESP_TRY(run_step(&t, adam));
done:
  esp_gradient_free(&t.gradient);
  ESP_FREE(t.permutation);
  ESP_FREE(t.gD);
  ESP_FREE(t.gK);
  return rc;
}

/* The angle the budget gives to a cloud's start positions. */
static int choose_theta(const esp_backend *backend, const esp_train_data *data, const esp_model *model, double *theta) {
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

int esp_train_fix_theta(const esp_comm *comm, const esp_backend *backend, const esp_train_data *data,
                        esp_model *model) {
  if (model->param.domain.lists.pairs_per_particle <= 0) return ESP_OK;
  double theta = 0;
  int mine = data->sharded || comm->rank == 0;
  ESP_AGREE(comm, mine ? choose_theta(backend, data, model, &theta) : ESP_OK);
  ESP_CALL(comm->broadcast(comm, &theta, sizeof theta, 0));
  model->param.domain.lists.theta = theta;
  model->param.domain.lists.pairs_per_particle = 0;
  return ESP_OK;
}
