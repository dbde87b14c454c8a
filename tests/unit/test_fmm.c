/* Proves, of the fast form of the multipole method: its lists and its order of bodies are those of the specification, its
 * forces and potentials too but for rounding to float32, on clouds of every kind and order, with and without softening, |a|
 * estimated and given, at all small n; every width of vectors that this CPU has gives the same bits; bodies too close for
 * float32 are computed in float64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "fmm/specification.h"
#include "fmm/work.h"
#include "unit/fmm_case.h"
#include "unit/fmm_lists.h"

typedef struct {
  double (*a)[3], *potential;
  int64_t *slot;
  fmm_lists lists;
  esp_fmm_cost cost;
} outcome;

/* kernels NULL: the specification. */
static outcome run(const esp_fmm_kernels *kernels, const esp_fmm_param *p, const esp_fmm_bodies *b) {
  outcome o = {.a = NULL};
  MUST(ESP_ALLOC(o.a, b->n));
  MUST(ESP_ALLOC(o.potential, b->n));
  MUST(ESP_ALLOC(o.slot, b->n));
  const esp_fmm_witness witness = {fmm_note, &o.lists};
  const esp_fmm_result result = {o.a, o.potential, o.slot, &witness, &o.cost};
  MUST(kernels ? esp_fmm_force_with(kernels, esp_comm_self(), p, b, &result) : esp_fmm_specification(p, b, &result));
  fmm_lists_sort(&o.lists);
  return o;
}

static void outcome_free(outcome *o) {
  ESP_FREE(o->a);
  ESP_FREE(o->potential);
  ESP_FREE(o->slot);
  ESP_FREE(o->lists.list);
}

static double potential_error(int n, const double *p, const double *truth) {
  double off = 0, size = 0;
  for (int i = 0; i < n; i++) {
    off += pow(p[i] - truth[i], 2);
    size += pow(truth[i], 2);
  }
  return size > 0 ? sqrt(off / size) : off;
}

/* All widths against the specification and each other. bar: of an acceleration, as fmm_errors, and the potential's. */
static void compare(fmm_kind kind, const fmm_cloud *c, const esp_fmm_param *p, const double *previous, fmm_errors bar,
                    double potential_bar) {
  const esp_fmm_bodies bodies = {c->n, (const double(*)[3])c->x, c->m, c->id, previous};
  outcome truth = run(NULL, p, &bodies), first = {.a = NULL};
  for (int k = 0; esp_fmm_widths[k]; k++) {
    if (!esp_fmm_widths[k]->available()) continue;
    outcome o = run(esp_fmm_widths[k], p, &bodies);
    const fmm_errors e = fmm_compare(c->n, (const double(*)[3])o.a, (const double(*)[3])truth.a);
    const double potential = potential_error(c->n, o.potential, truth.potential);
    if (!(e.rms <= bar.rms && e.p99 <= bar.p99 && e.max <= bar.max && potential <= potential_bar))
      fail_msg("%s, %s, n %d, order %d, eps %g: rms %.2e p99 %.2e max %.2e, potential %.2e", esp_fmm_widths[k]->name,
               fmm_name[kind], c->n, p->order, p->softening, e.rms, e.p99, e.max, potential);
    assert_int_equal(o.lists.count, truth.lists.count);
    assert_memory_equal(o.lists.list, truth.lists.list, o.lists.count * sizeof(listed));
    assert_memory_equal(o.slot, truth.slot, (size_t)c->n * sizeof *o.slot);
    if (first.a) {
      assert_memory_equal(o.a, first.a, (size_t)c->n * sizeof *o.a);
      assert_memory_equal(o.potential, first.potential, (size_t)c->n * sizeof *o.potential);
      outcome_free(&o);
    } else {
      first = o;
    }
  }
  outcome_free(&truth);
  outcome_free(&first);
}

static const double tolerance[6] = {0, 0, 3e-2, 5.5e-3, 5e-4, 5e-5};

static void clouds_are_those_of_the_specification(void **state) {
  (void)state;
  const fmm_errors bar = {1.6e-6, 0, 4e-6, 3e-5};
  double *previous, *none;
  MUST(ESP_ALLOC(previous, 1200));
  MUST(ESP_ALLOC(none, 1200)); /* the floor of |a| alone decides */
  for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++) {
    fmm_cloud c;
    MUST(fmm_cloud_make(kind, 1200, 0, &c));
    for (int i = 0; i < c.n; i++) previous[i] = 0.1 + fmm_uniform(i, 0);
    for (int order = 2; order <= 5; order++) {
      const esp_fmm_param p = {order, tolerance[order], (order + (int)kind) % 2 ? 0.01 : 0};
      compare(kind, &c, &p, order / 2 == 1 ? previous : NULL, bar, 2e-6);
      const esp_fmm_param floor = {order, 0x1p30 * tolerance[order], p.softening};
      compare(kind, &c, &floor, none, bar, 2e-6);
    }
    fmm_cloud_free(&c);
  }
  ESP_FREE(previous);
  ESP_FREE(none);
}

/* Bodies may have one id: the place in the arrays decides then, also where coordinates tie. */
static void ids_may_be_the_same(void **state) {
  (void)state;
  for (int kind = FMM_TWINS; kind <= FMM_GRID; kind++) {
    fmm_cloud c;
    MUST(fmm_cloud_make((fmm_kind)kind, 1000, 0, &c));
    for (int i = 0; i < c.n; i++) {
      c.id[i] = i % 4 ? 5 : c.id[i];
      for (int a = 0; a < 3 && kind == FMM_GRID; a++) c.x[i][a] = a < 2 ? (i >> 2 * a) % 4 : 0;
    }
    const esp_fmm_param p = {4, tolerance[4], 0.01};
    compare((fmm_kind)kind, &c, &p, NULL, (fmm_errors){1.6e-6, 0, 4e-6, 3e-5}, 2e-6);
    fmm_cloud_free(&c);
  }
}

/* A clump of 2^-72 of the extent is right, one of 2^-102 is refused in both forms; binaries keep their potential at any
 * softening; bodies at the end of the range. */
static void extremes(void **state) {
  (void)state;
  const fmm_errors bar = {1.6e-6, 0, 4e-6, 3e-5};
  fmm_cloud c;
  esp_fmm_param p = {4, tolerance[4], 0};
  const esp_fmm_result nothing = {.cost = NULL};
  MUST(fmm_cloud_make(FMM_PLUMMER, 2000, 0, &c));
  const esp_fmm_bodies bodies = {c.n, (const double(*)[3])c.x, c.m, c.id, NULL};
  for (int few = 20; few <= 1000; few *= 50) { /* less than a receiver, and many */
    for (int i = few == 20 ? 0 : 20; i < few; i++)
      for (int a = 0; a < 3; a++) c.x[i][a] *= 0x1p-72;
    compare(FMM_PLUMMER, &c, &p, NULL, bar, 2e-6);
  }
  for (int i = 0; i < c.n; i++)
    for (int a = 0; a < 3 && i < 1000; a++) c.x[i][a] *= 0x1p-30;
  assert_int_equal(esp_fmm_force(esp_comm_self(), &p, &bodies, &nothing), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "less than 2^-80 of the extent"));
  assert_int_equal(esp_fmm_specification(&p, &bodies, &nothing), ESP_ERR_VALUE);
  esp_error_clear();
  fmm_cloud_free(&c);
  MUST(fmm_cloud_make(FMM_BALL, 500, 0, &c));
  for (int i = 1; i < 100; i += 2)
    for (int a = 0; a < 3; a++) c.x[i][a] = c.x[i - 1][a] + (a ? 0 : 1e-9);
  for (int power = 12; power <= 200; power *= 2) {
    p.softening = pow(10, -power);
    compare(FMM_BALL, &c, &p, NULL, bar, 1e-7);
  }
  for (int i = 0; i < 4; i++) c.x[i][0] = 1e-140 * i, c.x[i][1] = c.x[i][2] = 0; /* with others in their leaf */
  p.softening = 0;
  compare(FMM_BALL, &c, &p, NULL, bar, 2e-6);
  for (int i = 0; i < c.n; i++) c.x[i][0] = 1.7e308, c.x[i][1] = c.x[i][2] = 0;
  p.softening = 1;
  compare(FMM_BALL, &c, &p, NULL, bar, 2e-6);
  fmm_cloud_free(&c);
}

/* A body that has nearly all of the mass feels what the others are. */
static void a_sun_among_dust(void **state) {
  (void)state;
  enum { N = 4096 };
  static double x[N][3], m[N], potential[N], truth[N];
  const double eps[] = {1e-4, 1e-2, 0.1};
  for (int i = 1; i < N; i++) {
    const double r = 0.3 + 0.7 * fmm_uniform(i, 0), t = 6.283185307179586 * fmm_uniform(i, 1);
    x[i][0] = r * cos(t), x[i][1] = r * sin(t);
    m[i] = 1e-10;
  }
  m[0] = 1;
  const esp_fmm_bodies bodies = {N, (const double(*)[3])x, m, NULL, NULL};
  for (int k = 0; k < 3; k++) {
    const esp_fmm_param p = {4, 5e-4, eps[k]};
    MUST(esp_fmm_force(esp_comm_self(), &p, &bodies, &(esp_fmm_result){.potential = potential}));
    MUST(esp_fmm_all_pairs(&p, &bodies, &(esp_fmm_result){.potential = truth}));
    if (fabs(potential[0] / truth[0] - 1) > 1e-3) fail_msg("eps %g: %g, not %g", eps[k], potential[0], truth[0]);
  }
}

/* Softening as large as cells and as the cloud: receivers lie in the cells that are expanded into them. */
static void softening_of_every_size(void **state) {
  (void)state;
  const fmm_kind kinds[] = {FMM_PLUMMER, FMM_CLUMPS, FMM_CORNER, FMM_FAR, FMM_TWINS};
  for (int k = 0; k < 5; k++)
    for (int j = 0; j < 12; j++) {
      fmm_cloud c;
      MUST(fmm_cloud_make(kinds[k], j < 8 ? 1 << j : 1500, 0, &c));
      const esp_fmm_param p = {2 + j % 4, tolerance[2 + j % 4], pow(10, (j / 2 + j) % 5 - 3)};
      compare(kinds[k], &c, &p, NULL, j < 8 ? (fmm_errors){3e-5, 0, 5e-5, 5e-5} : (fmm_errors){3e-6, 0, 1e-5, 1e-4},
              2e-6);
      fmm_cloud_free(&c);
    }
}

/* All pairs are near: sums of many in float32 would show. */
static void long_lists_keep_their_digits(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_BALL, 4000, 0, &c));
  compare(FMM_BALL, &c, &(esp_fmm_param){4, 1e-12, 0.01}, NULL, (fmm_errors){1e-6, 0, 2e-6, 2e-5}, 3e-7);
  fmm_cloud_free(&c);
}

static void small_sets_are_those_of_the_specification(void **state) {
  (void)state;
  /* a pair at 1/64 of its receiver's extent, alone: float32 shows most */
  const fmm_errors bar = {3e-5, 0, 5e-5, 5e-5};
  for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++)
    for (int n = 0; n <= 70; n += n < 40 ? 1 : 7) {
      fmm_cloud c;
      MUST(fmm_cloud_make(kind, n, 0, &c));
      const esp_fmm_param p = {2 + n % 4, tolerance[2 + n % 4], n / 4 % 2 ? 0.01 : 0};
      compare(kind, &c, &p, NULL, bar, 2e-5);
      fmm_cloud_free(&c);
    }
}

/* A pair far closer than its receiver is large, without softening; and units in which float32 would end. */
static void close_pairs_and_far_units(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_BALL, 2000, 0, &c));
  for (int a = 0; a < 3; a++) c.x[8][a] = c.x[7][a] + (a ? 0 : 1e-9);
  const esp_fmm_param p = {4, tolerance[4], 0};
  compare(FMM_BALL, &c, &p, NULL, (fmm_errors){1.6e-6, 0, 4e-6, 3e-5}, 1e-8);
  const esp_fmm_bodies bodies = {c.n, (const double(*)[3])c.x, c.m, c.id, NULL};
  outcome near = run(esp_fmm_widest(), &p, &bodies);
  assert_true(near.cost.exact >= 2 && near.cost.exact < 200);
  for (int i = 0; i < c.n; i++) {
    c.m[i] *= 0x1p140;
    for (int a = 0; a < 3; a++) c.x[i][a] *= 0x1p-200;
  }
  outcome far = run(esp_fmm_widest(), &p, &bodies);
  for (int i = 0; i < c.n; i++)
    for (int a = 0; a < 3; a++) assert_true(far.a[i][a] == near.a[i][a] * 0x1p540);
  outcome_free(&near);
  outcome_free(&far);
  fmm_cloud_free(&c);
}

/* Order of the input, and more bodies than one chunk of anything. */
static void larger_sets(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_PLUMMER, 9000, 0, &c));
  const esp_fmm_param p = {4, 5e-3, 0.01};
  compare(FMM_PLUMMER, &c, &p, NULL, (fmm_errors){1.6e-6, 0, 4e-6, 3e-5}, 2e-6);
  fmm_cloud_free(&c);
}

static void errors_are_those_of_the_specification(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_BALL, 20, 0, &c));
  const esp_fmm_bodies bodies = {c.n, (const double(*)[3])c.x, c.m, c.id, NULL};
  c.m[4] = NAN;
  esp_error_clear();
  assert_int_equal(
      esp_fmm_force(esp_comm_self(), &(esp_fmm_param){4, 1e-3, 0}, &bodies, &(esp_fmm_result){.cost = NULL}),
      ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "body 4: mass"));
  esp_error_clear();
  fmm_cloud_free(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clouds_are_those_of_the_specification),
      cmocka_unit_test(ids_may_be_the_same),
      cmocka_unit_test(extremes),
      cmocka_unit_test(softening_of_every_size),
      cmocka_unit_test(long_lists_keep_their_digits),
      cmocka_unit_test(small_sets_are_those_of_the_specification),
      cmocka_unit_test(close_pairs_and_far_units),
      cmocka_unit_test(a_sun_among_dust),
      cmocka_unit_test(larger_sets),
      cmocka_unit_test(errors_are_those_of_the_specification),
  };
  printf("the widest: %s\n", esp_fmm_widest()->name);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
