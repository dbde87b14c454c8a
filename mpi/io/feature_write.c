#include <stdio.h>
#include <string.h>

#include "io/feature_columns.h"

static const int64_t VERSION = 1;

/* ---- columns, shared with the reader ---- */

const esp_feature_column esp_feature_columns[ESP_FEATURE_COLUMNS] = {
    {"id", "number of the particle in its set", ESP_FILE_I64, offsetof(esp_feature_set, id)},
    {"x", "features", ESP_FILE_F64, offsetof(esp_feature_set, x)},
    {"v", "values that are sent", ESP_FILE_F64, offsetof(esp_feature_set, v)},
    {"y", "targets", ESP_FILE_F64, offsetof(esp_feature_set, y)},
    {"weight", "of the particle in the loss", ESP_FILE_F64, offsetof(esp_feature_set, weight)},
    {"z", "hidden coordinates: for judging, never an input", ESP_FILE_F64, offsetof(esp_feature_set, z)},
};

void esp_feature_name(esp_part part, const char *column, char name[ESP_FEATURE_NAME]) {
  snprintf(name, ESP_FEATURE_NAME, "/%s/%s", esp_part_name(part), column);
}

int esp_feature_width(const esp_feature_about *about, int column) {
  const int width[ESP_FEATURE_COLUMNS] = {[ESP_COLUMN_ID] = 1,
                                          [ESP_COLUMN_X] = about->features,
                                          [ESP_COLUMN_V] = about->values,
                                          [ESP_COLUMN_Y] = about->targets,
                                          [ESP_COLUMN_WEIGHT] = 1,
                                          [ESP_COLUMN_Z] = about->hidden};
  return width[column];
}

void *esp_feature_data(const esp_feature_set *set, int column) {
  void *data;
  memcpy(&data, (const char *)set + esp_feature_columns[column].offset, sizeof data);
  return data;
}

/* ---- writing ---- */

static int is_written(const esp_feature_about *about, int column) {
  return column == ESP_COLUMN_WEIGHT ? about->weighted : esp_feature_width(about, column) > 0;
}

/* Columns of a dataset as esp_file_write counts them. */
static int columns_of(const esp_feature_about *about, int column) {
  return column == ESP_COLUMN_ID || column == ESP_COLUMN_WEIGHT ? 0 : esp_feature_width(about, column);
}

static int write_about(esp_file *file, const esp_feature_about *about) {
  const struct {
    const char *name;
    int64_t value;
  } whole[] = {{"version", VERSION},        {"features", about->features}, {"values", about->values},
               {"targets", about->targets}, {"hidden", about->hidden},     {"average", about->average},
               {"seed", about->seed}};
  const size_t made = about->task[0] ? sizeof whole / sizeof *whole : 5;
  ESP_CALL(esp_file_attr_write_string(file, "/", "format", ESP_FEATURE_FORMAT));
  for (size_t k = 0; k < made; k++) {
    ESP_CALL(esp_file_attr_write(file, "/", whole[k].name, ESP_FILE_I64, 0, &whole[k].value));
  }
  if (!about->task[0]) return ESP_OK;
  ESP_CALL(esp_file_attr_write_string(file, "/", "task", about->task));
  return esp_file_attr_write(file, "/", "h", ESP_FILE_F64, 0, &about->h);
}

/* Sizes and first rows, kept in the writer. Local. */
static int plan_part(esp_feature_writer *w, esp_part part, int64_t sets, const int64_t *n) {
  ESP_CHECK(sets >= 0 && sets <= INT32_MAX, ESP_ERR_ARG, "/%s of %lld sets, allowed are 0 to %d", esp_part_name(part),
            (long long)sets, INT32_MAX);
  w->sets[part] = sets;
  ESP_CALL(ESP_ALLOC(w->n[part], sets));
  ESP_CALL(ESP_ALLOC(w->row[part], sets));
  for (int64_t s = 0; s < sets; s++) {
    ESP_CHECK(n[s] >= 0, ESP_ERR_ARG, "/%s set %lld of %lld particles, must be >= 0", esp_part_name(part), (long long)s,
              (long long)n[s]);
    w->n[part][s] = n[s];
    w->row[part][s] = w->rows[part];
    w->rows[part] += n[s];
  }
  return ESP_OK;
}

static int write_table(esp_feature_writer *w, esp_part part) {
  char name[ESP_FEATURE_NAME];
  const esp_comm *comm = w->file->comm;
  const int64_t sets = w->sets[part];
  int64_t(*table)[2] = NULL;
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(table, sets)));
  for (int64_t s = 0; s < sets; s++) table[s][0] = w->n[part][s], table[s][1] = w->row[part][s];
  esp_feature_name(part, "sets", name);
  ESP_TRY(esp_file_write(w->file, name, ESP_FILE_I64, 2, sets, 0, comm->rank == 0 ? sets : 0, table, 0));
  ESP_TRY(esp_file_attr_write_string(w->file, name, "description", "number of particles and first row of each set"));
done:
  ESP_FREE(table);
  return rc;
}

static int create_part(esp_feature_writer *w, esp_part part) {
  char name[ESP_FEATURE_NAME];
  esp_feature_name(part, "", name);
  name[strlen(name) - 1] = 0;
  ESP_CALL(esp_file_group(w->file, name));
  for (int k = 0; k < ESP_FEATURE_COLUMNS; k++) {
    const esp_feature_column *column = &esp_feature_columns[k];
    if (!is_written(&w->about, k)) continue;
    esp_feature_name(part, column->name, name);
    ESP_CALL(esp_file_write(w->file, name, column->type, columns_of(&w->about, k), w->rows[part], 0, 0, NULL, 0));
    ESP_CALL(esp_file_attr_write_string(w->file, name, "description", column->description));
  }
  return write_table(w, part);
}

static void forget(esp_feature_writer *w) {
  for (int part = 0; part < ESP_PARTS; part++) {
    ESP_FREE(w->n[part]);
    ESP_FREE(w->row[part]);
  }
}

int esp_feature_begin(const esp_comm *comm, const char *path, const esp_feature_about *about,
                      const int64_t sets[ESP_PARTS], const int64_t *const n[ESP_PARTS], esp_feature_writer *writer) {
  int rc = ESP_OK;
  memset(writer, 0, sizeof *writer);
  writer->about = *about;
  ESP_NEED(about->features >= 1 && about->values >= 1 && about->targets >= 0 && about->hidden >= 0, ESP_ERR_ARG,
           "%s: %d features, %d values, %d targets, %d hidden coordinates: need >= 1, >= 1, >= 0, >= 0", path,
           about->features, about->values, about->targets, about->hidden);
  for (int part = 0; part < ESP_PARTS && !rc; part++) rc = plan_part(writer, (esp_part)part, sets[part], n[part]);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_file_create_begin(comm, path, &writer->file));
  ESP_TRY(write_about(writer->file, about));
  for (int part = 0; part < ESP_PARTS; part++) ESP_TRY(create_part(writer, (esp_part)part));
done:
  if (rc) esp_feature_abort(writer);
  return rc;
}

static int check_set(const esp_feature_writer *w, esp_part part, int64_t s, const esp_feature_set *set) {
  if (!set) return ESP_OK;
  const esp_feature_about *a = &w->about;
  const char *path = w->file->path, *name = esp_part_name(part);
  ESP_CHECK(s >= 0 && s < w->sets[part], ESP_ERR_ARG, "%s: set %lld of /%s, which has %lld", path, (long long)s, name,
            (long long)w->sets[part]);
  ESP_CHECK(set->n == w->n[part][s] && set->first >= 0 && set->n_home >= 0 && set->first + set->n_home <= set->n,
            ESP_ERR_ARG, "%s: particles [%lld, +%d) of %lld for set %lld of /%s, which has %lld", path,
            (long long)set->first, set->n_home, (long long)set->n, (long long)s, name, (long long)w->n[part][s]);
  ESP_CHECK(set->features == a->features && set->values == a->values && set->targets == a->targets &&
                set->hidden == a->hidden && (!a->weighted || set->weight || set->n_home == 0),
            ESP_ERR_ARG,
            "%s: set %lld of /%s has %d features, %d values, %d targets, %d hidden coordinates, %s weights; announced "
            "are %d, %d, %d, %d, %s",
            path, (long long)s, name, set->features, set->values, set->targets, set->hidden,
            set->weight ? "with" : "without", a->features, a->values, a->targets, a->hidden,
            a->weighted ? "with" : "any");
  return ESP_OK;
}

int esp_feature_put(esp_feature_writer *w, esp_part part, int64_t s, const esp_feature_set *set) {
  char name[ESP_FEATURE_NAME];
  ESP_AGREE(w->file->comm, check_set(w, part, s, set));
  const int64_t first = set ? w->row[part][s] + set->first : 0, count = set ? set->n_home : 0;
  for (int k = 0; k < ESP_FEATURE_COLUMNS; k++) {
    if (!is_written(&w->about, k)) continue;
    esp_feature_name(part, esp_feature_columns[k].name, name);
    ESP_CALL(esp_file_put(w->file, name, esp_feature_columns[k].type, columns_of(&w->about, k), first, count,
                          set ? esp_feature_data(set, k) : NULL));
  }
  return ESP_OK;
}

int esp_feature_commit(esp_feature_writer *writer) {
  forget(writer);
  return esp_file_commit(&writer->file);
}

void esp_feature_abort(esp_feature_writer *writer) {
  forget(writer);
  esp_file_abort(&writer->file);
}
