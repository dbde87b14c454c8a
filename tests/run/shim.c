/* Preloaded into the program by the tests: ends a rank inside a chosen MPI function, lowers the file size limit, or
 * refuses memory.
 *
 *   ESP_SHIM_KILL=FUNCTION:RANK:CALL  SIGKILL for world rank RANK at its CALL-th call of FUNCTION (from 1), one of
 *                                     Startall, Waitall, Allreduce, File_open, File_write_at_all; :SIGNAL behind it: a
 *                                     signal of that number instead
 *   ESP_SHIM_FSIZE=BYTES              RLIMIT_FSIZE on every rank, once MPI has made its own files
 *   ESP_SHIM_REFUSE=RANK:CALL         no memory for world rank RANK at its CALL-th allocation
 *
 * Startall is called by PetscSF alone: that is the halo. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <mpi.h>

static void here(const char *function) {
  static long seen;
  const char *text = getenv("ESP_SHIM_KILL");
  char name[64] = "";
  long rank = -1, call = 0;
  int own = -1, number = SIGKILL;
  if (!text || sscanf(text, "%63[^:]:%ld:%ld:%d", name, &rank, &call, &number) < 3 || strcmp(name, function)) return;
  PMPI_Comm_rank(MPI_COMM_WORLD, &own);
  if (own != rank || ++seen < call) return;
  fprintf(stderr, "shim: rank %d ends in %s\n", own, function);
  raise(number);
}

static void limit(void) {
  const char *bytes = getenv("ESP_SHIM_FSIZE");
  if (!bytes) return;
  struct rlimit value = {strtoull(bytes, NULL, 10), strtoull(bytes, NULL, 10)};
  if (setrlimit(RLIMIT_FSIZE, &value)) abort();
}

int MPI_Init_thread(int *argc, char ***argv, int wanted, int *given) {
  int rc = PMPI_Init_thread(argc, argv, wanted, given);
  limit();
  return rc;
}

int MPI_Init(int *argc, char ***argv) {
  int rc = PMPI_Init(argc, argv);
  limit();
  return rc;
}

int MPI_Startall(int count, MPI_Request *requests) {
  here("Startall");
  return PMPI_Startall(count, requests);
}

int MPI_Waitall(int count, MPI_Request *requests, MPI_Status *statuses) {
  here("Waitall");
  return PMPI_Waitall(count, requests, statuses);
}

int MPI_Allreduce(const void *in, void *out, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  here("Allreduce");
  return PMPI_Allreduce(in, out, count, type, op, comm);
}

int MPI_File_open(MPI_Comm comm, const char *name, int mode, MPI_Info info, MPI_File *file) {
  here("File_open");
  return PMPI_File_open(comm, name, mode, info, file);
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void *data, int count, MPI_Datatype type,
                          MPI_Status *status) {
  here("File_write_at_all");
  return PMPI_File_write_at_all(file, offset, data, count, type, status);
}

/* esp_alloc is the program's only caller of aligned_alloc. */
void *aligned_alloc(size_t alignment, size_t size) {
  static long seen;
  long rank = -1, call = 0;
  int own = -1, started = 0;
  const char *text = getenv("ESP_SHIM_REFUSE");
  void *memory = NULL;
  if (text && sscanf(text, "%ld:%ld", &rank, &call) == 2) {
    PMPI_Initialized(&started);
    if (started) PMPI_Comm_rank(MPI_COMM_WORLD, &own);
    if (own == rank && ++seen == call) {
      fprintf(stderr, "shim: rank %d is refused %zu bytes\n", own, size);
      errno = ENOMEM;
      return NULL;
    }
  }
  return posix_memalign(&memory, alignment, size) ? NULL : memory;
}
