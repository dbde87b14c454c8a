/* A file as bytes at offsets, in either byte order. All local. */
#ifndef ESP_SNAPSHOT_BYTES_H
#define ESP_SNAPSHOT_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *path;
  int fd, swap; /* swap: the bytes of a number lie the other way round */
  int64_t size;
} esp_bytes;

/* To be read, then closed. ESP_ERR_FILE. */
int esp_bytes_open(const char *path, int swap, esp_bytes *b);
void esp_bytes_close(esp_bytes *b);
/* `count` bytes from offset. ESP_ERR_FORMAT, naming both, where the file is shorter. */
int esp_bytes_get(const esp_bytes *b, int64_t offset, size_t count, void *data);

/* The number at `data`: 4 bytes, 8 bytes, floating point of `width` 4 or 8. */
uint32_t esp_bytes_word(const void *data, int swap);
uint64_t esp_bytes_long(const void *data, int swap);
double esp_bytes_real(const void *data, int width, int swap);

#endif
