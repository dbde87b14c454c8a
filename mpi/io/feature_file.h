/* Feature files: feature sets for training and testing in one HDF5 file that does not depend on the number of ranks.
 *
 * Layout. Attributes of /: format "espalier features", version, features, values, targets, hidden, and, for made data, task
 * and its numbers (kind, h, average, seed). Groups /train and /test, each with datasets, rows of all sets one after the
 * other:
 *   id [rows]   x [rows][D]   v [rows][F]   y [rows][T]   weight [rows] (may be missing: all 1)   z [rows][r] (may be missing)
 *   sets [s][2] int64: number of particles and first row of each set
 * float64 (other float and integer types are converted on reading; id may be missing: row number in the set). So data of
 * one's own are a handful of h5py lines.
 *
 * Writing is collective; reading whole sets is local. Errors: ESP_ERR_FILE, ESP_ERR_FORMAT (what is missing or misshapen,
 * with the shape seen and the shape wanted), ESP_ERR_VALUE (set and id of a forbidden number). Files are whole or absent. */
#ifndef ESP_FEATURE_FILE_H
#define ESP_FEATURE_FILE_H

#include "base/feature_set.h"
#include "io/ensemble.h" /* esp_set: train, test */
#include "io/file.h"

typedef struct {
  char task[16];                         /* "subspace", "circles", "upstream"; "" of other origin */
  int features, values, targets, hidden; /* hidden: columns of z */
  int average;
  double h;
  int64_t seed;
} esp_feature_about;

typedef struct {
  esp_file *file;
  esp_feature_about about;
  int64_t sets[ESP_SETS], rows[ESP_SETS];
} esp_feature_writer;

/* Begin PATH (written beside it) with sizes n [sets] of each part. Collective. The caller ends with commit or abort. */
int esp_feature_begin(const esp_comm *comm, const char *path, const esp_feature_about *about,
                      const int64_t sets[ESP_SETS], const int64_t *n[ESP_SETS], esp_feature_writer *writer);
/* Set number `s` of a part: this rank's share of it (set->first, n_home), or the whole of it from one rank and nothing
 * (set NULL) from the others. Collective. */
int esp_feature_put(esp_feature_writer *writer, esp_set part, int64_t s, const esp_feature_set *set);
int esp_feature_commit(esp_feature_writer *writer);
void esp_feature_abort(esp_feature_writer *writer);

typedef struct {
  const esp_comm *comm; /* borrowed */
  esp_file *file;
  esp_feature_about about;
  int sets[ESP_SETS];
  int64_t *n[ESP_SETS], *row[ESP_SETS]; /* [sets] */
} esp_feature_file;

/* 1 if PATH is a feature file, 0 if it is another kind of file or none. Collective. */
int esp_feature_is(const esp_comm *comm, const char *path, int *is);
int esp_feature_open(const esp_comm *comm, const char *path, esp_feature_file *file);
void esp_feature_close(esp_feature_file *file);
/* Set s whole (local), or this rank's share of it (collective over comm). *set is the caller's; checked. */
int esp_feature_set_read(const esp_feature_file *file, esp_set part, int s, esp_feature_set *set);
int esp_feature_share_read(const esp_feature_file *file, const esp_comm *comm, esp_set part, int s, esp_feature_set *set);
/* Fingerprint of all datasets in file order. Collective. */
int esp_feature_checksum(const esp_feature_file *file, uint64_t *sum);

#endif
