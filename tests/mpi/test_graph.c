/* Proves that a graph's rows are the nearest senders by brute force, ties by id, and all pairs of the near lists, on any
 * number of ranks, however homes are shared out: with one tree and with two, trees that stand elsewhere, coincident
 * particles, ranks that hold nothing; and what recall says of rows.
 * ranks: 1 2 3 5 */
#include "case.h"

#include "domain/domain.h"
#include "net/recall.h"
#include "tree/graph.h"

static void ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

/* Place in the whole cloud by number. */
static int *places(const cloud *c, int64_t *first) {
  size_t start[16];
  void *all;
  *first = c->n_home;
  ok(comm->exscan_i64(comm, first));
  ok(comm->gather_all(comm, c->home_index, (size_t)c->n_home * sizeof(int), &all, start));
  return all;
}

static double distance2(const cloud *c, int receiver, int sender) {
  const double *x = (c->q ? c->q : c->z) + receiver * c->dim, *y = c->z + sender * c->dim;
  double sum = 0;
  for (int a = 0; a < c->dim; a++) sum += (x[a] - y[a]) * (x[a] - y[a]);
  return sum;
}

static const cloud *at;
static int of;
static int by_distance(const void *a, const void *b) {
  const int i = *(const int *)a, j = *(const int *)b;
  const double x = distance2(at, of, i), y = distance2(at, of, j);
  return x != y ? (x > y) - (x < y) : (at->id[i] > at->id[j]) - (at->id[i] < at->id[j]);
}

/* Rows hold the k nearest; k of n - 1: everyone. */
static void is_nearest(const cloud *c, const esp_graph *graph, int k) {
  int64_t first;
  int *place = places(c, &first), *other = calloc((size_t)c->n + 1, sizeof *other);
  assert_int_equal(graph->n, c->n);
  assert_int_equal(graph->n_home, c->n_home);
  assert_int_equal(graph->first, first);
  assert_int_equal(graph->edges, (int64_t)c->n * k);
  assert_int_equal(graph->before, first * k);
  at = c;
  for (int i = 0; i < c->n_home; i++) {
    int others = 0;
    of = c->home_index[i];
    for (int j = 0; j < c->n; j++)
      if (j != of) other[others++] = j;
    qsort(other, (size_t)others, sizeof *other, by_distance);
    assert_int_equal(graph->start[i], (int64_t)i * k);
    for (int m = 0; m < k; m++) {
      const int64_t e = (int64_t)i * k + m;
      assert_int_equal(place[graph->sender[e]], other[m]);
      assert_true(graph->distance[e] == sqrt(distance2(c, of, other[m])));
    }
  }
  free(other);
  esp_free(&place);
}

/* Of keys in another space than the tree's, where `apart`. */
static esp_domain *build(const esp_comm *who, const cloud *c, int apart, double theta) {
  const esp_domain_param param = {.leaf = 4, .block = 16, .dim = c->dim, .lists = {.theta = theta}};
  const int all = who->size == 1 && comm->size > 1;
  const int n = all ? c->n : c->n_home;
  double *z = calloc((size_t)(n * c->dim) + 1, sizeof *z);
  const double *q = all ? c->q : c->home_q;
  esp_domain *dom;
  memcpy(z, all ? c->z : c->home_z, (size_t)(n * c->dim) * sizeof *z);
  for (int i = 0; apart && i < n; i++)
    for (int a = 0; a < c->dim; a++) z[i * c->dim + a] = case_uniform((uint64_t)((all ? i : c->home_index[i]) * 8 + a));
  ok((who->size > 1 ? esp_domain_build_mpi : esp_domain_build_self)(who, &param, n, z, q, all ? c->id : c->home_id,
                                                                    &dom));
  free(z);
  return dom;
}

static void nearest_of(const cloud *c, int apart, int k) {
  esp_domain *dom = build(comm, c, apart, 0.8);
  esp_graph graph;
  int64_t first = c->n_home;
  ok(comm->exscan_i64(comm, &first));
  ok(esp_graph_nearest(dom, first, c->dim, c->home_z, c->home_q, k, &graph));
  is_nearest(c, &graph, k);
  esp_graph_free(&graph);
  esp_domain_free(&dom);
}

static void nearest(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_KINDS; kind++)
    for (int share = 0; share < SHARE_KINDS; share++)
      for (int queries = 0; queries < 2; queries++) {
        cloud c = cloud_make(70, 3, kind, share);
        if (queries) cloud_query(&c, KEYS_GRID);
        nearest_of(&c, 0, 1);
        nearest_of(&c, 0, 7);
        nearest_of(&c, 1, 69);
        cloud_free(&c);
      }
  cloud c = cloud_make(700, 2, KEYS_PLUMMER, SHARE_EVEN);
  nearest_of(&c, 0, 16);
  cloud_free(&c);
}

static void few(void **state) {
  (void)state;
  for (int n = 2; n < 12; n += 3)
    for (int share = 0; share < SHARE_KINDS; share++) {
      cloud c = cloud_make(n, 1, KEYS_GRID, share);
      nearest_of(&c, 0, 1);
      nearest_of(&c, 0, n - 1);
      cloud_free(&c);
    }
}

/* Theta 0: nothing is far. Else as on one rank. */
static void near_lists(void **state) {
  (void)state;
  for (int share = 0; share < SHARE_KINDS; share++)
    for (int queries = 0; queries < 2; queries++)
      for (int all = 0; all < 2; all++) {
        cloud c = cloud_make(200, 3, KEYS_BALL, share);
        if (queries) cloud_query(&c, KEYS_BALL);
        esp_domain *dom = build(comm, &c, 0, all ? 0 : 0.8), *self = NULL;
        int64_t first = c.n_home;
        esp_graph graph, whole;
        uint64_t sum, sum_whole;
        ok(comm->exscan_i64(comm, &first));
        ok(esp_graph_near(dom, first, 3, c.home_z, c.home_q, &graph));
        if (all) is_nearest(&c, &graph, 199);
        if (!queries) assert_int_equal(graph.edges, sum_over_ranks(dom->lists.near_pairs));
        if (!all) assert_in_range(graph.edges, 200, 200 * 198);
        ok(esp_graph_checksum(comm, &graph, &sum));
        if (comm->size > 1 && share != SHARE_CYCLIC) { /* numbers are places in the cloud */
          self = build(esp_comm_self(), &c, 0, all ? 0 : 0.8);
          ok(esp_graph_near(self, 0, 3, c.z, c.q, &whole));
          ok(esp_graph_checksum(esp_comm_self(), &whole, &sum_whole));
          assert_true(sum == sum_whole);
          assert_int_equal(whole.edges, graph.edges);
          esp_graph_free(&whole);
        }
        esp_graph_free(&graph);
        esp_domain_free(&self);
        esp_domain_free(&dom);
        cloud_free(&c);
      }
}

/* The rows' own space holds all its nearest; half as long rows hold half of them; another space few. */
static void recall_of_rows(void **state) {
  (void)state;
  cloud c = cloud_make(500, 2, KEYS_BALL, SHARE_EVEN);
  esp_domain *dom = build(comm, &c, 0, 0.8);
  int64_t first = c.n_home;
  esp_graph graph;
  double recall;
  ok(comm->exscan_i64(comm, &first));
  ok(esp_graph_nearest(dom, first, 2, c.home_z, NULL, 8, &graph));
  ok(esp_recall_rows(comm, &graph, 2, c.home_z, NULL, 8, 500, 1, &recall));
  assert_true(recall == 1);
  ok(esp_recall_rows(comm, &graph, 2, c.home_z, NULL, 16, 100, 1, &recall));
  assert_true(recall == 0.5);
  cloud other = cloud_make(500, 3, KEYS_BALL, SHARE_EVEN);
  ok(esp_recall_rows(comm, &graph, 3, other.home_z, NULL, 8, 500, 1, &recall));
  assert_true(recall > 0 && recall < 0.1);
  esp_graph_free(&graph);
  esp_domain_free(&dom);
  cloud_free(&other);
  cloud_free(&c);
}

static void refused(void **state) {
  (void)state;
  for (int n = 0; n < 6; n += 5) {
    cloud c = cloud_make(n, 2, KEYS_BALL, SHARE_LAST);
    esp_domain *dom = build(comm, &c, 0, 0.8);
    esp_graph graph;
    int64_t first = c.n_home;
    ok(comm->exscan_i64(comm, &first));
    for (int k = 0; k < 6; k += 5) {
      const int rc = esp_graph_nearest(dom, first, 2, c.home_z, NULL, k, &graph);
      assert_int_equal(rc, n ? ESP_ERR_CONFIG : ESP_OK);
      if (!rc) assert_int_equal(graph.edges, 0);
      esp_graph_free(&graph);
    }
    esp_error_clear();
    esp_domain_free(&dom);
    cloud_free(&c);
  }
}

CASE_MAIN(cmocka_unit_test(nearest), cmocka_unit_test(few), cmocka_unit_test(near_lists),
          cmocka_unit_test(recall_of_rows), cmocka_unit_test(refused))
