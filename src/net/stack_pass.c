/* The way through the stack: see relation.h. */
#include <string.h>

#include "net/layer_rows.h"
#include "net/stack_centre.h"
#include "net/stack_work.h"

static int tree_dim(const esp_stack_param *p, const esp_feature_set *set) {
  if (p->tree_on == ESP_TREE_ON_FEATURES) return p->tree_features > 0 ? p->tree_features : p->features;
  if (p->tree_on == ESP_TREE_ON_HIDDEN) return p->hidden_halves ? set->hidden / 2 : set->hidden;
  return p->dim;
}

/* ---- what a pass holds ---- */

static int check_set(const esp_stack_param *p, const esp_feature_set *set) {
  ESP_CHECK(set->features == p->features && set->values == p->values, ESP_ERR_ARG,
            "a set of %d features and %d values for a network of %d and %d", set->features, set->values, p->features,
            p->values);
  ESP_CHECK(set->targets == 0 || set->targets == p->targets, ESP_ERR_ARG, "a set of %d targets for a network of %d",
            set->targets, p->targets);
  if (p->tree_on == ESP_TREE_ON_HIDDEN) {
    ESP_CHECK(set->hidden > 0, ESP_ERR_ARG, "a tree on hidden coordinates, but the set has none");
    ESP_CHECK(!p->hidden_halves || set->hidden % 2 == 0, ESP_ERR_ARG, "%d hidden coordinates in two halves",
              set->hidden);
    ESP_CHECK(tree_dim(p, set) <= ESP_MAX_DIM, ESP_ERR_ARG, "a tree on %d hidden coordinates: at most %d",
              tree_dim(p, set), ESP_MAX_DIM);
  }
  return ESP_OK;
}

/* Columns first .. first + count - 1 of rows [n][width]. */
static void columns(int n, int width, int first, int count, const double *rows, double *part) {
  for (size_t i = 0; i < (size_t)n; i++)
    memcpy(part + i * (size_t)count, rows + i * (size_t)width + (size_t)first, (size_t)count * sizeof *part);
}

static int make_tree_keys(const esp_stack_walk *k) {
  const esp_stack_param *p = &k->relation->param;
  const esp_feature_set *set = k->set;
  struct esp_stack_work *work = k->pass->work;
  const int n = set->n_home, dim = tree_dim(p, set);
  if (p->tree_on == ESP_TREE_ON_LEARNED) return ESP_OK;
  ESP_CALL(ESP_ALLOC(work->tree_key, (size_t)n * (size_t)dim));
  if (p->tree_on == ESP_TREE_ON_FEATURES) {
    columns(n, p->features, 0, dim, set->x, work->tree_key);
    return ESP_OK;
  }
  columns(n, set->hidden, 0, dim, set->z, work->tree_key);
  if (!p->hidden_halves || (p->hidden_halves == 1 && !p->separate)) return ESP_OK;
  ESP_CALL(ESP_ALLOC(work->tree_query, (size_t)n * (size_t)dim));
  columns(n, set->hidden, dim, dim, set->z, work->tree_query);
  return ESP_OK;
}

static int pass_begin(const esp_stack_walk *k) {
  const esp_stack_param *p = &k->relation->param;
  esp_stack_pass *pass = k->pass;
  const size_t n = (size_t)k->set->n_home, L = (size_t)p->layers, H = (size_t)k->relation->slot[0].in;
  const int offset = k->relation->slot[0].W1 >= 0;
  ESP_CALL(check_set(p, k->set));
  *pass = (esp_stack_pass){.n_home = k->set->n_home, .layers = p->layers};
  ESP_CALL(ESP_ALLOC(pass->work, 1));
  struct esp_stack_work *work = pass->work;
  ESP_CALL(ESP_ALLOC(pass->y, n * (size_t)p->targets));
  if (k->relation->lift >= 0) ESP_CALL(ESP_ALLOC(pass->state, (k->keep ? L : 1) * n * H));
  ESP_CALL(ESP_ALLOC(pass->key, L));
  ESP_CALL(ESP_ALLOC(pass->query, L));
  ESP_CALL(ESP_ALLOC(pass->sum, L));
  ESP_CALL(ESP_ALLOC(pass->layer, L));
  ESP_CALL(ESP_ALLOC(work->rows, L));
  if (L > 1) ESP_CALL(ESP_ALLOC(work->raw, n * (size_t)(p->features + p->values)));
  if (L > 1) ESP_CALL(ESP_ALLOC(work->o, n * H));
  if (offset) ESP_CALL(ESP_ALLOC(work->both, n * (H + (size_t)p->values)));
  ESP_CALL(esp_stack_scratch_create(k->relation, k->set->n_home, 0, &work->scratch));
  return make_tree_keys(k);
}

static int layer_begin(const esp_stack_walk *k, int l) {
  const esp_stack_param *p = &k->relation->param;
  const esp_stack_slot *at = &k->relation->slot[l];
  const esp_form form = esp_stack_form(k->relation, l);
  esp_stack_pass *pass = k->pass;
  esp_stack_rows *rows = &pass->work->rows[l];
  const size_t n = (size_t)pass->n_home, keys = n * (size_t)p->dim, sent = n * (size_t)at->channels;
  const size_t hidden = n * (size_t)at->embed.hidden;
  ESP_CALL(ESP_ALLOC(pass->key[l], keys));
  ESP_CALL(ESP_ALLOC(rows->key_work, hidden));
  if (p->separate) ESP_CALL(ESP_ALLOC(pass->query[l], keys));
  if (p->separate) ESP_CALL(ESP_ALLOC(rows->query_work, hidden));
  ESP_CALL(ESP_ALLOC(rows->value, sent));
  if (at->W1 >= 0) ESP_CALL(ESP_ALLOC(rows->offset, sent));
  ESP_CALL(ESP_ALLOC(pass->sum[l], n * (size_t)esp_form_widths(&form).sum));
  return ESP_OK;
}

static void layer_end(esp_stack_pass *pass, int l) {
  esp_stack_rows *rows = &pass->work->rows[l];
  esp_layer_free(&pass->layer[l]);
  ESP_FREE(pass->key[l]);
  ESP_FREE(pass->query[l]);
  ESP_FREE(pass->sum[l]);
  ESP_FREE(rows->key_work);
  ESP_FREE(rows->query_work);
  ESP_FREE(rows->value);
  ESP_FREE(rows->offset);
}

/* All but y. */
static void pass_drop(esp_stack_pass *pass) {
  struct esp_stack_work *work = pass->work;
  const int whole = work && pass->key && pass->query && pass->sum && pass->layer && work->rows;
  for (int l = 0; whole && l < pass->layers; l++) layer_end(pass, l);
  ESP_FREE(pass->state);
  ESP_FREE(pass->key);
  ESP_FREE(pass->query);
  ESP_FREE(pass->sum);
  ESP_FREE(pass->layer);
  if (!work) return;
  ESP_FREE(work->rows);
  ESP_FREE(work->tree_key);
  ESP_FREE(work->tree_query);
  ESP_FREE(work->raw);
  ESP_FREE(work->both);
  ESP_FREE(work->o);
  esp_stack_scratch_free(&work->scratch);
  ESP_FREE(pass->work);
}

void esp_stack_pass_free(esp_stack_pass *pass) {
  pass_drop(pass);
  ESP_FREE(pass->y);
  *pass = (esp_stack_pass){0};
}

/* ---- forward ---- */

static void lift(const esp_dense *dense, const esp_stack *relation, const esp_feature_set *set, double *raw,
                 double *s) {
  const int n = set->n_home, D = set->features, F = set->values;
  esp_rows_join(n, D, set->x, F, set->v, raw);
  dense->forward(n, D + F, relation->slot[0].in, relation->block.value + relation->lift,
                 relation->block.value + relation->lift_bias, 0, raw, s);
}

/* What is sent, and what receivers bring along. */
static void send(const esp_stack_walk *k, int l) {
  const esp_stack *relation = k->relation;
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *s = esp_stack_state(k, l);
  esp_stack_rows *rows = &k->pass->work->rows[l];
  const int n = k->pass->n_home, H = at->in, C = at->channels, F = k->set->values;
  if (at->W1 >= 0) {
    esp_rows_join(n, H, s, F, k->set->v, k->pass->work->both);
    k->dense->forward(n, H, C, value + at->W1, value + at->b, 0, s, rows->offset);
    k->dense->forward(n, H + F, C, value + at->W2, NULL, 0, k->pass->work->both, rows->value);
  } else if (at->V >= 0) {
    k->dense->forward(n, H, C, value + at->V, NULL, 0, s, rows->value);
  } else if (n) {
    memcpy(rows->value, k->set->v, (size_t)n * (size_t)F * sizeof *rows->value);
  }
}

static esp_layer_param layer_param(const esp_stack_walk *k, int l) {
  const esp_stack_param *p = &k->relation->param;
  esp_layer_param param = {.domain = p->domain,
                           .form = esp_stack_form(k->relation, l),
                           .include_self = p->include_self,
                           .gate_tolerance = p->gate_tolerance,
                           .fade = p->fade,
                           .near_only = !p->far};
  param.domain.dim = tree_dim(p, k->set);
  param.domain.split = (esp_split_rule){.kind = p->split};
  if (p->split == ESP_SPLIT_LEARNED) {
    param.domain.split.levels = p->split_levels;
    param.domain.split.normal = k->relation->block.value + k->relation->slot[l].normal;
  }
  if (p->domain.lists.pairs_per_particle > 0 && k->relation->theta[l] > 0)
    param.domain.lists.theta = k->relation->theta[l];
  return param;
}

static int run_layer(const esp_stack_walk *k, int l, const esp_visit *visit) {
  const esp_stack *relation = k->relation;
  const esp_stack_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *input = esp_stack_embedded(k, l), *s = esp_stack_state(k, l);
  esp_stack_pass *pass = k->pass;
  const int n = pass->n_home, last = l == pass->layers - 1;
  const int hops = relation->param.tree_on == ESP_TREE_ON_HIDDEN && relation->param.hidden_halves == 2;
  ESP_AGREE(k->backend->comm, layer_begin(k, l));
  struct esp_stack_work *work = pass->work;
  esp_stack_rows *rows = &work->rows[l];
  esp_embed_forward(k->dense, &at->embed, value + at->key, n, input, rows->key_work, pass->key[l]);
  if (pass->query[l])
    esp_embed_forward(k->dense, &at->embed, value + at->query, n, input, rows->query_work, pass->query[l]);
  send(k, l);
  const esp_layer_param param = layer_param(k, l);
  const esp_layer_input in = {.id = k->set->id,
                              .key = pass->key[l],
                              .query = pass->query[l],
                              .value = rows->value,
                              .offset = rows->offset,
                              .tree_key = hops && last ? work->tree_query : work->tree_key,
                              .tree_query = hops ? NULL : work->tree_query};
  ESP_CALL(esp_layer_forward(k->backend, &param, n, &in, value + at->message, pass->sum[l], &pass->layer[l]));
  esp_layer_count(&pass->layer[l], &pass->cost);
  if (at->W1 >= 0) esp_stack_centre(k->dense, n, at->channels, rows->offset, pass->sum[l]);
  if (visit) ESP_CALL(visit->layer(visit->context, l, pass->layer[l].dom, pass->key[l], pass->query[l]));
  esp_stack_update_forward(k->dense, relation, l, n, s, pass->sum[l], &work->scratch, last ? pass->y : work->o);
  if (!last) {
    double *next = esp_stack_lifted(k, l + 1);
    for (size_t i = 0; i < (size_t)n * (size_t)at->in; i++) next[i] = s[i] + work->o[i];
  }
  if (!k->keep) layer_end(pass, l);
  return ESP_OK;
}

int esp_stack_forward(const esp_stack *relation, const esp_backend *backend, const esp_feature_set *set, int keep,
                      const esp_visit *visit, esp_stack_pass *pass) {
  int rc = ESP_OK;
  const esp_stack_walk k = {.relation = relation,
                            .backend = backend,
                            .dense = backend->device->dense,
                            .set = set,
                            .pass = pass,
                            .keep = keep};
  *pass = (esp_stack_pass){0};
  ESP_TRY(backend->comm->agree(backend->comm, pass_begin(&k)));
  if (relation->lift >= 0) lift(backend->device->dense, relation, set, pass->work->raw, esp_stack_lifted(&k, 0));
  for (int l = 0; l < pass->layers; l++) ESP_TRY(run_layer(&k, l, visit));
  if (!keep) pass_drop(pass);
done:
  if (rc) esp_stack_pass_free(pass);
  return rc;
}

int esp_stack_place(const esp_stack *relation, const esp_feature_set *set, double *key, double *query) {
  int rc = ESP_OK;
  const esp_stack_slot *at = &relation->slot[0];
  const size_t n = (size_t)set->n_home;
  double *raw = NULL, *s = NULL, *work = NULL;
  const esp_dense *dense = &esp_dense_cpu; /* local: there is no backend */
  ESP_CALL(check_set(&relation->param, set));
  if (relation->lift >= 0) ESP_TRY(ESP_ALLOC(raw, n * (size_t)(set->features + set->values)));
  if (relation->lift >= 0) ESP_TRY(ESP_ALLOC(s, n * (size_t)at->in));
  ESP_TRY(ESP_ALLOC(work, n * (size_t)at->embed.hidden));
  if (relation->lift >= 0) lift(dense, relation, set, raw, s);
  const double *input = relation->param.embedding == ESP_EMBED_COORDINATES || relation->lift < 0 ? set->x : s;
  esp_embed_forward(dense, &at->embed, relation->block.value + at->key, set->n_home, input, work, key);
  const int from = at->query < 0 ? at->key : at->query; /* one map: the queries are the keys */
  if (query) esp_embed_forward(dense, &at->embed, relation->block.value + from, set->n_home, input, work, query);
done:
  ESP_FREE(raw);
  ESP_FREE(s);
  ESP_FREE(work);
  return rc;
}
