#include "tasks/learned.h"

#include <math.h>

#include "net/recall.h"
#include "net/stack.h"

int esp_learned_all_pairs(void *network_param, const esp_set *set, int64_t pairs, int *use) {
  (void)set, (void)pairs, (void)use;
  esp_stack_param *p = network_param;
  p->far = 1;
  p->domain.lists.theta = 0, p->domain.lists.pairs_per_particle = 0, p->domain.lists.pairs_limit = 0;
  return ESP_OK;
}

typedef struct {
  const esp_comm *comm;
  const esp_set *set;
  esp_truth truth;
  double recall;
} watched;

static int watch_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)key, (void)query;
  watched *w = context;
  const esp_truth *t = &w->truth;
  if (l > 0 || !t->r) return ESP_OK;
  return esp_recall(w->comm, dom, w->set->n_home, w->set->id, esp_set_role(w->set, ESP_WEIGHT, 0, NULL), t->r,
                    t->sender, t->receiver, t->neighbours, t->samples, t->seed, &w->recall);
}

void esp_recall_unwatch(esp_visit *visit) {
  watched *w = visit->context;
  if (w) ESP_FREE(w->truth.sender);
  if (w) ESP_FREE(w->truth.receiver);
  ESP_FREE(visit->context);
}

int esp_recall_watch(int rc, const esp_truth *truth, const esp_backend *backend, const esp_set *set, esp_visit *visit,
                     double **value) {
  watched *w = NULL;
  esp_truth taken = *truth;
  if (!rc) rc = ESP_ALLOC(w, 1);
  *visit = (esp_visit){.layer = watch_layer, .context = w};
  if (w) {
    *w = (watched){.comm = backend->comm, .set = set, .truth = taken, .recall = NAN};
    *value = &w->recall;
  } else {
    ESP_FREE(taken.sender);
    ESP_FREE(taken.receiver);
  }
  rc = backend->comm->agree(backend->comm, rc);
  if (rc) esp_recall_unwatch(visit);
  return rc;
}
