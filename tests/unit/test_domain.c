/* Proves that the one-rank domain is a permutation with its tree and lists, and that bad input is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/domain.h"

static esp_domain_param param_of(int dim) {
  return (esp_domain_param){.leaf = 8, .block = 64, .dim = dim, .lists = {.theta = 0.7}};
}

static void slots_are_a_permutation(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 8, 9, 100, 1000};
  for (int c = 0; c < 7 * CLOUD_KINDS; c++) {
    int n = sizes[c % 7];
    double *z = cloud_keys(n, 3, c / 7), (*zs)[3] = calloc((size_t)n + 1, sizeof *zs), (*back)[3];
    back = calloc((size_t)n + 1, sizeof *back);
    int64_t *id = cloud_ids(n), *ids = calloc((size_t)n + 1, sizeof *ids);
    esp_domain_param param = param_of(3);
    esp_domain *dom = NULL;
    assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, n, z, NULL, id, &dom), ESP_OK);
    assert_int_equal(dom->n, n);
    assert_int_equal(dom->n_own, n);
    assert_int_equal(dom->n_ghost + dom->n_receiver_ghost, 0);
    assert_int_equal(dom->n_interior, dom->tree.n_block);
    assert_int_equal(dom->n_sender_interior, dom->tree.n_block);
    for (int b = 0; b < dom->tree.n_block; b++) assert_int_equal(dom->block_order[b], b);
    assert_int_equal(dom->ops->to_slots(dom, sizeof *id, id, ids), ESP_OK);
    assert_memory_equal(ids, dom->id, sizeof *id * (size_t)n);
    assert_int_equal(dom->ops->to_slots(dom, sizeof *zs, z, zs), ESP_OK);
    assert_int_equal(dom->ops->to_home(dom, sizeof *zs, zs, back), ESP_OK);
    assert_memory_equal(back, z, sizeof *zs * (size_t)n);
    for (int k = 0; k < ESP_HALO_KINDS; k++) {
      assert_int_equal(dom->ops->halo_begin(dom, (esp_halo_kind)k, sizeof *zs, zs), ESP_OK);
      assert_int_equal(dom->ops->halo_end(dom, (esp_halo_kind)k, sizeof *zs, zs), ESP_OK);
    }
    /* the tree is the tree of the keys in slot order */
    double far = 0;
    for (int i = 0; i < n; i++) far = fmax(far, esp_tree_distance2(3, zs[i], dom->tree.centre, NULL));
    assert_true(dom->tree.radius[0] == sqrt(far));
    assert_true(dom->lists.near_start[dom->lists.n_block] == dom->lists.sender_start[dom->lists.n_leaf]);
    esp_domain_free(&dom);
    assert_null(dom);
    esp_domain_free(&dom);
    free(z), free(zs), free(back), free(id), free(ids);
  }
}

static void budget_chooses_the_smallest_angle_that_fits(void **state) {
  (void)state;
  int n = 1000, count;
  double *z = cloud_keys(n, 3, CLOUD_BALL);
  int64_t *id = cloud_ids(n), pairs;
  const double *ladder = esp_lists_ladder(&count);
  int64_t budgets[] = {1, 100, 300, 700, 2000};
  for (int k = 0; k < 5; k++) {
    esp_domain_param param = param_of(3);
    esp_domain *dom;
    param.block = 8;
    param.lists.pairs_per_particle = budgets[k];
    assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, n, z, NULL, id, &dom), ESP_OK);
    int at = 0;
    while (ladder[at] != dom->param.lists.theta) assert_in_range(++at, 1, count - 1);
    if (k == 0) assert_int_equal(at, count - 1); /* nothing fits */
    if (k == 4) assert_int_equal(at, 0);         /* everything does */
    if (k > 0) assert_true(dom->lists.near_pairs <= budgets[k] * n);
    if (at > 0) {
      assert_int_equal(esp_lists_count(&dom->tree, NULL, &param.lists, ladder[at - 1], &pairs), ESP_OK);
      assert_true(pairs > budgets[k] * n);
    }
    esp_domain_free(&dom);
  }
  free(z), free(id);
}

/* Pairs that fit from theta = fits on, and a note of how often they were asked for. */
typedef struct {
  double fits;
  int asked;
} slope;

static int slide(void *context, const esp_lists_param *param, double theta, int64_t *pairs) {
  slope *s = context;
  assert_int_equal(param->pairs_limit, param->pairs_per_particle);
  *pairs = param->pairs_per_particle * 50 + (theta < s->fits ? 1 : 0);
  s->asked++;
  return ESP_OK;
}

static double chosen(esp_lists_param param, double start, double fits, int *asked) {
  slope s = {.fits = fits};
  double theta = -1;
  param.theta = start;
  assert_int_equal(esp_lists_choose(&param, 50, slide, &s, &theta), ESP_OK);
  *asked = s.asked;
  return theta;
}

/* The answer fits, one that is smaller by the last halving does not, and no start changes a bit of it. Neither what is
 * least nor what is most of all is passed, and there is nothing before the first step. */
static void the_last_step_is_halved(void **state) {
  (void)state;
  int count, asked, again;
  const double *ladder = esp_lists_ladder(&count);
  for (int at = 0; at < 200; at++)
    for (int halvings = 0; halvings <= 8; halvings++)
      for (int floored = 0; floored < 2; floored++) {
        const double fits = 0.0005 * pow(1.05, at), least = floored ? 0.07 : 0, most = at % 3 == 0 ? 3 : 10;
        const double factor = pow(1.1, pow(0.5, halvings)) * (1 + 1e-5); /* the ladder's steps are rounded */
        esp_lists_param param = {.pairs_per_particle = 10, .theta_least = least, .theta_most = most};
        const double step = chosen(param, 0, fits, &asked);
        param.theta_halvings = halvings;
        const double theta = chosen(param, 0, fits, &again);
        assert_true(theta <= step && theta >= least && theta <= most);
        assert_true(halvings > 0 || theta == step);
        assert_in_range(again, asked, asked + halvings);
        if (step >= fits) assert_true(theta >= fits);
        const int bound = step == fmax(ladder[0], least); /* nothing is between */
        if (bound) assert_int_equal(again, asked);
        if (bound || step < fits) assert_true(theta == step);
        if (!bound && step >= fits) assert_true(theta <= fmax(fits * factor, least));
        for (int k = 0; k < 9; k++)
          assert_true(chosen(param, theta * pow(1.06, k * k % 11 - 5), fits, &again) == theta);
      }
}

static void a_halved_step_comes_closer(void **state) {
  (void)state;
  int n = 1000;
  double *z = cloud_keys(n, 8, CLOUD_BALL), theta = 0;
  int64_t *id = cloud_ids(n), pairs = 0;
  for (int k = 0; k < 4; k++) {
    esp_domain_param param = {.leaf = 4, .block = 4, .dim = 8, .lists = {.pairs_per_particle = 200}};
    param.lists.theta_halvings = k < 2 ? 0 : 5;
    if (k % 2) param.lists.theta = k == 3 ? theta : 0.4;
    esp_domain *dom;
    assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, n, z, NULL, id, &dom), ESP_OK);
    assert_true(dom->lists.near_pairs <= 200 * n);
    if (k % 2) assert_true(dom->param.lists.theta == theta && dom->lists.near_pairs == pairs);
    if (k == 2) assert_true(dom->param.lists.theta < theta && dom->lists.near_pairs > pairs);
    if (k == 2) assert_true(dom->lists.near_pairs > 198 * n);
    theta = dom->param.lists.theta, pairs = dom->lists.near_pairs;
    esp_domain_free(&dom);
  }
  free(z), free(id);
}

static void refused(const esp_domain_param *param, int n, const double *z, const int64_t *id, int code,
                    const char *words, const char *more) {
  esp_domain *dom = NULL;
  size_t held = esp_memory_now();
  esp_error_clear();
  assert_int_equal(esp_domain_build_self(esp_comm_self(), param, n, z, NULL, id, &dom), code);
  assert_null(dom);
  if (!strstr(esp_error_message(), words) || !strstr(esp_error_message(), more)) {
    fail_msg("message lacks '%s' or '%s': %s", words, more, esp_error_message());
  }
  assert_int_equal(esp_memory_now(), held);
  esp_error_clear();
}

static void bad_input_is_named(void **state) {
  (void)state;
  int n = 200;
  double *z = cloud_keys(n, 3, CLOUD_BALL), kept;
  int64_t *id = cloud_ids(n), kept_id;
  esp_domain_param good = param_of(3), p = good;
  p.lists.theta = -1;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "theta", "-1");
  p = good, p.lists.theta = NAN;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "theta", "nan");
  p = good, p.leaf = 0;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "leaf", "0");
  p = good, p.block = 0;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "block", "0");
  p = good, p.dim = ESP_MAX_DIM + 1;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "dimension", "65");
  p = good, p.lists.box[2] = -3;
  refused(&p, n, z, id, ESP_ERR_CONFIG, "box", "-3");
  kept = z[3 * 7 + 1], z[3 * 7 + 1] = NAN;
  refused(&good, n, z, id, ESP_ERR_VALUE, "-444554", "axis 1");
  z[3 * 7 + 1] = INFINITY;
  refused(&good, n, z, id, ESP_ERR_VALUE, "-444554", "inf");
  p = good, p.lists.box[1] = 1.5;
  z[3 * 7 + 1] = 1.5;
  refused(&p, n, z, id, ESP_ERR_VALUE, "-444554", "1.5");
  z[3 * 7 + 1] = kept;
  kept_id = id[150], id[150] = id[3]; /* far apart, in different leaves */
  refused(&good, n, z, id, ESP_ERR_VALUE, "twice", "-476230");
  id[150] = kept_id;
  free(z), free(id);
}

static void too_many_pairs_are_refused_before_the_sums(void **state) {
  (void)state;
  int n = 300000;
  double *z = cloud_keys(n, 3, CLOUD_POINT);
  int64_t *id = malloc(sizeof *id * (size_t)n);
  for (int i = 0; i < n; i++) id[i] = 40 + i;
  esp_domain_param p = param_of(3);
  p.lists.pairs_limit = 5000;
  size_t held = esp_memory_now();
  esp_memory_reset_peak();
  refused(&p, n, z, id, ESP_ERR_LIMIT, "300000 particles share one point", "id 40");
  assert_true(esp_memory_peak() - held < 200 * (size_t)n); /* nothing that grows with the pairs */
  free(z);
  z = cloud_keys(1000, 3, CLOUD_BALL);
  p.lists.theta = 0;
  p.lists.pairs_limit = 998;
  refused(&p, 1000, z, id, ESP_ERR_LIMIT, "998", "theta");
  p.lists.pairs_limit = 999; /* exactly all pairs */
  esp_domain *dom;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &p, 1000, z, NULL, id, &dom), ESP_OK);
  assert_int_equal(dom->lists.near_pairs, 999000);
  esp_domain_free(&dom);
  free(z), free(id);
}

static void order_of_input_does_not_matter(void **state) {
  (void)state;
  int n = 777;
  double *z = cloud_keys(n, 2, CLOUD_GRID), *back = malloc(sizeof *z * (size_t)n * 2);
  int64_t *id = cloud_ids(n), *ids = malloc(sizeof *id * (size_t)n);
  for (int i = 0; i < n; i++) {
    int from = (i * 100 + 3) % n;
    memcpy(back + 2 * i, z + 2 * from, 2 * sizeof *z);
    ids[i] = id[from];
  }
  esp_domain_param p = param_of(2);
  p.lists.box[0] = 1;
  esp_domain *a, *b;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &p, n, z, NULL, id, &a), ESP_OK);
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &p, n, back, NULL, ids, &b), ESP_OK);
  assert_memory_equal(a->id, b->id, sizeof *id * (size_t)n);
  assert_memory_equal(a->tree.centre, b->tree.centre, sizeof *z * 2 * (size_t)a->tree.row_count);
  assert_true(esp_lists_hash(&a->tree, &a->lists) == esp_lists_hash(&b->tree, &b->lists));
  assert_true(esp_lists_sender_hash(&a->tree, &a->lists) == esp_lists_sender_hash(&b->tree, &b->lists));
  esp_domain_free(&a);
  esp_domain_free(&b);
  free(z), free(back), free(id), free(ids);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(slots_are_a_permutation),
                                     cmocka_unit_test(budget_chooses_the_smallest_angle_that_fits),
                                     cmocka_unit_test(the_last_step_is_halved),
                                     cmocka_unit_test(a_halved_step_comes_closer),
                                     cmocka_unit_test(bad_input_is_named),
                                     cmocka_unit_test(too_many_pairs_are_refused_before_the_sums),
                                     cmocka_unit_test(order_of_input_does_not_matter)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
