/* Every cut of fewer points than ranks, than parts, or of none on some ranks: each point gets a part, balanced where the
 * method promises it, and the same on any number of ranks.
 * ctest: TIMEOUT 100
 * ranks: 1 2 4 7 */
#include "case.h"

#include "domain/domain.h"
#include "domain/partition.h"
#include "domain/partition_cuts.h"
#include "domain/partition_zoltan.h"

static const int sizes[] = {0, 1, 2, 3, 5}, parts_tried[] = {1, 4, 7, 64};
enum { SIZES = 5, PARTS_TRIED = 4, MOST = 64 };

static int tree(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part) {
  static const esp_domain_param small = {.leaf = 1, .block = 1, .dim = 3, .lists = {.theta = 0.8}};
  esp_domain *dom = NULL;
  int slot_part[MOST + 1];
  ESP_CALL((who->size > 1 ? esp_domain_build_mpi : esp_domain_build_self)(who, &small, n, z, NULL, id, &dom));
  esp_partition_tree(dom, parts, slot_part);
  const int rc = dom->ops->to_home(dom, sizeof *part, slot_part, part);
  esp_domain_free(&dom);
  return rc;
}
static int bisection(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part) {
  return esp_partition_cut(who, ESP_CUT_BISECTION, parts, 3, n, z, id, part);
}
static int hilbert(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part) {
  return esp_partition_cut(who, ESP_CUT_HILBERT, parts, 3, n, z, id, part);
}
static int zoltan_rcb(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part) {
  (void)id;
  return esp_partition_zoltan(who, "RCB", parts, 3, n, z, part);
}
static int zoltan_hsfc(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part) {
  (void)id;
  return esp_partition_zoltan(who, "HSFC", parts, 3, n, z, part);
}

typedef int (*method)(const esp_comm *who, int parts, int n, const double *z, const int64_t *id, int *part);

/* exact: the parts do not depend on who holds what; Zoltan's do, unless one rank holds all. */
static void compare(method cut, int exact, int parts, int kind, int share, int n) {
  int part[MOST], alone[MOST];
  cloud c = cloud_make(n, 3, kind, share);
  if (cut(comm, parts, c.n_home, c.home_z, c.home_id, part)) fail_msg("%s", esp_error_message());
  if (cut(esp_comm_self(), parts, n, c.z, c.id, alone)) fail_msg("%s", esp_error_message());
  for (int i = 0; i < c.n_home; i++) {
    assert_in_range(part[i], 0, parts - 1);
    if (exact || share == SHARE_FIRST || share == SHARE_LAST) assert_int_equal(part[i], alone[c.home_index[i]]);
  }
  cloud_free(&c);
}

static void each(method cut, int exact) {
  for (int k = 0; k < SIZES; k++)
    for (int p = 0; p < PARTS_TRIED; p++)
      compare(cut, exact, parts_tried[p], p == k % 2 ? KEYS_POINT : KEYS_BALL, (k + p) % SHARE_KINDS, sizes[k]);
}

static void trees(void **state) {
  (void)state;
  each(tree, 1);
}

static void own_cuts(void **state) {
  (void)state;
  each(bisection, 1);
  each(hilbert, 1);
}

/* One point a rank, and more; and all on one rank. */
static void zoltans_cuts(void **state) {
  (void)state;
  if (!esp_partition_zoltan_built()) return;
  for (int m = 0; m < 2; m++) {
    const method cut = m ? zoltan_hsfc : zoltan_rcb;
    each(cut, 0);
    for (int p = 0; p < PARTS_TRIED; p++)
      for (int n = comm->size; n < MOST; n += 7 * comm->size)
        compare(cut, 0, parts_tried[p], p % 2 ? KEYS_POINT : KEYS_BALL, n % 3 ? SHARE_EVEN : SHARE_FIRST, n);
  }
}

CASE_MAIN(cmocka_unit_test(trees), cmocka_unit_test(own_cuts), cmocka_unit_test(zoltans_cuts))
