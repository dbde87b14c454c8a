/* The mesh and the flow on it have the same bits on any number of ranks: places, areas, and the state after some steps of a
 * moist jet with diffusion, against the same made by one rank alone. Ranks may own nothing.
 * ranks: 1 2 3 4 7 */
#include "case.h"

#include "base/hash.h"
#include "domain/domain.h"
#include "tasks/weather/climate.h"
#include "tasks/weather/start.h"

/* Sum over own cells and edges of a hash of their number and values. */
static uint64_t fingerprint(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  uint64_t sum = 0;
  for (int c = 0; c < m->n_own; c++) {
    uint64_t hash = esp_hash_mix(1, (uint64_t)m->id[c]);
    for (int a = 0; a < 3; a++) hash = esp_hash_double(hash, m->x[c][a]);
    for (int f = 0; f < ESP_FLOW_FIELDS; f++) hash = esp_hash_double(hash, flow->cell[c][f]);
    sum += esp_hash_double(hash, m->area[c]);
  }
  for (int e = 0; e < m->n_own_edge; e++) sum += esp_hash_double(esp_hash_mix(2, (uint64_t)m->edge_id[e]), flow->u[e]);
  return sum;
}

static uint64_t run(const esp_comm *who, esp_domain_builder build, int level, int steps, esp_flow_budget *budget) {
  const esp_backend backend = {.comm = who, .build = build};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300, .nu4 = 1e17};
  esp_mesh mesh;
  esp_flow flow;
  if (esp_mesh_create(&backend, level, 3, &mesh)) fail_msg("%s", esp_error_message());
  assert_int_equal(esp_flow_create(&mesh, &param, &flow), ESP_OK);
  assert_int_equal(esp_start_fill(&esp_starts[3], &flow), ESP_OK);
  for (int s = 0; s < steps; s++) assert_int_equal(esp_flow_step(&flow, 1200, NULL, NULL), ESP_OK);
  assert_int_equal(esp_flow_budget_take(&flow, budget), ESP_OK);
  const uint64_t sum = fingerprint(&flow);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return sum;
}

/* Some hours of weather; what fell as rain, too. */
static uint64_t weather(const esp_comm *who, esp_domain_builder build, esp_flow_budget *budget) {
  const esp_backend backend = {.comm = who, .build = build};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300, .nu4 = esp_climate_nu4(3)};
  esp_mesh mesh;
  esp_flow flow;
  esp_climate climate;
  assert_int_equal(esp_mesh_create(&backend, 3, 2, &mesh), ESP_OK);
  assert_int_equal(esp_flow_create(&mesh, &param, &flow), ESP_OK);
  assert_int_equal(esp_climate_create(&flow, &esp_climate_default, &climate), ESP_OK);
  assert_int_equal(esp_climate_start(&climate, 3), ESP_OK);
  for (int s = 0; s < 5; s++) assert_int_equal(esp_climate_step(&climate, esp_climate_dt(3)), ESP_OK);
  assert_int_equal(esp_flow_budget_take(&flow, budget), ESP_OK);
  uint64_t sum = fingerprint(&flow);
  for (int c = 0; c < mesh.n_own; c++)
    for (int k = 0; k < ESP_CLIMATE_SOURCES; k++)
      sum += esp_hash_double(esp_hash_mix((uint64_t)k, (uint64_t)mesh.id[c]), climate.source[c][k]);
  esp_climate_free(&climate);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return sum;
}

static void same_weather(void **state) {
  (void)state;
  esp_flow_budget here, alone;
  const uint64_t wanted = weather(esp_comm_self(), esp_domain_build_self, &alone);
  assert_true((uint64_t)sum_over_ranks((int64_t)weather(comm, esp_domain_build_mpi, &here)) == wanted);
  assert_memory_equal(&here, &alone, sizeof here);
}

static void same_bits(void **state) {
  (void)state;
  for (int level = 2; level <= 3; level++) {
    esp_flow_budget here, alone;
    const uint64_t wanted = run(esp_comm_self(), esp_domain_build_self, level, 6, &alone);
    const uint64_t mine = run(comm, esp_domain_build_mpi, level, 6, &here);
    assert_true((uint64_t)sum_over_ranks((int64_t)mine) == wanted);
    assert_memory_equal(&here, &alone, sizeof here);
  }
}

static void levels(void **state) {
  (void)state;
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi};
  esp_mesh mesh;
  assert_int_equal(esp_mesh_create(&backend, 1, 0, &mesh), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "level 1: allowed are 2 to 10"));
  esp_error_clear();
}

CASE_MAIN(cmocka_unit_test(same_bits), cmocka_unit_test(same_weather), cmocka_unit_test(levels))
