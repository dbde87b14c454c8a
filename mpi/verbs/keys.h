/* The program's keys: all tables there are, with those of what the verbs themselves are told. */
#ifndef ESP_KEYS_H
#define ESP_KEYS_H

#include "base/config.h"
#include "net/loss.h"
#include "net/network.h"

typedef struct esp_task esp_task; /* tasks/task.h */

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
