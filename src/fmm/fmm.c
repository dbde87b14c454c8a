#include "fmm/fmm.h"

#include <string.h>

#include "fmm/plant.h"
#include "fmm/trade.h"

extern const esp_fmm_kernels esp_fmm_width1, esp_fmm_width8, esp_fmm_width16;
const esp_fmm_kernels *const esp_fmm_widths[] = {
#ifdef ESP_FMM_WIDTH16
    &esp_fmm_width16,
#endif
#ifdef ESP_FMM_WIDTH8
    &esp_fmm_width8,
#endif
    &esp_fmm_width1, NULL};

static void rows_free(esp_fmm_rows *rows) {
  ESP_FREE(rows->node);
  ESP_FREE(rows->cell);
  ESP_FREE(rows->moment);
}

static void release(esp_fmm_work *w) {
  esp_fmm_unplant(w);
  rows_free(&w->own);
  esp_fmm_top_free(&w->top);
  esp_fmm_share_free(&w->share);
  ESP_FREE(w->root);
  ESP_FREE(w->body);
  ESP_FREE(w->other);
  for (int a = 0; a < 3; a++) ESP_FREE(w->x[a]);
  ESP_FREE(w->mass);
  ESP_FREE(w->extra);
  ESP_FREE(w->key);
  ESP_FREE(w->active);
  ESP_FREE(w->queue);
  for (int v = 0; v < ESP_FMM_VERDICTS; v++) ESP_FREE(w->list[v]);
  ESP_FREE(w->left);
}

static int prepare(esp_fmm_work *w) {
  const int n = w->n, rows = w->own.rows = w->share.rows;
  ESP_CALL(ESP_ALLOC(w->own.node, rows));
  ESP_CALL(ESP_ALLOC(w->own.cell, rows + 1));
  ESP_CALL(ESP_ALLOC(w->own.moment, (size_t)(rows + 1) * (size_t)w->moments));
  ESP_CALL(ESP_ALLOC(w->root, w->top.pieces));
  ESP_CALL(ESP_RESERVE(w->body, n));
  ESP_CALL(ESP_RESERVE(w->other, n));
  const size_t room = (size_t)n + (size_t)(w->comm->size > 1 ? n / 4 : 0); /* for most of what is fetched */
  for (int a = 0; a < 3; a++) ESP_CALL(ESP_GROW(w->x[a], w->room[a], room));
  ESP_CALL(ESP_GROW(w->mass, w->room[3], room));
  if (w->share.extra.count) ESP_CALL(ESP_GROW(w->extra, w->room[4], room * (size_t)w->share.extra.count));
  ESP_CALL(ESP_RESERVE(w->key, n));
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

/* Who holds what; the bodies there. */
static int share(esp_fmm_work *w, const esp_fmm_bodies *bodies, const esp_fmm_extra *extra) {
  int rc, *where = NULL;
  ESP_TRY(w->comm->agree(w->comm, ESP_RESERVE(where, bodies->n)));
  ESP_TRY(esp_fmm_top_make(w->comm, &w->scale, bodies, &w->top, where));
  ESP_TRY(esp_fmm_share_make(w->comm, &w->top, bodies, extra, where, &w->share));
  w->bodies = &w->share.held;
  w->n = w->share.held.n;
  w->first = esp_fmm_cut(&w->top, w->comm->rank);
  w->end = esp_fmm_cut(&w->top, w->comm->rank + 1);
  w->cost.owned = w->end - w->first;
  w->cost.bytes = w->share.arrived;
done:
  ESP_FREE(where);
  return rc;
}

/* Who is active, in the order of places. */
static int count_active(esp_fmm_work *w) {
  const unsigned char *active = w->share.extra.active;
  if (!active) return ESP_OK;
  ESP_CALL(ESP_RESERVE(w->active, w->n + 1));
  w->active[0] = 0;
  for (int i = 0; i < w->n; i++) w->active[i + 1] = w->active[i] + (active[w->body[i].body] != 0);
  return ESP_OK;
}

/* From the bodies held to their results. */
static int compute(const esp_fmm_kernels *kernels, esp_fmm_work *w, double *last) {
  ESP_AGREE(w->comm, prepare(w));
  w->cost.rest += lap(last);
  ESP_AGREE(w->comm, esp_fmm_grow(w));
  ESP_AGREE(w->comm, count_active(w));
  ESP_FREE(w->other);
  ESP_FREE(w->key);
  w->cost.tree = lap(last);
  ESP_AGREE(w->comm, w->method->upward(w));
  esp_fmm_share_drop(&w->share);
  ESP_CALL(esp_fmm_gather_roots(w));
  w->cost.moments = lap(last);
  ESP_CALL(w->method->least(kernels, w));
  ESP_CALL(esp_fmm_gather_least(w));
  w->cost.estimate = lap(last);
  ESP_CALL(esp_fmm_trade(w, &esp_fmm_for_walk));
  w->cost.rest += lap(last);
  ESP_AGREE(w->comm, w->method->receive(kernels, w));
  ESP_AGREE(w->comm, w->missing ? ESP_FAIL(ESP_ERR_INTERNAL, "%d cells that did not come", w->missing) : ESP_OK);
  return ESP_OK;
}

static void tell_slots(const esp_fmm_work *w, int64_t *slot) {
  for (int k = 0; k < w->share.pieces; k++) {
    const esp_fmm_piece *p = w->share.piece + k;
    const esp_fmm_top_node *node = w->top.node + w->top.piece[p->number];
    for (int i = 0; i < node->count; i++) slot[w->body[p->place + i].body] = node->first + i;
  }
}

/* Results of the bodies held, then home. */
static int compute_elsewhere(const esp_fmm_kernels *kernels, esp_fmm_work *w, const esp_fmm_result *result,
                             double *last) {
  esp_fmm_result here = {.witness = result->witness, .cost = result->cost};
  int rc = ESP_OK;
  int64_t wanted[2] = {result->acceleration != NULL,
                       result->potential != NULL}; /* by any: one without bodies may not say */
  ESP_CALL(w->comm->max_i64(w->comm, wanted, 2));
  if (wanted[0]) rc = ESP_ALLOC(here.acceleration, w->n);
  if (!rc && wanted[1]) rc = ESP_ALLOC(here.potential, w->n);
  if (!rc) rc = ESP_RESERVE(here.slot, w->n);
  ESP_TRY(w->comm->agree(w->comm, rc));
  w->result = &here;
  ESP_TRY(compute(kernels, w, last));
  tell_slots(w, here.slot);
  ESP_TRY(esp_fmm_share_return(w->comm, &w->top, &w->share, &here, result));
done:
  ESP_FREE(here.acceleration);
  ESP_FREE(here.potential);
  ESP_FREE(here.slot);
  return rc;
}

int esp_fmm_run(const esp_fmm_kernels *kernels, esp_fmm_work *w, const esp_fmm_bodies *bodies,
                const esp_fmm_extra *extra) {
  const esp_fmm_result *result = w->result;
  double last = esp_wall();
  int rc = ESP_OK;
  if (result->cost) memset(result->cost, 0, sizeof *result->cost);
  ESP_CALL(esp_fmm_scale_make(w->comm, w->param, bodies, &w->scale));
  if (!w->scale.n) return ESP_OK;
  w->eps2 = w->scale.softening * w->scale.softening;
  ESP_TRY(share(w, bodies, extra));
  if (w->comm->size == 1) {
    ESP_TRY(compute(kernels, w, &last));
    if (result->slot) tell_slots(w, result->slot);
  } else {
    ESP_TRY(compute_elsewhere(kernels, w, result, &last));
  }
  if (result->cost) *result->cost = w->cost;
done:
  release(w);
  return rc;
}

static int force_of(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                    const esp_fmm_bodies *bodies, const unsigned char *active, const esp_fmm_result *result) {
  static const int moments[ESP_FMM_ORDER_MAX + 1] = {0, 0, 8, 8, 16, 32};
  esp_fmm_work w = {.method = &esp_fmm_of_force,
                    .comm = comm,
                    .param = param,
                    .result = result,
                    .order = param->order,
                    .tolerance = param->tolerance};
  if (w.order >= ESP_FMM_ORDER_MIN && w.order <= ESP_FMM_ORDER_MAX) w.moments = moments[w.order];
  ESP_CALL(esp_fmm_run(kernels, &w, bodies, &(esp_fmm_extra){.active = active}));
  return ESP_OK;
}

int esp_fmm_force_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                       const esp_fmm_bodies *bodies, const esp_fmm_result *result) {
  ESP_CALL(force_of(kernels, comm, param, bodies, NULL, result));
  return ESP_OK;
}

int esp_fmm_force_of(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                     const unsigned char *active, const esp_fmm_result *result) {
  ESP_CALL(force_of(esp_fmm_widest(), comm, param, bodies, active, result));
  return ESP_OK;
}

int esp_fmm_force(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                  const esp_fmm_result *result) {
  ESP_CALL(esp_fmm_force_with(esp_fmm_widest(), comm, param, bodies, result));
  return ESP_OK;
}
