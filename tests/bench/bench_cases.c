/* A published case against this code's own answer on a finer mesh, on one rank:
 *
 *   bench_cases START LEVEL DAYS FOLDER          writes the surface, every 5 days, into FOLDER (float64)
 *   bench_cases START LEVEL DAYS FOLDER FINER    compares h with what level FINER wrote there, too
 *
 * The finer surface comes to a cell from the finer cell nearest to it, along a slope fitted to that one's neighbours by least
 * squares. What that is wrong by is printed, too: the difference from the same of the next nearest cell, and on day 0, where
 * the surface is known everywhere, from the truth. dt is the rule's (flow.h) at the start, less 5 percent, and divides a day. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/weather/icosahedron.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/start.h"
#include "tree/domain.h"

enum { BETWEEN = 5 }; /* days */

typedef struct {
  const char *name, *folder;
  int level, days, finer; /* finer 0: none */
} job;

/* [cells by number] x, y, z, surface */
typedef double cell[4];

static void name_file(const job *j, int level, int day, char path[512]) {
  snprintf(path, 512, "%s/%s-level%d-day%d.f64", j->folder, j->name, level, day);
}

/* rows of a file, to or from it. */
static int move(const char *path, int writes, cell *rows, size_t count) {
  FILE *file = fopen(path, writes ? "wb" : "rb");
  size_t moved = 0;
  if (file) moved = writes ? fwrite(rows, sizeof *rows, count, file) : fread(rows, sizeof *rows, count, file);
  if (file && fclose(file)) moved = 0;
  return moved == count ? ESP_OK : ESP_FAIL(ESP_ERR_FILE, "%s: %zu cells, %zu moved", path, count, moved);
}

static int write_day(const job *j, const esp_flow *flow, int day) {
  const esp_mesh *m = flow->mesh;
  char path[512];
  cell *rows = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(rows, m->n_own));
  for (int c = 0; c < m->n_own; c++) {
    memcpy(rows[m->id[c]], m->x[c], sizeof m->x[c]);
    rows[m->id[c]][3] = flow->cell[c][ESP_FLOW_H_] + flow->mountain[c];
  }
  name_file(j, j->level, day, path);
  ESP_TRY(move(path, 1, rows, (size_t)m->n_own));
done:
  ESP_FREE(rows);
  return rc;
}

/* ---- from a finer mesh ---- */

/* From cell `at` downhill to the one nearest to x. */
static int64_t walk(int level, const cell *rows, const double x[3], int64_t at) {
  int64_t near[6];
  for (int moved = 1; moved;) {
    const int degree = esp_icosahedron_neighbours(level, at, near);
    moved = 0;
    for (int k = 0; k < degree; k++)
      if (esp_dot3(rows[near[k]], x) > esp_dot3(rows[at], x)) at = near[k], moved = 1;
  }
  return at;
}

/* The surface at x, from cell `at`. */
static double along_slope(int level, const cell *rows, int64_t at, const double x[3]) {
  const double *here = rows[at], pole[3] = {0, 0, 1}, beside[3] = {1, 0, 0};
  double axis[2][3], xx = 0, xy = 0, yy = 0, rise[2] = {0, 0};
  int64_t near[6];
  const int degree = esp_icosahedron_neighbours(level, at, near);
  esp_cross3(fabs(here[2]) < 0.9 ? pole : beside, here, axis[0]);
  esp_unit3(axis[0]);
  esp_cross3(here, axis[0], axis[1]);
  for (int k = 0; k < degree; k++) {
    const double a = esp_dot3(rows[near[k]], axis[0]), b = esp_dot3(rows[near[k]], axis[1]);
    xx += a * a, xy += a * b, yy += b * b;
    rise[0] += a * (rows[near[k]][3] - here[3]), rise[1] += b * (rows[near[k]][3] - here[3]);
  }
  const double area = xx * yy - xy * xy;
  return here[3] + esp_dot3(x, axis[0]) * (yy * rise[0] - xy * rise[1]) / area +
         esp_dot3(x, axis[1]) * (xx * rise[1] - xy * rise[0]) / area;
}

static int64_t next_nearest(int level, const cell *rows, int64_t at, const double x[3]) {
  int64_t near[6];
  int best = 0;
  const int degree = esp_icosahedron_neighbours(level, at, near);
  for (int k = 1; k < degree; k++)
    if (esp_dot3(rows[near[k]], x) > esp_dot3(rows[near[best]], x)) best = k;
  return near[best];
}

static void print_norms(const char *what, const double norm[3]) {
  printf("  %s l1 %.2e l2 %.2e linf %.2e\n", what, norm[0], norm[1], norm[2]);
}

/* Norms of h against the finer mesh's, and of what that is from the next nearest cell against it. */
static int compare_day(const job *j, esp_flow *flow, int day) {
  const esp_mesh *m = flow->mesh;
  const int64_t cells = esp_icosahedron_points(j->finer);
  char path[512];
  cell *rows = NULL;
  double *truth = NULL, (*kept)[ESP_FLOW_FIELDS] = NULL, norm[3];
  int64_t at = 0;
  int rc;
  ESP_TRY(ESP_ALLOC(rows, cells));
  ESP_TRY(ESP_ALLOC(truth, m->n_own));
  ESP_TRY(ESP_ALLOC(kept, m->n_own));
  name_file(j, j->finer, day, path);
  ESP_TRY(move(path, 0, rows, (size_t)cells));
  memcpy(kept, flow->cell, sizeof *kept * (size_t)m->n_own);
  for (int c = 0; c < m->n_own; c++) {
    at = walk(j->finer, rows, m->x[c], at);
    truth[c] = along_slope(j->finer, rows, at, m->x[c]) - flow->mountain[c];
  }
  ESP_TRY(esp_start_norms(flow, truth, norm));
  print_norms(day ? "against the finer mesh:" : "interpolation against the truth:", norm);
  for (int c = 0; c < m->n_own; c++) {
    at = walk(j->finer, rows, m->x[c], at);
    flow->cell[c][ESP_FLOW_H_] =
        along_slope(j->finer, rows, next_nearest(j->finer, rows, at, m->x[c]), m->x[c]) - flow->mountain[c];
  }
  ESP_TRY(esp_start_norms(flow, truth, norm));
  print_norms("interpolation from the next nearest cell:", norm);
  memcpy(flow->cell, kept, sizeof *kept * (size_t)m->n_own);
done:
  ESP_FREE(rows);
  ESP_FREE(truth);
  ESP_FREE(kept);
  return rc;
}

/* ---- the case ---- */

typedef struct {
  esp_flow_budget budget;
  double rest;
} stock;

static int take(const esp_flow *flow, stock *s) {
  ESP_CALL(esp_flow_budget_take(flow, &s->budget));
  return esp_start_rest(flow, &s->rest);
}

static int show_day(const job *j, esp_flow *flow, const stock *before, int day) {
  stock now;
  ESP_CALL(take(flow, &now));
  printf("day %d: mass %.1e  energy %.2e  available energy %.2e  enstrophy %.2e\n", day,
         now.budget.mass / before->budget.mass - 1, now.budget.energy / before->budget.energy - 1,
         (now.budget.energy - now.rest) / (before->budget.energy - before->rest) - 1,
         now.budget.enstrophy / before->budget.enstrophy - 1);
  fflush(stdout);
  ESP_CALL(write_day(j, flow, day));
  return j->finer ? compare_day(j, flow, day) : ESP_OK;
}

static int steps_a_day(const esp_flow *flow, int *steps) {
  double limit;
  ESP_CALL(esp_flow_limit(flow, &limit));
  *steps = (int)ceil(86400 / (0.95 * limit));
  printf("dt %.2f s, limit %.2f s\n", 86400.0 / *steps, limit);
  return ESP_OK;
}

static int run(const job *j, const esp_start *start) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300};
  esp_mesh mesh = {0};
  esp_flow flow = {0};
  stock before;
  int rc, steps;
  ESP_TRY(esp_mesh_create(&self, j->level, 100, &mesh));
  ESP_TRY(esp_flow_create(&mesh, &param, &flow));
  ESP_TRY(esp_start_fill(start, &flow));
  printf("%s, %lld cells, mesh in %.1f s of processor time\n", start->name, (long long)mesh.cells,
         (double)clock() / CLOCKS_PER_SEC);
  ESP_TRY(steps_a_day(&flow, &steps));
  ESP_TRY(take(&flow, &before));
  ESP_TRY(show_day(j, &flow, &before, 0));
  const double wall = esp_wall();
  const clock_t cpu = clock();
  for (int day = 1; day <= j->days; day++) {
    for (int s = 0; s < steps; s++) ESP_TRY(esp_flow_step(&flow, 86400.0 / steps, NULL, NULL));
    if (day % BETWEEN == 0 || day == j->days) ESP_TRY(show_day(j, &flow, &before, day));
  }
  printf("%.1f s, %.1f s of processor time, %.3f M cell-steps a second of it\n", esp_wall() - wall,
         (double)(clock() - cpu) / CLOCKS_PER_SEC,
         1e-6 * (double)mesh.cells * steps * j->days / ((double)(clock() - cpu) / CLOCKS_PER_SEC));
done:
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return rc;
}

int main(int argc, char **argv) {
  for (int k = 0; argc > 4 && esp_starts[k].name; k++)
    if (!strcmp(esp_starts[k].name, argv[1])) {
      const job j = {argv[1], argv[4], atoi(argv[2]), atoi(argv[3]), argc > 5 ? atoi(argv[5]) : 0};
      return run(&j, &esp_starts[k]);
    }
  fprintf(stderr, "bench_cases START LEVEL DAYS FOLDER [FINER]\n");
  return 1;
}
