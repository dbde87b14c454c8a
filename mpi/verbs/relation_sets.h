/* What the verbs of a learned relation share: the data of the run, and recall on one of its sets. */
#ifndef ESP_RELATION_SETS_H
#define ESP_RELATION_SETS_H

#include "io/feature_file.h"
#include "net/relation.h"
#include "verbs/run.h"

/* The run's feature file (data_file or data.h5), its path into path[size]. Collective. ESP_ERR_VALUE naming the file
 * and the key if it has not at least `least` sets of `part`. The caller closes it, unless this fails. */
int esp_relation_open(const esp_run *run, esp_part part, int least, char *path, size_t size, esp_feature_file *file);
/* Halves of the hidden coordinates, as relation.h's hidden_halves: 1 a sender's, then a receiver's (task upstream); 2 the
 * first hop's, then the second's (task twice; recall is that of the first); else 0. Local. */
int esp_relation_halves(const esp_feature_about *about);
/* The number of a set of `part` with the most particles. Local. */
int esp_relation_largest(const esp_feature_file *file, esp_part part);

/* Recall of layer 0's tree, as an esp_visit with this as context. */
typedef struct {
  const esp_run *run; /* eval_recall_neighbours, eval_samples, run_seed */
  const esp_comm *comm;
  const esp_feature_set *set;
  int r;                     /* hidden dimensions; 0: not known, no recall */
  double *sender, *receiver; /* [n_home][r]; receiver NULL: as sender */
  double recall;             /* -1: not known */
} esp_relation_judge;
/* Local. Free with esp_relation_judge_free. */
int esp_relation_judge_create(const esp_run *run, const esp_comm *comm, const esp_feature_about *about,
                              const esp_feature_set *set, esp_relation_judge *judge);
void esp_relation_judge_free(esp_relation_judge *judge);
/* Collective. */
int esp_relation_judge_layer(void *judge, int l, esp_domain *dom, const double *key, const double *query);

#endif
