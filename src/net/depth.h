/* The table of depth: how the outputs of layers become the state between them, and the way back. A row is a const esp_depth,
 * listed in net/depths.c.
 *
 * The state s before a layer is [n][H], of home rows, in the device's memory. A slot is one layer with its own tree; slots
 * 0 .. slots - 1 lie between the lift and the last layer, which reads the whole state and whose output is the prediction. In
 * rows that are grouped, H numbers are G groups of H / G, and a layer of the network is G slots, one a group:
 *
 *   x'_1 = x_1 + f_1(x_2 + ... + x_G),  x'_i = x_i + f_i(x'_{i-1})
 *
 * so that x follows from x': x_i = x'_i - f_i(x'_{i-1}) for i = G .. 2, then x_1. Such rows keep one state, and the way back
 * makes each slot's input, tree, lists and halo again from the one behind it: memory does not grow with depth. Held as
 * int64 multiples of 2^-q, sums and differences undo each other bit for bit; held as float64 they do to rounding, which
 * grows with depth (a control). Exact: Maclaurin, Duvenaud, Adams, "Gradient-based hyperparameter optimization through
 * reversible learning", ICML 2015; grouped: Li, Mueller, Ghanem, Koltun, "Training graph neural networks with 1000 layers",
 * ICML 2021.
 *
 * Gradients pass through the rounding to 2^-q as if it were not there.
 *
 * In rows that are implicit a slot reads the state behind it: s' = s + f(s'), an equilibrium, which is solved for
 * (net/fixed_point.h) from s on. It is what a stack of tied layers that s is added to before each, s' <- s + f(s'), comes to,
 * and the way back is that of the equilibrium alone, by the implicit function: with dLoss/ds' = g, u = g + (df/ds')^T u is solved
 * for likewise, then u is dLoss/ds, and goes through f's parameters once. Memory is that of one layer, time goes
 * with the iterations. The slot's tree and lists are made once, from its keys of s, and are constants of the solve and of its adjoint:
 * f would jump where they change, and no iteration comes below that. Gates are of the keys of s' as it moves, near and far. Bai,
 * Kolter, Koltun, "Deep equilibrium models", NeurIPS 2019; Gu, Chang, Zhu, Sojoudi, El Ghaoui, "Implicit graph neural
 * networks", NeurIPS 2020.
 *
 * How much a layer contracts is measured at every solve and not enforced: its outputs begin small, net_aggregate average keeps
 * them from growing with the number of particles, and what is not found is an error that names the layer.
 *
 * Local. */
#ifndef ESP_DEPTH_H
#define ESP_DEPTH_H

#include <stddef.h>

#include "net/device.h"

enum { ESP_DEPTH_GROUPS = 16, ESP_DEPTH_BITS = 40 /* q: states lie within +-2^22 */ };

typedef struct esp_depth esp_depth;
typedef struct esp_holding esp_holding; /* how a grouped row holds numbers; its own */

/* The state of a pass. */
typedef struct {
  const esp_depth *depth;
  const esp_device *device;
  int n, width, groups; /* H; 1 where the row is not grouped */
  int slots;            /* between the lift and the last layer */
  int kept;       /* 1: the states before all slots; 0: the latest. Grouped rows have the latest in any case, implicit
                           ones all: that behind slot t is where it is solved for */
  double *value;  /* [kept ? slots + 1 : 1][n][H], or [G][n][H / G] */
  int64_t *fixed; /* [G][n][H / G] in place of it */
  double *room;   /* [n][H / G] where the row is grouped; another [n][H] that it needs; NULL: none */
} esp_depth_state;

struct esp_depth {
  const char *name, *help;
  int grouped, implicit;
  int alike; /* 1: the first slot is shaped as those behind it: it sends what it makes of its state, and is tied with them */
  int stores; /* 1, a control: trees, lists, halos and rows of all slots are kept, and the state alone is made again */
  const esp_holding *holding;
  int (*create)(esp_depth_state *state); /* errors: memory */
  /* s [n][H] is the first state. *bad: the index in s of a number that it cannot hold, -1: there is none. */
  void (*begin)(esp_depth_state *state, const double *s, int64_t *bad);
  /* Of implicit rows: s before slot t, and s' behind it. */
  double *(*before)(const esp_depth_state *state, int t);
  /* What slot t reads, [n][H, or H / G before the last layer]: in the state, or in `room`, of that size. */
  const double *(*read)(const esp_depth_state *state, int t, double *room);
  /* The output o of slot t < slots joins; [n][H or H / G]. *bad: as in begin, in o. */
  void (*join)(esp_depth_state *state, int t, const double *o, int64_t *bad);
  /* The state before slot t from that after it and its output. NULL: it is lost, and states are kept. */
  void (*undo)(esp_depth_state *state, int t, const double *o);
  /* ds, shaped as the latest state: dLoss by the state after slot t -> what of it goes past the slot; d_o: by its output. */
  void (*join_back)(const esp_depth_state *state, int t, double *ds, double *d_o);
  /* dread, by what slot t reads, is added to ds: of rows that read into `room`; and of implicit ones, whose d_o is u by then and
   * makes of ds the gradient by s, too. NULL: what is read is the state before the slot. */
  void (*read_back)(const esp_depth_state *state, int t, const double *dread, double *ds);
  /* ds [n][H] of the first state, with all that comes to it, from the state's own shape. NULL: it is ds. room [n][H]. */
  const double *(*begin_back)(const esp_depth_state *state, const double *ds, double *room);
};

extern const esp_depth *const esp_depths[]; /* NULL behind the last */
extern const esp_depth esp_depth_reversible, esp_depth_reversible_float, esp_depth_reversible_stored;
const char *esp_depth_name(int k); /* of the k-th; NULL behind the last */

void esp_depth_state_free(esp_depth_state *state);

#endif
