/* Inside the graph convolution: what its parameters (convolution.c), its way forward (convolution_pass.c) and back
 * (convolution_back.c) share. */
#ifndef ESP_CONVOLUTION_WORK_H
#define ESP_CONVOLUTION_WORK_H

#include "net/convolution.h"
#include "net/given_sum.h"
#include "net/layer.h"

/* Theta that a budget may choose: an average of what senders say stays among it, however large the cells are. */
enum { ESP_CONVOLUTION_LAYERS = 2, ESP_CONVOLUTION_THETA = 10 };

/* The edges of the set that was seen last, weighed and in their places, for the next pass over it. */
typedef struct {
  int there;
  uint64_t print; /* of what they were made of on this rank */
  esp_given given;
  esp_given_there rows;
} esp_convolution_graph;

/* Who is near to whom among the keys that were seen last: the same for both layers, for a forward pass behind a step and the next one,
 * and, where keys are constants, for a whole training. Passes that are kept lie over it: none may be walked back after one over
 * other keys. */
typedef struct {
  esp_domain *dom; /* NULL: there is none */
  uint64_t print;  /* of what it was made of on this rank */
  double theta;    /* that of the last domain: where the search of a budgeted one begins; 0: there was none */
} esp_convolution_place;

/* Gate regression beside the classes: of the set that was seen last. Passes in which it was asked borrow the directions: none may be
 * walked back after another set was asked. */
typedef struct {
  int there;
  uint64_t print; /* of the features on this rank, and of the gate's width */
  esp_gate_directions directions;
  int64_t step;    /* which masks the model takes */
  esp_model model; /* of E alone */
} esp_convolution_beside;

/* The plan of a model. */
typedef struct {
  esp_convolution_places at;
  int gated, given; /* which of the terms of M weigh more than 0 */
  int learns;       /* 1: keys are trained */
  esp_convolution_beside beside;
  esp_convolution_graph graph;
  esp_convolution_place place;
} esp_convolution_plan;

/* All arrays lie in the device's memory, but for those that say host. */
struct esp_pass {
  const esp_device *device;
  double *joined;                        /* host: [n][dense] features that are dense, where they are several columns */
  double *copy[2];                       /* of the parameters, of those features */
  const double *value, *x;               /* parameters, [n][dense] */
  esp_csr_there words;                   /* sparse features */
  int dense;                             /* features that are; sparse ones are those behind them */
  double *key;                           /* [n][d]; NULL: nothing is gated */
  double *mixed[ESP_CONVOLUTION_LAYERS]; /* [n][h], [n][K] what M is applied to */
  double *sum[ESP_CONVOLUTION_LAYERS];   /* [n][h + 1], [n][K + 1] what is heard through the gate */
  esp_layer layer[ESP_CONVOLUTION_LAYERS];
  /* What W1 sees of the features, and a mask of hidden units [n][h]: in a training with dropout; else the features themselves, and
   * NULL. */
  const double *seen;
  esp_csr_there seen_words; /* its copies are not its own */
  double *dropped, *dropped_words, *mask;
  double *scaled; /* [n][max(h, K)] for a moment, where given edges have a share */
  double *hidden; /* [n][h] */
  /* Of gate regression beside the classes, where somebody asked. */
  struct {
    double *own;    /* host: features, as `joined` */
    esp_set set;    /* borrows them */
    esp_pass *pass; /* NULL: nobody asked */
    double *dy;     /* [n][C] */
  } beside;
};

/* One set on its way. */
typedef struct esp_convolution_walk esp_convolution_walk;
struct esp_convolution_walk {
  const esp_model *model;
  const esp_convolution_param *param;
  esp_convolution_plan *plan;
  const esp_backend *backend;
  const esp_device *device; /* the backend's, and its tables */
  const esp_dense *dense;
  const esp_rows *rows;
  const esp_set *set;
  int n, D, h, K; /* home particles, features, hidden units, classes */
  esp_pass *pass;
  /* Of layer l while its domain stands, collective; NULL: nothing. */
  int (*each)(const esp_convolution_walk *k, int l, void *context);
  void *context;
};
esp_convolution_walk esp_convolution_walk_of(const esp_model *model, const esp_backend *backend, const esp_set *set,
                                             esp_pass *pass);

/* Numbers a particle of what layer l mixes. */
static inline int esp_convolution_wide(const esp_convolution_walk *k, int l) {
  return l == 0 ? k->h : k->K;
}
/* The gate's message of so many channels. Local. */
esp_form esp_convolution_form(const esp_convolution_param *param, int channels);
/* As the weights of M's terms: of itself, through the gate, along given edges. Local, pure. */
typedef struct {
  double own, gate, given;
} esp_convolution_shares;
esp_convolution_shares esp_convolution_shares_of(const esp_convolution_param *param);

/* Dense columns of features side by side, [n_home][*width]: the one column itself, or a copy in *made. ESP_ERR_ARG where dense and sparse
 * columns together are not D wide. Local. */
int esp_convolution_features(const esp_set *set, int D, int *width, const double **rows, double **made);
/* y [n][out] = x W, W [D][out], in the memory of `rows` and `dense`. Local. */
void esp_convolution_product(const esp_dense *dense, const esp_rows *rows, int n, int width, const double *x,
                             const esp_csr_there *words, int out, const double *W, double *y);

/* The set's edges, from the last pass where they are the same. Collective. */
int esp_convolution_edges(const esp_convolution_walk *k);
void esp_convolution_graph_free(esp_convolution_graph *graph);

/* Gate regression beside the classes (convolution_beside.c): as the network's row has them; and its gradient by E, of a pass in
 * which it was asked, into the part at hand. Collective. */
const char *esp_convolution_adds(const esp_model *model);
int esp_convolution_add(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                        double factor, double *value);
int esp_convolution_add_back(const esp_convolution_walk *k, esp_gradient *to);
void esp_convolution_beside_leave(esp_pass *pass);
void esp_convolution_beside_free(esp_convolution_beside *beside);

/* Both layers, with what the walk has been told; as esp_convolution_forward. */
int esp_convolution_through(esp_convolution_walk *k, const esp_visit *visit, double *y, esp_cost *cost,
                            esp_pass **pass);

/* As the network's row has them. */
int esp_convolution_forward(const esp_model *model, const esp_backend *backend, const esp_set *set,
                            const esp_visit *visit, double *y, esp_cost *cost, esp_pass **pass);
int esp_convolution_backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                             const double *dy, esp_gradient *to, esp_cost *cost);
void esp_convolution_pass_free(esp_pass **pass);
int esp_convolution_searches(const esp_model *model);
int esp_convolution_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound);
int esp_convolution_judge(const esp_model *model, const esp_backend *backend, const esp_set *set,
                          esp_far_record *record);

#endif
