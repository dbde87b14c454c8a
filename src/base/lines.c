#include "base/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void esp_lines_add(esp_lines *lines, const char *format, ...) {
  if (lines->rc) return;
  va_list list, again;
  va_start(list, format);
  va_copy(again, list);
  const int length = vsnprintf(NULL, 0, format, list);
  va_end(list);
  lines->rc = length < 0 ? ESP_FAIL(ESP_ERR_INTERNAL, "a line of output cannot be formed: %s", format)
                         : ESP_GROW(lines->text, lines->capacity, lines->length + (size_t)length + 1);
  if (!lines->rc) {
    vsnprintf(lines->text + lines->length, (size_t)length + 1, format, again);
    lines->length += (size_t)length;
  }
  va_end(again);
}

void esp_lines_free(esp_lines *lines) {
  ESP_FREE(lines->text);
  lines->length = lines->capacity = 0;
}

int esp_lines_write(const char *path, const char *head, const char *text, size_t length) {
  char part[4112];
  const int size = snprintf(part, sizeof part, "%s.part", path);
  ESP_CHECK(size >= 0 && (size_t)size < sizeof part, ESP_ERR_LIMIT, "%s: path longer than %zu characters", path,
            sizeof part - 6);
  FILE *file = fopen(part, "w");
  ESP_CHECK(file, ESP_ERR_FILE, "%s: cannot be written: %s", part, strerror(errno));
  int bad = head && fprintf(file, "%s\n", head) < 0;
  bad |= fwrite(text, 1, length, file) != length;
  bad |= fclose(file) != 0;
  if (!bad && !rename(part, path)) return ESP_OK;
  const int error = errno;
  remove(part);
  return ESP_FAIL(ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(error));
}
