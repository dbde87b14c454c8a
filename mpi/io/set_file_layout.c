/* A layout made of what lies in a file, for whoever has none: every dataset is a column, every number one by itself. */
#include <math.h>
#include <string.h>

#include "io/set_file_columns.h"

enum { WORD = 64 };

struct esp_set_found {
  esp_column column[ESP_COLUMNS + 1];
  esp_number number[ESP_NUMBERS + 1];
  esp_layout layout;
  int columns, numbers, values;
  char name[ESP_COLUMNS + ESP_NUMBERS][WORD];
};

typedef struct {
  const esp_set_file *file;
  struct esp_set_found *found;
  const char *group; /* in which the visit goes through the links */
  esp_part part;
  int rc;
} search;

/* A name that stays; NULL where it is too long to be one of ours. */
static const char *keep(struct esp_set_found *found, const char *name) {
  char *kept = found->name[found->columns + found->numbers];
  if (strlen(name) >= WORD) return NULL;
  return strcpy(kept, name);
}

/* A column once, framed if it is in one of the parts. */
static int add_column(search *s, const char *name, esp_lying lying) {
  struct esp_set_found *found = s->found;
  const int known = esp_set_column(&found->layout, name), at = known < 0 ? found->columns : known;
  esp_column *column = &found->column[at];
  char frames[ESP_SET_NAME];
  int framed;
  if (at == ESP_COLUMNS) return ESP_OK;
  esp_set_file_name(s->part, "frames", name, frames);
  ESP_CALL(esp_file_exists(s->file->file, frames, &framed));
  if (known >= 0) return column->framed |= framed, ESP_OK;
  *column = (esp_column){.role = ESP_EXTRA, .optional = 1, .framed = framed, .min = -INFINITY, .lying = lying};
  column->name = keep(found, name);
  if (column->name) found->columns++;
  return ESP_OK;
}

static void add_number(struct esp_set_found *found, const char *name, int whole, int64_t count) {
  esp_number *number = &found->number[found->numbers];
  if (count < 1 || count > ESP_NUMBERS - found->values || esp_set_number(&found->layout, name) >= 0) return;
  *number = (esp_number){.whole = whole, .count = (int)count};
  number->name = keep(found, name);
  if (!number->name) return;
  found->numbers++;
  found->values += (int)count;
}

static herr_t visit(hid_t id, const char *name, const H5L_info_t *info, void *context) {
  search *s = context;
  char path[ESP_SET_NAME];
  esp_file_shape shape;
  esp_lying lying = ESP_DENSE;
  (void)id, (void)info;
  esp_set_file_name(s->part, s->group, name, path);
  if (!*s->group) s->rc = esp_set_file_sparse_is(s->file->file, path, &lying);
  if (!s->rc && lying != ESP_DENSE) s->rc = add_column(s, name, lying);
  if (s->rc || lying != ESP_DENSE) return s->rc ? -1 : 0;
  s->rc = esp_file_dataset(s->file->file, path, &shape);
  if (s->rc) return -1;
  const int whole = shape.class == H5T_INTEGER;
  if (!shape.exists || (!whole && shape.class != H5T_FLOAT) || !strcmp(name, "id") || !strcmp(name, "sets")) return 0;
  if (*s->group)
    add_number(s->found, name, whole, shape.rank == 2 ? shape.dim[1] : shape.rank == 1);
  else
    s->rc = add_column(s, name, ESP_DENSE);
  return s->rc ? -1 : 0;
}

/* Everything in /PART or /PART/GROUP, by name. */
static int look_through(search *s, const char *group) {
  char path[ESP_SET_NAME];
  int exists;
  s->group = group;
  esp_set_file_name(s->part, group, "", path);
  ESP_CALL(esp_file_exists(s->file->file, path, &exists));
  if (!exists) return ESP_OK;
  const herr_t bad =
      H5Literate_by_name(s->file->file->id, path, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, s, H5P_DEFAULT);
  ESP_CHECK(bad >= 0 || s->rc, ESP_ERR_FORMAT, "%s: the datasets of %s cannot be listed", s->file->file->path, path);
  return s->rc;
}

/* Fields of an ensemble's table. */
static int look_at_table(search *s) {
  static const char *const sizes[] = {"n", "offset", "frames", "frame_offset"};
  char path[ESP_SET_NAME];
  esp_file_shape shape;
  esp_set_file_name(s->part, "", "clouds", path);
  ESP_CALL(esp_file_dataset(s->file->file, path, &shape));
  hid_t dataset = shape.exists ? H5Dopen2(s->file->file->id, path, H5P_DEFAULT) : H5I_INVALID_HID;
  hid_t type = dataset >= 0 ? H5Dget_type(dataset) : H5I_INVALID_HID;
  const int fields = type >= 0 && H5Tget_class(type) == H5T_COMPOUND ? H5Tget_nmembers(type) : 0;
  for (int k = 0; k < fields; k++) {
    char *name = H5Tget_member_name(type, (unsigned)k);
    hid_t field = H5Tget_member_type(type, (unsigned)k);
    const int list = field >= 0 && H5Tget_class(field) == H5T_ARRAY;
    hid_t element = list ? H5Tget_super(field) : field;
    int size = !name;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && name; i++) size |= !strcmp(name, sizes[i]);
    if (!size && element >= 0)
      add_number(s->found, name, H5Tget_class(element) == H5T_INTEGER, (int64_t)(H5Tget_size(field) / 8));
    if (list && element >= 0) H5Tclose(element);
    if (field >= 0) H5Tclose(field);
    H5free_memory(name);
  }
  if (type >= 0) H5Tclose(type);
  if (dataset >= 0) H5Dclose(dataset);
  return ESP_OK;
}

int esp_set_file_find(esp_set_file *file, esp_set_format format) {
  ESP_CALL(ESP_ALLOC(file->found, 1));
  struct esp_set_found *found = file->found;
  search s = {.file = file, .found = found};
  found->layout = (esp_layout){found->column, found->number, ""};
  file->layout = &found->layout;
  for (int part = 0; part < ESP_PARTS; part++) {
    s.part = (esp_part)part;
    ESP_CALL(look_through(&s, ""));
    if (format == ESP_SET_NOW) ESP_CALL(look_through(&s, "about"));
    if (format == ESP_SET_ENSEMBLE) ESP_CALL(look_at_table(&s));
  }
  if (format == ESP_SET_FEATURES) {
    add_number(found, "average", 1, 1);
    add_number(found, "h", 0, 1);
    add_number(found, "seed", 1, 1);
  }
  return ESP_OK;
}

void esp_set_file_forget(struct esp_set_found **found) {
  ESP_FREE(*found);
}
