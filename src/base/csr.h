/* Rows of varying length: a sparse matrix with a row a particle (compressed sparse rows, as scipy and Matrix Market's tools
 * have them). */
#ifndef ESP_CSR_H
#define ESP_CSR_H

#include <stdint.h>

#include "base/base.h"

typedef struct {
  int rows;
  int64_t columns; /* indices are 0 .. columns - 1 */
  int64_t *start;  /* [rows + 1], start[0] = 0; NULL: there is no such matrix */
  int64_t *index;  /* [start[rows]] ascending within a row, none twice */
  double *value;   /* [start[rows]]; NULL: all are 1 */
} esp_csr;

/* Zeroed arrays for `entries`; value too if `values`. The caller's (esp_csr_free). Local. Errors: memory. */
int esp_csr_create(int rows, int64_t columns, int64_t entries, int values, esp_csr *csr);
void esp_csr_free(esp_csr *csr);
int esp_csr_copy(const esp_csr *csr, esp_csr *copy);
/* Every row's entries in ascending order of index, equal ones in the order in which they stood. *row: the first row with an
 * index that stands twice, and which; -1: there is none. Local. Errors: memory. */
int esp_csr_sort(esp_csr *csr, int *row, int64_t *index);
/* Entries (row, index, value; value NULL: 1) in any order, [count] each, as such rows. Of entries that stand twice the first
 * is kept; *twice: how many were dropped. Local. ESP_ERR_VALUE naming entry and number of an index out of range. */
int esp_csr_of(int rows, int64_t columns, int64_t count, const int64_t *row, const int64_t *index, const double *value,
               esp_csr *csr, int64_t *twice);

#endif
