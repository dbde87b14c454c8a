/* Proves, of the fast form of the multipole method's backward pass: its lists are those of its specification, its gradients too
 * but for rounding to float32, on clouds of every kind and order, with and without softening, for gradients of every kind, at
 * all small n; every width of vectors that this CPU has gives the same bits; bodies too close for float32 are computed in
 * float64; units change nothing; what is no number is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "fmm/adjoint_work.h"
#include "unit/fmm_adjoint_case.h"

typedef struct {
  double (*d)[3], *dmass;
  fmm_lists lists;
  esp_fmm_cost cost;
} outcome;

/* kernels NULL: the specification. */
static outcome run(const esp_fmm_kernels *kernels, const trial *t) {
  outcome o = {.d = NULL};
  MUST(ESP_ALLOC(o.d, t->bodies.n));
  MUST(ESP_ALLOC(o.dmass, t->bodies.n));
  const esp_fmm_witness witness = {fmm_note, &o.lists};
  const esp_fmm_gradient to = {o.d, o.dmass, &witness, &o.cost};
  MUST(kernels ? esp_fmm_adjoint_with(kernels, esp_comm_self(), &t->param, &t->bodies, VECTORS(t->g), &to)
               : esp_fmm_adjoint_specification(&t->param, &t->bodies, VECTORS(t->g), &to));
  fmm_lists_sort(&o.lists);
  return o;
}

static void outcome_free(outcome *o) {
  ESP_FREE(o->d);
  ESP_FREE(o->dmass);
  ESP_FREE(o->lists.list);
}

/* All widths against the specification and each other. bar: of dL/dy, as fmm_errors, and of dL/dm. */
static void compare(const char *name, const trial *t, fmm_errors bar, double dmass_bar) {
  const int n = t->bodies.n;
  outcome truth = run(NULL, t), first = {.d = NULL};
  for (int k = 0; esp_fmm_widths[k]; k++) {
    if (!esp_fmm_widths[k]->available()) continue;
    outcome o = run(esp_fmm_widths[k], t);
    const fmm_errors e = fmm_compare(n, VECTORS(o.d), VECTORS(truth.d));
    const double dmass = numbers_error(n, o.dmass, truth.dmass);
    if (!(e.rms <= bar.rms && e.p99 <= bar.p99 && e.max <= bar.max && dmass <= dmass_bar))
      fail_msg("%s, %s, n %d, order %d, eps %g: rms %.2e p99 %.2e max %.2e, dL/dm %.2e", esp_fmm_widths[k]->name, name,
               n, t->param.order, t->param.softening, e.rms, e.p99, e.max, dmass);
    assert_int_equal(o.lists.count, truth.lists.count);
    assert_memory_equal(o.lists.list, truth.lists.list, o.lists.count * sizeof(listed));
    if (first.d) {
      assert_memory_equal(o.d, first.d, (size_t)n * sizeof *o.d);
      assert_memory_equal(o.dmass, first.dmass, (size_t)n * sizeof *o.dmass);
      outcome_free(&o);
    } else {
      first = o;
    }
  }
  outcome_free(&truth);
  outcome_free(&first);
}

static const double tolerance[6] = {0, 0, 5.5e-3, 5.5e-3, 5e-4, 1e-4};
static const fmm_errors random_bar = {5e-6, 0, 2e-5, 1e-4};
/* Neighbours that are moved alike: their terms are differences. */
static const fmm_errors smooth_bar = {1e-4, 0, 4e-4, 2e-3};

static void clouds_are_those_of_the_specification(void **state) {
  (void)state;
  for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++)
    for (fmm_gradient g = 0; g < FMM_GRADIENTS; g++) {
      trial t = trial_make(kind, 800, g, ((int)kind + (int)g) % 2 ? 0.01 : 0);
      for (int order = 2 + (int)g % 2; order <= 5; order += 2) {
        t.param.order = order;
        t.param.tolerance = tolerance[order];
        compare(fmm_name[kind], &t, g == FMM_SMOOTH ? smooth_bar : random_bar, 6e-6);
      }
      trial_free(&t);
    }
}

static void small_sets_are_those_of_the_specification(void **state) {
  (void)state;
  for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++)
    for (int n = 0; n <= 70; n += n < 20 ? 1 : 5) {
      /* softened, what is so far is 0 in units of the softening */
      trial t = trial_make(kind, n, FMM_RANDOM, n / 3 % 2 && kind != FMM_FAR ? 0.01 : 0);
      t.param.order = 3 + n % 3;
      t.param.tolerance = tolerance[t.param.order];
      compare(fmm_name[kind], &t, (fmm_errors){5e-5, 0, 2e-4, 2e-4}, 5e-5);
      trial_free(&t);
    }
}

/* A pair far closer than its receiver is large, without softening; and units in which float32 would end. */
static void close_pairs_and_far_units(void **state) {
  (void)state;
  trial t = trial_make(FMM_BALL, 2000, FMM_RANDOM, 0);
  for (int a = 0; a < 3; a++) t.cloud.x[8][a] = t.cloud.x[7][a] + (a ? 0 : 1e-9);
  t.param.tolerance = tolerance[4];
  compare("a close pair", &t, random_bar, 6e-6);
  outcome near = run(esp_fmm_widest(), &t);
  assert_true(near.cost.exact >= 2 && near.cost.exact < 200);
  for (int i = 0; i < t.cloud.n; i++) {
    t.cloud.m[i] *= 0x1p140;
    for (int a = 0; a < 3; a++) {
      t.cloud.x[i][a] *= 0x1p-200;
      t.g[i][a] *= 0x1p-300;
    }
  }
  outcome far = run(esp_fmm_widest(), &t);
  for (int i = 0; i < t.cloud.n; i++) {
    for (int a = 0; a < 3; a++) assert_true(far.d[i][a] == near.d[i][a] * 0x1p440);
    assert_true(far.dmass[i] == near.dmass[i] * 0x1p100);
  }
  outcome_free(&near);
  outcome_free(&far);
  trial_free(&t);
}

/* A clump of 2^-72 of the extent; more bodies than one chunk of anything; all at one place. */
static void extremes(void **state) {
  (void)state;
  trial t = trial_make(FMM_PLUMMER, 3000, FMM_RANDOM, 0);
  t.param.tolerance = 5e-3;
  compare("many", &t, random_bar, 6e-6);
  for (int i = 0; i < 1000; i++)
    for (int a = 0; a < 3; a++) t.cloud.x[i][a] *= 0x1p-72;
  compare("a tight clump", &t, random_bar, 6e-6);
  for (int i = 0; i < t.cloud.n; i++)
    for (int a = 0; a < 3; a++) t.cloud.x[i][a] = 0.1;
  for (int softened = 0; softened < 2; softened++) {
    t.param.softening = 0.25 * softened;
    compare("one place", &t, (fmm_errors){2e-6, 0, 2e-6, 2e-6}, 0);
  }
  trial_free(&t);
}

static void sets_without_masses_or_gradients(void **state) {
  (void)state;
  for (int without = 0; without < 3; without++) {
    trial t = trial_make(FMM_PLUMMER, 1200, FMM_RANDOM, 0);
    t.param.tolerance = tolerance[4];
    for (int i = 0; i < 1200; i++) {
      if (without != 1) t.cloud.m[i] = 0;
      for (int a = 0; a < 3 && without; a++) t.g[i][a] = 0;
    }
    compare("nothing", &t, (fmm_errors){0, 0, 0, 0}, without ? 0 : 6e-6);
    trial_free(&t);
  }
}

static void errors_are_those_of_the_specification(void **state) {
  (void)state;
  trial t = trial_make(FMM_BALL, 20, FMM_RANDOM, 0);
  t.g[4][1] = INFINITY;
  esp_error_clear();
  assert_int_equal(
      esp_fmm_adjoint(esp_comm_self(), &t.param, &t.bodies, VECTORS(t.g), &(esp_fmm_gradient){.cost = NULL}),
      ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "body 4: gradient"));
  esp_error_clear();
  trial_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clouds_are_those_of_the_specification),
      cmocka_unit_test(small_sets_are_those_of_the_specification),
      cmocka_unit_test(close_pairs_and_far_units),
      cmocka_unit_test(extremes),
      cmocka_unit_test(sets_without_masses_or_gradients),
      cmocka_unit_test(errors_are_those_of_the_specification),
  };
  printf("the widest: %s\n", esp_fmm_widest()->name);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
