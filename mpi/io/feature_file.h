/* Feature files: feature sets for training and testing in one HDF5 file that does not depend on the number of ranks.
 *
 * Layout. Attributes of /: format "espalier features" and, in what is written here, version, features, values, targets,
 * hidden, and, for made data, task and its numbers (h, average, seed). Groups /train and /test, each with datasets, rows
 * of all sets one after the other:
 *   x [rows][D]   v [rows][F]
 *   y [rows][T], z [rows][r]   may be missing: no targets, no hidden coordinates
 *   id [rows]                  may be missing: the row's number in its set
 *   weight [rows]              may be missing: all 1
 *   sets [s][2] int64          number of particles and first row of each set; may be missing: all rows are one set
 * Written as float64 and int64; other floats and integers are converted on reading. A group that is missing has no sets;
 * one column may be a dataset of one dimension; attributes but `format` may be missing. So data of one's own are a
 * handful of h5py lines:
 *   f.attrs["format"] = "espalier features"; f["train/x"] = x; f["train/v"] = v; f["train/y"] = y
 *
 * Writing is collective; reading whole sets is local: every rank holds the file open for itself. Errors: ESP_ERR_FILE,
 * ESP_ERR_FORMAT (what is missing or misshapen, with the shape seen and the shape wanted), ESP_ERR_VALUE (set and id of
 * a forbidden number). Files are whole or absent. */
#ifndef ESP_FEATURE_FILE_H
#define ESP_FEATURE_FILE_H

#include "base/feature_set.h"
#include "io/ensemble.h" /* esp_part: train, test */
#include "io/file.h"

#define ESP_FEATURE_FORMAT "espalier features"

typedef struct {
  char task[16];                         /* "subspace", "circles", ..; "" of other origin */
  int features, values, targets, hidden; /* hidden: columns of z */
  int weighted;                          /* written: with a dataset weight; read: is there one in some group? */
  int average;
  double h;
  int64_t seed;
} esp_feature_about;

typedef struct {
  esp_file *file;
  esp_feature_about about;
  int64_t sets[ESP_PARTS], rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS]; /* [sets] particles and first row */
} esp_feature_writer;

/* Begin PATH (written beside it) with sizes n [sets] of each part (0 sets: n may be NULL). Collective. The caller ends
 * with commit or abort; further attributes may be written to writer->file. */
int esp_feature_begin(const esp_comm *comm, const char *path, const esp_feature_about *about,
                      const int64_t sets[ESP_PARTS], const int64_t *const n[ESP_PARTS], esp_feature_writer *writer);
/* This rank's rows of set number `s` of a part: its share (set->first, n_home), the whole of it, or nothing (set NULL).
 * Other ranks may give rows of other sets of the part at the same time. ESP_ERR_ARG where sizes are not those announced.
 * Collective. */
int esp_feature_put(esp_feature_writer *writer, esp_part part, int64_t s, const esp_feature_set *set);
int esp_feature_commit(esp_feature_writer *writer);
/* Removes what was written; keeps the error at hand. */
void esp_feature_abort(esp_feature_writer *writer);

typedef struct {
  const esp_comm *comm; /* borrowed */
  esp_file *file;       /* this rank's own */
  esp_feature_about about;
  int sets[ESP_PARTS];
  int64_t rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS]; /* [sets] */
  struct {
    int id, y, weight, z, sets; /* datasets that are there */
  } has[ESP_PARTS];
} esp_feature_file;

/* 1 if PATH is a feature file, 0 if it is another kind of file or none. Collective. */
int esp_feature_is(const esp_comm *comm, const char *path, int *is);
/* Opens the file and checks every dataset's shape. Collective. */
int esp_feature_open(const esp_comm *comm, const char *path, esp_feature_file *file);
void esp_feature_close(esp_feature_file *file);
/* Set s whole (local), or this rank's share of it (collective over comm). *set is the caller's; checked. */
int esp_feature_set_read(const esp_feature_file *file, esp_part part, int s, esp_feature_set *set);
int esp_feature_share_read(const esp_feature_file *file, const esp_comm *comm, esp_part part, int s,
                           esp_feature_set *set);
/* Fingerprint of all datasets in file order, values (as float64) and places. Each rank reads a part. Collective. */
int esp_feature_checksum(const esp_feature_file *file, uint64_t *sum);

#endif
