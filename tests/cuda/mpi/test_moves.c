/* Proves that rows get from device to device of 1 to 4 ranks as from host to host, byte for byte, by NCCL's calls and by
 * pinned memory and MPI: slots, halos, cells; one tree and queries, ranks that own nothing; that each rank sends one message to a
 * neighbour, each with its receive in the same group; and that integers are summed alike. */
#include "tests/mpi/domain_case.h"

#include "cuda/link.h"
#include "nccl.h"
#include "tests/cuda/moves_case.h"

typedef int (*link_row)(const esp_comm *comm, esp_link **link);
static const link_row rows[] = {esp_link_nccl, esp_link_staged};
enum { ROWS = 2 };

/* For the moves of domains from now on. NULL: none. */
static void link_by(link_row row) {
  esp_link *link = NULL;
  esp_nccl_over(comm);
  if (comm->size == 1) return;
  if (row) must(row(comm, &link));
  esp_link_keep(comm, link);
  assert_int_equal(esp_nccl_called().pending, row == esp_link_nccl);
}

static esp_domain *build(const cloud *c, const esp_domain_param *param) {
  esp_domain *dom = NULL;
  must(esp_domain_build_mpi(comm, param, c->n_home, c->home_z, c->home_q, c->home_id, &dom));
  return dom;
}

static void moves(const cloud *c, double theta) {
  const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 3, .lists = {.theta = theta}};
  for (int k = 0; k < ROWS; k++) {
    esp_domain *dom = build(c, &param);
    link_by(rows[k]);
    all_moved(dom);
    esp_domain_free(&dom);
  }
  link_by(NULL);
}

static void few(void **state) {
  (void)state;
  const int n[] = {0, 1, 2, 7, 33, 100};
  for (int k = 0; k < 6; k++) {
    cloud c = cloud_make(n[k], 3, k % KEYS_KINDS, (k + 1) % SHARE_KINDS);
    moves(&c, 0.8);
    if (k % 2) cloud_query(&c, KEYS_BALL);
    if (k % 2) moves(&c, 0.8);
    cloud_free(&c);
  }
}

static void many(void **state) {
  (void)state;
  for (int share = 0; share < SHARE_KINDS; share++) {
    cloud c = cloud_make(400 + 37 * share, 3, share % 2 ? KEYS_PLUMMER : KEYS_BALL, share);
    if (share >= 2) cloud_query(&c, KEYS_BALL);
    moves(&c, share % 2 ? 0.8 : 1.3);
    cloud_free(&c);
  }
}

static void sums(void **state) {
  (void)state;
  static const int n[] = {0, 1, 33, 5000};
  for (int row = 0; row < ROWS; row++)
    for (int k = 0; k < 4; k++) {
      link_by(rows[row]);
      twin words = twin_make((size_t)n[k] * 8, 100 + (uint64_t)comm->rank);
      must(comm->sum_i64(comm, (int64_t *)words.host, (size_t)n[k]));
      must(esp_link_sum_i64(comm, words.there, (size_t)n[k]));
      twin_end("sums of words", 8, &words);
      link_by(NULL);
    }
}

/* Calls of one move, of this rank. */
static esp_nccl_calls calls_of(esp_domain *dom, esp_halo_kind kind, void *array) {
  const esp_nccl_calls before = esp_nccl_called();
  must(esp_cuda_moves.halo_begin(dom, kind, 16, array));
  must(esp_cuda_moves.halo_end(dom, kind, 16, array));
  const esp_nccl_calls after = esp_nccl_called();
  return (esp_nccl_calls){.groups = after.groups - before.groups,
                          .sends = after.sends - before.sends,
                          .receives = after.receives - before.receives,
                          .bytes = after.bytes - before.bytes,
                          .sums = after.sums - before.sums};
}

static void plan(void **state) {
  (void)state;
  if (comm->size == 1) return;
  cloud c = cloud_make(900, 3, KEYS_BALL, SHARE_CYCLIC);
  const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 3, .lists = {.theta = 0.9}};
  esp_domain *dom = build(&c, &param);
  link_by(esp_link_nccl);
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++) {
    twin array = twin_make((size_t)halo_rows(dom, kind) * 16, 3);
    const esp_nccl_calls calls = calls_of(dom, kind, array.there);
    const int64_t ghosts = kind == ESP_HALO_SOURCES     ? dom->stats.ghosts
                           : kind == ESP_HALO_RECEIVERS ? dom->stats.receiver_ghosts
                                                        : dom->stats.ghost_cells;
    assert_int_equal(calls.groups, 1);
    assert_int_equal(calls.receives, dom->stats.messages[kind]);
    assert_int_equal(sum_over_ranks(calls.sends), sum_over_ranks(calls.receives));
    assert_true(sum_over_ranks(calls.receives) > 0);
    assert_int_equal(calls.bytes, ghosts * 16);
    assert_int_equal(calls.sums, kind == ESP_HALO_CELLS);
    must(dom->ops->halo_begin(dom, kind, 16, array.host));
    must(dom->ops->halo_end(dom, kind, 16, array.host));
    twin_end("halo", 16, &array);
  }
  esp_domain_free(&dom);
  link_by(NULL);
  cloud_free(&c);
}

/* The model's processes share its device, so NCCL is not asked; and the choice is made once. */
static void chosen(void **state) {
  (void)state;
  const char *how = NULL;
  esp_link *link = NULL, *again = NULL;
  must(esp_link_join(comm, &how));
  if (comm->size == 1) return;
  assert_string_equal(how, "pinned host memory and MPI (ranks share a device)");
  must(esp_link_of(comm, &link));
  must(esp_link_of(comm, &again));
  assert_ptr_equal(link, again);
  assert_string_equal(link->ops->name, "staged");
}

CASE_MAIN(cmocka_unit_test(few), cmocka_unit_test(many), cmocka_unit_test(sums), cmocka_unit_test(plan),
          cmocka_unit_test(chosen))
