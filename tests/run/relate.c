/* A code of one's own with a relation that it learns through the library: reads the sets of a file, lays their particles
 * on the ranks as they fall, and prints what the library makes of them.
 *
 *   relate DATA MODEL NEIGHBOURS [KEY WORD]...
 *
 * MODEL is a checkpoint that is there, or one to be trained on the sets and written. Printed: the parameters' checksum and that of
 * the prediction of test set 0, as the program prints them; then its neighbours, as the program's .mtx has them. */
#include <inttypes.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/comm.h"
#include "io/set_file.h"
#include "lib/espalier.h"
#include "tasks/task.h"

enum { X, V, Y, W };
static int rank, size;

static void must(int rc, const char *message) {
  if (!rc) return;
  fprintf(stderr, "relate: %s\n", message);
  MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

/* The rank that holds a particle: uneven, and of three ranks or more one holds none. */
static int holds(int64_t i) {
  const int some = size > 2 ? size - 1 : size;
  return (int)((uint64_t)(i * 2654435761u >> 7 & 0xff) * (uint64_t)i % 7 % (uint64_t)some);
}

/* Mine of a set, last first; to be read in any order. */
typedef struct {
  esp_set set;
  espalier_rows rows;
} part;

static part read_part(const esp_set_file *file, esp_part which, int s) {
  part p = {0};
  esp_set all;
  must(esp_set_read(file, esp_comm_self(), which, s, &all), esp_error_message());
  p.set = all;
  p.set.n_home = 0;
  for (int64_t i = 0; i < all.n; i++) p.set.n_home += holds(i) == rank;
  p.set.first = 0;
  must(esp_set_create(&p.set), esp_error_message());
  for (int64_t i = 0, to = p.set.n_home; i < all.n; i++) {
    if (holds(i) != rank) continue;
    p.set.id[--to] = all.id[i];
    for (int k = X; k <= W; k++)
      for (int c = 0; c < all.width[k]; c++) p.set.value[k][to * all.width[k] + c] = all.value[k][i * all.width[k] + c];
  }
  esp_set_free(&all);
  p.rows = (espalier_rows){.n = p.set.n_home,
                           .id = p.set.id,
                           .x = p.set.value[X],
                           .sent = p.set.value[V],
                           .target = p.set.value[Y],
                           .weight = p.set.value[W]};
  return p;
}

static void train(const esp_set_file *file, espalier_relation *r) {
  const int sets = file->sets[ESP_PART_TRAIN];
  part *all = calloc((size_t)sets, sizeof *all);
  espalier_rows *rows = calloc((size_t)sets, sizeof *rows);
  for (int s = 0; s < sets; s++) all[s] = read_part(file, ESP_PART_TRAIN, s), rows[s] = all[s].rows;
  must(espalier_relation_train(r, sets, rows, NULL, NULL, NULL), espalier_error());
  for (int s = 0; s < sets; s++) esp_set_free(&all[s].set);
  free(all);
  free(rows);
}

static espalier_relation *model(const esp_set_file *file, const char *path, int settings,
                                const espalier_setting *setting) {
  const int *width = file->about.width;
  espalier_relation *r;
  int there = access(path, R_OK) == 0;
  MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (there) {
    must(espalier_relation_read(MPI_COMM_WORLD, path, setting, settings, &r), espalier_error());
    return r;
  }
  must(espalier_relation_create(MPI_COMM_WORLD, width[X], width[V], width[Y], setting, settings, &r), espalier_error());
  train(file, r);
  must(espalier_relation_write(r, path), espalier_error());
  return r;
}

/* A line a neighbour, in the order of ids, which are numbers. */
static void print_neighbours(espalier_relation *r, const part *p, int64_t n, int k) {
  const size_t mine = (size_t)p->rows.n * (size_t)k, all = (size_t)n * (size_t)k;
  int64_t *neighbour = calloc(mine + 1, sizeof *neighbour), *number = calloc(all, sizeof *number);
  double *weight = calloc(mine + 1, sizeof *weight), *value = calloc(all, sizeof *value);
  must(espalier_relation_neighbors(r, &p->rows, k, neighbour, weight), espalier_error());
  for (size_t e = 0; e < mine; e++) {
    const size_t at = (size_t)p->rows.id[e / (size_t)k] * (size_t)k + e % (size_t)k;
    number[at] = neighbour[e] + 1;
    value[at] = weight[e];
  }
  MPI_Allreduce(MPI_IN_PLACE, number, (int)all, MPI_INT64_T, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, value, (int)all, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (size_t e = 0; e < all && !rank; e++) printf("%zu %" PRId64 " %.16e\n", e / (size_t)k + 1, number[e], value[e]);
  free(neighbour);
  free(weight);
  free(number);
  free(value);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  must(argc < 4 || argc % 2, "DATA MODEL NEIGHBOURS [KEY WORD]... are needed");
  espalier_setting setting[64];
  const int settings = (argc - 4) / 2;
  for (int k = 0; k < settings && k < 64; k++) setting[k] = (espalier_setting){argv[4 + 2 * k], argv[5 + 2 * k]};
  esp_comm *comm;
  esp_set_file file;
  uint64_t parameters, prediction;
  must(esp_comm_mpi_create(MPI_COMM_WORLD, &comm), esp_error_message());
  must(esp_set_open(comm, argv[1], esp_task_of_rows->layout, &file), esp_error_message());
  espalier_relation *r = model(&file, argv[2], settings, setting);
  part test = read_part(&file, ESP_PART_TEST, 0);
  must(espalier_relation_checksum(r, &parameters), espalier_error());
  must(espalier_relation_predict(r, &test.rows, test.set.value[Y], NULL), espalier_error());
  must(esp_set_checksum(comm, &test.set, &prediction), esp_error_message());
  if (!rank) printf("%016" PRIx64 " %016" PRIx64 "\n", parameters, prediction);
  print_neighbours(r, &test, test.set.n, atoi(argv[3]));
  espalier_relation_destroy(&r);
  esp_set_free(&test.set);
  esp_set_close(&file);
  esp_comm_mpi_free(&comm);
  return MPI_Finalize();
}
