/* The device that a configuration names, taken by these ranks. */
#ifndef ESP_MPI_DEVICE_H
#define ESP_MPI_DEVICE_H

#include "base/config.h"
#include "net/device.h"

/* That of key net_device in a precision (NULL: that of net_precision), ready for use: each rank of a machine takes one. *how:
 * what its memory holds moves between ranks so; NULL: as the host's. Errors, on all ranks: ESP_ERR_CONFIG where the program
 * has no such device, or the machine; those of its join. Collective. */
int esp_device_take(const esp_comm *comm, const esp_config *config, const char *precision, const esp_device **device,
                    const char **how);

#endif
