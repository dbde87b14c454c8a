/* A domain's blocks and lists as kernels read them: flat arrays in the device's memory. Filled by the host, once a pass; what only the
 * senders' pass reads, when that begins. */
#ifndef ESP_CUDA_LISTS_H
#define ESP_CUDA_LISTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* Slots [first, first + count) of an array of rows. */
typedef struct {
  int first, count;
} esp_cuda_run;

/* A receiver block that has leaves of the block at hand near: `lanes`: where its bits of those leaves begin. */
typedef struct {
  esp_cuda_run receivers;
  int64_t leaves;
} esp_cuda_meeting;

enum { ESP_CUDA_BLOCK_MAX = 512 }; /* particles of a block: a thread each */

typedef struct {
  int blocks, leaves; /* owned blocks; leaves of each */
  int largest;        /* particles of the largest block */
  int separate;       /* 1: receivers have a tree of their own; a block's own square is in the lists */
  /* all in the device's memory */
  const esp_cuda_run *block;             /* [blocks] slots; the receivers' tree has the same */
  const esp_cuda_run *leaf;              /* [blocks * leaves] */
  const int64_t *near_start, *far_start; /* [blocks + 1] */
  const esp_cuda_run *near;              /* leaves, in the lists' order */
  const esp_cuda_run *far;               /* first: the cell's row; count: its particles */
  /* where esp_cuda_lists_meet has been called */
  const int64_t *meeting_start;    /* [blocks + 1] */
  const esp_cuda_meeting *meeting; /* in the order of esp_lists_next_receiver */
  const uint32_t *seen;            /* bits of leaves, esp_cuda_words(leaves) words a meeting */
  void *memory, *meetings;         /* of all of them; of the last three */
} esp_cuda_lists;

static inline int esp_cuda_words(int leaves) {
  return (leaves + 31) / 32;
}

struct esp_domain;
/* Errors: memory; ESP_ERR_LIMIT where a block has over ESP_CUDA_BLOCK_MAX particles. Freed by _free, NULL memory is fine. */
int esp_cuda_lists_create(const struct esp_domain *dom, esp_cuda_lists *lists);
/* What the senders' pass reads, too; once is enough. Errors: memory. */
int esp_cuda_lists_meet(const struct esp_domain *dom, esp_cuda_lists *lists);
void esp_cuda_lists_free(esp_cuda_lists *lists);

#ifdef __cplusplus
}
#endif
#endif
