/* What the receivers of other ranks may open of the pieces of this one, sent to them: a superset that is found without
 * asking, so lists are those of the whole tree.
 *
 * Each rank tells all where its receivers are: areas (nodes of its pieces, with the extremes of what is in them), and the
 * nodes above these one by one. A node's children go to a rank if one of its receivers may ask for them (rules: fmm.h; for |a|: 
 * its radius is not below the distance), and a leaf's bodies if one may want them. An estimate grows with the receiver's
 * radius and falls with its distance and least |a|, so an area answers for all in it; 1e-5 stands for what is rounded.
 *
 * Then the tree is put together anew: the top, the pieces held, and of the others what came. */
#ifndef ESP_FMM_TRADE_H
#define ESP_FMM_TRADE_H

#include "fmm/work.h"

/* root: of all pieces, from their owners. floor. Collective. Errors, on all ranks: memory. */
int esp_fmm_gather_roots(esp_fmm_work *w);
/* least of all pieces and of the top: own.node's least is known. Collective. Errors: memory. */
int esp_fmm_gather_least(esp_fmm_work *w);
/* What a tree is put together for: the estimate of |a|, or the walk. */
typedef struct esp_fmm_region esp_fmm_region;
typedef struct {
  int whole; /* moments and bodies are sent, too */
  /* May a receiver of this region open a node with this record, or want the bodies of a leaf? D2: of the box of the region from c. */
  int (*opens)(const esp_fmm_work *w, const esp_fmm_region *region, const esp_fmm_cell *cell, double D2);
} esp_fmm_purpose;
extern const esp_fmm_purpose esp_fmm_for_estimate, esp_fmm_for_walk;
/* The tree for it. Collective. Errors, on all ranks: memory, ESP_ERR_INTERNAL. */
int esp_fmm_trade(esp_fmm_work *w, const esp_fmm_purpose *purpose);

#endif
