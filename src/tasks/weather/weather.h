/* The task `weather`: how temperature T and humidity q change within a lead time, everywhere on the sphere.
 *
 * An item is a start of the climate (climate.h): a trajectory of frames after a spin-up, on an icosahedral mesh of
 * data_n = 10 4^level + 2 cells. What is learned are pairs of its frames, data_weather_lead apart. A cell sees its place, the
 * ground, the fields and the wind now; it sends T and q; its targets are their changes.
 *
 * Or a record: fields of another code's file, on whatever cells it has, frame by frame (record.c). Of it the first frames are
 * learned from and the others judged; a cell also sees what its place and hour let it expect, the clock, and its own past.
 *
 * In a file: K, kg/kg, m, m/s. Ready: the units of the enumeration below, in which errors of a day are about 1. */
#ifndef ESP_TASK_WEATHER_H
#define ESP_TASK_WEATHER_H

#include "tasks/task.h"
#include "tasks/weather/climate.h"

extern const esp_task esp_task_weather;

/* Places of the columns. */
enum {
  ESP_WEATHER_PLACE,
  ESP_WEATHER_GROUND,
  ESP_WEATHER_WET,
  ESP_WEATHER_SURFACE,
  ESP_WEATHER_WIND,
  ESP_WEATHER_T,
  ESP_WEATHER_Q,
  ESP_WEATHER_H,
  ESP_WEATHER_RH,
  ESP_WEATHER_RAIN,
  ESP_WEATHER_AREA,
  ESP_WEATHER_SENT_T,
  ESP_WEATHER_SENT_Q,
  ESP_WEATHER_LATER_T,
  ESP_WEATHER_LATER_Q,
  ESP_WEATHER_EXPECTED, /* T, q */
  ESP_WEATHER_EXPECTED_LATER,
  ESP_WEATHER_CLOCK,
  ESP_WEATHER_BEFORE_T,
  ESP_WEATHER_BEFORE_Q
};
/* Numbers of the whole. */
enum {
  ESP_WEATHER_SEED,
  ESP_WEATHER_EVERY,
  ESP_WEATHER_SPIN_UP,
  ESP_WEATHER_SPEED,
  ESP_WEATHER_MASS,
  ESP_WEATHER_WATER,
  ESP_WEATHER_START,
  ESP_WEATHER_LEVEL
};
/* Units of changes, K and kg/kg, and of wind, m/s. */
#define ESP_WEATHER_UNIT_T 2.5
#define ESP_WEATHER_UNIT_Q 1e-3
#define ESP_WEATHER_UNIT_WIND 20.0
/* What of T and q, sent and seen, is 0. */
#define ESP_WEATHER_ZERO_T 285.0
#define ESP_WEATHER_ZERO_Q 8e-3

typedef enum { ESP_WEATHER_OF_CLIMATE, ESP_WEATHER_OF_RECORD } esp_weather_of;

typedef struct {
  int of, expected;               /* esp_weather_of; flag */
  int64_t fit, until;             /* frames of a record */
  esp_list history;               /* h before, that a cell remembers */
  int days, spin_up, every, lead; /* d, d, h, h */
  int stride, test_stride;        /* frames between two pairs */
  int sweeps;
  uint64_t seed;
} esp_weather_param;

/* Inside this folder, as the row's members of these names (tasks/task.h). */
extern const esp_layout esp_weather_layout;
extern const esp_showing esp_weather_showing;
extern const esp_method esp_weather_methods[];
int esp_weather_plan(const void *param, esp_plan *plan);
int esp_weather_make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);
int esp_weather_outlines(const esp_backend *backend, const esp_set *set, esp_outlines *all);
/* That of a mesh of n cells; ESP_ERR_CONFIG: there is none. Local. */
int esp_weather_level(int64_t n, int *level);
int esp_weather_adopt(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set);
int esp_weather_pairs(const void *param, esp_part part, esp_pairing *pairing);

#endif
