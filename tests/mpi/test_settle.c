/* Proves that a settled set is the same set of particles, each on the rank that owns its slot, however it lay before. */
#include "case.h"

#include "domain/domain.h"
#include "domain/settle.h"
#include "train_case.h"

static esp_set make(int n, int kind, int share, int targets) {
  cloud c = cloud_make(n, 3, kind, share);
  esp_cloud e;
  esp_set view, set;
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
  e.dim = 3, e.eps = 0.25;
  view = set_of_cloud(&e);
  assert_int_equal(esp_set_copy(&view, &set), ESP_OK);
  esp_cloud_free(&e);
  cloud_free(&c);
  return set;
}

static void settles(void **state) {
  (void)state;
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi, .device = &esp_device_cpu32};
  const int sizes[] = {0, 1, 3, 700};
  esp_model model = train_case_model(CASE_NEWTON);
  ((esp_integrator_param *)model.param)->domain.block = 16;
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (int kind = 0; kind < KEYS_POINT; kind++)
      for (int share = 0; share < SHARE_KINDS; share++) {
        const int n = sizes[s], targets = share != SHARE_CYCLIC;
        esp_set e = make(n, kind, share, targets);
        uint64_t before, after;
        assert_int_equal(esp_set_checksum(comm, &e, &before), ESP_OK);
        assert_int_equal(esp_set_settle(&backend, &model, &e), ESP_OK);
        assert_int_equal(esp_set_checksum(comm, &e, &after), ESP_OK);
        assert_true(before == after && e.n == n && sum_over_ranks(e.n_home) == n);
        assert_true(e.ready && e.space.softening == 0.25 && e.space.dim == 3);
        const double *x = esp_set_role(&e, ESP_INPUT, 0, NULL), *D = esp_set_role(&e, ESP_TARGET, 0, NULL),
                     *K = esp_set_role(&e, ESP_TARGET, 1, NULL);
        assert_true(targets == (D != NULL) && targets == (K != NULL));
        for (int i = 0; i < 3 * e.n_home && targets; i++) assert_true(D[i] == x[i] + 1 && K[i] == x[i] + 2);
        /* at rest, the tree of its places finds every particle at home and in slot order */
        esp_domain_param param = {.leaf = 4, .block = 16, .dim = 3, .lists.theta = 1};
        esp_domain *dom;
        assert_int_equal(esp_domain_build_mpi(comm, &param, e.n_home, x, NULL, e.id, &dom), ESP_OK);
        assert_int_equal(sum_over_ranks(dom->stats.moved), 0);
        assert_int_equal(dom->n_own, e.n_home);
        assert_memory_equal(dom->id, e.id, (size_t)e.n_home * sizeof *e.id);
        esp_domain_free(&dom);
        esp_set_free(&e);
      }
  esp_model_free(&model);
}

CASE_MAIN(cmocka_unit_test(settles))
