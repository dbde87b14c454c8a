#include "io/file.h"

#include <stdio.h>
#include <string.h>

#include "base/at_hand.h"
#include "base/input.h"
#include "io/file_draft.h"

/* Room beyond the data: for the file as a whole, and for the description of each object or attribute (headers, links,
 * heaps). HDF5 cuts what is left over when it flushes. */
enum { FILE_ROOM = 1 << 16, OBJECT_ROOM = 1 << 13 };

int esp_file_open_objects(void) {
  return (int)H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
}

/* ---- making and freeing the object ---- */

static void drop(esp_file **file) {
  if (!*file) return;
  esp_at_hand(NULL, NULL);
  esp_draft_drop(&(*file)->draft);
  ESP_FREE((*file)->path);
  ESP_FREE(*file);
}

static int make(const esp_comm *comm, const char *path, int writing, esp_file **file) {
  esp_file *made = NULL;
  int rc = ESP_OK;
  esp_at_hand(writing ? "writing" : "reading", path);
  ESP_TRY(ESP_ALLOC(made, 1));
  made->comm = comm;
  made->id = H5I_INVALID_HID;
  made->writing = writing;
  ESP_TRY(ESP_ALLOC(made->path, strlen(path) + 1));
  strcpy(made->path, path);
  *file = made;
  made = NULL;
done:
  drop(&made);
  return rc;
}

static hid_t access_list(const esp_comm *comm) {
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  if (list < 0) return list;
  herr_t bad = H5Pset_fapl_mpio(list, esp_file_mpi(comm), MPI_INFO_NULL) < 0;
  bad |= H5Pset_all_coll_metadata_ops(list, 1) < 0;
  bad |= H5Pset_coll_metadata_write(list, 1) < 0;
  bad |= H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V110) < 0;
  bad |= H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) < 0;
  if (!bad) return list;
  H5Pclose(list);
  return H5I_INVALID_HID;
}

/* ---- space ---- */

int esp_file_reserve(esp_file *file, uint64_t bytes) {
  ESP_CHECK(file->writing, ESP_ERR_ARG, "%s: is open for reading", file->path);
  /* the same on all ranks: they make the same calls. In steps, so that few calls reach the file system. */
  file->used += bytes + OBJECT_ROOM;
  if (file->used <= file->reserved) return ESP_OK;
  ESP_CALL(esp_file_draft_room(file->comm, file->path, &file->draft, file->used + FILE_ROOM));
  file->reserved = file->used + FILE_ROOM;
  return ESP_OK;
}

/* ---- create ---- */

static int create(esp_file *file) {
  char text[512];
  hid_t list = access_list(file->comm), root = esp_file_timeless(H5P_FILE_CREATE);
  if (list >= 0 && root >= 0) file->id = H5Fcreate(file->draft.path, H5F_ACC_TRUNC, root, list);
  if (file->id < 0) esp_file_hdf5_error(text, sizeof text);
  if (root >= 0) H5Pclose(root);
  if (list >= 0) H5Pclose(list);
  ESP_CHECK(file->id >= 0, ESP_ERR_FILE, "%s: cannot be created: %s", file->path, text);
  return ESP_OK;
}

int esp_file_create_begin(const esp_comm *comm, const char *path, esp_file **file) {
  esp_file *made = NULL;
  int rc = comm->agree(comm, make(comm, path, 1, &made));
  if (rc) goto done;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  ESP_TRY(esp_file_draft_begin(comm, path, &made->draft));
  ESP_TRY(esp_file_reserve(made, 0));
  ESP_TRY(comm->agree(comm, create(made)));
  made->used = made->reserved = 0; /* creating cut the file to length 0 */
  ESP_TRY(esp_file_reserve(made, 0));
  *file = made;
  made = NULL;
done:
  if (rc) *file = NULL;
  esp_file_abort(&made);
  return rc;
}

/* ---- commit and abort ---- */

static int flush(esp_file *file) {
  char text[512] = "";
  herr_t bad = H5Fflush(file->id, H5F_SCOPE_GLOBAL) < 0;
  if (bad) esp_file_hdf5_error(text, sizeof text);
  ESP_CHECK(!bad, ESP_ERR_FILE, "%s: cannot be written: %s", file->path, text);
  return ESP_OK;
}

static int close_hdf5(esp_file *file) {
  char text[512] = "";
  herr_t bad = file->id >= 0 && H5Fclose(file->id) < 0;
  if (bad) esp_file_hdf5_error(text, sizeof text);
  file->id = H5I_INVALID_HID;
  ESP_CHECK(!bad, ESP_ERR_FILE, "%s: cannot be closed: %s", file->path, text);
  return ESP_OK;
}

int esp_file_commit(esp_file **file) {
  esp_file *f = *file;
  int rc = ESP_OK;
  ESP_NEED(f->writing, ESP_ERR_ARG, "%s: is open for reading", f->path);
  ESP_TRY(f->comm->agree(f->comm, flush(f)));
  ESP_TRY(f->comm->agree(f->comm, close_hdf5(f)));
  ESP_TRY(esp_file_draft_keep(f->comm, f->path, &f->draft));
  drop(file);
  return ESP_OK;
done:
  esp_file_abort(file);
  return rc;
}

void esp_file_abort(esp_file **file) {
  esp_file *f = file ? *file : NULL;
  if (!f) return;
  /* what is closed here is thrown away: its errors, too; the message of the first failure stays */
  if (f->id >= 0) H5Fclose(f->id);
  f->id = H5I_INVALID_HID;
  drop(file);
}

/* ---- open for reading ---- */

/* Rank 0 alone, before the others touch the file: what is in the way, in words. */
static int look(const esp_file *file) {
  int64_t bytes;
  if (file->comm->rank) return ESP_OK;
  ESP_CALL(esp_input_check(file->path, &bytes));
  htri_t is = H5Fis_hdf5(file->path);
  ESP_CHECK(is > 0, ESP_ERR_FORMAT, "%s: is not an HDF5 file (%lld bytes)", file->path, (long long)bytes);
  return ESP_OK;
}

static int open_hdf5(esp_file *file) {
  char text[512] = "";
  hid_t list = access_list(file->comm);
  if (list >= 0) file->id = H5Fopen(file->path, H5F_ACC_RDONLY, list);
  if (file->id < 0) esp_file_hdf5_error(text, sizeof text);
  if (list >= 0) H5Pclose(list);
  ESP_CHECK(file->id >= 0, ESP_ERR_FORMAT, "%s: is HDF5 but cannot be opened: %s", file->path, text);
  return ESP_OK;
}

int esp_file_open(const esp_comm *comm, const char *path, esp_file **file) {
  esp_file *made = NULL;
  int rc = comm->agree(comm, make(comm, path, 0, &made));
  if (rc) goto done;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  ESP_TRY(comm->agree(comm, look(made)));
  ESP_TRY(comm->agree(comm, open_hdf5(made)));
  *file = made;
  made = NULL;
done:
  if (rc) *file = NULL;
  esp_file_close(&made);
  return rc;
}

void esp_file_close(esp_file **file) {
  esp_file_abort(file);
}
