#include "io/grid/humidity.h"

#include <math.h>

#define WEIGHT 0.622

double esp_vapour_saturated(double temperature) {
  return 6.112 * exp(17.67 * (temperature - 273.15) / (temperature - 29.65));
}

double esp_specific_of_vapour(double vapour, double pressure) {
  return WEIGHT * vapour / (pressure - (1 - WEIGHT) * vapour);
}

double esp_specific_of_mixing(double ratio) {
  return ratio / (1 + ratio);
}

double esp_vapour_of_specific(double specific, double pressure) {
  return specific * pressure / (WEIGHT + (1 - WEIGHT) * specific);
}
