#include "verbs/memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { RESIDENT = ESP_MEMORY_PURPOSES, START, ALL, NUMBERS };

int64_t esp_memory_resident(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}

static void take(const esp_run *run, int64_t bytes[NUMBERS]) {
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) bytes[p] = (int64_t)esp_memory_peak_for((esp_purpose)p);
  bytes[RESIDENT] = esp_memory_resident();
  bytes[START] = run->resident;
  bytes[ALL] = (int64_t)esp_memory_peak();
}

int esp_memory_results(const esp_run *run, double *most) {
  int64_t bytes[NUMBERS];
  char name[64];
  take(run, bytes);
  ESP_CALL(run->comm->max_i64(run->comm, bytes, NUMBERS));
  cJSON_AddNumberToObject(run->json, "memory_bytes_rank", (double)bytes[ALL]);
  cJSON_AddNumberToObject(run->json, "resident_bytes_rank", (double)bytes[RESIDENT]);
  cJSON_AddNumberToObject(run->json, "resident_start_bytes_rank", (double)bytes[START]);
  cJSON *peak = cJSON_AddObjectToObject(run->json, "memory_peak");
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) {
    snprintf(name, sizeof name, "%s_bytes_rank", esp_purpose_name(p));
    cJSON_AddNumberToObject(peak, name, (double)bytes[p]);
  }
  if (most) *most = (double)bytes[ALL];
  return ESP_OK;
}

int esp_memory_write(const esp_run *run) {
  int64_t bytes[NUMBERS];
  char header[512] = "rank,memory_MiB,memory_resident_MiB";
  esp_lines lines = {0};
  size_t at = strlen(header);
  take(run, bytes);
  esp_lines_add(&lines, "%d,%.2f,%.2f", run->comm->rank, (double)bytes[ALL] / 1048576,
                (double)bytes[RESIDENT] / 1048576);
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) {
    at += (size_t)snprintf(header + at, sizeof header - at, ",memory_%s_MiB", esp_purpose_name(p));
    esp_lines_add(&lines, ",%.2f", (double)bytes[p] / 1048576);
  }
  esp_lines_add(&lines, "\n");
  return esp_run_lines(run, "memory.csv", header, &lines);
}
