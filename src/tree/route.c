#include "tree/route.h"

#include "base/base.h"

static void side_free(esp_route_side *side) {
  ESP_FREE(side->rank);
  ESP_FREE(side->start);
  ESP_FREE(side->row);
}

void esp_route_free(esp_route *route) {
  ESP_FREE(route->kept_from);
  ESP_FREE(route->kept_to);
  side_free(&route->out);
  side_free(&route->in);
  ESP_FREE(route->shared_row);
  *route = (esp_route){0};
}

int esp_route_arriving(const esp_route *route) {
  const int messages = route->in.peers ? route->in.start[route->in.peers] : 0;
  return messages + route->shared - route->shared_own_count;
}
