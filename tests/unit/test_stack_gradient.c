/* Proves the gradient of stacks in every group of parameters against central differences, through both messages, every row of
 * depth, norm and aggregate; that layer by layer it is that of all at once; and that what is made again on the way back gives
 * the bits of what was kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/gate.h"
#include "relation_train_case.h"

static esp_backend backend64(void) {
  esp_backend b = esp_backend_self();
  b.device = &esp_device_cpu64;
  return b;
}

/* ---- gradient ---- */

static int64_t far_pairs; /* of the layer seen last */

/* Order and lists of every layer's tree: central differences hold where they do not change. */
static int note_support(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)l, (void)key, (void)query;
  uint64_t *hash = context;
  far_pairs = dom->lists.far_pairs;
  *hash = *hash * 31 + esp_lists_hash(&dom->tree, &dom->lists);
  for (int i = 0; i < dom->n_own; i++) *hash = (*hash ^ (uint64_t)dom->id[i]) * UINT64_C(0x100000001b3);
  return ESP_OK;
}

static double loss_of(const esp_model *r, const esp_backend *b, const esp_set *set, uint64_t *support) {
  const esp_visit visit = {.layer = note_support, .context = support};
  double y[400];
  *support = 7;
  return relation_case_nmse(r, b, set, &visit, y, NULL);
}

static double *gradient_of(const esp_model *r, const esp_backend *b, const esp_set *set) {
  double nmse, y[400], *g = calloc((size_t)r->block.count, sizeof *g);
  OK(model_loss(r, b, &esp_loss_nmse, NULL, set, NULL, y, NULL, &nmse, g));
  return g;
}

/* Fourth-order difference of parameter i; 0 if the tree changed on the way and the loss is not that of all pairs. A state in
 * fixed point steps by 2^-40: the difference is of more; under the norms of several heads the loss bends more. */
static int difference(const esp_model *r, const esp_backend *b, const esp_set *set, int i, double *slope) {
  const esp_stack_param *p = r->param;
  const esp_depth *depth = esp_depths[p->depth];
  const double h = depth == &esp_depth_reversible || depth == &esp_depth_reversible_stored ? 2e-3
                   : p->heads > 1                                                          ? 1e-4
                                                                                           : 2e-4;
  const double keep = r->block.value[i];
  double value[4];
  uint64_t support[4];
  for (int k = 0; k < 4; k++) {
    r->block.value[i] = keep + (k < 2 ? k - 2 : k - 1) * h;
    value[k] = loss_of(r, b, set, &support[k]);
  }
  r->block.value[i] = keep;
  *slope = (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * h);
  if (((const esp_stack_param *)r->param)->domain.lists.theta == 0) return 1;
  return support[0] == support[1] && support[1] == support[2] && support[2] == support[3];
}

/* frozen: the tree does not move; its lists may, with the width of the gate. Under the sanitizers, which look at the way and
 * not at numbers, one probe of each group. */
static void check_gradient(const esp_stack_param *p, int n, const char *what, int frozen) {
  const int most_probes = getenv("ESPALIER_SANITIZED") ? 1 : 5;
  esp_backend b = backend64();
  esp_set set = relation_case_set(n, 5, 2, 0.6, 1, 8);
  esp_model r = relation_case_network(p);
  r.draw = 7;
  double *g = gradient_of(&r, &b, &set);
  int held = 0, probes = 0;
  for (int e = 0; e < r.block.entries; e++) {
    const int size = r.block.entry[e].rows * r.block.entry[e].columns;
    double most = 0;
    for (int i = 0; i < size; i++) most = fmax(most, fabs(g[r.block.entry[e].offset + i]));
    if (strstr(r.block.entry[e].name, "normal")) continue;
    if (most < 1e-12 && p->norm == 2) /* what all particles have more of is not seen */
      assert_true(strstr(r.block.entry[e].name, "lift.b") || strstr(r.block.entry[e].name, "update.c"));
    else
      assert_true(most > 1e-8);
    if (most < 1e-12) continue;
    for (int probe = 0; probe < most_probes && probe < size; probe++) {
      const int drawn = (int)esp_rng_below(6, (uint64_t)probe, ESP_RNG_TEST, (uint32_t)e, (uint64_t)size);
      const int i = r.block.entry[e].offset + (size <= 5 ? probe : drawn);
      double slope;
      probes++;
      if (!difference(&r, &b, &set, i, &slope)) continue;
      held++;
      if (!(fabs(slope - g[i]) <= 1e-6 * most))
        fail_msg("%s, %s[%d]: gradient %.12g, difference %.12g", what, r.block.entry[e].name,
                 i - r.block.entry[e].offset, g[i], slope);
    }
  }
  if (p->domain.lists.theta > 0 && 2 * far_pairs < n) fail_msg("%s: %lld far pairs", what, (long long)far_pairs);
  assert_true(frozen ? held >= probes - 1 : held > probes / 4);
  free(g);
  esp_model_free(&r);
  esp_set_free(&set);
}

static void gradient_over_all_pairs(void **state) {
  (void)state;
  static const char *const name[] = {"plain", "separate", "message", "deep", "deep message"};
  for (int which = 0; which < RELATION_CASES; which++)
    for (int self = 0; self < 2; self++) {
      esp_stack_param p = relation_case_param(which, 0);
      p.include_self = self;
      check_gradient(&p, 70, name[which], 1);
    }
}

/* With a linear path past the hidden layer. */
static void gradient_of_the_linear_path(void **state) {
  (void)state;
  for (int layers = 1; layers <= 2; layers++)
    for (int aggregate = 0; aggregate < 2; aggregate++)
      for (int transport = 0; transport < 2; transport++) {
        esp_stack_param p = relation_case_param(RELATION_PLAIN, 0);
        p.linear = 1, p.layers = layers, p.aggregate = aggregate, p.transport = transport;
        check_gradient(&p, 70, "linear", 1);
      }
}

/* With values carried along, and embeddings of the raw features that begin at the first of them. */
static void gradient_of_transport(void **state) {
  (void)state;
  for (int layers = 1; layers <= 3; layers += 2)
    for (int tree = 0; tree < 2; tree++) {
      esp_stack_param p = relation_case_param(RELATION_PLAIN, tree ? 0.9 : 0);
      p.layers = layers, p.transport = p.separate = p.aggregate = p.include_self = 1, p.scale = 0.5;
      p.embedding = ESP_EMBED_FEATURES;
      if (tree) p.tree_on = ESP_TREE_ON_FEATURES;
      check_gradient(&p, 100, layers == 1 ? "transport" : "transport, deep", 1);
      p.aggregate = p.include_self = p.separate = 0;
      check_gradient(&p, 70, "transport, sum", 1);
    }
}

/* The way back through rows of depth that no other case takes, damped or not. */
static void gradient_through_depth(void **state) {
  (void)state;
  for (int k = 1; esp_depths[k]; k++)
    for (int which = RELATION_DEEP; which < RELATION_CASES; which++) {
      esp_stack_param p = relation_case_param(which, 0);
      p.depth = k;
      if (which == RELATION_DEEP && k % 2 && !esp_depths[k]->implicit)
        p.damping = 0.5; /* not in fixed point, whose rounding outweighs what is damped */
      check_gradient(&p, 40, esp_depth_name(k), 1);
    }
}

/* What layers see of the state, of one group and of three. */
static void gradient_through_norms(void **state) {
  (void)state;
  for (int k = 0; esp_norms[k]; k++)
    for (int activate = 0; activate < 2; activate++)
      for (int depth = 0; depth <= 3; depth += 3) { /* in float64: a difference of small steps */
        esp_stack_param p = relation_case_param(RELATION_DEEP, 0);
        p.norm = k, p.activate = activate, p.depth = depth, p.groups = 3;
        check_gradient(&p, 40, esp_norm_name(k), 1);
      }
}

/* Several gates, each with a part of the channels; far cells of one layer, whose first head's lists are seen. */
static void gradient_of_heads(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) {
    esp_stack_param p = relation_case_param(which < 2    ? RELATION_PLAIN
                                            : which == 2 ? RELATION_SEPARATE
                                                         : RELATION_DEEP,
                                            0);
    p.heads = 3, p.channels = 6, p.linear = 1, p.scale = 0.7;
    if (which == 1) p.domain.lists.theta = 0.9, p.tree_on = ESP_TREE_ON_FEATURES;
    if (which == 3) p.aggregate = 2, p.beta = 0.7, p.depth = 3, p.norm = 1;
    check_gradient(&p, which == 1 ? 100 : 50, "heads", 1);
  }
}

/* What is heard at the length of what is seen. */
static void gradient_of_the_message_norm(void **state) {
  (void)state;
  for (int which = RELATION_PLAIN; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0);
    p.level = p.linear = 1, p.depth = which == RELATION_DEEP ? 3 : 0, p.norm = p.depth > 0;
    check_gradient(&p, 40, "message norm", 1);
  }
}

/* What is dropped, of hidden units and of what layers see. */
static void gradient_of_dropout(void **state) {
  (void)state;
  for (int depth = 0; depth <= 3; depth += 3)
    for (int which = RELATION_PLAIN; which <= RELATION_DEEP; which += RELATION_DEEP) {
      esp_stack_param p = relation_case_param(which, 0);
      p.dropout = 0.4, p.dropout_state = 0.3, p.depth = depth, p.norm = p.activate = depth > 0, p.linear = 1;
      check_gradient(&p, 40, "dropout", 1);
    }
}

/* Weights that go with values. */
static void gradient_of_the_softmax(void **state) {
  (void)state;
  for (int layers = 1; layers <= 3; layers += 2)
    for (int tree = 0; tree < 2; tree++) {
      esp_stack_param p = relation_case_param(RELATION_DEEP, tree ? 0.9 : 0);
      p.layers = layers, p.aggregate = 2, p.beta = 0.7;
      if (tree) p.tree_on = ESP_TREE_ON_FEATURES;
      check_gradient(&p, 80, "softmax", !tree);
    }
}

/* Layers that have their parameters in common. */
static void gradient_of_tied_layers(void **state) {
  (void)state;
  for (int depth = 0; depth <= 3; depth += 3) { /* in float64: a difference of small steps */
    esp_stack_param p = relation_case_param(RELATION_DEEP, 0);
    p.layers = 5, p.tied = 1, p.depth = depth, p.norm = 1, p.damping = 0.3;
    check_gradient(&p, 40, "tied", 1);
  }
}

/* A gradient that comes layer by layer is that of all at once. */
static void parts_are_the_whole(void **state) {
  (void)state;
  const esp_backend b = esp_backend_self();
  esp_set set = relation_case_set(130, 5, 2, 0.5, 0, 8);
  for (int which = 0; which < RELATION_CASES; which++)
    for (int depth = 0; depth < 3; depth += 2) {
      esp_stack_param p = relation_case_param(which, 0.7);
      p.depth = depth, p.norm = 1, p.transport = which == RELATION_PLAIN && !depth, p.linear = 1;
      esp_model r = relation_case_network(&p);
      double nmse, y[260], dy[260], *got = calloc((size_t)r.block.count, sizeof *got), *g = gradient_of(&r, &b, &set);
      esp_gradient_parts parts = esp_gradient_parts_of(b.device, b.comm, got);
      esp_pass *pass;
      assert_true(r.network->in_parts(&r));
      OK(r.network->forward(&r, &b, &set, NULL, y, NULL, &pass));
      OK(esp_loss_nmse.value(NULL, &b, &set, y, 1, dy, &nmse));
      OK(r.network->backward(&r, &b, &set, pass, dy, &parts.to, NULL));
      assert_memory_equal(got, g, (size_t)r.block.count * sizeof *g);
      assert_true(p.layers > 1 ? parts.room < r.block.count : parts.room == r.block.count - 2 * p.transport);
      r.network->pass_free(&pass);
      esp_gradient_parts_free(&parts);
      esp_model_free(&r);
      free(g), free(got);
    }
  esp_set_free(&set);
}

/* What is made again on the way back gives the bits of what is kept, whatever the depth; and the state that the way began with. */
static void made_again_is_what_was_kept(void **state) {
  (void)state;
  const esp_backend b = esp_backend_self();
  esp_set set = relation_case_set(130, 5, 2, 0.5, 0, 8);
  for (int layers = 4; layers <= 256; layers *= 4) {
    double *gradient[2], y[2][260], nmse;
    esp_stack_param p = relation_case_param(RELATION_DEEP, 0.7);
    p.layers = layers, p.norm = 1, p.activate = 1, p.dropout = 0.3, p.dropout_state = 0.2, p.damping = 0.5;
    if (layers == 4) p.heads = 2, p.channels = 4;
    for (int stored = 0; stored < 2; stored++) {
      p.depth = stored ? 4 : 2;
      esp_model r = relation_case_model(&p, 5, 2);
      r.draw = 3;
      gradient[stored] = calloc((size_t)r.block.count, sizeof **gradient);
      OK(model_loss(&r, &b, &esp_loss_nmse, NULL, &set, NULL, y[stored], NULL, &nmse, gradient[stored]));
      if (stored) assert_memory_equal(gradient[0], gradient[1], (size_t)r.block.count * sizeof **gradient);
      esp_model_free(&r);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    free(gradient[0]), free(gradient[1]);
  }
  esp_set_free(&set);
}

/* The tree on features or hidden coordinates does not move with the parameters; its lists do, with how its nodes lie among
 * the keys. */
static void gradient_over_a_fixed_tree(void **state) {
  (void)state;
  static const char *const name[] = {"plain, tree", "separate, tree", "message, tree", "deep, tree",
                                     "deep message, tree"};
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.9);
    p.tree_on = which % 2 ? ESP_TREE_ON_HIDDEN : ESP_TREE_ON_FEATURES;
    p.hidden_halves = which == RELATION_SEPARATE;
    if (which == RELATION_MESSAGE) p.tree_features = 2;
    check_gradient(&p, 100, name[which], 1);
  }
}

static void gradient_over_the_learned_tree(void **state) {
  (void)state;
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.9);
  check_gradient(&p, 40, "learned tree", 0);
  p.embedding = ESP_EMBED_COORDINATES;
  check_gradient(&p, 100, "tree on coordinates", 1);
  p = relation_case_param(RELATION_DEEP, 0.9);
  p.embedding = ESP_EMBED_COORDINATES;
  check_gradient(&p, 100, "deep tree on coordinates", 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradient_over_all_pairs),    cmocka_unit_test(gradient_of_the_linear_path),
      cmocka_unit_test(gradient_of_transport),      cmocka_unit_test(gradient_through_depth),
      cmocka_unit_test(gradient_through_norms),     cmocka_unit_test(gradient_of_dropout),
      cmocka_unit_test(gradient_of_heads),          cmocka_unit_test(gradient_of_the_message_norm),
      cmocka_unit_test(gradient_of_the_softmax),    cmocka_unit_test(gradient_of_tied_layers),
      cmocka_unit_test(parts_are_the_whole),        cmocka_unit_test(made_again_is_what_was_kept),
      cmocka_unit_test(gradient_over_a_fixed_tree), cmocka_unit_test(gradient_over_the_learned_tree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
