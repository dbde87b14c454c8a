/* Inside tasks/weather: the zonal equilibrium as tables over latitude, and sums of plane waves on the sphere. Local, pure. */
#ifndef ESP_CLIMATE_PROFILE_H
#define ESP_CLIMATE_PROFILE_H

#include "tasks/weather/climate.h"

enum { ESP_PROFILE_POINTS = 8001, ESP_WAVES = 60 };

/* From -90 to 90 degrees, equally spaced. */
typedef struct {
  double h[ESP_PROFILE_POINTS], stream[ESP_PROFILE_POINTS]; /* m, m^2/s */
} esp_profile;
/* Depth in balance with the jet, of mean param->depth, and the jet's stream function; gravity over theta_0 is `weight`. */
void esp_profile_fill(const esp_climate_param *param, double weight, esp_profile *profile);
double esp_profile_theta(const esp_climate_param *param, double latitude);
/* Between two points of a table. */
double esp_profile_at(const double table[ESP_PROFILE_POINTS], double latitude);

/* cos(k.x + p) / |k|^fall: `count` directions, lengths low to high, phases, all by the seed. */
typedef struct {
  int count;
  double k[ESP_WAVES][3], phase[ESP_WAVES], weight[ESP_WAVES];
} esp_waves;
void esp_waves_draw(uint64_t seed, uint64_t purpose, int count, double low, double high, int fall, esp_waves *waves);
double esp_wave_at(const esp_waves *waves, int m, const double x[3]);
double esp_waves_at(const esp_waves *waves, const double x[3]);

/* Height of the ground, m. */
double esp_ground(const esp_climate_param *param, const double x[3]);

#endif
