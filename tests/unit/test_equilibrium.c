/* Proves that an equilibrium is what tied layers with the same injection come to, with their gradient, near and far; that what far
 * cells and lists are made for stays while it is solved for; and that what is not found, and what cannot be solved for, is told.
 * Its gradient against central differences: test_stack_gradient. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "relation_train_case.h"

enum { STEPS = 50, N = 130 };

static esp_backend backend64(void) {
  esp_backend b = esp_backend_self();
  b.device = &esp_device_cpu64;
  return b;
}

static int depth_named(const char *name) {
  int k = 0;
  while (strcmp(esp_depth_name(k), name)) k++;
  return k;
}

/* One layer, solved for, and a last one; or the layer STEPS times. */
static esp_stack_param network(const char *depth, double theta) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, theta);
  p.depth = depth_named(depth), p.layers = strcmp(depth, "equilibrium") ? STEPS + 1 : 2, p.tied = 1;
  return p;
}

/* The start values, moved, and the outputs of the layer `larger` times as large. */
static esp_model made(const esp_stack_param *p, double larger) {
  esp_model r = relation_case_model(p, 5, 2);
  for (int i = 0; i < r.block.count; i++) r.block.value[i] += 0.15 * esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, 0);
  double *R2 = model_group(&r, "layer0.update.R2");
  for (int i = 0; i < p->width * p->hidden; i++) R2[i] *= larger;
  return r;
}

typedef struct {
  double y[2 * N], *gradient, nmse;
  esp_cost cost;
} result;

static result pass(const esp_model *r, const esp_set *set) {
  const esp_backend b = backend64();
  result o = {.gradient = calloc((size_t)r->block.count, sizeof(double))};
  OK(model_loss(r, &b, &esp_loss_nmse, NULL, set, NULL, o.y, &o.cost, &o.nmse, o.gradient));
  return o;
}

/* One layer solved for, and the same STEPS times; numbers of the two lie alike. */
static void compare(const esp_stack_param p[2], double larger, const esp_set *set) {
  esp_model r[2] = {made(&p[0], larger), made(&p[1], larger)};
  const int count = r[0].block.count;
  double most = 0, apart = 0;
  assert_int_equal(r[1].block.count, count);
  memcpy(r[1].block.value, r[0].block.value, (size_t)count * sizeof(double));
  result one = pass(&r[0], set), many = pass(&r[1], set);
  assert_true(one.cost.contraction > 0.1 && one.cost.contraction <= 0.75);
  for (int i = 0; i < 2 * N; i++) assert_true(fabs(one.y[i] - many.y[i]) < 1e-7 * (1 + fabs(many.y[i])));
  for (int i = 0; i < count; i++) most = fmax(most, fabs(many.gradient[i]));
  for (int i = 0; i < count; i++) apart = fmax(apart, fabs(many.gradient[i] - one.gradient[i]));
  print_message("contraction %.3f, %lld iterations, %lld back; gradients apart %.1e of %.1e\n", one.cost.contraction,
                (long long)one.cost.iterations, (long long)one.cost.iterations_back, apart, most);
  assert_true(apart < 1e-5 * most);
  free(one.gradient), free(many.gradient);
  esp_model_free(&r[0]), esp_model_free(&r[1]);
}

static void is_what_many_steps_come_to(void **state) {
  (void)state;
  static const double larger[] = {2.3, 2.2, 0.5, 0.8};
  esp_set set = relation_case_set(N, 5, 2, 0.6, 1, 8);
  for (int which = 0; which < 4; which++) {
    const double theta = which ? 0.7 : 0; /* 0: keys move with the state */
    esp_stack_param p[2] = {network("equilibrium", theta), network("injected", theta)};
    for (int k = 0; k < 2; k++) {
      if (which) p[k].embedding = ESP_EMBED_COORDINATES; /* a tree is that of every step */
      p[k].norm = which == 2, p[k].activate = which == 2;
      if (which == 3) p[k].message = 1, p[k].channels = 6;
    }
    compare(p, larger[which], &set);
  }
  esp_set_free(&set);
}

/* One tree a layer, however often it is heard. */
static void its_tree_is_made_once(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, 5, 2, 0.6, 1, 8);
  esp_stack_param p = network("equilibrium", 0.7);
  esp_model r = made(&p, 1);
  result o = pass(&r, &set);
  const size_t peak = esp_memory_peak();
  assert_true(o.cost.layers == 2 && o.cost.iterations > 5 && o.cost.iterations_back > 5);
  esp_model_free(&r);
  free(o.gradient);
  p.equilibrium.tolerance = 1e-3;
  r = made(&p, 1);
  esp_memory_reset_peak();
  o = pass(&r, &set);
  assert_true(o.cost.iterations < 12);
  assert_true(peak > 0);
  esp_model_free(&r);
  free(o.gradient);
  esp_set_free(&set);
}

static void what_is_not_found_is_told(void **state) {
  (void)state;
  const esp_backend b = backend64();
  esp_set set = relation_case_set(N, 5, 2, 0.6, 1, 8);
  esp_stack_param p = network("equilibrium", 0.7);
  double y[2 * N];
  p.equilibrium.iterations = 3;
  esp_model r = made(&p, 1);
  assert_int_equal(r.network->forward(&r, &b, &set, NULL, y, NULL, NULL), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "layer 0: the state behind it is not found: iteration 3 of at most 3"));
  esp_error_clear();
  esp_model_free(&r);
  esp_set_free(&set);
}

static void refused(const esp_stack_param *p, const char *why) {
  const esp_sizes sizes = {.width = {[ESP_INPUT] = 5, [ESP_SENT] = 2, [ESP_TARGET] = 2}};
  esp_model model;
  assert_int_equal(esp_model_create(&esp_network_stack, p, &sizes, &model), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), why));
  esp_error_clear();
}

static void what_cannot_be_solved_for_is_refused(void **state) {
  (void)state;
  esp_stack_param p = network("equilibrium", 0.7);
  p.transport = 1;
  refused(&p, "net_transport");
  p.transport = 0, p.split = ESP_SPLIT_LEARNED, p.split_levels = 2;
  refused(&p, "tree_split learned");
  p.split = ESP_SPLIT_WIDEST, p.equilibrium.window = ESP_FIXED_POINT_WINDOW + 1;
  refused(&p, "net_equilibrium_window");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_what_many_steps_come_to), cmocka_unit_test(its_tree_is_made_once),
      cmocka_unit_test(what_is_not_found_is_told), cmocka_unit_test(what_cannot_be_solved_for_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
