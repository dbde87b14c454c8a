/* Proves that a settled cloud is the same set of particles, each on the rank that owns its slot, however it lay before. */
#include "case.h"

#include "domain/domain.h"
#include "domain/settle.h"

static esp_cloud make(int n, int kind, int share, int targets) {
  cloud c = cloud_make(n, 3, kind, share);
  esp_cloud e;
  assert_int_equal(esp_cloud_create(n, c.n_home, targets, &e), ESP_OK);
  for (int i = 0; i < c.n_home; i++) {
    e.id[i] = c.home_id[i];
    e.m[i] = case_uniform((uint64_t)c.home_index[i]);
    for (int a = 0; a < 3; a++) {
      e.x[i][a] = c.home_z[3 * i + a];
      e.v[i][a] = 0;
      if (targets) e.D[i][a] = e.x[i][a] + 1, e.K[i][a] = e.x[i][a] + 2;
    }
  }
  e.eps = 0.25, e.d = 2, e.T = 3, e.G = 4, e.box[1] = 5;
  cloud_free(&c);
  return e;
}

static void settles(void **state) {
  (void)state;
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu32};
  const int sizes[] = {0, 1, 3, 700};
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (int kind = 0; kind < KEYS_POINT; kind++)
      for (int share = 0; share < SHARE_KINDS; share++) {
        const int n = sizes[s], targets = share != SHARE_CYCLIC;
        esp_cloud e = make(n, kind, share, targets);
        uint64_t before, after;
        assert_int_equal(esp_cloud_checksum(comm, &e, &before), ESP_OK);
        assert_int_equal(esp_cloud_settle(&backend, 4, 16, &e), ESP_OK);
        assert_int_equal(esp_cloud_checksum(comm, &e, &after), ESP_OK);
        assert_true(before == after && e.n == n && sum_over_ranks(e.n_home) == n);
        assert_true(e.eps == 0.25 && e.d == 2 && e.T == 3 && e.G == 4 && e.box[1] == 5);
        assert_true(targets == (e.D != NULL) && targets == (e.K != NULL));
        for (int i = 0; i < e.n_home && targets; i++)
          for (int a = 0; a < 3; a++) assert_true(e.D[i][a] == e.x[i][a] + 1 && e.K[i][a] == e.x[i][a] + 2);
        /* at rest, the tree of its places finds every particle at home and in slot order */
        esp_domain_param param = {.leaf = 4, .block = 16, .dim = 3, .lists.theta = 1};
        esp_domain *dom;
        assert_int_equal(esp_domain_build_mpi(comm, &param, e.n_home, (const double *)e.x, NULL, e.id, &dom), ESP_OK);
        assert_int_equal(sum_over_ranks(dom->stats.moved), 0);
        assert_int_equal(dom->n_own, e.n_home);
        assert_memory_equal(dom->id, e.id, (size_t)e.n_home * sizeof *e.id);
        esp_domain_free(&dom);
        esp_cloud_free(&e);
      }
}

CASE_MAIN(cmocka_unit_test(settles))
