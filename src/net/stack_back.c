/* The way back through the stack: see relation.h. */
#include <string.h>

#include "base/exact_sum.h"
#include "net/layer_rows.h"
#include "net/stack_centre.h"
#include "net/stack_work.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

typedef struct {
  esp_stack_scratch scratch;
  double *ds;                       /* [n][H] dLoss/d(state before the layer); NULL where nothing is before */
  double *d_o;                      /* [n][H] dLoss/d(the layer's output) */
  double *dsum;                     /* [n][sum_width] */
  double *dkey, *dquery;            /* [n][d] */
  double *dvalue, *doffset, *dboth; /* [n][C], [n][C], [n][H + F] */
  double *embed;                    /* [n][embed hidden] */
} adjoint;

static int adjoint_create(const esp_stack_walk *k, adjoint *g) {
  const esp_stack *relation = k->relation;
  const esp_stack_param *p = &relation->param;
  const size_t n = (size_t)k->pass->n_home, H = (size_t)relation->slot[0].in, d = (size_t)p->dim;
  const int offset = relation->slot[0].W1 >= 0;
  size_t C = 0;
  for (int l = 0; l < p->layers; l++) C = (size_t)esp_imax((int)C, relation->slot[l].channels);
  ESP_CALL(esp_stack_scratch_create(relation, k->pass->n_home, 1, &g->scratch));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->ds, n * H));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->d_o, n * H));
  ESP_CALL(ESP_ALLOC(g->dsum, n * (C + 1)));
  ESP_CALL(ESP_ALLOC(g->dkey, n * d));
  if (p->separate) ESP_CALL(ESP_ALLOC(g->dquery, n * d));
  ESP_CALL(ESP_ALLOC(g->dvalue, n * C));
  if (offset) ESP_CALL(ESP_ALLOC(g->doffset, n * C));
  if (offset) ESP_CALL(ESP_ALLOC(g->dboth, n * (H + (size_t)p->values)));
  ESP_CALL(ESP_ALLOC(g->embed, n * (size_t)relation->slot[0].embed.hidden));
  return ESP_OK;
}

static void adjoint_free(adjoint *g) {
  esp_stack_scratch_free(&g->scratch);
  ESP_FREE(g->ds);
  ESP_FREE(g->d_o);
  ESP_FREE(g->dsum);
  ESP_FREE(g->dkey);
  ESP_FREE(g->dquery);
  ESP_FREE(g->dvalue);
  ESP_FREE(g->doffset);
  ESP_FREE(g->dboth);
  ESP_FREE(g->embed);
}

/* Adjoint of send. */
static void send_adjoint(const esp_stack_walk *k, int l, adjoint *g, int64_t *acc) {
  const esp_stack *relation = k->relation;
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *s = esp_stack_state(k, l);
  const int n = k->pass->n_home, H = at->in, C = at->channels, F = k->set->values;
  if (at->W1 >= 0) {
    double *both = k->pass->work->both;
    esp_rows_join(n, H, s, F, k->set->v, both);
    k->dense->gradient(n, H, C, s, g->doffset, acc + (size_t)at->W1 * WORDS, acc + (size_t)at->b * WORDS);
    k->dense->gradient(n, H + F, C, both, g->dvalue, acc + (size_t)at->W2 * WORDS, NULL);
    if (!g->ds) return;
    k->dense->backward(n, H, C, value + at->W1, 1, g->doffset, g->ds);
    const size_t wide = (size_t)(H + F);
    k->dense->backward(n, H + F, C, value + at->W2, 0, g->dvalue, g->dboth);
    for (size_t i = 0; i < (size_t)n; i++)
      for (size_t c = 0; c < (size_t)H; c++) g->ds[i * (size_t)H + c] += g->dboth[i * wide + c];
  } else if (at->V >= 0) {
    k->dense->gradient(n, H, C, s, g->dvalue, acc + (size_t)at->V * WORDS, NULL);
    k->dense->backward(n, H, C, value + at->V, 1, g->dvalue, g->ds);
  }
}

/* In: g->ds is what the residual brings; d_o [n][out]. Out: g->ds complete. */
static int back_layer(const esp_stack_walk *k, int l, const double *d_o, adjoint *g, int64_t *acc) {
  const esp_stack *relation = k->relation;
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *input = esp_stack_embedded(k, l), *s = esp_stack_state(k, l);
  esp_stack_pass *pass = k->pass;
  esp_stack_rows *rows = &pass->work->rows[l];
  const int n = pass->n_home;
  double *din = relation->param.embedding == ESP_EMBED_COORDINATES ? NULL : g->ds;
  esp_stack_update_backward(k->dense, relation, l, n, s, pass->sum[l], d_o, &g->scratch, g->dsum, g->ds, acc);
  if (at->W1 >= 0) esp_stack_centre_sum(k->dense, n, at->channels, rows->offset, g->dsum);
  int64_t *normal_acc = at->normal >= 0 ? acc + (size_t)at->normal * WORDS : NULL;
  const esp_layer_gradient to = {g->dkey, g->dquery, g->dvalue, g->doffset};
  ESP_CALL(
      esp_layer_backward(k->backend, &pass->layer[l], g->dsum, &to, acc + (size_t)at->message * WORDS, normal_acc));
  pass->cost.seconds_backward += pass->layer[l].seconds_backward;
  if (at->W1 >= 0) esp_stack_centre_offset(k->dense, n, at->channels, rows->offset, pass->sum[l], g->dsum, g->doffset);
  send_adjoint(k, l, g, acc);
  esp_embed_backward(k->dense, &at->embed, value + at->key, n, input, rows->key_work, g->dkey, g->embed, din,
                     acc + (size_t)at->key * WORDS);
  if (!g->dquery) return ESP_OK;
  esp_embed_backward(k->dense, &at->embed, value + at->query, n, input, rows->query_work, g->dquery, g->embed, din,
                     acc + (size_t)at->query * WORDS);
  return ESP_OK;
}

int esp_stack_backward(const esp_stack *relation, const esp_backend *backend, const esp_feature_set *set,
                       esp_stack_pass *pass, const double *gy, int64_t *acc) {
  int rc = ESP_OK;
  const esp_stack_walk k = {
      .relation = relation, .backend = backend, .dense = backend->device->dense, .set = set, .pass = pass, .keep = 1};
  const int n = pass->n_home, H = relation->slot[0].in;
  const size_t rows = (size_t)n * (size_t)H * sizeof(double);
  adjoint g = {0};
  ESP_TRY(backend->comm->agree(backend->comm, adjoint_create(&k, &g)));
  for (int l = pass->layers - 1; l >= 0; l--) {
    const int last = l == pass->layers - 1;
    if (!last && n) memcpy(g.d_o, g.ds, rows);
    ESP_TRY(back_layer(&k, l, last ? gy : g.d_o, &g, acc));
  }
  if (relation->lift >= 0) {
    k.dense->gradient(n, set->features + set->values, H, pass->work->raw, g.ds, acc + (size_t)relation->lift * WORDS,
                      acc + (size_t)relation->lift_bias * WORDS);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, (size_t)relation->block.count);
done:
  adjoint_free(&g);
  return rc;
}
