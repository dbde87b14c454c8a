/* What the files of the learned relation share. Not installed. */
#ifndef ESP_LIB_LEARNED_H
#define ESP_LIB_LEARNED_H

#include "domain/shares.h"
#include "lib/work.h"
#include "net/train.h"
#include "tasks/task.h"

struct espalier_relation {
  esp_comm *comm;
  const esp_task *task; /* that of rows */
  void *data, *loss;    /* its structure and its loss's, all defaults */
  esp_model model;
  esp_adam adam; /* of the last training; m NULL: there was none */
  double last;   /* its loss; NAN likewise */
  esp_train_param how;
  esp_shard_param shard;
  const esp_device *device;
  int training;
};

static inline esp_backend esp_learned_backend(const espalier_relation *r) {
  return (esp_backend){.comm = r->comm, .build = esp_domain_build_mpi, .device = r->device};
}

/* Is this an object, and does MPI run? Local. */
int esp_learned_check(const espalier_relation *r, const char *function);

/* The caller's rows as a set, and the way from one to the other. */
typedef struct {
  esp_set set;
  esp_shares shares;
} esp_learned_rows;
/* trains: with targets and weights; results: there is a place for them; what: "set 3", for messages. *to is the caller's
 * (esp_learned_free), also after a failure. Collective. */
int esp_learned_take(const espalier_relation *r, const espalier_rows *rows, int trains, int results, const char *what,
                     esp_learned_rows *to);
void esp_learned_free(esp_learned_rows *rows);

#endif
