/* Set files: sets for training and testing in one HDF5 file that does not depend on the number of ranks.
 *
 * Layout. Attributes of /: format "espalier set" and, in what is written here, version, task, units, and every key the data were
 * made with. Groups /train and /test, each with
 *   NAME [rows][width]       a dataset a column of the layout, rows of all sets one after the other
 *   id [rows]                may be missing: the row's number in its set
 *   sets [s][2] int64        particles and first row of each set; may be missing: all rows are one set
 *   about/NAME [s][count]    a dataset a number of the layout; may be missing: 0
 *   frames/NAME [frame rows][width], frames/sets [s][2]: frames and first frame row of each set; may be missing: none
 * Written as float64 and int64; other floats and integers are converted on reading. A group that is missing has no sets;
 * a column of one number may be a dataset of one dimension; attributes but `format` may be missing. So data of one's own
 * are a handful of h5py lines:
 *   f.attrs["format"] = "espalier set"; f["train/x"] = x; f["train/v"] = v; f["train/y"] = y
 * Files of version 1, "espalier features" (the same, numbers as attributes of /) and "espalier ensemble" (numbers in a
 * compound table `clouds`), are read as well.
 *
 * Writing is collective; reading whole sets is local: every rank holds the file open for itself. Errors: ESP_ERR_FILE,
 * ESP_ERR_FORMAT (what is missing or misshapen, with the shape seen and the shape wanted), ESP_ERR_VALUE (set and id of a
 * forbidden number). Files are whole or absent. */
#ifndef ESP_SET_FILE_H
#define ESP_SET_FILE_H

#include "base/set.h"
#include "io/file.h"

#define ESP_SET_FORMAT "espalier set"

/* What the whole file is about, as it stands in /. */
typedef struct {
  char task[32]; /* "" of other origin */
  int width[ESP_COLUMNS];
  int has[ESP_COLUMNS]; /* written: is the column there? read: in some part? */
} esp_set_about;

/* ---- writing ---- */

typedef struct {
  esp_file *file;
  const esp_layout *layout;
  esp_set_about about;
  int64_t sets[ESP_PARTS], rows[ESP_PARTS], frame_rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS], *frames[ESP_PARTS], *frame_row[ESP_PARTS]; /* [sets] */
} esp_set_writer;

/* Begin PATH (written beside it): n [sets] and frames [sets] (NULL: none) of each part. Collective. The caller ends with
 * commit or abort; further attributes may be written to writer->file. */
int esp_set_begin(const esp_comm *comm, const char *path, const esp_layout *layout, const esp_set_about *about,
                  const int64_t sets[ESP_PARTS], const int64_t *const n[ESP_PARTS],
                  const int64_t *const frames[ESP_PARTS], esp_set_writer *writer);
/* This rank's part of one write: `count` sets, numbers s .. s + count - 1 of a part, each whole or (count = 1 on every
 * rank, the same s) its share; count 0: nothing. Numbers are those of the rank that holds first = 0. Ranks' sets must not
 * overlap. Order of calls and split over ranks leave no trace in the file. Collective. */
int esp_set_put(esp_set_writer *writer, esp_part part, int64_t s, int count, const esp_set *set);
int esp_set_commit(esp_set_writer *writer);
/* Removes what was written; keeps the error at hand. */
void esp_set_abort(esp_set_writer *writer);

/* ---- reading ---- */

typedef struct {
  const esp_comm *comm; /* borrowed */
  esp_file *file;       /* this rank's own */
  const esp_layout *layout;
  esp_set_about about;
  int sets[ESP_PARTS];
  int64_t rows[ESP_PARTS], frame_rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS], *frames[ESP_PARTS], *frame_row[ESP_PARTS]; /* [sets] */
  esp_value *value[ESP_PARTS];                                                       /* [sets][numbers] */
  unsigned char has[ESP_PARTS][ESP_COLUMNS + 1]; /* datasets that are there; the last: id */
} esp_set_file;

/* 1 if PATH is a file of one of the three formats, 0 if it is another kind of file or none. Collective. */
int esp_set_file_is(const esp_comm *comm, const char *path, int *is);
/* The task that a file says it is of: that whose name or old word stands in it, else NULL. names [tasks] ... */
/* Opens the file and checks every dataset's shape against the layout. Collective. */
int esp_set_open(const esp_comm *comm, const char *path, const esp_layout *layout, esp_set_file *file);
void esp_set_close(esp_set_file *file);
/* The number of a set of `part` with the most particles; -1: no set. Local. */
int esp_set_largest(const esp_set_file *file, esp_part part);
/* This rank's share over `comm` of set s (esp_comm_self(): the whole set, local), without frames. *set is the caller's;
 * checked. Collective over comm. */
int esp_set_read(const esp_set_file *file, const esp_comm *comm, esp_part part, int s, esp_set *set);
/* Particles [first, first + count) of frame f of set s: rows [count][width] of a framed column. Local. */
int esp_set_read_frame(const esp_set_file *file, esp_part part, int s, int64_t f, int column, int64_t first, int count,
                       double *rows);
/* Fingerprint of all datasets in file order, values (as float64, int64) and places; the same for the same content in any
 * of the three formats. Each rank reads a part. Collective. */
int esp_set_file_checksum(const esp_set_file *file, uint64_t *sum);

#endif
