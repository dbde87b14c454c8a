/* A cloud converts to model units by the stated factors, tells forbidden values by particle, field and axis, and has a
 * checksum that depends on every value and not on the order. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/particles.h"
#include "base/rng.h"

static esp_cloud make(int n, int targets) {
  esp_cloud cloud;
  assert_int_equal(esp_cloud_create(n, n, targets, &cloud), ESP_OK);
  for (int i = 0; i < n; i++) {
    uint64_t id = (uint64_t)i;
    cloud.id[i] = i;
    cloud.m[i] = esp_rng_uniform(1, id, ESP_RNG_TEST, 0);
    for (uint32_t c = 0; c < 3; c++) {
      cloud.x[i][c] = esp_rng_normal(1, id, ESP_RNG_TEST, 1 + c);
      cloud.v[i][c] = esp_rng_normal(1, id, ESP_RNG_TEST, 4 + c);
      if (targets) cloud.D[i][c] = cloud.K[i][c] = esp_rng_normal(1, id, ESP_RNG_TEST, 7 + c);
    }
  }
  return cloud;
}

static void empty_cloud(void **state) {
  (void)state;
  size_t before = esp_memory_now();
  esp_cloud cloud;
  assert_int_equal(esp_cloud_create(0, 0, 1, &cloud), ESP_OK);
  assert_non_null(cloud.D);
  assert_int_equal(esp_cloud_check(esp_comm_self(), &cloud, "nothing"), ESP_OK);
  assert_int_equal(esp_cloud_to_model(&cloud), ESP_OK);
  esp_cloud_free(&cloud);
  assert_null(cloud.id);
  esp_cloud_free(&cloud);
  assert_int_equal(esp_memory_now(), before);
  esp_error_clear();
  assert_int_equal(esp_cloud_create(3, 4, 0, &cloud), ESP_ERR_ARG);
  assert_null(cloud.x);
  esp_error_clear();
}

static void model_units(void **state) {
  (void)state;
  esp_cloud cloud = make(3, 1), kept = make(3, 1);
  cloud.G = 3, cloud.d = 2, cloud.T = 4, cloud.eps = 0.5, cloud.box[1] = 10;
  assert_int_equal(esp_cloud_to_model(&cloud), ESP_OK);
  for (int pass = 0; pass < 2; pass++) {
    assert_int_equal(cloud.model, 1);
    assert_true(cloud.G == 1 && cloud.d == 2 && cloud.T == 4 && cloud.eps == 0.25 && cloud.box[1] == 5 &&
                cloud.box[0] == 0);
    for (int i = 0; i < 3; i++) {
      assert_true(cloud.m[i] == kept.m[i] * 6); /* G T^2 / d^3 */
      for (int c = 0; c < 3; c++) {
        assert_true(cloud.x[i][c] == kept.x[i][c] / 2 && cloud.v[i][c] == kept.v[i][c] * 2);
        assert_true(cloud.D[i][c] == kept.D[i][c] / 2 && cloud.K[i][c] == kept.K[i][c] * 2);
      }
    }
    assert_int_equal(esp_cloud_to_model(&cloud), ESP_OK); /* a second time: nothing */
  }
  const double bad[] = {0, -1, NAN, INFINITY};
  for (int b = 0; b < 4; b++) {
    esp_error_clear();
    kept.d = bad[b], kept.T = 1;
    assert_int_equal(esp_cloud_to_model(&kept), ESP_ERR_VALUE);
    kept.d = 1, kept.T = bad[b];
    assert_int_equal(esp_cloud_to_model(&kept), ESP_ERR_VALUE);
  }
  assert_int_equal(kept.model, 0);
  esp_error_clear();
  esp_cloud_free(&cloud);
  esp_cloud_free(&kept);
}

static void refused(esp_cloud *cloud, double *place, double value, const char *field) {
  double kept = *place;
  *place = value;
  esp_error_clear();
  assert_int_equal(esp_cloud_check(esp_comm_self(), cloud, "halo.hdf5"), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "halo.hdf5: particle 5: "));
  assert_non_null(strstr(esp_error_message(), field));
  *place = kept;
  esp_error_clear();
  assert_int_equal(esp_cloud_check(esp_comm_self(), cloud, "halo.hdf5"), ESP_OK);
}

static void forbidden_values(void **state) {
  (void)state;
  esp_cloud cloud = make(9, 1);
  refused(&cloud, &cloud.m[5], -1, "mass is -1");
  refused(&cloud, &cloud.m[5], NAN, "mass is ");
  refused(&cloud, &cloud.m[5], 1e200, "mass is 1e+200");
  refused(&cloud, &cloud.x[5][0], -1e200, "position along x is -1e+200: must be at most 1e+150");
  refused(&cloud, &cloud.x[5][1], INFINITY, "position along y is inf");
  refused(&cloud, &cloud.v[5][2], NAN, "velocity along z is ");
  refused(&cloud, &cloud.D[5][0], NAN, "target D along x is ");
  refused(&cloud, &cloud.K[5][0], NAN, "target K along x is ");
  cloud.dim = 2;
  assert_int_equal(esp_cloud_check(esp_comm_self(), &cloud, "box"), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "2 dimensions"));
  esp_error_clear();
  cloud.dim = 3, cloud.n = 10;
  assert_int_equal(esp_cloud_check(esp_comm_self(), &cloud, "box"), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "9 particles of 10"));
  esp_error_clear();
  memset(cloud.m, 0, 9 * sizeof *cloud.m); /* no mass at all is allowed */
  cloud.n = 9;
  assert_int_equal(esp_cloud_check(esp_comm_self(), &cloud, "box"), ESP_OK);
  esp_cloud_free(&cloud);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(empty_cloud), cmocka_unit_test(model_units),
                                     cmocka_unit_test(forbidden_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
