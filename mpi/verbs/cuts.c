#include "verbs/cuts.h"

#include <limits.h>

static void head(const esp_cuts *cuts) {
  esp_run_say(cuts->run, "%6s  %-*s %9s %9s %11s %11s %10s %10s %10s %10s\n", "ranks", cuts->width, "cut", "imbalance",
              "imbalance", "halo part.", "halo part.", "halo cells", "halo cells", "KiB", "KiB");
  esp_run_say(cuts->run, "%6s  %-*s %9s %9s %11s %11s %10s %10s %10s %10s\n", "", cuts->width, "", "pairs", "particles",
              "mean", "max", "mean", "max", "mean", "max");
}

int esp_cuts_ranks(const esp_run *run, int64_t ranks[ESP_LIST], int *count) {
  *count = esp_config_ints(run->config, "partition_ranks", ranks, ESP_LIST);
  ESP_CHECK(*count <= ESP_LIST, ESP_ERR_CONFIG, "partition_ranks: %d values; at most %d", *count, ESP_LIST);
  for (int k = 0; k < *count; k++)
    ESP_CHECK(ranks[k] >= 1 && ranks[k] <= INT_MAX, ESP_ERR_CONFIG, "partition_ranks: %lld; must be in [1, %d]",
              (long long)ranks[k], INT_MAX);
  return ESP_OK;
}

int esp_cuts_each(esp_run *run, int width, int (*one)(void *context, esp_cuts *cuts, int ranks), void *context,
                  esp_cuts *cuts) {
  int64_t ranks[ESP_LIST];
  int count;
  *cuts = (esp_cuts){.run = run, .width = width, .rows = cJSON_AddArrayToObject(run->json, "cuts")};
  ESP_CALL(esp_cuts_ranks(run, ranks, &count));
  head(cuts);
  for (int k = 0; k < count; k++) ESP_CALL(one(context, cuts, (int)ranks[k]));
  return esp_run_lines(run, "partition.csv",
                       "ranks,method,imbalance_pairs,imbalance_particles,halo_particles_mean,halo_particles_max,"
                       "halo_cells_mean,halo_cells_max,bytes_mean,bytes_max",
                       &cuts->csv);
}

void esp_cuts_add(esp_cuts *cuts, int ranks, const char *name, const esp_partition_cost *c, double moved_share,
                  double seconds) {
  if (cuts->run->comm->rank == 0)
    esp_lines_add(&cuts->csv, "%d,%s,%.4f,%.4f,%.1f,%lld,%.1f,%lld,%.0f,%lld\n", ranks, name, c->imbalance_pairs,
                  c->imbalance_particles, c->particles_mean, (long long)c->particles_max, c->cells_mean,
                  (long long)c->cells_max, c->bytes_mean, (long long)c->bytes_max);
  esp_run_say(cuts->run, "%6d  %-*s %9.3f %9.3f %11.0f %11lld %10.0f %10lld %10.1f %10.1f\n", ranks, cuts->width, name,
              c->imbalance_pairs, c->imbalance_particles, c->particles_mean, (long long)c->particles_max, c->cells_mean,
              (long long)c->cells_max, c->bytes_mean / 1024, (double)c->bytes_max / 1024);
  cJSON *row = cJSON_CreateObject();
  cJSON_AddNumberToObject(row, "ranks", ranks);
  cJSON_AddStringToObject(row, "method", name);
  cJSON_AddNumberToObject(row, "imbalance_pairs", c->imbalance_pairs);
  cJSON_AddNumberToObject(row, "imbalance_particles", c->imbalance_particles);
  cJSON_AddNumberToObject(row, "halo_particles_mean", c->particles_mean);
  cJSON_AddNumberToObject(row, "halo_particles_max", (double)c->particles_max);
  cJSON_AddNumberToObject(row, "halo_cells_mean", c->cells_mean);
  cJSON_AddNumberToObject(row, "halo_cells_max", (double)c->cells_max);
  cJSON_AddNumberToObject(row, "bytes_mean", c->bytes_mean);
  cJSON_AddNumberToObject(row, "bytes_max", (double)c->bytes_max);
  if (moved_share >= 0) cJSON_AddNumberToObject(row, "moved_share", moved_share);
  cJSON_AddNumberToObject(row, "cut_seconds", seconds);
  cJSON_AddItemToArray(cuts->rows, row);
}

void esp_cuts_free(esp_cuts *cuts) {
  esp_lines_free(&cuts->csv);
}
