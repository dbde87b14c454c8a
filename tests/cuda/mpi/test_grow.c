/* Proves that a domain whose trees and lists devices of 1 to 4 ranks grow is the one that the CPU of one rank builds: order,
 * places, lists, transpose, the angle of a budget; of one tree and of queries, by every rule of cutting that ranks share. */
#include "tests/mpi/domain_case.h"

#include "cuda/grow.h"

static void grown(int n, int dim, int kind, int share, int apart, esp_domain_param param) {
  cloud c = cloud_make(n, dim, kind, share);
  if (apart) cloud_query(&c, KEYS_BALL);
  param.dim = dim, param.grower = &esp_grower_cuda;
  compare(&c, &param);
  cloud_free(&c);
}

static void small(void **state) {
  (void)state;
  static const int n[] = {0, 1, 2, 5, 33};
  for (int k = 0; k < 5; k++)
    for (int kind = 0; kind < KEYS_KINDS; kind++)
      grown(n[k], 3, kind, (k + kind) % SHARE_KINDS, k % 2,
            (esp_domain_param){.leaf = 2, .block = 4, .lists.theta = 0.7});
}

static void large(void **state) {
  (void)state;
  for (int apart = 0; apart < 2; apart++)
    for (int rule = ESP_SPLIT_WIDEST; rule <= ESP_SPLIT_PCA; rule++) {
      esp_domain_param param = {.leaf = 8, .block = 32, .split.kind = (esp_split_kind)rule, .lists.theta = 0.6};
      grown(1100, 3, KEYS_BALL, SHARE_EVEN, apart, param);
      param.lists.rule = &esp_rule_size, param.lists.rule_number = 0.1;
      grown(900, 2, KEYS_BALL, SHARE_CYCLIC, apart, param);
      param.lists = (esp_lists_param){.theta = 0.5, .pairs_per_particle = 60, .pairs_limit = 100000};
      grown(700, 4, KEYS_BALL, SHARE_EVEN, apart, param);
    }
}

CASE_MAIN(cmocka_unit_test(small), cmocka_unit_test(large))
