#define _GNU_SOURCE
#include "io/snapshot_bytes.h"

#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/at_hand.h"
#include "base/base.h"
#include "base/input.h"

int esp_bytes_open(const char *path, int swap, esp_bytes *b) {
  *b = (esp_bytes){path, -1, swap, 0};
  ESP_CALL(esp_input_check(path, &b->size));
  esp_at_hand("reading", path);
  b->fd = open(path, O_RDONLY | O_CLOEXEC);
  ESP_CHECK(b->fd >= 0, ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  return ESP_OK;
}

int esp_bytes_get(const esp_bytes *b, int64_t offset, size_t count, void *data) {
  ESP_CHECK(offset >= 0 && offset + (int64_t)count <= b->size, ESP_ERR_FORMAT,
            "%s: truncated: %zu bytes at offset %lld are needed, the file holds %lld", b->path, count,
            (long long)offset, (long long)b->size);
  for (size_t done = 0; done < count;) {
    ssize_t some = pread(b->fd, (char *)data + done, count - done, (off_t)(offset + (int64_t)done));
    if (some < 0 && errno == EINTR) continue;
    ESP_CHECK(some > 0, ESP_ERR_FILE, "%s: cannot be read at offset %lld: %s", b->path, (long long)offset,
              some < 0 ? strerror(errno) : "the file became shorter");
    done += (size_t)some;
  }
  return ESP_OK;
}

uint32_t esp_bytes_word(const void *data, int swap) {
  uint32_t value;
  memcpy(&value, data, 4);
  return swap ? bswap_32(value) : value;
}
uint64_t esp_bytes_long(const void *data, int swap) {
  uint64_t value;
  memcpy(&value, data, 8);
  return swap ? bswap_64(value) : value;
}
double esp_bytes_real(const void *data, int width, int swap) {
  float single;
  double value;
  if (width == 4) {
    uint32_t w = esp_bytes_word(data, swap);
    memcpy(&single, &w, 4);
    return single;
  }
  uint64_t w = esp_bytes_long(data, swap);
  memcpy(&value, &w, 8);
  return value;
}

void esp_bytes_close(esp_bytes *b) {
  esp_at_hand(NULL, NULL);
  close(b->fd);
}
