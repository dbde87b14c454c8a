/* Inside the stack: what its parameters (stack.c), its way forward (stack_pass.c) and back (stack_back.c) and its updates
 * (stack_update.c) share. */
#ifndef ESP_STACK_WORK_H
#define ESP_STACK_WORK_H

#include <math.h>

#include "net/layer.h"
#include "net/network.h"
#include "net/stack.h"

/* One layer, or, where the state has groups, one group of it: its message, and its places in the parameter block; -1: not
 * there. */
typedef struct {
  int in, out,
      own; /* numbers of the state it sees, and makes (T the last); channels that the update hears: all but those of
                       what is carried */
  int heads, stride; /* gates; numbers of the block from key, query, normals and message of one to those of the next */
  int first, count;  /* numbers of the block that are its own, together with those of slots that share them */
  esp_form form;
  esp_widths wide;
  esp_embed embed;
  int key, query, message, normal, V, W1, b, W2, a, R1, b1, R2, c, R3;
  int norm; /* gain [in], bias [in] */
  int beta; /* [own] where weights go with values */
  /* Where the search for a budgeted theta begins: where that of the last kept pass ended; 0: at param.domain.lists.theta.
   * It changes no result. The same on every rank that shares a forward. */
  double theta;
} esp_stack_slot;

/* The plan of a model. */
typedef struct {
  int lift, lift_bias; /* offsets; -1 where L = 1 */
  int carried;         /* offset of g; -1: nothing is carried */
  int slots;           /* one a layer; a group of a layer where the state has groups */
  esp_stack_slot slot[];
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
  int rows;               /* at a time; whole groups, for the gradients */
  double *joint, *djoint; /* [rows][own + H] = [a A; s] */
  double *part;           /* [rows][own / heads] of one of several heads */
  double *heard;          /* [rows][own] a A alone */
  double *one;      /* 1, the gain of what is heard where its length is changed behind it; backward alone, of that: */
  double *plain;    /* [rows][own] A */
  int64_t *one_acc; /* that gain's gradient, of which nothing is made */
  double *t;        /* [rows][h] = R1 [a A; s] + b1; on the way back silu'(t) in its place */
  double *hidden, *dhidden; /* [rows][h] silu(t) */
  double *own_R1;           /* [h][own] of R1, backward alone */
} esp_stack_scratch;

/* Home rows of one layer, of one head of it, kept for its adjoint. */
typedef struct {
  esp_layer layer;               /* layer.dom is the tree */
  double *key, *query;           /* [n][d]; query NULL with one map */
  double *key_work, *query_work; /* [n][embed hidden] */
  double *value, *offset;        /* [n][C] what is sent; what receivers bring along, NULL: nothing */
  double *plain;                 /* [n][own] of that, without weights that go with it; NULL: it has none */
  double *sum;                   /* [n][wide.sum] */
  double *carried;               /* [n][F] r^{l+1}; NULL: nothing is carried */
} esp_stack_layer;

struct esp_pass {
  const esp_device *device;
  int held;
  const double *host_x, *host_v, *host_z; /* host: the set's columns side by side, [n][D], [n][F], [n][hidden] */
  double *joined[3];                      /* host: copies, where a role has several columns */
  double *tree_key,
      *tree_query;             /* host: [n][tree dim] where the tree is not built on the learned keys; with two hops the
                                    second is the last layer's key */
  const double *value, *x, *v; /* parameters, [n][D], [n][F]: the host's, or */
  double *copy[3];             /* copies of them */
  esp_depth_state state;       /* where there is a lift */
  const double *s;             /* [n][in] what the slot at hand sees: x, of the state, or in a room: */
  double *read, *seen; /* [n][H] what it reads of the state; the norm of it, and the activation. NULL: not needed */
  double *raw;         /* [n][D + F] [x; v] */
  double *both;        /* [n][H + F] [s; v]; [n][own] V s where something is carried */
  /* Masks of dropout, NULL: nothing is dropped: [n][h] of hidden units; [n][in] of what slots see; of what the last sees. */
  double *mask, *mask_seen, *mask_last;
  double *o;           /* [n][width] or of a group */
  esp_stack_layer *at; /* host: [slots] */
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

/* Parameters and the set's rows, and room for the state that they are lifted to. Local. */
int esp_stack_pass_begin(esp_stack_walk *k);
/* The first state. Collective where the row of depth is grouped. */
int esp_stack_lift(const esp_stack_walk *k);
/* Start values (stack_start.c): count numbers N(0, variance) at `at`, of a group (stack_groups.h) of slot l, -1: of none; and all of
 * slot l's. Local. */
void esp_stack_gauss(const esp_model *model, int l, int group, int at, int count, double variance);
void esp_stack_start(const esp_model *model, int l);

/* All layers, with what the walk has been told; as esp_stack_forward. */
int esp_stack_through(esp_stack_walk *k, const esp_visit *visit, double *y, esp_cost *cost, esp_pass **pass);

/* As the network's row has them. */
int esp_stack_forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                      double *y, esp_cost *cost, esp_pass **pass);
int esp_stack_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                       const double *dy, esp_gradient *to, esp_cost *cost);
void esp_stack_pass_free(esp_pass **pass);
int esp_stack_searches(const esp_model *model);
int esp_stack_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound);
int esp_stack_judge(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_far_record *record);
int esp_stack_place(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *where, double *key,
                    double *query);

/* k->pass->s: what slot l sees of the state as it is now. Collective. */
int esp_stack_see(const esp_stack_walk *k, int l);
/* The way back: dseen [n][in], by what slot l, the one at hand, sees -> ds [n][in], by what it reads, += ; and its norm's gradient.
 * Behind it pass->s is no more. Collective. */
int esp_stack_see_back(const esp_stack_walk *k, int l, double *dseen, double *ds, esp_gradient *to);
/* The pass's masks, where its model draws any. Local. Errors: memory, and those of the device. */
int esp_stack_drop(const esp_stack_walk *k);
/* ESP_ERR_VALUE on all ranks where one of them has a number that the state cannot hold, -1: none: the bad-th of rows [n][width].
 * Collective where the row of depth is grouped. */
int esp_stack_held(const esp_stack_walk *k, const char *what, int64_t bad, int width, const double *rows);
/* What the slots between the lift and the last see is not the state itself. */
static inline int esp_stack_prepared(const esp_stack_walk *k) {
  return k->plan->lift >= 0 &&
         (esp_norms[k->param->norm]->forward || k->param->activate || k->param->dropout_state > 0);
}
/* The state is made again on the way back; and what layers keep, too, which is freed behind each. */
static inline int esp_stack_undoes(const esp_stack_walk *k) {
  return k->plan->lift >= 0 && esp_depths[k->param->depth]->undo != NULL;
}
static inline int esp_stack_frees(const esp_stack_walk *k) {
  return esp_stack_undoes(k) && !esp_depths[k->param->depth]->stores;
}
/* What slot l keeps. Where that is freed behind each, the last slot and the one at hand have places. */
static inline esp_stack_layer *esp_stack_head(const esp_stack_walk *k, int l, int h) {
  return &k->pass->at[(esp_stack_frees(k) ? l == k->plan->slots - 1 : l) * k->plan->slot[l].heads + h];
}
static inline esp_stack_layer *esp_stack_at(const esp_stack_walk *k, int l) { /* its first head, or the only one */
  return esp_stack_head(k, l, 0);
}
/* Slot l from what it sees: its sums, then o [n][out]. What its way back needs is then in esp_stack_at; where that has a domain already,
 * it is heard over it again. Collective. */
int esp_stack_run(const esp_stack_walk *k, int l, double *o);
/* Of rows of depth that are implicit (stack_settle.c): the state behind slot l, which is solved for; what its way back needs is then
 * in esp_stack_at. And of the way back: g [n][H] = dLoss/d(that state) -> u, from u = g on, in place of it, where
 * map gives ju [n][H] = (df/ds')^T u. cost may be NULL. Collective. ESP_ERR_VALUE where they do not come to the wanted tolerance. */
int esp_stack_settle(const esp_stack_walk *k, int l, esp_cost *cost);
int esp_stack_settle_back(const esp_stack_walk *k, int l, esp_fixed_point_map map, void *context, double *u,
                          esp_cost *cost);
/* Whether the state behind slot l is solved for. */
static inline int esp_stack_settles(const esp_stack_walk *k, int l) {
  return k->plan->lift >= 0 && l < k->plan->slots - 1 && esp_depths[k->param->depth]->implicit;
}
/* To a visitor: keys of slot l, behind its messages; the state before it, where a layer begins. Only forward alone, when the
 * latest state is the one that is kept. Collective. */
int esp_stack_show_keys(const esp_stack_walk *k, int l, const esp_visit *visit);
int esp_stack_show_state(const esp_stack_walk *k, int l, const esp_visit *visit);
void esp_stack_slot_end(const esp_stack_walk *k, int l);

/* Slot l's output, or dLoss by what joins the state, [n][out], damped; the prediction is not. */
static inline void esp_stack_damp(const esp_stack_walk *k, int l, double *o) {
  if (l < k->plan->slots - 1 && k->param->damping > 0)
    k->rows->state->multiply((size_t)k->n * (size_t)k->plan->slot[l].out, pow(k->param->layers, -k->param->damping), o);
}

/* What the embedding of a layer sees. */
static inline const double *esp_stack_embedded(const esp_stack_walk *k) {
  return esp_embed_raw(k->param->embedding) ? k->pass->x : k->pass->s;
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
/* d_o [n][out] -> dsum [n][wide.sum] (set), ds [n][in] += (NULL: not wanted), accumulators += one term a (group of
 * ESP_GROUP rows, number). */
void esp_stack_update_back(const esp_stack_walk *k, int l, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                           double *ds, const esp_gradient *to);

/* The sums of a head of layer l, as rows are heard. */
static inline esp_heard esp_stack_heard(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  return (esp_heard){at->wide.sum, at->form.channels, at->own / at->heads, k->param->aggregate};
}

/* What is carried (stack_transport.c). r^l before layer l [n][F]; r^{l+1} from layer l's sums; what it adds to y. Then the way
 * back: dy -> dr [n][F] (set) and the gain's gradient; dr of r^{l+1} -> dsum += and dr of r^l but for what is sent. */
const double *esp_stack_carried(const esp_stack_walk *k, int l);
void esp_stack_carry(const esp_stack_walk *k, int l);
void esp_stack_carry_out(const esp_stack_walk *k, double *y);
void esp_stack_carry_out_back(const esp_stack_walk *k, const double *dy, double *dr, const esp_gradient *to);
void esp_stack_carry_back(const esp_stack_walk *k, int l, double *dr, double *dsum);

/* Sums as differences from silence: num -= den silu(u), u the offset, and its adjoint, for layers whose message has one. A
 * sender of w = 0 with W3 = 0 then says nothing: what is left is what senders add to what the receiver says to itself.
 * Without it the sum is mostly the number of senders within the gate, and training did not start (docs/figures/relation.md).
 * back_sum: the part of den that num takes is added to dsum's; back_offset: du [n][C] += the part of u. */
void esp_stack_centre(const esp_stack_walk *k, int l);
void esp_stack_centre_back_sum(const esp_stack_walk *k, int l, double *dsum);
void esp_stack_centre_back_offset(const esp_stack_walk *k, int l, const double *dsum, double *du);

#endif
