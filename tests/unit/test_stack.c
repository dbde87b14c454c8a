/* Proves that the learned relation is what it says: its table, its start, one layer and what it carries against plain loops, its
 * loss, and what it refuses. Its gradient: test_stack_gradient. */
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

/* ---- table and start ---- */

static void table_has_no_gaps(void **state) {
  (void)state;
  for (int which = 0; which < RELATION_CASES; which++)
    for (int kind = 0; kind < 3; kind++) {
      esp_stack_param p = relation_case_param(which, 0.5);
      p.embedding = (esp_embed_kind)kind, p.embed_hidden = 5;
      if (kind == ESP_EMBED_COORDINATES) p.separate = 0;
      p.split = ESP_SPLIT_LEARNED, p.split_levels = 3;
      esp_model r = relation_case_model(&p, 5, 2);
      int at = 0;
      for (int e = 0; e < r.block.entries; e++) {
        assert_int_equal(r.block.entry[e].offset, at);
        at += r.block.entry[e].rows * r.block.entry[e].columns;
        for (int f = 0; f < e; f++) assert_string_not_equal(r.block.entry[e].name, r.block.entry[f].name);
      }
      assert_int_equal(at, r.block.count);
      for (int l = 0; l < p.layers; l++) {
        char key[32], query[32], normal[32];
        snprintf(key, sizeof key, "layer%d.key.E", l);
        snprintf(query, sizeof query, "layer%d.query.E", l);
        snprintf(normal, sizeof normal, "layer%d.split.normal", l);
        if (p.separate) assert_memory_equal(model_group(&r, key), model_group(&r, query), sizeof(double) * 15);
        for (int node = 0; node < 7; node++) {
          const double *w = model_group(&r, normal) + 3 * node;
          assert_true(fabs(w[0] * w[0] + w[1] * w[1] + w[2] * w[2] - 1) < 1e-14);
        }
      }
      esp_model_free(&r);
    }
}

static void refuses(void **state) {
  (void)state;
  const esp_stack_param good = relation_case_param(RELATION_DEEP, 0.5);
  for (int k = 0; k < 17; k++) {
    esp_stack_param p = good;
    esp_sizes sizes = {.width = {[ESP_INPUT] = 5, [ESP_SENT] = 2, [ESP_TARGET] = 2}};
    esp_model r;
    if (k == 0) p.layers = 0;
    if (k == 1) p.layers = ESP_STACK_MAX_LAYERS + 1;
    if (k == 2) sizes.width[ESP_SENT] = ESP_GATE_MAX_CHANNELS + 1;
    if (k == 3) p.dim = ESP_MAX_DIM + 1;
    if (k == 4) p.embedding = ESP_EMBED_COORDINATES, p.dim = 6;
    if (k == 5) p.embedding = ESP_EMBED_COORDINATES, p.separate = 1;
    if (k == 6) p.split = ESP_SPLIT_LEARNED, p.split_levels = 2, p.tree_on = ESP_TREE_ON_HIDDEN;
    if (k == 7) p.order = ESP_MOMENTS_ORDER, p.dim = ESP_MAX_DIM;
    if (k == 8) p.domain.leaf = 0;
    if (k == 9) p.tree_on = ESP_TREE_ON_FEATURES, sizes.width[ESP_INPUT] = ESP_MAX_DIM + 1;
    if (k == 10) p.width = 0;
    if (k == 11) p.domain.lists.theta = -1;
    if (k == 12) p.tree_on = ESP_TREE_ON_FEATURES, p.tree_features = 6;
    if (k >= 13) p.transport = 1;
    if (k == 13) sizes.width[ESP_SENT] = 3;
    if (k == 14) p.message = 1;
    if (k == 15) p.channels = ESP_GATE_MAX_CHANNELS - 1;
    if (k == 16) p.embedding = ESP_EMBED_FEATURES, p.dim = 6;
    assert_int_equal(esp_model_create(&esp_network_stack, &p, &sizes, &r), ESP_ERR_CONFIG);
    assert_null(r.block.entry);
    esp_error_clear();
  }
}

/* Deep rows: what is refused names the key. */
static void refuses_by_name(void **state) {
  (void)state;
  static const char *const named[] = {
      "net_groups",    "net_channels 65",         "net_message gate_mlp",   "net_groups 6",
      "net_transport", "net_width 6 in 6 groups", "net_width 1 in 1 group:"};
  for (int k = 0; k < 7; k++) {
    const esp_sizes sizes = {.width = {[ESP_INPUT] = 5, [ESP_SENT] = 2, [ESP_TARGET] = 2}};
    esp_stack_param p = relation_case_param(RELATION_DEEP, 0.5);
    esp_model r;
    p.depth = 2;
    if (k == 0) p.groups = ESP_DEPTH_GROUPS + 1;
    if (k == 1 || k == 2) p.aggregate = 2;
    if (k == 1) p.channels = ESP_GATE_MAX_CHANNELS / 2 + 1;
    if (k == 2) p.message = 1;
    if (k == 3) p.groups = 6, p.width = 8;
    if (k == 4) p.transport = 1;
    if (k >= 5) p.norm = 1;
    if (k == 5) p.groups = 6;
    if (k == 6) p.depth = 0, p.width = 1;
    assert_int_equal(esp_model_create(&esp_network_stack, &p, &sizes, &r), ESP_ERR_CONFIG);
    if (!strstr(esp_error_message(), named[k])) fail_msg("%s in: %s", named[k], esp_error_message());
    esp_error_clear();
  }
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const esp_entry *)a)->name, ((const esp_entry *)b)->name);
}

/* Names are one each, whole, at the most layers and groups; a varied model finds them without a look at all for each: that
 * would be 10^11 comparisons. */
static void deepest_have_names(void **state) {
  (void)state;
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.5);
  p.layers = ESP_STACK_MAX_LAYERS, p.depth = 2, p.groups = ESP_DEPTH_GROUPS, p.width = 2 * ESP_DEPTH_GROUPS;
  p.dim = p.channels = p.hidden = p.norm = 1, p.aggregate = 2, p.separate = p.linear = 1;
  esp_model r = relation_case_model(&p, 5, 2), varied;
  for (int i = 0; i < r.block.count; i++) r.block.value[i] = i;
  OK(esp_model_vary(&r, &p, &r.sizes, &varied));
  assert_memory_equal(varied.block.value, r.block.value, sizeof(double) * (size_t)r.block.count);
  qsort(r.block.entry, (size_t)r.block.entries, sizeof *r.block.entry, by_name);
  for (int e = 1; e < r.block.entries; e++) {
    assert_true(strlen(r.block.entry[e].name) < sizeof r.block.entry[e].name - 1);
    assert_string_not_equal(r.block.entry[e].name, r.block.entry[e - 1].name);
  }
  esp_model_free(&r);
  esp_model_free(&varied);
}

/* ---- one layer against plain loops ---- */

static void check_formula(int linear) {
  enum { N = 70, D = 5, d = 3, h = 7 };
  esp_set set = relation_case_set(N, D, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0);
  p.linear = linear;
  esp_model r = relation_case_network(&p);
  esp_backend b = backend64();
  esp_cost cost = {0};
  esp_place place;
  double z[N][d], got[2 * N], s = exp(*model_group(&r, "layer0.message.ln_s")), a = *model_group(&r, "layer0.update.a");
  const double *E = model_group(&r, "layer0.key.E"), *R1 = model_group(&r, "layer0.update.R1");
  const double *b1 = model_group(&r, "layer0.update.b1"), *R2 = model_group(&r, "layer0.update.R2");
  const double *c1 = model_group(&r, "layer0.update.c"), *x = set.value[X];
  const double *R3 = linear ? model_group(&r, "layer0.update.R3") : NULL;
  relation_case_nmse(&r, &b, &set, NULL, got, &cost);
  OK(r.network->place(&r, esp_comm_self(), &set, &place, &z[0][0], NULL));
  assert_true(place.domain.dim == d && !place.queries);
  assert_true(place.domain.lists.rule == &esp_rule_size && place.domain.lists.rule_number == s);
  for (int i = 0; i < N; i++) {
    double A[2] = {0}, y[2] = {c1[0], c1[1]};
    for (int k = 0; k < d; k++) {
      double sum = 0;
      for (int f = 0; f < D; f++) sum += E[k * D + f] * x[i * D + f];
      assert_true(fabs(sum - z[i][k]) < 1e-13);
    }
    for (int j = 0; j < N; j++) {
      double q = 0;
      for (int k = 0; k < d; k++) q += (z[i][k] - z[j][k]) * (z[i][k] - z[j][k]);
      for (int c = 0; c < 2 && j != i; c++) A[c] += exp(-q / (2 * s * s)) * set.value[V][j * 2 + c];
    }
    for (int u = 0; u < h; u++) {
      const double *row = R1 + u * (2 + D);
      double t = b1[u] + row[0] * a * A[0] + row[1] * a * A[1];
      for (int f = 0; f < D; f++) t += row[2 + f] * x[i * D + f];
      for (int c = 0; c < 2; c++) y[c] += R2[c * h + u] * t / (1 + exp(-t));
    }
    for (int c = 0; c < 2 && linear; c++) y[c] += R3[2 * c] * a * A[0] + R3[2 * c + 1] * a * A[1];
    for (int c = 0; c < 2; c++) assert_true(fabs(y[c] - got[i * 2 + c]) < 1e-12);
  }
  assert_int_equal(cost.near_pairs, N * (N - 1));
  esp_model_free(&r);
  esp_set_free(&set);
}

static void one_layer_is_the_formula(void **state) {
  (void)state;
  check_formula(0);
  check_formula(1);
}

/* The linear path begins on the diagonal, with the gain of the others' output; nothing else begins otherwise for it. */
static void linear_path_starts(void **state) {
  (void)state;
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.5);
    esp_model without = relation_case_model(&p, 5, 2);
    p.linear = 1;
    esp_model with = relation_case_model(&p, 5, 2);
    int same = 0;
    for (int e = 0; e < with.block.entries; e++) {
      const esp_entry *entry = &with.block.entry[e], *other = &without.block.entry[same];
      const double *value = with.block.value + entry->offset;
      if (strstr(entry->name, "update.R3")) {
        for (int k = 0; k < entry->rows * entry->columns; k++)
          assert_true(value[k] == (k / entry->columns != k % entry->columns ? 0 : p.aggregate ? 0.3 : 0.02));
        continue;
      }
      assert_string_equal(entry->name, other->name);
      assert_memory_equal(value, without.block.value + other->offset,
                          sizeof(double) * (size_t)(other->rows * other->columns));
      same++;
    }
    assert_int_equal(same, without.block.entries);
    assert_int_equal(with.block.entries, same + p.layers);
    esp_model_free(&without);
    esp_model_free(&with);
  }
}

/* A kept pass gives what a passing one gives; few and no particles are fine; the wrong set is not. */
static void passes_agree(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.7);
    esp_model r = relation_case_network(&p);
    const int sizes[] = {0, 1, 2, 65, 130};
    for (int k = 0; k < 5; k++) {
      esp_set set = relation_case_set(sizes[k], 5, 2, 0.5, 0, 8);
      double kept[260], passing[260];
      esp_pass *pass;
      OK(r.network->forward(&r, &b, &set, NULL, kept, NULL, &pass));
      OK(r.network->forward(&r, &b, &set, NULL, passing, NULL, NULL));
      assert_memory_equal(kept, passing, sizeof(double) * 2 * (size_t)sizes[k]);
      assert_non_null(pass);
      r.network->pass_free(&pass);
      assert_null(pass);
      snprintf(r.sizes.taken, sizeof r.sizes.taken, "other 5; v 2"); /* as many, but not the same */
      assert_int_equal(r.network->forward(&r, &b, &set, NULL, kept, NULL, &pass), ESP_ERR_ARG);
      assert_non_null(strstr(esp_error_message(), "for a network of 5 and 2 (other 5; v 2)"));
      esp_error_clear();
      esp_set_taken(set.layout, set.width, r.sizes.taken);
      OK(r.network->forward(&r, &b, &set, NULL, kept, NULL, NULL));
      set.width[V] = 1;
      assert_int_equal(r.network->forward(&r, &b, &set, NULL, kept, NULL, &pass), ESP_ERR_ARG);
      assert_null(pass);
      esp_error_clear();
      esp_set_free(&set);
    }
    esp_model_free(&r);
  }
}

/* A pass without a number drops nothing; with one, what that number says; training leaves none. */
static void predictions_drop_nothing(void **state) {
  (void)state;
  enum { N = 70 };
  const esp_backend b = esp_backend_self();
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.7);
  double y[4][2 * N];
  esp_set set = relation_case_set(N, 5, 2, 0.5, 0, 8);
  for (int k = 0; k < 4; k++) {
    p.dropout = k == 0 || k == 3 ? 0 : 0.3, p.dropout_state = k == 3 ? 0.3 : 0;
    esp_model r = relation_case_network(&p);
    r.draw = (uint64_t)(k == 1 ? 0 : k);
    relation_case_nmse(&r, &b, &set, NULL, y[k], NULL);
    esp_model_free(&r);
  }
  assert_memory_equal(y[0], y[1], sizeof y[0]);
  for (int k = 2; k < 4; k++)
    for (int j = 0; j < k; j++) assert_memory_not_equal(y[j], y[k], sizeof y[k]);
  esp_set_free(&set);
  relation_case t = relation_case_make(&p, 5, 2, N, 0.5);
  const esp_train_param how = relation_case_train(2);
  OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t));
  assert_true(t.model.draw == 0);
  relation_case_free(&t);
}

static int note_angles(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)key, (void)query;
  ((double *)context)[l] = dom->param.lists.theta;
  return ESP_OK;
}

static double kept_angle(const esp_model *r, const esp_set *set, double *y) {
  const esp_backend b = esp_backend_self();
  esp_cost cost = {0};
  esp_pass *pass;
  OK(r->network->forward(r, &b, set, NULL, y, &cost, &pass));
  r->network->pass_free(&pass);
  return cost.theta;
}

/* A kept pass looks for its angle where the last one ended, here on another set: it finds what a first look finds. */
static void budget_forgets(void **state) {
  (void)state;
  const esp_backend b = esp_backend_self();
  esp_set set = relation_case_set(200, 5, 2, 0.5, 0, 8), other = relation_case_set(130, 5, 2, 0.5, 0, 9);
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.7);
  p.domain.lists.pairs_per_particle = 40;
  esp_model r = relation_case_network(&p);
  double first[400], again[400], theta[3];
  const esp_visit visit = {.layer = note_angles, .context = theta};
  esp_cost cost = {0};
  relation_case_nmse(&r, &b, &set, &visit, first, &cost);
  assert_in_range(cost.near_pairs, 1, 3 * 200 * 40);
  for (int k = 0; k < 3; k++) {
    assert_true(kept_angle(&r, &set, again) == theta[0]);
    assert_memory_equal(first, again, sizeof first);
    assert_true(kept_angle(&r, &other, again) != theta[0]);
  }
  esp_model_free(&r);
  esp_set_free(&set);
  esp_set_free(&other);
}

/* Where far cells are left out, what is not near is not heard. */
static void near_only_drops(void **state) {
  (void)state;
  esp_backend b = backend64();
  esp_set set = relation_case_set(200, 5, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 1);
  double y[2][400];
  for (int far = 0; far < 2; far++) {
    esp_cost cost = {0};
    p.far = far;
    esp_model r = relation_case_network(&p);
    relation_case_nmse(&r, &b, &set, NULL, y[far], &cost);
    assert_true(far ? cost.far_pairs > 0 : cost.far_pairs == 0);
    esp_model_free(&r);
  }
  assert_memory_not_equal(y[0], y[1], sizeof y[0]);
  esp_set_free(&set);
}

/* ---- loss ---- */

static void loss_is_the_formula(void **state) {
  (void)state;
  const esp_backend host = esp_backend_host(esp_comm_self());
  enum { N = 100 };
  for (int holes = 0; holes < 2; holes++) {
    esp_set set = relation_case_set(N, 5, 2, 0.5, holes, 8);
    double y[2 * N], gy[2 * N], nmse, mean[2] = {0}, whole = 0, up = 0, down = 0, moved;
    for (int i = 0; i < 2 * N; i++) y[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    OK(esp_loss_nmse.value(NULL, &host, &set, y, 3, gy, &nmse));
    for (int i = 0; i < N; i++) whole += holes ? set.value[W][i] : 1;
    for (int i = 0; i < 2 * N; i++) mean[i % 2] += (holes ? set.value[W][i / 2] : 1) * set.value[Y][i] / whole;
    for (int i = 0; i < 2 * N; i++) {
      const double w = holes ? set.value[W][i / 2] : 1;
      up += w * (y[i] - set.value[Y][i]) * (y[i] - set.value[Y][i]);
      down += w * (set.value[Y][i] - mean[i % 2]) * (set.value[Y][i] - mean[i % 2]);
    }
    assert_true(fabs(nmse - up / down) < 1e-13 * nmse);
    for (int i = 0; i < 20; i++) {
      y[i] += 1e-4;
      OK(esp_loss_nmse.value(NULL, &host, &set, y, 1, NULL, &moved));
      y[i] -= 2e-4;
      double back;
      OK(esp_loss_nmse.value(NULL, &host, &set, y, 1, NULL, &back));
      y[i] += 1e-4;
      assert_true(fabs(3 * (moved - back) / 2e-4 - gy[i]) < 1e-9);
    }
    const int targets = set.width[Y];
    set.width[Y] = 0;
    assert_int_equal(esp_loss_nmse.value(NULL, &host, &set, y, 1, NULL, &nmse), ESP_ERR_ARG);
    esp_error_clear();
    set.width[Y] = targets;
    memset(set.value[Y], 0, sizeof(double) * 2 * N);
    OK(esp_loss_nmse.value(NULL, &host, &set, y, 1, NULL, &nmse));
    assert_true(nmse > 1);
    for (int i = 0; i < 2 * N; i++) set.value[Y][i] = 123.456, y[i] = 123.5; /* their mean is not exact */
    OK(esp_loss_nmse.value(NULL, &host, &set, y, 1, NULL, &nmse));
    assert_true(nmse < 1);
    esp_set_free(&set);
  }
}

/* What is carried is what the formula says: one layer whose update is silent. */
static void transport_is_the_formula(void **state) {
  (void)state;
  enum { N = 70, D = 5 };
  esp_set set = relation_case_set(N, D, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0);
  p.transport = p.include_self = 1, p.scale = 0.5, p.embedding = ESP_EMBED_FEATURES;
  esp_model r = relation_case_model(&p, D, 2);
  esp_backend b = backend64();
  double got[2 * N];
  memset(model_group(&r, "layer0.update.R2"), 0, sizeof(double) * 14);
  model_group(&r, "carried.g")[1] = 3;
  OK(r.network->forward(&r, &b, &set, NULL, got, NULL, NULL));
  for (int i = 0; i < N; i++)
    for (int f = 0; f < 2; f++) {
      double num = 1e-3 * set.value[V][2 * i + f], den = 1e-3;
      for (int j = 0; j < N; j++) {
        double r2 = 0;
        for (int a = 0; a < 3; a++) r2 += pow(set.value[X][D * i + a] - set.value[X][D * j + a], 2);
        num += exp(-2 * r2) * set.value[V][2 * j + f], den += exp(-2 * r2);
      }
      const double wanted = (f ? 3 : 1) * (num / den - set.value[V][2 * i + f]);
      assert_true(fabs(got[2 * i + f] - wanted) < 1e-12);
    }
  esp_model_free(&r);
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(table_has_no_gaps),
                                     cmocka_unit_test(refuses),
                                     cmocka_unit_test(refuses_by_name),
                                     cmocka_unit_test(deepest_have_names),
                                     cmocka_unit_test(one_layer_is_the_formula),
                                     cmocka_unit_test(linear_path_starts),
                                     cmocka_unit_test(passes_agree),
                                     cmocka_unit_test(predictions_drop_nothing),
                                     cmocka_unit_test(budget_forgets),
                                     cmocka_unit_test(near_only_drops),
                                     cmocka_unit_test(loss_is_the_formula),
                                     cmocka_unit_test(transport_is_the_formula)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
