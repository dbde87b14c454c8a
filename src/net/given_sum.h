/* Sums over given edges (tree/given.h) of rows in a device's memory, and the way back. */
#ifndef ESP_GIVEN_SUM_H
#define ESP_GIVEN_SUM_H

#include "net/device.h"
#include "tree/given.h"

/* Sparse rows in the device's memory: the host's own where that is one place. */
typedef struct {
  const int64_t *start, *index;
  const double *value; /* NULL: all are 1 */
  double *copy[3];
} esp_csr_there;
/* rows is what it brought, also after a failure. Local. Errors: memory, and those of the device. */
int esp_csr_bring(const esp_device *device, const esp_csr *csr, esp_csr_there *rows);
void esp_csr_leave(const esp_device *device, esp_csr_there *rows);

typedef struct {
  const esp_given *given; /* borrowed */
  const esp_device *device;
  esp_csr_there in, out;
} esp_given_there;

/* Local. Errors: memory, and those of the device. */
int esp_given_bring(const esp_device *device, const esp_given *given, esp_given_there *there);
void esp_given_leave(esp_given_there *there);
/* y [n_home][width] = (with `add`, +=) sum_j a_ij x_j over the edges of receiver i; back: x_i = (+=) sum_i a_ij y_i over those of
 * sender j, called with y for x. x, y in the device's memory, apart. Rows of other ranks travel while own ones are put in
 * their place; no sum begins before they are there, as its terms come in the order of the whole set's numbers, own and
 * others' mixed, and rows that are of own terms alone lie among the rest. Collective. Errors: memory, those of the device. */
int esp_given_sum(const esp_given_there *there, int back, int width, int add, const double *x, double *y);

#endif
