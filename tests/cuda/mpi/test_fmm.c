/* Proves that the multipole method on the devices of 1 to 4 ranks gives the bits of one CPU's, forces and gradients: whoever has the
 * bodies, ranks that own none among them. */
#include "tests/mpi/case.h"

#include "cuda/kernels.h"
#include "fmm/adjoint_work.h"
#include "tests/unit/fmm_case.h"

#define MUST(call) assert_int_equal(call, ESP_OK)
#define VECTORS(a) ((const double(*)[3])(a))

/* A result of n bodies. */
typedef struct {
  double (*vector)[3], *number;
} outcome;

static outcome run(const esp_fmm_kernels *kernels, const esp_comm *with, const esp_fmm_param *p,
                   const esp_fmm_bodies *b, const double (*g)[3], int adjoint) {
  outcome o;
  MUST(ESP_ALLOC(o.vector, b->n));
  MUST(ESP_ALLOC(o.number, b->n));
  MUST(adjoint ? esp_fmm_adjoint_with(kernels, with, p, b, g, &(esp_fmm_gradient){o.vector, o.number, NULL, NULL})
               : esp_fmm_force_with(kernels, with, p, b, &(esp_fmm_result){o.vector, o.number, NULL, NULL, NULL}));
  return o;
}

static void outcome_free(outcome *o) {
  ESP_FREE(o->vector);
  ESP_FREE(o->number);
}

/* Bodies of this rank: by turns, all on the last, by chance. */
static int mine(int how, int i) {
  const int owner = how == 0   ? i % comm->size
                    : how == 1 ? comm->size - 1
                               : (int)(esp_rng_uniform(3, (uint64_t)i, ESP_RNG_TEST, 5) * comm->size);
  return owner == comm->rank;
}

static void compare(fmm_kind kind, int n, int order, double eps, int how) {
  const esp_fmm_param p = {order, order == 5 ? 1e-4 : 1e-3, eps};
  fmm_cloud all, part;
  double(*g)[3], (*own)[3];
  int *of, count = 0;
  MUST(fmm_cloud_make(kind, n, 0, &all));
  MUST(fmm_cloud_make(kind, n, 0, &part));
  MUST(ESP_ALLOC(g, n + 1));
  MUST(ESP_ALLOC(own, n + 1));
  MUST(ESP_ALLOC(of, n));
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) g[i][a] = (i % 5 ? 1 : 30) * (fmm_uniform(i, 40 + (uint32_t)a) - 0.5);
    if (!mine(how, i)) continue;
    memcpy(part.x[count], all.x[i], sizeof *part.x);
    memcpy(own[count], g[i], sizeof *own);
    part.m[count] = all.m[i];
    part.id[count] = all.id[i];
    of[count++] = i;
  }
  const esp_fmm_bodies whole = {n, VECTORS(all.x), all.m, all.id, NULL};
  const esp_fmm_bodies here = {count, VECTORS(part.x), part.m, part.id, NULL};
  for (int adjoint = 0; adjoint < 2; adjoint++) {
    outcome truth = run(esp_fmm_widest(), esp_comm_self(), &p, &whole, VECTORS(g), adjoint);
    outcome o = run(&esp_fmm_cuda32, comm, &p, &here, VECTORS(own), adjoint);
    for (int k = 0; k < count; k++)
      if (memcmp(o.vector[k], truth.vector[of[k]], sizeof *o.vector) || memcmp(o.number + k, truth.number + of[k], 8))
        fail_msg("%s, n %d, order %d, rank %d of %d: body %d: %.17g, not %.17g", fmm_name[kind], n, order, comm->rank,
                 comm->size, of[k], o.vector[k][0], truth.vector[of[k]][0]);
    outcome_free(&truth);
    outcome_free(&o);
  }
  fmm_cloud_free(&all);
  fmm_cloud_free(&part);
  ESP_FREE(g);
  ESP_FREE(own);
  ESP_FREE(of);
}

static void few(void **state) {
  (void)state;
  static const int n[] = {0, 1, 17, 33, 64, 513};
  for (int k = 0; k < 6; k++) compare(k % 2 ? FMM_PLUMMER : FMM_TWINS, n[k], 2 + k % 4, k % 2 ? 0.01 : 0, k % 3);
}

static void many(void **state) {
  (void)state;
  compare(FMM_PLUMMER, 3000, 4, 0.01, 2);
  compare(FMM_CLUMPS, 2500, 5, 0, 0);
  compare(FMM_CORNER, 2000, 3, 0, 1);
}

CASE_MAIN(cmocka_unit_test(few), cmocka_unit_test(many))
