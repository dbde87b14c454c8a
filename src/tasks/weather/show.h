/* Inside tasks/weather: what is shown of it, and by which keys. */
#ifndef ESP_WEATHER_SHOW_H
#define ESP_WEATHER_SHOW_H

#include "net/stack.h"
#include "tasks/weather/weather.h"

typedef struct {
  int lead; /* h */
} esp_weather_show_param;

enum {
  ESP_WEATHER_LOOK_N = 16384, /* largest sets of what looks at all pairs of cells */
  ESP_WEATHER_SHIFTS = 16     /* layers whose shifts are told */
};

/* How far upstream a network listens, from the pairs and cells that it used. c_l of a cell: mean place of what layer l hears,
 * weighed by its gates, less the cell's own. A layer's shift is - sum c_l . U / sum U . U over the cells, U the wind: hours of
 * own wind; that of the network is the sum over its layers. NAN without wind. */
typedef struct {
  const esp_backend *backend;
  const esp_set *set;                    /* in the network's units, borrowed as backend is */
  int layers;                            /* ESP_WEATHER_SHIFTS at most */
  double layer[ESP_WEATHER_SHIFTS], all; /* h; of the first layers, and of all */
  double *c;                             /* [n_home][3] summed over the layers, in radii of the sphere */
} esp_weather_shift;
/* As a row of esp_watching; the visit's context is an esp_weather_shift, *value its `all`. */
int esp_weather_shift_begin(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit,
                            double **value);
void esp_weather_shift_end(esp_visit *visit);

/* Numbers learned_shift, learned_shift_0 ... of the layers, where they are known; c [n_home][3] as above. */
int esp_weather_tell_shift(const void *param, const esp_model *trained, const esp_backend *backend, const esp_set *set,
                           esp_show *show, double *c, int *known);

/* As the members of esp_showing. */
int esp_weather_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                    void **fitted);
void esp_weather_unfit(void **fitted);

extern const esp_picture esp_weather_pictures[];
/* The same; maps of the changes that came and that were predicted: map.csv; arrows of the wind, and of c over the lead time, in
 * degrees an hour: shift.csv. */
int esp_weather_draw(const void *param, const esp_model *untrained, const esp_model *trained,
                     const esp_backend *backend, const esp_set *set, const double *y, esp_show *show);

#endif
