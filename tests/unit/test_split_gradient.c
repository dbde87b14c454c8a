/* Proves: the gradient of learned splits is the central difference of the surrogate it is defined by, a plain loop over
 * near pairs, by keys and by normals; its limits are those of a loop over members; a layer's backward pass adds exactly
 * this part, and none where none is defined. */
#include "relation_case.h"

#include "net/split_gradient.h"

static problem p;

enum { MOST_RULE = 6, MOST_NORMALS = ((1 << MOST_RULE) - 1) * WIDE };
static double normal[MOST_NORMALS];

static const esp_form forms[] = {{.message = &esp_message_gate, .dim = 2, .channels = 1},
                                 {.message = &esp_message_gate, .dim = 3, .channels = 3, .den = 1},
                                 {.message = &esp_message_gate, .dim = 2, .channels = 6, .den = 1}}; /* plain cells */
enum { FORMS = 3 };

static void set_problem(int n, esp_form form, int levels, double theta, int leaf, int block) {
  problem_fill(&p, n, form, ONE_SET, theta);
  draw(normal, ((1 << levels) - 1) * form.dim, 1, 9);
  p.param.domain.leaf = leaf;
  p.param.domain.block = block;
  p.param.domain.split = (esp_split_rule){.kind = ESP_SPLIT_LEARNED, .levels = levels, .normal = normal};
}

/* ---- the definition, written out: nodes by slots ---- */

/* A layer's rows in slot order, and what the surrogate holds constant. */
typedef struct {
  esp_layer layer;
  const esp_domain *dom;
  esp_split_soft soft;
  int n, d, levels;
  double *key;      /* [n][d] */
  double *gradient; /* [n][sum_width] */
  double *L;        /* [n][n] dLoss/dg of near pairs, 0 elsewhere */
} scene;

static double *doubles(size_t count) {
  double *x = NULL;
  MUST(ESP_ALLOC(x, count));
  return x;
}

static void weigh(scene *s, int i, int j) {
  const esp_form *f = &p.param.form;
  const int C = f->channels;
  const double *g = s->gradient + i * esp_form_widths(f).sum, *source = s->layer.host.source + j * (s->d + C);
  double r2 = 0, sum = f->den ? g[C] : 0;
  if (i == j) return;
  for (int a = 0; a < s->d; a++) r2 += pow(s->key[i * s->d + a] - s->key[j * s->d + a], 2);
  for (int c = 0; c < C; c++) sum += g[c] * source[s->d + c];
  s->L[i * s->n + j] += exp(-r2 / (2 * exp(2 * p.message[0]))) * sum;
}

static void weigh_near_pairs(scene *s) {
  const esp_tree *tree = &s->dom->tree;
  const esp_lists *lists = &s->dom->lists;
  for (int b = 0; b < tree->n_block; b++) {
    int64_t first, count;
    esp_shape_node(&tree->shape, tree->shape.block_level, b, &first, &count);
    for (int i = (int)first; i < first + count; i++) {
      for (int j = (int)first; j < first + count; j++) weigh(s, i, j);
      for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
        for (int j = 0; j < tree->part_count[lists->near[e]]; j++) weigh(s, i, tree->part_first[lists->near[e]] + j);
    }
  }
}

static void scene_make(scene *s) {
  *s = (scene){.n = p.n, .d = p.param.form.dim};
  problem_forward(&p, &esp_device_cpu64, &s->layer);
  s->dom = s->layer.dom;
  const size_t n = (size_t)s->n, width = (size_t)esp_form_widths(&p.param.form).source;
  MUST(esp_split_soft_make(s->dom, s->layer.host.source, (int)width, &s->soft));
  s->levels = esp_imin(p.param.domain.split.levels, s->dom->tree.shape.block_level);
  s->key = doubles(n * (size_t)s->d);
  s->gradient = doubles(n * (size_t)esp_form_widths(&p.param.form).sum);
  s->L = doubles(n * n);
  for (size_t k = 0; k < n * (size_t)s->d; k++)
    s->key[k] = (s->layer.host.source)[k / (size_t)s->d * width + k % (size_t)s->d];
  const size_t unit = sizeof(double) * (size_t)esp_form_widths(&p.param.form).sum;
  MUST(s->dom->ops->to_receivers(s->layer.dom, unit, p.g, s->gradient));
  weigh_near_pairs(s);
}

static void scene_free(scene *s) {
  esp_split_soft_free(&s->soft);
  esp_layer_free(&s->layer);
  ESP_FREE(s->key);
  ESP_FREE(s->gradient);
  ESP_FREE(s->L);
}

static double plain_side(const scene *s, int m, int i) {
  double x = 0;
  for (int a = 0; a < s->d; a++) x += normal[m * s->d + a] * s->key[i * s->d + a];
  return s->soft.tau[m] > 0 ? 1 / (1 + exp((s->soft.middle[m] - x) / s->soft.tau[m])) : 0.5;
}

static double surrogate(const scene *s) {
  double sum = 0;
  for (int i = 0; i < s->n; i++)
    for (int j = 0; j < s->n; j++) {
      if (s->L[i * s->n + j] == 0) continue;
      double g = 1;
      for (int l = 0; l < s->levels; l++) {
        const int64_t node = esp_shape_find(&s->dom->tree.shape, l, i);
        if (node != esp_shape_find(&s->dom->tree.shape, l, j)) break;
        const int m = (1 << l) - 1 + (int)node;
        const double p1 = plain_side(s, m, i), p2 = plain_side(s, m, j);
        g *= p1 * p2 + (1 - p1) * (1 - p2);
      }
      sum += s->L[i * s->n + j] * g;
    }
  return sum;
}

/* ---- what is to be proved ---- */

/* by_key [n][d] and by_normal [2^levels - 1][d] of the routine. */
static void slopes(const scene *s, double *by_key, double *by_normal) {
  const esp_form *f = &p.param.form;
  const size_t n = (size_t)s->n, sw = (size_t)esp_form_widths(f).source;
  const esp_widths w = esp_form_widths(f);
  const size_t rw = (size_t)esp_receiver_width(&w);
  const size_t d = (size_t)s->d, W = rw - d, normals = (((size_t)1 << s->levels) - 1) * d;
  double *receiver = doubles(n * rw), *dquery = doubles(n * d), *dsource = doubles(n * sw);
  int64_t *acc = NULL;
  MUST(ESP_ALLOC(acc, normals * WORDS));
  for (size_t i = 0; i < n; i++) {
    memcpy(receiver + i * rw, s->key + i * d, sizeof(double) * d);
    memcpy(receiver + i * rw + d, s->gradient + i * W, sizeof(double) * W);
  }
  const esp_pairs g = esp_layer_host_pairs(&s->layer);
  MUST(esp_split_gradient(&g, &s->soft, receiver, dquery, dsource, acc));
  for (size_t i = 0; i < n; i++) {
    for (size_t a = 0; a < d; a++) by_key[i * d + a] = dquery[i * d + a] + dsource[i * sw + a];
    for (size_t c = d; c < sw; c++) assert_true(dsource[i * sw + c] == 0);
  }
  for (size_t k = 0; k < normals; k++) by_normal[k] = esp_exact_value(&ESP_EXACT_FULL, acc + k * WORDS);
  ESP_FREE(receiver);
  ESP_FREE(dquery);
  ESP_FREE(dsource);
  ESP_FREE(acc);
}

/* Relative to the root mean square slope: every step-th of x. */
static void check_differences(const scene *s, const char *what, double *x, int count, int step, const double *slope) {
  double norm = 0;
  const double h = 1e-4;
  for (int k = 0; k < count; k++) norm += slope[k] * slope[k];
  norm = sqrt(norm / (count > 0 ? count : 1));
  if (s->levels > 0 && s->n > 20 && !(norm > 0)) fail_msg("%s: all slopes are 0", what);
  for (int k = 0; k < count; k += step) {
    const double was = x[k];
    double value[4];
    for (int side = 0; side < 4; side++) {
      x[k] = was + h * (side < 2 ? 1 : 2) * (side % 2 ? 1 : -1);
      value[side] = surrogate(s);
    }
    x[k] = was;
    const double error = fabs((8 * (value[1] - value[0]) - (value[3] - value[2])) / (12 * h) - slope[k]);
    if (!(error <= 1e-6 * norm))
      fail_msg("%s %d: %g, by differences off by %g; n %d, theta %g, levels %d, leaf %d, block %d", what, k, slope[k],
               error, s->n, p.param.domain.lists.theta, p.param.domain.split.levels, p.param.domain.leaf,
               p.param.domain.block);
  }
}

static void check_scene(int far_expected) {
  static double by_key[MOST * WIDE], by_normal[MOST_NORMALS];
  scene s;
  scene_make(&s);
  assert_int_equal(s.soft.levels, s.levels);
  if (far_expected) assert_true(s.dom->lists.far_pairs > 0);
  slopes(&s, by_key, by_normal);
  check_differences(&s, "key", s.key, s.n * s.d, 5, by_key);
  check_differences(&s, "normal", normal, ((1 << s.levels) - 1) * s.d, 1, by_normal);
  scene_free(&s);
}

static void is_the_surrogates_slope(void **state) {
  (void)state;
  static const int levels[] = {1, 3, 6}, blocks[] = {4, 10, 25};
  for (int k = 0; k < FORMS * 3 * 2; k++) {
    const double theta = k / 9 ? 0.6 : 0;
    set_problem(90, forms[k % FORMS], levels[k / FORMS % 3], theta, 4, blocks[(k + k / FORMS) % 3]);
    p.message[0] = 0.8;
    p.param.include_self = k % 2;
    check_scene(theta > 0 && p.param.domain.block == 4);
  }
}

/* No pair, no cut above a block, a node without spread. */
static void little(void **state) {
  (void)state;
  static double by_key[MOST * WIDE], by_normal[MOST_NORMALS];
  scene s;
  for (int n = 0; n < 8; n++) {
    set_problem(n, forms[n % FORMS], 3, 0, 1, 1);
    check_scene(0);
  }
  set_problem(9, forms[0], 3, 0, 4, 10); /* one block */
  check_scene(0);
  for (int m = 0; m < 2; m++) { /* keys that coincide along the root's normal; a zero normal */
    set_problem(60, forms[1], 3, 0, 4, 10);
    for (int a = 0; a < 3; a++) normal[3 * m + a] = m == 0 && a == 0;
    for (int i = 0; i < p.n && m == 0; i++) p.key[3 * i] = 0.25;
    scene_make(&s);
    slopes(&s, by_key, by_normal);
    assert_true(s.soft.tau[m] == 0 && s.soft.middle[m] == 0 && s.soft.tau[1 - m] > 0);
    for (int a = 0; a < 3; a++) assert_true(by_normal[3 * m + a] == 0);
    scene_free(&s);
    check_scene(0);
  }
  set_problem(40, forms[0], 3, 0, 4, 10);
  memset(p.key, 0, sizeof p.key); /* all at one place */
  scene_make(&s);
  slopes(&s, by_key, by_normal);
  assert_int_equal(s.levels, 2);
  for (int k = 0; k < 6; k++) assert_true(by_normal[k] == 0 && s.soft.tau[k / 2] == 0);
  for (int k = 0; k < 80; k++) assert_true(by_key[k] == 0);
  scene_free(&s);
}

/* A particle lies together with itself: alone in its block, with nobody near, it has no gradient. */
static void no_pair_with_itself(void **state) {
  (void)state;
  static double by_key[MOST * WIDE], by_normal[MOST_NORMALS];
  scene s;
  set_problem(2, forms[0], 1, 1e9, 1, 1);
  p.key[0] = p.key[1] = 0, p.key[2] = p.key[3] = 1;
  p.param.include_self = 1;
  scene_make(&s);
  assert_true(s.dom->lists.near_pairs == 0 && s.soft.levels == 1 && s.soft.tau[0] > 0);
  slopes(&s, by_key, by_normal);
  for (int k = 0; k < 4; k++) assert_true(by_key[k] == 0 && by_normal[k / 2] == 0);
  scene_free(&s);
}

static void limits_of_members(void **state) {
  (void)state;
  for (int k = 0; k < 12; k++) {
    scene s;
    set_problem(k == 11 ? 3 : 77 + k, forms[k % FORMS], 1 + k % MOST_RULE, 0.6, 4, k % 2 ? 4 : 10);
    scene_make(&s);
    for (int l = 0; l < s.levels; l++)
      for (int64_t node = 0; node < (int64_t)1 << l; node++) {
        const int m = (1 << l) - 1 + (int)node;
        double most_left = -INFINITY, least_right = INFINITY, least = INFINITY, most = -INFINITY;
        for (int i = 0; i < s.n; i++) {
          double x = 0;
          if (esp_shape_find(&s.dom->tree.shape, l, i) != node) continue;
          for (int a = 0; a < s.d; a++) x += normal[m * s.d + a] * s.key[i * s.d + a];
          if (esp_shape_find(&s.dom->tree.shape, l + 1, i) % 2 == 0)
            most_left = fmax(most_left, x);
          else
            least_right = fmin(least_right, x);
          least = fmin(least, x), most = fmax(most, x);
        }
        assert_true(most_left <= least_right);
        assert_true(fabs(s.soft.middle[m] - 0.5 * (most_left + least_right)) <= 1e-15 * (most - least));
        assert_true(fabs(s.soft.tau[m] - 0.1 * (most - least)) <= 1e-15 * (most - least) && s.soft.tau[m] > 0);
      }
    assert_true(s.levels > 0 || s.n == 3);
    scene_free(&s);
  }
}

/* ---- through the layer ---- */

static int64_t normal_acc[MOST_NORMALS * WORDS];

/* The gradient of normals and keys with normal_acc, in home order. */
static void pass_with(double *dkey) {
  esp_backend backend = esp_backend_self();
  esp_layer layer;
  backend.device = &esp_device_cpu64;
  memset(normal_acc, 0, sizeof normal_acc);
  memset(p.acc, 0, sizeof p.acc);
  problem_forward(&p, &esp_device_cpu64, &layer);
  const esp_layer_gradient to = problem_gradient(&p, dkey);
  MUST(esp_layer_backward(&backend, &layer, p.g, &to, p.acc, normal_acc));
  esp_layer_free(&layer);
}

static void in_the_layer(void **state) {
  (void)state;
  static double with[MOST * WIDE], by_key[MOST * WIDE], part[MOST * WIDE], home[MOST * WIDE], by_normal[MOST_NORMALS];
  static double dvalue[MOST * WIDE];
  static int64_t acc[PARAMS * WORDS];
  for (int k = 0; k < FORMS * 2; k++) {
    scene s;
    set_problem(90, forms[k % FORMS], 4, 0.6, 4, 10);
    p.param.include_self = k / FORMS;
    problem_pass(&p, &esp_device_cpu64);
    memcpy(dvalue, p.dvalue, sizeof dvalue);
    memcpy(acc, p.acc, sizeof acc);
    pass_with(with);
    assert_memory_equal(dvalue, p.dvalue, sizeof dvalue);
    assert_memory_equal(acc, p.acc, sizeof acc);
    scene_make(&s);
    slopes(&s, by_key, by_normal);
    MUST(s.layer.dom->ops->to_home(s.layer.dom, sizeof(double) * (size_t)s.d, by_key, home));
    for (int i = 0; i < s.n * s.d; i++) part[i] = with[i] - p.dkey[i];
    const double error = distance(part, home, s.n * s.d);
    if (!(error < 1e-13)) fail_msg("form %d: the part of dkey is off by %g", k, error);
    assert_true(distance(p.dkey, with, s.n * s.d) > 1e-3);
    for (int i = 0; i < MOST_NORMALS; i++) {
      const double got = esp_exact_value(&ESP_EXACT_FULL, normal_acc + (size_t)i * WORDS);
      const double wanted = i < ((1 << s.levels) - 1) * s.d ? by_normal[i] : 0;
      assert_memory_equal(&got, &wanted, sizeof got);
      assert_true(got != 0 || i >= ((1 << s.levels) - 1) * s.d);
    }
    scene_free(&s);
  }
}

/* Not learned, mlp messages, queries, a fixed tree: the gradient without it, and nothing for normals. */
static void none_where_none_is_defined(void **state) {
  (void)state;
  static double with[MOST * WIDE];
  const esp_form mlp = {.message = &esp_message_gate_mlp, .dim = 2, .channels = 5};
  for (int k = 0; k < 4; k++) {
    set_problem(90, k == 1 ? mlp : forms[0], 4, 0.6, 4, 10);
    if (k == 0) p.param.domain.split.kind = ESP_SPLIT_PCA;
    if (k >= 2) p.keys = k == 2 ? TWO_SETS : FIXED_ONE_SET;
    problem_pass(&p, &esp_device_cpu64);
    pass_with(with);
    assert_memory_equal(with, p.dkey, sizeof *with * 180);
    for (int i = 0; i < MOST_NORMALS * WORDS; i++) assert_true(normal_acc[i] == 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_the_surrogates_slope),
      cmocka_unit_test(little),
      cmocka_unit_test(no_pair_with_itself),
      cmocka_unit_test(limits_of_members),
      cmocka_unit_test(in_the_layer),
      cmocka_unit_test(none_where_none_is_defined),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
