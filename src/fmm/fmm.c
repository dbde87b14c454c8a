#include "fmm/fmm.h"

#include <string.h>

#include "fmm/work.h"

extern const esp_fmm_kernels esp_fmm_width1, esp_fmm_width8, esp_fmm_width16;
const esp_fmm_kernels *const esp_fmm_widths[] = {
#ifdef ESP_FMM_WIDTH16
    &esp_fmm_width16,
#endif
#ifdef ESP_FMM_WIDTH8
    &esp_fmm_width8,
#endif
    &esp_fmm_width1, NULL};

static void release(esp_fmm_work *w) {
  ESP_FREE(w->node);
  ESP_FREE(w->cell);
  ESP_FREE(w->moment);
  ESP_FREE(w->body);
  ESP_FREE(w->other);
  for (int a = 0; a < 3; a++) ESP_FREE(w->x[a]);
  ESP_FREE(w->mass);
  ESP_FREE(w->key);
  ESP_FREE(w->queue);
  for (int v = 0; v < ESP_FMM_VERDICTS; v++) ESP_FREE(w->list[v]);
  ESP_FREE(w->left);
}

static int prepare(esp_fmm_work *w) {
  static const int width[ESP_FMM_ORDER_MAX + 1] = {0, 0, 8, 8, 16, 32};
  const int n = w->n, nodes = w->nodes = 2 * ((n - 1) / ESP_FMM_LEAF + 1) - 1;
  w->moments = width[w->param->order];
  ESP_CALL(ESP_ALLOC(w->node, nodes));
  ESP_CALL(ESP_ALLOC(w->cell, nodes + 1));
  ESP_CALL(ESP_ALLOC(w->moment, (size_t)(nodes + 1) * (size_t)w->moments));
  ESP_CALL(ESP_ALLOC(w->body, n));
  ESP_CALL(ESP_ALLOC(w->other, n));
  for (int a = 0; a < 3; a++) ESP_CALL(ESP_ALLOC(w->x[a], n));
  ESP_CALL(ESP_ALLOC(w->mass, n));
  ESP_CALL(ESP_ALLOC(w->key, n));
  ESP_CALL(ESP_ALLOC(w->queue, nodes + 2));
  for (int v = 0; v < ESP_FMM_VERDICTS; v++) ESP_CALL(ESP_ALLOC(w->list[v], nodes + 16));
  return ESP_GROW(w->left, w->left_capacity, 1024);
}

const esp_fmm_kernels *esp_fmm_widest(void) {
  int k = 0;
  while (!esp_fmm_widths[k]->available()) k++;
  return esp_fmm_widths[k];
}

static double lap(double *last) {
  const double now = esp_wall(), spent = now - *last;
  *last = now;
  return spent;
}

int esp_fmm_force_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                       const esp_fmm_bodies *bodies, const esp_fmm_result *result) {
  esp_fmm_work w = {.param = param, .bodies = bodies, .result = result, .n = bodies->n};
  double last = esp_wall();
  int rc = ESP_OK;
  ESP_CHECK(comm->size == 1, ESP_ERR_ARG, "%d ranks; the multipole method knows one", comm->size);
  ESP_CALL(esp_fmm_scale_make(param, bodies, &w.scale));
  if (result->cost) memset(result->cost, 0, sizeof *result->cost);
  if (!w.n) return ESP_OK;
  w.eps2 = w.scale.softening * w.scale.softening;
  ESP_TRY(prepare(&w));
  w.cost.rest = lap(&last);
  ESP_TRY(esp_fmm_grow(&w));
  w.cost.tree = lap(&last);
  esp_fmm_upward(&w);
  w.cost.moments = lap(&last);
  kernels->estimate(&w);
  w.cost.estimate = lap(&last);
  ESP_TRY(kernels->receive(&w));
  for (int i = 0; i < w.n && result->slot; i++) result->slot[w.body[i].body] = i;
  if (result->cost) *result->cost = w.cost;
done:
  release(&w);
  return rc;
}

int esp_fmm_force(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                  const esp_fmm_result *result) {
  ESP_CALL(esp_fmm_force_with(esp_fmm_widest(), comm, param, bodies, result));
  return ESP_OK;
}
