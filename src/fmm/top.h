/* The top of the tree, which all ranks cut together, and the pieces below it, each held whole by the ranks that own slots
 * of it.
 *
 * Rank r of P owns the leaves [G r/P, G (r + 1)/P), rounded down, of G = ceil(n / ESP_FMM_LEAF): slots follow from n and P
 * alone. A node is cut here while it has slots of several ranks and more than ESP_FMM_SHARED bodies; its children that are not
 * are pieces. So a node of at most ESP_FMM_SHARED bodies lies whole on every rank that computes for a body of it. */
#ifndef ESP_FMM_TOP_H
#define ESP_FMM_TOP_H

#include "fmm/cells.h"
#include "fmm/scale.h"

enum { ESP_FMM_SHARED = 512 };

typedef struct {
  int64_t first, count; /* slots */
  int level;
  int child[2];    /* places among the nodes; of a piece: -1 */
  int piece;       /* its number, in the order of slots; -1: a node of the top */
  int owner;       /* of its first slot */
  esp_fmm_box box; /* of a node of the top */
  double least;    /* |a|, where it is known (trade.h) */
} esp_fmm_top_node;

typedef struct {
  int rank, size;
  int64_t n;
  int count, pieces;
  size_t capacity;
  esp_fmm_top_node *node; /* [count] the root first, parents before children */
  int *piece;             /* [pieces] the node of each */
} esp_fmm_top;

/* First slot of a rank; of rank `size`: n. */
int64_t esp_fmm_cut(const esp_fmm_top *top, int rank);
/* Has the rank slots of the node? */
int esp_fmm_meets(const esp_fmm_top *top, int rank, const esp_fmm_top_node *node);

/* Cuts the n >= 1 bodies of all ranks, and tells in which piece each of this rank is: where [bodies->n]. Keys are selected
 * exactly, digit by digit, by sums of counts over ranks: 10 reductions a level, 8 or 16 more where keys tie, of at most
 * 256 P words. Collective. Errors, on all ranks: memory. *top is the caller's (esp_fmm_top_free). */
int esp_fmm_top_make(const esp_comm *comm, const esp_fmm_scale *scale, const esp_fmm_bodies *bodies, esp_fmm_top *top,
                     int *where);
void esp_fmm_top_free(esp_fmm_top *top);

/* The rule of fmm.h: how many of `count` bodies of a node go left, where `low` lie in front of the lower plane and `high` in
 * front of the higher one. */
int64_t esp_fmm_left_count(int64_t count, int level, int64_t low, int64_t high);
/* The widest side of a box; the two planes. */
int esp_fmm_widest_side(const esp_fmm_box *box);
void esp_fmm_planes(double lo, double hi, double plane[2]);

#endif
