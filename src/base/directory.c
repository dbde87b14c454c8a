#include "base/directory.h"

#include <inttypes.h>
#include <stdlib.h>

static int by_id(const void *a, const void *b) {
  const int64_t x = ((const esp_directory_entry *)a)->id, y = ((const esp_directory_entry *)b)->id;
  return (x > y) - (x < y);
}

int esp_directory_sort(int64_t n, esp_directory_entry *entry) {
  if (n) qsort(entry, (size_t)n, sizeof *entry, by_id);
  for (int64_t i = 1; i < n; i++)
    ESP_CHECK(entry[i].id != entry[i - 1].id, ESP_ERR_ARG, "id %" PRId64 " stands twice, on ranks %d and %d",
              entry[i].id, entry[i - 1].rank, entry[i].rank);
  return ESP_OK;
}

const esp_directory_entry *esp_directory_find(int64_t n, const esp_directory_entry *entry, int64_t id) {
  const esp_directory_entry key = {.id = id};
  return n ? bsearch(&key, entry, (size_t)n, sizeof *entry, by_id) : NULL;
}

int esp_directory_missing(int64_t id) {
  return ESP_FAIL(ESP_ERR_ARG, "id %" PRId64 " is wanted, and no rank has it", id);
}
