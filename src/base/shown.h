/* Text of others (of a file, of a caller) as it may be shown: control characters would reach the terminal. Local, pure. */
#ifndef ESP_SHOWN_H
#define ESP_SHOWN_H

#include <stddef.h>

/* Control characters, and bytes that are no UTF-8, become \xNN, but for those of `keep`; the rest stays. Cut at `size`
 * (> 0), never within a character. Returns the length. */
size_t esp_shown(const char *text, const char *keep, char *shown, size_t size);

#endif
