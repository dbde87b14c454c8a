/* The published cases on one rank: bench_flow START LEVEL DT DAYS [SWEEPS]. Prints error norms of h against the start (a truth for
 * williamson2 alone), relative changes of what is conserved, cell-steps a second of processor time, and the bytes of memory that
 * these move beside what a + s b of long arrays moves here (J. McCalpin's triad; a write counts once in both). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/weather/start.h"
#include "tree/domain.h"

/* Bytes a cell and stage, each loop of flow_stage.c by itself: every array that it reads or writes once, as where a cache holds
 * what neighbours share and nothing from loop to loop. 3 edges and 2 vertices a cell. */
static double bytes_of_step(void) {
  enum { CELL = 24, INDEX = 4, ROW = 6 * INDEX, REAL = 8, SIX = 6 * REAL, EDGES = 3, VERTICES = 2, STAGES = 3 };
  const int vertices = VERTICES * (2 * 3 * REAL + 2 * 3 * INDEX + 3 * REAL) + EDGES * REAL + CELL;
  const int cells =
      CELL + 2 * REAL + INDEX + 2 * ROW + 2 * SIX + REAL + CELL + 3 * REAL + 3 * EDGES * REAL + VERTICES * REAL;
  const int perp = ESP_MESH_PERP * (INDEX + REAL);
  const int edges = EDGES * (4 * INDEX + perp + 5 * REAL) + CELL + REAL + VERTICES * REAL;
  const int carry = INDEX + ROW + 4 * SIX + 2 * REAL + 2 * SIX + EDGES * (4 * INDEX + 3 * REAL) + 2 * SIX;
  const int spread = INDEX + ROW + SIX + CELL + EDGES * 3 * REAL;
  const int push = EDGES * (2 * INDEX + perp + 4 * REAL) + CELL + 4 * REAL;
  const int advance = 4 * CELL + EDGES * 4 * REAL;
  return STAGES * (vertices + cells + edges + carry + spread + push + advance) + 2 * (CELL + EDGES * REAL);
}

/* Bytes a second of processor time, the best of ten. */
static double triad(void) {
  enum { N = 1 << 23 };
  double *a = malloc(sizeof *a * N), *b = malloc(sizeof *b * N), *c = malloc(sizeof *c * N), best = 0;
  for (int i = 0; a && b && c && i < N; i++) a[i] = 0, b[i] = i, c[i] = 1;
  for (int turn = 0; a && b && c && turn < 10; turn++) {
    const clock_t start = clock();
    for (int i = 0; i < N; i++) a[i] = b[i] + (turn + 0.5) * c[i];
    const double rate = 3.0 * sizeof *a * N * CLOCKS_PER_SEC / (double)(clock() - start);
    best = rate > best && a[N / 2] > 0 ? rate : best;
  }
  free(a), free(b), free(c);
  return best;
}

static int run(const esp_start *start, int level, double dt, double days, int sweeps) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300};
  esp_mesh mesh = {0};
  esp_flow flow = {0};
  esp_flow_budget before, after;
  double *truth = NULL, norm[3], limit, low = 1e30, high = 0;
  const int64_t steps = (int64_t)(days * 86400 / dt + 0.5);
  int rc;
  clock_t start_of = clock();
  ESP_TRY(esp_mesh_create(&self, level, sweeps, &mesh));
  printf("mesh: %lld cells, %.2f s\n", (long long)mesh.cells, (double)(clock() - start_of) / CLOCKS_PER_SEC);
  ESP_TRY(esp_flow_create(&mesh, &param, &flow));
  ESP_TRY(esp_start_fill(start, &flow));
  ESP_TRY(esp_flow_limit(&flow, &limit));
  ESP_TRY(ESP_ALLOC(truth, mesh.n_own));
  for (int c = 0; c < mesh.n_own; c++) truth[c] = flow.cell[c][ESP_FLOW_H_];
  ESP_TRY(esp_flow_budget_take(&flow, &before));
  start_of = clock();
  for (int64_t s = 0; s < steps; s++) ESP_TRY(esp_flow_step(&flow, dt, NULL, NULL));
  const double used = (double)(clock() - start_of) / CLOCKS_PER_SEC;
  ESP_TRY(esp_flow_budget_take(&flow, &after));
  ESP_TRY(esp_start_norms(&flow, truth, norm));
  for (int c = 0; c < mesh.n_own; c++) {
    const double surface = flow.cell[c][ESP_FLOW_H_] + flow.mountain[c];
    low = surface < low ? surface : low, high = surface > high ? surface : high;
  }
  printf("l1 %.3e  l2 %.3e  linf %.3e  surface %.1f .. %.1f m  (dt limit %.0f s)\n", norm[0], norm[1], norm[2], low,
         high, limit);
  printf("mass %.1e  water %.1e  heat %.1e  energy %.2e  enstrophy %.2e\n", after.mass / before.mass - 1,
         before.water > 0 ? after.water / before.water - 1 : 0, after.heat / before.heat - 1,
         after.energy / before.energy - 1, after.enstrophy / before.enstrophy - 1);
  const double rate = (double)mesh.cells * (double)steps / used;
  printf("%.2f s, %.3f M cell-steps/s: %.0f bytes each, %.1f GB/s; triad %.1f GB/s\n", used, rate * 1e-6,
         bytes_of_step(), rate * bytes_of_step() * 1e-9, triad() * 1e-9);
done:
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  ESP_FREE(truth);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return rc;
}

int main(int argc, char **argv) {
  for (int k = 0; argc > 4 && esp_starts[k].name; k++)
    if (!strcmp(esp_starts[k].name, argv[1]))
      return run(&esp_starts[k], atoi(argv[2]), atof(argv[3]), atof(argv[4]), argc > 5 ? atoi(argv[5]) : 100);
  fprintf(stderr, "bench_flow START LEVEL DT DAYS [SWEEPS]\n");
  return 1;
}
