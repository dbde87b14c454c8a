/* Error codes, check and call macros, counted allocation, index types.
 *
 * Every function that can fail returns an esp_code (0 = ESP_OK) and gives its results through out-arguments.
 * The message of the first failure and the calls it came through are kept per thread and read with
 * esp_error_message(). A function that fails leaves its out-arguments unusable, its inputs untouched, and frees
 * what it made.
 *
 * Index types: a count or index of things one rank holds is int32_t (`int`); a global id, slot or count is
 * int64_t; a size in bytes is size_t.
 *
 * Everything here is local (no communication). */
#ifndef ESP_BASE_H
#define ESP_BASE_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
  ESP_OK = 0,
  ESP_ERR_ARG,      /* a call that the contract forbids (program error) */
  ESP_ERR_CONFIG,   /* a key or option: unknown, wrong type, out of range */
  ESP_ERR_FILE,     /* a file cannot be opened, read, written, renamed, or space ran out */
  ESP_ERR_FORMAT,   /* a file's content is not what its format demands */
  ESP_ERR_VALUE,    /* data with a forbidden value: NaN, negative mass, duplicate id ... */
  ESP_ERR_LIMIT,    /* more work, memory or index range than is allowed */
  ESP_ERR_MEMORY,   /* allocation refused */
  ESP_ERR_COMM,     /* message passing failed */
  ESP_ERR_INTERNAL, /* a broken invariant of ours */
  ESP_CODE_COUNT
} esp_code;

/* Short name of a code ("ESP_ERR_FILE"); never NULL. */
const char *esp_code_name(int code);

/* Message of this thread's first failure since the last clear, with the call chain, lines separated by '\n'.
 * Owned by the library, valid until the next failure or clear. "" if there is none. */
const char *esp_error_message(void);
void esp_error_clear(void);
/* Replaces the message, for example by the one another rank failed with. */
void esp_error_set(int code, const char *message);
/* Returns `code`; the message of a failure about values, keys or limits gets `name` (the file or key they came from) in
 * front if it does not tell it yet. */
int esp_error_blame(int code, const char *name);
/* The same for a failure of any kind. */
int esp_error_in(int code, const char *name);

/* Record a failure; returns `code`. Used through the macros below. */
int esp_fail(int code, const char *file, int line, const char *func, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Append one frame to the chain; returns `code`. */
int esp_trace(int code, const char *file, int line, const char *func);

/* ESP_CALL: propagate a failure of a callee. Only where nothing needs freeing; else test and `goto`. */
#define ESP_CALL(expr)                                                                \
  do {                                                                                \
    int esp_rc_ = (expr);                                                             \
    if (esp_rc_) {                                                                    \
      esp_trace(esp_rc_, __FILE__, __LINE__, __func__);                               \
      return esp_rc_; /* not the callee's word: the compiler sees that it is not 0 */ \
    }                                                                                 \
  } while (0)
/* ESP_CHECK: `condition` must hold; the message names the value seen, what is allowed, and what to do. */
#define ESP_CHECK(condition, code, ...)                            \
  do {                                                             \
    if (!(condition)) {                                            \
      esp_fail((code), __FILE__, __LINE__, __func__, __VA_ARGS__); \
      return (code);                                               \
    }                                                              \
  } while (0)
#define ESP_FAIL(code, ...) (esp_fail((code), __FILE__, __LINE__, __func__, __VA_ARGS__), (code))
/* The same two with a jump to a cleanup label `done`, setting the int variable `rc`. */
#define ESP_TRY(expr)                              \
  do {                                             \
    rc = (expr);                                   \
    if (rc) {                                      \
      esp_trace(rc, __FILE__, __LINE__, __func__); \
      goto done;                                   \
    }                                              \
  } while (0)
#define ESP_NEED(condition, code, ...)    \
  do {                                    \
    if (!(condition)) {                   \
      rc = ESP_FAIL((code), __VA_ARGS__); \
      goto done;                          \
    }                                     \
  } while (0)

/* Counted, zeroed, 64-byte aligned memory. count * size of 0 gives a valid pointer that holds nothing. Overflow of
 * count * size and refusal are ESP_ERR_MEMORY with the bytes asked for and the bytes held. */
int esp_alloc(void **pointer, size_t count, size_t size, const char *file, int line, const char *func);
#define ESP_ALLOC(pointer, count) \
  esp_alloc((void **)&(pointer), (size_t)(count), sizeof *(pointer), __FILE__, __LINE__, __func__)
/* The same, but not zeroed: for what is written before it is read. */
int esp_reserve(void **pointer, size_t count, size_t size, const char *file, int line, const char *func);
#define ESP_RESERVE(pointer, count) \
  esp_reserve((void **)&(pointer), (size_t)(count), sizeof *(pointer), __FILE__, __LINE__, __func__)
/* Grow to `count` elements keeping the first `*capacity`; doubles, so that appending is amortised. What it is for stays. */
int esp_grow(void **pointer, size_t *capacity, size_t count, size_t size, const char *file, int line, const char *func);
#define ESP_GROW(pointer, capacity, count) \
  esp_grow((void **)&(pointer), &(capacity), (size_t)(count), sizeof *(pointer), __FILE__, __LINE__, __func__)
/* Frees and sets to NULL; NULL is fine. */
void esp_free(void *pointer_to_pointer);
#define ESP_FREE(pointer) esp_free(&(pointer))
/* Bytes held now, and the most held since the last esp_memory_reset_peak (all threads together). */
size_t esp_memory_now(void);
size_t esp_memory_peak(void);
void esp_memory_reset_peak(void);

/* What memory is for: STATE between layers; ACTIVATIONS, what else a pass holds; LISTS, trees and who hears whom; HALO, what
 * exchanges between ranks hold; PARAMETERS; OPTIMISER, moments and gradients; OTHER, data and all that nobody named.
 * It is the innermost scope in which a block is taken that says it, so that whoever calls need not pass it on through all
 * that allocates; a thread's, as the record of its errors is. The block knows it: it may be freed anywhere. */
typedef enum {
  ESP_MEMORY_OTHER,
  ESP_MEMORY_STATE,
  ESP_MEMORY_ACTIVATIONS,
  ESP_MEMORY_LISTS,
  ESP_MEMORY_HALO,
  ESP_MEMORY_PARAMETERS,
  ESP_MEMORY_OPTIMISER,
  ESP_MEMORY_PURPOSES
} esp_purpose;
const char *esp_purpose_name(int purpose); /* "other", "state" ...; never NULL */
/* From here to the end of the block, however it is left: ESP_MEMORY_FOR(ESP_MEMORY_LISTS); among its declarations. */
#define ESP_MEMORY_FOR(purpose) \
  esp_purpose esp_memory_outer_ __attribute__((cleanup(esp_memory_leave), unused)) = esp_memory_enter(purpose)
esp_purpose esp_memory_enter(esp_purpose purpose); /* what it was before */
void esp_memory_leave(esp_purpose *before);
/* Of esp_memory_now and of esp_memory_peak, what was for this: of one thread they add up to those. */
size_t esp_memory_now_for(esp_purpose purpose);
size_t esp_memory_peak_for(esp_purpose purpose);

/* From now on what is freed stays with the process: arrays made anew in every step then cost no page faults. Acts on
 * the whole process, so it is for a program's main, at its start, not for a library. Elsewhere than with glibc: nothing. */
void esp_memory_keep(void);

/* Monotonic wall clock in seconds. */
double esp_wall(void);

static inline int esp_imin(int a, int b) {
  return a < b ? a : b;
}
static inline int esp_imax(int a, int b) {
  return a > b ? a : b;
}

#endif
