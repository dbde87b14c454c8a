/* The stack: layers with an embedding and a tree each; which particles matter to which is learned.
 *
 * Letters: n particles, D features x, F values v, T targets y; L layers; s^l [n][H_l] the state before layer l; d key
 * dimension; C channels of the message; h hidden width of the updates.
 *
 *   s^0 = x (L = 1), or lift [x; v] to `width` numbers (L > 1)
 *   layer l:
 *     k = embed_k(s^l), q = embed_q(s^l)                   q = k unless `separate`; equal at the start
 *     gate: v^0 = v (C = F); v^l = V s^l (C = channels)    mlp: u = W1 s^l + b, w = W2 [s^l; v] (C = channels)
 *     num, den = gated sums over all particles              layer.h; near one by one, far cell by cell
 *     mlp: num -= den silu(u)                               what senders add to silence
 *       (gate: a message without an offset; mlp: one that has it, u)
 *     A = num (sum), num / (den + 0.3) (average): net/aggregate.h
 *     softmax: w v and w = exp(beta v) are sent for v, and A = num_wv / (num_w + 0.3), channel by channel
 *     o = R2 silu(R1 [a A; s^l] + b1) + c (+ R3 a A)        a: learned gain, one a layer; R3: `linear`
 *     s^{l+1} = s^l + L^-p o, or L^-p o  (width numbers; p: `damping`): net/depth.h;  the last layer: prediction y = o (T
 *     numbers)
 *   Where L > 1, everything in a layer but that last line has norm(s^l) for s^l (net/norms.h), or silu(norm(s^l)): what is
 *   added, s^l itself, has neither (pre-activation). Depth by groups makes a layer several of these, slots, each of H / G
 *   numbers.
 *
 * Several heads (`heads` H > 1): H gates a layer, each with keys, queries, width s, normals and trees of its own, hear C / H of the
 * channels of V s each, also in the first layer; A is what they heard side by side. A head is a layer of messages (net/layer.h) and
 * costs what that costs, a tree included. One tree for all of them would stand in their joint space of H d dimensions, where a cell is
 * small for every head only if it is small in all of their coordinates, whatever the others' gates have closed: few cells would be
 * far. Nothing but the sums is heads' own: aggregate, gain and update are the layer's.
 *
 * Dropout, in passes of training alone: hidden units silu(R1 [a A; s] + b1), and what layers see of the state, are multiplied by
 * a mask, 0 or 1 / (1 - share), one for all layers: of (seed, number of the pass, particle id, unit), whatever rank has the
 * particle (net/rows.h). A way back that makes layers again has the same.
 *
 * With `level` (message norm) a |s| A / |A| stands for a A, s as the layer sees it: Li, Xiong, Thabet, Ghanem, "DeeperGCN", 2020,
 * whose h + s |h| m / |m| R1 makes of the two.
 *
 * Transport: with r^0 = v, the values pass the gates of every layer as they are, averaged:
 *   r^{l+1} = (num_r + e r^l) / (den + e), e = 0.001;  y += g (r^L - r^0), g [T] learned, 1 at the start (F = T)
 * What is carried along (heat, moisture) then needs no learning but of where it comes from.
 *
 * A residual goes past every layer without an activation on it (pre-activation), so that the gradient reaches every
 * embedding. Embeddings by `coordinates` take the first d raw features in every layer.
 *
 * Start: embeddings as in net/embed.h, s = `scale`, a = 0.3; lift, V, W1 and R1 are N(0, 1/inputs), W2 N(0, 0.1/H) for the
 * state and N(0, 1/F) for the values, W3 N(0, 0.01), biases 0; R2 is N(0, g^2/h) with g 0.02 for sums and 0.3 for
 * averages, so that a stack begins near the identity; R3 is that g where output and channel have the same number, 0
 * elsewhere; normals are random unit vectors.
 *
 * Normals of learned splits have the straight-through gradient of net/split_gradient.h; with queries of their own, or mlp
 * messages, they stay as they began.
 *
 * Sets may have any INPUT, SENT and TARGET columns, and weights; HIDDEN ones are seen by controls alone. Home arrays are
 * in the caller's order, in whole groups (base/set.h). Every number is the same bits for any number of ranks. Memory O(n (H + C + d) L), or, where depth is
 * reversible, O(n (H + C + d)). */
#ifndef ESP_STACK_H
#define ESP_STACK_H

#include "base/option.h"
#include "message/message.h"
#include "net/aggregate.h"
#include "net/depth.h"
#include "net/embed.h"
#include "net/fixed_point.h"
#include "net/norms.h"
#include "tree/domain.h"

enum { ESP_STACK_MAX_LAYERS = 4096 };

/* What the trees are built on: the learned keys; or, as a control and an oracle, the raw features, or the hidden
 * coordinates that whoever made the data knows. Messages use the learned keys in every case. */
typedef enum { ESP_TREE_ON_LEARNED, ESP_TREE_ON_FEATURES, ESP_TREE_ON_HIDDEN } esp_tree_on;
const char *esp_tree_on_name(esp_tree_on on); /* "learned", "features", "hidden" */

typedef struct {
  int layers; /* L, 1..ESP_STACK_MAX_LAYERS */
  esp_embed_kind embedding;
  int dim, embed_hidden; /* d; h of the mlp embedding */
  int separate;          /* 1: q and k are two maps, with two trees */
  int message;           /* place among esp_key_messages */
  int heads;    /* gates a layer, each with a map, trees and a width of its own and its share of the channels; 0 is 1 */
  int channels; /* C of messages with an offset, and of the others after the first layer */
  int aggregate;                 /* place among esp_aggregates */
  int depth;                     /* place among esp_depths */
  int groups;                    /* G of the state, where depth is grouped */
  int norm;                      /* place among esp_norms: of what layers see of the state */
  int level;                     /* 1: what is heard comes to the update at the length of what the layer sees */
  int activate;                  /* 1: they see silu of that */
  int tied;                      /* 1: the layers between the first and the last have their parameters in common */
  double dropout, dropout_state; /* shares of hidden units, and of what layers see, that a pass of training drops */
  double damping;                /* an output, but for the last layer's, joins the state times L^-damping */
  double beta;                   /* of softmax at the start */
  int include_self;
  int transport;     /* 1: values pass through all layers' gates as they are, as well (stack_transport.c) */
  double scale;      /* s of the gates at the start */
  int width, hidden; /* H of the state where L > 1; h of the updates */
  int linear;        /* 1: a linear path R3 from what is heard to the output, past the hidden layer of the update */
  esp_tree_on tree_on;
  int tree_features; /* tree_on features: the first so many of them; 0: all */
  int hidden_halves; /* tree_on hidden: the set's hidden coordinates are r/2 as sender, then r/2 as receiver
                                    (task upstream); the second half is used where `separate`.
                                    2: r/2 of the layers before the last, then r/2 of the last (task twice) */
  esp_split_kind split;
  int split_levels;        /* learned: levels that have a normal; each layer its own */
  int far;                 /* 1; 0: near pairs alone, as a control: what is not near is dropped */
  int order;               /* of the moments that far cells of the gate message hold */
  double error;            /* wanted of far cells (net/far_error.h): lists.theta is chosen for it; 0: it is given */
  uint64_t seed;           /* of the start values */
  esp_domain_param domain; /* leaf, block, lists.theta, pairs_per_particle, pairs_limit */
  /* How states are solved for, where depth is implicit. */
  esp_fixed_point_param equilibrium;
} esp_stack_param;
/* net_*, tree_*, run_seed. Used with a checkpoint, tree_split is replaced unless either rule is learned; the checkpoint's
 * theta stands unless the run itself sets tree_theta, a budget, or tree_error. */
extern const esp_options esp_stack_options;

#endif
