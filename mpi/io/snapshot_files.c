#include "io/snapshot_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/input.h"

enum { DIGITS = 8 }; /* of a part's number at most */

static int is_file(const char *path) {
  struct stat seen;
  return stat(path, &seen) == 0 && S_ISREG(seen.st_mode);
}

int esp_snapshot_find_file(const char *given, char *path, size_t size) {
  static const char *const ends[] = {".hdf5", ".h5", ""};
  ESP_CHECK(strlen(given) + 16 < size, ESP_ERR_LIMIT, "%s: path longer than %zu characters", given, size - 17);
  strcpy(path, given);
  if (is_file(path)) return ESP_OK;
  for (int digits = 1; digits <= DIGITS; digits++)
    for (int k = 0; k < 3; k++) {
      snprintf(path, size, "%s.%0*d%s", given, digits, 0, ends[k]);
      if (is_file(path)) return ESP_OK;
    }
  strcpy(path, given);
  struct stat seen;
  if (stat(given, &seen) == 0) ESP_CALL(esp_input_check(given, NULL));
  return ESP_FAIL(ESP_ERR_FILE, "%s: cannot be read: %s (nor is there %s.0.hdf5)", given, strerror(errno), given);
}

void esp_snapshot_set_path(const esp_snapshot_set *set, int k, char *path) {
  const size_t size = ESP_SNAPSHOT_PATH + 96;
  if (set->head.files == 1)
    snprintf(path, size, "%s", set->prefix);
  else
    snprintf(path, size, "%s%0*d%s", set->prefix, set->digits, k, set->suffix);
}

/* A number that begins with 0 has its zeros; of others, the first part tells. */
static int count_digits(const esp_snapshot_set *set, const char *number, int seen) {
  char path[ESP_SNAPSHOT_PATH + 96];
  if (number[0] == '0') return seen;
  for (int digits = 1; digits <= seen; digits++) {
    snprintf(path, sizeof path, "%s%0*d%s", set->prefix, digits, 0, set->suffix);
    if (is_file(path)) return digits;
  }
  return 1;
}

int esp_snapshot_split_name(const char *path, esp_snapshot_set *set) {
  const char *base = strrchr(path, '/');
  size_t end = strlen(path), from = base ? (size_t)(base - path) : 0;
  for (int turn = 0; turn < 2; turn++) {
    size_t start = end;
    while (start > from && isdigit((unsigned char)path[start - 1])) start--;
    if (start < end && end - start <= DIGITS && start > from && path[start - 1] == '.' &&
        strlen(path + end) < sizeof set->suffix && start < sizeof set->prefix) {
      snprintf(set->suffix, sizeof set->suffix, "%s", path + end);
      memcpy(set->prefix, path, start);
      set->prefix[start] = 0;
      set->digits = count_digits(set, path + start, (int)(end - start));
      return 1;
    }
    while (end > from && path[end - 1] != '.') end--; /* cut one extension and look before it */
    if (end == from) break;
    end--;
  }
  return 0;
}
