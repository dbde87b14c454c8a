/* Inside the stack: what its parameters (stack.c), its way forward (stack_pass.c) and back (stack_back.c) and its updates
 * (stack_update.c) share. */
#ifndef ESP_STACK_WORK_H
#define ESP_STACK_WORK_H

#include "net/layer.h"
#include "net/network.h"
#include "net/stack.h"

/* One layer: its message, and its places in the parameter block; -1: not there. */
typedef struct {
  int in, out, own; /* H_l; width or T; channels that the update hears: all but those of what is carried */
  esp_form form;
  esp_widths wide;
  esp_embed embed;
  int key, query, message, normal, V, W1, b, W2, a, R1, b1, R2, c, R3;
} esp_stack_slot;

/* The plan of a model. */
typedef struct {
  int lift, lift_bias; /* offsets; -1 where L = 1 */
  int carried;         /* offset of g; -1: nothing is carried */
  esp_stack_slot slot[ESP_STACK_MAX_LAYERS];
  /* Where each layer's search for a budgeted theta begins: where that of the last kept pass ended; 0: at
   * param.domain.lists.theta. It changes no result. The same on every rank that shares a forward. */
  double theta[ESP_STACK_MAX_LAYERS];
} esp_stack_plan;

/* Of a layer, with the order of its moments as it is now: whoever uses a trained network may ask for another. */
static inline esp_form esp_stack_form(const esp_stack_param *p, const esp_stack_slot *at) {
  esp_form form = at->form;
  form.order = p->order;
  return form;
}

/* All arrays of a pass lie in the device's memory, but for those that say host. */

/* What updates need for a moment, for a few rows at a time; wide enough for every layer. */
typedef struct {
  int rows;                 /* at a time; whole groups, for the gradients */
  double *joint, *djoint;   /* [rows][own + H] = [a A; s] */
  double *heard;            /* [rows][own] a A alone */
  double *t;                /* [rows][h] = R1 [a A; s] + b1; on the way back silu'(t) in its place */
  double *hidden, *dhidden; /* [rows][h] silu(t) */
  double *own_R1;           /* [h][own] of R1, backward alone */
} esp_stack_scratch;

/* Home rows of one layer, kept for its adjoint. */
typedef struct {
  esp_layer layer;               /* layer.dom is the tree */
  double *key, *query;           /* [n][d]; query NULL with one map */
  double *key_work, *query_work; /* [n][embed hidden] */
  double *value, *offset;        /* [n][C] what is sent; what receivers bring along, NULL: nothing */
  double *sum;                   /* [n][wide.sum] */
  double *carried;               /* [n][F] r^{l+1}; NULL: nothing is carried */
} esp_stack_layer;

struct esp_pass {
  const esp_device *device;
  int layers;
  const double *host_x, *host_v, *host_z; /* host: the set's columns side by side, [n][D], [n][F], [n][hidden] */
  double *joined[3];                      /* host: copies, where a role has several columns */
  double *tree_key,
      *tree_query;             /* host: [n][tree dim] where the tree is not built on the learned keys; with two hops the
                                    second is the last layer's key */
  const double *value, *x, *v; /* parameters, [n][D], [n][F]: the host's, or */
  double *copy[3];             /* copies of them */
  double *state;               /* [L or, unless kept, 1][n][H] s^0 .. s^{L-1}; NULL where L = 1: s^0 is x */
  double *raw;                 /* [n][D + F] [x; v] */
  double *both;                /* [n][H + F] [s; v]; [n][own] V s where something is carried */
  double *o;                   /* [n][width] */
  esp_stack_layer *at;         /* host: [L] */
  esp_stack_scratch scratch;
};

/* One set on its way. */
typedef struct esp_stack_walk esp_stack_walk;
struct esp_stack_walk {
  const esp_model *model;
  const esp_stack_param *param;
  const esp_stack_plan *plan;
  const double *value, *host_value; /* the parameters, in the device's memory and in the host's */
  const esp_backend *backend;
  const esp_device *device; /* the backend's, and its tables */
  const esp_dense *dense;
  const esp_rows *rows;
  const esp_set *set;
  int n, D, F, hidden; /* home particles; numbers of an input, of what is sent, and hidden ones */
  esp_pass *pass;
  int keep;
  /* Of layer l while its domain stands, collective; NULL: nothing. */
  int (*each)(const esp_stack_walk *k, int l, void *context);
  void *context;
};
esp_stack_walk esp_stack_walk_of(const esp_model *model, const esp_backend *backend, const esp_set *set,
                                 esp_pass *pass);

/* All layers, with what the walk has been told; as esp_stack_forward. */
int esp_stack_through(esp_stack_walk *k, const esp_visit *visit, double *y, esp_cost *cost, esp_pass **pass);

/* As the network's row has them. */
int esp_stack_forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                      double *y, esp_cost *cost, esp_pass **pass);
int esp_stack_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                       const double *dy, int64_t *acc, esp_cost *cost);
void esp_stack_pass_free(esp_pass **pass);
int esp_stack_searches(const esp_model *model);
int esp_stack_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound);
int esp_stack_judge(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_far_record *record);
int esp_stack_place(const esp_model *model, const esp_set *set, esp_place *where, double *key, double *query);

/* The state before layer l > 0, or the lifted one. */
static inline double *esp_stack_lifted(const esp_stack_walk *k, int l) {
  return k->pass->state + (k->keep ? (size_t)l : 0) * (size_t)k->n * (size_t)k->plan->slot[0].in;
}

/* Without a lift there is one layer, on the raw features. */
static inline const double *esp_stack_state(const esp_stack_walk *k, int l) {
  return k->plan->lift < 0 ? k->pass->x : esp_stack_lifted(k, l);
}

/* What the embedding of a layer sees. */
static inline const double *esp_stack_embedded(const esp_stack_walk *k, int l) {
  return esp_embed_raw(k->param->embedding) ? k->pass->x : esp_stack_state(k, l);
}

/* ---- a layer's update (stack_update.c): sums -> aggregate -> o = R2 silu(R1 [a A; s] + b1) + c (+ R3 a A), and its
 * adjoint ----
 *
 * Float64; a row's numbers do not depend on its neighbours. What lies between A and o is computed again on the way back, a
 * few rows at a time: cheaper than to write it to memory and read it. Local. */

/* The second of each pair only if `backward`. */
int esp_stack_scratch_create(const esp_stack_walk *k, int backward, esp_stack_scratch *scratch);
void esp_stack_scratch_free(const esp_device *device, esp_stack_scratch *scratch);
/* Layer l's sums and state -> o [n][out]. */
void esp_stack_update(const esp_stack_walk *k, int l, double *o);
/* d_o [n][out] -> dsum [n][wide.sum] (set), ds [n][H] += (NULL: not wanted), acc [count][ESP_EXACT_FULL_WORDS] of the
 * whole block += one term a (group of ESP_GROUP rows, number). */
void esp_stack_update_back(const esp_stack_walk *k, int l, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                           double *ds, int64_t *acc);

/* The sums of layer l, as rows are heard. */
static inline esp_heard esp_stack_heard(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  return (esp_heard){at->wide.sum, at->form.channels, at->own, k->param->aggregate};
}

/* What is carried (stack_transport.c). r^l before layer l [n][F]; r^{l+1} from layer l's sums; what it adds to y. Then the way
 * back: dy -> dr [n][F] (set) and the gain's gradient; dr of r^{l+1} -> dsum += and dr of r^l but for what is sent. */
const double *esp_stack_carried(const esp_stack_walk *k, int l);
void esp_stack_carry(const esp_stack_walk *k, int l);
void esp_stack_carry_out(const esp_stack_walk *k, double *y);
void esp_stack_carry_out_back(const esp_stack_walk *k, const double *dy, double *dr, int64_t *acc);
void esp_stack_carry_back(const esp_stack_walk *k, int l, double *dr, double *dsum);

/* Sums as differences from silence: num -= den silu(u), u the offset, and its adjoint, for layers whose message has one. A
 * sender of w = 0 with W3 = 0 then says nothing: what is left is what senders add to what the receiver says to itself.
 * Without it the sum is mostly the number of senders within the gate, and training did not start (docs/figures/relation.md).
 * back_sum: the part of den that num takes is added to dsum's; back_offset: du [n][C] += the part of u. */
void esp_stack_centre(const esp_stack_walk *k, int l);
void esp_stack_centre_back_sum(const esp_stack_walk *k, int l, double *dsum);
void esp_stack_centre_back_offset(const esp_stack_walk *k, int l, const double *dsum, double *du);

#endif
