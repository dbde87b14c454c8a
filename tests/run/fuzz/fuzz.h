/* Hostile inputs: good files of every kind (fuzz_subjects), changes to them that are written as lines of text
 * (fuzz_draw, fuzz_spoil), and what the program reads them with (fuzz_readers). tests/run/test_fuzz.c judges.
 *
 * A case is a line "SUBJECT READER CHANGE;CHANGE...", a change is "WORD|ARGUMENT|...": it means the same whatever drew it,
 * so a case that failed once is kept as a line of cases.txt. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

enum { FUZZ_LINE = 1024, FUZZ_PATH = 512, FUZZ_SUBJECTS = 64 };

typedef enum { FUZZ_HDF5, FUZZ_BINARY, FUZZ_TEXT } fuzz_kind;

/* An object of a HDF5 file, or (attribute != "") an attribute of one. */
typedef struct {
  char name[128], attribute[80];
  int dataset;
  H5T_class_t class;
  int rank;
  hsize_t dim[2];
  long count;        /* elements */
  long offset, size; /* where a contiguous dataset lies; size 0: it does not */
} fuzz_object;

typedef struct {
  char name[64];
  const char *readers; /* names, separated by blanks */
  fuzz_kind kind;
  char good[FUZZ_PATH];  /* the file as it should be */
  char place[FUZZ_PATH]; /* where the spoilt copy goes */
  char open[FUZZ_PATH];  /* what a reader is given; place, or what stands for several files */
  char input[FUZZ_PATH]; /* the YAML of the run, for readers that are verbs; "" if none */
  char other[FUZZ_PATH]; /* the checkpoint or the data that a verb needs beside it */
  int leaves;            /* 1: a library that opens the file by itself leaves objects open where it fails */
  int particles;         /* 1: datasets are particles of a snapshot, or a network's parameters: none may be missing */
  long size, lines;
  int objects;
  fuzz_object *object;
} fuzz_subject;

/* ---- fixtures.c ---- */

/* All subjects, made in `folder` (or lying in the source tree) from the program's own verbs; their number. Stops the process
 * where that fails. */
int fuzz_subjects(const char *folder, fuzz_subject subject[FUZZ_SUBJECTS]);

/* ---- grids.c, where NetCDF is ---- */

enum { FUZZ_GRIDS = 4 }; /* formats: HDF5, and three classic ones */
void fuzz_make_grid(const char *path, int format);

/* ---- readers.c ---- */

/* *sum: a fingerprint of what was read. An esp_code; what an accepted file must fulfil is checked here, and told by
 * fuzz_wrong. */
typedef struct {
  const char *name;
  int (*read)(const fuzz_subject *subject, uint64_t *sum);
  int verb; /* 1: does its work, too: slower, and the fingerprint is of that */
} fuzz_reader;
extern const fuzz_reader fuzz_readers[]; /* name NULL behind the last */

/* A verb in this process: its keys are those of `input` ("" for none), then pairs key, value up to NULL. */
int fuzz_verb(const char *verb, const char *input, const char *const *keys);
/* Why an accepted file should not have been; NULL: nothing to say. Cleared by the caller. */
extern const char *fuzz_wrong;
/* What is wrong with what a reader said, NULL: nothing. An accepted file: fuzz_wrong. A refusal tells what was read, and is of
 * a kind that a file can cause. Valid until the next call. */
const char *fuzz_judge(const fuzz_subject *subject, int rc);

/* ---- spoil.c, spoil_hdf5.c ---- */

uint64_t fuzz_below(uint64_t *random, uint64_t n); /* 0 for n = 0 */

/* A line of changes for a subject. */
void fuzz_draw(uint64_t *random, const fuzz_subject *subject, char changes[FUZZ_LINE]);
/* Makes them in the file. 1: what can still be read afterwards is what could be read before, all of it; 0: nobody can tell. */
int fuzz_spoil(const char *changes, const fuzz_subject *subject);
/* Objects and attributes of a HDF5 file. */
int fuzz_objects(const char *path, fuzz_object **object);
/* The same two for what HDF5 calls things; -1 from spoil: the word is not one of them. */
void fuzz_draw_hdf5(uint64_t *random, const fuzz_subject *subject, char *change, size_t size);
int fuzz_spoil_hdf5(char *const *word, int words, const fuzz_subject *subject);
/* Numbers as text that are worth a try. */
const char *fuzz_number(uint64_t *random);

#endif
