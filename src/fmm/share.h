/* Bodies at the ranks that compute them, and results back home.
 *
 * A rank holds the bodies of the pieces (top.h) that it has slots of, piece after piece in the order of slots and, within
 * one, in the order of ranks and of their places there. On one rank the caller's arrays are what it holds. */
#ifndef ESP_FMM_SHARE_H
#define ESP_FMM_SHARE_H

#include "fmm/top.h"

/* What goes where a body goes, beside what it has for a force. */
typedef struct {
  int count;
  const double *of;            /* [n][count]; borrowed */
  const unsigned char *active; /* [n] 0: no results are wanted of this body; NULL: of all; borrowed */
} esp_fmm_extra;

typedef struct {
  int number;     /* of the piece */
  int place, row; /* its first body among those held, the row of its root among own rows */
} esp_fmm_piece;

typedef struct {
  int pieces, rows;     /* held, and their rows in all */
  esp_fmm_piece *piece; /* [pieces] */
  esp_fmm_bodies held;  /* borrowed where they are the caller's */
  esp_fmm_extra extra;  /* of those */
  int64_t arrived;      /* bytes */
  /* NULL on one rank */
  double (*position)[3], *mass, *previous, *extras;
  int64_t *id;
  unsigned char *active;
  struct esp_fmm_home {
    int rank, body;
  } * home; /* [held.n] */
} esp_fmm_share;

/* where [bodies->n]: the piece of each. Collective. Errors, on all ranks: memory; ESP_ERR_LIMIT where a rank would hold 2^31
 * bodies. *share is the caller's (esp_fmm_share_free). */
int esp_fmm_share_make(const esp_comm *comm, const esp_fmm_top *top, const esp_fmm_bodies *bodies,
                       const esp_fmm_extra *extra, const int *where, esp_fmm_share *share);
/* Results of the active bodies held in slots of this rank, [held.n] each, to the caller's arrays; arrays that are NULL in `to` are left out. Collective. Errors, on all ranks: memory. */
int esp_fmm_share_return(const esp_comm *comm, const esp_fmm_top *top, const esp_fmm_share *share,
                         const esp_fmm_result *from, const esp_fmm_result *to);
/* What is of no use once bodies have their slots, masses and extra numbers by place: all but `previous`, `active` and home. */
void esp_fmm_share_drop(esp_fmm_share *share);
void esp_fmm_share_free(esp_fmm_share *share);

#endif
