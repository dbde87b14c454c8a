#include "io/grid/unit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define KELVIN 273.15
#define GRAVITY 9.80665

/* Words as `plain` makes them: without blanks, signs of powers and underscores, in small letters. */
typedef struct {
  esp_unit_kind kind;
  const char *words; /* each between blanks */
  esp_unit unit;
} row;
static const row rows[] = {
    {ESP_UNIT_TEMPERATURE, " k kelvin kelvins degk degreek degreesk degreekelvin degreeskelvin ", {1, 0}},
    {ESP_UNIT_TEMPERATURE,
     " c degc celsius degreec degreesc degreecelsius degreescelsius degcelsius \xc2\xb0"
     "c ",
     {1, KELVIN}},
    {ESP_UNIT_TEMPERATURE, " f degf fahrenheit degreef degreesf ", {5.0 / 9, KELVIN - 160.0 / 9}},
    {ESP_UNIT_RATIO, " 1 kgkg-1 kg/kg gg-1 g/g (0-1) ", {1, 0}},
    {ESP_UNIT_RATIO, " gkg-1 g/kg ", {1e-3, 0}},
    {ESP_UNIT_RATIO, " mgkg-1 mg/kg ", {1e-6, 0}},
    {ESP_UNIT_NUMBER, " 1 ", {1, 0}},
    {ESP_UNIT_SHARE, " 1 fraction (0-1) 0-1 ", {1, 0}},
    {ESP_UNIT_SHARE, " % percent pct ", {0.01, 0}},
    {ESP_UNIT_SPEED, " ms-1 m/s m/sec meterspersecond metrespersecond msec-1 ", {1, 0}},
    {ESP_UNIT_SPEED, " kmh-1 km/h ", {1 / 3.6, 0}},
    {ESP_UNIT_SPEED, " kt kts knot knots ", {1852.0 / 3600, 0}},
    {ESP_UNIT_PRESSURE, " hpa mb mbar mbars millibar millibars hectopascal hectopascals ", {1, 0}},
    {ESP_UNIT_PRESSURE, " pa pascal pascals nm-2 ", {0.01, 0}},
    {ESP_UNIT_PRESSURE, " kpa ", {10, 0}},
    {ESP_UNIT_LENGTH, " m meter meters metre metres gpm ", {1, 0}},
    {ESP_UNIT_LENGTH, " km ", {1000, 0}},
    {ESP_UNIT_GEOPOTENTIAL, " m2s-2 m2/s2 jkg-1 j/kg ", {1 / GRAVITY, 0}},
    {ESP_UNIT_ANGLE,
     " degree degrees deg degreenorth degreesnorth degreen degreesn degreeeast degreeseast degreee degreese ",
     {1, 0}},
    {ESP_UNIT_ANGLE, " radian radians rad ", {57.29577951308232, 0}},
};

static const struct {
  const char *own, *allowed;
} kinds[ESP_UNITS] = {{"K", "K, degC"},         {"kg/kg", "kg/kg, 1, g/kg"},    {"1", "1, %"},
                      {"m/s", "m/s, km/h, kt"}, {"hPa", "hPa, mb, Pa"},         {"m", "m, km"},
                      {"m", "m2/s2"},           {"degrees", "degrees, radian"}, {"1", "1"}};

static void plain(const char *text, char *word, size_t size) {
  size_t used = 0;
  for (; *text && used + 1 < size; text++)
    if (!isspace((unsigned char)*text) && !strchr("*^_.{}", *text)) word[used++] = (char)tolower((unsigned char)*text);
  word[used] = 0;
}

int esp_unit_find(esp_unit_kind kind, const char *text, esp_unit *unit) {
  char word[64], between[80];
  plain(text, word, sizeof word);
  snprintf(between, sizeof between, " %s ", word);
  for (size_t k = 0; k < sizeof rows / sizeof *rows && word[0]; k++)
    if (rows[k].kind == kind && strstr(rows[k].words, between)) return *unit = rows[k].unit, 0;
  return 1;
}

const char *esp_unit_own(esp_unit_kind kind) {
  return kinds[kind].own;
}
const char *esp_unit_allowed(esp_unit_kind kind) {
  return kinds[kind].allowed;
}

void esp_unit_in_brackets(const char *name, char *text, size_t size) {
  const char *open = strrchr(name, '['), *close = open ? strchr(open, ']') : NULL;
  text[0] = 0;
  if (close) snprintf(text, size, "%.*s", (int)(close - open - 1), open + 1);
}
