/* The way back through the stack: see stack.h. */
#include <string.h>

#include "net/layer_rows.h"
#include "net/stack_work.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* In the device's memory, but for normal. */
typedef struct {
  esp_stack_scratch scratch;
  int64_t *spare;  /* [numbers of the largest slot][WORDS]: what solves for an adjoint adds to nobody's gradient */
  int64_t *normal; /* [normals][WORDS] of one layer, where acc is not the host's: its splits are */
  double *ds;      /* as the state: dLoss/d(that before the slot); NULL where nothing is before */
  double *dread, *dseen;            /* [n][H] by what the slot reads of it, and sees of that; NULL: it is the same */
  double *to;                       /* one of the three: where the gradient by what the slot sees is added */
  double *d_o;                      /* [n][H] dLoss/d(the slot's output), where the output was: pass->o */
  double *dsum;                     /* [heads][n][wide.sum] */
  double *dkey, *dquery;            /* [n][d] */
  double *dvalue, *doffset, *dboth; /* [n][C], [n][C], [n][H + F] */
  double *dplain;                   /* [n][own] where weights go with values */
  double *embed;                    /* [n][embed hidden] */
  double *carried, *dcarried;       /* [n][F] dLoss/dr^l; what comes of it through what is sent */
} adjoint;

/* Numbers of the normals of one layer's learned splits. */
static size_t normals_of(const esp_stack_walk *k) {
  return (((size_t)1 << k->param->split_levels) - 1) * (size_t)k->param->dim;
}

static int spare_create(const esp_stack_walk *k, adjoint *g) {
  ESP_MEMORY_FOR(ESP_MEMORY_OPTIMISER);
  int most = 0;
  for (int l = 0; l < k->plan->slots - 1; l++) most = esp_imax(most, k->plan->slot[l].count);
  return ESP_THERE(k->device, g->spare, (size_t)most * WORDS);
}

static int state_adjoint_create(const esp_stack_walk *k, adjoint *g) {
  const size_t wide = (size_t)k->n * (size_t)k->param->width;
  if (k->plan->lift < 0) return ESP_OK;
  ESP_CALL(ESP_THERE(k->device, g->ds, wide));
  g->d_o = k->pass->o;
  if (esp_stack_settles(k, 0)) ESP_CALL(spare_create(k, g));
  if (k->pass->state.depth->read_back) ESP_CALL(ESP_THERE(k->device, g->dread, wide));
  return esp_stack_prepared(k) ? ESP_THERE(k->device, g->dseen, wide) : ESP_OK;
}

static int adjoint_create(const esp_stack_walk *k, adjoint *g) {
  const esp_stack_slot *slot = k->plan->slot;
  const esp_stack_param *p = k->param;
  const esp_device *device = k->device;
  const size_t n = (size_t)k->n, d = (size_t)p->dim, F = (size_t)k->F;
  size_t C = 0, H = 0;
  for (int l = 0; l < k->plan->slots; l++) C = (size_t)esp_imax((int)C, slot[l].form.channels);
  for (int l = 0; l < k->plan->slots; l++) H = (size_t)esp_imax((int)H, slot[l].in);
  ESP_CALL(esp_stack_scratch_create(k, 1, &g->scratch));
  if (!device->shared && slot->normal >= 0) ESP_CALL(ESP_ALLOC(g->normal, normals_of(k) * WORDS));
  ESP_CALL(state_adjoint_create(k, g));
  ESP_CALL(ESP_THERE(device, g->dsum, n * (C + 1) * (size_t)slot->heads));
  ESP_CALL(ESP_THERE(device, g->dkey, n * d));
  if (p->separate) ESP_CALL(ESP_THERE(device, g->dquery, n * d));
  ESP_CALL(ESP_THERE(device, g->dvalue, n * C));
  if (slot->beta >= 0) ESP_CALL(ESP_THERE(device, g->dplain, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_THERE(device, g->doffset, n * C));
  if (slot->W1 >= 0) ESP_CALL(ESP_THERE(device, g->dboth, n * (H + F)));
  if (slot->heads > 1) ESP_CALL(ESP_THERE(device, g->dboth, n * (size_t)slot->own));
  if (k->plan->carried >= 0) {
    ESP_CALL(ESP_THERE(device, g->dboth, n * (size_t)slot->own));
    ESP_CALL(ESP_THERE(device, g->carried, n * F));
    ESP_CALL(ESP_THERE(device, g->dcarried, n * F));
  }
  return ESP_THERE(device, g->embed, n * (size_t)slot->embed.hidden);
}

static void adjoint_free(const esp_device *device, adjoint *g) {
  double **const rows[] = {&g->ds,      &g->dread, &g->dseen, &g->dsum,    &g->dkey,     &g->dquery, &g->dvalue,
                           &g->doffset, &g->dboth, &g->embed, &g->carried, &g->dcarried, &g->dplain};
  esp_stack_scratch_free(device, &g->scratch);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) ESP_THERE_FREE(device, *rows[r]);
  ESP_FREE(g->normal);
  ESP_THERE_FREE(device, g->spare);
}

/* Adjoint of send. */
static void send_back(const esp_stack_walk *k, int l, adjoint *g, const esp_gradient *to) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *s = k->pass->s;
  const int n = k->n, H = at->in, C = at->own, wide = H + k->F;
  const esp_stack_layer *layer = esp_stack_at(k, l);
  const double *dvalue = g->carried ? g->dboth : g->dplain ? g->dplain : g->dvalue;
  if (g->dplain)
    k->rows->state->weigh_back(n, C, k->value + at->beta, layer->plain, g->dvalue, g->dplain,
                               esp_gradient_at(to, at->beta));
  if (g->carried) {
    esp_rows_part(k->rows, n, C, g->dboth, k->F, g->dcarried, g->dvalue);
    k->rows->add((size_t)n * (size_t)k->F, g->carried, g->dcarried, g->carried);
  }
  if (at->W1 >= 0) {
    double *both = k->pass->both;
    esp_rows_join(k->rows, n, H, s, k->F, k->pass->v, both);
    k->dense->gradient(n, H, C, s, g->doffset, esp_gradient_at(to, at->W1), esp_gradient_at(to, at->b));
    k->dense->gradient(n, wide, C, both, g->dvalue, esp_gradient_at(to, at->W2), NULL);
    if (!g->to) return;
    k->dense->backward(n, H, C, k->value + at->W1, 1, g->doffset, g->to);
    k->dense->backward(n, wide, C, k->value + at->W2, 0, g->dvalue, g->dboth);
    k->rows->add_columns(n, H, wide, 0, g->dboth, H, 0, g->to);
  } else if (at->V >= 0) {
    k->dense->gradient(n, H, C, s, dvalue, esp_gradient_at(to, at->V), NULL);
    if (g->to) k->dense->backward(n, H, C, k->value + at->V, 1, dvalue, g->to);
  }
}

/* What came to head h of several, g->dvalue, into its columns of g->dboth. */
static void send_back_part(const esp_stack_walk *k, int l, int h, adjoint *g, const esp_gradient *to) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const int part = at->own / at->heads, beta = at->beta + h * part;
  const esp_stack_layer *layer = esp_stack_head(k, l, h);
  if (g->dplain)
    k->rows->state->weigh_back(k->n, part, k->value + beta, layer->plain, g->dvalue, g->dplain,
                               esp_gradient_at(to, beta));
  k->rows->columns(k->n, part, part, 0, g->dplain ? g->dplain : g->dvalue, at->own, h * part, g->dboth);
}

/* Adjoint of the sums of head h. */
static int back_messages(const esp_stack_walk *k, int l, int h, adjoint *g, const esp_gradient *to, esp_cost *cost) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const size_t normals = normals_of(k) * WORDS;
  const double *dsum = g->dsum + (size_t)h * (size_t)k->n * (size_t)at->wide.sum;
  esp_layer *layer = &esp_stack_head(k, l, h)->layer;
  int64_t *normal_acc = at->normal >= 0 ? esp_gradient_at(to, at->normal + h * at->stride) : NULL;
  if (g->normal) memset(g->normal, 0, normals * sizeof *g->normal);
  const esp_layer_gradient into = {g->dkey, g->dquery, g->dvalue, g->doffset};
  ESP_CALL(esp_layer_backward(k->backend, layer, dsum, &into, esp_gradient_at(to, at->message + h * at->stride),
                              g->normal ? g->normal : normal_acc));
  if (g->normal) ESP_AGREE(k->backend->comm, esp_device_add(k->device, normals, g->normal, normal_acc));
  if (cost) cost->seconds_backward += layer->seconds_backward;
  return ESP_OK;
}

/* Adjoint of where head h listens and speaks. */
static void back_place(const esp_stack_walk *k, int l, int h, adjoint *g, const esp_gradient *to) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *input = esp_stack_embedded(k), *value = k->value + h * at->stride;
  const esp_stack_layer *layer = esp_stack_head(k, l, h);
  double *din = esp_embed_raw(k->param->embedding) ? NULL : g->to;
  esp_embed_backward(k->device, &at->embed, value + at->key, k->n, input, layer->key_work, g->dkey, g->embed, din,
                     esp_gradient_at(to, at->key + h * at->stride));
  if (g->dquery)
    esp_embed_backward(k->device, &at->embed, value + at->query, k->n, input, layer->query_work, g->dquery, g->embed,
                       din, esp_gradient_at(to, at->query + h * at->stride));
}

static int back_heads(const esp_stack_walk *k, int l, adjoint *g, const esp_gradient *to, esp_cost *cost) {
  const esp_stack_slot *at = &k->plan->slot[l];
  for (int h = 0; h < at->heads; h++) {
    ESP_CALL(back_messages(k, l, h, g, to, cost));
    send_back_part(k, l, h, g, to);
    back_place(k, l, h, g, to);
  }
  k->dense->gradient(k->n, at->in, at->own, k->pass->s, g->dboth, esp_gradient_at(to, at->V), NULL);
  if (g->to) k->dense->backward(k->n, at->in, at->own, k->value + at->V, 1, g->dboth, g->to);
  return ESP_OK;
}

/* In: d_o [n][out]. Out: g->to += the gradient by what the slot sees. */
static int back_layer(const esp_stack_walk *k, int l, const double *d_o, adjoint *g, const esp_gradient *to,
                      esp_cost *cost) {
  const esp_stack_layer *layer = esp_stack_at(k, l);
  esp_stack_update_back(k, l, d_o, &g->scratch, g->dsum, g->to, to);
  if (layer->carried) esp_stack_carry_back(k, l, g->carried, g->dsum);
  if (layer->offset) esp_stack_centre_back_sum(k, l, g->dsum);
  if (k->plan->slot[l].heads > 1) return back_heads(k, l, g, to, cost);
  ESP_CALL(back_messages(k, l, 0, g, to, cost));
  if (layer->offset) esp_stack_centre_back_offset(k, l, g->dsum, g->doffset);
  send_back(k, l, g, to);
  back_place(k, l, 0, g, to);
  return ESP_OK;
}

/* What slot l sees, what it keeps for its way back, and the state before it, made again where they were not kept. */
static int recall(const esp_stack_walk *k, int l) {
  esp_depth_state *state = &k->pass->state;
  ESP_CALL(esp_stack_see(k, l));
  if (l == k->plan->slots - 1 || !esp_stack_undoes(k)) return ESP_OK;
  if (esp_stack_frees(k))
    ESP_CALL(esp_stack_run(k, l, k->pass->o));
  else
    esp_stack_update(k, l, k->pass->o);
  state->depth->undo(state, l, k->pass->o);
  return ESP_OK;
}

/* Where gradients by what slot l reads, and sees, are added; both begin with 0 where they are not the state's own. */
static double *begin_slot(const esp_stack_walk *k, int l, adjoint *g) {
  const size_t count = (size_t)k->n * (size_t)k->plan->slot[l].in;
  double *read = g->dread ? g->dread : g->ds;
  if (g->dread) k->rows->zero(count, g->dread);
  if (g->dseen) k->rows->zero(count, g->dseen);
  g->to = g->dseen ? g->dseen : read;
  return read;
}

/* d_o [n][out] -> the gradient by what the slot reads: in `read` of begin_slot, added. */
static int back_read(const esp_stack_walk *k, int l, const double *d_o, adjoint *g, double *read, esp_gradient *to,
                     esp_cost *cost) {
  ESP_CALL(back_layer(k, l, d_o, g, to, cost));
  return g->dseen ? esp_stack_see_back(k, l, g->dseen, read, to) : ESP_OK;
}

typedef struct {
  const esp_stack_walk *k;
  int l;
  adjoint *g;
} settling;

/* One more step of an adjoint that is solved for: ju = g + (df/ds')^T u. */
static int settling_map(void *context, const double *u, double *gu) {
  const settling *s = context;
  const esp_stack_walk *k = s->k;
  esp_gradient to = {.acc = s->g->spare, .first = k->plan->slot[s->l].first};
  ESP_CALL(esp_stack_see(k, s->l));
  double *read = begin_slot(k, s->l, s->g);
  ESP_CALL(back_read(k, s->l, u, s->g, read, &to, NULL));
  k->rows->add((size_t)k->n * (size_t)k->param->width, s->g->ds, read, gu);
  return ESP_OK;
}

static int back_slot(const esp_stack_walk *k, int l, const double *dy, adjoint *g, esp_gradient *to, esp_cost *cost) {
  esp_pass *pass = k->pass;
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_depth_state *state = &pass->state;
  const int last = l == k->plan->slots - 1;
  ESP_CALL(recall(k, l));
  if (!last) state->depth->join_back(state, l, g->ds, g->d_o);
  esp_stack_damp(k, l, last ? NULL : g->d_o);
  if (esp_stack_settles(k, l)) {
    settling s = {k, l, g};
    ESP_CALL(esp_stack_settle_back(k, l, settling_map, &s, g->d_o, cost));
    ESP_CALL(esp_stack_see(k, l));
  }
  double *read = begin_slot(k, l, g);
  ESP_CALL(esp_gradient_begin(to, at->first, at->count));
  ESP_CALL(back_read(k, l, last ? dy : g->d_o, g, read, to, cost));
  if (g->dread) state->depth->read_back(state, l, g->dread, g->ds);
  if (esp_stack_frees(k)) esp_stack_slot_end(k, l);
  return esp_gradient_end(k->rows, to, at->first, at->count);
}

static int back_lift(const esp_stack_walk *k, adjoint *g, esp_gradient *to) {
  const int lift = k->plan->lift, inputs = k->D + k->F, H = k->param->width;
  const esp_depth_state *state = &k->pass->state;
  const double *ds = g->ds;
  if (lift < 0) return ESP_OK;
  if (state->depth->begin_back) ds = state->depth->begin_back(state, g->ds, g->d_o);
  ESP_CALL(esp_gradient_begin(to, lift, H * inputs + H));
  k->dense->gradient(k->n, inputs, H, k->pass->raw, ds, esp_gradient_at(to, lift),
                     esp_gradient_at(to, k->plan->lift_bias));
  return esp_gradient_end(k->rows, to, lift, H * inputs + H);
}

static int back_carried(const esp_stack_walk *k, const double *dy, adjoint *g, esp_gradient *to) {
  const int at = k->plan->carried;
  if (!g->carried) return ESP_OK;
  ESP_CALL(esp_gradient_begin(to, at, k->F));
  esp_stack_carry_out_back(k, dy, g->carried, to);
  return esp_gradient_end(k->rows, to, at, k->F);
}

int esp_stack_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                       const double *dy, esp_gradient *to, esp_cost *cost) {
  int rc;
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, pass);
  const esp_comm *comm = backend->comm;
  adjoint g = {0};
  k.keep = 1;
  ESP_TRY(comm->agree(comm, adjoint_create(&k, &g)));
  ESP_TRY(back_carried(&k, dy, &g, to));
  for (int l = k.plan->slots - 1; l >= 0; l--) ESP_TRY(back_slot(&k, l, dy, &g, to, cost));
  ESP_TRY(back_lift(&k, &g, to));
  ESP_TRY(esp_device_agree(k.device, comm, ESP_OK));
done:
  adjoint_free(k.device, &g);
  return rc;
}
