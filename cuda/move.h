/* Rows from array to array in the device's memory, on the main stream. Nothing waits. Errors: what the launch refuses. */
#ifndef ESP_CUDA_MOVE_H
#define ESP_CUDA_MOVE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* Rows of an array; row NULL: one after the other from its beginning. In the device's memory. */
typedef struct {
  size_t pitch;   /* bytes from row to row */
  const int *row; /* [n] */
} esp_cuda_rows;

/* n rows of `unit` bytes, each of `to` at most once; the arrays, or what is read and written of one, are apart. */
int esp_cuda_move(int n, size_t unit, const void *from, esp_cuda_rows from_rows, void *to, esp_cuda_rows to_rows);
/* The same of `words` int64, added; a row of `to` may come several times. */
int esp_cuda_move_add(int n, int words, const int64_t *from, const int *from_row, int64_t *to, const int *to_row);
int esp_cuda_zero(void *there, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
