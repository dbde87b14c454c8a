/* Bodies a second (of processor time) of the multipole method on one core, with its errors against all pairs on a sample and the time of its
 * parts; near pairs a second beside those of the near kernel alone, measured in the same run. Not a test: run it by hand.
 *
 *   bench_fmm [n [repeats [width]]]        width: scalar, AVX2, AVX-512; else the widest */
#include <stdio.h>
#include <time.h>

#include "fmm/adjoint_work.h"
#include "unit/fmm_case.h"

enum { SAMPLE = 500 };
static const double eps = 0.01;

/* Of this process: others may share the core. */
static double cpu_seconds(void) {
  return (double)clock() / CLOCKS_PER_SEC;
}

/* Pairs a second of the near kernel, from the first cache. */
static double near_limit(const esp_fmm_kernels *kernels) {
  enum { COUNT = 512, TURNS = 400 };
  static float stream[4][COUNT];
  const float *const from[4] = {stream[0], stream[1], stream[2], stream[3]};
  double best = 0, sum = 0;
  for (int j = 0; j < COUNT; j++)
    for (int a = 0; a < 4; a++) stream[a][j] = (float)fmm_uniform(j, (uint32_t)a);
  for (int repeat = 0; repeat < 10; repeat++) {
    const double begin = cpu_seconds();
    for (int k = 0; k < TURNS; k++) sum += (double)kernels->near(COUNT, from);
    const double rate = (double)COUNT * TURNS * ESP_FMM_RECEIVERS / (cpu_seconds() - begin);
    if (rate > best) best = rate;
  }
  return isfinite(sum) ? best : 0;
}

static void truth(const fmm_cloud *c, int i, double *a) {
  a[0] = a[1] = a[2] = 0;
  for (int j = 0; j < c->n; j++) {
    const double x = c->x[j][0] - c->x[i][0], y = c->x[j][1] - c->x[i][1], z = c->x[j][2] - c->x[i][2];
    const double q = x * x + y * y + z * z + eps * eps, f = c->m[j] / (q * sqrt(q));
    a[0] += f * x, a[1] += f * y, a[2] += f * z;
  }
}

/* Errors on SAMPLE bodies, evenly among all; exact [SAMPLE] by `truth`. */
static fmm_errors sampled(const fmm_cloud *c, const double (*a)[3], const double (*exact)[3]) {
  double some[SAMPLE][3];
  for (int k = 0; k < SAMPLE; k++) memcpy(some[k], a[(int64_t)k * c->n / SAMPLE], sizeof some[k]);
  return fmm_compare(SAMPLE, (const double(*)[3])some, exact);
}

static void show(const char *name, const esp_fmm_param *p, int n, double seconds, double parts, fmm_errors e,
                 const esp_fmm_cost *t, double limit) {
  const double ns = 1e9 / n * parts, near = 1e-9 * (double)t->near_pairs / (t->near * parts);
  printf("%-15s P %d: %.2f M bodies/s, rms %.2e p50 %.1e p99 %.1e max %.1e\n", name, p->order, 1e-6 * n / seconds,
         e.rms, e.p50, e.p99, e.max);
  printf("  ns a body: tree %.0f moments %.0f |a| %.0f walk %.0f expand %.0f near %.0f rest %.0f\n", ns * t->tree,
         ns * t->moments, ns * t->estimate, ns * t->walk, ns * t->expand, ns * t->near, ns * t->rest);
  printf(
      "  a body: near %.0f (%.2f Gpair/s, %.0f %% of the kernel's) cell %.1f expand %.2f tests %.1f, in float64 %.4f\n",
      (double)t->near_pairs / n, near, 1e11 * near / limit, (double)t->cell_pairs / n, (double)t->expansions / n,
      (double)t->tests / n, (double)t->exact / n);
  fflush(stdout);
}

/* Best of `repeats`, then once more with its parts: their share of the processor's time. */
static int measure(const esp_fmm_kernels *kernels, const fmm_cloud *c, const char *name, const double (*exact)[3],
                   int repeats, int order, double tolerance, double limit) {
  const esp_fmm_param param = {order, tolerance, eps};
  const esp_fmm_bodies bodies = {c->n, (const double(*)[3])c->x, c->m, c->id, NULL};
  double(*a)[3], best = 1e30, seconds = 0, wall = 0;
  esp_fmm_cost cost = {0};
  ESP_CALL(ESP_ALLOC(a, c->n));
  for (int k = 0; k <= repeats; k++) {
    const esp_fmm_result result = {.acceleration = a, .cost = k == repeats ? &cost : NULL};
    const double begin = cpu_seconds(), wall_begin = esp_wall();
    ESP_CALL(esp_fmm_force_with(kernels, esp_comm_self(), &param, &bodies, &result));
    seconds = cpu_seconds() - begin;
    wall = esp_wall() - wall_begin;
    if (seconds < best) best = seconds;
  }
  show(name, &param, c->n, best, seconds / wall, sampled(c, (const double(*)[3])a, exact), &cost, limit);
  ESP_FREE(a);
  return ESP_OK;
}

/* The backward pass for g along the force: its time beside the force's, and its parts. */
static int measure_adjoint(const esp_fmm_kernels *kernels, const fmm_cloud *c, const char *name, int repeats, int order,
                           double tolerance) {
  const esp_fmm_param param = {order, tolerance, eps};
  const esp_fmm_bodies bodies = {c->n, (const double(*)[3])c->x, c->m, c->id, NULL};
  double(*g)[3], (*dposition)[3], *dmass, best[2] = {1e30, 1e30};
  esp_fmm_cost t;
  ESP_CALL(ESP_ALLOC(g, c->n));
  ESP_CALL(ESP_ALLOC(dposition, c->n));
  ESP_CALL(ESP_ALLOC(dmass, c->n));
  for (int k = 0; k < repeats; k++) {
    const double begin = cpu_seconds();
    ESP_CALL(esp_fmm_force_with(kernels, esp_comm_self(), &param, &bodies, &(esp_fmm_result){.acceleration = g}));
    const double middle = cpu_seconds();
    ESP_CALL(esp_fmm_adjoint_with(kernels, esp_comm_self(), &param, &bodies, (const double(*)[3])g,
                                  &(esp_fmm_gradient){dposition, dmass, NULL, NULL}));
    best[0] = fmin(best[0], middle - begin);
    best[1] = fmin(best[1], cpu_seconds() - middle);
  }
  ESP_CALL(esp_fmm_adjoint_with(kernels, esp_comm_self(), &param, &bodies, (const double(*)[3])g,
                                &(esp_fmm_gradient){dposition, dmass, NULL, &t}));
  const double ns = 1e9 / c->n;
  printf("%-15s P %d: backward %.2f M bodies/s, %.2f times the force\n", name, order, 1e-6 * c->n / best[1],
         best[1] / best[0]);
  printf("  ns a body: tree %.0f moments %.0f tides %.0f walk %.0f expand %.0f near %.0f rest %.0f\n", ns * t.tree,
         ns * t.moments, ns * t.estimate, ns * t.walk, ns * t.expand, ns * t.near, ns * t.rest);
  printf("  a body: near %.0f (%.2f Gpair/s) cell %.1f expand %.2f tests %.1f, in float64 %.4f\n",
         (double)t.near_pairs / c->n, 1e-9 * (double)t.near_pairs / t.near, (double)t.cell_pairs / c->n,
         (double)t.expansions / c->n, (double)t.tests / c->n, (double)t.exact / c->n);
  ESP_FREE(g);
  ESP_FREE(dposition);
  ESP_FREE(dmass);
  return ESP_OK;
}

static int run(int n, int repeats, const esp_fmm_kernels *kernels) {
  static const fmm_kind kinds[] = {FMM_PLUMMER, FMM_PLUMMER95, FMM_BALL};
  const double limit = near_limit(kernels);
  printf("n %d, eps %g, %s; the near kernel alone: %.2f Gpair/s\n", n, eps, kernels->name, 1e-9 * limit);
  for (int k = 0; k < 3; k++) {
    fmm_cloud c;
    double exact[SAMPLE][3];
    ESP_CALL(fmm_cloud_make(kinds[k], n, 1, &c));
    for (int i = 0; i < SAMPLE; i++) truth(&c, (int)((int64_t)i * n / SAMPLE), exact[i]);
    ESP_CALL(measure(kernels, &c, fmm_name[kinds[k]], (const double(*)[3])exact, repeats, 4, 5e-4, limit));
    ESP_CALL(measure(kernels, &c, fmm_name[kinds[k]], (const double(*)[3])exact, repeats, 3, 5.5e-3, limit));
    ESP_CALL(measure_adjoint(kernels, &c, fmm_name[kinds[k]], repeats, 4, 5e-4));
    fmm_cloud_free(&c);
  }
  return ESP_OK;
}

int main(int count, char **word) {
  const esp_fmm_kernels *kernels = esp_fmm_widest();
  for (int k = 0; count > 3 && esp_fmm_widths[k]; k++)
    if (!strcmp(word[3], esp_fmm_widths[k]->name) && esp_fmm_widths[k]->available()) kernels = esp_fmm_widths[k];
  esp_memory_keep();
  if (run(count > 1 ? atoi(word[1]) : 1000000, count > 2 ? atoi(word[2]) : 3, kernels) == ESP_OK) return 0;
  fprintf(stderr, "%s\n", esp_error_message());
  return 1;
}
