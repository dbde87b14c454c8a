#include "base/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode) {
  return S_ISDIR(mode) ? "folder" : S_ISFIFO(mode) ? "pipe" : S_ISSOCK(mode) ? "socket" : "device";
}

/* stat and access alone: opening a pipe would wait for its writer. */
int esp_input_check(const char *path, int64_t *bytes) {
  struct stat seen;
  ESP_CHECK(stat(path, &seen) == 0, ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  ESP_CHECK(S_ISREG(seen.st_mode), ESP_ERR_FILE, "%s: is a %s, not a file", path, kind_of(seen.st_mode));
  ESP_CHECK(access(path, R_OK) == 0, ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  if (bytes) *bytes = (int64_t)seen.st_size;
  return ESP_OK;
}

int esp_input_open(const char *path, FILE **file) {
  ESP_CALL(esp_input_check(path, NULL));
  *file = fopen(path, "r");
  ESP_CHECK(*file, ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  return ESP_OK;
}

/* Whatever length it states: a file may grow, and those of /proc state none. */
int esp_input_text(const char *path, int64_t most, char **text, size_t *length) {
  enum { SOME = 65536 };
  FILE *file;
  size_t capacity = 0, got = 1;
  int rc = ESP_OK;
  *text = NULL;
  *length = 0;
  ESP_CALL(esp_input_open(path, &file));
  for (; got; *length += got) {
    ESP_NEED((int64_t)*length <= most, ESP_ERR_LIMIT, "%s: a text of more than %lld bytes", path, (long long)most);
    ESP_TRY(ESP_GROW(*text, capacity, *length + SOME + 1));
    got = fread(*text + *length, 1, SOME, file);
  }
  ESP_NEED(!ferror(file), ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  (*text)[*length] = 0;
done:
  fclose(file);
  if (rc) ESP_FREE(*text);
  return rc;
}

int esp_input_line(FILE *file, char *line, int size) {
  int length = 0, good = 1;
  for (int c; (c = getc(file)) != EOF;) {
    if (c == '\n' && good) {
      line[length] = 0;
      return 1;
    }
    if (c == '\n') {
      length = 0, good = 1;
    } else if (c == 0 || length + 1 >= size) {
      good = 0;
    } else {
      line[length++] = (char)c;
    }
  }
  return 0;
}
