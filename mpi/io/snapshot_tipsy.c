#include "io/snapshot_tipsy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/snapshot_names.h"

enum { KINDS = 3, BUFFER = 1 << 16 };
static const int floats[KINDS] = {12, 9, 11}, type_of[KINDS] = {0, 1, 4}; /* gas, dark, star */

/* Bytes of a number of positions and of velocities. */
static const struct {
  int width[2];
  const char *name;
} precisions[] = {{{4, 4}, ""}, {{8, 4}, ", double positions"}, {{8, 8}, ", double"}};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static int64_t body_bytes(const int *width, int kind) {
  return 4 * floats[kind] + 3 * (width[0] - 4) + 3 * (width[1] - 4);
}

static int64_t all_bytes(const int *width, const int64_t *n) {
  int64_t bytes = 0;
  for (int k = 0; k < KINDS; k++) bytes += body_bytes(width, k) * n[k];
  return bytes;
}

int esp_snapshot_tipsy_fits(const esp_bytes *b, const unsigned char *start, int swap, esp_snapshot_header *head) {
  int32_t word[5]; /* nbodies, ndim, nsph, ndark, nstar */
  for (int k = 0; k < 5; k++) word[k] = (int32_t)esp_bytes_word(start + 8 + 4 * k, swap);
  const int64_t n[KINDS] = {word[2], word[3], word[4]};
  if (word[1] != 3 || n[0] < 0 || n[1] < 0 || n[2] < 0 || n[0] + n[1] + n[2] != word[0]) return 0;
  int found = 0, bytes = 32;
  for (int k = PRECISIONS; k-- > 0;)
    for (int head_bytes = 28; head_bytes <= 32; head_bytes += 4)
      if (b->size == all_bytes(precisions[k].width, n) + head_bytes) found = k, bytes = head_bytes;
  head->tipsy_header = bytes;
  memcpy(head->tipsy_width, precisions[found].width, sizeof head->tipsy_width);
  snprintf(head->dialect, sizeof head->dialect, "tipsy, %s-endian%s", swap ? "big" : "little", precisions[found].name);
  return 1;
}

int esp_snapshot_tipsy_header(const esp_bytes *b, int first, esp_snapshot_header *h, int64_t *count) {
  unsigned char d[32];
  int64_t n[KINDS];
  ESP_CALL(esp_bytes_get(b, 0, sizeof d, d));
  memset(count, 0, ESP_SNAPSHOT_TYPES * sizeof *count);
  for (int k = 0; k < KINDS; k++) {
    n[k] = count[type_of[k]] = (int32_t)esp_bytes_word(d + 16 + 4 * k, b->swap);
    if (n[k]) h->lacks[type_of[k]] = 1u << ESP_FIELD_ID;
  }
  const int64_t bytes = h->tipsy_header + all_bytes(h->tipsy_width, n);
  ESP_CHECK(b->size == bytes, ESP_ERR_FORMAT,
            "%s: tipsy file of %lld bytes, its header asks for %lld%s; with positions in double for %lld, with "
            "velocities, too, for %lld",
            b->path, (long long)b->size, (long long)bytes, b->size < bytes ? " (truncated)" : "",
            (long long)(h->tipsy_header + all_bytes(precisions[1].width, n)),
            (long long)(h->tipsy_header + all_bytes(precisions[2].width, n)));
  /* a file with a padded header, cut by 4 bytes, is as long as one without padding, and would be read shifted by these */
  ESP_CHECK(h->tipsy_header == 32 || bytes == 28 || esp_bytes_word(d + 28, b->swap) != 0, ESP_ERR_FORMAT,
            "%s: tipsy file of %lld bytes, as long as one whose header has 28, and the first mass would be 0: with a "
            "header of "
            "32 bytes it asks for %lld (truncated)",
            b->path, (long long)b->size, (long long)bytes + 4);
  if (!first) return ESP_OK;
  h->types = 5;
  h->dim = 3;
  h->files = 1;
  h->time = esp_bytes_real(d, 8, b->swap);
  ESP_CHECK(isfinite(h->time), ESP_ERR_VALUE, "%s: time of the header is %g: must be finite", b->path, h->time);
  h->comoving_flag = 0;
  h->file_G = 1;
  snprintf(h->from[ESP_FROM_COSMOLOGY], ESP_SNAPSHOT_FROM, "tipsy");
  snprintf(h->from[ESP_FROM_G], ESP_SNAPSHOT_FROM, "tipsy, by the format");
  return ESP_OK;
}

int esp_snapshot_tipsy_read(const esp_bytes *b, const esp_snapshot_header *h, const int64_t *count, int type,
                            int64_t first, int64_t rows, esp_cloud *cloud, int at) {
  const int *width = h->tipsy_width;
  int64_t offset = h->tipsy_header;
  int k = 0;
  for (; k < KINDS - 1 && type_of[k] != type; k++) offset += body_bytes(width, k) * count[type_of[k]];
  char buffer[BUFFER];
  const int64_t size = body_bytes(width, k);
  for (int64_t done = 0; done < rows;) {
    int64_t some = (int64_t)sizeof buffer / size;
    if (some > rows - done) some = rows - done;
    ESP_CALL(esp_bytes_get(b, offset + (first + done) * size, (size_t)(some * size), buffer));
    for (int64_t i = 0; i < some; i++, done++) {
      const char *p = buffer + i * size, *x = p + 4, *v = x + 3 * width[0]; /* mass, position, velocity, ... */
      cloud->m[at + done] = esp_bytes_real(p, 4, b->swap);
      for (int c = 0; c < 3; c++) {
        cloud->x[at + done][c] = esp_bytes_real(x + c * width[0], width[0], b->swap);
        cloud->v[at + done][c] = esp_bytes_real(v + c * width[1], width[1], b->swap);
      }
    }
  }
  return ESP_OK;
}
