/* The rows of a grid that one rank reads, as columns of a set. Local. */
#ifndef ESP_GRID_SLICE_H
#define ESP_GRID_SLICE_H

#include "io/grid/plan.h"

/* What the numbers told, to be added up over the ranks. */
typedef struct {
  int64_t masked;                  /* cells without a value in some field at some time, or without a place */
  int64_t lacking[ESP_QUANTITIES]; /* of these, cells without a value of the quantity at some time */
  int64_t poles;                   /* cells at a pole that another one stands for */
  int64_t raised[ESP_QUANTITIES];  /* values below what is possible, by a little, that became the least that is */
  int64_t saturated;               /* relative humidities above 1 */
} esp_grid_counts;

typedef struct {
  int64_t first, rows; /* of the grid */
  esp_set set;         /* all cells of the rows, kept or not; areas in any unit */
  char *kept;          /* [cells] */
  int64_t count;       /* that are kept */
  esp_grid_counts counts;
} esp_grid_slice;

/* rows [first, first + rows) are given in slice; freed by the caller. ESP_ERR_VALUE: a value that its quantity cannot have. */
int esp_grid_slice_read(const esp_grid_plan *plan, esp_grid_slice *slice);
void esp_grid_slice_free(esp_grid_slice *slice);

#endif
