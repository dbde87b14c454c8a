/* The truth conserves energy and momentum and converges; half a T squared with the exact acceleration misses it by the
 * figure of the design; so do free flight and a leapfrog of one step a frame in the periodic box. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tasks/box/box_start.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"

static void make_cloud(int c, int64_t n, const esp_backend *backend, esp_cloud *cloud) {
  esp_start_info info;
  esp_start_param param = {.kind = (esp_start_kind)(c % 2),
                           .n = n,
                           .seed = 1000 + (uint64_t)c,
                           .eps_over_d = 0.5,
                           .direct_limit = ESP_START_DIRECT_LIMIT};
  assert_int_equal(esp_nbody_start(backend, &param, cloud, &info), ESP_OK);
}

static void one_body_flies_free(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  esp_cloud cloud;
  assert_int_equal(esp_box_start(esp_comm_self(), 1, 1, 3.0, &cloud), ESP_OK);
  esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
  assert_int_equal(esp_nbody_truth(&force, 0, &cloud, 0, NULL), ESP_ERR_ARG);
  assert_int_equal(esp_nbody_truth(&force, 8, &cloud, 0, NULL), ESP_OK);
  for (int k = 0; k < 3; k++) assert_true(fabs(cloud.D[0][k]) < 1e-14 && cloud.K[0][k] == 0);
  cloud.model = 1;
  assert_int_equal(esp_nbody_truth(&force, 8, &cloud, 0, NULL), ESP_ERR_ARG);
  esp_cloud_free(&cloud);
}

/* Two bodies on a circular orbit of period 2 pi come back after one period, with an error that falls as h squared. */
static void circular_orbit(void **state) {
  (void)state;
  double error[2];
  for (int fine = 0; fine < 2; fine++) {
    esp_backend backend = esp_backend_self();
    esp_cloud cloud;
    assert_int_equal(esp_cloud_create(2, 2, 1, &cloud), ESP_OK);
    for (int i = 0; i < 2; i++) {
      cloud.m[i] = 0.5, cloud.id[i] = i;
      memset(cloud.x[i], 0, sizeof cloud.x[i]);
      memset(cloud.v[i], 0, sizeof cloud.v[i]);
      cloud.x[i][0] = cloud.v[i][1] = i ? -0.5 : 0.5;
    }
    cloud.G = 1, cloud.eps = 0, cloud.dim = 3, cloud.T = 2 * acos(-1);
    esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
    esp_nbody_check check;
    assert_int_equal(esp_nbody_truth(&force, fine ? 800 : 400, &cloud, 1, &check), ESP_OK);
    assert_true(fabs(check.energy_start + 0.125) < 1e-15 && fabs(check.energy_end + 0.125) < 1e-9);
    error[fine] = hypot(cloud.D[0][0], cloud.D[0][1] + 0.5 * cloud.T);
    esp_cloud_free(&cloud);
  }
  assert_true(error[0] < 1e-3 && fabs(error[0] / error[1] - 4) < 0.05);
}

static void half_a_t_squared(void **state) {
  (void)state;
  enum { N = 256 };
  static double a[N][3];
  double miss = 0, size = 0;
  for (int c = 0; c < 8; c++) {
    esp_backend backend = esp_backend_self();
    esp_cloud cloud;
    esp_nbody_check check;
    make_cloud(c, N, &backend, &cloud);
    esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
    assert_int_equal(esp_nbody_truth(&force, 48, &cloud, 1, &check), ESP_OK);
    assert_true(fabs(check.energy_end / check.energy_start - 1) < 1e-4);
    for (int k = 0; k < 3; k++) assert_true(fabs(check.momentum[k]) < 1e-15);
    assert_int_equal(esp_nbody_accelerate(&force, N, (const double(*)[3])cloud.x, cloud.m, cloud.id, a), ESP_OK);
    for (int i = 0; i < N; i++) {
      for (int k = 0; k < 3; k++) {
        double target = cloud.D[i][k] / cloud.d, guess = 0.5 * cloud.T * cloud.T * a[i][k] / cloud.d;
        miss += (guess - target) * (guess - target);
        size += target * target;
      }
    }
    esp_cloud_free(&cloud);
  }
  assert_true(sqrt(miss / size) > 0.28 && sqrt(miss / size) < 0.34);
}

/* Truth by the multipole method: near the direct one; by the tree force at opening angle 0: equal to it. */
static void truth_by_tree(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  backend.device = &esp_device_cpu64;
  esp_cloud direct, tree;
  for (int zero = 0; zero < 2; zero++) {
    make_cloud(1, 512, &backend, &direct);
    make_cloud(1, 512, &backend, &tree);
    esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &direct);
    assert_int_equal(esp_nbody_truth(&force, 48, &direct, 0, NULL), ESP_OK);
    force = esp_nbody_force_of(&backend, zero ? ESP_NBODY_TREE : ESP_NBODY_MULTIPOLE, 0, &tree);
    assert_int_equal(esp_nbody_truth(&force, 48, &tree, 0, NULL), ESP_OK);
    double miss = 0, size = 0;
    for (int i = 0; i < 512; i++) {
      for (int k = 0; k < 3; k++) {
        miss += pow(tree.D[i][k] - direct.D[i][k], 2);
        size += pow(direct.D[i][k], 2);
      }
    }
    assert_true(sqrt(miss / size) < (zero ? 1e-10 : 2e-4));
    esp_cloud_free(&direct);
    esp_cloud_free(&tree);
  }
}

/* Squared error over the frames of one trajectory of free flight and of a leapfrog of one step a frame. */
static void box_trajectory(uint64_t seed, int frames, double *free_flight, double *leapfrog) {
  enum { N = 100 };
  static double x[N][3], v[N][3], a[N][3], fx[N][3], lx[N][3], lv[N][3], la[N][3], v0[N][3];
  esp_backend backend = esp_backend_self();
  esp_cloud cloud;
  assert_int_equal(esp_box_start(esp_comm_self(), seed, N, 0.01, &cloud), ESP_OK);
  esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
  memcpy(fx, cloud.x, sizeof fx), memcpy(lx, cloud.x, sizeof lx);
  memcpy(v0, cloud.v, sizeof v0), memcpy(lv, cloud.v, sizeof lv);
  for (int f = 0; f < frames; f++) {
    assert_int_equal(esp_box_frame(&force, 64, &cloud, x, v, a, f > 0), ESP_OK);
    assert_int_equal(esp_nbody_kdk(&force, 1, 0.01, N, cloud.m, cloud.id, lx, lv, la, f > 0), ESP_OK);
    for (int i = 0; i < N; i++) {
      for (int k = 0; k < 2; k++) {
        double step = x[i][k] - cloud.x[i][k] - cloud.v[i][k] * 0.01 - cloud.D[i][k];
        assert_true(fabs(step - cloud.box[k] * rint(step / cloud.box[k])) < 1e-12);
        fx[i][k] += 0.01 * v0[i][k];
        double df = fx[i][k] - x[i][k], dl = lx[i][k] - x[i][k];
        df -= cloud.box[k] * rint(df / cloud.box[k]);
        dl -= cloud.box[k] * rint(dl / cloud.box[k]);
        *free_flight += df * df + pow(v0[i][k] - v[i][k], 2);
        *leapfrog += dl * dl + pow(lv[i][k] - v[i][k], 2);
      }
    }
    memcpy(cloud.x, x, sizeof x), memcpy(cloud.v, v, sizeof v);
  }
  esp_cloud_free(&cloud);
}

static void box_baselines(void **state) {
  (void)state;
  enum { TRAJECTORIES = 4, FRAMES = 200 };
  double free_flight = 0, leapfrog = 0;
  for (int t = 0; t < TRAJECTORIES; t++) box_trajectory(50 + (uint64_t)t, FRAMES, &free_flight, &leapfrog);
  free_flight = sqrt(free_flight / (TRAJECTORIES * FRAMES * 400.));
  leapfrog = sqrt(leapfrog / (TRAJECTORIES * FRAMES * 400.));
  if (getenv("ESPALIER_VERBOSE")) print_message("free flight %.4f, leapfrog %.5f\n", free_flight, leapfrog);
  assert_true(fabs(free_flight / 0.882 - 1) < 0.15);
  assert_true(leapfrog > 0.002 && leapfrog < 0.02);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_body_flies_free), cmocka_unit_test(circular_orbit), cmocka_unit_test(half_a_t_squared),
      cmocka_unit_test(truth_by_tree),       cmocka_unit_test(box_baselines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
