/* Files that are read. Only regular ones, so that no read waits or goes on for ever; texts of a bounded length. Local. */
#ifndef ESP_INPUT_H
#define ESP_INPUT_H

#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

/* A file that is there, regular and readable; *bytes (may be NULL): its length. ESP_ERR_FILE naming path and cause, or what
 * it is instead. */
int esp_input_check(const char *path, int64_t *bytes);
/* The same, opened; the caller closes it. */
int esp_input_open(const char *path, FILE **file);
/* Its text, with a 0 behind it, and the number of characters; *text is the caller's (ESP_FREE). ESP_ERR_LIMIT above `most`
 * characters. */
int esp_input_text(const char *path, int64_t most, char **text, size_t *length);
/* The next line of `file` into line[size], without its end: 1, or 0 behind the last. What is no line of such a text is passed
 * over: one of `size` characters or more, one that holds a 0, a last one without an end. */
int esp_input_line(FILE *file, char *line, int size);

#endif
