/* A set: the particles of one problem, or this rank's share of them, as named columns, and a few numbers of the whole.
 * Files, shares, caches, checks and fingerprints walk the columns; what they mean is the task's.
 *
 * A task's layout is one table: a column has a role, by which networks and losses know it (a network takes all columns of
 * a role side by side, in the order of the table). Columns of width 0 have as many numbers as the data say.
 *
 * Frames. A set may be a trajectory: columns with `framed` exist once a frame as well, in `frame`. The column itself
 * is then the first frame. What is learned may be a step of it: two frames of one trajectory, its plain columns shared
 * (io/set_file.h: esp_set_pairs).
 *
 * Groups. Sums over particles of many products (gradients of dense layers) are formed group by group in float64, in
 * home order, and group sums are added exactly (base/exact_sum.h). So a group must be the same particles in the same
 * order on any number of ranks: a group is ESP_GROUP consecutive particles of the set's global order, and a rank's share,
 * as it is read, is whole groups. */
#ifndef ESP_SET_H
#define ESP_SET_H

#include <stdint.h>

#include "base/base.h"
#include "base/comm.h"
#include "base/csr.h"

enum { ESP_GROUP = 64, ESP_COLUMNS = 24, ESP_NUMBERS = 48 };

typedef enum { ESP_PART_TRAIN, ESP_PART_TEST, ESP_PARTS } esp_part;
const char *esp_part_name(esp_part part); /* "train", "test" */

/* INPUT: what a network sees of a particle; SENT: what it sends; TARGET; WEIGHT in the loss; HIDDEN: for judging alone;
 * EXTRA: for the task itself; VALIDATION: WEIGHT in what chooses among the steps of a training (net/train.h: validate). */
typedef enum { ESP_INPUT, ESP_SENT, ESP_TARGET, ESP_WEIGHT, ESP_HIDDEN, ESP_EXTRA, ESP_VALIDATION, ESP_ROLES } esp_role;

/* How a column's numbers lie: DENSE: `width` a particle. SPARSE: rows of varying length, indices 0 .. width - 1 (features).
 * EDGES: likewise, indices are numbers of particles of the set; width is 1 where it is there. In files: a group of the
 * column's name with indptr [rows + 1], indices, and, where they are not all 1, data (io/set_file.h). */
typedef enum { ESP_DENSE, ESP_SPARSE, ESP_EDGES } esp_lying;

typedef struct {
  const char *name; /* NULL ends the rows; the dataset's name, too */
  esp_role role;
  int width;    /* numbers a particle; 0: the data say */
  int optional; /* may be missing in a file, or in a set */
  int framed;
  const char *of;      /* in pairs of frames, made of the framed column of this name; NULL: a column of its own */
  int ahead;           /* of: from the later frame */
  int before;          /* of: from the frames before, one beside the other; as wide as there are such */
  double min;          /* least value allowed; -INFINITY: any finite one */
  const char *foreign; /* what other codes' files call it ("position", "velocity", "mass"); NULL: they do not know it */
  const char *unit, *help;
  esp_lying lying; /* not DENSE: never framed, never of pairs */
} esp_column;

/* Which frames of trajectories are learned from: f and f + lead, every stride-th f; and those back[k] >= 1 before f. */
enum { ESP_BACKS = 64 };
typedef struct {
  int64_t lead, stride;
  int backs;
  int64_t back[ESP_BACKS];
} esp_pairing;

/* A number of the whole set, or `count` of them. */
typedef struct {
  const char *name; /* NULL ends the rows; the dataset's name, too */
  int whole;        /* 1: int64_t, 0: double */
  int count;        /* 1, or the length of a vector */
  int told;         /* its largest value over the sets made is told and stands in generate's results */
  const char *unit, *help;
  const char *(*names)(int k); /* whole: a place among words, NULL behind the last; NULL: a number as such */
  double min, max;             /* allowed in a file: closed range; both 0: any */
} esp_number;

typedef union {
  double real;
  int64_t whole;
} esp_value;

typedef struct {
  const esp_column *column;
  const esp_number *number;
  const char *units; /* one line: in which units */
} esp_layout;

/* Where particles live, as messages see it; set by the task when it brings a set to the network's units. */
typedef struct {
  int dim;          /* axes of the positions: 2 or 3; 0: no positions */
  double period[3]; /* 0: open */
  double softening;
} esp_space;

typedef struct {
  int64_t n;     /* particles in all */
  int64_t first; /* global number of the first held here */
  int n_home;
  const esp_layout *layout;   /* borrowed, static */
  int64_t *id;                /* [n_home] unique over ranks */
  int width[ESP_COLUMNS];     /* 0: not there */
  double *value[ESP_COLUMNS]; /* [n_home][width]; NULL: not there, or not dense */
  esp_csr csr[ESP_COLUMNS];   /* of those that are not dense; rows: n_home; start NULL: not there */
  int frames;
  double *frame[ESP_COLUMNS];   /* [frames][n_home][width]; NULL: none */
  esp_value about[ESP_NUMBERS]; /* in the order of layout->number, vectors one after the other */
  int ready;                    /* 0: as in the file; 1: in the network's units */
  esp_space space;
} esp_set;

/* First particle and number of particles of rank r of P: whole groups. Local, pure. */
void esp_set_share(int64_t n, int rank, int size, int64_t *first, int64_t *count);
/* Allocate the columns of set->layout with set->width (given; 0: left out; a fixed width of the layout that is not
 * optional may be given as 0, too, and is then set), n, first, n_home, frames; zeroed; those that are not dense without entries:
 * whoever fills one puts another esp_csr in its place. Local. ESP_ERR_ARG for a width that
 * is not the layout's. */
int esp_set_create(esp_set *set);
void esp_set_free(esp_set *set);
/* A copy with arrays of its own. Local. */
int esp_set_copy(const esp_set *set, esp_set *copy);

/* Place of a column by name, -1 if the layout has none; likewise of a number in `about`. Local, pure. */
int esp_set_column(const esp_layout *layout, const char *name);
int esp_set_number(const esp_layout *layout, const char *name);
/* Values in `about` in all. */
int esp_set_numbers(const esp_layout *layout);
/* The numbers a particle has in all columns of a role, those of sparse ones counted, those of edges not. Local, pure. */
int esp_set_role_width(const esp_set *set, esp_role role);
/* "x 3, wind 3, T 1; T_sent 1": columns that are seen and sent, of `width` numbers a particle, in the order in which networks
 * take them. Local, pure. */
enum { ESP_SET_TAKEN = 512 };
void esp_set_taken(const esp_layout *layout, const int width[ESP_COLUMNS], char text[ESP_SET_TAKEN]);
/* The k-th column of a role, NULL, and a width of 0, if there is none (or it is not there, or not dense); *width may be NULL.
 * Local, pure. */
double *esp_set_role(const esp_set *set, esp_role role, int k, int *width);
/* The first column of a role (any: ESP_ROLES) that lies so and is there, NULL: there is none. Local, pure. */
const esp_csr *esp_set_csr(const esp_set *set, esp_role role, esp_lying lying);
/* All columns of a role side by side, [n_home][role width]: the one column itself, or a joined copy in *own (to be freed by
 * the caller; NULL if none was needed). Local. ESP_ERR_ARG naming a sparse column. */
int esp_set_rows(const esp_set *set, esp_role role, const double **rows, double **own);

/* Finite numbers up to ESP_LARGEST (base/count.h), not below their least values, shares that fit together. ESP_ERR_VALUE naming id, column, place and value,
 * with `source` (file or caller) in front. Collective: agrees. */
int esp_set_check(const esp_comm *comm, const esp_set *set, const char *source);
/* Fingerprint: sum modulo 2^64 over particles of a hash of (id, every column but HIDDEN and EXTRA ones, edges in any case, by
 * (index, value) of their entries; weights and values that are not there are 1); independent of order and ranks. Collective. */
int esp_set_checksum(const esp_comm *comm, const esp_set *set, uint64_t *sum);

#endif
