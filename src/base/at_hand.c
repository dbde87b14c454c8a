#include "base/at_hand.h"

#include <stdio.h>

static char told[4200]; /* a handler has no other way to know */

void esp_at_hand(const char *doing, const char *path) {
  told[0] = 0;
  if (doing) snprintf(told, sizeof told, "%s %s", doing, path);
}

const char *esp_at_hand_told(void) {
  return told;
}
