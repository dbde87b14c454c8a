/* Counts that files and keys claim: sums and products of them never wrap, but say what does not fit. And how large a number
 * of data may be. Local. */
#ifndef ESP_COUNT_H
#define ESP_COUNT_H

#include <stdint.h>

#include "base/base.h"

/* *count += more, or *count *= times. ESP_ERR_LIMIT, with `what` (printf-like: whose count, of what) and both numbers, where
 * one of them is negative or the result is above 2^63 - 1; *count is then as it was. */
int esp_count_add(int64_t *count, int64_t more, const char *what, ...) __attribute__((format(printf, 3, 4)));
int esp_count_mul(int64_t *count, int64_t times, const char *what, ...) __attribute__((format(printf, 3, 4)));

/* The largest number of a particle: squares, summed over any set, are numbers, too. */
#define ESP_LARGEST 1e150

#endif
