/* Who computes: a device is a table of its memory and its routines, a backend a device and the ranks it computes with. */
#ifndef ESP_DEVICE_H
#define ESP_DEVICE_H

#include "net/gate.h"
#include "net/ops.h"

/* Rows are static. Memory: what a routine of the device reads or writes is its memory, unless it says home rows. */
typedef struct {
  const char *name;      /* as it stands in checkpoints: "cpu32", "cpu64" */
  const char *precision; /* the word of net_precision: "float32", "float64" */
  /* On the CPU all memory is the same: alloc and free are ESP_ALLOC and ESP_FREE (zeroed), put and get copy unless both
   * pointers are equal. Errors: memory. */
  int (*alloc)(void **pointer, size_t bytes);
  void (*free)(void **pointer);
  int (*put)(void *device, const void *host, size_t bytes);
  int (*get)(void *host, const void *device, size_t bytes);
  const esp_ops *ops;       /* gravity's messages */
  const esp_gate_ops *gate; /* gated messages */
} esp_device;

extern const esp_device esp_device_cpu32, esp_device_cpu64;
/* One row each, NULL behind the last; the first is what is taken where nothing is said. */
extern const esp_device *const esp_devices[];

/* The device of a checkpoint's word. One that this program has not: the first of its precision (the word's last two
 * letters), else the first: a network may be used elsewhere than it was trained. Never NULL. Local. */
const esp_device *esp_device_find(const char *name);
/* The first device of a precision ("float32"); NULL if there is none. Local. */
const esp_device *esp_device_of(const char *precision);

/* Who computes, with whom: what a layer needs besides its data. Borrowed pointers. */
typedef struct {
  const esp_comm *comm;
  esp_domain_builder build;
  const esp_device *device;
} esp_backend;
/* comm_self, domain_build_self, cpu32. */
esp_backend esp_backend_self(void);

#endif
