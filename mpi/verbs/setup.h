/* From configuration keys to the structs of the rooms: one place, so that all verbs read a key the same way. */
#ifndef ESP_SETUP_H
#define ESP_SETUP_H

#include "net/model.h"
#include "verbs/run.h"

/* net_*, tree_*, run_seed. Local. */
void esp_setup_model(const esp_run *run, esp_model_param *param);
/* net_precision. Local. */
const esp_ops *esp_setup_ops(const esp_run *run);
/* All ranks share one cloud; each cloud lies whole on one rank. Local. */
esp_backend esp_setup_sharded(const esp_run *run);
esp_backend esp_setup_whole(const esp_run *run);
/* train_shard for clouds of at most `largest` particles: 1 sharded. auto: sharded above 8192 particles. Local. */
int esp_setup_is_sharded(const esp_run *run, int64_t largest);
#endif
