/* Units of files on grids, however they are spelt. Local, pure. */
#ifndef ESP_GRID_UNIT_H
#define ESP_GRID_UNIT_H

#include "base/base.h"

typedef enum {
  ESP_UNIT_TEMPERATURE,  /* K */
  ESP_UNIT_RATIO,        /* kg/kg */
  ESP_UNIT_SHARE,        /* 1 */
  ESP_UNIT_SPEED,        /* m/s */
  ESP_UNIT_PRESSURE,     /* hPa */
  ESP_UNIT_LENGTH,       /* m */
  ESP_UNIT_GEOPOTENTIAL, /* m, as a height: over 9.80665 m/s2 */
  ESP_UNIT_ANGLE,        /* degrees */
  ESP_UNIT_NUMBER,       /* none, which need not be said */
  ESP_UNITS
} esp_unit_kind;

/* value * factor + zero is in the kind's own unit. */
typedef struct {
  double factor, zero;
} esp_unit;

/* Not 0: it is none of the kind. */
int esp_unit_find(esp_unit_kind kind, const char *text, esp_unit *unit);
/* The kind's own unit, and all that are allowed, in words. */
const char *esp_unit_own(esp_unit_kind kind);
const char *esp_unit_allowed(esp_unit_kind kind);
/* What stands in the last pair of brackets of a text: "Air Temperature [K]"; text[0] = 0 if nothing does. */
void esp_unit_in_brackets(const char *name, char *text, size_t size);

#endif
