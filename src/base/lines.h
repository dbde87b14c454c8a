/* Text that grows, and text files that are whole or absent (base/draft.h). Local. */
#ifndef ESP_LINES_H
#define ESP_LINES_H

#include <stddef.h>

#include "base/base.h"

typedef struct {
  char *text;
  size_t length, capacity;
  int rc; /* the first failure; later prints do nothing */
} esp_lines;

/* Append, printf-like; a failure is kept in lines->rc. */
void esp_lines_add(esp_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
void esp_lines_free(esp_lines *lines);
/* PATH becomes `head` (NULL: none; else a line), then `length` bytes of `text`. ESP_ERR_FILE naming path and cause; the
 * older file then stays as it was. */
int esp_lines_write(const char *path, const char *head, const char *text, size_t length);

#endif
