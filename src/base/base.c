#include "base/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const code_names[ESP_CODE_COUNT] = {
    "ESP_OK",        "ESP_ERR_ARG",   "ESP_ERR_CONFIG", "ESP_ERR_FILE", "ESP_ERR_FORMAT",
    "ESP_ERR_VALUE", "ESP_ERR_LIMIT", "ESP_ERR_MEMORY", "ESP_ERR_COMM", "ESP_ERR_INTERNAL"};

const char *esp_code_name(int code) {
  return code >= 0 && code < ESP_CODE_COUNT ? code_names[code] : "unknown code";
}

/* The record of a failure belongs to the thread that met it, as errno does. */
enum { MESSAGE_SIZE = 4096 };
static _Thread_local char message[MESSAGE_SIZE];

const char *esp_error_message(void) { return message; }
void esp_error_clear(void) { message[0] = 0; }
void esp_error_set(int code, const char *text) {
  (void)code;
  snprintf(message, sizeof message, "%s", text);
}

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void append_frame(const char *file, int line, const char *func) {
  size_t used = strlen(message);
  if (used < sizeof message) snprintf(message + used, sizeof message - used, "\n  in %s (%s:%d)", func, base_name(file), line);
}

int esp_fail(int code, const char *file, int line, const char *func, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  append_frame(file, line, func);
  return code;
}

int esp_trace(int code, const char *file, int line, const char *func) {
  append_frame(file, line, func);
  return code;
}

/* Counted memory: a header of one cache line before the caller's block holds its size. */
enum { ALIGN = 64 };
static atomic_size_t held, held_most;

int esp_alloc(void **pointer, size_t count, size_t size, const char *file, int line, const char *func) {
  *pointer = NULL;
  size_t bytes = 0;
  int overflow = __builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2;
  char *raw = overflow ? NULL : aligned_alloc(ALIGN, (bytes + 2 * ALIGN - 1) / ALIGN * ALIGN);
  if (!raw)
    return esp_fail(ESP_ERR_MEMORY, file, line, func, "no memory for %zu x %zu bytes; %zu bytes are held already", count,
                    size, esp_memory_now());
  memset(raw, 0, bytes + ALIGN);
  *(size_t *)(void *)raw = bytes;
  size_t now = atomic_fetch_add(&held, bytes) + bytes, most = atomic_load(&held_most);
  while (now > most && !atomic_compare_exchange_weak(&held_most, &most, now)) continue;
  *pointer = raw + ALIGN;
  return ESP_OK;
}

int esp_grow(void **pointer, size_t *capacity, size_t count, size_t size, const char *file, int line, const char *func) {
  if (count <= *capacity && *pointer) return ESP_OK;
  size_t more = count > 2 * *capacity ? count : 2 * *capacity;
  void *grown;
  int rc = esp_alloc(&grown, more, size, file, line, func);
  if (rc) return rc;
  if (*pointer) memcpy(grown, *pointer, *capacity * size);
  esp_free(pointer);
  *pointer = grown;
  *capacity = more;
  return ESP_OK;
}

void esp_free(void *pointer_to_pointer) {
  char *block;
  memcpy(&block, pointer_to_pointer, sizeof block);
  if (!block) return;
  atomic_fetch_sub(&held, *(size_t *)(void *)(block - ALIGN));
  free(block - ALIGN);
  block = NULL;
  memcpy(pointer_to_pointer, &block, sizeof block);
}

size_t esp_memory_now(void) { return atomic_load(&held); }
size_t esp_memory_peak(void) { return atomic_load(&held_most); }
void esp_memory_reset_peak(void) { atomic_store(&held_most, atomic_load(&held)); }

double esp_wall(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
