/* Exact selection over ranks: of many groups of words at once the rank-th smallest, digit by digit from integer histograms,
 * each one sum over ranks. Knuth, The Art of Computer Programming 3, section 5.3.3 (distributive). No word moves. */
#ifndef ESP_SELECT_H
#define ESP_SELECT_H

#include "base/comm.h"

enum { ESP_SELECT_BINS = 256 };

/* In the order of what it stands for: -0 equals +0. x is no NaN. Local. */
uint64_t esp_select_image(double x);

typedef struct {
  int first, groups;    /* groups [first, first + groups) */
  const int *group;     /* [items] of each item */
  const uint64_t *word; /* [items] */
  int64_t candidates;   /* of this rank */
  int *candidate;       /* [candidates] items; on return those left */
  int64_t *rank;   /* [groups] which smallest is wanted, from 1; 0: none. On return its place among the equal ones */
  int64_t *equal;  /* [groups] on return how many candidates have that word */
  uint64_t *found; /* [groups] on return the word */
  int64_t *bins;   /* [groups][ESP_SELECT_BINS] scratch */
} esp_selection;

/* Candidates that have not the word of their group are dropped. 8 reductions of groups x 256 words. Collective; groups and
 * ranks are the same on all ranks. Errors: the table's. */
int esp_select(const esp_comm *comm, esp_selection *s);

#endif
