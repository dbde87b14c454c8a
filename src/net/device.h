/* Who computes: a device is a table of its memory and its routines, a backend a device and the ranks it computes with. */
#ifndef ESP_DEVICE_H
#define ESP_DEVICE_H

#include "base/option.h"
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
  int shared;            /* 1: its memory is the host's: an array there is an array here */
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
  const esp_grower *grower;                /* of domains (tree/grower.h); NULL: the CPU's */
  const struct esp_fmm_kernels *multipole; /* gravity by multipoles, from the host (fmm/work.h); NULL: the CPU's */
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

/* The two words as keys: places among the words of all devices. */
typedef struct {
  int processor, precision;
} esp_device_words;
extern const esp_options esp_device_options; /* net_device, net_precision */

/* Who computes, with whom: what a layer needs besides its data. Borrowed pointers. */
typedef struct {
  const esp_comm *comm;
  esp_domain_builder build;
  const esp_device *device;
} esp_backend;
/* comm_self, domain_build_self, cpu32. */
esp_backend esp_backend_self(void);
/* These ranks and the host, for what builds no domains. */
esp_backend esp_backend_host(const esp_comm *comm);

/* Zeroed arrays in the device's memory: ESP_THERE(device, pointer, count) is a code, as ESP_ALLOC, and likewise of no numbers not
 * NULL; a pointer of NULL is fine to free, and is left NULL. */
#define ESP_THERE(device, pointer, count) \
  ((device)->alloc((void **)&(pointer), esp_at_least_one((size_t)(count)) * sizeof *(pointer)))
static inline size_t esp_at_least_one(size_t count) {
  return count > 0 ? count : 1;
}
#define ESP_THERE_FREE(device, pointer) ((device)->free((void **)&(pointer)))
/* Numbers of the host's memory as an array there, and back; nothing is copied where both are one place. Errors: memory, and
 * those of the device. */
int esp_device_put(const esp_device *device, size_t count, const double *host, double *there);
int esp_device_get(const esp_device *device, size_t count, const double *there, double *host);
/* *there: the host's numbers in the device's memory, NULL of NULL; *copy: made for that, the caller's (ESP_THERE_FREE), and NULL
 * where nothing had to be. Errors: as above. */
int esp_device_bring(const esp_device *device, size_t count, const double *host, double **copy, const double **there);
/* How rows of a domain move between its orders and ranks, in the device's memory. */
static inline const esp_domain_ops *esp_device_moves(const esp_device *device, const esp_domain *dom) {
  return device->moves ? device->moves : dom->ops;
}
/* The code of such a move. Of dom->ops it is all ranks' alike, and returned; of a device this rank's alone, which must go on with
 * the others: it is kept in *here, until all have heard of it (esp_device_agree). */
static inline int esp_device_moved(const esp_device *device, int code, int *here) {
  if (!device->moves) return code;
  if (!*here) *here = code;
  return ESP_OK;
}
/* What the device could not do, if `code` is not an error of its own; it has then done all that it was given. Local. */
int esp_device_settled(const esp_device *device, int code);
/* Exact accumulators acc [count][ESP_EXACT_FULL_WORDS] in the device's memory, each the sum of at most 2^30 terms of this rank,
 * become their sums over the ranks: the same words on every rank, whatever their number. Collective. */
int esp_device_sum(const esp_device *device, const esp_comm *comm, int64_t *acc, size_t count);
/* Words of the host's memory added to those there. Local. Errors: memory, and those of the device. */
int esp_device_add(const esp_device *device, size_t count, const int64_t *host, int64_t *there);
/* comm->agree of that, after puts, gets and kernels; nothing where memory is shared, since none of them can fail. Collective. */
int esp_device_agree(const esp_device *device, const esp_comm *comm, int code);

#endif
