/* Devices of this machine, asked from C without a CUDA header. Local; no device is a valid answer.
 *
 * The runtime is linked statically, so the program starts on a machine that has no driver. */
#ifndef ESP_CUDA_DEVICE_H
#define ESP_CUDA_DEVICE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

typedef struct {
  char name[256];
  int major, minor; /* compute capability */
  int multiprocessors;
  size_t memory, free; /* bytes on the device, bytes free now */
  double bandwidth;    /* bytes/s of its memory by clock and bus width; 0 if the driver does not say */
} esp_device_info;

/* Devices this process may use. 0 where there is no device, no driver or one older than the runtime: not an error.
 * ESP_ERR_INTERNAL for anything else the runtime reports. */
int esp_device_count(int *count);
/* Device 0 <= device < count. ESP_ERR_ARG out of range (also when there is none). Leaves the current device as it was. */
int esp_device_query(int device, esp_device_info *info);
/* Make `device` current for this thread. A node's ranks take device = local rank modulo count. ESP_ERR_ARG as above. */
int esp_device_select(int device);
enum { ESP_DEVICE_UUID = 16 };
/* Of the current device: no other device on any machine has it. */
int esp_device_uuid(char uuid[ESP_DEVICE_UUID]);
/* Wait for all work given to the current device; reports what failed in it since. */
int esp_device_wait(void);

#ifdef __cplusplus
}
#endif
#endif
