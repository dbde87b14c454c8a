#include "tasks/outlines.h"

int esp_outlines_create(const esp_set *set, int most, int n_node, esp_outlines *all) {
  const size_t n = (size_t)set->n_home;
  *all = (esp_outlines){.most = most, .n_node = n_node};
  int rc = ESP_ALLOC(all->node, n * (size_t)most);
  if (!rc) rc = ESP_ALLOC(all->corner, n * (size_t)most);
  if (!rc) rc = ESP_ALLOC(all->centre, n);
  if (!rc) rc = ESP_ALLOC(all->area, n);
  if (!rc) rc = ESP_ALLOC(all->place, n_node);
  if (rc) esp_outlines_free(all);
  return rc;
}

void esp_outlines_free(esp_outlines *all) {
  ESP_FREE(all->node);
  ESP_FREE(all->corner);
  ESP_FREE(all->centre);
  ESP_FREE(all->area);
  ESP_FREE(all->place);
  *all = (esp_outlines){0};
}
