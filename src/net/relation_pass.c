/* The way through the stack and back: see relation.h. */
#include <string.h>

#include "base/exact_sum.h"
#include "net/dense.h"
#include "net/relation_centre.h"
#include "net/relation_update.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* Rows of one layer that its adjoint needs, beside those in the pass. */
typedef struct {
  double *key_work, *query_work; /* [n][embed hidden] */
  double *value, *offset;        /* [n][C] what is sent; offset: mlp */
} layer_rows;

struct esp_relation_work {
  double *tree_key, *tree_query; /* [n][tree dim] where the tree is not built on the learned keys; with two hops the
                                    second is the last layer's key */
  double *raw;                   /* [n][D + F] [x; v] */
  double *both;                  /* [n][H + F] [s; v] */
  double *o;                     /* [n][width] */
  layer_rows *rows;              /* [L] */
  esp_relation_scratch scratch;
};

typedef struct {
  const esp_relation *relation;
  const esp_backend *backend;
  const esp_feature_set *set;
  esp_relation_pass *pass;
  int keep;
} stack;

/* rows [n][left + right] = [a; b]. */
static void join(int n, int left, const double *a, int right, const double *b, double *rows) {
  const size_t l = (size_t)left, r = (size_t)right;
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy(rows + i * (l + r), a + i * l, l * sizeof *rows);
    memcpy(rows + i * (l + r) + l, b + i * r, r * sizeof *rows);
  }
}

static double *lifted(const stack *k, int l) {
  const size_t size = (size_t)k->pass->n_home * (size_t)k->relation->slot[0].in;
  return k->pass->state + (k->keep ? (size_t)l * size : 0);
}

/* Without a lift there is one layer, on the raw features. */
static const double *state(const stack *k, int l) {
  return k->relation->lift < 0 ? k->set->x : lifted(k, l);
}

/* What the embedding of a layer sees: coordinates are those of the raw features. */
static const double *embed_input(const stack *k, int l) {
  return k->relation->param.embedding == ESP_EMBED_COORDINATES ? k->set->x : state(k, l);
}

static int tree_dim(const esp_relation_param *p, const esp_feature_set *set) {
  if (p->tree_on == ESP_TREE_ON_FEATURES) return p->tree_features > 0 ? p->tree_features : p->features;
  if (p->tree_on == ESP_TREE_ON_HIDDEN) return p->hidden_halves ? set->hidden / 2 : set->hidden;
  return p->dim;
}

/* ---- what a pass holds ---- */

static int check_set(const esp_relation_param *p, const esp_feature_set *set) {
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

static int make_tree_keys(const stack *k) {
  const esp_relation_param *p = &k->relation->param;
  const esp_feature_set *set = k->set;
  struct esp_relation_work *work = k->pass->work;
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

static int pass_begin(const stack *k) {
  const esp_relation_param *p = &k->relation->param;
  esp_relation_pass *pass = k->pass;
  const size_t n = (size_t)k->set->n_home, L = (size_t)p->layers, H = (size_t)k->relation->slot[0].in;
  ESP_CALL(check_set(p, k->set));
  *pass = (esp_relation_pass){.n_home = k->set->n_home, .layers = p->layers};
  ESP_CALL(ESP_ALLOC(pass->work, 1));
  struct esp_relation_work *work = pass->work;
  ESP_CALL(ESP_ALLOC(pass->y, n * (size_t)p->targets));
  if (k->relation->lift >= 0) ESP_CALL(ESP_ALLOC(pass->state, (k->keep ? L : 1) * n * H));
  ESP_CALL(ESP_ALLOC(pass->key, L));
  ESP_CALL(ESP_ALLOC(pass->query, L));
  ESP_CALL(ESP_ALLOC(pass->sum, L));
  ESP_CALL(ESP_ALLOC(pass->layer, L));
  ESP_CALL(ESP_ALLOC(work->rows, L));
  if (L > 1) ESP_CALL(ESP_ALLOC(work->raw, n * (size_t)(p->features + p->values)));
  if (L > 1) ESP_CALL(ESP_ALLOC(work->o, n * H));
  if (p->mlp) ESP_CALL(ESP_ALLOC(work->both, n * (H + (size_t)p->values)));
  ESP_CALL(esp_relation_scratch_create(k->relation, k->set->n_home, 0, &work->scratch));
  return make_tree_keys(k);
}

static int layer_begin(const stack *k, int l) {
  const esp_relation_param *p = &k->relation->param;
  const esp_relation_slot *at = &k->relation->slot[l];
  const esp_form form = esp_relation_form(k->relation, l);
  esp_relation_pass *pass = k->pass;
  layer_rows *rows = &pass->work->rows[l];
  const size_t n = (size_t)pass->n_home, keys = n * (size_t)p->dim, sent = n * (size_t)at->channels;
  const size_t hidden = n * (size_t)at->embed.hidden;
  ESP_CALL(ESP_ALLOC(pass->key[l], keys));
  ESP_CALL(ESP_ALLOC(rows->key_work, hidden));
  if (p->separate) ESP_CALL(ESP_ALLOC(pass->query[l], keys));
  if (p->separate) ESP_CALL(ESP_ALLOC(rows->query_work, hidden));
  ESP_CALL(ESP_ALLOC(rows->value, sent));
  if (p->mlp) ESP_CALL(ESP_ALLOC(rows->offset, sent));
  ESP_CALL(ESP_ALLOC(pass->sum[l], n * (size_t)esp_form_widths(&form).sum));
  return ESP_OK;
}

static void layer_end(esp_relation_pass *pass, int l) {
  layer_rows *rows = &pass->work->rows[l];
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
static void pass_drop(esp_relation_pass *pass) {
  struct esp_relation_work *work = pass->work;
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
  esp_relation_scratch_free(&work->scratch);
  ESP_FREE(pass->work);
}

void esp_relation_pass_free(esp_relation_pass *pass) {
  pass_drop(pass);
  ESP_FREE(pass->y);
  *pass = (esp_relation_pass){0};
}

/* ---- forward ---- */

static void lift(const esp_relation *relation, const esp_feature_set *set, double *raw, double *s) {
  const int n = set->n_home, D = set->features, F = set->values;
  join(n, D, set->x, F, set->v, raw);
  esp_dense_forward(n, D + F, relation->slot[0].in, relation->block.value + relation->lift,
                    relation->block.value + relation->lift_bias, 0, raw, s);
}

/* What is sent, and the receivers' part of the mlp message. */
static void send(const stack *k, int l) {
  const esp_relation *relation = k->relation;
  const esp_relation_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *s = state(k, l);
  layer_rows *rows = &k->pass->work->rows[l];
  const int n = k->pass->n_home, H = at->in, C = at->channels, F = k->set->values;
  if (relation->param.mlp) {
    join(n, H, s, F, k->set->v, k->pass->work->both);
    esp_dense_forward(n, H, C, value + at->W1, value + at->b, 0, s, rows->offset);
    esp_dense_forward(n, H + F, C, value + at->W2, NULL, 0, k->pass->work->both, rows->value);
  } else if (at->V >= 0) {
    esp_dense_forward(n, H, C, value + at->V, NULL, 0, s, rows->value);
  } else if (n) {
    memcpy(rows->value, k->set->v, (size_t)n * (size_t)F * sizeof *rows->value);
  }
}

static esp_layer_param layer_param(const stack *k, int l) {
  const esp_relation_param *p = &k->relation->param;
  esp_layer_param param = {.domain = p->domain,
                           .form = esp_relation_form(k->relation, l),
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

static void count_cost(const esp_layer *layer, esp_cost *cost) {
  cost->near_pairs += layer->dom->lists.near_pairs;
  cost->far_pairs += layer->dom->lists.far_pairs;
  cost->seconds_build += layer->seconds_build;
  cost->seconds_forward += layer->seconds_forward;
}

static int run_layer(const stack *k, int l, const esp_visit *visit) {
  const esp_relation *relation = k->relation;
  const esp_relation_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *input = embed_input(k, l), *s = state(k, l);
  esp_relation_pass *pass = k->pass;
  const int n = pass->n_home, last = l == pass->layers - 1;
  const int hops = relation->param.tree_on == ESP_TREE_ON_HIDDEN && relation->param.hidden_halves == 2;
  ESP_AGREE(k->backend->comm, layer_begin(k, l));
  struct esp_relation_work *work = pass->work;
  layer_rows *rows = &work->rows[l];
  esp_embed_forward(&at->embed, value + at->key, n, input, rows->key_work, pass->key[l]);
  if (pass->query[l]) esp_embed_forward(&at->embed, value + at->query, n, input, rows->query_work, pass->query[l]);
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
  count_cost(&pass->layer[l], &pass->cost);
  if (relation->param.mlp) esp_relation_centre(n, at->channels, rows->offset, pass->sum[l]);
  if (visit) ESP_CALL(visit->layer(visit->context, l, pass->layer[l].dom, pass->key[l], pass->query[l]));
  esp_relation_update_forward(relation, l, n, s, pass->sum[l], &work->scratch, last ? pass->y : work->o);
  if (!last) {
    double *next = lifted(k, l + 1);
    for (size_t i = 0; i < (size_t)n * (size_t)at->in; i++) next[i] = s[i] + work->o[i];
  }
  if (!k->keep) layer_end(pass, l);
  return ESP_OK;
}

int esp_relation_forward(const esp_relation *relation, const esp_backend *backend, const esp_feature_set *set, int keep,
                         const esp_visit *visit, esp_relation_pass *pass) {
  int rc = ESP_OK;
  const stack k = {.relation = relation, .backend = backend, .set = set, .pass = pass, .keep = keep};
  *pass = (esp_relation_pass){0};
  ESP_TRY(backend->comm->agree(backend->comm, pass_begin(&k)));
  if (relation->lift >= 0) lift(relation, set, pass->work->raw, lifted(&k, 0));
  for (int l = 0; l < pass->layers; l++) ESP_TRY(run_layer(&k, l, visit));
  if (!keep) pass_drop(pass);
done:
  if (rc) esp_relation_pass_free(pass);
  return rc;
}

int esp_relation_place(const esp_relation *relation, const esp_feature_set *set, double *key, double *query) {
  int rc = ESP_OK;
  const esp_relation_slot *at = &relation->slot[0];
  const size_t n = (size_t)set->n_home;
  double *raw = NULL, *s = NULL, *work = NULL;
  ESP_CALL(check_set(&relation->param, set));
  if (relation->lift >= 0) ESP_TRY(ESP_ALLOC(raw, n * (size_t)(set->features + set->values)));
  if (relation->lift >= 0) ESP_TRY(ESP_ALLOC(s, n * (size_t)at->in));
  ESP_TRY(ESP_ALLOC(work, n * (size_t)at->embed.hidden));
  if (relation->lift >= 0) lift(relation, set, raw, s);
  const double *input = relation->param.embedding == ESP_EMBED_COORDINATES || relation->lift < 0 ? set->x : s;
  esp_embed_forward(&at->embed, relation->block.value + at->key, set->n_home, input, work, key);
  const int from = at->query < 0 ? at->key : at->query; /* one map: the queries are the keys */
  if (query) esp_embed_forward(&at->embed, relation->block.value + from, set->n_home, input, work, query);
done:
  ESP_FREE(raw);
  ESP_FREE(s);
  ESP_FREE(work);
  return rc;
}

/* ---- backward ---- */

typedef struct {
  esp_relation_scratch scratch;
  double *ds;                       /* [n][H] dLoss/d(state before the layer); NULL where nothing is before */
  double *d_o;                      /* [n][H] dLoss/d(the layer's output) */
  double *dsum;                     /* [n][sum_width] */
  double *dkey, *dquery;            /* [n][d] */
  double *dvalue, *doffset, *dboth; /* [n][C], [n][C], [n][H + F] */
  double *embed;                    /* [n][embed hidden] */
} adjoint;

static int adjoint_create(const stack *k, adjoint *g) {
  const esp_relation *relation = k->relation;
  const esp_relation_param *p = &relation->param;
  const size_t n = (size_t)k->pass->n_home, H = (size_t)relation->slot[0].in, d = (size_t)p->dim;
  size_t C = 0;
  for (int l = 0; l < p->layers; l++) C = (size_t)esp_imax((int)C, relation->slot[l].channels);
  ESP_CALL(esp_relation_scratch_create(relation, k->pass->n_home, 1, &g->scratch));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->ds, n * H));
  if (p->layers > 1) ESP_CALL(ESP_ALLOC(g->d_o, n * H));
  ESP_CALL(ESP_ALLOC(g->dsum, n * (C + 1)));
  ESP_CALL(ESP_ALLOC(g->dkey, n * d));
  if (p->separate) ESP_CALL(ESP_ALLOC(g->dquery, n * d));
  ESP_CALL(ESP_ALLOC(g->dvalue, n * C));
  if (p->mlp) ESP_CALL(ESP_ALLOC(g->doffset, n * C));
  if (p->mlp) ESP_CALL(ESP_ALLOC(g->dboth, n * (H + (size_t)p->values)));
  ESP_CALL(ESP_ALLOC(g->embed, n * (size_t)relation->slot[0].embed.hidden));
  return ESP_OK;
}

static void adjoint_free(adjoint *g) {
  esp_relation_scratch_free(&g->scratch);
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
static void send_adjoint(const stack *k, int l, adjoint *g, int64_t *acc) {
  const esp_relation *relation = k->relation;
  const esp_relation_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *s = state(k, l);
  const int n = k->pass->n_home, H = at->in, C = at->channels, F = k->set->values;
  if (relation->param.mlp) {
    double *both = k->pass->work->both;
    join(n, H, s, F, k->set->v, both);
    esp_dense_gradient(n, H, C, s, g->doffset, acc + (size_t)at->W1 * WORDS, acc + (size_t)at->b * WORDS);
    esp_dense_gradient(n, H + F, C, both, g->dvalue, acc + (size_t)at->W2 * WORDS, NULL);
    if (!g->ds) return;
    esp_dense_backward(n, H, C, value + at->W1, 1, g->doffset, g->ds);
    const size_t wide = (size_t)(H + F);
    esp_dense_backward(n, H + F, C, value + at->W2, 0, g->dvalue, g->dboth);
    for (size_t i = 0; i < (size_t)n; i++)
      for (size_t c = 0; c < (size_t)H; c++) g->ds[i * (size_t)H + c] += g->dboth[i * wide + c];
  } else if (at->V >= 0) {
    esp_dense_gradient(n, H, C, s, g->dvalue, acc + (size_t)at->V * WORDS, NULL);
    esp_dense_backward(n, H, C, value + at->V, 1, g->dvalue, g->ds);
  }
}

/* In: g->ds is what the residual brings; d_o [n][out]. Out: g->ds complete. */
static int back_layer(const stack *k, int l, const double *d_o, adjoint *g, int64_t *acc) {
  const esp_relation *relation = k->relation;
  const esp_relation_slot *at = &relation->slot[l];
  const double *value = relation->block.value, *input = embed_input(k, l), *s = state(k, l);
  esp_relation_pass *pass = k->pass;
  layer_rows *rows = &pass->work->rows[l];
  const int n = pass->n_home;
  double *din = relation->param.embedding == ESP_EMBED_COORDINATES ? NULL : g->ds;
  esp_relation_update_backward(relation, l, n, s, pass->sum[l], d_o, &g->scratch, g->dsum, g->ds, acc);
  if (relation->param.mlp) esp_relation_centre_sum(n, at->channels, rows->offset, g->dsum);
  int64_t *normal_acc = at->normal >= 0 ? acc + (size_t)at->normal * WORDS : NULL;
  const esp_layer_gradient to = {g->dkey, g->dquery, g->dvalue, g->doffset};
  ESP_CALL(
      esp_layer_backward(k->backend, &pass->layer[l], g->dsum, &to, acc + (size_t)at->message * WORDS, normal_acc));
  pass->cost.seconds_backward += pass->layer[l].seconds_backward;
  if (relation->param.mlp) esp_relation_centre_offset(n, at->channels, rows->offset, pass->sum[l], g->dsum, g->doffset);
  send_adjoint(k, l, g, acc);
  esp_embed_backward(&at->embed, value + at->key, n, input, rows->key_work, g->dkey, g->embed, din,
                     acc + (size_t)at->key * WORDS);
  if (!g->dquery) return ESP_OK;
  esp_embed_backward(&at->embed, value + at->query, n, input, rows->query_work, g->dquery, g->embed, din,
                     acc + (size_t)at->query * WORDS);
  return ESP_OK;
}

int esp_relation_backward(const esp_relation *relation, const esp_backend *backend, const esp_feature_set *set,
                          esp_relation_pass *pass, const double *gy, int64_t *acc) {
  int rc = ESP_OK;
  const stack k = {.relation = relation, .backend = backend, .set = set, .pass = pass, .keep = 1};
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
    esp_dense_gradient(n, set->features + set->values, H, pass->work->raw, g.ds, acc + (size_t)relation->lift * WORDS,
                       acc + (size_t)relation->lift_bias * WORDS);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, (size_t)relation->block.count);
done:
  adjoint_free(&g);
  return rc;
}
