/* Proves that the loss of gate regression is what net/gate_regression.h says, as plain loops over all pairs have it, and its gradient
 * by central differences, over all pairs and with far cells, of sparse and of dense features; that its loss falls and that those of a group then lie nearer to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "regression_case.h"

static const double LN_S = 0.2;

typedef struct {
  esp_backend backend;
  esp_set set;
  esp_model model;
  esp_gate_regression_param param;
  esp_hidden_cosine_param loss;
  double *V, *y, *dy;
} one_case;

static one_case case_make(const int64_t *step, double theta, int64_t receivers, int dense, int words) {
  enum { N = 80 };
  one_case t = {.backend = esp_backend_self(), .set = regression_set(N, 0, 1, dense, words)};
  t.backend.device = &esp_device_cpu64;
  t.param = (esp_gate_regression_param){regression_shape(theta), receivers, step, LN_S};
  const esp_sizes sizes = esp_sizes_of(t.set.layout, t.set.width);
  assert_int_equal(esp_model_create(&esp_network_gate_regression, &t.param, &sizes, &t.model), ESP_OK);
  const int D = sizes.width[ESP_INPUT];
  t.V = calloc((size_t)(D * REGRESSION_C), sizeof *t.V);
  for (int k = 0; k < D * REGRESSION_C; k++) t.V[k] = esp_rng_normal(6, (uint64_t)k, ESP_RNG_TEST, 0);
  for (int k = 0; k < t.model.block.count; k++)
    t.model.block.value[k] = 0.5 * esp_rng_normal(7, (uint64_t)k, ESP_RNG_TEST, 0);
  t.loss = (esp_hidden_cosine_param){REGRESSION_C, t.V, receivers, t.param.shape.seed, step};
  t.y = calloc(N * REGRESSION_C, sizeof *t.y), t.dy = calloc(N * REGRESSION_C, sizeof *t.dy);
  return t;
}

static void case_free(one_case *t) {
  free(t->V), free(t->y), free(t->dy);
  esp_model_free(&t->model);
  esp_set_free(&t->set);
}

static double loss_of(one_case *t, double *dy) {
  double part;
  assert_int_equal(t->model.network->forward(&t->model, &t->backend, &t->set, NULL, t->y, NULL, NULL), ESP_OK);
  assert_int_equal(esp_loss_hidden_cosine.value(&t->loss, &t->backend, &t->set, t->y, 1, dy, &part), ESP_OK);
  return part;
}

/* ---- the loss ---- */

/* |x_i|^2 */
static double square_of(const esp_features *rows, int i) {
  double sum = 0;
  for (int j = 0; j < rows->dense; j++) sum += pow(rows->x[i * rows->dense + j], 2);
  for (int64_t e = rows->sparse.start ? rows->sparse.start[i] : 0; rows->sparse.start && e < rows->sparse.start[i + 1];
       e++)
    sum += pow(rows->sparse.value[e], 2);
  return sum;
}

/* -cos of what i hears and of its hidden features; q, k [n][d], v, target [n][C]. */
static double minus_cosine(int n, int d, int i, const double *q, const double *k, const double *v,
                           const double *target) {
  double y[REGRESSION_C] = {0}, dot = 0, yy = 0, tt = 0;
  for (int j = 0; j < n; j++) {
    double r = 0;
    for (int a = 0; a < d; a++) r += pow(q[i * d + a] - k[j * d + a], 2);
    for (int c = 0; c < REGRESSION_C && j != i; c++) y[c] += exp(-r / (2 * exp(2 * LN_S))) * v[j * REGRESSION_C + c];
  }
  for (int c = 0; c < REGRESSION_C; c++) {
    const double u = target[i * REGRESSION_C + c];
    dot += y[c] * u, yy += y[c] * y[c], tt += u * u;
  }
  return tt > 0 ? -dot / sqrt(yy * tt) : 0;
}

static double loss_by_loops(const one_case *t) {
  const int n = t->set.n_home, d = t->param.shape.dim;
  const uint64_t seed = t->param.shape.seed, step = (uint64_t)*t->param.step;
  esp_features all, seen, hidden;
  double *own, *q = calloc((size_t)(n * d), sizeof *q), *k = calloc((size_t)(n * d), sizeof *k), sum = 0;
  double *target = calloc((size_t)(n * REGRESSION_C), sizeof *target);
  int asked = 0;
  assert_int_equal(esp_features_of(&t->set, &all, &own), ESP_OK);
  assert_int_equal(esp_features_half_create(&all, seed, step, 0, &seen), ESP_OK);
  assert_int_equal(esp_features_half_create(&all, seed, step, 1, &hidden), ESP_OK);
  esp_features_times(&all, d, t->model.block.value, k);
  esp_features_times(&seen, d, t->model.block.value, q);
  esp_features_times(&hidden, REGRESSION_C, t->V, target);
  for (int i = 0; i < n; i++) {
    const double left = square_of(&seen, i), a = left > 0 ? sqrt(square_of(&all, i) / left) : 0;
    for (int c = 0; c < d; c++) q[i * d + c] *= a;
    if (!esp_gate_asked(seed, *t->param.step, i, t->param.receivers, n)) continue;
    asked++;
    sum += minus_cosine(n, d, i, q, k, esp_set_role(&t->set, ESP_SENT, 0, NULL), target);
  }
  esp_features_half_free(&seen), esp_features_half_free(&hidden);
  ESP_FREE(own);
  free(q), free(k), free(target);
  return sum / asked;
}

static void as_defined(void **state) {
  (void)state;
  const int64_t step = 4;
  for (int way = 0; way < 4; way++) { /* of numbers, of words, of both; of some */
    one_case t = case_make(&step, 0, way == 3 ? 30 : 0, way != 1, way != 0);
    const double found = loss_of(&t, NULL), wanted = loss_by_loops(&t);
    if (!(fabs(found - wanted) < 1e-12 && fabs(wanted) > 1e-3)) fail_msg("way %d: %.15g, %.15g", way, found, wanted);
    /* its gradient times a factor */
    const size_t count = (size_t)t.set.n_home * REGRESSION_C;
    double *three = calloc(count, sizeof *three), part;
    loss_of(&t, t.dy);
    assert_int_equal(esp_loss_hidden_cosine.value(&t.loss, &t.backend, &t.set, t.y, 3, three, &part), ESP_OK);
    assert_true(part == found);
    for (size_t k = 0; k < count; k++) assert_true(fabs(three[k] - 3 * t.dy[k]) <= 1e-15 * fabs(three[k]));
    free(three);
    case_free(&t);
  }
}

/* ---- its gradient ---- */

static double *gradient_of(one_case *t) {
  const int count = t->model.block.count;
  double *gradient = calloc((size_t)count, sizeof *gradient);
  esp_gradient to = {.acc = calloc((size_t)count * ESP_EXACT_FULL_WORDS, sizeof *to.acc)};
  esp_pass *pass;
  loss_of(t, t->dy);
  assert_int_equal(t->model.network->forward(&t->model, &t->backend, &t->set, NULL, t->y, NULL, &pass), ESP_OK);
  assert_int_equal(t->model.network->backward(&t->model, &t->backend, &t->set, pass, t->dy, &to, NULL), ESP_OK);
  t->model.network->pass_free(&pass);
  esp_model_map(&t->model, to.acc, gradient);
  free(to.acc);
  return gradient;
}

/* The tree is a constant: differences are taken where no step changes it, which `theta` 0 makes sure of; else it may not be
 * many of them. */
static void by_differences(double theta, int64_t receivers, int dense, int words) {
  const int64_t step = 3;
  const double h = 1e-5;
  one_case t = case_make(&step, theta, receivers, dense, words);
  double *gradient = gradient_of(&t), most = 0;
  int off = 0, asked = 0;
  for (int k = 0; k < t.model.block.count; k++) most = fmax(most, fabs(gradient[k]));
  assert_true(most > 1e-3);
  for (int k = 0; k < t.model.block.count; k += 3, asked++) {
    double *E = t.model.block.value + k, kept = *E, side[2];
    for (int s = 0; s < 2; s++) *E = kept + (s ? h : -h), side[s] = loss_of(&t, NULL);
    *E = kept;
    const double difference = (side[1] - side[0]) / (2 * h);
    if (theta == 0 && fabs(difference - gradient[k]) > 1e-6 * most)
      fail_msg("E[%d]: %.12g, by differences %.12g", k, gradient[k], difference);
    off += fabs(difference - gradient[k]) > 1e-6 * most;
  }
  if (off > asked / 3) fail_msg("theta %g: %d of %d are others", theta, off, asked);
  free(gradient);
  case_free(&t);
}

static void gradient(void **state) {
  (void)state;
  by_differences(0, 0, 1, 1);
  by_differences(0, 0, 0, 1);
  by_differences(0, 0, 1, 0);
  by_differences(0, 30, 1, 1);
  by_differences(0.7, 0, 1, 1);
}

/* Of those that are asked alone, over all pairs: the same loss, others' predictions being none of it. */
static void asked_alone(void **state) {
  (void)state;
  const int64_t step = 2;
  one_case some = case_make(&step, 0, 30, 1, 1), all = case_make(&step, 0, 0, 1, 1);
  int asked = 0;
  loss_of(&some, NULL), loss_of(&all, NULL);
  for (int i = 0; i < some.set.n_home; i++) {
    const int is = esp_gate_asked(some.param.shape.seed, step, i, 30, some.set.n);
    asked += is;
    for (int c = 0; c < REGRESSION_C; c++) {
      const double y = some.y[i * REGRESSION_C + c], want = is ? all.y[i * REGRESSION_C + c] : 0;
      if (fabs(y - want) > 1e-12) fail_msg("particle %d: %.17g, %.17g", i, y, want);
    }
  }
  assert_in_range(asked, 15, 45);
  case_free(&some), case_free(&all);
}

/* Another step hides others; what is hidden and what is seen make up all. */
static void halves(void **state) {
  (void)state;
  esp_set set = regression_set(70, 0, 1, 1, 1);
  esp_features all, seen, hidden, other;
  double *own;
  int64_t there = 0, taken = 0, differ = 0;
  assert_int_equal(esp_features_of(&set, &all, &own), ESP_OK);
  assert_int_equal(esp_features_half_create(&all, 1, 5, 0, &seen), ESP_OK);
  assert_int_equal(esp_features_half_create(&all, 1, 5, 1, &hidden), ESP_OK);
  assert_int_equal(esp_features_half_create(&all, 1, 6, 1, &other), ESP_OK);
  for (int k = 0; k < 70 * REGRESSION_DENSE; k++)
    assert_true(seen.x[k] + hidden.x[k] == all.x[k] && seen.x[k] * hidden.x[k] == 0);
  for (int64_t e = 0; e < all.sparse.start[70]; e++) {
    assert_true(seen.sparse.value[e] + hidden.sparse.value[e] == all.sparse.value[e] &&
                seen.sparse.value[e] * hidden.sparse.value[e] == 0);
    there++, taken += hidden.sparse.value[e] != 0, differ += hidden.sparse.value[e] != other.sparse.value[e];
  }
  assert_true(there > 300 && taken > there * 2 / 5 && taken < there * 3 / 5 && differ > there / 3);
  esp_features_half_free(&seen), esp_features_half_free(&hidden), esp_features_half_free(&other);
  ESP_FREE(own);
  esp_set_free(&set);
}

/* Mean square distance of keys within groups over that between any. */
static double apart(const esp_set *set, int d, const double *E) {
  esp_features all;
  double *own, sum[2] = {0}, count[2] = {0}, *z = calloc((size_t)(set->n_home * d), sizeof *z);
  assert_int_equal(esp_features_of(set, &all, &own), ESP_OK);
  esp_features_times(&all, d, E, z);
  for (int i = 4; i < set->n_home; i++)
    for (int j = 4; j < i; j++)
      for (int any = (i - j) % REGRESSION_GROUPS != 0; any < 2; any++) {
        count[any]++;
        for (int a = 0; a < d; a++) sum[any] += (z[i * d + a] - z[j * d + a]) * (z[i * d + a] - z[j * d + a]);
      }
  ESP_FREE(own);
  free(z);
  return sum[0] / count[0] / (sum[1] / count[1]);
}

static void groups_come_together(void **state) {
  (void)state;
  const esp_backend self = esp_backend_self();
  const esp_gate_shape shape = regression_shape(0.5);
  const esp_gate_learning how = {ESP_GATE_BY_REGRESSION, 40, 0.03, 250, REGRESSION_C, 20, 0};
  for (int dense = 0; dense < 2; dense++) {
    esp_set set = regression_set(400, 0, 1, dense, !dense);
    const int D = esp_set_role_width(&set, ESP_INPUT);
    double *E[3], ln_s, near[3];
    esp_gate_record record = {0};
    for (int by = 0; by < 3; by++) {
      esp_gate_learning as = how;
      as.by = (esp_gate_by)by;
      E[by] = calloc((size_t)(D * shape.dim), sizeof *E[by]);
      for (int k = 0; k < D * shape.dim; k++) E[by][k] = esp_rng_normal(8, (uint64_t)k, ESP_RNG_TEST, 0);
      assert_int_equal(esp_gate_learn(&as, &shape, &self, &set, E[by], &ln_s, by ? NULL : &record), ESP_OK);
      near[by] = apart(&set, shape.dim, E[by]);
      assert_true(isfinite(ln_s));
    }
    if (!(record.last < record.first && record.temperature > 0 &&
          near[ESP_GATE_BY_REGRESSION] < near[ESP_GATE_AT_RANDOM] && near[ESP_GATE_BY_REGRESSION] < 0.6))
      fail_msg("dense %d: %g, directions %g, random %g; loss %g, %g", dense, near[0], near[1], near[2], record.first,
               record.last);
    for (int by = 0; by < 3; by++) free(E[by]);
    esp_set_free(&set);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_defined),           cmocka_unit_test(gradient),
      cmocka_unit_test(asked_alone),          cmocka_unit_test(halves),
      cmocka_unit_test(groups_come_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
