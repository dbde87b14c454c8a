/* Exact sums on a device (base/exact_sum.h): a thread adds many terms of one accumulator to a few words of its own, and those to
 * the accumulator at the end, by atomics of integers: the words of the host's sums, whoever adds, in any order. Only .cu files
 * include this. */
#ifndef ESP_CUDA_EXACT_CUH
#define ESP_CUDA_EXACT_CUH

#include "base/exact_add.h"

/* acc += term, by one of many threads. Sums of integers: in any order. */
static __device__ __forceinline__ void esp_exact_atomic(int words, int lsb, int64_t *acc, double term) {
  unsigned long long *word = (unsigned long long *)acc;
  const esp_exact_term t = esp_exact_split(words, lsb, term);
  if (t.flag >= 0) {
    atomicOr(word, 1ULL << t.flag);
    return;
  }
  atomicAdd(word + t.word, (unsigned long long)t.digit[0]);
  atomicAdd(word + t.word + 1, (unsigned long long)t.digit[1]);
  atomicAdd(word + t.third, (unsigned long long)t.digit[2]);
}

enum { ESP_EXACT_WINDOW = 5 };

/* Words first .. first + ESP_EXACT_WINDOW - 1 of an accumulator's digits; first 0: none yet. It lies about its first term: what is
 * 2^32 times as large or as small still has room, what is beyond goes to the accumulator itself. */
struct esp_exact_window {
  int first;
  int64_t digit[ESP_EXACT_WINDOW];
};

static __device__ __forceinline__ void esp_exact_window_open(esp_exact_window *w) {
  w->first = 0;
#pragma unroll
  for (int j = 0; j < ESP_EXACT_WINDOW; j++) w->digit[j] = 0;
}

static __device__ __forceinline__ void esp_exact_window_add(esp_exact_window *w, int words, int lsb, int64_t *acc,
                                                            double term) {
  const esp_exact_term t = esp_exact_split(words, lsb, term);
  if (w->first == 0 && t.flag < 0) w->first = t.word > 1 ? t.word - 1 : 1;
  const int at = t.flag < 0 ? t.word - w->first : -1;
  if (at < 0 || at + 2 >= ESP_EXACT_WINDOW) {
    esp_exact_atomic(words, lsb, acc, term);
    return;
  }
#pragma unroll
  for (int j = 0; j < ESP_EXACT_WINDOW; j++)
    w->digit[j] += j == at ? t.digit[0] : j == at + 1 ? t.digit[1] : j == at + 2 ? t.digit[2] : 0;
}

/* acc += what the window holds. A third digit that has no word is 0. */
static __device__ __forceinline__ void esp_exact_window_close(const esp_exact_window *w, int64_t *acc) {
  unsigned long long *word = (unsigned long long *)acc + w->first;
#pragma unroll
  for (int j = 0; j < ESP_EXACT_WINDOW; j++)
    if (w->digit[j]) atomicAdd(word + j, (unsigned long long)w->digit[j]);
}

#endif
