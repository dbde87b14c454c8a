/* Where a network's way back leaves its gradient: exact accumulators, of all numbers at once, or of one part after the other.
 *
 * An accumulator is 552 bytes: those of a thousand layers would take more memory than all else. Where a step has one set, the
 * terms of a layer's numbers are complete when its way back ends: they are summed over the ranks and rounded there, and the next
 * layer takes their place. The bits are the same: every number is rounded once, from the same sum. */
#ifndef ESP_GRADIENT_H
#define ESP_GRADIENT_H

#include "net/device.h"

typedef struct esp_gradient esp_gradient;
struct esp_gradient {
  int64_t *acc; /* of numbers first .., [ESP_EXACT_FULL_WORDS] each, in the device's memory; added to */
  int first;
  /* Terms of numbers first .. first + count - 1 come, and of no others until `end`: each number's are complete then. Both
   * are collective over the ranks of the set. NULL: acc is of all numbers, and several parts may have terms of one number. */
  int (*begin)(esp_gradient *g, int first, int count);
  int (*end)(esp_gradient *g);
};

/* The accumulators of numbers `number` .. of the part at hand. */
static inline int64_t *esp_gradient_at(const esp_gradient *g, int number) {
  return g->acc + (size_t)(number - g->first) * ESP_EXACT_FULL_WORDS;
}
static inline int esp_gradient_begin(esp_gradient *g, int first, int count) {
  return g->begin ? g->begin(g, first, count) : ESP_OK;
}
/* Numbers first .. first + count - 1, those of begin: where several parts have terms of them, their digits are brought back into range. */
static inline int esp_gradient_end(const esp_rows *rows, esp_gradient *g, int first, int count) {
  if (g->end) return g->end(g);
  rows->exact_carry(&ESP_EXACT_FULL, esp_gradient_at(g, first), (size_t)count);
  return ESP_OK;
}

/* A gradient in parts: what their accumulators become. */
typedef struct {
  esp_gradient to; /* given to the network */
  const esp_device *device;
  const esp_comm *comm;
  int count, room; /* numbers of the part at hand; that acc has room for */
  double *there;   /* [room] in the device's memory */
  double *value;   /* [all] the gradient, in the host's; borrowed */
} esp_gradient_parts;

/* value [all] is set, part by part; comm: whose ranks have terms. Local. */
esp_gradient_parts esp_gradient_parts_of(const esp_device *device, const esp_comm *comm, double *value);
void esp_gradient_parts_free(esp_gradient_parts *parts);

#endif
