/* Graphs in HDF5: see io/labelled.h. */
#include <inttypes.h>
#include <string.h>

#include "base/input.h"
#include "io/file.h"
#include "io/grid/netcdf.h"
#include "io/labelled.h"

enum { EDGES = 1 << 18 }; /* that are read at once */

int esp_labelled_is(const char *path, int *is) {
  esp_file *file;
  int rc;
  *is = 0;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* it may name parts of something else */
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (H5Fis_hdf5(path) <= 0) return ESP_OK;
  ESP_CALL(esp_netcdf_is(path, is));
  if (*is) return *is = 0, ESP_OK;
  static const char *const parts[] = {"label", "x_indptr", "edges"};
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  for (size_t k = 0; k < sizeof parts / sizeof *parts && !*is; k++) ESP_TRY(esp_file_exists(file, parts[k], is));
done:
  esp_file_close(&file);
  return rc;
}

/* ---- features ---- */

static int read_dense(esp_file *file, const esp_file_shape *s, esp_labelled *l) {
  int rc = ESP_OK;
  if (s->rank != 2 || s->dim[0] != l->n || s->dim[1] < 1 || s->dim[1] > INT32_MAX)
    rc = ESP_FAIL(
        ESP_ERR_FORMAT,
        "%s: dataset x has %d dimensions, %lld rows of %lld; must have 2, as many rows as label, %lld, of 1 to %d",
        l->path, s->rank, (long long)s->dim[0], (long long)(s->rank == 2 ? s->dim[1] : 1), (long long)l->n, INT32_MAX);
  if (!rc) l->features = (int)s->dim[1];
  if (!rc) rc = ESP_ALLOC(l->x, (size_t)l->n_home * (size_t)l->features);
  ESP_AGREE(l->comm, rc);
  return esp_file_read(file, "x", ESP_FILE_F64, l->features, l->n, l->first, l->n_home, l->x);
}

/* start [n_home + 1] of this share, in the file's places. Local. */
static int check_start(const esp_labelled *l, const int64_t *start, int64_t entries) {
  for (int i = 0; i <= l->n_home; i++) {
    const int64_t least = i ? start[i - 1] : 0, at = l->first + i;
    const int end = at == 0 ? start[i] == 0 : at < l->n || start[i] == entries;
    ESP_CHECK(start[i] >= least && start[i] <= entries && end, ESP_ERR_FORMAT,
              "%s: x_indptr is %" PRId64 " at %" PRId64 ", must ascend from 0 to %" PRId64
              " indices; before it is %" PRId64,
              l->path, start[i], at, entries, least);
  }
  return ESP_OK;
}

/* The attribute, or what the largest index asks for. */
static int count_columns(esp_file *file, esp_csr *csr, int64_t entries) {
  esp_file_shape s;
  int64_t most = 0;
  ESP_CALL(esp_file_attr_shape(file, "/", "n_features", &s));
  if (s.exists) {
    ESP_CALL(esp_file_attr_read(file, "/", "n_features", ESP_FILE_I64, 1, &csr->columns));
  } else {
    for (int64_t e = 0; e < entries; e++)
      if (csr->index[e] >= most) most = csr->index[e] + 1;
    ESP_CALL(file->comm->max_i64(file->comm, &most, 1));
    csr->columns = most;
  }
  ESP_CHECK(csr->columns >= 1 && csr->columns <= INT32_MAX, ESP_ERR_FORMAT,
            "%s: %" PRId64 " columns of sparse features, must be 1 to %d", file->path, csr->columns, INT32_MAX);
  return ESP_OK;
}

static int read_sparse(esp_file *file, esp_labelled *l) {
  const esp_comm *comm = l->comm;
  esp_file_shape indices, values;
  esp_csr csr = {0};
  int64_t *start = NULL;
  int rc;
  ESP_TRY(esp_file_dataset(file, "x_indices", &indices));
  ESP_TRY(esp_file_dataset(file, "x_values", &values));
  ESP_NEED(indices.exists && indices.rank == 1, ESP_ERR_FORMAT,
           "%s: dataset x_indices %s; beside x_indptr it must be there, and have 1 dimension", l->path,
           indices.exists ? "has several dimensions" : "is missing");
  const int64_t entries = indices.dim[0];
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, l->n_home + 1)));
  ESP_TRY(esp_file_read(file, "x_indptr", ESP_FILE_I64, 0, l->n + 1, l->first, l->n_home + 1, start));
  rc = check_start(l, start, entries);
  const int64_t mine = rc ? 0 : start[l->n_home] - start[0];
  if (!rc) rc = esp_csr_create(l->n_home, 0, mine, values.exists, &csr);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i <= l->n_home; i++) csr.start[i] = start[i] - start[0];
  ESP_TRY(esp_file_read(file, "x_indices", ESP_FILE_I64, 0, -1, start[0], mine, csr.index));
  if (values.exists) ESP_TRY(esp_file_read(file, "x_values", ESP_FILE_F64, 0, entries, start[0], mine, csr.value));
  ESP_TRY(count_columns(file, &csr, mine));
  ESP_TRY(comm->agree(comm, esp_labelled_words(l, "x_indices", &csr)));
done:
  esp_csr_free(&csr);
  ESP_FREE(start);
  return rc;
}

/* ---- edges and splits ---- */

static int take_edges(esp_labelled *l, int64_t first, int64_t count, const int64_t *edge) {
  for (int64_t e = 0; e < count; e++) {
    const int64_t i = edge[2 * e], j = edge[2 * e + 1];
    ESP_CHECK(i >= 0 && i < l->n && j >= 0 && j < l->n, ESP_ERR_VALUE,
              "%s: edges, row %" PRId64 ": %" PRId64 " to %" PRId64 ", must be 0 to %" PRId64, l->path, first + e, i, j,
              l->n - 1);
    ESP_CALL(esp_labelled_hears(l, i, j, 1));
    if (i != j) ESP_CALL(esp_labelled_hears(l, j, i, 1));
  }
  return ESP_OK;
}

static int read_edges(esp_file *file, esp_labelled *l) {
  const esp_comm *comm = l->comm;
  esp_file_shape s;
  int64_t *edge = NULL;
  int rc;
  ESP_CALL(esp_file_dataset(file, "edges", &s));
  if (!s.exists) return ESP_OK;
  l->has_edges = 1, l->both = 1;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(edge, 2 * EDGES)));
  for (int64_t first = 0; first < s.dim[0] || first == 0; first += EDGES) {
    const int64_t count = s.dim[0] - first < EDGES ? s.dim[0] - first : EDGES;
    ESP_TRY(esp_file_read(file, "edges", ESP_FILE_I64, 2, -1, first, count, edge));
    ESP_TRY(comm->agree(comm, take_edges(l, first, count, edge)));
  }
done:
  ESP_FREE(edge);
  return rc;
}

static int is_mask(int64_t n, int64_t count, const int64_t *value) {
  int mask = count == n;
  for (int64_t i = 0; i < count && mask; i++) mask = value[i] == 0 || value[i] == 1;
  return mask;
}

static int take_split(esp_labelled *l, const char *name, int number, int64_t count, const int64_t *value) {
  static const char *const of[] = {"none", "train", "val", "test"};
  const int mask = is_mask(l->n, count, value);
  for (int64_t k = 0; k < count; k++) {
    const int64_t i = mask ? k : value[k];
    ESP_CHECK(i >= 0 && i < l->n, ESP_ERR_VALUE, "%s: %s, row %" PRId64 " is %" PRId64 ", must be 0 to %" PRId64,
              l->path, name, k, i, l->n - 1);
    if ((mask && !value[k]) || i < l->first || i >= l->first + l->n_home) continue;
    int *split = &l->split[i - l->first];
    ESP_CHECK(*split != number, ESP_ERR_VALUE,
              "%s: %s, row %" PRId64 ": particle %" PRId64
              " stands there already; a list has each once, a mask %" PRId64 " numbers, each 0 or 1",
              l->path, name, k, i, l->n);
    ESP_CHECK(!*split, ESP_ERR_VALUE, "%s: %s and %s both have particle %" PRId64, l->path, of[*split], name, i);
    *split = number;
  }
  return ESP_OK;
}

static int read_splits(esp_file *file, esp_labelled *l) {
  static const char *const names[] = {"train", "val", "test"};
  const esp_comm *comm = l->comm;
  for (int k = 0; k < 3; k++) {
    esp_file_shape s;
    int64_t *value = NULL;
    int rc;
    ESP_TRY(esp_file_dataset(file, names[k], &s));
    if (!s.exists) continue;
    ESP_NEED(s.rank == 1, ESP_ERR_FORMAT, "%s: dataset %s has %d dimensions, must have 1", l->path, names[k], s.rank);
    ESP_TRY(comm->agree(comm, ESP_ALLOC(value, s.dim[0])));
    ESP_TRY(esp_file_read(file, names[k], ESP_FILE_I64, 0, -1, 0, s.dim[0], value));
    rc = comm->agree(comm, take_split(l, names[k], k + 1, s.dim[0], value));
  done:
    ESP_FREE(value);
    ESP_CALL(rc);
  }
  return ESP_OK;
}

/* ---- the whole ---- */

static int read_all(esp_file *file, const esp_layout *layout, esp_labelled *l, esp_set *set, esp_origin *origin) {
  esp_file_shape label, x;
  ESP_CALL(esp_file_dataset(file, "label", &label));
  ESP_CHECK(label.exists, ESP_ERR_FORMAT,
            "%s: dataset label is missing: a graph has the class of each particle there, -1 for none", file->path);
  ESP_CHECK(label.rank == 1 && label.dim[0] > 0, ESP_ERR_FORMAT,
            "%s: dataset label has %d dimensions, %lld rows, must have 1, and a row at least", file->path, label.rank,
            (long long)label.dim[0]);
  ESP_AGREE(file->comm, esp_labelled_create(file->comm, file->path, label.dim[0], l));
  ESP_CALL(esp_file_read(file, "label", ESP_FILE_I64, 0, l->n, l->first, l->n_home, l->label));
  ESP_CALL(esp_file_dataset(file, "x", &x));
  if (x.exists) ESP_CALL(read_dense(file, &x, l));
  ESP_CALL(esp_file_dataset(file, "x_indptr", &x));
  if (x.exists) ESP_CALL(read_sparse(file, l));
  ESP_CALL(read_edges(file, l));
  ESP_CHECK(l->features || l->words.start || l->has_edges, ESP_ERR_FORMAT,
            "%s: label alone says nothing of a particle: features x, or x_indptr and x_indices, or edges are needed",
            file->path);
  ESP_CALL(read_splits(file, l));
  return esp_labelled_set(l, layout, set, origin);
}

static int read_hdf5(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                     esp_origin *origin) {
  esp_file *file;
  esp_labelled l = {0};
  ESP_CALL(esp_file_open(comm, input->file, &file));
  const int rc = read_all(file, layout, &l, set, origin);
  esp_labelled_free(&l);
  esp_file_close(&file);
  ESP_CALL(rc);
  return ESP_OK;
}

static int print(const char *path, FILE *out) {
  static const char *const names[] = {"label", "x", "x_indptr", "x_indices", "edges", "train", "val", "test"};
  esp_file *file;
  int rc = ESP_OK;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  fprintf(out, "graph        HDF5 with classes\n");
  for (size_t k = 0; k < sizeof names / sizeof *names && !rc; k++) {
    esp_file_shape s;
    rc = esp_file_dataset(file, names[k], &s);
    if (!rc && s.exists)
      fprintf(out, s.rank == 2 ? "  %-10s %lld x %lld\n" : "  %-10s %lld\n", names[k], (long long)s.dim[0],
              (long long)s.dim[1]);
  }
  esp_file_close(&file);
  return rc;
}

const esp_format esp_format_graph_hdf5 = {
    "graph_hdf5", "graphs with classes in HDF5", ".h5", esp_labelled_is, read_hdf5, esp_labelled_write, print};
