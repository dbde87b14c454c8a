/* Training of the gravity network on clouds: loss NMSE(D) + lambda NMSE(K), the parts of the record in this order. */
#ifndef ESP_TRAIN_GRAVITY_H
#define ESP_TRAIN_GRAVITY_H

#include "net/loss.h"
#include "net/integrator.h"
#include "net/train.h"

/* Where clouds come from. Clouds are in model units, with targets. `get` is local when sharded is 0 (this rank alone
 * asks for a whole cloud), collective when it is 1 (every rank gets its share). Between get and put the cloud is
 * borrowed. */
typedef struct {
  int clouds;    /* >= 1 */
  int sharded;   /* 0: whole clouds, 1: shared by all ranks */
  double lambda; /* weight of K */
  int (*get)(void *context, int c, const esp_cloud **cloud);
  void (*put)(void *context, int c, const esp_cloud *cloud); /* may be NULL */
  void *context;
} esp_gravity_data;

/* esp_train of the model. backend->comm: one rank (whole clouds) or comm (sharded). Measured good: rate 0.01 by cosine
 * after 20 steps of warm-up, beta2 0.999, clip 0.3, lambda 0.5. Collective over comm. */
int esp_train_gravity(const esp_comm *comm, const esp_backend *backend, const esp_gravity_data *data,
                      const esp_train_param *param, const esp_train_hooks *hooks, esp_integrator *model,
                      esp_adam *adam);

/* If the opening angle is budgeted (pairs_per_particle > 0): build one tree of the given cloud's start positions, take
 * the angle it chose as model->param.domain.lists.theta for good, and set the budget to 0. The cloud: number 0 of data;
 * with whole clouds rank 0 decides for all. Call it before esp_train_gravity; training and prediction use a fixed angle.
 * Collective. */
int esp_train_fix_theta(const esp_comm *comm, const esp_backend *backend, const esp_gravity_data *data,
                        esp_integrator *model);

#endif
