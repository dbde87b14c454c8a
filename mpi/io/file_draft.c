#define _GNU_SOURCE
#include "io/file_draft.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "domain/comm.h"

MPI_Comm esp_file_mpi(const esp_comm *comm) {
  MPI_Comm mpi = comm->impl ? esp_comm_mpi_get(comm) : MPI_COMM_NULL;
  return mpi == MPI_COMM_NULL ? MPI_COMM_SELF : mpi;
}

int esp_file_draft_begin(const esp_comm *comm, const char *path, esp_draft *draft) {
  ESP_AGREE(comm, comm->rank ? ESP_OK : esp_draft_begin(path, draft));
  return comm->broadcast(comm, draft->path, sizeof draft->path, 0);
}

/* This rank's limit, and on rank 0 the allocation itself. */
static int allocate(const char *path, const esp_draft *draft, uint64_t need) {
  struct rlimit limit;
  ESP_CHECK(getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || need <= (uint64_t)limit.rlim_cur,
            ESP_ERR_FILE, "%s: needs %llu bytes, above the file size limit of %llu bytes (ulimit -f); raise it", path,
            (unsigned long long)need, (unsigned long long)limit.rlim_cur);
  if (!draft->stream) return ESP_OK;
  int error = posix_fallocate(fileno(draft->stream), 0, (off_t)need);
  /* a file system that cannot allocate ahead: errors then come from the library itself */
  if (error == EOPNOTSUPP || error == EINVAL || error == ENOSYS) return ESP_OK;
  ESP_CHECK(error == 0, ESP_ERR_FILE, "%s: no space for %llu bytes: %s", path, (unsigned long long)need,
            strerror(error));
  return ESP_OK;
}

int esp_file_draft_room(const esp_comm *comm, const char *path, const esp_draft *draft, uint64_t bytes) {
  ESP_AGREE(comm, allocate(path, draft, bytes));
  return ESP_OK;
}

/* A rename is lasting once its folder is on disk; a file system that cannot sync a folder is not an error. */
static void sync_folder(const char *path) {
  char copy[4096];
  if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) return;
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)!fsync(fd);
  close(fd);
}

static int settle(const char *path, esp_draft *draft) {
  ESP_CHECK(fsync(fileno(draft->stream)) == 0, ESP_ERR_FILE, "%s: cannot be brought to disk: %s", path,
            strerror(errno));
  ESP_CALL(esp_draft_keep(draft, path));
  sync_folder(path);
  return ESP_OK;
}

int esp_file_draft_keep(const esp_comm *comm, const char *path, esp_draft *draft) {
  ESP_AGREE(comm, comm->rank ? ESP_OK : settle(path, draft));
  return ESP_OK;
}
