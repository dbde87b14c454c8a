/* Who computes: a device is a table of its memory and its routines, a backend a device and the ranks it computes with. */
#ifndef ESP_DEVICE_H
#define ESP_DEVICE_H

#include "message/kernels.h"
#include "net/dense.h"
#include "net/rows.h"

/* tree/cells.h, of rows in the device's memory: the same rows, bit for bit. What a device needs of the tree it may keep with the
 * domain; it may still be at work when one returns. Errors: memory, and those of the device; ESP_ERR_INTERNAL for an algebra
 * that it does not know. */
typedef struct {
  int (*upward)(const esp_cells *cells, const esp_domain *dom, const double *source, double *cell);
  int (*top)(const esp_cells *cells, const esp_domain *dom, double *cell);
  int (*downward)(const esp_cells *cells, const esp_domain *dom, const double *source, const double *cell,
                  double *adjoint, double *dsource);
} esp_device_cells;

/* Rows are static. What a kernel reads or writes lies in the device's memory. */
typedef struct {
  const char *name;      /* as it stands in checkpoints: "cpu32", "cpu64" */
  const char *processor; /* the word of net_device: "cpu", "cuda" */
  const char *precision; /* the word of net_precision: "float32", "float64" */
  int shared;            /* 1: its memory is the host's: nothing needs to be put or got */
  /* Before anything else, of one of `ranks` ranks of a machine, the number-th: whether there is such a device; it is taken for
   * this process. NULL: there always is. Errors: ESP_ERR_CONFIG where there is none. */
  int (*open)(int number, int ranks);
  /* Zeroed memory of the device; put and get copy to and from it. Errors: memory. */
  int (*alloc)(void **pointer, size_t bytes);
  void (*free)(void **pointer);
  int (*put)(void *there, const void *host, size_t bytes);
  int (*get)(void *host, const void *there, size_t bytes);
  const esp_kernels *(*kernels)(const esp_message *message); /* NULL: this device does not know the message */
  /* Of home rows and cells in the device's memory. These return nothing: what the device could not do since it was last asked
   * is told by `settled`, which waits for all of it; put and get tell it, too. NULL: nothing can fail. */
  const esp_dense *dense; /* products (net/dense.h) */
  const esp_rows *rows;   /* what else is done with rows (net/rows.h) */
  int (*settled)(void);
  const esp_device_cells *cells; /* cells up and down the tree */
  /* As esp_domain_ops (tree/domain.h), of arrays in the device's memory; without route and destroy. NULL: dom->ops themselves.
   * Nothing waits for the device. Collective: a rank whose device fails still takes part to the end, then returns its own
   * error, which the others do not have: it goes on likewise, and all agree when nothing is under way. */
  const esp_domain_ops *moves;
  /* comm->sum_i64 of words in the device's memory. NULL with moves. As collective as those. */
  int (*sum_i64)(const esp_comm *comm, int64_t *there, size_t count);
  /* After `open`, once: how rows get from the device of one of these ranks to that of another is chosen and kept by the comm.
   * *how: to be printed; the comm's. Collective. NULL with moves. Errors, on all ranks: memory, ESP_ERR_COMM. */
  int (*join)(const esp_comm *comm, const char **how);
  const esp_grower *grower; /* of domains (tree/grower.h); NULL: the CPU's */
} esp_device;

extern const esp_device esp_device_cpu32, esp_device_cpu64;
/* net/devices.c: one row each, NULL behind the last; the first is what is taken where nothing is said. A program with more
 * of them links a list of its own in its place. */
extern const esp_device *const esp_devices[];

/* The device of a checkpoint's word. One that this program has not: the first of its precision (the word's last two
 * letters), else the first: a network may be used elsewhere than it was trained. Never NULL. Local. */
const esp_device *esp_device_find(const char *name);
/* The first device of a processor ("cpu") and a precision ("float32"); NULL if there is none. Local. */
const esp_device *esp_device_of(const char *processor, const char *precision);

/* Who computes, with whom: what a layer needs besides its data. Borrowed pointers. */
typedef struct {
  const esp_comm *comm;
  esp_domain_builder build;
  const esp_device *device;
} esp_backend;
/* comm_self, domain_build_self, cpu32. */
esp_backend esp_backend_self(void);

/* An array of numbers of 8 bytes that host and device both see: one array where the device's memory is the host's. Local.
 * Errors: memory, and those of the device. */
typedef struct {
  void *host, *there;
  size_t count;
} esp_mirror;
int esp_mirror_create(const esp_device *device, size_t count, esp_mirror *m);
void esp_mirror_free(const esp_device *device, esp_mirror *m);
/* Numbers [first, first + count). */
int esp_mirror_put(const esp_device *device, const esp_mirror *m, size_t first, size_t count);
int esp_mirror_get(const esp_device *device, const esp_mirror *m, size_t first, size_t count);
/* comm->agree after puts and gets; nothing where memory is shared, since none of them can fail. Collective. */
int esp_device_agree(const esp_device *device, const esp_comm *comm, int code);

#endif
