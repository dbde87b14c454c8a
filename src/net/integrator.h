/* The network: L gravity layers joined by a tableau, over one block of parameters.
 *
 * Letters: n particles in all, n_home of them here, L layers, A^l [n_home][3] what layer l gives at the places
 * Y_l = x + c_l w + sum_{k<l} alpha_lk A^k (tableau.h). Prediction in model units: D = sum b_l A^l (displacement beyond
 * the ballistic one), K = sum b'_l A^l (velocity change), both with their mass-weighted mean removed, so that total
 * momentum is kept; where the total mass is zero the plain mean is removed.
 *
 * The tree of layer l is rebuilt at Y_l by backend->build. Home arrays are in the caller's order. Every number is the
 * same bits for any number of ranks: sums over particles go through exact accumulators.
 *
 * Memory: O(n_home L). A kept pass holds L layers (domain, sources, cells) for the backward pass. */
#ifndef ESP_INTEGRATOR_H
#define ESP_INTEGRATOR_H

#include "base/block.h"
#include "base/option.h"
#include "base/particles.h"
#include "net/layer.h"
#include "net/cost.h"
#include "net/tableau.h"

typedef struct {
  int layers; /* 1..ESP_MAX_LAYERS */
  esp_tableau_kind tableau;
  int message;   /* place among esp_body_messages */
  int hidden;    /* H of a learned message, 1..128; 0 of one that learns nothing */
  uint64_t seed; /* of the learned message's start values */
  /* leaf, block, lists.theta, lists.pairs_per_particle, lists.pairs_limit. dim and lists.box come from the cloud. */
  esp_domain_param domain;
} esp_integrator_param;
/* net_layers, net_tableau, net_message, net_hidden, run_seed and the tree's. A run that continues with a budget takes the
 * angle that was found for it before the first step. */
extern const esp_options esp_integrator_options;

typedef struct {
  esp_integrator_param param;
  esp_block block;   /* tableau.c, tableau.alpha, mlp0.W1 ... */
  int tableau_count; /* the first ones are the tableau's free numbers, the rest the learned messages' */
  int mlps;          /* learned messages: 0, 1, or L */
  int mlp_count;     /* parameters of one */
} esp_integrator;

/* Checks param (ESP_ERR_CONFIG naming the value and the range) and sets the start values. Local. */
int esp_integrator_create(const esp_integrator_param *param, esp_integrator *model);
void esp_integrator_free(esp_integrator *model);

/* What forward leaves for backward and for the caller. */
typedef struct {
  int n_home, layers;
  double (*D)[3], (*K)[3]; /* [n_home] the prediction */
  double (*A)[3];          /* [L * n_home] layer by layer */
  esp_layer *layer;        /* [L] kept layers; layer[l].dom is the tree at Y_l */
  double mass;             /* total mass; 0 if there is none */
  double table[ESP_MAX_TABLE];
  esp_cost cost;
} esp_integrator_pass;

/* cloud must be in model units (ESP_ERR_ARG else). Collective over backend->comm. Errors: those of the layers. n = 0 is
 * fine. Free the pass with esp_integrator_pass_free, also before the next forward into it. */
int esp_integrator_forward(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                           esp_integrator_pass *pass);
void esp_integrator_pass_free(esp_integrator_pass *pass);

/* Forward alone: each layer is freed at once. D, K [n_home][3] are the caller's; the cloud is not touched. visit, cost
 * may be NULL. The bits of forward. */
int esp_integrator_predict(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                           double (*D)[3], double (*K)[3], const esp_visit *visit, esp_cost *cost);

/* A gradient under way: exact accumulators, one a table number and one a learned parameter, this rank's share of the
 * sum over particles, layers and clouds. */
typedef struct {
  int count;     /* esp_gradient_sums(model) */
  int64_t *acc;  /* [count][ESP_EXACT_FULL_WORDS] */
  double *value; /* [model->count] set by esp_gradient_map */
  double *sums;  /* [count] scratch */
} esp_gradient;
/* Number of accumulators: esp_tableau_size(L) + mlps * mlp_count. */
int esp_gradient_sums(const esp_integrator *model);
int esp_gradient_create(const esp_integrator *model, esp_gradient *gradient);
void esp_gradient_free(esp_gradient *gradient);
/* gD, gK [n_home][3] = dLoss/dD, dLoss/dK of the pass -> added to gradient->acc (this rank's share). The pass must be
 * that of the same model values and cloud. Collective over backend->comm. */
int esp_integrator_backward(const esp_integrator *model, const esp_backend *backend, const esp_cloud *cloud,
                            esp_integrator_pass *pass, const double (*gD)[3], const double (*gK)[3],
                            esp_gradient *gradient);
/* Sum the accumulators over the ranks of `comm`: integers through comm->sum_i64, the same bits in any order.
 * Collective. */
int esp_gradient_sum(const esp_comm *comm, esp_gradient *gradient);
/* Round the sums and map them to gradient->value. Local. */
void esp_gradient_map(const esp_integrator *model, esp_gradient *gradient);

/* One step of a roll-out, in place: x += w + D, w += K (wrapped into the box where periodic). Targets are left alone.
 * Local. ESP_ERR_ARG unless in model units. */
int esp_cloud_advance(esp_cloud *cloud, const double (*D)[3], const double (*K)[3]);
/* Change the horizon to factor * T: w *= factor, mu *= factor^2. Targets, if any, keep meaning the old one. Local. */
int esp_cloud_horizon(esp_cloud *cloud, double factor);

#endif
