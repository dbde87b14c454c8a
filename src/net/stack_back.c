/* The way back through the stack: see stack.h. */
#include "base/exact_sum.h"
#include "net/layer_rows.h"
#include "net/stack_work.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

typedef struct {
  esp_stack_scratch scratch;
  double *ds;                       /* [n][H] dLoss/d(state before the layer); NULL where nothing is before */
  double *d_o;                      /* [n][H] dLoss/d(the layer's output) */
  double *dsum;                     /* [n][wide.sum] */
  double *dkey, *dquery;            /* [n][d] */
  double *dvalue, *doffset, *dboth; /* [n][C], [n][C], [n][H + F] */
  double *embed;                    /* [n][embed hidden] */
  double *carried, *dcarried;       /* [n][F] dLoss/dr^l; what comes of it through what is sent */
} adjoint;

static int adjoint_create(const esp_stack_walk *k, adjoint *g) {
  const esp_stack_slot *slot = k->plan->slot;
  const esp_stack_param *p = k->param;
  const size_t n = (size_t)k->n, H = (size_t)slot->in, d = (size_t)p->dim;
  size_t C = 0;
  for (int l = 0; l < p->layers; l++) C = (size_t)esp_imax((int)C, slot[l].form.channels);
  ESP_CALL(esp_stack_scratch_create(k, 1, &g->scratch));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->ds, n * H));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->d_o, n * H));
  ESP_CALL(ESP_ALLOC(g->dsum, n * (C + 1)));
  ESP_CALL(ESP_ALLOC(g->dkey, n * d));
  if (p->separate) ESP_CALL(ESP_ALLOC(g->dquery, n * d));
  ESP_CALL(ESP_ALLOC(g->dvalue, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_ALLOC(g->doffset, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_ALLOC(g->dboth, n * (H + (size_t)k->F)));
  if (k->plan->carried >= 0) {
    ESP_CALL(ESP_ALLOC(g->dboth, n * (size_t)slot->own));
    ESP_CALL(ESP_ALLOC(g->carried, n * (size_t)k->F));
    ESP_CALL(ESP_ALLOC(g->dcarried, n * (size_t)k->F));
  }
  ESP_CALL(ESP_ALLOC(g->embed, n * (size_t)slot->embed.hidden));
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
  ESP_FREE(g->carried);
  ESP_FREE(g->dcarried);
}

/* Adjoint of send. */
static void send_back(const esp_stack_walk *k, int l, adjoint *g, int64_t *acc) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *s = esp_stack_state(k, l);
  const int n = k->n, H = at->in, C = at->own, wide = H + k->F;
  const double *dvalue = g->carried ? g->dboth : g->dvalue;
  if (g->carried) {
    esp_rows_part(n, C, g->dboth, k->F, g->dcarried, g->dvalue);
    for (size_t i = 0; i < (size_t)n * (size_t)k->F; i++) g->carried[i] += g->dcarried[i];
  }
  if (at->W1 >= 0) {
    double *both = k->pass->both;
    esp_rows_join(n, H, s, k->F, k->pass->v, both);
    k->dense->gradient(n, H, C, s, g->doffset, acc + (size_t)at->W1 * WORDS, acc + (size_t)at->b * WORDS);
    k->dense->gradient(n, wide, C, both, g->dvalue, acc + (size_t)at->W2 * WORDS, NULL);
    if (!g->ds) return;
    k->dense->backward(n, H, C, k->value + at->W1, 1, g->doffset, g->ds);
    k->dense->backward(n, wide, C, k->value + at->W2, 0, g->dvalue, g->dboth);
    for (size_t i = 0; i < (size_t)n; i++)
      for (size_t c = 0; c < (size_t)H; c++) g->ds[i * (size_t)H + c] += g->dboth[i * (size_t)wide + c];
  } else if (at->V >= 0) {
    k->dense->gradient(n, H, C, s, dvalue, acc + (size_t)at->V * WORDS, NULL);
    if (g->ds) k->dense->backward(n, H, C, k->value + at->V, 1, dvalue, g->ds);
  }
}

/* In: g->ds is what goes past the layer; d_o [n][out]. Out: g->ds complete. */
static int back_layer(const esp_stack_walk *k, int l, const double *d_o, adjoint *g, int64_t *acc, esp_cost *cost) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *input = esp_stack_embedded(k, l);
  esp_stack_layer *layer = &k->pass->at[l];
  double *din = esp_embed_raw(k->param->embedding) ? NULL : g->ds;
  esp_stack_update_back(k, l, d_o, &g->scratch, g->dsum, g->ds, acc);
  if (layer->carried) esp_stack_carry_back(k, l, g->carried, g->dsum);
  if (layer->offset) esp_stack_centre_back_sum(k, l, g->dsum);
  int64_t *normal_acc = at->normal >= 0 ? acc + (size_t)at->normal * WORDS : NULL;
  const esp_layer_gradient to = {g->dkey, g->dquery, g->dvalue, g->doffset};
  ESP_CALL(esp_layer_backward(k->backend, &layer->layer, g->dsum, &to, acc + (size_t)at->message * WORDS, normal_acc));
  if (cost) cost->seconds_backward += layer->layer.seconds_backward;
  if (layer->offset) esp_stack_centre_back_offset(k, l, g->dsum, g->doffset);
  send_back(k, l, g, acc);
  esp_embed_backward(k->dense, &at->embed, k->value + at->key, k->n, input, layer->key_work, g->dkey, g->embed, din,
                     acc + (size_t)at->key * WORDS);
  if (!g->dquery) return ESP_OK;
  esp_embed_backward(k->dense, &at->embed, k->value + at->query, k->n, input, layer->query_work, g->dquery, g->embed,
                     din, acc + (size_t)at->query * WORDS);
  return ESP_OK;
}

int esp_stack_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                       const double *dy, int64_t *acc, esp_cost *cost) {
  int rc;
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, pass);
  const int H = k.plan->slot[0].in, lift = k.plan->lift;
  adjoint g = {0};
  k.keep = 1;
  ESP_TRY(backend->comm->agree(backend->comm, adjoint_create(&k, &g)));
  if (g.carried) esp_stack_carry_out_back(&k, dy, g.carried, acc);
  for (int l = pass->layers - 1; l >= 0; l--) {
    const int last = l == pass->layers - 1;
    if (!last) esp_depths[k.param->depth]->join_back((size_t)k.n * (size_t)H, g.ds, g.d_o);
    ESP_TRY(back_layer(&k, l, last ? dy : g.d_o, &g, acc, cost));
  }
  if (lift >= 0)
    k.dense->gradient(k.n, k.D + k.F, H, pass->raw, g.ds, acc + (size_t)lift * WORDS,
                      acc + (size_t)k.plan->lift_bias * WORDS);
  esp_exact_carry(&ESP_EXACT_FULL, acc, (size_t)model->block.count);
done:
  adjoint_free(&g);
  return rc;
}
