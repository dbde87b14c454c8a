/* Proves what the rows of depth make of a state and the outputs of its slots, and the way back: sums as written in net/depth.h,
 * gradients as their transpose, fixed-point states undone bit for bit, and what they cannot hold told. Gradients through
 * whole networks of each row: test_stack. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "net/depth.h"

enum { N = 7, H = 6 };

static double draw(int t, int k) {
  return esp_rng_normal(5, (uint64_t)t, ESP_RNG_TEST, (uint32_t)k);
}

static esp_depth_state made(const esp_depth *depth, int n, int groups, int slots, const double *s) {
  esp_depth_state state = {.depth = depth,
                           .device = &esp_device_cpu64,
                           .n = n,
                           .width = H,
                           .groups = depth->grouped ? groups : 1,
                           .slots = slots,
                           .kept = !depth->undo};
  int64_t bad;
  assert_int_equal(depth->create(&state), ESP_OK);
  depth->begin(&state, s, &bad);
  assert_int_equal(bad, -1);
  return state;
}

/* What an output is added to: x is the state before it, first that before all. */
static double from(const esp_depth *depth, double x, double first) {
  return !strcmp(depth->name, "plain") ? 0 : !strcmp(depth->name, "injected") ? first : x;
}

/* x' = x + f(what is read), of every group in turn; f is 1 / 2 of it + 1. */
static void states_are_as_written(void **unused) {
  (void)unused;
  for (int k = 0; esp_depths[k]; k++) {
    const esp_depth *depth = esp_depths[k];
    if (depth->implicit) continue; /* below */
    for (int groups = 2; groups <= (depth->grouped ? 3 : 2); groups++) {
      const int G = depth->grouped ? groups : 1, w = H / G, slots = 2 * G;
      double s[N * H], x[H][N * H] = {{0}}, room[N * H], o[N * H];
      for (int i = 0; i < N * H; i++) s[i] = ldexp(rint(ldexp(draw(0, i), 20)), -20);
      esp_depth_state state = made(depth, N, G, slots, s);
      for (int i = 0; i < N * H; i++) x[i % H / w][i / H * w + i % H % w] = s[i];
      for (int t = 0; t < slots; t++) {
        int64_t bad;
        const double *read = depth->read(&state, t, room);
        for (int i = 0; i < N * w; i++) {
          double sum = 0;
          for (int g = 1; g < G && t % G == 0; g++) sum += x[g][i];
          if (t % G > 0) sum = x[t % G - 1][i];
          if (!depth->grouped) sum = x[0][i];
          assert_true(read[i] == sum);
          o[i] = sum / 2 + 1;
        }
        depth->join(&state, t, o, &bad);
        assert_int_equal(bad, -1);
        for (int i = 0; i < N * w; i++) x[t % G][i] = from(depth, x[t % G][i], s[i]) + o[i];
      }
      const double *whole = depth->read(&state, slots, room);
      for (int i = 0; i < N * H; i++) assert_true(whole[i] == x[i % H / w][i / H * w + i % H % w]);
      esp_depth_state_free(&state);
    }
  }
}

/* x' = x + f(x'), solved by taking f again and again: x' = 2 x + 2 of every slot. */
static void equilibria_are_as_written(void **unused) {
  (void)unused;
  for (int k = 0; esp_depths[k]; k++) {
    enum { SLOTS = 3 };
    const esp_depth *depth = esp_depths[k];
    double s[N * H], o[N * H], x[N * H];
    int64_t bad;
    if (!depth->implicit) continue;
    for (int i = 0; i < N * H; i++) s[i] = x[i] = draw(0, i);
    esp_depth_state state = made(depth, N, 1, SLOTS, s);
    assert_memory_equal(depth->read(&state, 0, NULL), s, sizeof s); /* where it begins */
    for (int t = 0; t < SLOTS; t++) {
      assert_ptr_equal(depth->read(&state, t, NULL), depth->before(&state, t + 1));
      for (int again = 0; again < 60; again++) {
        for (int i = 0; i < N * H; i++) o[i] = depth->read(&state, t, NULL)[i] / 2 + 1;
        depth->join(&state, t, o, &bad);
      }
      for (int i = 0; i < N * H; i++) x[i] = 2 * x[i] + 2;
    }
    for (int i = 0; i < N * H; i++) assert_true(fabs(depth->read(&state, SLOTS, NULL)[i] - x[i]) < 1e-12);
    esp_depth_state_free(&state);
  }
}

/* <d(all), change> by the way back = by the way forward: each slot's output a fixed linear map of what it reads. */
static void gradients_are_the_transpose(void **unused) {
  (void)unused;
  for (int k = 0; esp_depths[k]; k++) {
    const esp_depth *depth = esp_depths[k];
    const int G = depth->grouped ? 3 : 1, w = H / G, slots = 2 * G;
    double s[N * H] = {0}, ds[N * H], d_o[N * H], dread[N * H] = {0}, room[N * H], first[N * H], o[N * H];
    for (int i = 0; i < N * H; i++) first[i] = ldexp(rint(ldexp(draw(0, i), 20)), -20);
    esp_depth_state state = made(depth, N, G, slots, first);
    for (int t = 0; t < slots; t++) {
      int64_t bad;
      for (int again = 0; again < (depth->implicit ? 60 : 1); again++) {
        const double *read = depth->read(&state, t, room);
        for (int i = 0; i < N * w; i++) o[i] = read[i] / 4;
        depth->join(&state, t, o, &bad);
      }
    }
    const double *last = depth->read(&state, slots, room);
    double forward = 0, back = 0;
    for (int i = 0; i < N * H; i++) forward += last[i] * draw(9, i);
    memset(ds, 0, sizeof ds);
    for (int i = 0; i < N * H; i++) dread[i] = draw(9, i);
    if (depth->read_back)
      depth->read_back(&state, slots, dread, ds);
    else
      memcpy(ds, dread, sizeof ds);
    for (int t = slots - 1; t >= 0; t--) {
      depth->join_back(&state, t, ds, d_o);
      for (int i = 0; i < N * w; i++) d_o[i] /= depth->implicit ? 3 : 4; /* u = g + u / 4 */
      if (depth->read_back)
        depth->read_back(&state, t, d_o, ds);
      else
        for (int i = 0; i < N * w; i++) ds[i] += d_o[i];
    }
    const double *start = depth->begin_back ? depth->begin_back(&state, ds, s) : ds;
    for (int i = 0; i < N * H; i++) back += start[i] * first[i];
    assert_true(fabs(forward - back) < 1e-9 * fabs(forward));
    esp_depth_state_free(&state);
  }
}

/* Numbers of any sizes: what was added is taken away, to the last bit; in float64 it is not. */
static void fixed_point_is_undone(void **unused) {
  (void)unused;
  enum { SLOTS = 60 };
  for (int k = 0; esp_depths[k]; k++) {
    const esp_depth *depth = esp_depths[k];
    double s[N * H], room[N * H], again[N * H], o[SLOTS][N * H];
    if (!depth->undo) continue;
    for (int i = 0; i < N * H; i++) s[i] = draw(0, i);
    esp_depth_state state = made(depth, N, 2, SLOTS, s);
    memcpy(s, depth->read(&state, SLOTS, room), sizeof s);
    for (int t = 0; t < SLOTS; t++) {
      int64_t bad;
      for (int i = 0; i < N * H / 2; i++) o[t][i] = draw(t + 1, i) * exp(5 * draw(t + 200, i));
      depth->join(&state, t, o[t], &bad);
      assert_int_equal(bad, -1);
    }
    for (int t = SLOTS - 1; t >= 0; t--) depth->undo(&state, t, o[t]);
    memcpy(again, depth->read(&state, SLOTS, room), sizeof again);
    assert_int_equal(memcmp(s, again, sizeof s) != 0, depth == &esp_depth_reversible_float);
    esp_depth_state_free(&state);
  }
}

static void what_cannot_be_held_is_told(void **unused) {
  (void)unused;
  double s[N * H] = {0}, o[N * H / 2] = {0}, room[N * H];
  int64_t bad;
  esp_depth_state state = made(&esp_depth_reversible, N, 2, 2, s);
  const double limit = ldexp(1, 22), wrong[] = {NAN, INFINITY, -limit, limit};
  for (int i = 0; i < 4; i++) {
    o[5] = wrong[i];
    state.depth->join(&state, 0, o, &bad);
    assert_int_equal(bad, 5);
  }
  o[5] = limit - 1;
  state.depth->join(&state, 0, o, &bad);
  assert_int_equal(bad, -1);
  state.depth->join(&state, 0, o, &bad); /* twice that is too much */
  assert_int_equal(bad, 5);
  s[4 * H + 5] = limit;
  state.depth->begin(&state, s, &bad);
  assert_int_equal(bad, 4 * H + 5);
  esp_depth_state_free(&state);
  state = made(&esp_depth_reversible, 0, 2, 2, s);
  state.depth->join(&state, 0, o, &bad);
  assert_int_equal(bad, -1);
  assert_ptr_equal(state.depth->read(&state, 2, room), room);
  esp_depth_state_free(&state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(states_are_as_written), cmocka_unit_test(equilibria_are_as_written),
      cmocka_unit_test(gradients_are_the_transpose), cmocka_unit_test(fixed_point_is_undone),
      cmocka_unit_test(what_cannot_be_held_is_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
