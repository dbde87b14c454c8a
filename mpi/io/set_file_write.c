#include <stdio.h>
#include <string.h>

#include "base/count.h"
#include "io/set_file_columns.h"

static const int64_t VERSION = 2;

/* ---- plan ---- */

/* First places of blocks of count [sets] (times each [sets], if given) lying one after the other, and their end. */
static int lay_out(int64_t sets, const int64_t *count, const int64_t *each, int64_t *first, int64_t *end) {
  *end = 0;
  for (int64_t s = 0; s < sets; s++) {
    int64_t rows = count[s];
    first[s] = *end;
    if (each) ESP_CALL(esp_count_mul(&rows, each[s], "rows of set %lld in all frames", (long long)s));
    ESP_CALL(esp_count_add(end, rows, "rows of sets 0 to %lld", (long long)s));
  }
  return ESP_OK;
}

/* Sizes and first rows, kept in the writer. Local. */
static int plan_part(esp_set_writer *w, esp_part part, int64_t sets, const int64_t *n, const int64_t *frames) {
  ESP_CHECK(sets >= 0 && sets <= INT32_MAX, ESP_ERR_ARG, "/%s of %lld sets, allowed are 0 to %d", esp_part_name(part),
            (long long)sets, INT32_MAX);
  w->sets[part] = sets;
  ESP_CALL(ESP_ALLOC(w->n[part], sets));
  ESP_CALL(ESP_ALLOC(w->row[part], sets));
  ESP_CALL(ESP_ALLOC(w->frames[part], sets));
  ESP_CALL(ESP_ALLOC(w->frame_row[part], sets));
  ESP_CALL(ESP_ALLOC(w->giver[part], sets));
  ESP_CALL(ESP_ALLOC(w->value[part], (size_t)sets * (size_t)esp_set_numbers(w->layout)));
  for (int64_t s = 0; s < sets; s++) {
    w->n[part][s] = n[s];
    w->frames[part][s] = frames ? frames[s] : 0;
    ESP_CHECK(n[s] >= 0 && w->frames[part][s] >= 0, ESP_ERR_ARG,
              "/%s set %lld of %lld particles, %lld frames, must be >= 0", esp_part_name(part), (long long)s,
              (long long)n[s], (long long)w->frames[part][s]);
  }
  ESP_CALL(lay_out(sets, w->n[part], NULL, w->row[part], &w->rows[part]));
  return lay_out(sets, w->n[part], w->frames[part], w->frame_row[part], &w->frame_rows[part]);
}

/* Widths as a set of this layout would have them. Local. */
static int plan_widths(esp_set_writer *w) {
  esp_set one = {.layout = w->layout};
  memcpy(one.width, w->about.width, sizeof one.width);
  ESP_CALL(esp_set_create(&one));
  memcpy(w->about.width, one.width, sizeof one.width);
  esp_set_free(&one);
  return ESP_OK;
}

/* ---- datasets ---- */

static int describe(esp_file *file, const char *name, const char *unit, const char *text) {
  if (unit && *unit) ESP_CALL(esp_file_attr_write_string(file, name, "unit", unit));
  if (text && *text) ESP_CALL(esp_file_attr_write_string(file, name, "description", text));
  return ESP_OK;
}

/* An empty dataset of `rows` rows. */
static int create(esp_set_writer *w, esp_part part, const char *group, const char *column, esp_file_type type,
                  int width, int64_t rows, const char *unit, const char *text) {
  char name[ESP_SET_NAME];
  esp_set_file_name(part, group, column, name);
  ESP_CALL(esp_file_write(w->file, name, type, esp_set_file_columns(width), rows, 0, 0, NULL, 0));
  return describe(w->file, name, unit, text);
}

static int write_pairs(esp_set_writer *w, esp_part part, const char *group, const int64_t *a, const int64_t *b,
                       const char *text) {
  char name[ESP_SET_NAME];
  const esp_comm *comm = w->file->comm;
  const int64_t sets = w->sets[part];
  int64_t(*pair)[2] = NULL;
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(pair, sets)));
  for (int64_t s = 0; s < sets; s++) pair[s][0] = a[s], pair[s][1] = b[s];
  esp_set_file_name(part, group, "sets", name);
  ESP_TRY(esp_file_write(w->file, name, ESP_FILE_I64, 2, sets, 0, comm->rank == 0 ? sets : 0, pair, 0));
  ESP_TRY(describe(w->file, name, NULL, text));
done:
  ESP_FREE(pair);
  return rc;
}

static int create_frames(esp_set_writer *w, esp_part part) {
  char name[ESP_SET_NAME];
  if (!w->frame_rows[part]) return ESP_OK;
  esp_set_file_name(part, "frames", "", name);
  ESP_CALL(esp_file_group(w->file, name));
  for (int k = 0; w->layout->column[k].name; k++) {
    const esp_column *column = &w->layout->column[k];
    if (!column->framed || !w->about.width[k]) continue;
    ESP_CALL(create(w, part, "frames", column->name, ESP_FILE_F64, w->about.width[k], w->frame_rows[part], column->unit,
                    column->help));
  }
  return write_pairs(w, part, "frames", w->frames[part], w->frame_row[part],
                     "number of frames and first frame row of each set");
}

static int create_part(esp_set_writer *w, esp_part part) {
  char name[ESP_SET_NAME];
  esp_set_file_name(part, "", "", name);
  ESP_CALL(esp_file_group(w->file, name));
  ESP_CALL(
      create(w, part, "", "id", ESP_FILE_I64, 1, w->rows[part], NULL, "number of the particle, unique in its set"));
  for (int k = 0; w->layout->column[k].name; k++) {
    const esp_column *column = &w->layout->column[k];
    if (!w->about.width[k] || column->lying != ESP_DENSE) continue;
    ESP_CALL(
        create(w, part, "", column->name, ESP_FILE_F64, w->about.width[k], w->rows[part], column->unit, column->help));
  }
  ESP_CALL(write_pairs(w, part, "", w->n[part], w->row[part], "number of particles and first row of each set"));
  return create_frames(w, part);
}

/* Numbers are written at the end: their room is claimed at the beginning. */
static int claim_numbers(esp_set_writer *w) {
  const uint64_t numbers = (uint64_t)esp_set_numbers(w->layout);
  return esp_file_reserve(w->file, numbers * 8 * (uint64_t)(w->sets[ESP_PART_TRAIN] + w->sets[ESP_PART_TEST]));
}

static int write_about(esp_set_writer *w) {
  ESP_CALL(esp_file_attr_write_string(w->file, "/", "format", ESP_SET_FORMAT));
  ESP_CALL(esp_file_attr_write(w->file, "/", "version", ESP_FILE_I64, 0, &VERSION));
  if (w->about.task[0]) ESP_CALL(esp_file_attr_write_string(w->file, "/", "task", w->about.task));
  if (!w->layout->units || !w->layout->units[0]) return ESP_OK;
  return esp_file_attr_write_string(w->file, "/", "units", w->layout->units);
}

static void forget(esp_set_writer *w) {
  esp_set_file_sparse_forget(w);
  for (int part = 0; part < ESP_PARTS; part++) {
    ESP_FREE(w->n[part]);
    ESP_FREE(w->row[part]);
    ESP_FREE(w->frames[part]);
    ESP_FREE(w->frame_row[part]);
    ESP_FREE(w->value[part]);
    ESP_FREE(w->giver[part]);
  }
}

int esp_set_begin(const esp_comm *comm, const char *path, const esp_layout *layout, const esp_set_about *about,
                  const int64_t sets[ESP_PARTS], const int64_t *const n[ESP_PARTS],
                  const int64_t *const frames[ESP_PARTS], esp_set_writer *writer) {
  int rc = ESP_OK;
  *writer = (esp_set_writer){.layout = layout, .about = *about};
  rc = plan_widths(writer);
  for (int part = 0; part < ESP_PARTS && !rc; part++)
    rc = plan_part(writer, (esp_part)part, sets[part], n[part], frames ? frames[part] : NULL);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_file_create_begin(comm, path, &writer->file));
  ESP_TRY(write_about(writer));
  ESP_TRY(claim_numbers(writer));
  for (int part = 0; part < ESP_PARTS; part++) ESP_TRY(create_part(writer, (esp_part)part));
done:
  if (rc) esp_set_abort(writer);
  return rc;
}

/* ---- particles ---- */

static int is_share(const esp_set *set) {
  return set->n_home < set->n;
}

static int check_set(const esp_set_writer *w, esp_part part, int64_t s, const esp_set *set) {
  const char *path = w->file->path, *name = esp_part_name(part);
  ESP_CHECK(s >= 0 && s < w->sets[part], ESP_ERR_ARG, "%s: set %lld of /%s, which has %lld", path, (long long)s, name,
            (long long)w->sets[part]);
  ESP_CHECK(set->n == w->n[part][s] && set->first >= 0 && set->n_home >= 0 && set->first + set->n_home <= set->n,
            ESP_ERR_ARG, "%s: particles [%lld, +%d) of %lld for set %lld of /%s, which has %lld", path,
            (long long)set->first, set->n_home, (long long)set->n, (long long)s, name, (long long)w->n[part][s]);
  ESP_CHECK(set->frames == w->frames[part][s], ESP_ERR_ARG, "%s: set %lld of /%s has %d frames; announced are %lld",
            path, (long long)s, name, set->frames, (long long)w->frames[part][s]);
  for (int k = 0; w->layout->column[k].name; k++)
    ESP_CHECK(!w->about.width[k] || set->width[k] == w->about.width[k], ESP_ERR_ARG,
              "%s: set %lld of /%s: column %s has width %d; announced is %d", path, (long long)s, name,
              w->layout->column[k].name, set->width[k], w->about.width[k]);
  return ESP_OK;
}

static int check_put(const esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set) {
  for (int i = 0; i < count; i++) {
    ESP_CALL(check_set(w, part, s + i, &set[i]));
    ESP_CHECK(count == 1 || !is_share(&set[i]), ESP_ERR_ARG, "%s: a share of set %lld of /%s among %d sets",
              w->file->path, (long long)(s + i), esp_part_name(part), count);
  }
  return ESP_OK;
}

/* A column's numbers in a set: k < 0 the ids; frames: all of its frames. In units of 8 bytes. */
static const void *numbers_in(const esp_set *set, int k, int frames, size_t *words) {
  const int width = k < 0 ? 1 : set->layout->column[k].lying == ESP_DENSE ? set->width[k] : 0;
  *words = (size_t)set->n_home * (size_t)width * (size_t)(frames ? set->frames : 1);
  return k < 0 ? (const void *)set->id : frames ? set->frame[k] : set->value[k];
}

/* Those of all sets, one after the other: as they lie in one set, or copied into `room`. */
static const void *collect(int count, const esp_set *set, int k, int frames, char *room) {
  size_t words, at = 0;
  if (count == 1) return numbers_in(set, k, frames, &words);
  for (int i = 0; i < count; i++) {
    const void *numbers = numbers_in(&set[i], k, frames, &words);
    if (words) memcpy(room + 8 * at, numbers, 8 * words);
    at += words;
  }
  return room;
}

/* Room that the widest column takes in `collect`, in bytes. */
static size_t room_of(const esp_set_writer *w, int count, const esp_set *set) {
  size_t most = 0;
  for (int k = -1; count > 1 && (k < 0 || w->layout->column[k].name); k++)
    for (int frames = 0; frames < 2; frames++) {
      size_t all = 0, words;
      if (frames && (k < 0 || !w->layout->column[k].framed)) continue;
      for (int i = 0; i < count; i++) numbers_in(&set[i], k, frames, &words), all += words;
      most = all > most ? all : most;
    }
  return 8 * most;
}

static int put_columns(esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set, char *room) {
  char name[ESP_SET_NAME];
  int64_t rows = 0;
  const int64_t first = count ? w->row[part][s] + set->first : 0;
  for (int i = 0; i < count; i++) rows += set[i].n_home;
  for (int k = -1; k < 0 || w->layout->column[k].name; k++) {
    const int width = k < 0 ? 1 : w->about.width[k];
    if (!width || (k >= 0 && w->layout->column[k].lying != ESP_DENSE)) continue;
    esp_set_file_name(part, "", k < 0 ? "id" : w->layout->column[k].name, name);
    ESP_CALL(esp_file_put(w->file, name, k < 0 ? ESP_FILE_I64 : ESP_FILE_F64, esp_set_file_columns(width), first, rows,
                          count ? collect(count, set, k, 0, room) : NULL));
  }
  return ESP_OK;
}

/* Whole sets' frames lie together; those of a share are put one frame after the other, in as many rounds on every rank. */
static int put_frames(esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set, char *room) {
  char name[ESP_SET_NAME];
  const int shared = count && is_share(set);
  int64_t rounds = shared ? set->frames : 1, all = 0;
  if (!w->frame_rows[part]) return ESP_OK;
  ESP_CALL(w->file->comm->max_i64(w->file->comm, &rounds, 1));
  for (int i = 0; i < count; i++) all += (int64_t)set[i].frames * set[i].n_home;
  for (int k = 0; w->layout->column[k].name; k++) {
    const int width = w->about.width[k];
    if (!w->layout->column[k].framed || !width) continue;
    esp_set_file_name(part, "frames", w->layout->column[k].name, name);
    for (int64_t f = 0; f < rounds; f++) {
      const int some = shared ? f < set->frames : count && f == 0;
      const int64_t rows = !some ? 0 : shared ? set->n_home : all;
      const int64_t first = some ? w->frame_row[part][s] + (shared ? f * set->n + set->first : 0) : 0;
      const double *data = rows ? collect(count, set, k, 1, room) : NULL;
      ESP_CALL(esp_file_put(w->file, name, ESP_FILE_F64, esp_set_file_columns(width), first, rows,
                            shared && data ? data + (size_t)(f * rows) * (size_t)width : data));
    }
  }
  return ESP_OK;
}

static void keep_numbers(esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set) {
  const size_t numbers = (size_t)esp_set_numbers(w->layout);
  for (int i = 0; i < count; i++) {
    if (set[i].first || (set[i].n && !set[i].n_home)) continue;
    w->giver[part][s + i] = 1 + w->file->comm->rank;
    if (numbers) memcpy(w->value[part] + (size_t)(s + i) * numbers, set[i].about, numbers * sizeof *set->about);
  }
}

int esp_set_put(esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set) {
  const esp_comm *comm = w->file->comm;
  char *room = NULL;
  int rc = check_put(w, part, s, count, set);
  if (!rc) rc = ESP_ALLOC(room, room_of(w, count, set));
  if (!rc) rc = esp_set_file_sparse_keep(w, part, s, count, set);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(put_columns(w, part, s, count, set, room));
  ESP_TRY(put_frames(w, part, s, count, set, room));
  keep_numbers(w, part, s, count, set);
done:
  ESP_FREE(room);
  return rc;
}

/* ---- the end ---- */

/* The numbers of every set on every rank: of ranks that gave some, the last one's. */
static int share_numbers(esp_set_writer *w, esp_part part) {
  const esp_comm *comm = w->file->comm;
  const size_t numbers = (size_t)esp_set_numbers(w->layout), sets = (size_t)w->sets[part];
  ESP_CALL(comm->max_i64(comm, w->giver[part], sets));
  for (size_t s = 0; s < sets && numbers; s++)
    if (w->giver[part][s] != 1 + comm->rank) memset(w->value[part] + s * numbers, 0, numbers * sizeof **w->value);
  return comm->sum_i64(comm, &w->value[part]->whole, sets * numbers);
}

/* "a|b|c" of the words of a number. */
static int write_words(esp_set_writer *w, const char *name, const esp_number *number) {
  char words[2048] = "";
  size_t used = 0;
  const char *word;
  for (int k = 0; (word = number->names(k)) && used < sizeof words; k++)
    used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", k ? "|" : "", word);
  return esp_file_attr_write_string(w->file, name, "words", words);
}

/* What they are, a line each, as one attribute: there are many. */
static int describe_numbers(esp_set_writer *w, const char *group) {
  char text[8192] = "";
  size_t used = 0;
  for (const esp_number *number = w->layout->number; number->name && used < sizeof text; number++)
    used += (size_t)snprintf(text + used, sizeof text - used, "%s [%s]: %s\n", number->name,
                             number->unit && *number->unit ? number->unit : "1", number->help ? number->help : "");
  return esp_file_attr_write_string(w->file, group, "description", text);
}

static int write_numbers(esp_set_writer *w, esp_part part) {
  const esp_comm *comm = w->file->comm;
  const size_t numbers = (size_t)esp_set_numbers(w->layout), sets = (size_t)w->sets[part];
  char name[ESP_SET_NAME];
  esp_value *rows = NULL;
  int rc = ESP_OK;
  size_t at = 0;
  if (!sets || !numbers) return ESP_OK;
  ESP_CALL(share_numbers(w, part));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(rows, sets * numbers)));
  esp_set_file_name(part, "about", "", name);
  ESP_TRY(esp_file_group(w->file, name));
  ESP_TRY(describe_numbers(w, name));
  for (const esp_number *number = w->layout->number; number->name; number++) {
    const size_t width = (size_t)number->count;
    for (size_t s = 0; s < sets; s++) memcpy(rows + s * width, w->value[part] + s * numbers + at, width * sizeof *rows);
    at += width;
    esp_set_file_name(part, "about", number->name, name);
    ESP_TRY(esp_file_write(w->file, name, number->whole ? ESP_FILE_I64 : ESP_FILE_F64,
                           esp_set_file_columns(number->count), w->sets[part], 0, comm->rank ? 0 : w->sets[part], rows,
                           0));
    if (number->names) ESP_TRY(write_words(w, name, number));
  }
done:
  ESP_FREE(rows);
  return rc;
}

int esp_set_commit(esp_set_writer *w) {
  int rc = esp_set_file_sparse_write(w);
  for (int part = 0; part < ESP_PARTS && !rc; part++) rc = write_numbers(w, (esp_part)part);
  if (rc) esp_set_abort(w);
  if (rc) return rc;
  forget(w);
  return esp_file_commit(&w->file);
}

void esp_set_abort(esp_set_writer *w) {
  forget(w);
  esp_file_abort(&w->file);
}
