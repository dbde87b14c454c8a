#include "verbs/portrait.h"

/* Of a layer. */
static int64_t own_of(const esp_cost *p) {
  return p->layers ? p->owned / p->layers : 0;
}

static int add_json(const esp_cost *p, int shared, const esp_run *run) {
  const esp_comm *comm = run->comm;
  int64_t sum[5] = {p->near_pairs + p->far_pairs, p->ghosts, p->bytes, p->moved, own_of(p)}, most = sum[0];
  ESP_CALL(comm->sum_i64(comm, sum, 5));
  ESP_CALL(comm->max_i64(comm, &most, 1));
  const int sharers = shared ? comm->size : 1; /* a whole set's work is one rank's */
  cJSON_AddNumberToObject(run->json, "imbalance_pairs", sum[0] ? (double)most * sharers / (double)sum[0] : 1);
  cJSON_AddNumberToObject(run->json, "halo_particles", (double)sum[1]);
  cJSON_AddNumberToObject(run->json, "bytes", (double)sum[2]);
  cJSON_AddNumberToObject(run->json, "moved_share", sum[4] ? (double)sum[3] / (double)sum[4] : 0);
  return ESP_OK;
}

int esp_portrait_write(const esp_cost *p, int shared, const esp_run *run) {
  esp_lines ranks = {0};
  if (shared || p->owned)
    esp_lines_add(&ranks, "%d,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,%.4f,%.4f,%.4f,%.4f,%.4f,%.1f\n",
                  run->comm->rank, (long long)own_of(p), (long long)p->ghosts, (long long)p->ghost_cells,
                  (long long)p->essential_rows, (long long)p->messages, (long long)p->bytes, (long long)p->moved,
                  (long long)p->near_pairs, (long long)p->far_pairs, p->seconds_split, p->seconds_essential,
                  p->seconds_lists, p->seconds_halo_setup, p->seconds_forward, (double)esp_memory_peak() / 1048576);
  ESP_CALL(esp_run_lines(run, "ranks.csv",
                         "rank,particles,halo_particles,halo_cells,essential_nodes,messages,bytes,moved,pairs,cells,"
                         "seconds_split,seconds_essential,seconds_lists,seconds_halo_setup,seconds_forward,memory_MiB",
                         &ranks));
  return add_json(p, shared, run);
}
