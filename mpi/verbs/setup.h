/* From configuration keys to the structs of the rooms: one place, so that all verbs read a key the same way. */
#ifndef ESP_SETUP_H
#define ESP_SETUP_H

#include "net/network.h"
#include "net/train.h"
#include "verbs/run.h"

typedef struct esp_task esp_task; /* tasks/task.h */

/* Keys that contradict each other: ESP_ERR_CONFIG naming them; trains: those of the network and the loss, too. Local, the same on
 * every rank. */
int esp_setup_check(const esp_run *run, int trains);
/* The task of data_task, and its network. Local. */
const esp_task *esp_setup_task(const esp_run *run);
const esp_network *esp_setup_network(const esp_run *run);
/* The task's structure, filled from its keys; *param is the caller's (ESP_FREE). Local, the same on every rank. */
int esp_setup_data(const esp_run *run, void **param);
/* Any structure, likewise; options NULL: *param is NULL. */
int esp_setup_options(const esp_run *run, const esp_options *options, void **param);
/* The run's checkpoint, which must belong to its other files (run_id.h) unless eval_checkpoint names it: a model, the caller's whatever is returned, and the device it was trained on (NULL: not asked). Trees are no parameters:
 * they are replaced by the keys that the run sets (esp_options_replace). ESP_ERR_CONFIG where its network is not the
 * task's. Collective. */
int esp_setup_trained(const esp_run *run, esp_model *model, const esp_device **device);
/* A model in words, cut at `size`: "stack: layers 2, message gate, 1234 parameters". Local. */
void esp_setup_describe(const esp_model *model, char *text, size_t size);
/* What the run's keys leave to a search, chosen on a set for the network at hand; said so. Collective over run->comm, over which
 * the set lies. */
int esp_setup_aim(const esp_run *run, const char *verb, esp_model *model, const esp_device *device, const esp_set *set);
/* net_device in a precision (NULL: in net_precision), ready for use: each rank of a machine takes one. Errors, on all ranks:
 * ESP_ERR_CONFIG where the program has no such device, or the machine. Collective. */
int esp_setup_device(const esp_run *run, const char *precision, const esp_device **device);
/* All ranks share one cloud or set; each lies whole on one rank. Local. */
esp_backend esp_setup_sharded(const esp_run *run, const esp_device *device);
esp_backend esp_setup_whole(const esp_device *device);

#endif
