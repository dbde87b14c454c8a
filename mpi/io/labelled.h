/* Graphs with classes, as other codes keep them: rows `graph_hdf5` and `matrix_market` of the table of formats (io/formats.h).
 *
 * What is read. A set of the given layout, whose columns are known by their foreign names:
 *
 *   features     dense, or rows of varying length (esp_lying), whichever the file has
 *   edges        ESP_EDGES: who hears whom. An edge without a direction stands in it both ways; self edges, and what stands
 *                twice, are left out and counted in the note, as are those of a graph with directions that have no twin the
 *                other way
 *   class        as many numbers as there are classes, 1 at the particle's; label -1: all 0, it has none
 *   split        1 train, 2 validation, 3 test, 0 none of them; all 0 where the file says nothing. One that leaves no
 *                particle with a class for the test is told in the note
 *
 * HDF5, as public copies of Planetoid's sets and their like have it, in /: label [n]; x [n][D], or x_indptr [n + 1], x_indices,
 * x_values (may be missing: 1), as scipy has sparse rows, attribute n_features of / their columns (missing: up to the largest
 * index); edges [E][2], without direction; train, val, test: masks [n] of 0 and 1 or of bool, or lists of particles. All but label may be
 * missing, but not both features and edges. Features of both kinds are taken side by side, which is told in the note.
 *
 * Matrix Market, NAME.mtx: a graph in coordinates, pattern, integer or real (weights), symmetric, or general (entry (i, j): i
 * hears j); beside it NAME_labels.txt, a whole number a line, and, if it is there, NAME_features.mtx, general.
 *
 * Every rank reads edges and text from the beginning to the end, and keeps what is of its share: O(file) time, O(file / P)
 * memory. Written, by either row, is HDF5: label, the class of the largest number; probability [n][classes]; id.
 *
 * Errors, on all ranks, name file, dataset or line, particle and value: ESP_ERR_FORMAT (missing, misshapen, of other classes,
 * sizes that contradict each other or what the file can hold), ESP_ERR_VALUE (an edge or an index out of range, two entries
 * at one place, what is not finite, a label below -1, a particle in two splits). */
#ifndef ESP_LABELLED_H
#define ESP_LABELLED_H

#include "io/formats.h"

extern const esp_format esp_format_graph_hdf5, esp_format_matrix_market;
/* Is it HDF5 of this kind? By content. Local. */
int esp_labelled_is(const char *path, int *is);

/* ---- inside mpi/io: what a reader found, this rank's share ---- */

enum { ESP_LABELLED_CLASSES = 4096 };

typedef struct {
  const esp_comm *comm; /* borrowed, as the path */
  const char *path;
  int64_t n, first;
  int n_home, features, has_edges, weighted;
  double *x;      /* [n_home][features] */
  esp_csr words;  /* start NULL: none */
  int64_t *label; /* [n_home] */
  int *split;     /* [n_home] */
  int64_t *row, *to;
  double *weight; /* [edges] of own receivers, rows from 0; weight only if weighted */
  size_t edges, rows_held, to_held, weights_held;
  int64_t loops, both; /* self edges of own particles; 1: edges have no direction, and stand twice in what is counted */
  int64_t *sender, *receiver; /* [said] with both 0: of own senders, rows from 0, who hears them */
  size_t said, senders_held, receivers_held;
} esp_labelled;

/* n is known: shares and what is as long. Local. */
int esp_labelled_create(const esp_comm *comm, const char *path, int64_t n, esp_labelled *l);
void esp_labelled_free(esp_labelled *l);
/* Particle i hears j, kept where i is of this share; with both 0, where j is, too. Local. */
int esp_labelled_hears(esp_labelled *l, int64_t i, int64_t j, double weight);
/* The words of this share: sorted, checked. csr becomes l's. Local. `what` and `first`: for messages. */
int esp_labelled_words(esp_labelled *l, const char *what, esp_csr *csr);
/* The set of a layout, checked, and what to tell of it. Collective; l is to be freed in any case. */
int esp_labelled_set(esp_labelled *l, const esp_layout *layout, esp_set *set, esp_origin *origin);
/* As esp_format_write. */
int esp_labelled_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin,
                       double time, int compress);

#endif
