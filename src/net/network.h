/* The table of networks: what is trained, whatever it is. A row is a const esp_network in a file of its own, listed in
 * net/networks.c. Training, checkpoints, evaluation and prediction reach a network through its row alone.
 *
 * A model is a row, its parameters' structure (filled from the row's options), the widths of the data, and one block of
 * parameters, the same on every rank. Everything is collective over backend->comm unless it says local, and gives the same
 * bits on any number of ranks. */
#ifndef ESP_NETWORK_H
#define ESP_NETWORK_H

#include "base/block.h"
#include "base/option.h"
#include "base/set.h"
#include "net/cost.h"
#include "net/gradient.h"

typedef struct esp_network esp_network;
typedef struct esp_pass esp_pass; /* what forward keeps for backward; the network's own */

/* Numbers a particle, by role, all columns together. */
typedef struct {
  int width[ESP_ROLES];
  char taken[ESP_SET_TAKEN]; /* which columns are seen and sent (base/set.h); "": not known */
} esp_sizes;

/* Of columns of such widths; targets that are not there count where the layout fixes their number. Local, pure. */
esp_sizes esp_sizes_of(const esp_layout *layout, const int width[ESP_COLUMNS]);

typedef struct {
  const esp_network *network;
  void *param; /* network->options->size bytes, owned */
  esp_sizes sizes;
  esp_block block;
  uint64_t
      draw;   /* which random numbers (dropout) its passes take: a training's pass has a number of its own; 0: none */
  void *plan; /* the network's own, one array: offsets, where searches begin; changes no result; owned */
} esp_model;

/* How a tree of the network would be built: for whoever cuts where it stands (partition). */
typedef struct {
  esp_domain_param domain;         /* normals of learned splits borrowed from the model */
  int queries;                     /* 1: receivers have keys of their own */
  size_t source_bytes, cell_bytes; /* of a particle and a cell as they travel */
} esp_place;

struct esp_network {
  const char *name, *help; /* "integrator", "stack" */
  const esp_options *options;
  int positions; /* 1: the trees of layer 0 stand at the set's positions (esp_space); 0: at keys of the network's own */
  /* Checks param and sizes (ESP_ERR_CONFIG naming value and range), makes the block with its start values and the plan of
   * *model, whose network, param and sizes are given. Local. */
  int (*create)(esp_model *model);
  /* Frees what the plan holds beside its own array, which is not NULL. NULL: nothing. Local. */
  void (*plan_end)(void *plan);
  /* y [n_home][target width], in the memory of backend->device, is set. pass NULL: forward alone, searches begin anew, each layer is visited and freed; else
   * *pass is what backward needs (the caller frees it with pass_free), searches begin where the last such pass ended, and
   * visit must be NULL. visit, cost may be NULL; cost is added to. set is in the network's units (ESP_ERR_ARG else).
   * n = 0 is fine. */
  int (*forward)(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                 double *y, esp_cost *cost, esp_pass **pass);
  /* dy = dLoss/dy, in the memory of backend->device -> accumulators [sums] += this rank's share, carried. Of reversible
   * networks a pass can be walked back once. */
  int (*backward)(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                  const double *dy, esp_gradient *to, esp_cost *cost);
  /* What the network adds to the loss of a training by itself, whatever its targets are: the name of that term; NULL: nothing.
   * Local; a row may leave both NULL. */
  const char *(*adds)(const esp_model *model);
  /* Between forward and backward of a pass that is kept, once, where there is such a term; model->draw is the training's:
   * *value is set, and backward of that pass then has factor times its gradient, too. Where nobody asks, backward has none of
   * it. Costs of passes do not count it. */
  int (*add)(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass, double factor,
             double *value);
  /* 1: the way back takes accumulators part by part, each of them once (net/gradient.h). NULL: it never does. Local. */
  int (*in_parts)(const esp_model *model);
  void (*pass_free)(esp_pass **pass);
  /* What the options leave to a search. searches: 1: there is something; local. aim: chooses it on a set, into model->param,
   * from what is there on; *bound: of the error that it stands for. The same bits on any number of ranks. NULL: nothing. */
  int (*searches)(const esp_model *model);
  int (*aim)(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound);
  /* What far cells err with on a set, by comparison of some receivers with all pairs. NULL: nobody knows. */
  int (*judge)(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_far_record *record);
  /* Exact accumulators of a gradient, and from them, summed over batch and ranks, the gradient [block.count]. NULL: one a
   * parameter, and its value. Local. */
  int (*sums)(const esp_model *model);
  void (*map)(const esp_model *model, const int64_t *acc, double *gradient);
  /* Where the particles are at the start, for the tree of layer 0: key [n_home][dim] (query likewise where place->queries,
   * else NULL), in the units of the set, which need not be the network's where keys are its own positions. key NULL: only
   * *place is set, and set may be NULL, too (dim and period are then 0 where they are the set's), and comm. ESP_ERR_CONFIG
   * where its tree does not stand on keys of the network's own. Collective over comm, the ranks that hold the set (a norm
   * may look at all of its particles); without keys local. */
  int (*place)(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *place, double *key,
               double *query);
  /* A home from which the trees of all layers are near: key [n_home][dim of place]. NULL: particles must stay in the set's
   * own order, whole groups; else they may lie in any order on any rank, with the same bits. Local. */
  int (*settle)(const esp_model *model, const esp_set *set, double *key);
};

extern const esp_network esp_network_integrator, esp_network_stack, esp_network_convolution;
extern const esp_network *const esp_networks[];        /* net/networks.c: NULL behind the last */
const esp_network *esp_network_find(const char *name); /* NULL: there is none */

/* Where the particles are: as the row's `place`, into arrays that are made, the caller's, also after a failure; *query stays NULL
 * where it has none. Collective over comm. */
int esp_model_places(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *place, double **key,
                     double **query);
/* Forward alone, y in the host's memory. */
int esp_model_predict(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                      double *y, esp_cost *cost);

/* What the options leave to a search, chosen on a set into model->param; *bound: of the error that it stands for, NAN: there is
 * no search. */
int esp_model_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound);

/* param is copied. Local. */
int esp_model_create(const esp_network *network, const void *param, const esp_sizes *sizes, esp_model *model);
/* The same where the number of its parameters is known (0: it is not): ESP_ERR_CONFIG if it would have others, before they
 * take memory. */
int esp_model_create_known(const esp_network *network, const void *param, const esp_sizes *sizes, int64_t known,
                           esp_model *model);
void esp_model_free(esp_model *model);
/* The start values anew: a model of the same row, param and sizes. */
int esp_model_untrained(const esp_model *model, esp_model *untrained);
/* The same row with another param and sizes: parameters of the same name and shape are taken over, others start anew. */
int esp_model_vary(const esp_model *model, const void *param, const esp_sizes *sizes, esp_model *varied);
/* Accumulators of a gradient, and from them, summed over batch and ranks, the gradient [block.count]. Local. */
int esp_model_sums(const esp_model *model);
void esp_model_map(const esp_model *model, const int64_t *acc, double *gradient);
/* For create: the groups of a message's own parameters, called prefix.NAME; returns the offset of the first. Local. */
int esp_block_add_message(esp_block *block, const esp_form *form, const char *prefix);
/* Fingerprint of the parameters' bits. Local, pure. */
uint64_t esp_model_checksum(const esp_model *model);

#endif
