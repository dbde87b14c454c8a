#include "base/passing.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { PLACES = 16 };

static char paths[PLACES][ESP_PATH];
static volatile sig_atomic_t taken[PLACES];

int esp_passing_add(const char *path) {
  const size_t size = strlen(path) + 1;
  int place = 0;
  while (place < PLACES && taken[place]) place++;
  if (place == PLACES || size > ESP_PATH) return -1;
  memcpy(paths[place], path, size);
  taken[place] = 1;
  return place;
}

void esp_passing_drop(int place) {
  if (place >= 0) taken[place] = 0;
}

void esp_passing_remove(void) {
  for (int place = 0; place < PLACES; place++)
    if (taken[place]) unlink(paths[place]);
}
