#include "io/grid/calendar.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- days from 1970-01-01 ---- */

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

/* Days before a month of a year that begins in March. */
static int64_t since_march(int64_t month, int64_t day) {
  return (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
}

static int64_t gregorian(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + since_march(m, d) - 719468;
}
static int64_t julian(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  return 365 * y + floor_div(y, 4) + since_march(m, d) - 719470;
}
/* The day after 1582-10-04 was 1582-10-15. */
static int64_t mixed(int64_t y, int64_t m, int64_t d) {
  const int64_t date = (y * 100 + m) * 100 + d;
  return date < 15821015 ? julian(y, m, d) : gregorian(y, m, d);
}
static int64_t of_length(int64_t length, int64_t y, int64_t m, int64_t d) {
  const int64_t march = since_march(m, d), leap = length - 365;
  return length * (y - 1970) + (m > 2 ? march + 59 + leap : march - 306);
}
static int64_t noleap(int64_t y, int64_t m, int64_t d) {
  return of_length(365, y, m, d);
}
static int64_t all_leap(int64_t y, int64_t m, int64_t d) {
  return of_length(366, y, m, d);
}
static int64_t days360(int64_t y, int64_t m, int64_t d) {
  return 360 * (y - 1970) + 30 * (m - 1) + d - 1;
}

/* ---- the table ---- */

struct esp_calendar {
  const char *name;
  int64_t (*days)(int64_t y, int64_t m, int64_t d);
};
static const esp_calendar calendars[] = {
    {"standard", mixed},    {"gregorian", mixed},  {"proleptic_gregorian", gregorian},
    {"julian", julian},     {"noleap", noleap},    {"365_day", noleap},
    {"all_leap", all_leap}, {"366_day", all_leap}, {"360_day", days360}};
enum { CALENDARS = sizeof calendars / sizeof *calendars };

int esp_calendar_find(const char *name, const esp_calendar **calendar) {
  char allowed[256] = "";
  *calendar = &calendars[0];
  if (!name[0]) return ESP_OK;
  for (int k = 0; k < CALENDARS; k++) {
    const size_t used = strlen(allowed);
    if (!strcasecmp(name, calendars[k].name)) return *calendar = &calendars[k], ESP_OK;
    snprintf(allowed + used, sizeof allowed - used, "%s%s", k ? ", " : "", calendars[k].name);
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "calendar '%s' is not known: allowed are %s", name, allowed);
}

const char *esp_calendar_name(const esp_calendar *calendar) {
  return calendar->name;
}

/* ---- texts ---- */

/* "Z", "UTC", "+01:00", "-6", "+0130", or nothing. */
static int zone(const char *text, double *hours) {
  int h = 0, m = 0, used = 0;
  *hours = 0;
  if (!text[0] || !strcmp(text, "Z") || !strcasecmp(text, "UTC") || !strcasecmp(text, "GMT")) return 0;
  const double sign = text[0] == '-' ? -1 : 1;
  if ((text[0] != '+' && text[0] != '-') || !isdigit((unsigned char)text[1])) return 1;
  if (sscanf(text + 1, "%2d%n:%2d%n", &h, &used, &m, &used) < 1) return 1;
  if (!text[1 + used] || (strlen(text + 1) == 4 && sscanf(text + 1, "%2d%2d%n", &h, &m, &used) == 2))
    return *hours = sign * (h + m / 60.0), text[1 + used] != 0 || h > 14 || m > 59;
  return 1;
}

int esp_calendar_hours(const esp_calendar *calendar, const char *text, double *hours) {
  int y, m, d, used = 0, h = 0, minute = 0;
  double second = 0, east = 0;
  char rest[32] = "";
  if (sscanf(text, " %d-%d-%d%n", &y, &m, &d, &used) < 3) return 1;
  if (m < 1 || m > 12 || d < 1 || d > 31 || y < -99999 || y > 99999) return 1;
  text += used;
  if (text[0] == 'T' || text[0] == '_' || isspace((unsigned char)text[0])) text++;
  text += strspn(text, " ");
  if (isdigit((unsigned char)text[0])) {
    used = 0;
    if (sscanf(text, "%2d%n:%2d%n:%lf%n", &h, &used, &minute, &used, &second, &used) < 1) return 1;
    text += used;
  }
  snprintf(rest, sizeof rest, "%s", text + strspn(text, " "));
  for (size_t k = strlen(rest); k > 0 && isspace((unsigned char)rest[k - 1]); k--) rest[k - 1] = 0;
  if (h > 24 || minute > 59 || !(second >= 0 && second < 61) || zone(rest, &east)) return 1;
  *hours = 24.0 * (double)calendar->days(y, m, d) + h + minute / 60.0 + second / 3600 - east;
  return 0;
}

int esp_calendar_since(const esp_calendar *calendar, const char *units, double *unit, double *zero) {
  static const struct {
    const char *word;
    double hours;
  } rows[] = {{"s", 1.0 / 3600}, {"sec", 1.0 / 3600},   {"second", 1.0 / 3600},
              {"min", 1.0 / 60}, {"minute", 1.0 / 60},  {"h", 1},
              {"hr", 1},         {"hour", 1},           {"d", 24},
              {"day", 24},       {"msec", 1.0 / 3.6e6}, {"millisecond", 1.0 / 3.6e6}};
  char word[32] = "";
  int used = 0;
  if (sscanf(units, " %31[A-Za-z] since %n", word, &used) == 1 && used > 0) {
    const size_t length = strlen(word);
    if (length > 1 && word[length - 1] == 's') word[length - 1] = 0;
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
      if (!strcasecmp(word, rows[k].word) && !esp_calendar_hours(calendar, units + used, zero))
        return *unit = rows[k].hours, ESP_OK;
  }
  return ESP_FAIL(ESP_ERR_FORMAT,
                  "units '%s' of times: allowed are seconds, minutes, hours or days since a date, as 'hours since "
                  "1900-01-01 00:00:00'",
                  units);
}

void esp_calendar_date(const esp_calendar *calendar, double hours, char *text, size_t size) {
  if (!(fabs(hours) < 1e9)) {
    snprintf(text, size, "%g h", hours);
    return;
  }
  const int64_t seconds = (int64_t)floor(hours * 3600 + 0.5), day = floor_div(seconds, 86400);
  const int64_t left = seconds - 86400 * day;
  int64_t y = 1970 + floor_div(day, day < 0 ? 360 : 366) - 2, m = 12; /* not later than it is */
  while (calendar->days(y, 1, 1) <= day) y += (day - calendar->days(y, 1, 1)) / 367 + 1;
  y--;
  while (m > 1 && calendar->days(y, m, 1) > day) m--;
  int64_t d = day - calendar->days(y, m, 1) + 1;
  if (calendar->days(y, m, d) != day) d += 10; /* behind the days that October 1582 did not have */
  snprintf(text, size, "%04" PRId64 "-%02" PRId64 "-%02" PRId64 " %02" PRId64 ":%02" PRId64, y, m, d, left / 3600,
           left / 60 % 60);
  if (left % 60) snprintf(text + strlen(text), size - strlen(text), ":%02" PRId64, left % 60);
}
