/* Proves that recall is the same bits on any number of ranks, with one tree and with two, however homes are shared out.
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "domain/domain.h"
#include "net/recall.h"

enum { N = 500, r = 2 };

/* Reference coordinates of a particle of the whole cloud: two of its keys; as receiver a little off. */
static void reference_of(const cloud *c, int i, double *p, double *q) {
  for (int a = 0; a < r; a++) {
    p[a] = rint(64 * c->z[i * c->dim + a]); /* with ties */
    q[a] = p[a] + 3;
  }
}

static double recall_of(const esp_comm *ranks, esp_domain_builder build, int n, int dim, const double *z,
                        const int64_t *id, const double *p, const double *q, int samples) {
  esp_domain_param param = {.leaf = 8, .block = 16, .dim = dim};
  esp_domain *dom;
  double recall, *query = calloc((size_t)(n * dim) + 1, sizeof *query);
  param.lists.theta = 0.9;
  for (int i = 0; i < n * dim; i++) query[i] = z[i] + 0.05;
  if (build(ranks, &param, n, z, q ? query : NULL, id, &dom)) fail_msg("%s", esp_error_message());
  if (esp_recall(ranks, dom, n, id, NULL, r, p, q, 8, samples, 3, &recall)) fail_msg("%s", esp_error_message());
  esp_domain_free(&dom);
  free(query);
  return recall;
}

static void compare(int n, int share, int samples, int separate) {
  cloud c = cloud_make(n, 3, KEYS_BALL, share);
  double *p = calloc((size_t)(4 * n * r) + 1, sizeof *p), *q = p + n * r, *home_p = q + n * r, *home_q = home_p + n * r;
  for (int i = 0; i < n; i++) reference_of(&c, i, p + i * r, q + i * r);
  for (int i = 0; i < c.n_home; i++) reference_of(&c, c.home_index[i], home_p + i * r, home_q + i * r);
  const double one =
      recall_of(esp_comm_self(), esp_domain_build_self, n, 3, c.z, c.id, p, separate ? q : NULL, samples);
  const double all = recall_of(comm, esp_domain_build_mpi, c.n_home, 3, c.home_z, c.home_id, home_p,
                               separate ? home_q : NULL, samples);
  if (!(one == all))
    fail_msg("n %d, share %d, separate %d: recall %.17g, on one rank %.17g", n, share, separate, all, one);
  if (n == N) assert_true(one > 0.1 && one < 1);
  free(p);
  cloud_free(&c);
}

static void same_bits(void **state) {
  (void)state;
  for (int separate = 0; separate < 2; separate++)
    for (int share = 0; share < SHARE_KINDS; share++) {
      compare(N, share, N, separate);
      compare(N, share, 60, separate);
    }
}

static void few_particles(void **state) {
  (void)state;
  for (int n = 0; n < 10; n += 3)
    for (int separate = 0; separate < 2; separate++) compare(n, SHARE_CYCLIC, 8, separate);
}

CASE_MAIN(cmocka_unit_test(same_bits), cmocka_unit_test(few_particles))
