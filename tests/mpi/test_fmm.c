/* Proves that the multipole method gives on any number of ranks, whoever has the bodies, the lists, accelerations, potentials
 * and slots of one rank, bit by bit, and its backward pass the lists and gradients; and that what is refused is refused on all.
 * ranks: 1 2 3 4 7 */
#include "fmm/fmm.h"

#include "case.h"

#include "fmm/adjoint.h"
#include "fmm/top.h"
#include "unit/fmm_case.h"
#include "unit/fmm_lists.h"

typedef struct {
  int n;
  double (*a)[3], *potential; /* or dL/dy, dL/dm */
  int64_t *slot;
  fmm_lists lists;
  esp_fmm_cost cost;
} outcome;

/* g NULL: forces. */
static outcome run(const esp_comm *with, const esp_fmm_param *p, const esp_fmm_bodies *b, const double (*g)[3]) {
  outcome o = {.n = b->n};
  MUST(ESP_ALLOC(o.a, b->n));
  MUST(ESP_ALLOC(o.potential, b->n));
  MUST(ESP_ALLOC(o.slot, b->n));
  const esp_fmm_witness witness = {fmm_note, &o.lists};
  const esp_fmm_result result = {b->n ? o.a : NULL, b->n ? o.potential : NULL, o.slot, &witness, &o.cost};
  const esp_fmm_gradient gradient = {o.a, o.potential, &witness, &o.cost};
  MUST(g ? esp_fmm_adjoint(with, p, b, g, &gradient) : esp_fmm_force(with, p, b, &result));
  return o;
}

static void outcome_free(outcome *o) {
  ESP_FREE(o->a);
  ESP_FREE(o->potential);
  ESP_FREE(o->slot);
  ESP_FREE(o->lists.list);
}

/* Ways to have the bodies. */
typedef enum { BY_TURNS, ON_THE_LAST, BY_CHANCE, REVERSED, WAYS } way;

static int owner(way how, int i, int n) {
  switch (how) {
    case BY_TURNS:
      return i % comm->size;
    case ON_THE_LAST:
      return comm->size - 1;
    case REVERSED:
      return comm->size - 1 - (int)((int64_t)i * comm->size / n);
    default:
      return (int)(esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 5) * comm->size);
  }
}

/* Mine of a cloud, in reverse order. */
typedef struct {
  int n, *of;
  double (*x)[3], (*g)[3], *m, *previous;
  int64_t *id;
} part;

static void gradient_of(int i, double *g) {
  for (int a = 0; a < 3; a++) g[a] = (i % 5 ? 1 : 30) * (fmm_uniform(i, 40 + (uint32_t)a) - 0.5);
}

static part part_make(const fmm_cloud *c, way how, const double *previous) {
  part p = {0};
  MUST(ESP_ALLOC(p.of, c->n));
  MUST(ESP_ALLOC(p.x, c->n));
  MUST(ESP_ALLOC(p.g, c->n + 1));
  MUST(ESP_ALLOC(p.m, c->n));
  MUST(ESP_ALLOC(p.previous, c->n));
  MUST(ESP_ALLOC(p.id, c->n));
  for (int i = c->n - 1; i >= 0; i--) {
    if (owner(how, i, c->n) != comm->rank) continue;
    memcpy(p.x[p.n], c->x[i], sizeof *p.x);
    gradient_of(i, p.g[p.n]);
    p.m[p.n] = c->m[i];
    p.id[p.n] = c->id[i];
    p.previous[p.n] = previous ? previous[i] : 0;
    p.of[p.n++] = i;
  }
  return p;
}

static void part_free(part *p) {
  ESP_FREE(p->of);
  ESP_FREE(p->x);
  ESP_FREE(p->g);
  ESP_FREE(p->m);
  ESP_FREE(p->previous);
  ESP_FREE(p->id);
}

/* Mine are the lists of the nodes that my slots lie in. */
static void same_lists(const outcome *all, const outcome *mine, const char *what) {
  const esp_fmm_top top = {.rank = comm->rank, .size = comm->size, .n = all->n};
  const int64_t first = esp_fmm_cut(&top, comm->rank), end = esp_fmm_cut(&top, comm->rank + 1);
  size_t at = 0;
  for (size_t k = 0; k < all->lists.count; k++) {
    const listed *l = all->lists.list + k;
    if (l->i >= end || l->i + l->count_i <= first || first == end) continue;
    if (at == mine->lists.count || memcmp(l, mine->lists.list + at, sizeof *l) != 0)
      fail_msg("%s: entry %zu of %zu of rank %d is another", what, at, mine->lists.count, comm->rank);
    at++;
  }
  assert_int_equal(at, mine->lists.count);
}

static void same(const part *p, const outcome *truth, const outcome *o, const char *what) {
  for (int k = 0; k < p->n; k++) {
    const int i = p->of[k];
    if (memcmp(o->a[k], truth->a[i], sizeof *o->a) != 0 || memcmp(o->potential + k, truth->potential + i, 8) != 0)
      fail_msg("%s, n %d, rank %d of %d: body %d: %.17g, not %.17g", what, truth->n, comm->rank, comm->size, i,
               o->a[k][0], truth->a[i][0]);
    assert_int_equal(o->slot[k], truth->slot[i]);
  }
  same_lists(truth, o, what);
}

static void compare(const fmm_cloud *c, const esp_fmm_param *param, way how, const double *previous, const char *what) {
  const esp_fmm_bodies all = {c->n, (const double(*)[3])c->x, c->m, c->id, previous};
  part p = part_make(c, how, previous);
  const esp_fmm_bodies mine = {p.n, (const double(*)[3])p.x, p.m, p.id, previous && p.n ? p.previous : NULL};
  double(*g)[3];
  MUST(ESP_ALLOC(g, c->n + 1)); /* NULL is for forces */
  for (int i = 0; i < c->n; i++) gradient_of(i, g[i]);
  for (int backward = 0; backward < (param->order > 3 ? 2 : 1); backward++) {
    outcome truth = run(esp_comm_self(), param, &all, backward ? (const double(*)[3])g : NULL);
    outcome o = run(comm, param, &mine, backward ? (const double(*)[3])p.g : NULL);
    same(&p, &truth, &o, what);
    outcome_free(&o);
    outcome_free(&truth);
  }
  ESP_FREE(g);
  part_free(&p);
}

static void small_ones(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 17, 33, 64, 333, 513};
  for (int k = 0; k < 7; k++)
    for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++) {
      fmm_cloud c;
      MUST(fmm_cloud_make(kind, sizes[k], 0, &c));
      compare(&c, &(esp_fmm_param){2 + (k + (int)kind) % 4, 1e-2, k % 2 ? 0.01 : 0}, (way)((k + (int)kind) % WAYS),
              NULL, fmm_name[kind]);
      fmm_cloud_free(&c);
    }
}

static void all_clouds(void **state) {
  (void)state;
  for (fmm_kind kind = 0; kind < FMM_CLOUDS; kind++) {
    const int n = 2500 + 117 * (int)kind;
    fmm_cloud c;
    double *previous = NULL;
    MUST(fmm_cloud_make(kind, n, 0, &c));
    MUST(ESP_ALLOC(previous, n));
    for (int i = 0; i < n; i++) previous[i] = 0.1 + 0.9 * fmm_uniform(i, 8);
    for (int order = 2 + (int)kind % 2; order <= 5; order += 2)
      compare(&c, &(esp_fmm_param){order, order % 2 ? 1e-2 : 1e-3, order > 3 ? 0.01 : 0},
              (way)((int)kind + order) % WAYS, order == 3 ? previous : NULL, fmm_name[kind]);
    ESP_FREE(previous);
    fmm_cloud_free(&c);
  }
}

static void a_large_one(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_PLUMMER, 20000, 0, &c));
  compare(&c, &(esp_fmm_param){4, 5e-4, 0.01}, BY_CHANCE, NULL, "large");
  part p = part_make(&c, BY_TURNS, NULL);
  const esp_fmm_bodies mine = {p.n, (const double(*)[3])p.x, p.m, p.id, NULL};
  outcome o = run(comm, &(esp_fmm_param){4, 5e-4, 0.01}, &mine, NULL);
  if (comm->size > 1) assert_true(o.cost.ghost_nodes > 0 && o.cost.ghosts > 0 && o.cost.ghosts < c.n);
  outcome_free(&o);
  part_free(&p);
  fmm_cloud_free(&c);
}

/* Without ids a body is named by rank and place. */
static void ids_may_be_missing_or_equal(void **state) {
  (void)state;
  for (int equal = 0; equal < 2; equal++) {
    fmm_cloud c;
    MUST(fmm_cloud_make(FMM_GRID, 2000, 1, &c));
    const int first = (int)((int64_t)c.n * comm->rank / comm->size),
              end = (int)((int64_t)c.n * (comm->rank + 1) / comm->size);
    for (int i = 0; i < c.n && equal; i++) c.id[i] = 7;
    const esp_fmm_bodies all = {c.n, (const double(*)[3])c.x, c.m, equal ? c.id : NULL, NULL};
    const esp_fmm_bodies mine = {end - first, (const double(*)[3])c.x + first, c.m + first, equal ? c.id : NULL, NULL};
    const esp_fmm_param param = {3, 1e-2, 0};
    outcome truth = run(esp_comm_self(), &param, &all, NULL), o = run(comm, &param, &mine, NULL);
    assert_memory_equal(o.a, truth.a + first, (size_t)(end - first) * sizeof *o.a);
    assert_memory_equal(o.slot, truth.slot + first, (size_t)(end - first) * sizeof *o.slot);
    outcome_free(&o);
    outcome_free(&truth);
    fmm_cloud_free(&c);
  }
}

/* Some of the bodies: their bits with all, and nothing of the others; also where a rank has none of them, or does not say. */
static void of_some(void **state) {
  (void)state;
  for (int every = 1; every <= 1000; every *= 10) {
    const esp_fmm_param param = {4, 1e-3, 0.01};
    fmm_cloud c;
    MUST(fmm_cloud_make(FMM_PLUMMER, 3000, 0, &c));
    part p = part_make(&c, BY_CHANCE, NULL);
    const esp_fmm_bodies mine = {p.n, (const double(*)[3])p.x, p.m, p.id, NULL};
    outcome all = run(comm, &param, &mine, NULL), some = {.n = p.n};
    unsigned char *active;
    MUST(ESP_ALLOC(active, p.n));
    MUST(ESP_ALLOC(some.a, p.n));
    MUST(ESP_ALLOC(some.potential, p.n));
    const int says = comm->rank < 2;
    for (int k = 0; k < p.n; k++) active[k] = !says || p.of[k] % every == 0;
    const esp_fmm_result result = {.acceleration = some.a, .potential = some.potential, .cost = &some.cost};
    MUST(esp_fmm_force_of(comm, &param, &mine, says ? active : NULL, &result));
    for (int k = 0; k < p.n; k++) {
      const double a = active[k] ? all.a[k][0] : 0, potential = active[k] ? all.potential[k] : 0;
      if (some.a[k][0] != a || some.potential[k] != potential)
        fail_msg("one in %d, body %d: %g %g, not %g %g", every, p.of[k], some.a[k][0], some.potential[k], a, potential);
    }
    if (every == 1000 && comm->size <= 2) assert_true(some.cost.near_pairs < all.cost.near_pairs / 10);
    ESP_FREE(active);
    outcome_free(&some);
    outcome_free(&all);
    part_free(&p);
    fmm_cloud_free(&c);
  }
}

static void refused_on_all(void **state) {
  (void)state;
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_BALL, 300, 0, &c));
  const esp_fmm_bodies mine = {c.n, (const double(*)[3])c.x, c.m, NULL, NULL};
  const esp_fmm_result nothing = {.cost = NULL};
  esp_fmm_param param = {4, 1e-3, 0};
  if (comm->rank == comm->size - 1) c.x[17][1] = NAN;
  assert_int_equal(esp_fmm_force(comm, &param, &mine, &nothing), ESP_ERR_VALUE);
  if (!strstr(esp_error_message(), "body 17")) fail_msg("%s", esp_error_message());
  c.x[17][1] = 0;
  if (comm->rank == 0) param.order = 6;
  assert_int_equal(esp_fmm_force(comm, &param, &mine, &nothing), ESP_ERR_ARG);
  param.order = 4;
  const esp_fmm_bodies some = {c.n, mine.position, mine.mass, comm->rank ? NULL : c.id, NULL};
  if (comm->size > 1) assert_int_equal(esp_fmm_force(comm, &param, &some, &nothing), ESP_ERR_ARG);
  esp_error_clear();
  fmm_cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(small_ones), cmocka_unit_test(all_clouds), cmocka_unit_test(a_large_one),
          cmocka_unit_test(ids_may_be_missing_or_equal), cmocka_unit_test(of_some), cmocka_unit_test(refused_on_all))
