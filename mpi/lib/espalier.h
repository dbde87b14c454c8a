/* libespalier, for codes that hold particles on MPI ranks: gravity by a multipole method and a trained network, and relations
 * that are learned from examples.
 *
 *   espalier *e;
 *   espalier_create(comm, NULL, &e);
 *   espalier_particles p = {.n = mine, .id = id, .mass = m, .position = x, .velocity = v, .G = 1, .softening = eps};
 *   espalier_force(e, &p, acceleration, NULL);
 *   espalier_destroy(&e);
 *
 *   espalier_relation *r;
 *   espalier_relation_create(comm, features, sent, targets, (espalier_setting[]){{"net_layers", "1"}}, 1, &r);
 *   espalier_rows known = {.n = mine, .x = x, .sent = v, .target = y}, unknown = {.n = others, .x = x2, .sent = v2};
 *   espalier_relation_train(r, 1, &known, NULL, NULL, NULL);
 *   espalier_relation_predict(r, &unknown, y2, NULL);
 *   espalier_relation_destroy(&r);
 *
 * Every function is collective over the communicator that the object was made for, except where it says local. Particles lie
 * on the caller's ranks in the caller's order, any number on any rank, none on some or on all; results come back in that
 * order; nothing the caller owns is changed but the result arrays. Units are the caller's, one consistent system with
 * its G. Results are the same bits for any number of ranks and any distribution of the particles (but for the
 * horizon that espalier_predict finds by itself and the field over all pairs, summed in the order of ranks and places).
 *
 * Every function returns 0 or an error code (esp_code of base/base.h: 1 argument, 2 configuration, 3 file, 4 format,
 * 5 value, 6 limit, 7 memory, 8 communication, 9 internal), the same on every rank, and never ends the program.
 * espalier_error() tells what, where, which value and what is allowed.
 *
 * MPI must be initialised by the caller, and not yet finalised (else error 1; destroying is fine then, too). PETSc is
 * initialised with the first object if the caller has not done so, on each rank for itself, and then finalised in
 * MPI_Finalize; a caller that uses PETSc itself initialises it before. Any number of objects, on any communicators, may
 * exist at the same time and one after the other. Options, G, softening, box and horizon must be the same on every rank of
 * the object (else error 5). From C++ the header is used as it is; for Fortran there is the module espalier.f90. */
#ifndef ESPALIER_H
#define ESPALIER_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESPALIER_VERSION "0.1.0"

typedef struct espalier espalier;

/* Zero-initialise and set what is to differ from the default. In open space forces, potentials and the network are those of
 * the multipole method (order, tolerance). leaf, block, theta, pairs_limit and single count for forces over all pairs or in
 * a periodic box; leaf and block for espalier_partition, too. */
typedef struct {
  int leaf;               /* particles a leaf at most; 0: 8 */
  int block;              /* particles sharing one interaction list; 0: 64 */
  double theta;           /* opening angle; 0: 0.5, negative: all pairs */
  int64_t pairs_limit;    /* near pairs a particle at which to stop with an error; 0: 65536 */
  const char *checkpoint; /* a trained network for espalier_predict, written by `espalier train`; NULL: the untrained
                             network, a leapfrog of `layers` steps */
  int layers;             /* without checkpoint; 0: 4 */
  int single;       /* 1: pairs in float32; 0: float64, wherever leaf, block and theta count. espalier_predict with
                             a checkpoint takes the checkpoint's, and its tree: leaf, block, theta and pairs_limit */
  int order;        /* of the multipole expansions, 2 to 5; 0: 4 */
  double tolerance; /* of the multipole method: what one far cell's force may err by, as a share of the receiver's,
                             0 < tolerance <= 1; 0: that of the order: 3e-2, 5.5e-3, 5e-4, 5e-5 for 2 to 5, with which
                             accelerations err by about 3e-2, 6e-3, 9e-4, 9e-5 (root mean square of relative errors) */
} espalier_options;

/* Bytes from one particle's value to the next one's, where they lie in the caller's own structs: at least the value's size,
 * or 0: one behind the other. Pointers are then to the first particle's value. */
typedef struct {
  size_t id, mass, position, velocity, softening, active; /* arguments */
  size_t vector, number; /* results: of three numbers (acceleration, displacement, ...); of one (potential) */
} espalier_strides;

typedef struct {
  int64_t n;                   /* particles on this rank, >= 0 */
  const int64_t *id;           /* [n] unique over all ranks (else error 5); NULL: numbered by rank and place */
  const double *mass;          /* [n] >= 0 */
  const double (*position)[3]; /* [n] */
  const double (*velocity)[3]; /* [n]; NULL where not needed: all but espalier_predict and espalier_energy */
  double G;                    /* gravitational constant in the caller's units, > 0 */
  double softening;            /* Plummer softening length, >= 0; one for all, the same on every rank: a softening of
                                  each source is not offered */
  double box[3];               /* period by axis; 0: open */
  const unsigned char *active; /* [n] for espalier_force and espalier_gravity, where some particles alone move on (block
                                  time steps): 0: its results are not wanted and stay as they are. In open space they cost
                                  next to nothing. NULL: all on this rank are wanted. The others have the same bits */
  espalier_strides stride;     /* of all of these and of results */
} espalier_particles;

/* Where to know the field: places that need be no particles. */
typedef struct {
  int64_t n;         /* on this rank, >= 0 */
  const int64_t *id; /* [n] unique over all ranks; NULL: numbered by rank and place. Bits depend on ids only where
                                  targets share a coordinate */
  const double (*position)[3]; /* [n] */
  const double *softening;     /* [n] >= 0, of its pairs with all particles; NULL: that of the particles. At most
                                  ESPALIER_SOFTENINGS different ones over all ranks (else error 6): each is a sum of its own */
  espalier_strides stride;     /* id, position, softening, and results */
} espalier_targets;
enum { ESPALIER_SOFTENINGS = 16 };

/* What the last call cost on this rank. */
typedef struct {
  int64_t owned, halo, halo_cells, messages,
      bytes;                     /* particles computed here, fetched; messages and bytes received, less results */
  int64_t near_pairs, far_pairs; /* particle-particle interactions of this rank; particle-cell ones, and
                                                       cells that were expanded for several particles at once */
  double seconds;
} espalier_stats;

/* Of all particles of all ranks, each sum exact and rounded once. */
typedef struct {
  double mass, kinetic, potential; /* sum m v^2 / 2; half the sum of m times the potential of espalier_gravity */
  double momentum[3];
} espalier_sums;

/* options NULL: all defaults. The communicator is duplicated. Errors: argument (MPI is not initialised, or finalised; no
 * communicator), configuration, a checkpoint that cannot be used. */
int espalier_create(MPI_Comm comm, const espalier_options *options, espalier **e);
/* The same for a communicator of Fortran. */
int espalier_create_fortran(MPI_Fint comm, const espalier_options *options, espalier **e);
/* Frees everything; *e becomes NULL. NULL is fine. */
int espalier_destroy(espalier **e);
/* The message of this rank's last failure; "" if there was none. Local; owned by the library, valid until the next call. */
const char *espalier_error(void);

/* Where the balanced tree puts each particle: owner [n] the rank whose share of the tree it belongs to, slot [n] its
 * place in the tree's order, 0 <= slot < total. Ranks' shares are contiguous in slots and balanced to one block. Either
 * may be NULL. Both lie one behind the other. */
int espalier_partition(espalier *e, const espalier_particles *p, int *owner, int64_t *slot);

/* Acceleration [n][3] and potential [n] (energy of a unit mass, < 0; the particle's own softened one is left out) of every
 * active particle, in one pass: in open space by the multipole method, its sums in float32 about the receivers, rounding to
 * some 1e-7 of them; with theta < 0 over all pairs, in a periodic box by the tree, monopoles and quadrupoles at nearest
 * images: there a potential is not known (error 2). Of particles at one place without softening the pair is left out. Either
 * result may be NULL; so may stats. Error 5 for a group of particles within 2^-80 of the extent of all, but not at one place:
 * with one particle at 1e20, some dozen others within 1e-4 of each other. */
int espalier_gravity(espalier *e, const espalier_particles *p, double (*acceleration)[3], double *potential,
                     espalier_stats *stats);
/* The same without the potential. */
int espalier_force(espalier *e, const espalier_particles *p, double (*acceleration)[3], espalier_stats *stats);

/* Acceleration [n][3] and potential [n] at targets, which nobody feels. A target at a particle's place feels it as any
 * other: softened, its potential has -G m / softening and its acceleration nothing of it; unsoftened, the pair is left out of
 * both. In open space by the multipole method, to the accuracy of espalier_gravity; with theta < 0 over all pairs in
 * float64, in any box, summed in the order of ranks and places. Error 2 in a periodic box otherwise. Error 5 for ids outside [-2^62, 2^62), and as in
 * espalier_gravity, for particles and targets together. Either result may be NULL; so may stats. */
int espalier_field(espalier *e, const espalier_particles *p, const espalier_targets *at, double (*acceleration)[3],
                   double *potential, espalier_stats *stats);

/* Energies and momentum of all particles; the same on every rank, and the same bits on any. Errors: those of a potential in
 * espalier_gravity. */
int espalier_energy(espalier *e, const espalier_particles *p, espalier_sums *sums, espalier_stats *stats);

/* The network: displacement[n][3] = x(horizon) - x - horizon v, what gravity moves a particle by, and velocity_change[n][3] =
 * v(horizon) - v, predicted in one step of length `horizon` (> 0, the caller's unit of time; 0: the cloud's own,
 * sqrt(2 d / mean |a|), d the mean spacing), returned in *used if not NULL. A trained network is at its best at about that
 * horizon, and at a softening of half the mean spacing. */
int espalier_predict(espalier *e, const espalier_particles *p, double horizon, double (*displacement)[3],
                     double (*velocity_change)[3], double *used, espalier_stats *stats);

/* ---- a learned relation: who hears whom, found from the answers ---- */

typedef struct espalier_relation espalier_relation;

/* A key of the program and its word, as in an input file or on the command line: {"net_dim", "4"}. The keys are net_*,
 * tree_*, train_* and run_seed (`espalier help KEY`, inputs/reference.yaml), but for those about files, which are the
 * program's: train_restart, train_checkpoint_*. */
typedef struct {
  const char *key, *value;
} espalier_setting;

/* Rows of one set as they lie on this rank, row-major, one behind the other: finite numbers. */
typedef struct {
  int64_t n;            /* particles on this rank, >= 0 */
  const int64_t *id;    /* [n] unique over all ranks (else error 5); NULL: numbered by rank and place */
  const double *x;      /* [n][features] */
  const double *sent;   /* [n][sent] */
  const double *target; /* [n][targets]; not looked at but by espalier_relation_train */
  const double *weight; /* [n] >= 0, of a particle's error in the loss; NULL: 1; likewise */
} espalier_rows;

/* What a step of training was; the same on every rank, but for seconds. */
typedef struct {
  int64_t step, steps;   /* made so far, 1 after the first; train_steps */
  double loss;           /* of the batch, before the step: 1 is as good as the mean of the targets */
  double rate, gradient; /* rate of learning; norm of the gradient before clipping */
  double seconds;        /* of this rank */
} espalier_step;
/* Called on every rank after every step; other than 0 on any rank: training ends behind this step, without an error, and
 * the model is that of the step. It may call espalier_relation_write, _predict and what only looks at the relation, on all
 * ranks alike. */
typedef int espalier_progress(void *context, const espalier_step *step);

/* An untrained network for rows of such widths, each >= 1. What is not set has the program's default. Collective over comm,
 * which is duplicated. Errors, on all ranks: 1 (MPI does not run, no communicator, NULL among the settings), 2: a key that is
 * not known, naming the nearest one, or a word that is not allowed, naming key and range, or a width; 5: settings or widths
 * differ over the ranks. */
int espalier_relation_create(MPI_Comm comm, int features, int sent, int targets, const espalier_setting *setting,
                             int settings, espalier_relation **r);
/* From a checkpoint of a network `stack`, of `espalier train` or of espalier_relation_write. Settings act as on the command
 * line of `espalier predict`: trees and train_* are replaced, what the parameters depend on stays the file's. Errors: 3, 4
 * for the file, 2 for one of another network, and as above. */
int espalier_relation_read(MPI_Comm comm, const char *path, const espalier_setting *setting, int settings,
                           espalier_relation **r);
/* A checkpoint, whole or absent, that espalier_relation_read takes, and the program: `espalier predict`, `evaluate`, `graph`
 * with eval_checkpoint, and after espalier_relation_train `train` with train_restart. The same path on every rank. */
int espalier_relation_write(espalier_relation *r, const char *path);
/* Frees everything; *r becomes NULL. NULL is fine. Error 1 inside a call of espalier_progress. */
int espalier_relation_destroy(espalier_relation **r);
/* Widths as created or read; any may be NULL. dim: of a place, error 2 where places are none (tree_on). Local. */
int espalier_relation_widths(const espalier_relation *r, int *features, int *sent, int *targets, int *dim);
/* Fingerprint of the parameters' bits, that which `espalier train` prints; the same on every rank. Local. */
int espalier_relation_checksum(const espalier_relation *r, uint64_t *checksum);

/* Trains on sets [sets] (>= 1, the same number on all ranks; any set may have no particles on some ranks, or on none),
 * train_steps steps from where the model is; a second call goes on from the first one's model with fresh moments and from the
 * first step of the schedule. Sets are copied for the time of the call; where ranks divide a batch's sets among them
 * (train_shard), each has all of them, unless they take over 1 GiB together. The same bits as `espalier train` on a file of
 * these sets, rows in the order of their ids, on any number of ranks and however they lie there. steps_done: by this call;
 * may be NULL, as progress may. Errors: 5 naming set, particle and column of a number that is not finite, or the step whose loss is
 * not: the model is then that of the step before. */
int espalier_relation_train(espalier_relation *r, int sets, const espalier_rows *set, espalier_progress *progress,
                            void *context, int64_t *steps_done);
/* y [n][targets]: the bits of `espalier predict`. stats may be NULL. */
int espalier_relation_predict(espalier_relation *r, const espalier_rows *set, double *y, espalier_stats *stats);
/* place [n][dim]: where the first layer's tree stands, the learned space; with net_separate that of the senders. */
int espalier_relation_place(espalier_relation *r, const espalier_rows *set, double *place);
/* As espalier_partition, on that tree. */
int espalier_relation_partition(espalier_relation *r, const espalier_rows *set, int *owner, int64_t *slot);
/* The k >= 1 nearest senders of every particle in the learned space, nearest first, by id, ties to the smaller id; none is its
 * own neighbour: neighbor [n][k]; weight [n][k], the gate of their distance as `espalier graph` writes it. Either may be NULL.
 * Where there are fewer than k others, -1 and weight 0 stand behind the last one. */
int espalier_relation_neighbors(espalier_relation *r, const espalier_rows *set, int k, int64_t *neighbor,
                                double *weight);

#ifdef __cplusplus
}
#endif

#endif
