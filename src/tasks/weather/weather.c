/* The row, its keys, its columns and their units. */
#include "tasks/weather/weather.h"

#include <math.h>
#include <string.h>

#include "base/config.h"

/* ---- keys ---- */

#define OF esp_weather_param
/* clang-format off */
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, days, "data_weather_days", "25", 1, 36500, "days", "length of a trajectory of task weather"),
        ESP_INT_ROW(OF, spin_up, "data_weather_spin_up", "12", 0, 36500, "days",
            "of task weather: days before the first frame, from a start at random to weather"),
        ESP_INT_ROW(OF, every, "data_weather_every", "6", 1, 24, "hours", "time between two frames of task weather"),
        ESP_INT_ROW(OF, lead, "data_weather_lead", "24", 1, 876000, "hours",
            "how far ahead task weather looks: a multiple of data_weather_every"),
        ESP_INT_ROW(OF, stride, "data_weather_stride", "1", 1, ESP_COUNT_MAX, "frames",
            "every stride-th pair of frames of a training trajectory is learned"),
        ESP_INT_ROW(OF, test_stride, "data_weather_test_stride", "4", 1, ESP_COUNT_MAX, "frames",
            "every stride-th pair of frames of a test trajectory is judged"),
        ESP_INT_ROW(OF, sweeps, "data_weather_sweeps", "100", 0, 100000, "",
            "of Lloyd's algorithm, by which the cells of the mesh of task weather become even"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
/* clang-format on */

static int check(const void *param, const void *network_param, int trains) {
  const esp_weather_param *p = param;
  (void)network_param, (void)trains;
  ESP_CHECK(p->lead % p->every == 0, ESP_ERR_CONFIG,
            "data_weather_lead %d hours with data_weather_every %d: it must be a multiple of it", p->lead, p->every);
  ESP_CHECK(p->lead <= 24 * p->days, ESP_ERR_CONFIG,
            "data_weather_lead %d hours with data_weather_days %d: a trajectory must be as long as the lead", p->lead,
            p->days);
  return ESP_OK;
}

static int pairs(const void *param, esp_part part, int64_t *lead, int64_t *stride) {
  const esp_weather_param *p = param;
  *lead = p->lead / p->every;
  *stride = part == ESP_PART_TRAIN ? p->stride : p->test_stride;
  return ESP_OK;
}

/* ---- columns ---- */

#define ANY .min = -INFINITY
static const esp_column columns[] = {
    [ESP_WEATHER_PLACE] = {"x", ESP_INPUT, 3, ANY, .unit = "1", .help = "place on the unit sphere"},
    [ESP_WEATHER_GROUND] = {"ground", ESP_INPUT, 1, ANY, .unit = "m", .help = "height of the ground"},
    [ESP_WEATHER_WET] = {"wet", ESP_INPUT, 1, .unit = "1", .help = "evaporation, as a share of the sea's"},
    [ESP_WEATHER_SURFACE] = {"surface", ESP_INPUT, 1, .unit = "K", .help = "temperature of the surface"},
    [ESP_WEATHER_WIND] = {"wind", ESP_INPUT, 3, .framed = 1, ANY, .unit = "m/s", .help = "wind along x, y, z"},
    [ESP_WEATHER_T] = {"T", ESP_INPUT, 1, .framed = 1, .unit = "K", .help = "potential temperature"},
    [ESP_WEATHER_Q] = {"q", ESP_INPUT, 1, .framed = 1, .unit = "kg/kg", .help = "specific humidity"},
    [ESP_WEATHER_H] = {"h", ESP_INPUT, 1, .framed = 1, .unit = "m", .help = "depth of the layer"},
    [ESP_WEATHER_RH] = {"RH", ESP_INPUT, 1, .framed = 1, .unit = "1", .help = "relative humidity"},
    [ESP_WEATHER_RAIN] = {"rain", ESP_EXTRA, 1, 1, .framed = 1, .unit = "m kg/kg",
                          .help = "rain since the frame before"},
    [ESP_WEATHER_AREA] = {"area", ESP_WEIGHT, 1, 1, .unit = "1", .help = "area of the cell, over their mean"},
    [ESP_WEATHER_SENT_T] = {"T_sent", ESP_SENT, 1, 1, .of = "T", ANY, .unit = "K", .help = "T, as it is sent"},
    [ESP_WEATHER_SENT_Q] = {"q_sent", ESP_SENT, 1, 1, .of = "q", ANY, .unit = "kg/kg", .help = "q, as it is sent"},
    [ESP_WEATHER_LATER_T] = {"dT", ESP_TARGET, 1, 1, .of = "T", .ahead = 1, ANY, .unit = "K", .help = "change of T"},
    [ESP_WEATHER_LATER_Q] = {"dq", ESP_TARGET, 1, 1, .of = "q", .ahead = 1, ANY, .unit = "kg/kg",
                             .help = "change of q"},
    {0},
};

static const esp_number numbers[] = {
    {"seed", .whole = 1, .count = 1, .help = "of the start"},
    {"every", .count = 1, .unit = "h", .help = "time between two frames"},
    {"spin_up", .count = 1, .unit = "d", .help = "days before the first frame"},
    {"speed", .count = 1, .told = 1, .unit = "m/s", .help = "fastest wind through an edge"},
    {"mass_drift", .count = 1, .told = 1, .unit = "1", .help = "relative change of mass"},
    {"water_drift", .count = 1, .told = 1, .unit = "1", .help = "change of water that no source explains, relative"},
    {0},
};

const esp_layout esp_weather_layout = {columns, numbers, "K, kg/kg, m, m/s"};

/* ---- units ---- */

/* value = (value - zero) / unit. */
static const struct {
  int column;
  double zero, unit;
} scale[] = {
    {ESP_WEATHER_GROUND, 0, 500},
    {ESP_WEATHER_SURFACE, ESP_WEATHER_ZERO_T, 15},
    {ESP_WEATHER_WIND, 0, ESP_WEATHER_UNIT_WIND},
    {ESP_WEATHER_T, ESP_WEATHER_ZERO_T, 15},
    {ESP_WEATHER_Q, ESP_WEATHER_ZERO_Q, 5e-3},
    {ESP_WEATHER_H, 4000, 300},
    {ESP_WEATHER_RH, 0.7, 0.2},
    {ESP_WEATHER_SENT_T, ESP_WEATHER_ZERO_T, ESP_WEATHER_UNIT_T},
    {ESP_WEATHER_SENT_Q, ESP_WEATHER_ZERO_Q, ESP_WEATHER_UNIT_Q},
    {ESP_WEATHER_LATER_T, 0, ESP_WEATHER_UNIT_T},
    {ESP_WEATHER_LATER_Q, 0, ESP_WEATHER_UNIT_Q},
};

static int ready(const void *param, esp_set *set) {
  const int now[2] = {ESP_WEATHER_T, ESP_WEATHER_Q}, later[2] = {ESP_WEATHER_LATER_T, ESP_WEATHER_LATER_Q};
  (void)param;
  for (int f = 0; f < 2; f++)
    for (int i = 0; i < set->n_home && set->value[later[f]]; i++) set->value[later[f]][i] -= set->value[now[f]][i];
  for (size_t k = 0; k < sizeof scale / sizeof *scale; k++) {
    double *value = set->value[scale[k].column];
    const size_t count = (size_t)set->n_home * (size_t)set->width[scale[k].column];
    for (size_t i = 0; i < count && value; i++) value[i] = (value[i] - scale[k].zero) / scale[k].unit;
  }
  set->ready = 1;
  return ESP_OK;
}

/* A prediction is T and q later. */
static int output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  const esp_weather_param *p = param;
  (void)targets;
  for (int i = 0; i < set->n_home; i++) {
    set->value[ESP_WEATHER_T][i] += ESP_WEATHER_UNIT_T * y[2 * i];
    set->value[ESP_WEATHER_Q][i] = fmax(set->value[ESP_WEATHER_Q][i] + ESP_WEATHER_UNIT_Q * y[2 * i + 1], 0);
  }
  *elapsed = p->lead;
  return ESP_OK;
}

/* ---- roll-outs ---- */

static double in_file(const esp_set *set, int column, int i) {
  size_t k = 0;
  while (scale[k].column != column) k++;
  return scale[k].zero + scale[k].unit * set->value[column][i];
}

static void from_file(esp_set *set, int column, int i, double value) {
  size_t k = 0;
  while (scale[k].column != column) k++;
  set->value[column][i] = (value - scale[k].zero) / scale[k].unit;
}

/* T and q become those predicted, RH what they make it; wind and depth stay: nobody predicts them. */
static int advance(esp_set *set, const double *y) {
  enum { COLDEST = 100 };
  for (int i = 0; i < set->n_home; i++) {
    const double height = in_file(set, ESP_WEATHER_H, i) + in_file(set, ESP_WEATHER_GROUND, i);
    const double T = fmax(in_file(set, ESP_WEATHER_T, i) + ESP_WEATHER_UNIT_T * y[2 * i], COLDEST);
    const double q = fmax(in_file(set, ESP_WEATHER_Q, i) + ESP_WEATHER_UNIT_Q * y[2 * i + 1], 0);
    from_file(set, ESP_WEATHER_T, i, T), from_file(set, ESP_WEATHER_SENT_T, i, T);
    from_file(set, ESP_WEATHER_Q, i, q), from_file(set, ESP_WEATHER_SENT_Q, i, q);
    from_file(set, ESP_WEATHER_RH, i, q / esp_climate_saturation(&esp_climate_default, T, height));
  }
  return ESP_OK;
}

static int error(const esp_set *set, double *const frame[ESP_COLUMNS], int figure, esp_tally *tally) {
  for (int v = 0; v < 2; v++) {
    const int column = v ? ESP_WEATHER_Q : ESP_WEATHER_T;
    for (int i = 0; i < set->n_home; i++) {
      const double area = set->value[ESP_WEATHER_AREA] ? set->value[ESP_WEATHER_AREA][i] : 1;
      const double off = (v ? 1000 : 1) * (in_file(set, column, i) - frame[column][i]);
      esp_tally_add(tally, figure + v, area * off * off, area);
    }
    esp_tally_add(tally, figure + v, 0, 0);
  }
  return ESP_OK;
}

static const esp_figure rolled[] = {{"rmse_t", "RMSE T, K", "%.3f", 1}, {"rmse_q", "q, g/kg", "%.4f", 1}, {0}};
static const esp_rolling rolling = {.advance = advance, .error = error, .figure = rolled};

static const esp_making making = {
    .plan = esp_weather_plan, .make = esp_weather_make, .pairs = pairs, .outlines = esp_weather_outlines};

const esp_task esp_task_weather = {
    .name = "weather",
    .help = "change of temperature and humidity on the sphere",
    .options = &options,
    .layout = &esp_weather_layout,
    .network = &esp_network_stack,
    .loss = &esp_loss_nmse_columns,
    .check = check,
    .making = &making,
    .ready = ready,
    .output = output,
    .showing = &esp_weather_showing,
    .rolling = &rolling,
};
