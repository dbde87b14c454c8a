/* One method on one set: the networks of a ladder and the methods beside them, run the same way wherever they are compared. */
#ifndef ESP_TRIAL_H
#define ESP_TRIAL_H

#include "tasks/showing.h"

/* What all trials have in common. Borrowed. */
typedef struct {
  const esp_showing *showing;
  const void *param, *fitted; /* showing's */
  const esp_model *trained, *untrained;
} esp_trials;

/* What a trial gave, of this rank. */
typedef struct {
  double *y; /* [n_home][targets], the caller's */
  esp_cost cost;
  double seconds;
  int used, counted; /* used 0: the method is none for this set, y is not set; counted 0: no pairs to speak of */
} esp_trial;

/* Is the method the trained network as it is? Local. */
int esp_trial_is_trained(const esp_method *method);
/* May it be tried on sets of n particles that lie whole on a rank, or are shared? Local. */
int esp_trial_may(const esp_method *method, int64_t n, int shared, int classical);
/* pairs: near pairs a particle and layer that the trained network took; visit: of networks, or NULL. trial->y is given,
 * everything else is set. Seconds of a network are those of its layers, without what a visit takes. Collective over
 * backend->comm. */
int esp_trial_run(const esp_trials *trials, const esp_method *method, const esp_backend *backend, const esp_set *set,
                  int64_t pairs, const esp_visit *visit, esp_trial *trial);

#endif
