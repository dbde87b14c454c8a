/* The program's keys: the list of all tables, and the tables of what the verbs themselves are told. */
#ifndef ESP_KEYS_H
#define ESP_KEYS_H

#include "base/config.h"
#include "net/loss.h"
#include "net/network.h"

typedef struct esp_task esp_task; /* tasks/task.h */

typedef struct {
  const char *name, *out; /* results go to out/name */
  uint64_t seed;
} esp_run_param;
extern const esp_options esp_run_options; /* run_* */

typedef struct {
  int precision; /* place among esp_precision_name */
} esp_device_param;
extern const esp_options esp_device_options; /* net_precision */
const char *esp_precision_name(int k);       /* those of the devices, each once; NULL behind the last */

typedef enum { ESP_SHARD_CLOUDS, ESP_SHARD_PARTICLES, ESP_SHARD_AUTO } esp_shard;
typedef struct {
  esp_shard shard;
  const char *restart; /* "": anew */
} esp_training_param;
extern const esp_options esp_training_options; /* train_shard, train_restart */

typedef struct {
  const char *checkpoint; /* "": that of the run */
  int rollout, set;
  int64_t recall_every; /* steps; 0: never */
  int baselines;
} esp_eval_param;
extern const esp_options esp_eval_options; /* eval_*, but for what the tasks are shown by */

typedef struct {
  esp_list ranks;
  int periodic;
} esp_partition_param;
extern const esp_options esp_partition_options; /* partition_* */

typedef struct {
  int pictures;
} esp_report_param;
extern const esp_options esp_report_options; /* report_* */

/* A configuration with every table there is. Local. */
int esp_keys_create(esp_config **config);
/* May the configuration's keys describe such a network? ESP_ERR_CONFIG for a key of another network that is set to
 * something else than its default, and for what the table of this one refuses. Local, the same on every rank. */
int esp_keys_check(const esp_config *config, const esp_network *network);
/* May they describe such a loss? ESP_ERR_CONFIG for a key of another loss, likewise. Local, the same on every rank. */
int esp_keys_check_loss(const esp_config *config, const esp_loss *loss);
/* May they describe data of such a task? ESP_ERR_CONFIG for a key of another task, likewise. Local, the same on every rank. */
int esp_keys_check_task(const esp_config *config, const esp_task *task);

#endif
