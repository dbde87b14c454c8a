/* Parallel HDF5 files that are either whole or absent, with errors agreed by all ranks.
 *
 * Writing goes to a draft beside the target (base/draft.h), which esp_file_commit renames over it, so that an existing file
 * is never half overwritten. HDF5 reports a full disk or a file size limit late (at flush or close), on one rank only, and
 * may not survive it; so space is met first: before anything grows the file, every rank compares the size needed with
 * its own limit, rank 0 has the file system allocate it (posix_fallocate), and all agree. What HDF5 then writes lies in
 * space that exists. The signal SIGXFSZ must be ignored by the program (main does).
 *
 * All functions are collective over the file's comm unless they say local, and return the same code on every rank. Any
 * failure leaves the file object valid: a writer then calls esp_file_abort, a reader esp_file_close. Messages name the
 * file, the dataset or attribute, what was seen and what is allowed.
 *
 * Rows. A dataset has n rows of `columns` numbers (columns 0: a one-dimensional dataset); this rank gives or takes the
 * rows [first, first + count) as `count` rows lying one after the other. count 0 is fine. Transfers are collective, in
 * parts below 1 GiB a rank. */
#ifndef ESP_FILE_H
#define ESP_FILE_H

#include <stdint.h>

#include <hdf5.h>

#include "base/base.h"
#include "base/comm.h"
#include "base/draft.h"

/* Number types in memory, and, for what is written, in the file (little endian). */
typedef enum {
  ESP_FILE_F32,
  ESP_FILE_F64,
  ESP_FILE_I32,
  ESP_FILE_I64,
  ESP_FILE_U8,
  ESP_FILE_U32,
  ESP_FILE_U64,
  ESP_FILE_TYPES
} esp_file_type;

typedef struct {
  const esp_comm *comm; /* borrowed */
  hid_t id;             /* for calls that have no helper here */
  int writing;
  char *path;
  esp_draft draft;         /* what is written to: its path on every rank, its stream, for allocation, on rank 0 */
  uint64_t used, reserved; /* upper bound of what was written; bytes allocated */
} esp_file;

/* What a dataset or attribute is. */
typedef struct {
  int exists;
  H5T_class_t class; /* H5T_FLOAT, H5T_INTEGER, H5T_STRING, ... */
  int bytes;         /* of one element in the file */
  int is_signed;     /* H5T_INTEGER only */
  int rank;          /* 0: scalar */
  int64_t dim[4];    /* the first 4 axes */
  int64_t count;     /* elements in all */
} esp_file_shape;
/* Inside mpi/io: properties of an object that is made, without the time of its making: what is written twice has the same
 * bytes. Below 0 where there are none; the caller closes it. Local. */
hid_t esp_file_timeless(hid_t class);
/* Inside mpi/io: shape from a type and a space of an open object, both of which are closed here, also where one of them
 * could not be had (< 0). ESP_ERR_FILE, or ESP_ERR_LIMIT for more elements than can be counted, with `what` it is. Local. */
int esp_file_shape_take(const esp_file *file, const char *what, hid_t type, hid_t space, esp_file_shape *shape);
/* Inside mpi/io: may a dataset of a file that is read have so many rows? The file must hold every one of them. Local, without
 * a transfer. ESP_ERR_FORMAT with what is claimed and what is there, or naming the other file where they lie;
 * ESP_ERR_LIMIT. Whoever looks at a shape comes here (esp_file_dataset): memory for rows is taken behind it. */
int esp_file_claim(const esp_file *file, const char *name, hid_t set, const esp_file_shape *shape);

/* ---- writing a file ---- */

/* Open a draft of PATH for writing, empty. The caller ends with esp_file_commit or esp_file_abort. ESP_ERR_FILE: the folder
 * is missing or not writable, no space. */
int esp_file_create_begin(const esp_comm *comm, const char *path, esp_file **file);
/* Flush, close, sync, rename to PATH. On failure the draft is removed and PATH is as it was. Frees in any case. */
int esp_file_commit(esp_file **file);
/* Close and remove the draft; keeps the error message at hand. NULL is fine. Frees. */
void esp_file_abort(esp_file **file);
/* Allocate `bytes` more, with room for the description of one object or attribute: called by every writer below; call
 * it yourself before H5 calls on file->id that grow the file. ESP_ERR_FILE if there is no space. */
int esp_file_reserve(esp_file *file, uint64_t bytes);

/* ---- reading a file ---- */

/* ESP_ERR_FILE: missing, a folder, not readable; ESP_ERR_FORMAT: not HDF5, truncated. */
int esp_file_open(const esp_comm *comm, const char *path, esp_file **file);
/* NULL is fine. Frees. Also for a file being written, where it means abort. */
void esp_file_close(esp_file **file);

/* ---- groups and datasets; names are absolute or relative to the root, "A/b" ---- */

/* Create a group; its parents must exist. */
int esp_file_group(esp_file *file, const char *name);
/* One that knows in which order its members came. */
int esp_file_group_ordered(esp_file *file, const char *name);
/* The object `to` by a second name, which has no bytes of its own; the parents must exist. */
int esp_file_link(esp_file *file, const char *name, const char *to);
/* A link that says where: `to` is absolute, "/A/b". */
int esp_file_link_soft(esp_file *file, const char *name, const char *to);
/* Is there an object of this name? No error if a parent is missing. */
int esp_file_exists(const esp_file *file, const char *name, int *exists);
/* Shape of a dataset; exists = 0 and ESP_OK if there is none. Reading: ESP_ERR_FORMAT where the file cannot hold it. */
int esp_file_dataset(const esp_file *file, const char *name, esp_file_shape *shape);
/* A dataset that is there must have n rows, else ESP_ERR_FORMAT: for counts that stand elsewhere in the file, before memory
 * is taken for them. A virtual one passes: its parts are to be read. */
int esp_file_expect(const esp_file *file, const char *name, int64_t n);
/* Create a dataset of n rows and write this rank's. deflate 0..9: 0 contiguous, else chunked (64 Ki elements or so),
 * byte-shuffled and compressed. The ranks' rows must cover it. */
int esp_file_write(esp_file *file, const char *name, esp_file_type type, int columns, int64_t n, int64_t first,
                   int64_t count, const void *data, int deflate);
/* This rank's rows of a dataset that is there already (made by esp_file_write with no rows given), of `type` and
 * `columns`. Every rank may give other rows; those that nobody gives keep what they hold. */
int esp_file_put(esp_file *file, const char *name, esp_file_type type, int columns, int64_t first, int64_t count,
                 const void *data);
/* Read this rank's rows. The dataset must exist, hold n rows (n < 0: any number, at least first + count) of `columns`
 * columns (an (n, 1) dataset serves for columns 0), floats or integers (integers only where `type` is an integer), else
 * ESP_ERR_FORMAT. Files' types are converted; 32-bit floats are read as they lie and widened here. */
int esp_file_read(esp_file *file, const char *name, esp_file_type type, int columns, int64_t n, int64_t first,
                  int64_t count, void *data);
/* The same from a dataset that the caller holds open and has looked at, by this rank alone: local. `name` for messages. */
int esp_file_read_open(const esp_file *file, const char *name, hid_t dataset, esp_file_type type, int columns,
                       int64_t first, int64_t count, void *data);

/* ---- attributes of `object` ("/" for the root) ---- */

/* count 0: a scalar; else an array of count. Every rank gives the same values. */
int esp_file_attr_write(esp_file *file, const char *object, const char *name, esp_file_type type, int count,
                        const void *data);
int esp_file_attr_write_string(esp_file *file, const char *object, const char *name, const char *text);
/* exists = 0 if the object or the attribute is missing. */
int esp_file_attr_shape(const esp_file *file, const char *object, const char *name, esp_file_shape *shape);
/* Exactly `count` numbers (count 1: scalar or array of 1), else ESP_ERR_FORMAT; converted. A float attribute read as
 * integers must hold whole numbers. */
int esp_file_attr_read(const esp_file *file, const char *object, const char *name, esp_file_type type, int count,
                       void *data);
/* Fixed or variable length; trailing blanks cut; ESP_ERR_FORMAT if missing, not a string, or longer than size - 1. */
int esp_file_attr_read_string(const esp_file *file, const char *object, const char *name, char *text, size_t size);

/* ---- local helpers ---- */

hid_t esp_file_native(esp_file_type type);
size_t esp_file_type_bytes(esp_file_type type);
/* The innermost message of HDF5's error stack, into text; "" if there is none. Where it is of a part that a newer HDF5
 * wrote, with the versions and what to do. */
void esp_file_hdf5_error(char *text, size_t size);
/* ESP_ERR_FORMAT naming the first of an open dataset's filters that is not installed, and what to do. */
int esp_file_check_filters(const esp_file *file, const char *name, hid_t dataset);
/* Objects HDF5 has open in this process: 0 when everything was closed. For tests. */
int esp_file_open_objects(void);

#endif
