/* The way through the stack: see stack.h. */
#include <stdio.h>
#include <string.h>

#include "net/layer_rows.h"
#include "net/stack_work.h"

esp_stack_walk esp_stack_walk_of(const esp_model *model, const esp_backend *backend, const esp_set *set,
                                 esp_pass *pass) {
  esp_stack_walk k = {.model = model, .backend = backend, .set = set, .n = set->n_home, .pass = pass};
  k.param = model->param;
  k.plan = model->plan;
  k.host_value = model->block.value;
  k.value = pass ? pass->value : NULL;
  k.device = backend->device;
  k.dense = k.device->dense;
  k.rows = k.device->rows;
  k.D = model->sizes.width[ESP_INPUT];
  k.F = model->sizes.width[ESP_SENT];
  k.hidden = esp_set_role_width(set, ESP_HIDDEN);
  return k;
}

/* ---- what a pass holds ---- */

static int tree_dim(const esp_stack_walk *k) {
  const esp_stack_param *p = k->param;
  if (p->tree_on == ESP_TREE_ON_FEATURES) return p->tree_features > 0 ? p->tree_features : k->D;
  if (p->tree_on == ESP_TREE_ON_HIDDEN) return p->hidden_halves ? k->hidden / 2 : k->hidden;
  return p->dim;
}

static int check_set(const esp_stack_walk *k) {
  const int D = esp_set_role_width(k->set, ESP_INPUT), F = esp_set_role_width(k->set, ESP_SENT);
  const int targets = esp_set_role_width(k->set, ESP_TARGET), T = k->model->sizes.width[ESP_TARGET];
  const char *trained = k->model->sizes.taken;
  char taken[ESP_SET_TAKEN];
  esp_set_taken(k->set->layout, k->set->width, taken);
  ESP_CHECK(D == k->D && F == k->F && (!trained[0] || !strcmp(taken, trained)), ESP_ERR_ARG,
            "a set of %d features and %d values (%s) for a network of %d and %d (%s): data, and keys that choose their "
            "columns, must be as in its training",
            D, F, taken, k->D, k->F, trained[0] ? trained : "not known which");
  ESP_CHECK(targets == 0 || targets == T, ESP_ERR_ARG, "a set of %d targets for a network of %d", targets, T);
  if (k->param->tree_on == ESP_TREE_ON_HIDDEN) {
    ESP_CHECK(k->hidden > 0, ESP_ERR_ARG, "a tree on hidden coordinates, but the set has none");
    ESP_CHECK(!k->param->hidden_halves || k->hidden % 2 == 0, ESP_ERR_ARG, "%d hidden coordinates in two halves",
              k->hidden);
    ESP_CHECK(tree_dim(k) <= ESP_MAX_DIM, ESP_ERR_ARG, "a tree on %d hidden coordinates: at most %d", tree_dim(k),
              ESP_MAX_DIM);
  }
  return ESP_OK;
}

/* Columns first .. first + count - 1 of rows [n][width]. */
static void columns(int n, int width, int first, int count, const double *rows, double *part) {
  for (size_t i = 0; i < (size_t)n; i++)
    memcpy(part + i * (size_t)count, rows + i * (size_t)width + (size_t)first, (size_t)count * sizeof *part);
}

static int make_tree_keys(const esp_stack_walk *k) {
  const esp_stack_param *p = k->param;
  esp_pass *pass = k->pass;
  const int dim = tree_dim(k);
  if (p->tree_on == ESP_TREE_ON_LEARNED) return ESP_OK;
  ESP_CALL(ESP_ALLOC(pass->tree_key, (size_t)k->n * (size_t)dim));
  if (p->tree_on == ESP_TREE_ON_FEATURES) {
    columns(k->n, k->D, 0, dim, pass->host_x, pass->tree_key);
    return ESP_OK;
  }
  columns(k->n, k->hidden, 0, dim, pass->host_z, pass->tree_key);
  if (!p->hidden_halves || (p->hidden_halves == 1 && !p->separate)) return ESP_OK;
  ESP_CALL(ESP_ALLOC(pass->tree_query, (size_t)k->n * (size_t)dim));
  columns(k->n, k->hidden, dim, dim, pass->host_z, pass->tree_query);
  return ESP_OK;
}

static int state_create(const esp_stack_walk *k) {
  esp_pass *pass = k->pass;
  const esp_stack_param *p = k->param;
  const esp_depth *depth = esp_depths[p->depth];
  const size_t wide = (size_t)k->n * (size_t)p->width;
  pass->state = (esp_depth_state){.depth = depth,
                                  .device = k->device,
                                  .n = k->n,
                                  .width = p->width,
                                  .groups = depth->grouped ? p->groups : 1,
                                  .slots = k->plan->slots - 1,
                                  .kept = depth->implicit || (k->keep && !depth->undo)};
  if (depth->read_back) ESP_CALL(ESP_THERE(k->device, pass->read, wide));
  if (esp_stack_prepared(k)) ESP_CALL(ESP_THERE(k->device, pass->seen, wide));
  ESP_CALL(ESP_THERE(k->device, pass->o, wide));
  return depth->create(&pass->state);
}

int esp_stack_pass_begin(esp_stack_walk *k) {
  esp_pass *pass = k->pass;
  const esp_device *device = k->device;
  const size_t n = (size_t)k->n;
  ESP_CALL(check_set(k));
  ESP_CALL(esp_set_rows(k->set, ESP_INPUT, &pass->host_x, &pass->joined[0]));
  ESP_CALL(esp_set_rows(k->set, ESP_SENT, &pass->host_v, &pass->joined[1]));
  ESP_CALL(esp_set_rows(k->set, ESP_HIDDEN, &pass->host_z, &pass->joined[2]));
  ESP_CALL(esp_device_bring(device, (size_t)k->model->block.count, k->host_value, &pass->copy[0], &pass->value));
  ESP_CALL(esp_device_bring(device, n * (size_t)k->D, pass->host_x, &pass->copy[1], &pass->x));
  ESP_CALL(esp_device_bring(device, n * (size_t)k->F, pass->host_v, &pass->copy[2], &pass->v));
  k->value = pass->value;
  pass->s = pass->x;
  if (k->plan->lift < 0) return ESP_OK;
  ESP_CALL(state_create(k));
  return ESP_THERE(device, pass->raw, n * (size_t)(k->D + k->F));
}

static int layers_begin(const esp_stack_walk *k) {
  const esp_stack_slot *first = &k->plan->slot[0];
  const esp_device *device = k->device;
  const size_t n = (size_t)k->n, H = (size_t)esp_imax(first->in, k->plan->slot[k->plan->slots - 1].in);
  k->pass->held = (esp_stack_frees(k) ? 2 : k->plan->slots) * first->heads;
  ESP_CALL(ESP_ALLOC(k->pass->at, k->pass->held));
  if (first->W1 >= 0) ESP_CALL(ESP_THERE(device, k->pass->both, n * (H + (size_t)k->F)));
  if (k->plan->carried >= 0 || first->heads > 1) ESP_CALL(ESP_THERE(device, k->pass->both, n * (size_t)first->own));
  ESP_CALL(esp_stack_scratch_create(k, 0, &k->pass->scratch));
  ESP_CALL(esp_stack_drop(k));
  return make_tree_keys(k);
}

static int layer_begin(const esp_stack_walk *k, int l, int h) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_device *device = k->device;
  esp_stack_layer *layer = esp_stack_head(k, l, h);
  if (layer->layer.dom) return ESP_OK;
  const size_t n = (size_t)k->n, keys = n * (size_t)k->param->dim, sent = n * (size_t)at->form.channels;
  const size_t hidden = n * (size_t)at->embed.hidden;
  ESP_CALL(ESP_THERE(device, layer->key, keys));
  ESP_CALL(ESP_THERE(device, layer->key_work, hidden));
  if (k->param->separate) ESP_CALL(ESP_THERE(device, layer->query, keys));
  if (k->param->separate) ESP_CALL(ESP_THERE(device, layer->query_work, hidden));
  ESP_CALL(ESP_THERE(device, layer->value, sent));
  if (at->beta >= 0) ESP_CALL(ESP_THERE(device, layer->plain, n * (size_t)(at->own / at->heads)));
  if (at->W1 >= 0) ESP_CALL(ESP_THERE(device, layer->offset, sent));
  if (k->plan->carried >= 0) ESP_CALL(ESP_THERE(device, layer->carried, n * (size_t)k->F));
  return ESP_THERE(device, layer->sum, n * (size_t)at->wide.sum);
}

static void layer_end(const esp_device *device, esp_stack_layer *layer) {
  esp_layer_free(&layer->layer);
  ESP_THERE_FREE(device, layer->key);
  ESP_THERE_FREE(device, layer->query);
  ESP_THERE_FREE(device, layer->key_work);
  ESP_THERE_FREE(device, layer->query_work);
  ESP_THERE_FREE(device, layer->value);
  ESP_THERE_FREE(device, layer->plain);
  ESP_THERE_FREE(device, layer->offset);
  ESP_THERE_FREE(device, layer->sum);
}

void esp_stack_slot_end(const esp_stack_walk *k, int l) {
  for (int h = 0; h < k->plan->slot[l].heads; h++) layer_end(k->device, esp_stack_head(k, l, h));
}

static void pass_end(esp_pass *pass) {
  const esp_device *device = pass->device;
  for (int l = 0; l < pass->held; l++) {
    layer_end(device, &pass->at[l]);
    ESP_THERE_FREE(device, pass->at[l].carried); /* the next layer's */
  }
  for (int r = 0; r < 3; r++) ESP_FREE(pass->joined[r]);
  for (int r = 0; r < 3; r++) ESP_THERE_FREE(device, pass->copy[r]);
  ESP_FREE(pass->at);
  ESP_FREE(pass->tree_key);
  ESP_FREE(pass->tree_query);
  esp_depth_state_free(&pass->state);
  ESP_THERE_FREE(device, pass->read);
  ESP_THERE_FREE(device, pass->seen);
  ESP_THERE_FREE(device, pass->raw);
  ESP_THERE_FREE(device, pass->both);
  ESP_THERE_FREE(device, pass->o);
  ESP_THERE_FREE(device, pass->mask);
  ESP_THERE_FREE(device, pass->mask_seen);
  ESP_THERE_FREE(device, pass->mask_last);
  esp_stack_scratch_free(device, &pass->scratch);
}

void esp_stack_pass_free(esp_pass **pass) {
  if (*pass) pass_end(*pass);
  ESP_FREE(*pass);
}

/* ---- forward ---- */

/* pass->o holds it for a moment where it is not the state itself. */
int esp_stack_lift(const esp_stack_walk *k) {
  esp_pass *pass = k->pass;
  const int H = k->param->width;
  double *lifted = pass->state.value && !pass->state.depth->grouped ? pass->state.value : pass->o;
  int64_t bad;
  if (k->plan->lift < 0) return ESP_OK;
  esp_rows_join(k->rows, k->n, k->D, pass->x, k->F, pass->v, pass->raw);
  k->dense->forward(k->n, k->D + k->F, H, k->value + k->plan->lift, k->value + k->plan->lift_bias, 0, pass->raw,
                    lifted);
  pass->state.depth->begin(&pass->state, lifted, &bad);
  return esp_stack_held(k, "the state before the first layer", bad, H, lifted);
}

/* What each of several heads sends of V s. */
static void send_parts(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const int n = k->n, part = at->own / at->heads;
  k->dense->forward(n, at->in, at->own, k->value + at->V, NULL, 0, k->pass->s, k->pass->both);
  for (int h = 0; h < at->heads; h++) {
    esp_stack_layer *layer = esp_stack_head(k, l, h);
    double *value = layer->plain ? layer->plain : layer->value;
    k->rows->columns(n, part, at->own, h * part, k->pass->both, part, 0, value);
    if (layer->plain) k->rows->state->weigh(n, part, k->value + at->beta + h * part, value, layer->value);
  }
}

/* What is sent, and what receivers bring along. */
static void send(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *s = k->pass->s;
  esp_stack_layer *layer = esp_stack_at(k, l);
  const int n = k->n, H = at->in, C = at->own;
  double *value = layer->plain ? layer->plain : layer->value;
  if (at->W1 >= 0) {
    esp_rows_join(k->rows, n, H, s, k->F, k->pass->v, k->pass->both);
    k->dense->forward(n, H, C, k->value + at->W1, k->value + at->b, 0, s, layer->offset);
    k->dense->forward(n, H + k->F, C, k->value + at->W2, NULL, 0, k->pass->both, layer->value);
  } else if (layer->carried) {
    k->dense->forward(n, H, C, k->value + at->V, NULL, 0, s, k->pass->both);
    esp_rows_join(k->rows, n, C, k->pass->both, k->F, esp_stack_carried(k, l), layer->value);
  } else if (at->V >= 0) {
    k->dense->forward(n, H, C, k->value + at->V, NULL, 0, s, value);
  } else {
    k->rows->copy((size_t)n * (size_t)k->F, k->pass->v, value);
  }
  if (layer->plain) k->rows->state->weigh(n, C, k->value + at->beta, value, layer->value);
}

static esp_split_rule split_of(const esp_stack_walk *k, int l, int h) {
  esp_split_rule rule = {.kind = k->param->split};
  if (rule.kind != ESP_SPLIT_LEARNED) return rule;
  rule.levels = k->param->split_levels;
  rule.normal = k->host_value + k->plan->slot[l].normal + h * k->plan->slot[l].stride;
  return rule;
}

static esp_layer_param layer_param(const esp_stack_walk *k, int l, int h) {
  const esp_stack_param *p = k->param;
  esp_layer_param param = {.domain = p->domain,
                           .form = esp_stack_form(p, &k->plan->slot[l]),
                           .include_self = p->include_self,
                           .near_only = !p->far};
  param.domain.dim = tree_dim(k);
  param.domain.split = split_of(k, l, h);
  if (k->keep && p->domain.lists.pairs_per_particle > 0 && k->plan->slot[l].theta > 0)
    param.domain.lists.theta = k->plan->slot[l].theta;
  return param;
}

static int hear(const esp_stack_walk *k, int l, int h) {
  const int last = l == k->plan->slots - 1;
  const int hops = k->param->tree_on == ESP_TREE_ON_HIDDEN && k->param->hidden_halves == 2;
  const esp_pass *pass = k->pass;
  esp_stack_layer *layer = esp_stack_head(k, l, h);
  const esp_layer_param param = layer_param(k, l, h);
  const esp_layer_input in = {.id = k->set->id,
                              .key = layer->key,
                              .query = layer->query,
                              .value = layer->value,
                              .offset = layer->offset,
                              .tree_key = hops && last ? pass->tree_query : pass->tree_key,
                              .tree_query = hops ? NULL : pass->tree_query,
                              .there = 1};
  const double *message = k->host_value + k->plan->slot[l].message + h * k->plan->slot[l].stride;
  if (layer->layer.dom) return esp_layer_again(k->backend, k->n, &in, message, layer->sum, &layer->layer);
  return esp_layer_forward(k->backend, &param, k->n, &in, message, layer->sum, &layer->layer);
}

/* Where head h listens and speaks. */
static int place(const esp_stack_walk *k, int l, int h) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *input = esp_stack_embedded(k), *value = k->value + h * at->stride;
  ESP_AGREE(k->backend->comm, layer_begin(k, l, h));
  const esp_stack_layer *layer = esp_stack_head(k, l, h);
  esp_embed_forward(k->device, &at->embed, value + at->key, k->n, input, layer->key_work, layer->key);
  if (layer->query)
    esp_embed_forward(k->device, &at->embed, value + at->query, k->n, input, layer->query_work, layer->query);
  return ESP_OK;
}

int esp_stack_run(const esp_stack_walk *k, int l, double *o) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_stack_layer *layer = esp_stack_at(k, l);
  for (int h = 0; h < at->heads; h++) ESP_CALL(place(k, l, h));
  (at->heads > 1 ? send_parts : send)(k, l);
  for (int h = 0; h < at->heads; h++) ESP_CALL(hear(k, l, h));
  if (layer->offset) esp_stack_centre(k, l);
  if (layer->carried) esp_stack_carry(k, l);
  esp_stack_update(k, l, o);
  return ESP_OK;
}

/* What may be seen of slot l while its domain stands. */
static int tell(const esp_stack_walk *k, int l, const esp_visit *visit, esp_cost *cost) {
  const esp_stack_layer *layer = esp_stack_at(k, l);
  for (int h = 0; h < k->plan->slot[l].heads && cost; h++) esp_layer_count(&esp_stack_head(k, l, h)->layer, cost);
  if (k->each) ESP_CALL(k->each(k, l, k->context));
  if (visit) ESP_CALL(esp_stack_show_keys(k, l, visit));
  if (k->keep) ((esp_stack_plan *)k->model->plan)->slot[l].theta = layer->layer.dom->param.lists.theta;
  return ESP_OK;
}

/* Slot l, and what it makes of the state; the last makes y. */
static int run_slot(const esp_stack_walk *k, int l, const esp_visit *visit, double *y, esp_cost *cost) {
  esp_pass *pass = k->pass;
  esp_stack_layer *layer = esp_stack_at(k, l);
  const int last = l == k->plan->slots - 1, settles = esp_stack_settles(k, l);
  char what[48];
  int64_t bad;
  if (visit) ESP_CALL(esp_stack_show_state(k, l, visit));
  if (settles) ESP_CALL(esp_stack_settle(k, l, cost));
  if (!settles) ESP_CALL(esp_stack_see(k, l));
  if (!settles) ESP_CALL(esp_stack_run(k, l, last ? y : pass->o));
  ESP_CALL(tell(k, l, visit, cost));
  if (layer->carried && last) esp_stack_carry_out(k, y);
  if (!k->keep || (esp_stack_frees(k) && !last)) esp_stack_slot_end(k, l);
  if (last || settles) return ESP_OK;
  pass->state.depth->join(&pass->state, l, pass->o, &bad);
  snprintf(what, sizeof what, "layer %d: the state behind it", l / pass->state.groups);
  return esp_stack_held(k, what, bad, k->plan->slot[l].out, pass->o);
}

int esp_stack_through(esp_stack_walk *k, const esp_visit *visit, double *y, esp_cost *cost, esp_pass **pass) {
  const esp_comm *comm = k->backend->comm;
  const esp_stack_plan *plan = k->model->plan;
  esp_pass *made = NULL;
  esp_cost own = {0};
  int rc = ESP_ALLOC(made, 1);
  if (made) made->device = k->device;
  k->pass = made;
  k->keep = pass != NULL;
  if (pass) *pass = NULL;
  if (!rc) rc = esp_stack_pass_begin(k);
  if (!rc) rc = layers_begin(k);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_stack_lift(k));
  for (int l = 0; l < plan->slots; l++) ESP_TRY(run_slot(k, l, visit, y, &own));
  if (pass) own.theta = plan->slot[0].theta;
  if (cost) esp_cost_add(cost, &own);
  if (pass) *pass = made, made = NULL;
done:
  esp_stack_pass_free(&made);
  return rc;
}

int esp_stack_forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                      double *y, esp_cost *cost, esp_pass **pass) {
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, NULL);
  ESP_CALL(esp_stack_through(&k, visit, y, cost, pass));
  return ESP_OK;
}
