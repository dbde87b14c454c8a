/* The error of a layer's sums as it is: some ESP_FAR_PROBES receivers, spread over the blocks that far_error.h looks at, heard
 * from near pairs and far cells and from all pairs; O(n / P) a rank and receiver. */
#ifndef ESP_FAR_JUDGE_H
#define ESP_FAR_JUDGE_H

#include "net/cost.h"
#include "net/far_error.h"

enum { ESP_FAR_PROBES = 64 };

/* Collective; the same bits on any number of ranks. Errors: memory, and those of the device. */
int esp_far_judge(const esp_far *far, esp_far_record *record);

#endif
