#include "base/lines.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/draft.h"

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
  esp_draft draft;
  ESP_CALL(esp_draft_begin(path, &draft));
  if (head) fprintf(draft.stream, "%s\n", head);
  fwrite(text, 1, length, draft.stream);
  return esp_draft_keep(&draft, path);
}
