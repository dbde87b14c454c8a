/* Weather on one rank: bench_climate LEVEL DAYS SEED. Prints day by day what the weather does, at the end what is conserved, the
 * errors of persistence at 6 and 24 h over the last days, and cell-steps a second of processor time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tasks/weather/start.h"
#include "tasks/weather/climate.h"
#include "tree/domain.h"

enum { EVERY = 21600, KEPT = 5 };

/* Root mean square difference of theta and q from `ago` outputs before. */
static void persistence(const esp_flow *flow, double (*past)[2], double sum[2]) {
  for (int c = 0; c < flow->mesh->n_own; c++) {
    const double *y = flow->cell[c];
    const double off[2] = {y[ESP_FLOW_S] / y[ESP_FLOW_H_] - past[c][0], y[ESP_FLOW_Q] / y[ESP_FLOW_H_] - past[c][1]};
    for (int f = 0; f < 2; f++) sum[f] += off[f] * off[f];
  }
}

static void keep(const esp_flow *flow, double (*to)[2]) {
  for (int c = 0; c < flow->mesh->n_own; c++) {
    to[c][0] = flow->cell[c][ESP_FLOW_S] / flow->cell[c][ESP_FLOW_H_];
    to[c][1] = flow->cell[c][ESP_FLOW_Q] / flow->cell[c][ESP_FLOW_H_];
  }
}

static void tell(const esp_climate *c, double day) {
  const esp_flow *flow = c->flow;
  const esp_mesh *m = flow->mesh;
  double low = 1e9, high = 0, wet = 0, humid = 0, fast = 0, shallow = 1e9, dry = 1e9;
  for (int i = 0; i < m->n_own; i++) {
    const double h = flow->cell[i][0], theta = flow->cell[i][1] / h, q = flow->cell[i][2] / h;
    const double rh = q / esp_climate_saturation(&c->param, theta, h + flow->mountain[i]);
    low = fmin(low, theta), high = fmax(high, theta), wet = fmax(wet, rh), humid += rh / m->n_own;
    shallow = fmin(shallow, h), dry = fmin(dry, q);
  }
  for (int e = 0; e < m->n_own_edge; e++) fast = fmax(fast, fabs(flow->u[e]));
  printf("day %5.1f  T %.1f .. %.1f K  RH mean %.2f max %.2f  q min %.1e  wind %.1f m/s  h min %.0f m\n", day, low,
         high, humid, wet, dry, fast, shallow);
}

static int run(int level, double days, uint64_t seed) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300, .nu4 = esp_climate_nu4(level)};
  const double dt = esp_climate_dt(level);
  const int64_t steps = (int64_t)(days * 86400 / dt + 0.5), every = (int64_t)(EVERY / dt);
  esp_mesh mesh = {0};
  esp_flow flow = {0};
  esp_climate climate = {0};
  esp_flow_budget before, after;
  double(*past)[2] = NULL, sum[2][2] = {{0}}, *source = NULL, budget[ESP_CLIMATE_SOURCES], stepping = 0;
  int64_t pairs[2] = {0, 0};
  int rc;
  ESP_TRY(esp_mesh_create(&self, level, 100, &mesh));
  ESP_TRY(esp_flow_create(&mesh, &param, &flow));
  ESP_TRY(esp_climate_create(&flow, &esp_climate_default, &climate));
  ESP_TRY(esp_climate_start(&climate, seed));
  ESP_TRY(esp_flow_budget_take(&flow, &before));
  ESP_TRY(ESP_ALLOC(past, KEPT * mesh.n_own));
  ESP_TRY(ESP_ALLOC(source, mesh.n_own));
  for (int64_t s = 0; s < steps; s++) {
    if (s % every == 0) {
      const int64_t out = s / every;
      if ((double)s * dt >= 12 * 86400.0) {
        if (out > 4) persistence(&flow, past + (out - 1) % KEPT * mesh.n_own, sum[0]), pairs[0] += mesh.n_own;
        if (out > 4) persistence(&flow, past + (out - 4) % KEPT * mesh.n_own, sum[1]), pairs[1] += mesh.n_own;
      }
      keep(&flow, past + out % KEPT * mesh.n_own);
      if (out % 12 == 0) tell(&climate, (double)s * dt / 86400);
    }
    const clock_t start = clock();
    ESP_TRY(esp_climate_step(&climate, dt));
    stepping += (double)(clock() - start) / CLOCKS_PER_SEC;
  }
  ESP_TRY(esp_flow_budget_take(&flow, &after));
  for (int k = 0; k < ESP_CLIMATE_SOURCES; k++) {
    for (int c = 0; c < mesh.n_own; c++) source[c] = climate.source[c][k];
    ESP_TRY(esp_mesh_integral(&mesh, source, &budget[k]));
  }
  const double gained = budget[ESP_CLIMATE_EVAPORATED] - budget[ESP_CLIMATE_RAINED] - budget[ESP_CLIMATE_DRIED] +
                        budget[ESP_CLIMATE_RELAXED];
  printf("mass %.1e  water residual %.1e  energy %.2e\n", after.mass / before.mass - 1,
         (after.water - before.water - gained) / before.water, after.energy / before.energy - 1);
  for (int k = 0; k < 2; k++)
    printf("persistence %d h: %.3f K, %.3f g/kg\n", k ? 24 : 6, sqrt(sum[k][0] / (double)pairs[k]),
           1000 * sqrt(sum[k][1] / (double)pairs[k]));
  printf("%.2f s, %.3f M cell-steps/s\n", stepping, (double)mesh.cells * (double)steps / stepping * 1e-6);
done:
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  ESP_FREE(past);
  ESP_FREE(source);
  esp_climate_free(&climate);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return rc;
}

int main(int argc, char **argv) {
  if (argc > 3) return run(atoi(argv[1]), atof(argv[2]), strtoull(argv[3], NULL, 10));
  fprintf(stderr, "bench_climate LEVEL DAYS SEED\n");
  return 1;
}
