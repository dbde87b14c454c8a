/* Inside tasks/weather: what is shown of it, and by which keys. */
#ifndef ESP_WEATHER_SHOW_H
#define ESP_WEATHER_SHOW_H

#include "tasks/weather/weather.h"

typedef struct {
  int lead; /* h */
} esp_weather_show_param;

enum { ESP_WEATHER_LOOK_N = 16384 }; /* largest sets of what looks at all pairs of cells */

extern const esp_picture esp_weather_pictures[];
/* Maps of the changes that came and that were predicted: map.csv. */
int esp_weather_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                     const esp_backend *backend, const esp_set *set, const double *y, esp_show *show);

#endif
