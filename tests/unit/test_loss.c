/* Proves that the loss of columns is the mean normalised square, in any order of the particles, with its gradient, and
 * that the rows are whole. That of one nMSE: test_relation.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/particles.h"
#include "train_case.h"

typedef double vec3[3];

enum { N = 37 };

static esp_cloud targets(int n) {
  esp_cloud cloud;
  assert_int_equal(esp_cloud_create(n, n, 1, &cloud), ESP_OK);
  for (int i = 0; i < n; i++) {
    for (uint32_t a = 0; a < 3; a++) {
      cloud.D[i][a] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, a);
      cloud.K[i][a] = 1e3 * esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 3 + a);
    }
  }
  return cloud;
}

static void prediction(int n, vec3 *D, vec3 *K) {
  for (int i = 0; i < n; i++) {
    for (uint32_t a = 0; a < 3; a++) {
      D[i][a] = esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, a);
      K[i][a] = 1e3 * esp_rng_normal(2, (uint64_t)i, ESP_RNG_TEST, 3 + a);
    }
  }
}

static double loss(const esp_cloud *cloud, const vec3 *D, const vec3 *K, vec3 *gD, vec3 *gK) {
  return 0.25 * train_case_value(esp_comm_self(), cloud, D, K, 0.25, gD, gK);
}

static void degenerate(void **state) {
  (void)state;
  vec3 D[1] = {{1, 0, 0}}, K[1] = {{0, 2, 0}}, gD[1], gK[1];
  esp_cloud none = targets(0), one = targets(1);
  assert_true(loss(&none, NULL, NULL, NULL, NULL) == 0);
  memset(one.D, 0, sizeof D);
  memset(one.K, 0, sizeof K);
  assert_true(loss(&one, (const vec3 *)D, (const vec3 *)K, gD, gK) == 0.25 * (1 + 0.5 * 4));
  assert_true(gD[0][0] == 0.5 && gK[0][1] == 0.5);
  esp_cloud_free(&one);
  ESP_FREE(none.D);
  none.D = NULL;
  const esp_set blind = set_of_cloud(&none);
  const esp_backend host = esp_backend_host(esp_comm_self());
  double part[2];
  assert_int_equal(esp_loss_nmse_columns.value(&train_case_loss, &host, &blind, NULL, 1, NULL, part), ESP_ERR_ARG);
  esp_error_clear();
  esp_cloud_free(&none);
}

static void value(void **state) {
  (void)state;
  vec3 D[N], K[N];
  esp_cloud cloud = targets(N);
  prediction(N, D, K);
  double sum[4] = {0};
  for (int i = 0; i < N; i++) {
    for (int a = 0; a < 3; a++) {
      sum[0] += pow(D[i][a] - cloud.D[i][a], 2), sum[1] += pow(cloud.D[i][a], 2);
      sum[2] += pow(K[i][a] - cloud.K[i][a], 2), sum[3] += pow(cloud.K[i][a], 2);
    }
  }
  double expected = 0.25 * (sum[0] / sum[1] + 0.5 * sum[2] / sum[3]);
  double got = loss(&cloud, (const vec3 *)D, (const vec3 *)K, NULL, NULL);
  assert_true(fabs(got - expected) < 1e-14 * expected);
  /* backwards: the same bits */
  for (int i = 0; i < N / 2; i++) {
    vec3 *rows[4] = {D, K, cloud.D, cloud.K};
    for (int r = 0; r < 4; r++) {
      vec3 kept;
      memcpy(kept, rows[r][i], sizeof kept);
      memcpy(rows[r][i], rows[r][N - 1 - i], sizeof kept);
      memcpy(rows[r][N - 1 - i], kept, sizeof kept);
    }
  }
  assert_true(loss(&cloud, (const vec3 *)D, (const vec3 *)K, NULL, NULL) == got);
  esp_cloud_free(&cloud);
}

/* A particle of weight 3 counts as three of weight 1. */
static void weights(void **state) {
  (void)state;
  const esp_backend host = esp_backend_host(esp_comm_self());
  static const esp_column columns[] = {{"w", ESP_WEIGHT, 1, .optional = 1},
                                       {"a", ESP_TARGET, 1, .optional = 0},
                                       {"b", ESP_TARGET, 1, .optional = 0},
                                       {NULL}};
  static const esp_number none[] = {{NULL}};
  static const esp_layout layout = {columns, none, ""};
  double a[4] = {1, 2, 2, 2}, b[4] = {3, 5, 5, 5}, w[2] = {1, 3}, y[8] = {2, 2, 4, 4, 4, 4, 4, 4}, dy[2][8], part[2][2];
  for (int k = 0; k < 2; k++) {
    esp_set set = {
        .n = k ? 2 : 4, .n_home = k ? 2 : 4, .layout = &layout, .width = {k, 1, 1}, .value = {k ? w : NULL, a, b}};
    assert_int_equal(esp_loss_nmse_columns.value(&train_case_loss, &host, &set, y, 1, dy[k], part[k]), ESP_OK);
  }
  for (int c = 0; c < 2; c++) {
    assert_true(part[0][c] == part[1][c]);
    assert_true(dy[1][c] == dy[0][c] && fabs(dy[1][2 + c] - 3 * dy[0][2 + c]) < 1e-15);
  }
}

static void gradient(void **state) {
  (void)state;
  vec3 D[N], K[N], gD[N], gK[N];
  esp_cloud cloud = targets(N);
  prediction(N, D, K);
  loss(&cloud, (const vec3 *)D, (const vec3 *)K, gD, gK);
  for (int i = 0; i < N; i++) {
    for (int a = 0; a < 3; a++) {
      double *at[2] = {&D[i][a], &K[i][a]}, got[2] = {gD[i][a], gK[i][a]}, step[2] = {1e-3, 1};
      for (int s = 0; s < 2; s++) {
        double middle = *at[s];
        *at[s] = middle + step[s];
        double up = loss(&cloud, (const vec3 *)D, (const vec3 *)K, NULL, NULL);
        *at[s] = middle - step[s];
        double down = loss(&cloud, (const vec3 *)D, (const vec3 *)K, NULL, NULL);
        *at[s] = middle;
        assert_true(fabs((up - down) / (2 * step[s]) - got[s]) < 1e-9 * (s ? 1e-3 : 1));
      }
    }
  }
  esp_cloud_free(&cloud);
}

static void rows_are_whole(void **state) {
  (void)state;
  for (int k = 0; esp_losses[k]; k++) {
    const esp_loss *row = esp_losses[k];
    assert_in_range(row->parts, 1, ESP_LOSS_PARTS);
    assert_true(row->name && row->value && row->help && (row->parts == 1 || (row->part && row->weights)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(degenerate), cmocka_unit_test(value), cmocka_unit_test(weights),
                                     cmocka_unit_test(gradient), cmocka_unit_test(rows_are_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
