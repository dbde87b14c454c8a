/* Interaction lists of the owned blocks: near leaves and accepted far cells, and the transpose of the near lists.
 *
 * Receiver I (a block) walks from the root, left child first. Node J is
 *   far   if it holds no slot of I, R_I + R_J < theta |c_I - c_J|, and, on every periodic axis a,
 *         R_I + R_J + |c_I - c_J|_a < box_a / 2 (minimum image);
 *   near  if it is a leaf and not far; else it is opened.
 * The last clause keeps each far cell in one image for all receivers of the block. It makes the shell around half a box
 * near: a sharp minimum image parts the sources there by a cube about each receiver, and every leaf on that surface,
 * O(n^(2/3)) of them in 3-D, must be summed pair by pair. Small blocks keep the shell thin. Cells taken there in the
 * image of their centre of mass err as slabs of wrong thickness do, whose pull does not fall with distance: measured at
 * n = 32768, theta 0.7, leaf 8, in 3-D even leaves alone give an error of 0.50 where the rule's is 0.033.
 * theta = 0 accepts nothing: all pairs.
 *
 * Another rule may take the place of the opening angle: a const row (esp_rule), of which theta and one number more say how
 * much it accepts; lists know no message. The clause of the period holds for all of them.
 *
 * Receivers of another tree. With separate query and key trees the blocks are those of `queries`, a tree of the same
 * shape over the receivers' keys of which only own rows are held, and the walk goes through `tree`, the senders'. Slots
 * of the two have nothing to do with each other: no node holds "a slot of I", the block's own leaves are no exception,
 * and a particle may meet itself, near or in a cell. queries = NULL: one tree.
 *
 * With one tree the block's own leaves are always near and are left out of the lists: the block with itself, self-pairs
 * masked, is one dense square that every message does first. An empty node is skipped.
 *
 * Rows are rows of the tree (own, top or ghost). */
#ifndef ESP_LISTS_H
#define ESP_LISTS_H

#include "tree/tree.h"

/* What a rule sees of a receiver block I and a node J. */
typedef struct {
  double block_radius, radius, distance; /* R_I, R_J, |c_I - c_J| (minimum image) */
  int level;                             /* of the node; 0: the root */
  int64_t count;                         /* particles of the node, INT32_MAX if there are more */
} esp_rule_view;
typedef struct {
  const char *name, *help;
  double most; /* the largest theta that a budget may choose: beyond it cells stand for nothing; 0: any */
  /* 1: the node stands in for its members at every receiver of the block. number: the rule's own. Not asked where theta
   * is 0. Pure. */
  int (*far)(double theta, const double *number, const esp_rule_view *v);
  /* For whoever sends nodes to other ranks. 0 only if `far` is 1 for every block of radius <= v->block_radius whose centre
   * is at least v->distance and at most `farthest` away, each off by some 1e-12 of itself. Pure. */
  int (*opens)(double theta, const double *number, const esp_rule_view *v, double farthest);
} esp_rule;
/* For messages that fade as exp(-r^2 / 2 s^2), *number = s: they are smooth on the scale of s, wherever that is, so a node
 * is judged by its size against s, and may be the larger the less it weighs:
 *   R_J exp(-gap^2 / 4 s^2) <= theta s, gap = max(0, |c_I - c_J| - R_I - R_J). */
extern const esp_rule esp_rule_size;

typedef struct {
  double theta;               /* of the rule; the opening angle where there is none */
  double box[ESP_MAX_DIM];    /* period by axis; 0 = open */
  const esp_rule *rule;       /* in place of the opening angle; NULL: none. Borrowed, the same on every rank */
  double rule_number;         /* what it reads */
  int64_t pairs_per_particle; /* budget; 0 = theta is given. theta is then where the search in the ladder begins */
  double theta_least;         /* of a budget: no theta below it is chosen, however few pairs are near; 0 = any */
  double theta_most;          /* of a budget: in place of the rule's `most`; 0 = that */
  int theta_halvings;         /* of a budget: how often the last step of its ladder is halved; 0 = not at all */
  int64_t pairs_limit;        /* error if near pairs exceed pairs_limit * n; 0 = no limit */
} esp_lists_param;

typedef struct {
  int n_block;         /* owned blocks */
  int64_t *near_start; /* [n_block + 1] */
  int *near;           /* leaf rows in walk order, own block left out */
  int64_t *far_start;  /* [n_block + 1] */
  int *far;            /* cell rows in walk order */
  /* transpose, for the owned leaves in slot order: receiver blocks whose near list holds the leaf (with one tree not
   * the leaf's own), ordered by global block number. An entry < n_block is an owned block; n_block + g is ghost block
   * g. */
  int n_leaf;            /* owned leaves */
  int64_t *sender_start; /* [n_leaf + 1] */
  int *sender;
  int n_ghost_block;
  int64_t *ghost_block; /* [n_ghost_block] global block numbers, ascending */
  int *ghost_first;     /* [n_ghost_block + 1] first particle in the receiver arrays (own slots, then ghosts) */
  int64_t near_pairs;   /* ordered pairs of this rank's receivers, own block included, self-pairs left out (with a
                             tree of their own: all pairs of the near lists) */
  int64_t far_pairs;    /* receiver-cell pairs of this rank */
} esp_lists;

/* The walk: near and far lists of the owned blocks. Local. ESP_ERR_INTERNAL if a node must be opened whose children are
 * not held; ESP_ERR_ARG if the two trees differ in blocks or dimension. The transpose is left empty. */
int esp_lists_walk(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, esp_lists *lists);
/* Only counts: near pairs of this rank's receivers (as near_pairs above) for one theta. Where pairs_limit is given it
 * may stop as soon as the count exceeds pairs_limit * n, so that refusing costs no more than allowing. Local. */
int esp_lists_count(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                    int64_t *near_pairs);
/* The transpose when every row in the lists is own (one rank). Local. */
int esp_lists_transpose(const esp_tree *tree, esp_lists *lists);
/* The fixed ladder of opening angles that a budget chooses from: ladder[0..*count), ascending, factor 1.1 from
 * 0.001 to the last step below 10. */
const double *esp_lists_ladder(int *count);
/* A count of near pairs over all ranks, as esp_lists_count gives one rank's. */
typedef int (*esp_lists_counter)(void *context, const esp_lists_param *param, double theta, int64_t *pairs);
/* The smallest theta of the ladder whose near pairs are at most pairs_per_particle * n; the last step if none's are;
 * theta_least where that is larger. With theta_halvings the interval between that step and the one before it, which has
 * too many pairs, is halved as often at its geometric mean, a count each, and the smallest of these thetas that fits is
 * taken: as of a ladder of factor 1.1^(1 / 2^halvings). In d dimensions a step of the ladder changes a cell's volume by
 * 1.1^d.
 * Counts fall with theta, so few are taken: by halves, or, where param->theta lies in the ladder's range, from the step
 * nearest to it outward, which is two counts if that is the answer. The answer does not depend on where the search
 * begins. The counter may stop at pairs_limit, which is set to the budget. Collective as the counter is. */
int esp_lists_choose(const esp_lists_param *param, int64_t n, esp_lists_counter counter, void *context, double *theta);
/* The receiver blocks of all leaves of an owned block, one after the other in global order: the next entry of the sender
 * lists (as in `sender`), or -1. cursor [leaves of a block] begins with zeros; seen [leaves] is set: 1 where the leaf is
 * near to that block. Local. */
int esp_lists_next_receiver(const esp_tree *tree, const esp_lists *lists, int block, int *cursor, int *seen);
/* Global number of the block that an entry of `sender` names, and its particles in the receiver arrays. Local. */
int64_t esp_lists_receiver_block(const esp_tree *tree, const esp_lists *lists, int entry);
void esp_lists_receivers(const esp_tree *tree, const esp_lists *lists, int entry, int *first, int *count);
/* Order-free-in-ranks fingerprint: for each owned block a hash of (block, near heaps in order, far heaps in order),
 * summed modulo 2^64 over blocks; add over ranks for the whole. Likewise of the sender lists (heap of leaf, global
 * blocks). */
uint64_t esp_lists_hash(const esp_tree *tree, const esp_lists *lists);
uint64_t esp_lists_sender_hash(const esp_tree *tree, const esp_lists *lists);
void esp_lists_free(esp_lists *lists);

#endif
