/* Snapshots of other codes, read in parallel into a cloud, and written as GADGET HDF5.
 *
 * Read: HDF5 of GADGET-2/3/4, AREPO, GIZMO, SWIFT, OWLS and EAGLE, one file or split, or virtual over its parts; GADGET
 * binary formats 1 and 2 and tipsy, little and big endian. The format is told by content, never by name. A rank gets its
 * share (esp_set_share) of the particles in the file's order: type after type, within a type file after file. So order
 * and values do not depend on the ranks.
 *
 * Datasets go by each code's names (snapshot_names.c). A type that has ids alone (tracers) is left out, unless it is asked
 * for; where a type has no ids, all ids are places in that order, from 0, types that are not read counted, too; ids that
 * occur twice are refused, unless options say by_place; ids from 2^63 on are kept as bits. A mass table that ends before
 * a type says 0 of it; totals that are missing are added up. What was taken otherwise than the file has it: `note`.
 *
 * What is read is brought to physical units of the file: lengths, masses and velocities without scale factor or h, and
 * G in these units. Comoving snapshots are converted (positions a^1 h^-1, masses h^-1, velocities a^(1/2) for GADGET
 * and AREPO; a^1, 1, 1 for SWIFT; the exponents a dataset states itself come first); velocities are then the peculiar
 * ones, without Hubble flow. Where the flags contradict each other or leave it open (Time 1, Redshift 0), where options
 * contradict units or G that the file states, it is refused, not guessed at; `from` says what was taken from where.
 *
 * Formats: V. Springel, "User guide for GADGET-2" (2005), sections 6 and 7; GADGET-4 code paper, MNRAS 506 (2021) 2871;
 * M. Schaller et al., SWIFT, MNRAS 530 (2024) 2378.
 *
 * Everything is collective over comm and gives the same code and message on every rank. Errors: ESP_ERR_FILE (missing,
 * not readable), ESP_ERR_FORMAT (not a known format, truncated, dataset missing or of wrong rank, type or length,
 * counts or flags that contradict each other), ESP_ERR_CONFIG (units, types asked for), ESP_ERR_VALUE (NaN or infinity,
 * negative mass, no mass at all, no particle), ESP_ERR_LIMIT (over 2^31 particles on one rank). */
#ifndef ESP_SNAPSHOT_H
#define ESP_SNAPSHOT_H

#include <stdint.h>
#include <stdio.h>

#include "base/base.h"
#include "base/comm.h"
#include "base/particles.h"

enum { ESP_SNAPSHOT_TYPES = 16, ESP_SNAPSHOT_FROM = 96, ESP_NOTE = 1024 };

/* Units in cgs: cm, g, cm/s. 0: not known. */
typedef struct {
  double length, mass, velocity;
} esp_units;

typedef enum {
  ESP_COSMOLOGY_FILE = 0, /* as the file's flags say */
  ESP_COSMOLOGY_COMOVING, /* comoving, whatever they say */
  ESP_COSMOLOGY_PHYSICAL  /* values are physical as they lie */
} esp_cosmology;          /* key io_cosmology */

typedef enum {
  ESP_PERIOD_FILE = 0, /* as the file's flags say; without one, a comoving run with a box is periodic */
  ESP_PERIOD_PERIODIC,
  ESP_PERIOD_OPEN
} esp_period; /* key io_periodic */

/* All zeros: every type, units and everything else from the file. */
typedef struct {
  uint32_t types;  /* bit t: read type t; 0: all the file has */
  int by_place;    /* ids are places in the file, whatever ids it has */
  esp_units units; /* keys units_length, units_mass, units_velocity; all three or none */
  esp_cosmology cosmology;
  esp_period periodic;
} esp_snapshot_options;

typedef enum { ESP_FORMAT_HDF5, ESP_FORMAT_GADGET1, ESP_FORMAT_GADGET2, ESP_FORMAT_TIPSY } esp_snapshot_format;

/* What was taken from an attribute, a rule or a key: in words. */
typedef enum { ESP_FROM_COSMOLOGY, ESP_FROM_PERIOD, ESP_FROM_UNITS, ESP_FROM_G, ESP_FROMS } esp_snapshot_from;

typedef struct {
  /* as stored; -1 in flags and 0 in units: not stated */
  char dialect[40]; /* "GADGET-2/3 HDF5", "GADGET-4 HDF5", "AREPO HDF5", "SWIFT HDF5", "GADGET format 1", ... */
  esp_snapshot_format format;
  int swift;          /* HDF5: by its exponents where none are stated, and its h says nothing of units */
  int swap;           /* binary: the bytes lie the other way round */
  int tipsy_header;   /* bytes: 28 or 32 */
  int tipsy_width[2]; /* bytes of a number of positions, of velocities */
  int files, types;   /* length of the arrays by type */
  int has_totals;     /* the header tells the particles of all files; else they are added up */
  int dim;
  int64_t count[ESP_SNAPSHOT_TYPES];
  double mass_table[ESP_SNAPSHOT_TYPES];
  double box[3];
  double time;
  double scale;                                  /* stated beside the time; else 0 */
  double redshift, omega0, omega_lambda, hubble; /* -1: not stated */
  int comoving_flag, periodic_flag;              /* 1, 0, -1 */
  int has_exponents[3];                          /* of positions, velocities, masses: stated by the datasets */
  double exponent[3][2];                         /* powers of a and of h */
  unsigned lacks[ESP_SNAPSHOT_TYPES];            /* HDF5: fields (1 << esp_field) that a type has no dataset of */
  esp_units file_units;
  double file_G;       /* stated, or 1 for tipsy, whose bodies are in units of G = 1; else 0 */
  char note[ESP_NOTE]; /* what was taken otherwise than the file has it: lines for whoever reads it */
  /* settled when the particles are read */
  uint32_t taken; /* bits: types read */
  int by_place;   /* ids are places */
  int comoving, periodic;
  double a, h;
  double factor[3]; /* stored positions, velocities, masses times this are physical */
  esp_units units;  /* 0 where only G is known */
  double G;
  double spread[3]; /* of an open set cut out of a periodic box: its extent over the box, by axis; else 0 */
  char from[ESP_FROMS][ESP_SNAPSHOT_FROM];
  char told[ESP_NOTE]; /* all of that in a line: what was converted, and what was taken from where */
} esp_snapshot_header;

/* "all" or "0,1" -> bits. Local. ESP_ERR_CONFIG. */
int esp_snapshot_types(const char *text, uint32_t *types);

/* Which esp_snapshot_format the file is of, -1: none of these. By one rank. Local. */
int esp_snapshot_kind(const char *path, int *format);
/* What its header says, in lines. By one rank. Local. */
int esp_snapshot_print(const char *path, FILE *out);

/* What is stored, without reading particles or settling units. */
int esp_snapshot_read_header(const esp_comm *comm, const char *path, esp_snapshot_header *header);

/* path: the file, or any one of a split snapshot, or its name without ".0.hdf5" or ".0". options: NULL = all zeros.
 * header: may be NULL. The cloud is made here, in physical units, with eps, d, T = 0 (the caller's to choose), no
 * targets; the caller frees it with esp_cloud_free. 3-D unless the header says Dimension 2. */
int esp_snapshot_read(const esp_comm *comm, const char *path, const esp_snapshot_options *options, esp_cloud *cloud,
                      esp_snapshot_header *header);

/* Write a cloud in physical units (else ESP_ERR_ARG) as GADGET HDF5: one file, float64, a mass for each particle, unsigned
 * 64-bit ids, whole or absent (io/file.h). by_type [ESP_SNAPSHOT_TYPES]: particles of each type, which lie type after type in
 * the order of the ranks (another sum than cloud->n: ESP_ERR_ARG); NULL or zeros: all of type 1. units: NULL or zeros if unknown, then
 * cloud->G is stored (GravityConstantInternal). deflate 0..9. Any sharing over the ranks, and the same bytes. A cloud of 0
 * particles gives a valid file. The particles are there for VTK, too (group VTKHDF): those of one type as a grid, of several
 * types as a collection of grids, PartTypeN each. */
int esp_snapshot_write(const esp_comm *comm, const char *path, const esp_cloud *cloud, const int64_t *by_type,
                       const esp_units *units, double time, int deflate);

#endif
