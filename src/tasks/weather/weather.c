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
        ESP_CHOICE_ROW(OF, of, "data_weather_of", "climate", "climate|record",
            "what task weather learns from: a climate that it makes; or a record of fields, the file of key input"),
        ESP_WHOLE_ROW(OF, fit, "data_weather_fit", "0", 0, ESP_COUNT_MAX, "frames",
            "so many frames of a record are learned from, and targets after them are judged; 0: five sixths"),
        ESP_WHOLE_ROW(OF, until, "data_weather_until", "0", 0, ESP_COUNT_MAX, "frames",
            "frames of a record that are used at all, its first ones; 0: all"),
        ESP_FLAG_ROW(OF, expected, "data_weather_expected", "true",
            "of a record: a cell sees the hour, and what place and hour let expect: means over what is learned from"),
        ESP_LIST_ROW(OF, history, "data_weather_history", "0", 0, 876000, "hours",
            "of task weather: a cell sees its own T and q so long ago, too: multiples of data_weather_every; 0: nothing"),
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

static int record(const void *param) {
  return ((const esp_weather_param *)param)->of == ESP_WEATHER_OF_RECORD;
}

static int check(const void *param, const void *network_param, int trains) {
  const esp_weather_param *p = param;
  (void)network_param, (void)trains;
  ESP_CHECK(p->lead % p->every == 0, ESP_ERR_CONFIG,
            "data_weather_lead %d hours with data_weather_every %d: it must be a multiple of it", p->lead, p->every);
  ESP_CHECK(record(p) || p->lead <= 24 * p->days, ESP_ERR_CONFIG,
            "data_weather_lead %d hours with data_weather_days %d: a trajectory must be as long as the lead", p->lead,
            p->days);
  for (int k = 0; k < p->history.count; k++)
    ESP_CHECK(p->history.value[k] % p->every == 0, ESP_ERR_CONFIG,
              "data_weather_history %lld hours with data_weather_every %d: each must be a multiple of it",
              (long long)p->history.value[k], p->every);
  return ESP_OK;
}

int esp_weather_pairs(const void *param, esp_part part, esp_pairing *pairing) {
  const esp_weather_param *p = param;
  pairing->lead = p->lead / p->every;
  pairing->stride = part == ESP_PART_TRAIN ? p->stride : p->test_stride;
  for (int k = 0; k < p->history.count; k++)
    if (p->history.value[k] > 0) pairing->back[pairing->backs++] = p->history.value[k] / p->every;
  return ESP_OK;
}

/* ---- columns ---- */

#define ANY .min = -INFINITY
static const esp_column columns[] = {
    [ESP_WEATHER_PLACE] = {"x", ESP_INPUT, 3, ANY, .foreign = "place", .unit = "1", .help = "place on the unit sphere"},
    [ESP_WEATHER_GROUND] = {"ground", ESP_INPUT, 1, 1, ANY, .foreign = "surface_altitude", .unit = "m",
                            .help = "height of the ground"},
    [ESP_WEATHER_WET] = {"wet", ESP_INPUT, 1, 1, .unit = "1", .help = "evaporation, as a share of the sea's"},
    [ESP_WEATHER_SURFACE] = {"surface", ESP_INPUT, 1, 1, .unit = "K", .help = "temperature of the surface"},
    [ESP_WEATHER_WIND] = {"wind", ESP_INPUT, 3, 1, .framed = 1, ANY, .foreign = "wind", .unit = "m/s",
                          .help = "wind along x, y, z"},
    [ESP_WEATHER_T] = {"T", ESP_INPUT, 1, .framed = 1, .foreign = "air_temperature", .unit = "K",
                       .help = "temperature (of a climate: potential temperature)"},
    [ESP_WEATHER_Q] = {"q", ESP_INPUT, 1, .framed = 1, .foreign = "specific_humidity", .unit = "kg/kg",
                       .help = "specific humidity"},
    [ESP_WEATHER_H] = {"h", ESP_INPUT, 1, 1, .framed = 1, .unit = "m", .help = "depth of the layer"},
    [ESP_WEATHER_RH] = {"RH", ESP_INPUT, 1, 1, .framed = 1, .foreign = "relative_humidity", .unit = "1",
                        .help = "relative humidity"},
    [ESP_WEATHER_RAIN] = {"rain", ESP_EXTRA, 1, 1, .framed = 1, .unit = "m kg/kg",
                          .help = "rain since the frame before"},
    [ESP_WEATHER_AREA] = {"area", ESP_WEIGHT, 1, 1, .foreign = "cell_area", .unit = "1",
                          .help = "area of the cell, over their mean"},
    [ESP_WEATHER_SENT_T] = {"T_sent", ESP_SENT, 1, 1, .of = "T", ANY, .unit = "K", .help = "T, as it is sent"},
    [ESP_WEATHER_SENT_Q] = {"q_sent", ESP_SENT, 1, 1, .of = "q", ANY, .unit = "kg/kg", .help = "q, as it is sent"},
    [ESP_WEATHER_LATER_T] = {"dT", ESP_TARGET, 1, 1, .of = "T", .ahead = 1, ANY, .unit = "K", .help = "change of T"},
    [ESP_WEATHER_LATER_Q] = {"dq", ESP_TARGET, 1, 1, .of = "q", .ahead = 1, ANY, .unit = "kg/kg",
                             .help = "change of q"},
    [ESP_WEATHER_EXPECTED] = {"expected", ESP_INPUT, 2, 1, .framed = 1, ANY, .unit = "K, kg/kg",
                              .help = "T and q, mean of what is learned from by place and hour"},
    [ESP_WEATHER_EXPECTED_LATER] = {"expected_later", ESP_INPUT, 2, 1, .of = "expected", .ahead = 1, ANY,
                                    .unit = "K, kg/kg", .help = "likewise at the lead time"},
    [ESP_WEATHER_CLOCK] = {"clock", ESP_INPUT, 0, 1, .framed = 1, ANY, .unit = "1",
                           .help =
                               "cosine and sine of the hour of the sun, and of the year where a year is learned from"},
    [ESP_WEATHER_BEFORE_T] = {"T_before", ESP_INPUT, 0, 1, .of = "T", .before = 1, ANY, .unit = "K",
                              .help = "T of before"},
    [ESP_WEATHER_BEFORE_Q] = {"q_before", ESP_INPUT, 0, 1, .of = "q", .before = 1, ANY, .unit = "kg/kg",
                              .help = "q of before"},
    {0},
};

static const esp_number numbers[] = {
    [ESP_WEATHER_SEED] = {"seed", .whole = 1, .count = 1, .help = "of the start"},
    [ESP_WEATHER_EVERY] = {"every", .count = 1, .unit = "h", .help = "time between two frames"},
    [ESP_WEATHER_SPIN_UP] = {"spin_up", .count = 1, .unit = "d", .help = "days before the first frame"},
    [ESP_WEATHER_SPEED] = {"speed", .count = 1, .told = 1, .unit = "m/s", .help = "fastest wind through an edge"},
    [ESP_WEATHER_MASS] = {"mass_drift", .count = 1, .told = 1, .unit = "1", .help = "relative change of mass"},
    [ESP_WEATHER_WATER] = {"water_drift", .count = 1, .told = 1, .unit = "1",
                           .help = "change of water that no source explains, relative"},
    [ESP_WEATHER_START] = {"start", .count = 1, .unit = "h", .help = "of a record: first frame, since 1970"},
    [ESP_WEATHER_LEVEL] = {"level", .count = 1, .unit = "hPa", .help = "of a record; 0: none"},
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

/* Columns that are told by their distance from T and q of now, before these change their units. */
static void subtract_now(esp_set *set) {
  static const struct {
    int column, now;
    double unit;
  } from[] = {{ESP_WEATHER_LATER_T, ESP_WEATHER_T, 1},
              {ESP_WEATHER_LATER_Q, ESP_WEATHER_Q, 1},
              {ESP_WEATHER_BEFORE_T, ESP_WEATHER_T, ESP_WEATHER_UNIT_T},
              {ESP_WEATHER_BEFORE_Q, ESP_WEATHER_Q, ESP_WEATHER_UNIT_Q}};
  for (size_t k = 0; k < sizeof from / sizeof *from; k++) {
    const int width = set->width[from[k].column];
    double *value = set->value[from[k].column];
    for (int i = 0; i < set->n_home && value; i++)
      for (int a = 0; a < width; a++)
        value[i * width + a] = (value[i * width + a] - set->value[from[k].now][i]) / from[k].unit;
  }
}

/* What is expected: how it will change; and of now how far T and q are from it. */
static void subtract_expected(esp_set *set) {
  static const double unit[2] = {ESP_WEATHER_UNIT_T, ESP_WEATHER_UNIT_Q};
  double *now = set->value[ESP_WEATHER_EXPECTED], *later = set->value[ESP_WEATHER_EXPECTED_LATER];
  for (int i = 0; i < set->n_home && now; i++)
    for (int v = 0; v < 2; v++) {
      if (later) later[2 * i + v] = (later[2 * i + v] - now[2 * i + v]) / unit[v];
      now[2 * i + v] = (set->value[ESP_WEATHER_T + v][i] - now[2 * i + v]) / unit[v];
    }
}

static int ready(const void *param, esp_set *set) {
  (void)param;
  subtract_now(set);
  subtract_expected(set);
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

/* T and q become those predicted, RH what they make it, where it is known; wind and depth stay: nobody predicts them. */
static int advance(esp_set *set, const double *y) {
  /* a forecast that leaves these has failed; its errors stay numbers, and the others go on */
  static const double coldest = 150, warmest = 400, wettest = 0.1, fullest = 2;
  const int humid = set->value[ESP_WEATHER_RH] && set->value[ESP_WEATHER_H] && set->value[ESP_WEATHER_GROUND];
  ESP_CHECK(!set->width[ESP_WEATHER_EXPECTED] && !set->width[ESP_WEATHER_BEFORE_T], ESP_ERR_CONFIG,
            "eval_rollout: a cell of these data sees what was before and what its hour lets expect, which a prediction "
            "does not bring along: train for a longer data_weather_lead instead");
  for (int i = 0; i < set->n_home; i++) {
    const double warm = in_file(set, ESP_WEATHER_T, i) + ESP_WEATHER_UNIT_T * y[2 * i];
    const double wet = in_file(set, ESP_WEATHER_Q, i) + ESP_WEATHER_UNIT_Q * y[2 * i + 1];
    const double T = fmin(fmax(warm, coldest), warmest), q = fmin(fmax(wet, 0), wettest);
    from_file(set, ESP_WEATHER_T, i, T), from_file(set, ESP_WEATHER_SENT_T, i, T);
    from_file(set, ESP_WEATHER_Q, i, q), from_file(set, ESP_WEATHER_SENT_Q, i, q);
    if (!humid) continue;
    const double height = in_file(set, ESP_WEATHER_H, i) + in_file(set, ESP_WEATHER_GROUND, i);
    from_file(set, ESP_WEATHER_RH, i, fmin(q / esp_climate_saturation(&esp_climate_default, T, height), fullest));
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

static const esp_making making = {.plan = esp_weather_plan,
                                  .make = esp_weather_make,
                                  .adopt = esp_weather_adopt,
                                  .record = record,
                                  .pairs = esp_weather_pairs,
                                  .outlines = esp_weather_outlines};

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
