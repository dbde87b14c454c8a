/* The published cases on one rank: bench_flow START LEVEL DT DAYS [SWEEPS]. Prints error norms of h against the start (a truth for
 * williamson2 alone), relative changes of what is conserved, and cell-steps a second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/weather/start.h"
#include "tree/domain.h"

static int run(const esp_start *start, int level, double dt, double days, int sweeps) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300};
  esp_mesh mesh = {0};
  esp_flow flow = {0};
  esp_flow_budget before, after;
  double *truth = NULL, norm[3], limit, low = 1e30, high = 0;
  const int64_t steps = (int64_t)(days * 86400 / dt + 0.5);
  int rc;
  double clock = esp_wall();
  ESP_TRY(esp_mesh_create(&self, level, sweeps, &mesh));
  printf("mesh: %lld cells, %.2f s\n", (long long)mesh.cells, esp_wall() - clock);
  ESP_TRY(esp_flow_create(&mesh, &param, &flow));
  ESP_TRY(esp_start_fill(start, &flow));
  ESP_TRY(esp_flow_limit(&flow, &limit));
  ESP_TRY(ESP_ALLOC(truth, mesh.n_own));
  for (int c = 0; c < mesh.n_own; c++) truth[c] = flow.cell[c][ESP_FLOW_H_];
  ESP_TRY(esp_flow_budget_take(&flow, &before));
  clock = esp_wall();
  for (int64_t s = 0; s < steps; s++) ESP_TRY(esp_flow_step(&flow, dt, NULL, NULL));
  clock = esp_wall() - clock;
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
  printf("%.2f s, %.3f M cell-steps/s\n", clock, (double)mesh.cells * (double)steps / clock * 1e-6);
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
