#include "net/stack.h"

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "message/gate.h"

enum { MAX_WIDTH = 4096, MAX_LEVELS = 16 };

static const double GAIN = 0.3, STATE_SENT = 0.1;

const char *esp_tree_on_name(esp_tree_on on) {
  static const char *const names[] = {"learned", "features", "hidden"};
  return names[on];
}

#define RANGE(field, low, high)                                                                                       \
  ESP_CHECK(p->field >= (low) && p->field <= (high), ESP_ERR_CONFIG, "%s %d: allowed are %d to %d", #field, p->field, \
            low, high)

static int check_sizes(const esp_stack_param *p) {
  RANGE(layers, 1, ESP_STACK_MAX_LAYERS);
  RANGE(features, 1, MAX_WIDTH);
  RANGE(values, 1, ESP_GATE_MAX_CHANNELS);
  RANGE(targets, 1, MAX_WIDTH);
  RANGE(dim, 1, ESP_MAX_DIM);
  RANGE(hidden, 1, MAX_WIDTH);
  RANGE(hidden_halves, 0, 2);
  if (p->embedding == ESP_EMBED_MLP) RANGE(embed_hidden, 1, MAX_WIDTH);
  if (esp_key_messages[p->message]->offset || p->layers > 1) RANGE(channels, 1, ESP_GATE_MAX_CHANNELS);
  if (p->layers > 1) RANGE(width, 1, MAX_WIDTH);
  if (p->split == ESP_SPLIT_LEARNED) RANGE(split_levels, 1, MAX_LEVELS);
  return ESP_OK;
}

static int check_param(const esp_stack_param *p) {
  ESP_CALL(check_sizes(p));
  if (p->embedding == ESP_EMBED_COORDINATES) {
    ESP_CHECK(p->dim <= p->features, ESP_ERR_CONFIG, "%d coordinates of %d features: at most as many", p->dim,
              p->features);
    ESP_CHECK(!p->separate, ESP_ERR_CONFIG, "coordinates as embedding and separate maps: allowed is one of them");
  }
  ESP_CHECK(p->split != ESP_SPLIT_LEARNED || p->tree_on == ESP_TREE_ON_LEARNED, ESP_ERR_CONFIG,
            "learned splits of a tree on %s: allowed is the tree on learned keys", esp_tree_on_name(p->tree_on));
  if (p->tree_on == ESP_TREE_ON_FEATURES) {
    const int dim = p->tree_features == 0 ? p->features : p->tree_features, most = esp_imin(p->features, ESP_MAX_DIM);
    ESP_CHECK(dim >= 1 && dim <= most, ESP_ERR_CONFIG, "a tree on %d features: allowed are 1 to %d", dim, most);
  }
  ESP_CHECK(p->gate_tolerance >= 0 && p->gate_tolerance < 1, ESP_ERR_CONFIG, "gate tolerance %g: must be >= 0 and < 1",
            p->gate_tolerance);
  ESP_CHECK(p->domain.leaf >= 1 && p->domain.block >= 1, ESP_ERR_CONFIG, "leaf %d, block %d: both must be >= 1",
            p->domain.leaf, p->domain.block);
  ESP_CHECK(p->domain.lists.theta >= 0, ESP_ERR_CONFIG, "theta %g: must be >= 0", p->domain.lists.theta);
  return ESP_OK;
}

/* ---- the table ---- */

/* Groups of one layer; their order is that of the block. The numbers also tell random streams apart. */
enum {
  KEY_E,
  KEY_M1,
  KEY_M,
  KEY_M2,
  QUERY_E,
  QUERY_M1,
  QUERY_M,
  QUERY_M2,
  NORMAL,
  V = NORMAL + 3, /* between the two stand the message's own */
  W1,
  B,
  W2,
  A,
  R1,
  B1,
  R2,
  C,
  LIFT_W,
  LIFT_B,
  GROUPS
};
static const char *const group_name[GROUPS] = {
    [KEY_E] = "key.E",     [KEY_M1] = "key.M1",     [KEY_M] = "key.m",     [KEY_M2] = "key.M2",
    [QUERY_E] = "query.E", [QUERY_M1] = "query.M1", [QUERY_M] = "query.m", [QUERY_M2] = "query.M2",
    [V] = "message.V",     [W1] = "message.W1",     [B] = "message.b",     [W2] = "message.W2",
    [A] = "update.a",      [R1] = "update.R1",      [B1] = "update.b1",    [R2] = "update.R2",
    [C] = "update.c",      [LIFT_W] = "lift.W",     [LIFT_B] = "lift.b",   [NORMAL] = "split.normal"};

/* One group more; returns its offset. The lift has no layer: -1. */
static int add_named(esp_stack *relation, int layer, const char *name, int rows, int columns) {
  esp_entry *e = &relation->block.entry[relation->block.entries++];
  int at = relation->block.count;
  *e = (esp_entry){.rows = rows, .columns = columns, .offset = at};
  if (layer < 0)
    snprintf(e->name, sizeof e->name, "%s", name);
  else
    snprintf(e->name, sizeof e->name, "layer%d.%s", layer, name);
  relation->block.count += rows * columns;
  return at;
}

static int add_entry(esp_stack *relation, int layer, int group, int rows, int columns) {
  return add_named(relation, layer, group_name[group], rows, columns);
}

static int add_embed(esp_stack *relation, int l, int group, const esp_embed *embed) {
  int at = relation->block.count;
  if (embed->kind == ESP_EMBED_COORDINATES) return at;
  add_entry(relation, l, group, embed->dim, embed->in);
  if (embed->kind == ESP_EMBED_MLP) {
    add_entry(relation, l, group + 1, embed->hidden, embed->in);
    add_entry(relation, l, group + 2, embed->hidden, 1);
    add_entry(relation, l, group + 3, embed->dim, embed->hidden);
  }
  return at;
}

/* The groups of the message itself. */
static int add_message(esp_stack *relation, int l) {
  const esp_form form = esp_stack_form(relation, l);
  const int at = relation->block.count;
  for (int k = 0;; k++) {
    const esp_message_part part = form.message->part(&form, k);
    if (!part.name) return at;
    char name[24];
    snprintf(name, sizeof name, "message.%s", part.name);
    add_named(relation, l, name, part.rows, part.columns);
  }
}

static void add_layer(esp_stack *relation, int l) {
  const esp_stack_param *p = &relation->param;
  esp_stack_slot *s = &relation->slot[l];
  const int H = p->layers == 1 ? p->features : p->width, last = l == p->layers - 1;
  const int offset = esp_key_messages[p->message]->offset;
  *s = (esp_stack_slot){.in = H, .query = -1, .normal = -1, .V = -1, .W1 = -1, .b = -1, .W2 = -1};
  s->out = last ? p->targets : p->width;
  s->channels = !offset && l == 0 ? p->values : p->channels;
  s->embed = (esp_embed){.kind = p->embedding, .in = H, .dim = p->dim};
  if (p->embedding == ESP_EMBED_MLP) s->embed.hidden = p->embed_hidden;
  if (p->embedding == ESP_EMBED_COORDINATES) s->embed.in = p->features;
  s->key = add_embed(relation, l, KEY_E, &s->embed);
  if (p->separate) s->query = add_embed(relation, l, QUERY_E, &s->embed);
  if (p->split == ESP_SPLIT_LEARNED) s->normal = add_entry(relation, l, NORMAL, (1 << p->split_levels) - 1, p->dim);
  s->message = add_message(relation, l);
  if (offset) {
    s->W1 = add_entry(relation, l, W1, s->channels, H);
    s->b = add_entry(relation, l, B, s->channels, 1);
    s->W2 = add_entry(relation, l, W2, s->channels, H + p->values);
  } else if (l > 0) {
    s->V = add_entry(relation, l, V, s->channels, H);
  }
  s->a = add_entry(relation, l, A, 1, 1);
  s->R1 = add_entry(relation, l, R1, p->hidden, s->channels + H);
  s->b1 = add_entry(relation, l, B1, p->hidden, 1);
  s->R2 = add_entry(relation, l, R2, s->out, p->hidden);
  s->c = add_entry(relation, l, C, s->out, 1);
}

esp_form esp_stack_form(const esp_stack *relation, int l) {
  const esp_stack_param *p = &relation->param;
  const esp_message *message = esp_key_messages[p->message];
  return (esp_form){.message = message,
                    .dim = p->dim,
                    .channels = relation->slot[l].channels,
                    .den = esp_aggregates[p->aggregate]->den || message->den,
                    .mean = 1};
}

/* ---- start values ---- */

/* count numbers N(0, variance). */
static void gauss(const esp_stack *relation, int l, int group, int at, int count, double variance) {
  const uint64_t stream = 1024 + 64 * (uint64_t)(l + 1) + (uint64_t)group; /* embeddings have the streams below */
  for (int i = 0; i < count; i++)
    relation->block.value[at + i] =
        sqrt(variance) * esp_rng_normal(relation->param.seed, stream, ESP_RNG_WEIGHT, (uint32_t)i);
}

static void start_normals(const esp_stack *relation, int l) {
  const int d = relation->param.dim, nodes = (1 << relation->param.split_levels) - 1;
  const int at = relation->slot[l].normal;
  gauss(relation, l, NORMAL, at, nodes * d, 1);
  for (int node = 0; node < nodes; node++) {
    double *w = relation->block.value + at + node * d, square = 0;
    for (int a = 0; a < d; a++) square += w[a] * w[a];
    for (int a = 0; a < d && square > 0; a++) w[a] /= sqrt(square);
  }
}

/* Values are sent in full; a little of the state, which would drown them. */
static void start_sent(const esp_stack *relation, int l) {
  const esp_stack_slot *s = &relation->slot[l];
  const int H = s->in, F = relation->param.values, wide = H + F;
  gauss(relation, l, W2, s->W2, s->channels * wide, 1);
  for (int k = 0; k < s->channels * wide; k++)
    relation->block.value[s->W2 + k] *= k % wide < H ? sqrt(STATE_SENT / H) : sqrt(1.0 / F);
}

static void start_layer(const esp_stack *relation, int l) {
  const esp_stack_param *p = &relation->param;
  const esp_stack_slot *s = &relation->slot[l];
  const int H = s->in, C = s->channels, h = p->hidden;
  const double out = esp_aggregates[p->aggregate]->start;
  esp_embed_start(&s->embed, p->seed, (uint64_t)l, relation->block.value + s->key);
  if (p->separate) esp_embed_start(&s->embed, p->seed, (uint64_t)l, relation->block.value + s->query);
  if (s->normal >= 0) start_normals(relation, l);
  const esp_form form = esp_stack_form(relation, l);
  form.message->start(&form, p->seed, l, relation->block.value + s->message);
  if (s->W1 >= 0) {
    gauss(relation, l, W1, s->W1, C * H, 1.0 / H);
    start_sent(relation, l);
  }
  if (s->V >= 0) gauss(relation, l, V, s->V, C * H, 1.0 / H);
  relation->block.value[s->a] = GAIN;
  gauss(relation, l, R1, s->R1, h * (C + H), 1.0 / (C + H));
  gauss(relation, l, R2, s->R2, s->out * h, out * out / h);
}

int esp_stack_create(const esp_stack_param *param, esp_stack *relation) {
  int rc = ESP_OK;
  *relation = (esp_stack){.param = *param, .lift = -1, .lift_bias = -1};
  ESP_CALL(check_param(param));
  const int L = param->layers, inputs = param->features + param->values;
  ESP_TRY(ESP_ALLOC(relation->block.entry, (size_t)GROUPS * (size_t)L));
  if (L > 1) {
    relation->lift = add_entry(relation, -1, LIFT_W, param->width, inputs);
    relation->lift_bias = add_entry(relation, -1, LIFT_B, param->width, 1);
  }
  for (int l = 0; l < L; l++) add_layer(relation, l);
  ESP_TRY(ESP_ALLOC(relation->block.value, relation->block.count));
  if (L > 1) gauss(relation, -1, LIFT_W, relation->lift, param->width * inputs, 1.0 / inputs);
  for (int l = 0; l < L; l++) start_layer(relation, l);
done:
  if (rc) esp_stack_free(relation);
  return rc;
}

void esp_stack_free(esp_stack *relation) {
  ESP_FREE(relation->block.value);
  ESP_FREE(relation->block.entry);
  *relation = (esp_stack){0};
}
