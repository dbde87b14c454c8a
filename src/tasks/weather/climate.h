/* A climate for the flow: sun, sea, land, moisture, rain and stirring, so that weather goes on.
 *
 * After each step of the flow, at every own cell, in this order (q_s: saturation, at theta and h):
 *   h relaxes to its equilibrium, theta to that of the surface; q evaporates from it and is dried by the air above; what is
 *   too much condenses, warms the air and falls as rain. Then the wind is stirred by a random stream function of middle
 *   latitudes, which stands for the eddies that one layer cannot make (idea of G. Vallis et al., J. Atmos. Sci. 61 (2004) 264).
 *
 * The equilibrium is a zonal jet in balance over mountains; geography (sea, land, surface temperature) is the same for every
 * start; a start is the equilibrium and random balanced waves, by its seed. Thermal shallow water with moisture: A. Kurganov,
 * Y. Liu, V. Zeitlin, Phys. Fluids 32 (2020) 066601; M. Zerroukat, T. Allen, Q. J. R. Meteorol. Soc. 141 (2015) 1382. */
#ifndef ESP_CLIMATE_H
#define ESP_CLIMATE_H

#include "tasks/weather/flow.h"

enum { ESP_CLIMATE_MODES = 40 };

/* m, m/s, K, days, degrees; 0 < r <= 1. */
typedef struct {
  double depth, jet, width, contrast;              /* mean depth; speed and half width of the jet; equator to pole */
  double relax_h, relax_theta;                     /* times to the equilibrium */
  double evaporate, dry, dry_to, condense, wet_to; /* times, and the relative humidities they lead to */
  double sea, mountain;   /* swing of the surface temperature; height of the highest mountain */
  double stir, stir_days; /* m/s^2; memory of the stirring */
} esp_climate_param;
/* A weather as active as that at 850 hPa. */
extern const esp_climate_param esp_climate_default;

/* Sources of water since the start, of a cell, in m of layer times kg/kg. */
enum { ESP_CLIMATE_EVAPORATED, ESP_CLIMATE_RAINED, ESP_CLIMATE_DRIED, ESP_CLIMATE_RELAXED, ESP_CLIMATE_SOURCES };

typedef struct {
  esp_climate_param param;
  esp_flow *flow; /* borrowed */
  /* [n_cell] equilibria, what share of the open sea evaporates, and geography: mean 0, variance 1, land above .5 */
  double *h, *theta, *surface, *wet, *land;
  double (*source)[ESP_CLIMATE_SOURCES]; /* [n_own] */
  /* stirring: amplitudes now, steps made, and its wind at own edges [n_own_edge][MODES] */
  double amplitude[ESP_CLIMATE_MODES];
  uint64_t seed;
  int64_t steps;
  float (*stir)[ESP_CLIMATE_MODES];
} esp_climate;

/* Time step (s) and diffusion (m^4/s) that a level needs. Pure. */
double esp_climate_dt(int level);
double esp_climate_nu4(int level);

/* Equilibrium and geography; fills the flow's mountains and rotation. flow must outlive it. Collective. Freed with
 * esp_climate_free. */
int esp_climate_create(esp_flow *flow, const esp_climate_param *param, esp_climate *climate);
void esp_climate_free(esp_climate *climate);
/* The flow becomes the start of a seed. Collective. */
int esp_climate_start(esp_climate *climate, uint64_t seed);
/* One step. Collective. */
int esp_climate_step(esp_climate *climate, double dt);
/* Saturation of q at a temperature and a height of the surface above sea level (m). Pure. */
double esp_climate_saturation(const esp_climate_param *param, double theta, double height);

#endif
