/* Where a rank's receivers are, as the others know it (trade.h). */
#ifndef ESP_FMM_REGIONS_H
#define ESP_FMM_REGIONS_H

#include "fmm/trade.h"

struct esp_fmm_region {
  esp_fmm_node box;      /* least: of all in it */
  double widest;         /* largest radius of a receiver without children; of an area alone */
  int32_t area, parents; /* 0: the node alone, a receiver with children; has an area such receivers, too? */
  int32_t last;          /* regions below a node alone: from the next to the one before this, of the rank's */
};

typedef struct {
  esp_fmm_region *region;
  size_t *start; /* [size + 1] bytes */
} esp_fmm_regions;

/* Of all ranks, each in preorder. Collective. Errors, on all ranks: memory. *to is the caller's (esp_fmm_regions_free). */
int esp_fmm_regions_gather(const esp_fmm_work *w, esp_fmm_regions *to);
void esp_fmm_regions_free(esp_fmm_regions *regions);
/* Purpose's opens, for any place of the node. */
int esp_fmm_region_opens(const esp_fmm_work *w, const esp_fmm_purpose *purpose, const esp_fmm_region *region,
                         const esp_fmm_cell *cell);

#endif
