#include "base/shown.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 character that begins here; 0: none does, or a control character. */
static size_t printable(const unsigned char *c) {
  static const unsigned least[] = {0, 0x20, 0xa0, 0x800, 0x10000}; /* U+0080 to U+009F are controls, too */
  const size_t bytes = *c < 0x80 ? 1 : *c >> 5 == 6 ? 2 : *c >> 4 == 14 ? 3 : *c >> 3 == 30 ? 4 : 0;
  unsigned code = bytes > 1 ? *c & (0x7fu >> bytes) : *c;
  for (size_t k = 1; k < bytes; k++) {
    if (c[k] >> 6 != 2) return 0;
    code = code << 6 | (c[k] & 0x3f);
  }
  return code >= least[bytes] && code != 0x7f && code <= 0x10ffff && code >> 11 != 27 ? bytes : 0;
}

size_t esp_shown(const char *text, const char *keep, char *shown, size_t size) {
  size_t length = 0;
  while (*text) {
    char piece[8];
    size_t bytes = strchr(keep, *text) ? 1 : printable((const unsigned char *)text), taken = bytes ? bytes : 1;
    if (bytes)
      memcpy(piece, text, bytes);
    else
      bytes = (size_t)snprintf(piece, sizeof piece, "\\x%02x", (unsigned char)*text);
    if (length + bytes >= size) break;
    memcpy(shown + length, piece, bytes);
    length += bytes;
    text += taken;
  }
  shown[length] = 0;
  return length;
}
