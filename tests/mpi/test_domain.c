/* Proves that a domain over ranks is the domain one rank would build: order, centres, lists, transpose, theta; that its
 * transfers deliver the owners' rows; and that errors are the same on all ranks.
 * ranks: 1 2 3 4 5 7 */
#include "domain_case.h"

static void degenerate(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 5, 9, 33};
  for (int s = 0; s < 7; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++) {
      cloud c = cloud_make(sizes[s], 3, kind, (s + kind) % SHARE_KINDS);
      esp_domain_param param = param_of(3, 0.7);
      compare(&c, &param);
      param.leaf = param.block = 1;
      compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_share(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_KINDS; kind++)
    for (int share = 0; share < SHARE_KINDS; share++) {
      cloud c = cloud_make(1100 + 37 * kind, 3, kind, share);
      esp_domain_param param = param_of(3, 0.7);
      if (kind != KEYS_POINT) compare(&c, &param);
      param.lists.theta = 0;
      if (share == SHARE_CYCLIC) compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_theta(void **state) {
  (void)state;
  const double theta[] = {0.3, 0.5, 1, 1.9};
  for (int t = 0; t < 4; t++) {
    cloud c = cloud_make(2000, 2 + t % 2, KEYS_PLUMMER, SHARE_EVEN);
    esp_domain_param param = param_of(c.dim, theta[t]);
    param.block = t % 2 ? 8 : 64;
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void any_dimension(void **state) {
  (void)state;
  const int dims[] = {1, 8, 16};
  for (int d = 0; d < 3; d++) {
    cloud c = cloud_make(700, dims[d], KEYS_BALL, SHARE_CYCLIC);
    esp_domain_param param = param_of(c.dim, 1.5);
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void periodic(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_POINT; kind++) {
    cloud c = cloud_make(1500, 3, kind, SHARE_CYCLIC);
    esp_domain_param param = param_of(3, 0.8);
    for (int a = 0; a < 3; a++) param.lists.box[a] = a == kind ? 0 : 1;
    compare(&c, &param);
    param.lists.theta = 1.2;
    for (int a = 0; a < 3; a++) param.lists.box[a] = 1;
    compare(&c, &param);
    cloud_free(&c);
  }
}

/* Theta as a row; and one of its own: leaves of few particles alone are far, by size. */
static int angle_far(double theta, const double *number, const esp_rule_view *v) {
  (void)number;
  return v->block_radius + v->radius < theta * v->distance;
}

static int angle_opens(double theta, const double *number, const esp_rule_view *v, double farthest) {
  (void)number, (void)farthest;
  return !(v->block_radius + v->radius < (1 - 1e-9) * theta * v->distance);
}

static int size_far(double theta, const double *number, const esp_rule_view *v) {
  return v->radius < 0.5 && v->distance > *number && v->count <= 100 && v->level > 1 && theta > 0;
}

static int size_opens(double theta, const double *number, const esp_rule_view *v, double farthest) {
  (void)farthest;
  return !(v->radius < 0.5 && v->distance > (1 + 1e-9) * *number && v->count <= 100 && v->level > 1 && theta > 0);
}

static const esp_rule angle = {.name = "angle", .help = "theta alone", .far = angle_far, .opens = angle_opens},
                      size = {.name = "size", .help = "small and not close", .far = size_far, .opens = size_opens};

static void another_rule(void **state) {
  (void)state;
  for (int k = 0; k < 8; k++) {
    cloud c = cloud_make(1300, 2 + k % 2, k < 4 ? KEYS_BALL : KEYS_PLUMMER, SHARE_CYCLIC);
    esp_domain_param param = param_of(c.dim, 0.7);
    param.lists.rule = k / 2 % 2 ? &size : &angle;
    param.lists.rule_number = 0.3;
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void budget(void **state) {
  (void)state;
  const int64_t pairs[] = {1, 60, 150, 400, 100000};
  for (int p = 0; p < 5; p++) {
    cloud c = cloud_make(1800, 3, p % 2 ? KEYS_PLUMMER : KEYS_BALL, SHARE_EVEN);
    esp_domain_param param = param_of(3, 0);
    param.lists.pairs_per_particle = pairs[p];
    param.lists.theta_halvings = (p + 1) % 3; /* also of the last step, where nothing fits */
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void fails(const cloud *c, const esp_domain_param *param, int code, const char *word) {
  esp_domain *dom = NULL;
  esp_error_clear();
  assert_int_equal(esp_domain_build_mpi(comm, param, c->n_home, c->home_z, NULL, c->home_id, &dom), code);
  assert_null(dom);
  if (!strstr(esp_error_message(), word)) fail_msg("no '%s' in: %s", word, esp_error_message());
  esp_error_clear();
}

static void errors(void **state) {
  (void)state;
  esp_domain_param param = param_of(3, 0.7);
  cloud c = cloud_make(400, 3, KEYS_BALL, SHARE_EVEN);
  const int last = comm->rank == comm->size - 1;
  const int64_t kept = c.home_id[0];
  if (last) c.home_id[0] = c.id[1] == kept ? c.id[2] : c.id[1];
  fails(&c, &param, ESP_ERR_VALUE, "id");
  if (last) c.home_id[0] = kept;
  const double key = c.home_z[4];
  if (last) c.home_z[4] = NAN;
  fails(&c, &param, ESP_ERR_VALUE, "axis 1");
  if (last) c.home_z[4] = key;
  param.lists.theta = -1;
  fails(&c, &param, ESP_ERR_CONFIG, "theta");
  param.lists.theta = 0.7;
  param.lists.pairs_limit = 5;
  fails(&c, &param, ESP_ERR_LIMIT, "pairs");
  cloud_free(&c);
  c = cloud_make(400, 3, KEYS_POINT, SHARE_CYCLIC);
  fails(&c, &param, ESP_ERR_LIMIT, "share one point");
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(degenerate), cmocka_unit_test(any_share), cmocka_unit_test(any_theta),
          cmocka_unit_test(any_dimension), cmocka_unit_test(periodic), cmocka_unit_test(another_rule),
          cmocka_unit_test(budget), cmocka_unit_test(errors))
