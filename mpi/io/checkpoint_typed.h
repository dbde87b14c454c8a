/* Checkpoints of the two networks as their own structures, for callers that do not hold an esp_model yet: the functions of
 * io/checkpoint.h, through a model. */
#ifndef ESP_CHECKPOINT_TYPED_H
#define ESP_CHECKPOINT_TYPED_H

#include "io/checkpoint.h"
#include "net/integrator.h"
#include "net/relation.h"

int esp_integrator_checkpoint_write(const esp_comm *comm, const char *path, const esp_integrator *net,
                                    const esp_adam *adam, const char *precision);
int esp_integrator_checkpoint_read(const esp_comm *comm, const char *path, esp_integrator *net, esp_adam *adam,
                                   char *precision);
int esp_integrator_checkpoint_resume(const esp_comm *comm, const char *path, esp_integrator *net, esp_adam *adam,
                                     const char *precision);
int esp_relation_checkpoint_write(const esp_comm *comm, const char *path, const esp_relation *net, const esp_adam *adam,
                                  const char *precision);
int esp_relation_checkpoint_read(const esp_comm *comm, const char *path, esp_relation *net, esp_adam *adam,
                                 char *precision);
int esp_relation_checkpoint_resume(const esp_comm *comm, const char *path, esp_relation *net, esp_adam *adam,
                                   const char *precision);

#endif
