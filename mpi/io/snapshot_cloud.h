/* A snapshot as a cloud to work on: read as the keys say, with its own units of length and time. */
#ifndef ESP_SNAPSHOT_CLOUD_H
#define ESP_SNAPSHOT_CLOUD_H

#include "base/config.h"
#include "io/snapshot.h"
#include "tasks/gravity/nbody_start.h"

/* The snapshot of key `input` in physical units (keys io_types, units_*), with target arrays (unset), d and T by
 * esp_nbody_units and eps = data_eps d. Shared as by esp_snapshot_read. header, info may be
 * NULL. *cloud is the caller's. Collective. Errors: ESP_ERR_CONFIG without input or for a periodic snapshot, which has no
 * horizon of this kind; ESP_ERR_VALUE for fewer than 2 particles; those of esp_snapshot_read. */
int esp_snapshot_cloud(const esp_comm *comm, const esp_config *config, esp_cloud *cloud, esp_snapshot_header *header,
                       esp_start_info *info);
/* Only read it: d, T, eps are left 0; periodic ones are welcome. */
int esp_snapshot_input(const esp_comm *comm, const esp_config *config, esp_cloud *cloud, esp_snapshot_header *header);

#endif
