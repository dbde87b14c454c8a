#include "io/info.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/input.h"
#include "io/checkpoint.h"
#include "io/formats.h"
#include "io/grid/netcdf.h"
#include "io/info_parts.h"
#include "io/labelled.h"
#include "io/set_file_columns.h"

/* ---- any HDF5 file ---- */

typedef struct {
  const esp_file *file;
  FILE *out;
  char object[1024]; /* the one at hand: HDF5's own name of it ends with its call */
  int rc;
} listing;

static void print_type(const esp_file_shape *s, FILE *out) {
  switch (s->class) {
    case H5T_FLOAT:
      fprintf(out, "float%d", 8 * s->bytes);
      break;
    case H5T_INTEGER:
      fprintf(out, "%sint%d", s->is_signed ? "" : "u", 8 * s->bytes);
      break;
    case H5T_STRING:
      fprintf(out, "string");
      break;
    case H5T_COMPOUND:
      fprintf(out, "compound of %d bytes", s->bytes);
      break;
    default:
      fprintf(out, "class %d of %d bytes", (int)s->class, s->bytes);
  }
}

static void print_shape(const esp_file_shape *s, FILE *out) {
  if (s->rank < 1) return;
  fprintf(out, " (");
  for (int k = 0; k < s->rank; k++) {
    if (k < 4)
      fprintf(out, "%s%" PRId64, k ? ", " : "", s->dim[k]);
    else
      fprintf(out, ", ...");
  }
  fprintf(out, ")");
}

static int print_numbers(const listing *l, const char *name, const esp_file_shape *s) {
  enum { MOST = 16 };
  const int whole = s->class == H5T_INTEGER;
  double *real = NULL;
  int64_t *integer = NULL;
  int rc = ESP_OK;
  ESP_TRY(whole ? ESP_ALLOC(integer, s->count) : ESP_ALLOC(real, s->count));
  ESP_TRY(esp_file_attr_read(l->file, l->object, name, whole ? ESP_FILE_I64 : ESP_FILE_F64, (int)s->count,
                             whole ? (void *)integer : (void *)real));
  for (int k = 0; k < s->count && k < MOST; k++) {
    if (whole)
      fprintf(l->out, " %" PRId64, integer[k]);
    else
      fprintf(l->out, " %.10g", real[k]);
  }
  if (s->count > MOST) fprintf(l->out, " ... (%" PRId64 ")", s->count);
done:
  ESP_FREE(real);
  ESP_FREE(integer);
  return rc;
}

static int print_text(const listing *l, const char *name, const esp_file_shape *s) {
  enum { LINE = 160, MOST = 1 << 20 };
  char *text = NULL;
  int rc = ESP_OK;
  ESP_CHECK(s->bytes < MOST, ESP_ERR_LIMIT, "attribute %s of %s: string of %d bytes", name, l->object, s->bytes);
  ESP_TRY(ESP_ALLOC(text, MOST));
  ESP_TRY(esp_file_attr_read_string(l->file, l->object, name, text, MOST));
  /* one line: a stored configuration is long */
  for (char *p = text; *p; p++)
    if (*p == '\n') *p = ' ';
  if (strlen(text) > LINE) snprintf(text + LINE, 8, " ...");
  fprintf(l->out, " ");
  esp_info_text(l->out, text);
done:
  ESP_FREE(text);
  return rc;
}

static herr_t print_attribute(hid_t id, const char *name, const H5A_info_t *info, void *data) {
  listing *l = data;
  esp_file_shape s;
  (void)id;
  (void)info;
  l->rc = esp_file_attr_shape(l->file, l->object, name, &s);
  if (l->rc) return -1;
  fprintf(l->out, "    @");
  esp_info_text(l->out, name);
  fprintf(l->out, " =");
  if ((s.class == H5T_INTEGER || s.class == H5T_FLOAT) && s.count < 1 << 20)
    l->rc = print_numbers(l, name, &s);
  else if (s.class == H5T_STRING && s.count == 1)
    l->rc = print_text(l, name, &s);
  else
    print_type(&s, l->out), print_shape(&s, l->out);
  fprintf(l->out, "\n");
  return l->rc ? -1 : 0;
}

static herr_t print_object(hid_t id, const char *name, const H5O_info_t *info, void *data) {
  listing *l = data;
  const int root = !strcmp(name, ".");
  (void)id;
  snprintf(l->object, sizeof l->object, "%s", root ? "/" : name);
  if (info->type == H5O_TYPE_DATASET) {
    esp_file_shape s;
    fprintf(l->out, "  ");
    esp_info_text(l->out, name);
    fprintf(l->out, "  ");
    if (esp_file_dataset(l->file, name, &s)) {
      esp_info_refused(l->out);
    } else {
      print_type(&s, l->out);
      print_shape(&s, l->out);
      fprintf(l->out, "\n");
    }
  } else {
    fprintf(l->out, "  ");
    esp_info_text(l->out, root ? "" : name);
    fprintf(l->out, "/\n");
  }
  hsize_t at = 0;
  return H5Aiterate_by_name(l->file->id, l->object, H5_INDEX_NAME, H5_ITER_INC, &at, print_attribute, l, H5P_DEFAULT) <
                 0
             ? -1
             : 0;
}

static int print_hdf5(const char *path, FILE *out) {
  esp_file *file;
  char text[512];
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  listing l = {file, out, "/", ESP_OK};
  fprintf(out, "contents\n");
  const int bad = H5Ovisit(file->id, H5_INDEX_NAME, H5_ITER_INC, print_object, &l) < 0;
  if (bad && !l.rc) {
    esp_file_hdf5_error(text, sizeof text);
    l.rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: its objects cannot be listed after %s: %s", path, l.object, text);
  }
  esp_file_close(&file);
  return l.rc;
}

/* ---- the whole ---- */

/* Does it carry a snapshot's header, or a format of ours ("" if not)? */
static int look(const char *path, int *hdf5, int *header, char *format, size_t size) {
  esp_file *file;
  esp_file_shape s;
  format[0] = 0;
  *hdf5 = 0;
  *header = 1;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* it may name a split snapshot */
  int grid;
  ESP_CALL(esp_netcdf_is(path, &grid));
  if (grid) return ESP_OK; /* its own listing has all there is */
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  *hdf5 = H5Fis_hdf5(path) > 0;
  if (!*hdf5) return ESP_OK;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &file));
  int graph = 0, rc = esp_file_attr_shape(file, "Header", "NumPart_ThisFile", &s);
  *header = s.exists;
  if (!rc && !*header) rc = esp_labelled_is(path, &graph);
  *header |= graph;
  if (!rc) rc = esp_file_attr_shape(file, "/", "format", &s);
  if (!rc && s.exists && s.class == H5T_STRING && esp_file_attr_read_string(file, "/", "format", format, size)) {
    format[0] = 0; /* longer than any of ours */
    esp_error_clear();
  }
  esp_file_close(&file);
  return rc;
}

/* Of HDF5 the listing goes on where the snapshot is refused. */
static int print_foreign(const esp_format *foreign, const char *path, int hdf5, FILE *out) {
  const int rc = foreign->print(path, out);
  if (!rc || !hdf5) return rc;
  fprintf(out, "snapshot     ");
  return esp_info_refused(out), ESP_OK;
}

/* A file of none of the kinds. */
static int refuse(const char *path) {
  char kinds[512] = "";
  for (int k = 0; esp_formats[k]; k++) {
    const size_t used = strlen(kinds);
    snprintf(kinds + used, sizeof kinds - used, "%s%s", k ? ", " : "", esp_formats[k]->help);
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: is no set file, no checkpoint and no snapshot (%s)", path, kinds);
}

static int print_all(const char *path, esp_info_layout layout, FILE *out) {
  const esp_format *foreign = NULL;
  char format[64];
  int hdf5 = 0, header = 0;
  ESP_CALL(look(path, &hdf5, &header, format, sizeof format));
  const int rc = header ? esp_format_find(esp_comm_self(), path, &foreign) : ESP_OK;
  if (rc == ESP_ERR_FORMAT && !hdf5) return esp_error_clear(), refuse(path);
  ESP_CALL(rc);
  fprintf(out, "file         ");
  esp_info_text(out, path);
  fprintf(out, "\n");
  if (header) ESP_CALL(print_foreign(foreign, path, hdf5, out));
  for (int k = 0; k < ESP_SET_FORMATS; k++)
    if (!strcmp(format, esp_set_formats[k])) ESP_CALL(esp_info_sets(path, layout, out));
  if (esp_checkpoint_is(format)) ESP_CALL(esp_info_checkpoint(path, out));
  if (hdf5) ESP_CALL(print_hdf5(path, out));
  ESP_CHECK(fflush(out) == 0, ESP_ERR_FILE, "%s: its description cannot be printed", path);
  return ESP_OK;
}

int esp_info_print(const esp_comm *comm, const char *path, esp_info_layout layout, FILE *out) {
  return comm->agree(comm, comm->rank == 0 ? print_all(path, layout, out) : ESP_OK);
}
