/* Proves that particles reach their slots in the one-rank order, that rows of any size go there and back, and that a
 * duplicate id on any ranks is found. */
#include "case.h"

#include "domain/migrate.h"

static void round_trips(const cloud *c, esp_migrate *m, const int64_t *slot_id) {
  const size_t units[] = {1, 4, 7, 24, 56, 552};
  for (int u = 0; u < 6; u++) {
    const size_t unit = units[u];
    char *home = malloc((size_t)c->n_home * unit + 1), *slots = malloc((size_t)m->n_own * unit + 1);
    char *back = malloc((size_t)c->n_home * unit + 1);
    for (int i = 0; i < c->n_home; i++)
      for (size_t b = 0; b < unit; b++) home[(size_t)i * unit + b] = (char)case_bits((uint64_t)c->home_id[i] * 600 + b);
    assert_int_equal(esp_migrate_to_slots(m, unit, home, slots), ESP_OK);
    for (int s = 0; s < m->n_own; s++)
      for (size_t b = 0; b < unit; b++)
        assert_int_equal(slots[(size_t)s * unit + b], (char)case_bits((uint64_t)slot_id[s] * 600 + b));
    assert_int_equal(esp_migrate_to_home(m, unit, slots, back), ESP_OK);
    assert_memory_equal(home, back, (size_t)c->n_home * unit);
    free(back);
    free(slots);
    free(home);
  }
}

static void check(const cloud *c) {
  esp_shape shape;
  esp_cover cover;
  esp_migrate m;
  int64_t *slot_id = NULL, first, count, slot, slots;
  double *slot_z = NULL;
  int *cover_of = malloc(sizeof(int) * (size_t)(c->n_home + 1)), *order = malloc(sizeof(int) * (size_t)(c->n + 1));
  assert_int_equal(esp_shape_make(c->n, 4, 16, &shape), ESP_OK);
  assert_int_equal(esp_cover_make(&shape, comm->size, &cover), ESP_OK);
  assert_int_equal(esp_tree_order(&shape, NULL, 0, 0, c->n, c->dim, c->z, c->id, order), ESP_OK);
  assert_int_equal(esp_split(comm, &shape, &cover, NULL, c->dim, c->n_home, c->home_z, c->home_id, cover_of), ESP_OK);
  assert_int_equal(esp_migrate_create(comm, &shape, &cover, NULL, &esp_grower_cpu, c->dim, c->n_home, c->home_z,
                                      c->home_id, cover_of, &m, &slot_id, &slot_z),
                   ESP_OK);
  esp_shape_rank(&shape, comm->rank, comm->size, &first, &count, &slot, &slots);
  assert_int_equal(m.n_own, slots);
  for (int s = 0; s < m.n_own; s++) {
    assert_int_equal(slot_id[s], c->id[order[slot + s]]);
    assert_memory_equal(slot_z + s * c->dim, c->z + order[slot + s] * c->dim, sizeof *slot_z * (size_t)c->dim);
  }
  assert_int_equal(sum_over_ranks(m.moved), sum_over_ranks(m.arrived));
  round_trips(c, &m, slot_id);
  esp_migrate_free(&m);
  esp_cover_free(&cover);
  ESP_FREE(slot_id);
  ESP_FREE(slot_z);
  free(order);
  free(cover_of);
}

static void slots_and_back(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 3, 50, 700};
  for (int s = 0; s < 5; s++)
    for (int share = 0; share < SHARE_KINDS; share++) {
      cloud c = cloud_make(sizes[s], 3, (s + share) % KEYS_KINDS, share);
      check(&c);
      cloud_free(&c);
    }
}

static void duplicates(void **state) {
  (void)state;
  cloud c = cloud_make(600, 1, KEYS_BALL, SHARE_EVEN);
  assert_int_equal(esp_migrate_check_ids(comm, c.n_home, c.home_id), ESP_OK);
  assert_int_equal(esp_migrate_check_ids(comm, 0, c.home_id), ESP_OK);
  for (int i = 1; i < 600; i += 97) {
    if (comm->rank == 0) c.home_id[0] = c.id[i];
    assert_int_equal(esp_migrate_check_ids(comm, c.n_home, c.home_id), ESP_ERR_VALUE);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "particle id %lld occurs", (long long)c.id[i]);
    assert_non_null(strstr(esp_error_message(), wanted));
    esp_error_clear();
  }
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(slots_and_back), cmocka_unit_test(duplicates))
