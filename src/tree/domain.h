/* A domain: one tree over one set of keys and everything that follows from it: order, owners, lists, halo.
 *
 * Particles live at "home": in the order and on the rank where the caller holds them, for as long as the caller likes.
 * A domain says which slot of its tree each of them has; what the messages need is moved home -> slots, results are
 * moved slots -> home. Several domains (one a layer) share one home, so state never has to travel from tree to tree.
 *
 * Queries. Where receivers have keys of their own (q beside k), they have a tree of their own: the same shape, hence
 * the same slots, blocks and leaves a rank, in another order. Two partitions, two migrations, and one halo: lists join
 * the receivers' blocks with the senders' leaves and cells. Source arrays are in the order of the senders' slots,
 * receiver arrays in the order of the receivers'.
 *
 * Three halos, all filled by begin/end pairs with work in between:
 *   sources    particles of remote leaves that are near    (after the own slots of a source array)
 *   receivers  particles of remote blocks that have an own leaf near (after the own slots of a receiver array)
 *   cells      ghost rows of the tree (remote cells that are accepted, and the roots of the other ranks' subtrees)
 *
 * The one-rank version is src/tree/domain_self.c; mpi/domain/domain.c has the same functions for many ranks. Both are
 * reached through the table, so that nothing above asks how many ranks there are.
 *
 * Every function here is collective over dom->comm unless it says local. */
#ifndef ESP_DOMAIN_H
#define ESP_DOMAIN_H

#include "base/comm.h"
#include "base/option.h"
#include "tree/cells.h"
#include "tree/grower.h"
#include "tree/lists.h"
#include "tree/route.h"
#include "tree/tree.h"

typedef struct esp_domain esp_domain;

typedef struct {
  int leaf;             /* leaf capacity B, >= 1 */
  int block;            /* block size, >= 1 */
  int dim;              /* key dimension */
  esp_split_rule split; /* zero: widest */
  esp_lists_param lists;
  /* Where particles lie for the lists, if that is not where the tree is grown: nodes' centres and radii, and so what is near
   * and what is far, are of these, finite, [n_home][place_dim]. place_dim 0: they lie at their keys. Borrowed while the
   * domain is built. place_query: of receivers with keys of their own. */
  int place_dim;
  const double *place, *place_query;
  const esp_grower *grower; /* who grows trees and makes lists; NULL: the CPU. Borrowed */
} esp_domain_param;

/* Dimensions of nodes' centres. */
static inline int esp_domain_place_dim(const esp_domain_param *param) {
  return param->place_dim > 0 ? param->place_dim : param->dim;
}

/* leaf, block, lists.theta, pairs_per_particle, theta_least, theta_halvings, pairs_limit: keys tree_*. Used with a
 * checkpoint, a theta that is set without a budget ends the budget; a run that continues with a budget takes the theta of
 * the checkpoint. */
extern const esp_options esp_domain_options;

typedef enum { ESP_HALO_SOURCES, ESP_HALO_RECEIVERS, ESP_HALO_CELLS, ESP_HALO_KINDS } esp_halo_kind;

typedef struct {
  const char *name; /* "self" or "mpi" */
  /* rows of `unit` bytes. home [n_home], slots [n_own]. */
  int (*to_slots)(esp_domain *dom, size_t unit, const void *home, void *slots);
  int (*to_home)(esp_domain *dom, size_t unit, const void *slots, void *home);
  /* Fill the ghost rows of `array` from their owners. The array must not be touched between begin and end, except to
   * read its own rows. One transfer of each kind may be under way. Rows: sources [n_own + n_ghost], receivers
   * [n_own + n_receiver_ghost], cells [row_count]. */
  int (*halo_begin)(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array);
  int (*halo_end)(esp_domain *dom, esp_halo_kind kind, size_t unit, void *array);
  /* Reverse of the cell halo with integer addition: acc [row_count][words]. Ghost rows are added to their owner's row
   * and cleared; top rows become the sum over all ranks, on every rank. */
  int (*cells_reduce)(esp_domain *dom, int words, int64_t *acc);
  /* As to_slots and to_home for the receivers' slots; with one tree they are the same. */
  int (*to_receivers)(esp_domain *dom, size_t unit, const void *home, void *slots);
  int (*receivers_home)(esp_domain *dom, size_t unit, const void *slots, void *home);
  /* What these do, as data: *route is the caller's (esp_route_free). Local. Errors: memory. */
  int (*route)(const esp_domain *dom, esp_route_kind kind, esp_route *route);
  void (*destroy)(esp_domain *dom); /* frees impl */
} esp_domain_ops;

/* What a domain cost: for reports. Of this rank. */
typedef struct {
  int64_t moved; /* home particles whose slot is on another rank; with queries in either of the two trees,
                                 each move counted */
  int64_t ghosts, receiver_ghosts, ghost_cells;
  int64_t essential_rows;           /* remote nodes received before the walk */
  int64_t messages[ESP_HALO_KINDS]; /* messages this rank receives in one transfer */
  int64_t bytes;                    /* bytes this rank has received through the halos and migrations so far */
  double seconds_split, seconds_essential, seconds_lists, seconds_halo_setup;
} esp_domain_stats;

struct esp_domain {
  const esp_comm *comm;
  const esp_domain_ops *ops;
  esp_domain_param param; /* lists.theta is the one used, also when budgeted */
  int64_t n;              /* particles in all */
  int n_home;
  int n_own, n_ghost, n_receiver_ghost;
  int64_t *id;       /* [n_own] ids in the order of the senders' slots */
  esp_tree tree;     /* the senders' (and, with one tree, the receivers') */
  esp_tree *queries; /* the receivers' where they have their own keys: same shape, own rows only; else NULL */
  esp_lists lists;   /* receiving blocks: of queries, if there is one; rows: of tree */
  /* owned blocks whose near leaves are all own (may be computed while sources travel), then the others; likewise for
   * the backward pass: blocks all of whose leaves have only own receivers, then the others. */
  int *block_order, n_interior;               /* [n_block] */
  int *sender_block_order, n_sender_interior; /* [n_block] */
  esp_domain_stats stats;
  void *impl;
  /* What a device keeps of the domain, made when it first needs it; freed before all else, if it is not NULL. */
  void *there;
  void (*there_free)(void **there);
  /* Likewise what its walks of cells keep of the rows (net/device.h: esp_device_cells). */
  void *rows_there;
  void (*rows_free)(void **rows_there);
};

/* Build: keys z [n_home][dim] float64, finite; query [n_home][dim] the receivers' keys, likewise, or NULL on all ranks:
 * one tree (a rank without particles may leave it NULL, too); id [n_home], unique over all ranks (checked). n_home >= 0
 * may differ by rank; n = sum >= 0. Errors, on all ranks: ESP_ERR_VALUE naming id and axis of a non-finite key, or a
 * duplicate id; ESP_ERR_LIMIT where near pairs exceed the limit (coincident particles); ESP_ERR_CONFIG for theta < 0,
 * leaf < 1, dim; ESP_ERR_ARG where only some ranks give query keys. With box[a] > 0 every z_a
 * and query_a must lie in [0, box_a) (the caller wraps); else ESP_ERR_VALUE. *dom is owned by the caller. */
typedef int (*esp_domain_builder)(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                                  const double *query, const int64_t *id, esp_domain **dom);
/* The builder for comm->size == 1. */
int esp_domain_build_self(const esp_comm *comm, const esp_domain_param *param, int n_home, const double *z,
                          const double *query, const int64_t *id, esp_domain **dom);
void esp_domain_free(esp_domain **dom);
/* Local helper of both builders: checks param and keys (finite, in the box), with the messages above. */
int esp_domain_check(const esp_domain_param *param, int n_home, const double *z, const double *query,
                     const int64_t *id);
/* Inside the builders: ESP_ERR_LIMIT, with a hint at what to change, for a domain of so many near pairs. keys [n_own][dim] of
 * its slots. Collective over dom->comm. */
int esp_domain_refuse_pairs(const esp_domain *dom, const double *keys, int64_t pairs);

#endif
