/* The ladder: rivals that are trained as the network was, from start values of their own, and the network on other lists. */
#include <math.h>
#include <string.h>

#include "tasks/nodes/show.h"

typedef enum { PERCEPTRON, GIVEN, NEAREST, RIVALS } rival;

typedef struct {
  int K;
  double *share;           /* [K] of the nodes that are learned from */
  esp_model model[RIVALS]; /* network NULL: there is none */
} fitted_nodes;

/* ---- sets with other edges ---- */

/* A copy whose edges are those of the nearest nodes. Collective. */
static int with_nearest(const esp_comm *comm, const esp_set *set, int k, esp_set *copy) {
  esp_csr edges = {0};
  int rc;
  *copy = (esp_set){0};
  ESP_TRY(esp_nodes_nearest(comm, set, k, &edges));
  ESP_TRY(comm->agree(comm, esp_set_copy(set, copy)));
  esp_csr_free(&copy->csr[ESP_NODES_EDGES]);
  copy->csr[ESP_NODES_EDGES] = edges;
  copy->width[ESP_NODES_EDGES] = 1;
  edges = (esp_csr){0};
done:
  esp_csr_free(&edges);
  return rc;
}

typedef struct {
  const esp_sets *of;
  const esp_comm *comm;
  int neighbours;
  esp_set *kept; /* [sets] */
} near_sets;

static int get_near(void *context, int s, const esp_set **set) {
  near_sets *n = context;
  const esp_set *given;
  *set = &n->kept[s];
  if (n->kept[s].id) return ESP_OK;
  ESP_CALL(n->of->get(n->of->context, s, &given));
  const int rc = with_nearest(n->comm, given, n->neighbours, &n->kept[s]);
  if (n->of->put) n->of->put(n->of->context, s, given);
  return rc;
}

/* ---- training them ---- */

static int train_on(const esp_nodes_show_param *p, const esp_backend *backend, const esp_sets *sets, esp_model *model) {
  const esp_training training = {backend->comm, backend, sets, &esp_loss_cross_entropy, NULL};
  esp_adam adam = {0};
  int rc;
  ESP_TRY(backend->comm->agree(backend->comm, esp_adam_create(model->block.count, &adam)));
  ESP_TRY(esp_train(&training, &p->train, NULL, model, &adam));
done:
  esp_adam_free(&adam);
  return rc;
}

static int train_rival(const esp_nodes_show_param *p, rival which, const esp_model *trained, const esp_backend *backend,
                       const esp_sets *sets, esp_model *model) {
  const esp_comm *comm = backend->comm;
  esp_convolution_param own = *(const esp_convolution_param *)trained->param;
  near_sets near_by = {.of = sets, .comm = comm, .neighbours = p->neighbours};
  esp_sets other = *sets;
  int rc;
  own.share = which != PERCEPTRON, own.stay = 1;
  if (which == PERCEPTRON) own.dropout = p->dropout;
  ESP_TRY(comm->agree(comm, esp_model_create(trained->network, &own, &trained->sizes, model)));
  if (which == NEAREST) {
    ESP_TRY(comm->agree(comm, ESP_ALLOC(near_by.kept, sets->sets)));
    other.get = get_near, other.put = NULL, other.context = &near_by, other.width[ESP_NODES_EDGES] = 1;
  }
  ESP_TRY(train_on(p, backend, &other, model));
done:
  for (int s = 0; near_by.kept && s < sets->sets; s++) esp_set_free(&near_by.kept[s]);
  ESP_FREE(near_by.kept);
  return rc;
}

/* Weights of the classes in the first set. Collective. */
static int count_classes(const esp_comm *comm, const esp_sets *sets, fitted_nodes *f) {
  const esp_set *set;
  int64_t *count = NULL, all = 0;
  ESP_CALL(sets->get(sets->context, 0, &set));
  int rc = ESP_ALLOC(count, f->K);
  for (int i = 0; i < set->n_home && !rc; i++) {
    const int c = esp_nodes_class(set, i);
    if (c >= 0 && set->value[ESP_NODES_WEIGHT][i] > 0) count[c]++;
  }
  if (sets->put) sets->put(sets->context, 0, set);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->sum_i64(comm, count, (size_t)f->K));
  for (int c = 0; c < f->K; c++) all += count[c];
  for (int c = 0; c < f->K; c++) f->share[c] = (double)count[c] / (double)(all ? all : 1);
done:
  ESP_FREE(count);
  return rc;
}

int esp_nodes_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                  void **fitted) {
  const esp_nodes_show_param *p = param;
  fitted_nodes *f;
  ESP_AGREE(backend->comm, ESP_ALLOC(f, 1));
  *fitted = f;
  f->K = trained->sizes.width[ESP_TARGET];
  ESP_AGREE(backend->comm, ESP_ALLOC(f->share, f->K));
  if (!training->sets) return ESP_OK;
  ESP_CALL(count_classes(backend->comm, training, f));
  for (int r = 0; r < RIVALS; r++) {
    if (r == GIVEN && !training->width[ESP_NODES_EDGES]) continue;
    if (r == NEAREST && training->largest > ESP_NODES_NEAREST) continue;
    ESP_CALL(train_rival(p, (rival)r, trained, backend, training, &f->model[r]));
  }
  return ESP_OK;
}

void esp_nodes_unfit(void **fitted) {
  fitted_nodes *f = *fitted;
  for (int r = 0; f && r < RIVALS; r++)
    if (f->model[r].network) esp_model_free(&f->model[r]);
  if (f) ESP_FREE(f->share);
  ESP_FREE(*fitted);
}

/* ---- methods ---- */

#define METHOD(name)                                                                                           \
  static int name(const void *param, const void *fitted, const esp_model *trained, const esp_backend *backend, \
                  const esp_set *set, double *y, esp_cost *cost, int *use)

METHOD(by_share) {
  (void)param, (void)backend, (void)trained;
  const fitted_nodes *f = fitted;
  cost->near_pairs = -1;
  *use = f->K == set->width[ESP_NODES_CLASS];
  for (int i = 0; i < set->n_home && *use; i++)
    for (int c = 0; c < f->K; c++) y[i * f->K + c] = log(fmax(f->share[c], 1e-9));
  return ESP_OK;
}

static int predict(const fitted_nodes *f, rival which, const esp_backend *backend, const esp_set *set, double *y,
                   esp_cost *cost, int *use) {
  cost->near_pairs = -1;
  *use = f->model[which].network != NULL;
  return *use ? esp_model_predict(&f->model[which], backend, set, NULL, y, &(esp_cost){0}) : ESP_OK;
}

METHOD(perceptron) {
  (void)param, (void)trained;
  return predict(fitted, PERCEPTRON, backend, set, y, cost, use);
}

METHOD(on_given) {
  (void)param, (void)trained;
  *use = set->width[ESP_NODES_EDGES] > 0;
  if (*use) ESP_CALL(predict(fitted, GIVEN, backend, set, y, cost, use));
  return ESP_OK;
}

METHOD(on_nearest) {
  (void)trained;
  const esp_nodes_show_param *p = param;
  esp_set copy;
  int rc;
  ESP_TRY(with_nearest(backend->comm, set, p->neighbours, &copy));
  ESP_TRY(predict(fitted, NEAREST, backend, &copy, y, cost, use));
done:
  esp_set_free(&copy);
  return rc;
}

static int has_gate(const esp_convolution_param *p) {
  return p->share < 1 && p->stay < 1;
}

static int near_alone(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  (void)set, (void)pairs;
  esp_convolution_param *p = network_param;
  *use = p->far && has_gate(p);
  p->far = 0;
  return ESP_OK;
}

static int all_pairs(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  (void)set, (void)pairs;
  esp_convolution_param *p = network_param;
  esp_lists_param *lists = &p->domain.lists;
  *use = has_gate(p);
  p->far = 1, p->error = 0;
  lists->theta = 0, lists->pairs_per_particle = 0, lists->pairs_limit = 0;
  return ESP_OK;
}

const esp_method esp_nodes_methods[] = {
    {"shares of the classes", .classical = 1, .predict = by_share},
    {"multilayer perceptron", .classical = 1, .predict = perceptron},
    {"graph convolution: given edges", .classical = 1, .predict = on_given},
    {"graph convolution: nearest features", .largest = ESP_NODES_NEAREST, .classical = 1, .predict = on_nearest},
    {"untrained network", .untrained = 1},
    {.name = "trained network"},
    {"trained network: all pairs", .largest = ESP_NODES_NEAREST, .beside = "the same network over all pairs",
     .vary = all_pairs},
    {"trained network: near pairs alone", .beside = "near pairs alone", .vary = near_alone},
    {0},
};
