#include "tasks/weather/climate_profile.h"

#include <math.h>

#include "base/rng.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/start.h"

static const double A = ESP_EARTH_RADIUS;

/* ---- the jet and its balance ---- */

static double latitude_of(int point) {
  return acos(-1.0) * ((double)point / (ESP_PROFILE_POINTS - 1) - 0.5);
}

static double wind(const esp_climate_param *p, double phi) {
  const double degrees = fabs(phi) * 180 / acos(-1.0), jet = (degrees - 45) / p->width, trade = degrees / 15;
  return sqrt(fmax(cos(phi), 0)) * (p->jet * exp(-jet * jet) - 8 * exp(-trade * trade));
}

double esp_profile_theta(const esp_climate_param *p, double phi) {
  return 302 - p->contrast * sin(phi) * sin(phi);
}

/* W = h sqrt(B) falls by this a radian: balance of the jet with the thickness. */
static double fall(const esp_climate_param *p, double weight, double phi) {
  const double u = wind(p, phi), turn = 2 * ESP_EARTH_ROTATION * sin(phi) + u * tan(phi) / A;
  return A * u * turn / sqrt(weight * esp_profile_theta(p, phi));
}

void esp_profile_fill(const esp_climate_param *p, double weight, esp_profile *to) {
  const double step = acos(-1.0) / (ESP_PROFILE_POINTS - 1);
  double inverse = 0, mean = 0;
  to->h[0] = to->stream[0] = 0;
  for (int i = 1; i < ESP_PROFILE_POINTS; i++) {
    const double before = latitude_of(i - 1), here = latitude_of(i);
    to->h[i] = to->h[i - 1] - step * (fall(p, weight, before) + fall(p, weight, here)) / 2;
    to->stream[i] = to->stream[i - 1] - A * step * (wind(p, before) + wind(p, here)) / 2;
  }
  for (int i = 0; i < ESP_PROFILE_POINTS; i++) {
    const double root = sqrt(weight * esp_profile_theta(p, latitude_of(i)));
    const double area = cos(latitude_of(i)) * step / 2;
    to->h[i] /= root;
    inverse += area / root, mean += area * to->h[i];
  }
  const double more = (p->depth - mean) / inverse;
  for (int i = 0; i < ESP_PROFILE_POINTS; i++) to->h[i] += more / sqrt(weight * esp_profile_theta(p, latitude_of(i)));
}

double esp_profile_at(const double table[ESP_PROFILE_POINTS], double phi) {
  const double place = (phi / acos(-1.0) + 0.5) * (ESP_PROFILE_POINTS - 1);
  const int point = (int)fmin(fmax(place, 0), ESP_PROFILE_POINTS - 2);
  return table[point] + (place - point) * (table[point + 1] - table[point]);
}

/* ---- waves ---- */

void esp_waves_draw(uint64_t seed, uint64_t purpose, int count, double low, double high, int fall_off,
                    esp_waves *waves) {
  waves->count = count;
  for (int m = 0; m < count; m++) {
    const uint64_t id = purpose << 32 | (uint64_t)m;
    double *k = waves->k[m];
    for (uint32_t a = 0; a < 3; a++) k[a] = esp_rng_normal(seed, id, ESP_RNG_CLOUD, a);
    esp_unit3(k);
    const double length = low + (high - low) * esp_rng_uniform(seed, id, ESP_RNG_CLOUD, 3);
    for (int a = 0; a < 3; a++) k[a] *= length;
    waves->phase[m] = 2 * acos(-1.0) * esp_rng_uniform(seed, id, ESP_RNG_CLOUD, 4);
    waves->weight[m] = fall_off ? 1 / length : 1;
  }
}

double esp_wave_at(const esp_waves *waves, int m, const double x[3]) {
  return waves->weight[m] * cos(esp_dot3(waves->k[m], x) + waves->phase[m]);
}

double esp_waves_at(const esp_waves *waves, const double x[3]) {
  double sum = 0;
  for (int m = 0; m < waves->count; m++) sum += esp_wave_at(waves, m, x);
  return sum;
}

/* ---- mountains ---- */

double esp_ground(const esp_climate_param *p, const double x[3]) {
  /* longitude, latitude, width in degrees */
  static const double top[][3] = {{-105, 42, 14}, {90, 36, 16}, {-68, -25, 12}, {20, -28, 12}};
  const double degree = acos(-1.0) / 180;
  double height = 0;
  for (int t = 0; t < 4; t++) {
    const double east = top[t][0] * degree, north = top[t][1] * degree;
    const double at[3] = {cos(north) * cos(east), cos(north) * sin(east), sin(north)};
    const double away = esp_arc3(x, at) / (top[t][2] * degree);
    height += p->mountain * exp(-away * away);
  }
  return height;
}
