/* Dates of the calendars that files on grids name. Hours are counted from 1970-01-01 00 UTC of the calendar itself. Local. */
#ifndef ESP_GRID_CALENDAR_H
#define ESP_GRID_CALENDAR_H

#include <stddef.h>

#include "base/base.h"

typedef struct esp_calendar esp_calendar;

/* By its name; "": standard. ESP_ERR_FORMAT naming those that are known. */
int esp_calendar_find(const char *name, const esp_calendar **calendar);
const char *esp_calendar_name(const esp_calendar *calendar);
/* "hours since 1900-01-01 00:00:00": hours = number * *unit + *zero. ESP_ERR_FORMAT with what is allowed. */
int esp_calendar_since(const esp_calendar *calendar, const char *units, double *unit, double *zero);
/* A date: "2005-08-28_12:00:00", "1987-1-1 0", "1900-01-01T00:00:00Z", "1970-01-01 00:00:00 -6:00". Not 0: it is none. */
int esp_calendar_hours(const esp_calendar *calendar, const char *text, double *hours);
/* "2017-01-25 23:00", with seconds where there are some; at least 32 bytes. */
void esp_calendar_date(const esp_calendar *calendar, double hours, char *text, size_t size);

#endif
