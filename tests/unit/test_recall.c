/* Proves that recall is the share that a plain double loop over pairs and lists finds, with one tree and with two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/recall.h"
#include "relation_train_case.h"

enum { N = 200, r = 2 };

static esp_domain *build(int n, const esp_set *set, const double *query, double theta) {
  esp_domain_param p = {.leaf = 8, .block = 16, .dim = set->width[X]};
  esp_domain *dom;
  p.lists.theta = theta;
  OK(esp_domain_build_self(esp_comm_self(), &p, n, set->value[X], query, set->id, &dom));
  return dom;
}

/* Is home particle j near home particle i? By the heaps of the lists and slots alone. */
static int near(esp_domain *dom, const int *slot, const int *receiver, int i, int j) {
  const esp_tree *tree = &dom->tree;
  const int block = (int)esp_shape_find(&tree->shape, tree->shape.block_level, receiver[i]);
  if (!dom->queries && esp_shape_find(&tree->shape, tree->shape.block_level, slot[j]) == block) return 1;
  const int64_t leaf = ((int64_t)1 << tree->shape.depth) + esp_shape_find(&tree->shape, tree->shape.depth, slot[j]);
  for (int64_t e = dom->lists.near_start[block]; e < dom->lists.near_start[block + 1]; e++)
    if (tree->heap[dom->lists.near[e]] == leaf) return 1;
  return 0;
}

/* All particles as samples. */
static double plain(esp_domain *dom, int n, const int64_t *id, const double *p, const double *q, int neighbours) {
  int64_t hits = 0, all = 0;
  int home[N], order[N], slot[N], receiver[N];
  for (int i = 0; i < n; i++) home[i] = i;
  OK(dom->ops->to_slots(dom, sizeof *home, home, order));
  for (int s = 0; s < n; s++) slot[order[s]] = s;
  OK(dom->ops->to_receivers(dom, sizeof *home, home, order));
  for (int s = 0; s < n; s++) receiver[order[s]] = s;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) {
      const double *at = q ? q : p;
      int before = 0; /* particles that are nearer than j */
      const double dj = hypot(at[2 * i] - p[2 * j], at[2 * i + 1] - p[2 * j + 1]);
      for (int k = 0; k < n; k++) {
        const double dk = hypot(at[2 * i] - p[2 * k], at[2 * i + 1] - p[2 * k + 1]);
        before += (q || k != i) && (dk < dj || (dk == dj && id[k] < id[j]));
      }
      if ((!q && i == j) || before >= neighbours) continue;
      all++;
      hits += near(dom, slot, receiver, i, j);
    }
  return all ? (double)hits / (double)all : 1;
}

static void equals_the_double_loop(void **state) {
  (void)state;
  for (int separate = 0; separate < 2; separate++)
    for (int ties = 0; ties < 2; ties++) {
      esp_set set = relation_case_set(N, 3, 1, 0.5, 0, 8);
      double p[2 * N], q[2 * N], recall, query[3 * N];
      for (int i = 0; i < 2 * N; i++) {
        p[i] = set.value[X][i / 2 * 3 + i % 2], q[i] = p[i] + 0.3;
        if (ties) p[i] = rint(2 * p[i]), q[i] = rint(2 * q[i]);
      }
      for (int i = 0; i < 3 * N; i++) query[i] = set.value[X][i] + 0.2;
      esp_domain *dom = build(N, &set, separate ? query : NULL, 1);
      for (int neighbours = 1; neighbours < 12; neighbours += 5) {
        const double *at = separate ? q : NULL;
        OK(esp_recall(esp_comm_self(), dom, N, set.id, NULL, r, p, at, neighbours, N, 3, &recall));
        const double expected = plain(dom, N, set.id, p, at, neighbours);
        assert_true(expected > 0.1 && expected < 0.99);
        if (!(recall == expected)) fail_msg("%d neighbours: recall %.17g, plain %.17g", neighbours, recall, expected);
      }
      esp_domain_free(&dom);
      esp_set_free(&set);
    }
}

/* Some of the particles: close to all of them, and others with another seed. */
static void samples_are_fair(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, 3, 1, 0.5, 0, 8);
  double p[2 * N], whole, some[2];
  for (int i = 0; i < 2 * N; i++) p[i] = set.value[X][i / 2 * 3 + i % 2];
  esp_domain *dom = build(N, &set, NULL, 1);
  OK(esp_recall(esp_comm_self(), dom, N, set.id, NULL, r, p, NULL, 8, 10 * N, 3, &whole));
  for (int k = 0; k < 2; k++) {
    OK(esp_recall(esp_comm_self(), dom, N, set.id, NULL, r, p, NULL, 8, N / 2, 3 + (uint64_t)k, &some[k]));
    assert_true(fabs(some[k] - whole) < 0.1 && some[k] != whole);
  }
  /* what is not scored is not looked at: two halves make the whole */
  double weight[N], half[2];
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < N; i++) weight[i] = i % 2 == k;
    OK(esp_recall(esp_comm_self(), dom, N, set.id, weight, r, p, NULL, 8, N, 3, &half[k]));
  }
  assert_true(fabs((half[0] + half[1]) / 2 - whole) < 1e-12 && half[0] != half[1]);
  assert_true(some[0] != some[1]);
  esp_domain_free(&dom);
  esp_set_free(&set);
}

static void the_ends(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, 3, 1, 0.5, 0, 8);
  double p[2 * N], recall;
  for (int i = 0; i < 2 * N; i++) p[i] = set.value[X][i / 2 * 3 + i % 2];
  for (int n = 0; n < 4; n++) { /* fewer than neighbours are asked for; all near */
    esp_domain *dom = build(n, &set, NULL, 0);
    OK(esp_recall(esp_comm_self(), dom, n, set.id, NULL, r, p, NULL, 8, 16, 3, &recall));
    assert_true(recall == 1);
    esp_domain_free(&dom);
  }
  esp_domain *dom = build(N, &set, NULL, 0);
  OK(esp_recall(esp_comm_self(), dom, N, set.id, NULL, r, p, NULL, 8, N, 3, &recall));
  assert_true(recall == 1);
  assert_int_equal(esp_recall(esp_comm_self(), dom, N, set.id, NULL, r, p, NULL, 0, N, 3, &recall), ESP_ERR_ARG);
  esp_error_clear();
  esp_domain_free(&dom);
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_double_loop), cmocka_unit_test(samples_are_fair),
                                     cmocka_unit_test(the_ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
