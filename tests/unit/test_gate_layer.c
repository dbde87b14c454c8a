/* Proves: a layer's sums are the plain double loop; its gradients are central differences on the same lists, for every
 * form of message and every kind of key; the same bits in any home order; no particle, one particle, forbidden values.
 */
#include "relation_case.h"

static problem p, other;

static const esp_form forms[] = {{.message = &esp_message_gate, .dim = 2, .channels = 2, .order = 2},
                                 {.message = &esp_message_gate, .dim = 3, .channels = 3, .den = 1, .order = 3},
                                 {.message = &esp_message_gate, .dim = 3, .channels = 6, .den = 1, .order = 1},
                                 {.message = &esp_message_gate, .dim = 5, .channels = 2, .den = 1, .order = 0},
                                 {.message = &esp_message_gate_mlp, .dim = 2, .channels = 5},
                                 {.message = &esp_message_gate_mlp, .dim = 3, .channels = 8, .den = 1}};
enum { GATES = 4, FORMS = 6 };

static void all_pairs(void **state) {
  (void)state;
  static double direct[MOST * (WIDE + 1)];
  for (int k = 0; k < FORMS * KEYS * 2; k++) {
    problem_fill(&p, 300, forms[k % FORMS], k / FORMS % KEYS, 0);
    p.param.include_self = k / FORMS / KEYS;
    problem_direct(&p, direct);
    const int count = p.n * esp_form_widths(&p.param.form).sum;
    problem_loss(&p, &esp_device_cpu64);
    assert_true(distance(p.sum, direct, count) < 1e-13);
    problem_loss(&p, &esp_device_cpu32);
    assert_true(distance(p.sum, direct, count) < 1e-6);
  }
}

/* What `order` makes of far cells against all pairs. */
static double far_error(int order, key_kind keys, double theta) {
  static double direct[MOST * (WIDE + 1)];
  esp_form form = forms[1];
  form.order = order;
  problem_fill(&p, MOST, form, keys, theta);
  problem_direct(&p, direct);
  problem_loss(&p, &esp_device_cpu64);
  return distance(p.sum, direct, p.n * esp_form_widths(&form).sum);
}

/* Far cells stand in for their members, the better the higher their order, whatever the tree stands on; without them much
 * is missing. */
static void far_cells(void **state) {
  (void)state;
  static double direct[MOST * (WIDE + 1)];
  for (int keys = 0; keys < KEYS; keys++) {
    double before = 1, error = 1, first = 0;
    uint64_t support = 0;
    for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
      error = far_error(order, keys, 0.4);
      if (!(error < before / 1.1)) fail_msg("keys %d, order %d: error %g after %g", keys, order, error, before);
      assert_true(order == 0 || p.support == support);
      assert_true(4 * p.near < 3 * (int64_t)MOST * MOST && p.far > MOST);
      before = error, support = p.support;
      if (!order) first = error;
    }
    if (!(error < 2e-3 && error < first / 8)) fail_msg("keys %d: error %g, of order 0 %g", keys, error, first);
    error = far_error(ESP_MOMENTS_ORDER, keys, 0.2);
    if (!(error < before / 4)) fail_msg("keys %d: error %g, of cells half as large %g", keys, before, error);
  }
  for (int k = 0; k < GATES * 2; k++) {
    problem_fill(&p, MOST, forms[k % GATES], k / GATES, 0.5);
    const int count = p.n * esp_form_widths(&p.param.form).sum;
    problem_direct(&p, direct);
    problem_loss(&p, &esp_device_cpu64);
    const double with = distance(p.sum, direct, count);
    p.param.near_only = 1;
    problem_loss(&p, &esp_device_cpu64);
    const double without = distance(p.sum, direct, count);
    if (!(with < 0.03 && without > 2 * with)) fail_msg("form %d: error %g, near only %g", k % GATES, with, without);
  }
}

/* Lists as a domain of the caller's makes them: nodes of the tree's keys that lie at the message's, by their size against
 * the gate. */
static void nodes_lie_at_the_keys(void **state) {
  (void)state;
  for (int keys = 0; keys < KEYS; keys++)
    for (int cut = 0; cut < 2; cut++) { /* on the first two numbers of the keys */
      esp_layer layer;
      esp_domain *dom;
      problem_fill(&p, MOST, forms[1], keys, 0.6);
      if (cut) p.param.domain.dim = 2;
      p.message[0] = -1;
      problem_forward(&p, &esp_device_cpu64, &layer);
      const double *query = problem_query(&p) ? p.query : NULL;
      esp_domain_param d = p.param.domain;
      double key[MOST * 2], at[MOST * 2];
      for (int i = 0; i < MOST * 2; i++) key[i] = p.key[i / 2 * 3 + i % 2], at[i] = p.query[i / 2 * 3 + i % 2];
      const double *z = cut ? key : p.key, *q = query ? (cut ? at : p.query) : NULL;
      if (keys >= FIXED_ONE_SET) z = p.tree_key, q = keys == FIXED_TREES ? p.tree_query : query ? z : NULL;
      d.lists.rule = &esp_rule_size, d.lists.rule_number = exp(-1);
      d.place_dim = 3, d.place = p.key, d.place_query = query;
      MUST(esp_domain_build_self(esp_comm_self(), &d, p.n, z, q, p.id, &dom));
      assert_true(support_of(layer.dom) == support_of(dom));
      assert_true(dom->lists.near_pairs == layer.dom->lists.near_pairs && dom->lists.far_pairs > 0);
      if (!(dom->lists.near_pairs < (int64_t)MOST * MOST * 9 / 10))
        fail_msg("keys %d, cut %d: %lld near pairs", keys, cut, (long long)dom->lists.near_pairs);
      esp_domain_free(&dom);
      esp_layer_free(&layer);
    }
}

/* Central differences of `count` numbers at x against slope, where order and lists stay; the worst difference over the
 * slopes' root mean square. *kept: how many did stay. Under the sanitizers, which look at the way and not at numbers, a few
 * of them. */
static double worst_difference(double *x, int count, int step, const double *slope, int *tried, int *kept) {
  double worst = 0, norm = 0;
  if (getenv("ESPALIER_SANITIZED")) step *= 8;
  const double h = 1e-5;
  for (int k = 0; k < count; k++) norm += slope[k] * slope[k];
  norm = sqrt(norm / (count ? count : 1));
  const uint64_t support = p.support;
  for (int k = 0; k < count; k += step) {
    const double was = x[k];
    x[k] = was + h;
    double above = problem_loss(&p, &esp_device_cpu64);
    int same = p.support == support;
    x[k] = was - h;
    const double below = problem_loss(&p, &esp_device_cpu64);
    same = same && p.support == support;
    x[k] = was;
    ++*tried;
    if (!same) continue;
    ++*kept;
    const double error = fabs((above - below) / (2 * h) - slope[k]) / norm;
    if (!(error <= worst)) worst = error;
  }
  p.support = support;
  return worst;
}

static void check_gradient(const char *what, double *x, int count, int step, const double *slope) {
  int tried = 0, kept = 0;
  const double worst = worst_difference(x, count, step, slope, &tried, &kept);
  if (p.param.domain.lists.theta > 0 && !p.param.near_only) assert_true(p.far > p.n);
  if (!(worst < 1e-6) || 4 * kept < 3 * tried)
    fail_msg("%s: error %g; %d of %d on the same lists; keys %d, channels %d, mlp %d, self %d, theta %g", what, worst,
             kept, tried, p.keys, p.param.form.channels, esp_message_has(p.param.form.message, ESP_MESSAGE_OFFSET),
             p.param.include_self, p.param.domain.lists.theta);
}

static void check_gradients(void) {
  const esp_form *f = &p.param.form;
  double slope[PARAMS];
  memset(p.acc, 0, sizeof p.acc);
  problem_pass(&p, &esp_device_cpu64);
  for (int k = 0; k < esp_form_widths(f).param; k++) slope[k] = esp_exact_value(&ESP_EXACT_FULL, p.acc + k * WORDS);
  check_gradient("value", p.value, p.n * f->channels, 13, p.dvalue);
  check_gradient("key", p.key, p.n * f->dim, 7, p.dkey);
  if (problem_query(&p)) check_gradient("query", p.query, p.n * f->dim, 7, p.dquery);
  if (esp_message_has(f->message, ESP_MESSAGE_OFFSET))
    check_gradient("offset", p.offset, p.n * f->channels, 13, p.doffset);
  check_gradient("ln s", p.message, 1, 1, slope);
  if (esp_message_has(f->message, ESP_MESSAGE_OFFSET))
    check_gradient("W3", p.message + 1, ESP_GATE_EDGE * f->channels, 1, slope + 1);
}

static void gradients(void **state) {
  (void)state;
  for (int k = 0; k < FORMS * KEYS; k++)
    for (int t = 0; t < 2; t++) {
      problem_fill(&p, 75, forms[k % FORMS], k / FORMS, t ? 0.8 : 0);
      p.param.include_self = (k + t) % 2;
      check_gradients();
    }
}

static void gradients_of_controls(void **state) {
  (void)state;
  for (int k = 0; k < FORMS; k++) {
    problem_fill(&p, 75, forms[k], k % 2, 0.5);
    p.param.near_only = 1;
    check_gradients();
    p.param.near_only = 0;
    p.message[0] = -0.5, p.param.domain.lists.theta = 1.1; /* far where the gate is shut, too */
    check_gradients();
  }
}

/* Separate queries with the queries equal to the keys: the same sums as one set, and the gradients' sum. */
static void equal_queries(void **state) {
  (void)state;
  for (int k = 0; k < FORMS; k++) {
    problem_fill(&p, 200, forms[k], ONE_SET, 0);
    memcpy(p.query, p.key, sizeof p.key);
    other = p;
    other.keys = TWO_SETS;
    problem_pass(&p, &esp_device_cpu64);
    problem_pass(&other, &esp_device_cpu64);
    const int dims = p.n * p.param.form.dim, channels = p.n * p.param.form.channels;
    for (int x = 0; x < dims; x++) other.dkey[x] += other.dquery[x];
    assert_true(distance(other.sum, p.sum, p.n * esp_form_widths(&p.param.form).sum) < 1e-13);
    assert_true(distance(other.dkey, p.dkey, dims) < 1e-12);
    assert_true(distance(other.dvalue, p.dvalue, channels) < 1e-13);
    if (esp_message_has(p.param.form.message, ESP_MESSAGE_OFFSET))
      assert_true(distance(other.doffset, p.doffset, channels) < 1e-13);
  }
}

static void same_row(const double *a, const double *b, int width, int i, int j) {
  assert_memory_equal(a + i * width, b + j * width, sizeof *a * (size_t)width);
}

/* Groups of the self term are of home rows, so its share in the parameters' gradients is left in. */
static void home_order(void **state) {
  (void)state;
  for (int k = 0; k < FORMS * KEYS; k++) {
    problem_fill(&p, MOST, forms[k % FORMS], k / FORMS, 0.7);
    p.param.include_self = 1;
    other = p;
    const int d = p.param.form.dim, C = p.param.form.channels, width = esp_form_widths(&p.param.form).sum;
    for (int i = 0; i < p.n; i++) {
      const int to = (i * 53 + 5) % p.n;
      other.id[to] = p.id[i];
      memcpy(other.key + to * d, p.key + i * d, sizeof(double) * (size_t)d);
      memcpy(other.query + to * d, p.query + i * d, sizeof(double) * (size_t)d);
      memcpy(other.value + to * C, p.value + i * C, sizeof(double) * (size_t)C);
      memcpy(other.offset + to * C, p.offset + i * C, sizeof(double) * (size_t)C);
      memcpy(other.tree_key + to * 2, p.tree_key + i * 2, sizeof(double) * 2);
      memcpy(other.tree_query + to * 2, p.tree_query + i * 2, sizeof(double) * 2);
      memcpy(other.g + to * width, p.g + i * width, sizeof(double) * (size_t)width);
    }
    problem_pass(&p, &esp_device_cpu32);
    problem_pass(&other, &esp_device_cpu32);
    for (int i = 0; i < p.n; i++) {
      const int to = (i * 53 + 5) % p.n;
      same_row(p.sum, other.sum, width, i, to);
      same_row(p.dkey, other.dkey, d, i, to);
      same_row(p.dquery, other.dquery, d, i, to);
      same_row(p.dvalue, other.dvalue, C, i, to);
      same_row(p.doffset, other.doffset, C, i, to);
    }
    for (int c = 0; c < esp_form_widths(&p.param.form).param; c++)
      assert_true(esp_exact_value(&ESP_EXACT_FULL, p.acc + c * WORDS) ==
                  esp_exact_value(&ESP_EXACT_FULL, other.acc + c * WORDS));
  }
}

static void empty(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  for (int k = 0; k < FORMS * KEYS * 2; k++) {
    const int n = k / FORMS / KEYS;
    problem_fill(&p, n, forms[k % FORMS], k / FORMS % KEYS, 0.7);
    problem_pass(&p, &esp_device_cpu64);
    for (int c = 0; c < n * esp_form_widths(&p.param.form).sum; c++) assert_true(fabs(p.sum[c]) < 1e-15);
    for (int c = 0; c < n * p.param.form.dim; c++) assert_true(fabs(p.dkey[c]) < 1e-15 && fabs(p.dquery[c]) < 1e-15);
    for (int c = 0; c < n * p.param.form.channels; c++) assert_true(fabs(p.dvalue[c]) < 1e-15);
  }
  assert_true(esp_memory_now() == held);
}

static void refuse(const char *word, esp_code code) {
  const esp_backend backend = esp_backend_self();
  const esp_layer_input input = problem_input(&p);
  esp_layer layer;
  esp_error_clear();
  assert_int_equal(esp_layer_forward(&backend, &p.param, p.n, &input, p.message, p.sum, &layer), code);
  if (!strstr(esp_error_message(), word)) fail_msg("no \"%s\" in: %s", word, esp_error_message());
  assert_null(layer.dom);
  esp_error_clear();
}

static void forbidden(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  problem_fill(&p, 20, forms[0], ONE_SET, 0.7);
  p.param.form.order = ESP_MOMENTS_ORDER + 1;
  refuse("order 4", ESP_ERR_CONFIG);
  problem_fill(&p, 20, forms[GATES], FIXED_TREES, 0.7);
  struct {
    double *place, bad;
    const char *word;
  } cases[] = {{&p.key[2 * 4 + 1], NAN, "key of particle id 4988, column 1, is nan"},
               {&p.query[2 * 4], INFINITY, "query of particle id 4988, column 0, is inf"},
               {&p.value[5 * 4 + 3], NAN, "value of particle id 4988, column 3"},
               {&p.offset[5 * 5 + 4], NAN, "offset of particle id 4985, column 4"},
               {&p.tree_key[2 * 5], NAN, "4985"},
               {&p.tree_query[2 * 5], NAN, "4985"},
               {&p.message[0], 800, "exp(800)"},
               {&p.message[0], NAN, "exp(nan)"}};
  for (int k = 0; k < 8; k++) {
    const double was = *cases[k].place;
    *cases[k].place = cases[k].bad;
    refuse(cases[k].word, ESP_ERR_VALUE);
    *cases[k].place = was;
  }
  const esp_layer_param good = p.param;
  p.param.form.channels = 129;
  refuse("129", ESP_ERR_CONFIG);
  p.param = good;
  p.param.form.dim = 65;
  refuse("65", ESP_ERR_CONFIG);
  p.param = good;
  p.param.form.period[1] = 3;
  refuse("period", ESP_ERR_CONFIG);
  problem_fill(&p, 20, forms[GATES], ONE_SET, 0.7);
  p.param.domain.dim = 3;
  refuse("must be at most", ESP_ERR_CONFIG);
  p.param.domain.dim = 2;
  p.id[3] = p.id[4];
  refuse("4988", ESP_ERR_VALUE);
  assert_true(esp_memory_now() == held);
}

/* Of constants no gradient is asked for; the others are the same bits. */
static void gradient_of(const esp_device *device, esp_domain *over, int keys, int values) {
  esp_backend backend = esp_backend_self();
  esp_layer layer;
  backend.device = device;
  const esp_layer_input input = problem_input(&other);
  MUST(esp_layer_over(&backend, over, &other.param, other.n, &input, other.message, other.sum, &layer));
  esp_layer_gradient to = problem_gradient(&other, other.dkey);
  if (!keys) to.dkey = to.dquery = NULL;
  if (!values) to.dvalue = NULL;
  MUST(esp_layer_backward(&backend, &layer, other.g, &to, other.acc, NULL));
  esp_layer_free(&layer);
}

static void constants_on(const esp_device *device, int form, key_kind keys) {
  const size_t d = (size_t)forms[form].dim, C = (size_t)forms[form].channels;
  esp_layer layer;
  problem_fill(&p, 200, forms[form], keys, 0.6);
  problem_pass(&p, device);
  for (int constant = 0; constant < 3; constant++) {
    problem_fill(&other, 200, forms[form], keys, 0.6);
    problem_forward(&other, device, &layer); /* a domain to lie over */
    memset(other.sum, 0, sizeof other.sum);
    gradient_of(device, layer.dom, constant != 1, constant != 2);
    esp_layer_free(&layer);
    assert_memory_equal(p.sum, other.sum, sizeof p.sum);
    if (constant != 1) assert_memory_equal(p.dkey, other.dkey, (size_t)p.n * d * sizeof(double));
    if (constant != 1) assert_memory_equal(p.dquery, other.dquery, (size_t)p.n * d * sizeof(double));
    if (constant != 1) assert_memory_equal(p.acc, other.acc, sizeof p.acc);
    if (constant != 2) assert_memory_equal(p.dvalue, other.dvalue, (size_t)p.n * C * sizeof(double));
  }
}

static void constants(void **state) {
  (void)state;
  for (int k = 0; k < FORMS * KEYS; k++) {
    constants_on(&esp_device_cpu32, k % FORMS, k / FORMS);
    constants_on(&esp_device_cpu64, k % FORMS, k / FORMS);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_pairs),
                                     cmocka_unit_test(far_cells),
                                     cmocka_unit_test(nodes_lie_at_the_keys),
                                     cmocka_unit_test(gradients),
                                     cmocka_unit_test(gradients_of_controls),
                                     cmocka_unit_test(equal_queries),
                                     cmocka_unit_test(home_order),
                                     cmocka_unit_test(empty),
                                     cmocka_unit_test(constants),
                                     cmocka_unit_test(forbidden)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
