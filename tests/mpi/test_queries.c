/* Proves that receivers with keys of their own, on any number of ranks, get the two trees, lists and halos of one rank;
 * likewise with nodes judged by their size, with particles that lie elsewhere than the trees are grown, and for any start
 * of a budget's search.
 * ranks: 1 2 3 4 5 7 */
#include "domain_case.h"

static void by_size(esp_domain_param *param, double theta, double width) {
  param->lists.theta = theta;
  param->lists.rule = &esp_rule_size, param->lists.rule_number = width;
}

static void degenerate(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 5, 9, 33};
  for (int s = 0; s < 7; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++) {
      cloud c = cloud_make(sizes[s], 3, kind, (s + kind) % SHARE_KINDS);
      cloud_query(&c, (kind + s) % KEYS_KINDS);
      esp_domain_param param = param_of(3, 0.7);
      compare(&c, &param);
      if (s % 2) cloud_place(&c, 2, (kind + 2) % KEYS_KINDS);
      by_size(&param, 0.5, 0.2);
      param.leaf = param.block = 1;
      compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_share(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_KINDS; kind++)
    for (int share = 0; share < SHARE_KINDS; share++) {
      cloud c = cloud_make(900 + 37 * kind, 3, kind, share);
      cloud_query(&c, (kind + share) % KEYS_KINDS);
      esp_domain_param param = param_of(3, 0.7);
      compare(&c, &param);
      by_size(&param, 0.6, 0.1);
      compare(&c, &param);
      cloud_place(&c, 2 + share % 2, KEYS_BALL);
      compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_width(void **state) {
  (void)state;
  const double width[] = {0.01, 0.1, 0.5, 2}, theta[] = {0, 0.02, 0.5, 1.2};
  for (int k = 0; k < 16; k++) {
    cloud c = cloud_make(1300, 2 + k % 3, k % 3 ? KEYS_PLUMMER : KEYS_BALL, SHARE_EVEN);
    esp_domain_param param = param_of(c.dim, 0);
    if (k % 2) cloud_query(&c, KEYS_BALL);
    if (k % 3 == 1) cloud_place(&c, 1 + k % 5, k % 4 ? KEYS_PLUMMER : KEYS_GRID);
    by_size(&param, theta[k / 4], width[k % 4]);
    compare(&c, &param);
    cloud_free(&c);
  }
}

/* Nodes where the gate is shut are not sent, but for the cells that stand in for them. */
static void a_shut_gate_spares_rows(void **state) {
  (void)state;
  for (int query = 0; query < 2; query++) {
    cloud c = cloud_make(4000, 2, KEYS_BALL, SHARE_EVEN);
    if (query) cloud_query(&c, KEYS_BALL);
    esp_domain_param param = {.leaf = 4, .block = 16, .dim = 2};
    esp_domain *near = NULL, *all = NULL;
    by_size(&param, 1e-3, 0.02);
    assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, c.home_q, c.home_id, &near), ESP_OK);
    param.lists.theta = 0;
    assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, c.home_q, c.home_id, &all), ESP_OK);
    const int64_t few = sum_over_ranks(near->stats.essential_rows), many = sum_over_ranks(all->stats.essential_rows);
    assert_true(2 * few < many || comm->size == 1);
    by_size(&param, 0.4, 0.05);
    compare(&c, &param); /* groups of several blocks */
    esp_domain_free(&near);
    esp_domain_free(&all);
    cloud_free(&c);
  }
}

/* Receivers far from every sender: the root is far, which other ranks hold. */
static void receivers_apart(void **state) {
  (void)state;
  for (int n = 1; n < 200; n *= 5) {
    cloud c = cloud_make(n, 3, KEYS_BALL, SHARE_LAST);
    cloud_query(&c, KEYS_BALL);
    for (int i = 0; i < 3 * n; i++) c.q[i] += 30;
    for (int i = 0; i < 3 * c.n_home; i++) c.home_q[i] += 30;
    esp_domain_param param = param_of(3, 0.7);
    compare(&c, &param);
    by_size(&param, 1e-9, 5);
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void periodic(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_POINT; kind++) {
    cloud c = cloud_make(1200, 3, kind, SHARE_CYCLIC);
    cloud_query(&c, KEYS_BALL);
    esp_domain_param param = param_of(3, 0.8);
    for (int a = 0; a < 3; a++) param.lists.box[a] = a == kind ? 0 : 1;
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void any_rule(void **state) {
  (void)state;
  const double normal[] = {1, 2, -1, 0.5, 1, 1, 0, -1, 3};
  for (int query = 0; query < 2; query++) {
    cloud c = cloud_make(1000, 3, KEYS_PLUMMER, SHARE_EVEN);
    if (query) cloud_query(&c, KEYS_GRID);
    esp_domain_param param = param_of(3, 0.7);
    param.split.kind = ESP_SPLIT_PCA;
    compare(&c, &param);
    param.split = (esp_split_rule){ESP_SPLIT_LEARNED, 2, normal};
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void budget_from_anywhere(void **state) {
  (void)state;
  const int64_t pairs[] = {1, 60, 150, 400, 100000};
  for (int p = 0; p < 10; p++) {
    cloud c = cloud_make(1100, 3, p % 2 ? KEYS_PLUMMER : KEYS_BALL, SHARE_EVEN);
    if (p >= 5) cloud_query(&c, KEYS_BALL);
    esp_domain_param param = param_of(3, 0);
    param.lists.pairs_per_particle = pairs[p % 5];
    if (p % 5 == 2) param.lists.theta_halvings = 4;
    if (p % 3 == 0) by_size(&param, 0, 0.1);
    esp_domain *full = NULL, *warm = NULL;
    assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, c.home_q, c.home_id, &full), ESP_OK);
    param.lists.theta = 2.2 * case_uniform((uint64_t)p);
    compare(&c, &param);
    assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, c.home_q, c.home_id, &warm), ESP_OK);
    assert_true(full->param.lists.theta == warm->param.lists.theta);
    esp_domain_free(&full);
    esp_domain_free(&warm);
    cloud_free(&c);
  }
}

/* What the two migrations cost is the sum of what each would cost alone. */
static void costs_add(void **state) {
  (void)state;
  cloud c = cloud_make(800, 3, KEYS_PLUMMER, SHARE_CYCLIC);
  cloud_query(&c, KEYS_BALL);
  esp_domain_param param = param_of(3, 0.7);
  esp_domain *both = NULL, *senders = NULL, *receivers = NULL;
  assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, c.home_q, c.home_id, &both), ESP_OK);
  assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, NULL, c.home_id, &senders), ESP_OK);
  assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_q, NULL, c.home_id, &receivers), ESP_OK);
  assert_int_equal(both->stats.moved, senders->stats.moved + receivers->stats.moved);
  assert_int_equal(both->stats.bytes, senders->stats.bytes + receivers->stats.bytes);
  assert_int_equal(sum_over_ranks(both->stats.moved) > 0, comm->size > 1);
  const int64_t before = both->stats.bytes, before_alone = receivers->stats.bytes;
  int64_t *id = receiver_ids(both, c.home_id), *alone = receiver_ids(receivers, c.home_id);
  assert_memory_equal(id, alone, sizeof *id * (size_t)both->n_own);
  assert_int_equal(both->stats.bytes - before, receivers->stats.bytes - before_alone);
  free(id);
  free(alone);
  esp_domain_free(&both);
  esp_domain_free(&senders);
  esp_domain_free(&receivers);
  cloud_free(&c);
}

static void fails(const cloud *c, const esp_domain_param *param, int code, const char *word) {
  esp_domain *dom = NULL;
  esp_error_clear();
  assert_int_equal(esp_domain_build_mpi(comm, param, c->n_home, c->home_z, c->home_q, c->home_id, &dom), code);
  assert_null(dom);
  if (!strstr(esp_error_message(), word)) fail_msg("no '%s' in: %s", word, esp_error_message());
  esp_error_clear();
}

static void some_ranks_give_no_queries(void **state) {
  (void)state;
  esp_domain_param param = param_of(3, 0.7);
  cloud c = cloud_make(300, 3, KEYS_BALL, SHARE_FIRST);
  cloud_query(&c, KEYS_PLUMMER);
  double *kept = c.home_q;
  if (!c.n_home) c.home_q = NULL;
  compare(&c, &param);
  c.home_q = kept;
  cloud_free(&c);
  c = cloud_make(300, 3, KEYS_BALL, SHARE_EVEN);
  cloud_query(&c, KEYS_PLUMMER);
  kept = c.home_q;
  if (comm->rank > 0) c.home_q = NULL;
  if (comm->size > 1) fails(&c, &param, ESP_ERR_ARG, "query keys");
  c.home_q = kept;
  cloud_free(&c);
}

static void errors(void **state) {
  (void)state;
  esp_domain_param param = param_of(3, 0.7);
  cloud c = cloud_make(400, 3, KEYS_BALL, SHARE_EVEN);
  cloud_query(&c, KEYS_PLUMMER);
  const int last = comm->rank == comm->size - 1;
  const double kept = c.home_q[4];
  if (last) c.home_q[4] = NAN;
  fails(&c, &param, ESP_ERR_VALUE, "query key");
  if (last) c.home_q[4] = kept;
  if (last) c.home_id[0] = c.id[1] == c.home_id[0] ? c.id[2] : c.id[1];
  fails(&c, &param, ESP_ERR_VALUE, "id");
  param.place_dim = -1;
  fails(&c, &param, ESP_ERR_CONFIG, "places");
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(degenerate), cmocka_unit_test(any_share), cmocka_unit_test(any_width),
          cmocka_unit_test(a_shut_gate_spares_rows), cmocka_unit_test(receivers_apart), cmocka_unit_test(periodic),
          cmocka_unit_test(any_rule), cmocka_unit_test(budget_from_anywhere), cmocka_unit_test(costs_add),
          cmocka_unit_test(some_ranks_give_no_queries), cmocka_unit_test(errors))
