#include "net/stack.h"

#include <stdio.h>

#include "message/gate.h"
#include "net/stack_groups.h"
#include "net/stack_work.h"

enum { MAX_WIDTH = 4096, MAX_LEVELS = 16 };

const char *esp_tree_on_name(esp_tree_on on) {
  static const char *const names[] = {"learned", "features", "hidden"};
  return names[on];
}

/* Slots a layer that is not the last. */
static int groups_of(const esp_stack_param *p) {
  return p->layers > 1 && esp_depths[p->depth]->grouped ? p->groups : 1;
}

static int range(const char *name, int value, int low, int high) {
  ESP_CHECK(value >= low && value <= high, ESP_ERR_CONFIG, "%s %d: allowed are %d to %d", name, value, low, high);
  return ESP_OK;
}

static int check_groups(const esp_stack_param *p) {
  const char *depth = esp_depths[p->depth]->name;
  ESP_CALL(range("net_groups", p->groups, 2, ESP_DEPTH_GROUPS));
  ESP_CHECK(p->width % p->groups == 0, ESP_ERR_CONFIG,
            "net_depth %s with net_width %d and net_groups %d: the width must be a multiple of the groups", depth,
            p->width, p->groups);
  ESP_CHECK(!p->transport, ESP_ERR_CONFIG,
            "net_depth %s with net_transport: what is carried along is not made again; drop one of them", depth);
  return ESP_OK;
}

static int is_implicit(const esp_stack_param *p) {
  return p->layers > 1 && esp_depths[p->depth]->implicit;
}

static int check_implicit(const esp_stack_param *p) {
  const char *depth = esp_depths[p->depth]->name;
  ESP_CHECK(!p->transport, ESP_ERR_CONFIG,
            "net_depth %s with net_transport: what is carried along is not solved for; drop one of them", depth);
  ESP_CHECK(p->split != ESP_SPLIT_LEARNED, ESP_ERR_CONFIG,
            "net_depth %s with tree_split learned: the tree is a constant of what is solved for; drop one of them",
            depth);
  ESP_CHECK(!(p->damping > 0), ESP_ERR_CONFIG,
            "net_depth %s with net_damping: what is solved for has no number of layers; drop one of them", depth);
  ESP_CALL(range("net_equilibrium_iterations", p->equilibrium.iterations, 1, 100000));
  ESP_CALL(range("net_equilibrium_window", p->equilibrium.window, 0, ESP_FIXED_POINT_WINDOW));
  ESP_CHECK(p->equilibrium.tolerance > 0, ESP_ERR_CONFIG, "net_equilibrium_tolerance %g: must be > 0",
            p->equilibrium.tolerance);
  return ESP_OK;
}

/* The first layer sends the values themselves, unless it is to be as those behind it. */
static int sends_values(const esp_stack_param *p, int l) {
  return l == 0 && p->heads <= 1 && !p->transport && !(p->layers > 1 && esp_depths[p->depth]->alike);
}

/* Gates with a share of the channels each. */
static int heads_of(const esp_stack_param *p) {
  return p->heads > 1 ? p->heads : 1;
}

static int check_heads(const esp_stack_param *p) {
  ESP_CHECK(p->channels % p->heads == 0, ESP_ERR_CONFIG,
            "net_heads %d with net_channels %d: the channels must be a multiple of the heads", p->heads, p->channels);
  ESP_CHECK(!p->transport && !esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_OFFSET), ESP_ERR_CONFIG,
            "net_heads %d with net_message %s%s: it needs a message that carries values as they are, and no transport",
            p->heads, esp_key_messages[p->message]->name, p->transport ? " and net_transport" : "");
  ESP_CHECK(p->error == 0, ESP_ERR_CONFIG,
            "net_heads %d with tree_error %g: one angle for all heads is not looked for; set tree_theta", p->heads,
            p->error);
  return range("net_channels", p->channels, 1, ESP_GATE_MAX_CHANNELS);
}

/* Weights that go with values. */
static int check_weights(const int *width, const esp_stack_param *p) {
  const char *name = esp_aggregates[p->aggregate]->name;
  const int most = p->layers > 1 && p->channels > width[ESP_SENT] ? p->channels : width[ESP_SENT];
  ESP_CHECK(!p->transport, ESP_ERR_CONFIG, "net_transport with net_aggregate %s: drop one of them", name);
  ESP_CHECK(!esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_OFFSET), ESP_ERR_CONFIG,
            "net_aggregate %s with net_message %s: it needs a message that carries values as they are", name,
            esp_key_messages[p->message]->name);
  ESP_CHECK(
      2 * most <= ESP_GATE_MAX_CHANNELS, ESP_ERR_CONFIG,
      "net_aggregate %s with net_channels %d and data of %d values a particle: a weight goes with each, allowed are "
      "up to %d of either",
      name, p->channels, width[ESP_SENT], ESP_GATE_MAX_CHANNELS / 2);
  return ESP_OK;
}

/* Less its mean, one number is 0. */
static int check_norm(const esp_stack_param *p) {
  const int G = groups_of(p);
  ESP_CHECK(p->width > G, ESP_ERR_CONFIG,
            "net_norm %s with net_width %d in %d group%s: of one number it leaves nothing; widen net_width, take fewer "
            "net_groups, or net_norm none",
            esp_norms[p->norm]->name, p->width, G, G == 1 ? "" : "s");
  return ESP_OK;
}

static int check_sizes(const int *width, const esp_stack_param *p) {
  ESP_CALL(range("layers", p->layers, 1, ESP_STACK_MAX_LAYERS));
  ESP_CALL(range("features", width[ESP_INPUT], 1, MAX_WIDTH));
  ESP_CALL(range("values", width[ESP_SENT], 1, ESP_GATE_MAX_CHANNELS));
  ESP_CALL(range("targets", width[ESP_TARGET], 1, MAX_WIDTH));
  ESP_CALL(range("dim", p->dim, 1, ESP_MAX_DIM));
  ESP_CALL(range("hidden", p->hidden, 1, MAX_WIDTH));
  ESP_CALL(range("hidden_halves", p->hidden_halves, 0, 2));
  if (p->embedding == ESP_EMBED_MLP) ESP_CALL(range("embed_hidden", p->embed_hidden, 1, MAX_WIDTH));
  if (p->transport) {
    ESP_CHECK(
        width[ESP_SENT] == width[ESP_TARGET], ESP_ERR_CONFIG,
        "net_transport with data of %d values and %d targets a particle: they must be as many, as what was carried "
        "is added to what is predicted",
        width[ESP_SENT], width[ESP_TARGET]);
    ESP_CHECK(!esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_OFFSET), ESP_ERR_CONFIG,
              "net_transport with net_message %s: it needs a message that carries values as they are",
              esp_key_messages[p->message]->name);
    ESP_CALL(range("channels and values", p->channels + width[ESP_SENT], 1, ESP_GATE_MAX_CHANNELS));
  }
  if (esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_OFFSET) || p->layers > 1 || p->transport)
    ESP_CALL(range("channels", p->channels, 1, ESP_GATE_MAX_CHANNELS));
  if (p->layers > 1) ESP_CALL(range("width", p->width, 1, MAX_WIDTH));
  if (esp_aggregates[p->aggregate]->says > 1) ESP_CALL(check_weights(width, p));
  if (p->layers > 1 && esp_depths[p->depth]->grouped) ESP_CALL(check_groups(p));
  if (is_implicit(p)) ESP_CALL(check_implicit(p));
  if (p->layers > 1 && esp_norms[p->norm]->forward) ESP_CALL(check_norm(p));
  if (p->heads > 1) ESP_CALL(check_heads(p));
  if (p->split == ESP_SPLIT_LEARNED) ESP_CALL(range("split_levels", p->split_levels, 1, MAX_LEVELS));
  return ESP_OK;
}

static int check_param(int features, const esp_stack_param *p) {
  if (esp_embed_raw(p->embedding))
    ESP_CHECK(p->dim <= features, ESP_ERR_CONFIG, "%d coordinates of %d features: at most as many", p->dim, features);
  if (p->embedding == ESP_EMBED_COORDINATES) {
    ESP_CHECK(!p->separate, ESP_ERR_CONFIG, "coordinates as embedding and separate maps: allowed is one of them");
  }
  ESP_CHECK(p->split != ESP_SPLIT_LEARNED || p->tree_on == ESP_TREE_ON_LEARNED, ESP_ERR_CONFIG,
            "learned splits of a tree on %s: allowed is the tree on learned keys", esp_tree_on_name(p->tree_on));
  if (p->tree_on == ESP_TREE_ON_FEATURES) {
    const int dim = p->tree_features == 0 ? features : p->tree_features, most = esp_imin(features, ESP_MAX_DIM);
    ESP_CHECK(dim >= 1 && dim <= most, ESP_ERR_CONFIG, "a tree on %d features: allowed are 1 to %d", dim, most);
  }
  ESP_CHECK(p->domain.leaf >= 1 && p->domain.block >= 1, ESP_ERR_CONFIG, "leaf %d, block %d: both must be >= 1",
            p->domain.leaf, p->domain.block);
  ESP_CHECK(p->error >= 0, ESP_ERR_CONFIG, "error %g of far cells: must be >= 0", p->error);
  ESP_CHECK(p->domain.lists.theta >= 0, ESP_ERR_CONFIG, "theta %g: must be >= 0", p->domain.lists.theta);
  return ESP_OK;
}

/* ---- the table ---- */

static const char *const group_name[GROUPS] = {
    [KEY_E] = "key.E",       [KEY_M1] = "key.M1",     [KEY_M] = "key.m",     [KEY_M2] = "key.M2",
    [QUERY_E] = "query.E",   [QUERY_M1] = "query.M1", [QUERY_M] = "query.m", [QUERY_M2] = "query.M2",
    [V] = "message.V",       [W1] = "message.W1",     [B] = "message.b",     [W2] = "message.W2",
    [A] = "update.a",        [R1] = "update.R1",      [B1] = "update.b1",    [R2] = "update.R2",
    [C_OUT] = "update.c",    [LIFT_W] = "lift.W",     [LIFT_B] = "lift.b",   [NORMAL] = "split.normal",
    [CARRIED] = "carried.g", [R3] = "update.R3",      [NORM_A] = "norm.a",   [NORM_B] = "norm.b",
    [BETA] = "message.beta"};

/* "layer3", or, of a slot that is one group of it, "layer3.2"; the lift has no layer: -1. */
enum { PREFIX = 32 };
static void prefix_of(const esp_stack_param *p, int slot, char prefix[PREFIX]) {
  const int G = groups_of(p), last = slot == (p->layers - 1) * G;
  if (G == 1 || last)
    snprintf(prefix, PREFIX, "layer%d", slot / G);
  else
    snprintf(prefix, PREFIX, "layer%d.%d", slot / G, slot % G);
}

/* One group of numbers more; returns its offset. head: 0 also where there is one. */
static int add_of(esp_model *model, int slot, int head, int group, int rows, int columns) {
  const char *name = group_name[group];
  char prefix[PREFIX];
  if (slot < 0) return esp_block_add(&model->block, rows, columns, "%s", name);
  prefix_of(model->param, slot, prefix);
  if (head > 0) return esp_block_add(&model->block, rows, columns, "%s.head%d.%s", prefix, head, name);
  return esp_block_add(&model->block, rows, columns, "%s.%s", prefix, name);
}

static int add(esp_model *model, int slot, int group, int rows, int columns) {
  return add_of(model, slot, 0, group, rows, columns);
}

static int add_embed(esp_model *model, int l, int head, int group, const esp_embed *embed) {
  const int at = model->block.count;
  if (embed->kind == ESP_EMBED_COORDINATES) return at;
  add_of(model, l, head, group, embed->dim, embed->in);
  if (embed->kind == ESP_EMBED_MLP) {
    add_of(model, l, head, group + 1, embed->hidden, embed->in);
    add_of(model, l, head, group + 2, embed->hidden, 1);
    add_of(model, l, head, group + 3, embed->dim, embed->hidden);
  }
  return at;
}

static void shape_layer(const esp_stack_param *p, const int *width, int l, esp_stack_slot *s) {
  const esp_message *message = esp_key_messages[p->message];
  const int offset = esp_message_has(message, ESP_MESSAGE_OFFSET), G = groups_of(p), last = l == (p->layers - 1) * G;
  const int H = p->layers == 1 ? width[ESP_INPUT] : p->width, carried = p->transport ? width[ESP_SENT] : 0;
  *s = (esp_stack_slot){
      .query = -1, .normal = -1, .V = -1, .W1 = -1, .b = -1, .W2 = -1, .R3 = -1, .norm = -1, .beta = -1};
  s->in = last ? H : H / G;
  s->out = last ? width[ESP_TARGET] : H / G;
  s->heads = heads_of(p);
  s->own = !offset && sends_values(p, l) ? width[ESP_SENT] : p->channels;
  s->form = (esp_form){.message = message,
                       .dim = p->dim,
                       .channels = s->own / s->heads * esp_aggregates[p->aggregate]->says + carried,
                       .den = esp_aggregates[p->aggregate]->den || esp_message_has(message, ESP_MESSAGE_DEN) || carried,
                       .mean = 1,
                       .order = p->order,
                       .unit = 1};
  s->wide = esp_form_widths(&s->form);
  s->embed = (esp_embed){.kind = p->embedding, .in = s->in, .dim = p->dim};
  if (p->embedding == ESP_EMBED_MLP) s->embed.hidden = p->embed_hidden;
  if (esp_embed_raw(p->embedding)) s->embed.in = width[ESP_INPUT];
}

/* Where a head listens and speaks: its maps, its trees' normals, its gate. The first of several has the names of an only one. */
static void add_head(esp_model *model, int l, int head, esp_stack_slot *s) {
  const esp_stack_param *p = model->param;
  const int levels = p->split == ESP_SPLIT_LEARNED ? p->split_levels : 0, begin = model->block.count;
  char prefix[PREFIX], name[PREFIX + 32];
  esp_stack_slot at = *s;
  at.key = add_embed(model, l, head, KEY_E, &s->embed);
  if (p->separate) at.query = add_embed(model, l, head, QUERY_E, &s->embed);
  if (levels) at.normal = add_of(model, l, head, NORMAL, (1 << levels) - 1, p->dim);
  prefix_of(p, l, prefix);
  if (head == 0) snprintf(name, sizeof name, "%s.message", prefix);
  if (head > 0) snprintf(name, sizeof name, "%s.head%d.message", prefix, head);
  at.message = esp_block_add_message(&model->block, &s->form, name);
  at.stride = model->block.count - begin;
  if (head == 0) *s = at;
}

static void add_message(esp_model *model, int l, esp_stack_slot *s) {
  const esp_stack_param *p = model->param;
  if (esp_message_has(s->form.message, ESP_MESSAGE_OFFSET)) {
    s->W1 = add(model, l, W1, s->own, s->in);
    s->b = add(model, l, B, s->own, 1);
    s->W2 = add(model, l, W2, s->own, s->in + model->sizes.width[ESP_SENT]);
  } else if (!sends_values(p, l)) {
    s->V = add(model, l, V, s->own, s->in);
  }
  if (esp_aggregates[p->aggregate]->says > 1) s->beta = add(model, l, BETA, s->own, 1);
}

/* Slots of the layers between the second and the last have the second's parameters where they are tied; of the first, too,
 * where it is as they are. */
static int tied_to(const esp_stack_param *p, int l) {
  const int G = groups_of(p);
  if (p->tied && esp_depths[p->depth]->alike) return l < p->layers - 1 ? 0 : l;
  return p->tied && l >= 2 * G && l < (p->layers - 1) * G ? G + l % G : l;
}

static void add_layer(esp_model *model, int l) {
  const esp_stack_param *p = model->param;
  esp_stack_plan *plan = model->plan;
  esp_stack_slot *s = &plan->slot[l];
  esp_block *block = &model->block;
  if (tied_to(p, l) != l) {
    *s = plan->slot[tied_to(p, l)];
    return;
  }
  shape_layer(p, model->sizes.width, l, s);
  const int H = s->in, C = s->own;
  s->first = block->count;
  for (int h = 0; h < s->heads; h++) add_head(model, l, h, s);
  add_message(model, l, s);
  s->a = add(model, l, A, 1, 1);
  s->R1 = add(model, l, R1, p->hidden, C + H);
  s->b1 = add(model, l, B1, p->hidden, 1);
  s->R2 = add(model, l, R2, s->out, p->hidden);
  s->c = add(model, l, C_OUT, s->out, 1);
  if (p->linear) s->R3 = add(model, l, R3, s->out, C);
  if (p->layers > 1 && esp_norms[p->norm]->forward) {
    s->norm = add(model, l, NORM_A, H, 1);
    add(model, l, NORM_B, H, 1);
  }
  s->count = block->count - s->first;
}

static int plan_create(esp_model *model) {
  const esp_stack_param *p = model->param;
  const int slots = (p->layers - 1) * groups_of(p) + 1;
  char *room = NULL; /* the plan, and its slots behind it */
  ESP_CALL(ESP_ALLOC(room, sizeof(esp_stack_plan) + (size_t)slots * sizeof(esp_stack_slot)));
  esp_stack_plan *plan = (void *)room;
  model->plan = plan;
  plan->slots = slots;
  plan->lift = plan->lift_bias = plan->carried = -1;
  return ESP_ALLOC(model->block.entry, (GROUPS + ESP_MESSAGE_PARTS) * slots * heads_of(p));
}

static int create(esp_model *model) {
  const esp_stack_param *p = model->param;
  const int *width = model->sizes.width, L = p->layers, inputs = width[ESP_INPUT] + width[ESP_SENT];
  ESP_CALL(check_sizes(width, p));
  ESP_CALL(check_param(width[ESP_INPUT], p));
  ESP_CALL(plan_create(model));
  esp_stack_plan *plan = model->plan;
  if (L > 1) plan->lift = add(model, -1, LIFT_W, p->width, inputs);
  if (L > 1) plan->lift_bias = add(model, -1, LIFT_B, p->width, 1);
  for (int l = 0; l < plan->slots; l++) add_layer(model, l);
  if (p->transport) plan->carried = add(model, -1, CARRIED, width[ESP_TARGET], 1);
  ESP_CALL(esp_block_alloc(&model->block));
  for (int t = 0; t < width[ESP_TARGET] && p->transport; t++) model->block.value[plan->carried + t] = 1;
  if (L > 1) esp_stack_gauss(model, -1, LIFT_W, plan->lift, p->width * inputs, 1.0 / inputs);
  for (int l = 0; l < plan->slots; l++)
    if (tied_to(p, l) == l) esp_stack_start(model, l);
  for (int l = 0; l < plan->slots; l++)
    ESP_CALL(plan->slot[l].form.message->check(&plan->slot[l].form, model->block.value + plan->slot[l].message));
  return ESP_OK;
}

static int in_parts(const esp_model *model) {
  return !((const esp_stack_param *)model->param)->tied;
}

const esp_network esp_network_stack = {
    .name = "stack",
    .help = "layers with an embedding and a tree each: what matters to what is learned",
    .options = &esp_stack_options,
    .create = create,
    .forward = esp_stack_forward,
    .backward = esp_stack_backward,
    .in_parts = in_parts,
    .pass_free = esp_stack_pass_free,
    .searches = esp_stack_searches,
    .aim = esp_stack_aim,
    .judge = esp_stack_judge,
    .place = esp_stack_place,
};
