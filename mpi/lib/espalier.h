/* libespalier: gravity by a multipole method and a trained network, for N-body codes that hold particles on MPI ranks.
 *
 *   espalier *e;
 *   espalier_create(comm, NULL, &e);
 *   espalier_particles p = {.n = mine, .id = id, .mass = m, .position = x, .velocity = v, .G = 1, .softening = eps};
 *   espalier_force(e, &p, acceleration, NULL);
 *   espalier_destroy(&e);
 *
 * Every function is collective over the communicator given to espalier_create, except where it says local. Particles lie
 * on the caller's ranks in the caller's order, any number on any rank, none on some or on all; results come back in that
 * order; nothing the caller owns is changed but the result arrays. Units are the caller's, one consistent system with
 * its G. Results are the same bits for any number of ranks and any distribution of the particles (but for the
 * horizon that espalier_predict finds by itself and the field over all pairs, summed in the order of ranks and places).
 *
 * Every function returns 0 or an error code (esp_code of base/base.h: 1 argument, 2 configuration, 3 file, 4 format,
 * 5 value, 6 limit, 7 memory, 8 communication, 9 internal), the same on every rank, and never ends the program.
 * espalier_error() tells what, where, which value and what is allowed.
 *
 * MPI must be initialised by the caller, and not yet finalised (else error 1; espalier_destroy is fine then, too). PETSc is
 * initialised by espalier_create if the caller has not done so, on each rank for itself, and then finalised in
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
  double softening;            /* Plummer softening length, >= 0; the same on every rank */
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

#ifdef __cplusplus
}
#endif

#endif
