/* Ensembles: sets of clouds with their targets in one HDF5 file that does not depend on the number of ranks.
 *
 * Layout. Attributes of /: format "espalier ensemble", version, and every parameter of the run that made it. Groups
 * /train and /test, each with
 *   id m x v D K               particles of all clouds, one cloud after the other; x v D K have 3 columns
 *   clouds                     the table: one row a cloud, a compound of the fields of esp_ensemble_entry by name
 *   frames/x, frames/v         roll-out frames, trajectory by trajectory, frame by frame, body by body (task M, test)
 * Every dataset has attributes that tell units and meaning. Physical units of the problem; G stands in the table.
 *
 * Writing is collective, reading of clouds is not: any rank reads any cloud, or any part of one, when it likes.
 * Errors: ESP_ERR_FILE (missing, not HDF5, no space), ESP_ERR_FORMAT (not an ensemble; a dataset missing or misshapen;
 * a table that does not fit the particles), ESP_ERR_VALUE (a cloud with forbidden values, naming file, id and field).
 */
#ifndef ESP_ENSEMBLE_H
#define ESP_ENSEMBLE_H

#include "base/particles.h"
#include "base/set.h"
#include "io/file.h"

/* One cloud as the table has it. */
typedef struct {
  int64_t n, offset; /* bodies; first row in the particle datasets */
  int64_t kind;      /* 0 ball, 1 plummer, 2 periodic box, 3 snapshot */
  int64_t seed;      /* bits of the cloud's own seed */
  int64_t dim;
  int64_t frames, frame_offset; /* frames kept (time 0 included), 0: none; first row in the frame datasets */
  double G, eps, box[3], d, T;
  double Q, r_h, mean_a, W;    /* task G, else 0: virial ratio, half-number radius, mean |a|, sum m x.a (at 0.1 d) */
  int64_t sampled;             /* bodies mean_a was taken over */
  int64_t truth;               /* force of the targets: 0 direct sum, 1 tree */
  int64_t steps;               /* of the truth's leapfrog over T */
  double theta;                /* opening angle of a tree truth */
  double energy_error;         /* |H(T) - H(0)| / |H(0)| of the truth; -1: not computed */
  double momentum;             /* |sum m v| at the end of the truth */
  double force_rms, force_l2;  /* tree truth against direct sum on sampled bodies at time 0; 0 for a direct truth */
  double displacement_error;   /* NRMSE of D against a direct truth; 0 for a direct truth */
  int64_t displacement_bodies; /* bodies of the cloud that error was found on: n, or those of a smaller twin */
} esp_ensemble_entry;

/* ---- writing ---- */

typedef struct {
  esp_file *file;
  int64_t clouds[ESP_PARTS], bodies[ESP_PARTS], frame_rows[ESP_PARTS];
} esp_ensemble_writer;

/* Begin PATH (written beside it) with the sizes of each set: clouds, particles and frame rows (0 rows: no frames).
 * Creates all groups and datasets. The caller ends with esp_ensemble_commit or _abort. Collective. */
int esp_ensemble_begin(const esp_comm *comm, const char *path, const int64_t clouds[ESP_PARTS],
                       const int64_t bodies[ESP_PARTS], const int64_t frame_rows[ESP_PARTS],
                       esp_ensemble_writer *writer);
/* This rank's part of one write: whole clouds lying one after the other, or its share of a sharded one (then one rank
 * alone gives the entry). Any count may be 0. */
typedef struct {
  int64_t first_entry, entries;
  const esp_ensemble_entry *entry;
  int64_t first_row, rows;
  const esp_cloud *cloud; /* its arrays [rows]; may be NULL if rows = 0 */
  int64_t first_frame_row, frame_rows;
  const double (*frame_x)[3], (*frame_v)[3];
} esp_ensemble_part;
/* Collective; the ranks' parts must not overlap. Order of calls and split over ranks leave no trace in the file. */
int esp_ensemble_put(esp_ensemble_writer *writer, esp_part set, const esp_ensemble_part *part);
int esp_ensemble_commit(esp_ensemble_writer *writer);
/* Removes what was written; keeps the error at hand. */
void esp_ensemble_abort(esp_ensemble_writer *writer);

/* ---- reading ---- */

typedef struct {
  const esp_comm *comm; /* borrowed */
  esp_file *file;
  int clouds[ESP_PARTS];
  int64_t bodies[ESP_PARTS], frame_rows[ESP_PARTS];
  esp_ensemble_entry *entry[ESP_PARTS]; /* [clouds] the table, on every rank */
  hid_t particle[ESP_PARTS][6], frame[ESP_PARTS][2];
} esp_ensemble;

/* Opens the file and reads the tables, which are checked against the datasets. Collective. */
int esp_ensemble_open(const esp_comm *comm, const char *path, esp_ensemble *ensemble);
void esp_ensemble_close(esp_ensemble *ensemble);
/* Cloud c of a set, whole, with targets, in physical units; *cloud is the caller's (esp_cloud_free). Local. */
int esp_ensemble_cloud(const esp_ensemble *ensemble, esp_part set, int c, esp_cloud *cloud);
/* This rank's share, particles [n r/P, n (r+1)/P), of cloud c over `comm`. Collective over comm. */
int esp_ensemble_share(const esp_ensemble *ensemble, const esp_comm *comm, esp_part set, int c, esp_cloud *cloud);
/* Bodies [first, first + count) of frame f of cloud c: x and v [count][3]. Local. */
int esp_ensemble_frame(const esp_ensemble *ensemble, esp_part set, int c, int64_t f, int64_t first, int count,
                       double (*x)[3], double (*v)[3]);
/* Fingerprint of all datasets in file order, values and places: equal only for equal content. For tests and logs. Each
 * rank reads a part of it. Collective. */
int esp_ensemble_checksum(const esp_ensemble *ensemble, uint64_t *sum);

#endif
