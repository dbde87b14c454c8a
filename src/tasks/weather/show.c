/* Figures, and the row. */
#include <math.h>

#include "tasks/weather/show.h"

/* ---- figures ---- */

enum { RMSE, SKILL = 2, SHIFT = 4 }; /* T, then q */
static const esp_figure figures[] = {
    {"rmse_t", "RMSE T, K", "%.3f", 1}, {"rmse_q", "RMSE q, g/kg", "%.4f", 1},      {"skill_t", "skill T", "%.4f", 0},
    {"skill_q", "skill q", "%.4f", 0},  [SHIFT] = {"shift", "shift, h", "%.2f", 0}, {0}};

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  const double unit[2] = {ESP_WEATHER_UNIT_T, 1000 * ESP_WEATHER_UNIT_Q};
  (void)param;
  for (int i = 0; i < set->n_home; i++)
    for (int v = 0; v < 2; v++) {
      const double area = set->value[ESP_WEATHER_AREA] ? set->value[ESP_WEATHER_AREA][i] : 1;
      const double came = unit[v] * set->value[ESP_WEATHER_LATER_T + v][i];
      const double off = unit[v] * (y[2 * i + v] - set->value[ESP_WEATHER_LATER_T + v][i]);
      esp_tally_add(tally, RMSE + v, area * off * off, area);
      esp_tally_add(tally, SKILL + v, area * (came * came - off * off), area * came * came);
    }
  if (!backend->comm->rank && !isnan(seen)) esp_tally_add(tally, SHIFT, seen, 1);
  return ESP_OK;
}

/* ---- the row ---- */

#define OF esp_weather_show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){ESP_INT_ROW(OF, lead, "data_weather_lead", "24", 1, 876000, "hours",
                                     "how far ahead task weather looks: a multiple of data_weather_every"),
                         {0}},
    NULL};
#undef OF

static const esp_watching watching = {"shift", esp_weather_shift_begin, esp_weather_shift_end};

static const esp_heading headings[] = {{"rmse_t", "RMSE of temperature, K"},
                                       {"rmse_q", "RMSE of humidity, g/kg"},
                                       {"skill_t", "skill, temperature"},
                                       {"skill_q", "skill, humidity"},
                                       {"shift", "listens upstream, h"},
                                       {"nmse_dT", "temperature"},
                                       {"nmse_dq", "humidity"},
                                       {0}};

const esp_showing esp_weather_showing = {
    .options = &options,
    .figure = figures,
    .method = esp_weather_methods,
    .picture = esp_weather_pictures,
    .about =
        "Here the particles are the cells of an atmosphere on the sphere, and what is predicted is the change of "
        "temperature and humidity; a tree in a learned space decides which cells' air each of them hears.",
    .ladder =
        "RMSE of temperature (K) and specific humidity (g/kg) at the lead time, weighted by area. Persistence: "
        "nothing changes; skill: 1 - MSE / that of persistence. Damped anomaly: what is left of the distance from what "
        "place and hour let expect. Semi-Lagrangian: what the wind of now, standing still, brings. Listens upstream: "
        "how far, in hours of each cell's own wind.",
    .heading = headings,
    .fit = esp_weather_fit,
    .unfit = esp_weather_unfit,
    .judge = judge,
    .watching = &watching,
    .draw = esp_weather_draw,
};
