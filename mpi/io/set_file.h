/* Set files: sets for training and testing in one HDF5 file that does not depend on the number of ranks.
 *
 * Layout. Attributes of /: format "espalier set" and, in what is written here, version, task, units, and every key the data were
 * made with. Groups /train and /test, each with
 *   NAME [rows][width]       a dataset a column of the layout, rows of all sets one after the other
 *   id [rows]                may be missing: the row's number in its set
 *   sets [s][2] int64        particles and first row of each set; may be missing: all rows are one set
 *   about/NAME [s][count]    a dataset a number of the layout; may be missing: 0, for a place among words -1. Attribute
 *                            words "a|b|c": those that the file's places mean
 *   frames/NAME [frame rows][width], frames/sets [s][2]: frames and first frame row of each set, frame by frame; may be missing
 *   NAME/indptr [rows + 1], NAME/indices, NAME/data   a group a column of rows of varying length (base/csr.h), as scipy has
 *                            them: entries of row i are [indptr[i], indptr[i + 1]). data may be missing: all are 1. Attribute
 *                            columns: indices are below it; groups without it are edges, indices being rows of their set
 * Written as float64 and int64; other floats and integers are converted on reading. A group that is missing has no sets;
 * a column of one number may be a dataset of one dimension; attributes but `format` may be missing. So data of one's own
 * are a handful of h5py lines:
 *   f.attrs["format"] = "espalier set"; f["train/x"] = x; f["train/v"] = v; f["train/y"] = y
 * and a sparse matrix x of features and a graph g, both of scipy (csr_matrix):
 *   w = f.create_group("train/words"); w["indptr"], w["indices"], w["data"] = x.indptr, x.indices, x.data
 *   w.attrs["columns"] = x.shape[1]; e = f.create_group("train/edges"); e["indptr"], e["indices"] = g.indptr, g.indices
 * Entries of a row may stand in any order, and are sorted on reading; no index may stand twice.
 * Files of version 1, "espalier features" (the same, numbers as attributes of /, a word as attribute `task`) and "espalier
 * ensemble" (numbers, sizes and frames in a compound table `clouds`), are read as well.
 *
 * Writing is collective; reading whole sets is local: every rank holds the file open for itself. Errors: ESP_ERR_FILE,
 * ESP_ERR_FORMAT (what is missing or misshapen, with the shape seen and the shape wanted), ESP_ERR_VALUE (set and id of a
 * forbidden number). Files are whole or absent. */
#ifndef ESP_SET_FILE_H
#define ESP_SET_FILE_H

#include "base/set.h"
#include "io/file.h"

#define ESP_SET_FORMAT "espalier set"

enum { ESP_SET_WORD = 32 };

/* What the whole file is about. */
typedef struct {
  char task[ESP_SET_WORD]; /* the word that stands in it; "" of other origin */
  int width[ESP_COLUMNS];  /* numbers a particle; 0: not there. Read: in any part */
} esp_set_about;

/* ---- writing ---- */

typedef struct {
  esp_file *file;
  const esp_layout *layout;
  esp_set_about about;
  int64_t sets[ESP_PARTS], rows[ESP_PARTS], frame_rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS], *frames[ESP_PARTS], *frame_row[ESP_PARTS]; /* [sets] */
  esp_value *value[ESP_PARTS]; /* [sets][numbers] what this rank put, written at the end */
  int64_t *giver[ESP_PARTS];   /* [sets] 1 + rank that put the numbers, 0: not this one */
  struct esp_set_piece *piece; /* [pieces] rows of columns that are not dense, written at the end */
  size_t pieces, piece_capacity;
} esp_set_writer;

/* Begin PATH (written beside it): n [sets] and frames [sets] (NULL: none) of each part; no sets: n may be NULL. about:
 * widths as in esp_set_create. All datasets are made and their space is claimed here. Collective. The caller ends with
 * commit or abort; further attributes may be written to writer->file. */
int esp_set_begin(const esp_comm *comm, const char *path, const esp_layout *layout, const esp_set_about *about,
                  const int64_t sets[ESP_PARTS], const int64_t *const n[ESP_PARTS],
                  const int64_t *const frames[ESP_PARTS], esp_set_writer *writer);
/* This rank's part of one write: `count` sets, numbers s .. s + count - 1 of a part, each whole or (count = 1) a share of
 * one; count 0: nothing. Numbers are those of the rank that holds the first particle. Ranks' particles must not overlap.
 * Order of calls and split over ranks leave no trace in the file. Columns that are not dense are kept by the rank that puts them,
 * and written by the commit: of a set that is shared, a rank puts its share once, and shares lie in the order of the ranks.
 * ESP_ERR_ARG where sizes are not those announced.
 * Collective. */
int esp_set_put(esp_set_writer *writer, esp_part part, int64_t s, int count, const esp_set *set);
int esp_set_commit(esp_set_writer *writer);
/* Removes what was written; keeps the error at hand. */
void esp_set_abort(esp_set_writer *writer);

/* ---- reading ---- */

/* The datasets of a column that is not dense; start < 0: there are none, value < 0: all are 1. */
typedef struct {
  hid_t start, index, value;
  int64_t entries; /* of all sets of the part */
} esp_set_sparse;

typedef struct {
  const esp_comm *comm; /* borrowed */
  esp_file *file;       /* this rank's own */
  const esp_layout *layout;
  esp_set_about about;
  int version; /* 1: one of the two older formats */
  int sets[ESP_PARTS];
  int64_t rows[ESP_PARTS], frame_rows[ESP_PARTS];
  int64_t *n[ESP_PARTS], *row[ESP_PARTS], *frames[ESP_PARTS], *frame_row[ESP_PARTS]; /* [sets] */
  esp_value *value[ESP_PARTS];                                                       /* [sets][numbers] */
  esp_pairing pairing[ESP_PARTS]; /* after esp_set_pairs; lead 0: sets as they lie in the file */
  hid_t id[ESP_PARTS], data[ESP_PARTS][ESP_COLUMNS], frame[ESP_PARTS][ESP_COLUMNS]; /* < 0: no such dataset */
  esp_set_sparse sparse[ESP_PARTS][ESP_COLUMNS];
  struct esp_set_found *found; /* layout of esp_set_open without one; else NULL */
} esp_set_file;

/* 1 if PATH is a file of one of the three formats, 0 if it is another kind of file or none. Collective. */
int esp_set_file_is(const esp_comm *comm, const char *path, int *is);
/* The word for its task that stands in such a file, "" if there is none: for the caller to find the layout by. Collective. */
int esp_set_file_task(const esp_comm *comm, const char *path, char task[ESP_SET_WORD]);
/* Opens the file and checks every dataset's shape against the layout (NULL: one made of what is there, all columns EXTRA)
 * and every number against its range. Collective. */
int esp_set_open(const esp_comm *comm, const char *path, const esp_layout *layout, esp_set_file *file);
void esp_set_close(esp_set_file *file);
/* From now on the sets of `part` are pairs of frames, f and f + lead for f = most, most + stride ... of each trajectory, most
 * being the largest of back (0: there is none). Such a trajectory begins at f: framed columns are those of f, columns `of`
 * another are that one, of f, or with `ahead` of f + lead, or with `before` of every f - back[k], k by k; all others and the
 * ids are the trajectory's. A part without sets stays as it is; one whose trajectories are all shorter is ESP_ERR_VALUE. Local. */
int esp_set_pairs(esp_set_file *file, esp_part part, const esp_pairing *pairing);
/* The number of a set of `part` with the most particles, the first of them; -1: no set. Local. */
int esp_set_largest(const esp_set_file *file, esp_part part);
/* This rank's share over `comm` of set s (esp_comm_self(): the whole set, local), without frames. *set is the caller's;
 * checked. Collective over comm. */
int esp_set_read(const esp_set_file *file, const esp_comm *comm, esp_part part, int s, esp_set *set);
/* Particles [first, first + count) of frame f of set s: rows [count][width] of a framed column. Local. */
int esp_set_read_frame(const esp_set_file *file, esp_part part, int s, int64_t f, int column, int64_t first, int count,
                       double *rows);
/* Fingerprint of all particles, numbers and frames, set by set (values as float64, int64, with column, set and place); the
 * same for the same content in any of the three formats, wherever its rows lie. Each rank reads a part. Collective. */
int esp_set_file_checksum(const esp_set_file *file, uint64_t *sum);

#endif
