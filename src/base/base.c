#include "base/base.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/shown.h"

/* ---- errors: one record a thread ---- */

enum { MESSAGE_SIZE = 8192 };

typedef struct {
  int failed;
  size_t length;
  char text[MESSAGE_SIZE];
} error_record;

static _Thread_local error_record record;

const char *esp_code_name(int code) {
  static const char *const names[ESP_CODE_COUNT] = {
      "ESP_OK",        "ESP_ERR_ARG",   "ESP_ERR_CONFIG", "ESP_ERR_FILE", "ESP_ERR_FORMAT",
      "ESP_ERR_VALUE", "ESP_ERR_LIMIT", "ESP_ERR_MEMORY", "ESP_ERR_COMM", "ESP_ERR_INTERNAL"};
  return code >= 0 && code < ESP_CODE_COUNT ? names[code] : "unknown code";
}

const char *esp_error_message(void) {
  return record.text;
}

void esp_error_clear(void) {
  record.failed = 0;
  record.length = 0;
  record.text[0] = 0;
}

/* What has no room is cut, never an error of its own. Names and words of files stand in messages. */
static void append(const char *format, va_list arguments) {
  char text[MESSAGE_SIZE];
  if (vsnprintf(text, sizeof text, format, arguments) < 0) return;
  record.length += esp_shown(text, "\n", record.text + record.length, MESSAGE_SIZE - record.length);
}

static void append_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void append_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  append(format, arguments);
  va_end(arguments);
}

void esp_error_set(int code, const char *message) {
  char text[MESSAGE_SIZE]; /* the message may be our own record */
  snprintf(text, sizeof text, "%s", message ? message : "");
  record.length = esp_shown(text, "\n", record.text, sizeof record.text);
  record.failed = code != ESP_OK;
}

int esp_error_blame(int code, const char *name) {
  const int ours = code == ESP_ERR_VALUE || code == ESP_ERR_CONFIG || code == ESP_ERR_LIMIT;
  return ours ? esp_error_in(code, name) : code;
}

int esp_error_in(int code, const char *name) {
  char message[MESSAGE_SIZE];
  if (!code || strstr(record.text, name)) return code;
  snprintf(message, sizeof message, "%s: %.*s", name, (int)(sizeof message - strlen(name) - 3), record.text);
  esp_error_set(code, message);
  return code;
}

/* room/file.c of a full path: the same text wherever the tree was built. */
static const char *short_path(const char *file) {
  int slashes = 0;
  for (const char *p = file + strlen(file); p > file; p--)
    if (p[-1] == '/' && ++slashes == 2) return p;
  return file;
}

int esp_fail(int code, const char *file, int line, const char *func, const char *format, ...) {
  if (record.failed) return code; /* the first failure is the cause; what follows it is clean-up */
  esp_error_clear();
  record.failed = 1;
  va_list arguments;
  va_start(arguments, format);
  append(format, arguments);
  va_end(arguments);
  return esp_trace(code, file, line, func);
}

int esp_trace(int code, const char *file, int line, const char *func) {
  append_text("\n  in %s (%s:%d)", func, short_path(file), line);
  return code;
}

/* ---- memory: each block is preceded by one cache line that holds its size, and what it is for ---- */

enum { ALIGN = 64 };

typedef struct {
  size_t bytes;
  esp_purpose purpose;
} heading;

/* The allocator's own: totals, what is held for whom, and what was when the total was largest. */
static atomic_size_t held, held_peak, held_for[ESP_MEMORY_PURPOSES], peak_for[ESP_MEMORY_PURPOSES];
static _Thread_local esp_purpose purpose_now;

const char *esp_purpose_name(int purpose) {
  static const char *const names[ESP_MEMORY_PURPOSES] = {"other", "state",      "activations", "lists",
                                                         "halo",  "parameters", "optimiser"};
  return purpose >= 0 && purpose < ESP_MEMORY_PURPOSES ? names[purpose] : "unknown purpose";
}

esp_purpose esp_memory_enter(esp_purpose purpose) {
  const esp_purpose before = purpose_now;
  purpose_now = purpose;
  return before;
}

void esp_memory_leave(esp_purpose *before) {
  purpose_now = *before;
}

static void keep_peaks(void) {
  for (int p = 0; p < ESP_MEMORY_PURPOSES; p++) atomic_store(&peak_for[p], atomic_load(&held_for[p]));
}

static void count_held(size_t bytes, esp_purpose purpose) {
  atomic_fetch_add(&held_for[purpose], bytes);
  size_t now = atomic_fetch_add(&held, bytes) + bytes, peak = atomic_load(&held_peak);
  while (now > peak)
    if (atomic_compare_exchange_weak(&held_peak, &peak, now)) {
      keep_peaks();
      return;
    }
}

/* Its heading, of a block that is not NULL. */
static heading *heading_of(void *block) {
  return (heading *)(void *)((char *)block - ALIGN);
}

int esp_reserve(void **pointer, size_t count, size_t size, const char *file, int line, const char *func) {
  *pointer = NULL;
  if (size && count > (SIZE_MAX - 2 * ALIGN) / size)
    return esp_fail(ESP_ERR_MEMORY, file, line, func, "%zu elements of %zu bytes: more than this machine can address",
                    count, size);
  size_t bytes = (count * size + ALIGN - 1) / ALIGN * ALIGN;
  char *block = aligned_alloc(ALIGN, bytes + ALIGN);
  if (!block)
    return esp_fail(ESP_ERR_MEMORY, file, line, func, "no memory for %zu bytes (%zu of %zu); %zu bytes are held", bytes,
                    count, size, esp_memory_now());
  *pointer = block + ALIGN;
  *heading_of(*pointer) = (heading){bytes, purpose_now};
  count_held(bytes, purpose_now);
  return ESP_OK;
}

int esp_alloc(void **pointer, size_t count, size_t size, const char *file, int line, const char *func) {
  const int rc = esp_reserve(pointer, count, size, file, line, func);
  if (!rc) memset(*pointer, 0, count * size);
  return rc;
}

int esp_grow(void **pointer, size_t *capacity, size_t count, size_t size, const char *file, int line,
             const char *func) {
  if (*pointer && count <= *capacity) return ESP_OK;
  ESP_MEMORY_FOR(*pointer ? heading_of(*pointer)->purpose : purpose_now);
  size_t wanted = *capacity < SIZE_MAX / 2 && 2 * *capacity > count ? 2 * *capacity : count;
  void *grown;
  int rc = esp_reserve(&grown, wanted, size, file, line, func);
  if (rc) return rc;
  const size_t kept = *pointer ? *capacity * size : 0;
  if (kept) memcpy(grown, *pointer, kept);
  memset((char *)grown + kept, 0, wanted * size - kept);
  esp_free(pointer);
  *pointer = grown;
  *capacity = wanted;
  return ESP_OK;
}

void esp_free(void *pointer_to_pointer) {
  char *block;
  void *none = NULL;
  memcpy(&block, pointer_to_pointer, sizeof block);
  if (!block) return;
  const heading *head = heading_of(block);
  atomic_fetch_sub(&held_for[head->purpose], head->bytes);
  atomic_fetch_sub(&held, head->bytes);
  free(block - ALIGN);
  memcpy(pointer_to_pointer, &none, sizeof none);
}

size_t esp_memory_now(void) {
  return atomic_load(&held);
}
size_t esp_memory_peak(void) {
  return atomic_load(&held_peak);
}
void esp_memory_reset_peak(void) {
  atomic_store(&held_peak, atomic_load(&held));
  keep_peaks();
}
size_t esp_memory_now_for(esp_purpose purpose) {
  return atomic_load(&held_for[purpose]);
}
size_t esp_memory_peak_for(esp_purpose purpose) {
  return atomic_load(&peak_for[purpose]);
}

void esp_memory_keep(void) {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
#endif
}

double esp_wall(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
