/* The model is a leapfrog at the start, keeps momentum, and its gradient is that of central differences; by multipoles it is
 * that over all pairs to their tolerance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "message/law.h"
#include "tasks/gravity/metrics.h"
#include "train_case.h"

typedef double vec3[3];

/* Bodies in a cube of side n^(1/3) with a drift, random masses and targets. */
static esp_cloud random_cloud(int n, uint64_t seed) {
  esp_cloud cloud = {0};
  assert_int_equal(esp_cloud_create(n, n, 1, &cloud), ESP_OK);
  cloud.model = 1;
  cloud.dim = 3;
  cloud.G = cloud.d = cloud.T = 1;
  cloud.eps = 0.5;
  for (int i = 0; i < n; i++) {
    uint64_t id = (uint64_t)i;
    cloud.id[i] = i;
    cloud.m[i] = 0.1 + esp_rng_uniform(seed, id, ESP_RNG_TEST, 0);
    for (uint32_t a = 0; a < 3; a++) {
      cloud.x[i][a] = cbrt(n) * esp_rng_uniform(seed, id, ESP_RNG_TEST, 1 + a);
      cloud.v[i][a] = 0.3 + 0.5 * esp_rng_normal(seed, id, ESP_RNG_TEST, 4 + a);
      cloud.D[i][a] = esp_rng_normal(seed, id, ESP_RNG_TEST, 7 + a);
      cloud.K[i][a] = esp_rng_normal(seed, id, ESP_RNG_TEST, 10 + a);
    }
  }
  return cloud;
}

static esp_integrator_param some_param(int layers, esp_tableau_kind tableau, int message, double theta) {
  esp_integrator_param p = {
      .layers = layers, .order = 4, .tableau = tableau, .message = message, .hidden = 3, .seed = 7};
  p.domain = (esp_domain_param){.leaf = 4, .block = 8, .dim = 3};
  p.domain.lists.theta = theta;
  return p;
}

static esp_model model_of(const esp_integrator_param *p) {
  esp_model model;
  assert_int_equal(integrator_model(p, &model), ESP_OK);
  return model;
}

static esp_backend backend64(void) {
  esp_backend b = esp_backend_self();
  b.device = &esp_device_cpu64;
  return b;
}

/* ---- degenerate clouds ---- */

static void test_degenerate(void **state) {
  (void)state;
  esp_backend backend = backend64();
  esp_integrator_param p = some_param(3, ESP_TABLEAU_FREE, CASE_MLP, 0.5);
  esp_model model = model_of(&p);
  double *gradient = calloc((size_t)model.block.count, sizeof *gradient), y[12], value;
  for (int n = 0; n <= 2; n++) {
    for (int massless = 0; massless <= 1; massless++) {
      esp_cloud cloud = random_cloud(n, 1);
      for (int i = 0; i < n && massless; i++) cloud.m[i] = 0;
      const esp_set set = set_of_cloud(&cloud);
      assert_int_equal(
          model_loss(&model, &backend, &esp_loss_nmse_columns, &train_case_loss, &set, NULL, y, NULL, &value, gradient),
          ESP_OK);
      for (int k = 0; k < 6 * n && (massless || n == 1); k++) assert_true(y[k] == 0);
      for (int i = 0; i < model.block.count; i++) assert_true(isfinite(gradient[i]));
      esp_cloud_free(&cloud);
    }
  }
  free(gradient);
  esp_model_free(&model);
}

static void refused(esp_integrator_param p) {
  esp_model model;
  assert_int_equal(integrator_model(&p, &model), ESP_ERR_CONFIG);
  assert_null(model.param);
  esp_error_clear();
}

static void test_refusals(void **state) {
  (void)state;
  refused(some_param(0, ESP_TABLEAU_FREE, CASE_NEWTON, 0));
  refused(some_param(ESP_MAX_LAYERS + 1, ESP_TABLEAU_FREE, CASE_NEWTON, 0));
  esp_integrator_param p = some_param(2, ESP_TABLEAU_FREE, CASE_MLP, -1);
  refused(p);
  p.domain.lists.theta = 0;
  p.hidden = 0;
  refused(p);
}

/* The block's table covers the parameters without gap or overlap. */
static void test_table(void **state) {
  (void)state;
  for (int kind = 0; kind < 2; kind++) {
    for (int message = 0; esp_body_messages[message]; message++) {
      for (int layers = 1; layers <= 5; layers++) {
        esp_integrator_param p = some_param(layers, (esp_tableau_kind)kind, message, 0);
        esp_model model = model_of(&p);
        int offset = 0;
        for (int e = 0; e < model.block.entries; e++) {
          assert_int_equal(model.block.entry[e].offset, offset);
          offset += model.block.entry[e].rows * model.block.entry[e].columns;
        }
        assert_int_equal(offset, model.block.count);
        esp_model_free(&model);
      }
    }
  }
}

/* ---- the start is a leapfrog ---- */

static void direct(const esp_cloud *cloud, const vec3 *x, vec3 *a) {
  for (int i = 0; i < cloud->n_home; i++) {
    memset(a[i], 0, sizeof a[i]);
    for (int j = 0; j < cloud->n_home; j++) {
      if (j == i) continue;
      double r[3] = {x[j][0] - x[i][0], x[j][1] - x[i][1], x[j][2] - x[i][2]};
      double q = r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + cloud->eps * cloud->eps;
      for (int k = 0; k < 3; k++) a[i][k] += cloud->m[j] * r[k] / (q * sqrt(q));
    }
  }
}

/* Drift half a step, kick, drift half a step. */
static void leapfrog(const esp_cloud *cloud, int steps, vec3 *x, vec3 *v, vec3 *a) {
  double h = 1.0 / steps;
  for (int s = 0; s < steps; s++) {
    for (int i = 0; i < cloud->n_home; i++) {
      for (int k = 0; k < 3; k++) x[i][k] += 0.5 * h * v[i][k];
    }
    direct(cloud, (const vec3 *)x, a);
    for (int i = 0; i < cloud->n_home; i++) {
      for (int k = 0; k < 3; k++) {
        v[i][k] += h * a[i][k];
        x[i][k] += 0.5 * h * v[i][k];
      }
    }
  }
}

static void test_start_is_leapfrog(void **state) {
  (void)state;
  enum { N = 60 };
  vec3 x[N], v[N], a[N], D[N], K[N];
  esp_backend backend = backend64();
  esp_cloud cloud = random_cloud(N, 2);
  for (int kind = 0; kind < 2; kind++) {
    for (int layers = 1; layers <= 5; layers++) {
      esp_integrator_param p = some_param(layers, (esp_tableau_kind)kind, CASE_NEWTON, 0);
      esp_model model = model_of(&p);
      assert_int_equal(predict_cloud(&model, &backend, &cloud, D, K, NULL), ESP_OK);
      memcpy(x, cloud.x, sizeof x);
      memcpy(v, cloud.v, sizeof v);
      leapfrog(&cloud, layers, x, v, a);
      for (int i = 0; i < N; i++) {
        for (int k = 0; k < 3; k++) {
          assert_true(fabs(x[i][k] - cloud.x[i][k] - cloud.v[i][k] - D[i][k]) < 1e-12);
          assert_true(fabs(v[i][k] - cloud.v[i][k] - K[i][k]) < 1e-12);
        }
      }
      esp_model_free(&model);
    }
  }
  esp_cloud_free(&cloud);
}

/* ---- prediction ---- */

static int count_visits(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  assert_true(dom && key && !query);
  assert_int_equal(*(int *)context, l);
  ++*(int *)context;
  return ESP_OK;
}

/* A kept pass gives what a passing one gives, in numbers and in cost; momentum is kept. */
static void test_predict(void **state) {
  (void)state;
  enum { N = 200 };
  double y[2][6 * N], momentum;
  vec3 D[N], K[N];
  int visits = 0;
  const esp_visit visit = {.layer = count_visits, .context = &visits};
  esp_backend backend = esp_backend_self();
  esp_cloud cloud = random_cloud(N, 3);
  const esp_set set = set_of_cloud(&cloud);
  esp_integrator_param p = some_param(3, ESP_TABLEAU_FREE, CASE_MLP, 0.7);
  esp_model model = model_of(&p);
  esp_pass *pass;
  esp_cost cost[2] = {0};
  assert_int_equal(model.network->forward(&model, &backend, &set, NULL, y[0], &cost[0], &pass), ESP_OK);
  assert_int_equal(model.network->forward(&model, &backend, &set, &visit, y[1], &cost[1], NULL), ESP_OK);
  model.network->pass_free(&pass);
  assert_int_equal(visits, 3);
  assert_memory_equal(y[0], y[1], sizeof y[0]);
  assert_true(cost[0].near_pairs == cost[1].near_pairs && cost[0].near_pairs > 0 && cost[0].far_pairs > 0);
  assert_true(cost[0].theta == 0.7 && cost[1].theta == 0);
  assert_int_equal(predict_cloud(&model, &backend, &cloud, D, K, NULL), ESP_OK);
  assert_int_equal(esp_momentum_error(esp_comm_self(), &cloud, (const vec3 *)K, &momentum), ESP_OK);
  assert_true(momentum < 1e-15);
  K[0][0] += 1; /* the figure sees a kick */
  assert_int_equal(esp_momentum_error(esp_comm_self(), &cloud, (const vec3 *)K, &momentum), ESP_OK);
  assert_true(momentum > 1e-4);
  esp_model_free(&model);
  esp_cloud_free(&cloud);
}

/* ---- gradients ---- */

/* gradient may be NULL. */
static double loss_of(const esp_model *model, const esp_cloud *cloud, esp_cost *cost, double *gradient) {
  static double y[6 * 256];
  const esp_backend backend = backend64();
  const esp_set set = set_of_cloud(cloud);
  double value;
  assert_int_equal(
      model_loss(model, &backend, &esp_loss_nmse_columns, &train_case_loss, &set, NULL, y, cost, &value, gradient),
      ESP_OK);
  return value;
}

static void check_gradient(const esp_integrator_param *param, const esp_cloud *cloud, double h, double tolerance) {
  esp_model model = model_of(param);
  const int count = model.block.count, free_numbers = esp_tableau_count(param->tableau, param->layers);
  double *value = model.block.value, *gradient = calloc((size_t)count, sizeof *gradient);
  esp_cost cost = {0};
  /* Away from the start, where V = 0 and every tableau is the same. */
  /* A law is kept small: far bodies weigh as much as near ones, and places must not fly apart. */
  for (int i = 0; i < count; i++) {
    double size = i >= free_numbers && param->message == CASE_MLP ? 1e-4 : 0.05;
    value[i] += size * esp_rng_normal(11, (uint64_t)i, ESP_RNG_TEST, 0);
  }
  loss_of(&model, cloud, &cost, gradient);
  assert_true(param->domain.lists.theta == 0 || cost.far_pairs > 0);
  double largest = 0, h_mlp = param->message == CASE_MLP ? h / ESP_LAW_GAIN : h;
  for (int i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[i]));
  for (int i = free_numbers; i < count; i++) assert_true(gradient[i] != 0);
  for (int i = 0; i < count; i++) {
    double at = value[i], side[4], step = i < free_numbers ? h : h_mlp;
    for (int s = 0; s < 4; s++) { /* fourth order, at -2h, -h, h, 2h */
      value[i] = at + step * (s < 2 ? s - 2 : s - 1);
      side[s] = loss_of(&model, cloud, NULL, NULL);
    }
    value[i] = at;
    double difference = (side[0] - 8 * side[1] + 8 * side[2] - side[3]) / (12 * step);
    double scale = fmax(fabs(gradient[i]), 1e-3 * largest);
    if (!(fabs(difference - gradient[i]) <= tolerance * scale)) {
      fail_msg("parameter %d: gradient %.12g, difference %.12g", i, gradient[i], difference);
    }
  }
  free(gradient);
  esp_model_free(&model);
}

static void test_gradient_all_pairs(void **state) {
  (void)state;
  esp_cloud cloud = random_cloud(24, 4);
  for (int kind = 0; kind < 2; kind++) {
    for (int message = 0; esp_body_messages[message]; message++) {
      for (int layers = 1; layers <= 4; layers++) {
        esp_integrator_param p = some_param(layers, (esp_tableau_kind)kind, message, 0);
        if (esp_tableau_count(p.tableau, layers) + message > 0)
          check_gradient(&p, &cloud, message == CASE_MLP ? 1e-5 : 1e-4, 1e-6);
      }
    }
  }
  esp_cloud_free(&cloud);
}

/* The tree must stay for the differences to be those of a constant support: small steps, a fixed seed. */
static void test_gradient_with_cells(void **state) {
  (void)state;
  esp_cloud cloud = random_cloud(100, 5);
  for (int message = 0; esp_body_messages[message]; message++) {
    esp_integrator_param p = some_param(3, ESP_TABLEAU_FREE, message, 0.8);
    if (!esp_integrator_by_multipoles(&p, &(esp_space){.dim = 3})) check_gradient(&p, &cloud, 1e-6, 1e-6);
  }
  esp_cloud_free(&cloud);
}

/* Loss and gradient some way from the start. */
static double some_gradient(const esp_cloud *cloud, int message, double theta, int order, double tolerance,
                            esp_cost *cost, double *gradient) {
  esp_integrator_param p = some_param(3, ESP_TABLEAU_FREE, message, theta);
  p.order = order;
  p.tolerance = tolerance;
  esp_model model = model_of(&p);
  for (int i = 0; i < model.block.count; i++)
    model.block.value[i] += 0.05 * esp_rng_normal(11, (uint64_t)i, ESP_RNG_TEST, 0);
  const double value = loss_of(&model, cloud, cost, gradient);
  esp_model_free(&model);
  return value;
}

/* Of newton_mlp the correction is of near pairs: with a narrow angle of all. */
static void by_multipoles(const esp_cloud *cloud, int message) {
  static const struct {
    int order;
    double tolerance, most; /* of what the gradient errs by */
  } cases[] = {{5, 1e-12, 1e-5}, {5, 2e-2, 5e-2}, {4, 1e-1, 1e-1}};
  double exact[128], gradient[128], error[3];
  const double loss = some_gradient(cloud, message, 0, 4, 0, NULL, exact);
  const int count = 12 + (message == CASE_NEWTON ? 0 : 3 * esp_law_count(3));
  for (int k = 0; k < 3; k++) {
    esp_cost cost = {0};
    double miss = 0, size = 0;
    const double value = some_gradient(cloud, message, message == CASE_NEWTON ? 0.8 : 1e-9, cases[k].order,
                                       cases[k].tolerance, &cost, gradient);
    assert_true(fabs(value / loss - 1) < cases[k].most);
    for (int i = 0; i < count; i++) miss += pow(gradient[i] - exact[i], 2), size += pow(exact[i], 2);
    error[k] = sqrt(miss / size);
    if (!(error[k] < cases[k].most)) fail_msg("message %d, case %d: error %g", message, k, error[k]);
    assert_true(k == 0 || (cost.far_pairs > 0 && error[k] > error[0]));
    assert_true(cost.layers == 3 && cost.near_pairs > 0 && (message != CASE_NEWTON || cost.theta == 0));
  }
}

static void test_gradient_by_multipoles(void **state) {
  (void)state;
  for (int dim = 2; dim <= 3; dim++)
    for (int message = CASE_NEWTON; message <= CASE_NEWTON_MLP; message++) {
      esp_cloud cloud = random_cloud(256, 5);
      cloud.dim = dim;
      for (int i = 0; i < 256 && dim == 2; i++) cloud.x[i][2] = cloud.v[i][2] = cloud.D[i][2] = cloud.K[i][2] = 0;
      by_multipoles(&cloud, message);
      esp_cloud_free(&cloud);
    }
}

static void test_gradient_periodic(void **state) {
  (void)state;
  esp_cloud cloud = random_cloud(128, 6);
  cloud.dim = 2;
  cloud.box[0] = cloud.box[1] = 16;
  for (int i = 0; i < 128; i++) {
    cloud.x[i][0] *= 3;
    cloud.x[i][1] *= 3;
    cloud.x[i][2] = cloud.v[i][2] = cloud.D[i][2] = cloud.K[i][2] = 0;
  }
  for (int message = 0; esp_body_messages[message]; message++) {
    esp_integrator_param p = some_param(2, ESP_TABLEAU_SYMPLECTIC, message, 1.0);
    check_gradient(&p, &cloud, 1e-6, 1e-6);
  }
  esp_cloud_free(&cloud);
}

/* ---- roll-out ---- */

static void test_advance(void **state) {
  (void)state;
  esp_cloud cloud = random_cloud(5, 8);
  vec3 x[5], v[5];
  memcpy(x, cloud.x, sizeof x);
  memcpy(v, cloud.v, sizeof v);
  cloud.box[0] = 3;
  assert_int_equal(esp_cloud_horizon(&cloud, 0.5), ESP_OK);
  assert_int_equal(esp_cloud_advance(&cloud, (const vec3 *)cloud.D, (const vec3 *)cloud.K), ESP_OK);
  for (int i = 0; i < 5; i++) {
    assert_true(cloud.x[i][0] >= 0 && cloud.x[i][0] < 3);
    assert_true(fabs(cloud.x[i][1] - (x[i][1] + 0.5 * v[i][1] + cloud.D[i][1])) < 1e-15);
    assert_true(cloud.v[i][2] == 0.5 * v[i][2] + cloud.K[i][2]);
  }
  esp_cloud_free(&cloud);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_degenerate),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_start_is_leapfrog),
      cmocka_unit_test(test_predict),
      cmocka_unit_test(test_gradient_all_pairs),
      cmocka_unit_test(test_gradient_with_cells),
      cmocka_unit_test(test_gradient_by_multipoles),
      cmocka_unit_test(test_gradient_periodic),
      cmocka_unit_test(test_advance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
