/* The way back through the stack: see stack.h. */
#include <string.h>

#include "base/exact_sum.h"
#include "net/layer_rows.h"
#include "net/stack_work.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* In the device's memory, but for normal. */
typedef struct {
  esp_stack_scratch scratch;
  int64_t *normal;                  /* [normals][WORDS] of one layer, where acc is not the host's: its splits are */
  double *ds;                       /* [n][H] dLoss/d(state before the layer); NULL where nothing is before */
  double *d_o;                      /* [n][H] dLoss/d(the layer's output) */
  double *dsum;                     /* [n][wide.sum] */
  double *dkey, *dquery;            /* [n][d] */
  double *dvalue, *doffset, *dboth; /* [n][C], [n][C], [n][H + F] */
  double *embed;                    /* [n][embed hidden] */
  double *carried, *dcarried;       /* [n][F] dLoss/dr^l; what comes of it through what is sent */
} adjoint;

/* Numbers of the normals of one layer's learned splits. */
static size_t normals_of(const esp_stack_walk *k) {
  return (((size_t)1 << k->param->split_levels) - 1) * (size_t)k->param->dim;
}

static int adjoint_create(const esp_stack_walk *k, adjoint *g) {
  const esp_stack_slot *slot = k->plan->slot;
  const esp_stack_param *p = k->param;
  const esp_device *device = k->device;
  const size_t n = (size_t)k->n, H = (size_t)slot->in, d = (size_t)p->dim, F = (size_t)k->F;
  size_t C = 0;
  for (int l = 0; l < p->layers; l++) C = (size_t)esp_imax((int)C, slot[l].form.channels);
  ESP_CALL(esp_stack_scratch_create(k, 1, &g->scratch));
  if (!device->shared && slot->normal >= 0) ESP_CALL(ESP_ALLOC(g->normal, normals_of(k) * WORDS));
  if (p->layers > 1) ESP_CALL(ESP_THERE(device, g->ds, n * H));
  if (p->layers > 1) ESP_CALL(ESP_THERE(device, g->d_o, n * H));
  ESP_CALL(ESP_THERE(device, g->dsum, n * (C + 1)));
  ESP_CALL(ESP_THERE(device, g->dkey, n * d));
  if (p->separate) ESP_CALL(ESP_THERE(device, g->dquery, n * d));
  ESP_CALL(ESP_THERE(device, g->dvalue, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_THERE(device, g->doffset, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_THERE(device, g->dboth, n * (H + F)));
  if (k->plan->carried >= 0) {
    ESP_CALL(ESP_THERE(device, g->dboth, n * (size_t)slot->own));
    ESP_CALL(ESP_THERE(device, g->carried, n * F));
    ESP_CALL(ESP_THERE(device, g->dcarried, n * F));
  }
  return ESP_THERE(device, g->embed, n * (size_t)slot->embed.hidden);
}

static void adjoint_free(const esp_device *device, adjoint *g) {
  double **const rows[] = {&g->ds,      &g->d_o,   &g->dsum,  &g->dkey,    &g->dquery,  &g->dvalue,
                           &g->doffset, &g->dboth, &g->embed, &g->carried, &g->dcarried};
  esp_stack_scratch_free(device, &g->scratch);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) ESP_THERE_FREE(device, *rows[r]);
  ESP_FREE(g->normal);
}

/* Adjoint of send. */
static void send_back(const esp_stack_walk *k, int l, adjoint *g, int64_t *acc) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *s = esp_stack_state(k, l);
  const int n = k->n, H = at->in, C = at->own, wide = H + k->F;
  const double *dvalue = g->carried ? g->dboth : g->dvalue;
  if (g->carried) {
    esp_rows_part(k->rows, n, C, g->dboth, k->F, g->dcarried, g->dvalue);
    k->rows->add((size_t)n * (size_t)k->F, g->carried, g->dcarried, g->carried);
  }
  if (at->W1 >= 0) {
    double *both = k->pass->both;
    esp_rows_join(k->rows, n, H, s, k->F, k->pass->v, both);
    k->dense->gradient(n, H, C, s, g->doffset, acc + (size_t)at->W1 * WORDS, acc + (size_t)at->b * WORDS);
    k->dense->gradient(n, wide, C, both, g->dvalue, acc + (size_t)at->W2 * WORDS, NULL);
    if (!g->ds) return;
    k->dense->backward(n, H, C, k->value + at->W1, 1, g->doffset, g->ds);
    k->dense->backward(n, wide, C, k->value + at->W2, 0, g->dvalue, g->dboth);
    k->rows->add_columns(n, H, wide, 0, g->dboth, H, 0, g->ds);
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
  const size_t normals = normals_of(k) * WORDS;
  int64_t *normal_acc = at->normal >= 0 ? acc + (size_t)at->normal * WORDS : NULL;
  if (g->normal) memset(g->normal, 0, normals * sizeof *g->normal);
  const esp_layer_gradient to = {g->dkey, g->dquery, g->dvalue, g->doffset};
  ESP_CALL(esp_layer_backward(k->backend, &layer->layer, g->dsum, &to, acc + (size_t)at->message * WORDS,
                              g->normal ? g->normal : normal_acc));
  if (g->normal) ESP_AGREE(k->backend->comm, esp_device_add(k->device, normals, g->normal, normal_acc));
  if (cost) cost->seconds_backward += layer->layer.seconds_backward;
  if (layer->offset) esp_stack_centre_back_offset(k, l, g->dsum, g->doffset);
  send_back(k, l, g, acc);
  esp_embed_backward(k->device, &at->embed, k->value + at->key, k->n, input, layer->key_work, g->dkey, g->embed, din,
                     acc + (size_t)at->key * WORDS);
  if (!g->dquery) return ESP_OK;
  esp_embed_backward(k->device, &at->embed, k->value + at->query, k->n, input, layer->query_work, g->dquery, g->embed,
                     din, acc + (size_t)at->query * WORDS);
  return ESP_OK;
}

int esp_stack_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                       const double *dy, int64_t *acc, esp_cost *cost) {
  int rc;
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, pass);
  const esp_comm *comm = backend->comm;
  const int H = k.plan->slot[0].in, lift = k.plan->lift;
  adjoint g = {0};
  k.keep = 1;
  ESP_TRY(comm->agree(comm, adjoint_create(&k, &g)));
  if (g.carried) esp_stack_carry_out_back(&k, dy, g.carried, acc);
  for (int l = pass->layers - 1; l >= 0; l--) {
    const int last = l == pass->layers - 1;
    if (!last) esp_depths[k.param->depth]->join_back(k.rows, (size_t)k.n * (size_t)H, g.ds, g.d_o);
    ESP_TRY(back_layer(&k, l, last ? dy : g.d_o, &g, acc, cost));
  }
  if (lift >= 0)
    k.dense->gradient(k.n, k.D + k.F, H, pass->raw, g.ds, acc + (size_t)lift * WORDS,
                      acc + (size_t)k.plan->lift_bias * WORDS);
  k.rows->exact_carry(&ESP_EXACT_FULL, acc, (size_t)model->block.count);
  ESP_TRY(esp_device_agree(k.device, comm, ESP_OK));
done:
  adjoint_free(k.device, &g);
  return rc;
}
