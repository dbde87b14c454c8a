/* Sets for the tests of set files: what a file of them holds, written by the program's own writer, or by plain HDF5 calls on
 * rank 0 as files of version 1 and of any other origin are. */
#ifndef TEST_MPI_SET_FIXTURE_H
#define TEST_MPI_SET_FIXTURE_H

#include "serial_hdf5.h"

#include <stdio.h>
#include <unistd.h>

#include "io/set_file.h"

/* ---- the sets ---- */

enum { SETS = 5, D = 3, F = 2, T = 1, R = 2, TRAIN = 3 };
enum { X, V, Y, WEIGHT, Z, COLUMNS };
enum { AVERAGE, H, SEED, LAW, BOX, NUMBERS = BOX + 3 };
static const int64_t SIZE[SETS] = {130, 1, 0, 64, 200}, FRAMES[SETS] = {0, 0, 0, 4, 3};
static const int WIDTH[COLUMNS] = {D, F, T, 1, R};
static char path[256], alone[256];

static inline const char *law_name(int k) {
  static const char *const names[] = {"plane", "circles", "file"};
  return k < 3 ? names[k] : NULL;
}
static const esp_column columns[] = {
    {"x", ESP_INPUT, .framed = 1, .min = -INFINITY, .unit = "length", .help = "features"},
    {"v", ESP_SENT, .min = -INFINITY, .help = "values that are sent"},
    {"y", ESP_TARGET, .optional = 1, .min = -INFINITY, .help = "targets"},
    {"weight", ESP_WEIGHT, 1, .optional = 1, .help = "of the particle in the loss"},
    {"z", ESP_HIDDEN, .optional = 1, .framed = 1, .min = -INFINITY, .help = "hidden coordinates"},
    {NULL},
};
static const esp_number numbers[] = {
    {"average", .whole = 1, .count = 1},   {"h", .count = 1, .max = INFINITY},
    {"seed", .whole = 1, .count = 1},      {"law", .whole = 1, .count = 1, .names = law_name},
    {"box", .count = 3, .unit = "length"}, {NULL}};
static const esp_layout layout = {columns, numbers, "numbers without a unit"};

static inline void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static inline int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_set_file_%lld.h5", (long long)pid);
  snprintf(alone, sizeof alone, "test_set_file_%lld_alone.h5", (long long)pid);
  return 0;
}

static inline int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path), remove(alone);
  return 0;
}

static inline double number(int s, int64_t i, int field, int k) {
  return field == WEIGHT ? (double)(i % 3) : case_uniform((uint64_t)(((s * 1024 + i) * 64 + field) * 8 + k)) - 0.5;
}

static inline void fill(int s, int64_t first, int64_t end, int weighted, int frames, esp_set *set) {
  *set = (esp_set){.n = SIZE[s], .first = first, .n_home = (int)(end - first), .layout = &layout};
  for (int k = 0; k < COLUMNS; k++) set->width[k] = k == WEIGHT && !weighted ? 0 : WIDTH[k];
  if (frames) set->frames = (int)FRAMES[s];
  assert_ok(esp_set_create(set));
  for (int64_t row = 0; row < set->n_home; row++) {
    set->id[row] = 1000 * s + 7 * (first + row);
    for (int k = 0; k < COLUMNS; k++)
      for (int c = 0; c < set->width[k]; c++) {
        set->value[k][row * set->width[k] + c] = number(s, first + row, k, c);
        for (int64_t f = 0; f < set->frames && set->frame[k]; f++)
          set->frame[k][(f * set->n_home + row) * set->width[k] + c] =
              number(s, first + row, COLUMNS + (int)f * COLUMNS + k, c);
      }
  }
  set->about[AVERAGE].whole = 1, set->about[H].real = 0.25, set->about[SEED].whole = -5 - s;
  set->about[LAW].whole = 1, set->about[BOX + 2].real = s;
}

/* `set` is the share it says it is of set s, without frames. */
static inline void compare(int s, int weighted, const esp_set *set) {
  esp_set made;
  const size_t n = (size_t)set->n_home;
  fill(s, set->first, set->first + set->n_home, weighted, 0, &made);
  assert_true(set->n == SIZE[s] && set->frames == 0 && set->layout);
  assert_memory_equal(set->id, made.id, n * sizeof *made.id);
  assert_memory_equal(set->width, made.width, sizeof made.width);
  assert_memory_equal(set->about, made.about, sizeof made.about);
  for (int k = 0; k < COLUMNS; k++) {
    assert_true(!set->value[k] == !made.value[k]);
    if (made.value[k]) assert_memory_equal(set->value[k], made.value[k], n * (size_t)made.width[k] * sizeof(double));
  }
  esp_set_free(&made);
}

static inline void begin(const esp_comm *who, const char *name, int weighted, esp_set_writer *writer) {
  const int64_t sets[ESP_PARTS] = {TRAIN, SETS - TRAIN};
  const int64_t *const n[ESP_PARTS] = {SIZE, SIZE + TRAIN}, *const frames[ESP_PARTS] = {NULL, FRAMES + TRAIN};
  esp_set_about about = {.task = "circles"};
  for (int k = 0; k < COLUMNS; k++) about.width[k] = k == WEIGHT && !weighted ? 0 : WIDTH[k];
  assert_ok(esp_set_begin(who, name, &layout, &about, sets, n, frames, writer));
}

/* Sets 0, 1, 2 to train, 3, 4 to test. way 0: test sets shared by all ranks, training sets one a rank; 1: all of a part
 * by the last rank at once; 2: shares and whole sets at the same time. */
static inline void write_file(const esp_comm *who, const char *name, int weighted, int way) {
  esp_set_writer writer;
  esp_set set[SETS];
  begin(who, name, weighted, &writer);
  for (int s = SETS - 1; s >= TRAIN; s--) {
    int64_t first = 0, count = SIZE[s];
    if (way == 1) break;
    if (way == 0) esp_set_share(SIZE[s], who->rank, who->size, &first, &count);
    const int mine = way == 0 || s % who->size == who->rank;
    fill(s, first, first + count, weighted, 1, &set[s]);
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, s - TRAIN, mine, &set[s]));
    esp_set_free(&set[s]);
  }
  for (int round = 0; round < TRAIN && way != 1; round += who->size) {
    const int s = round + who->rank;
    if (s < TRAIN) fill(s, 0, SIZE[s], weighted, 1, &set[s]);
    assert_ok(esp_set_put(&writer, ESP_PART_TRAIN, s, s < TRAIN, &set[s]));
    if (s < TRAIN) esp_set_free(&set[s]);
  }
  if (way == 1) {
    const int last = who->rank == who->size - 1;
    for (int s = 0; s < SETS; s++) fill(s, 0, SIZE[s], weighted, 1, &set[s]);
    assert_ok(esp_set_put(&writer, ESP_PART_TRAIN, 0, last ? TRAIN : 0, set));
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, 0, last ? SETS - TRAIN : 0, set + TRAIN));
    for (int s = 0; s < SETS; s++) esp_set_free(&set[s]);
  }
  assert_ok(esp_set_commit(&writer));
}

static inline uint64_t checksum(const esp_comm *who, const char *name, const esp_layout *as) {
  esp_set_file file;
  uint64_t sum;
  assert_ok(esp_set_open(who, name, as, &file));
  assert_ok(esp_set_file_checksum(&file, &sum));
  esp_set_close(&file);
  return sum;
}

static inline void check_frames(const esp_set_file *file, int s) {
  double row[2 * D];
  assert_true(file->frames[ESP_PART_TEST][s - TRAIN] == FRAMES[s]);
  for (int64_t f = 0; f < FRAMES[s]; f++) {
    assert_ok(esp_set_read_frame(file, ESP_PART_TEST, s - TRAIN, f, X, SIZE[s] - 2, 2, row));
    for (int k = 0; k < 2 * D; k++)
      assert_true(row[k] == number(s, SIZE[s] - 2 + k / D, COLUMNS + (int)f * COLUMNS + X, k % D));
    assert_ok(esp_set_read_frame(file, ESP_PART_TEST, s - TRAIN, f, Z, 0, 1, row));
    assert_true(row[R - 1] == number(s, 0, COLUMNS + (int)f * COLUMNS + Z, R - 1));
  }
  assert_int_equal(esp_set_read_frame(file, ESP_PART_TEST, s - TRAIN, FRAMES[s], X, 0, 1, row), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(esp_set_read_frame(file, ESP_PART_TEST, s - TRAIN, 0, V, 0, 1, row), ESP_ERR_ARG);
  esp_error_clear();
}
/* ---- version 1 ---- */

static inline dataset as_set(const char *name, hid_t type, int64_t rows, int width) {
  return (dataset){name, type, width == 1 ? 1 : 2, {(hsize_t)rows, (hsize_t)width}, 0};
}

/* Columns, ids and sets of a part as both versions have them; training sets in reverse order of rows. */
static inline void serial_part(hid_t id, esp_part part, int weighted, int table) {
  const int begin = part == ESP_PART_TRAIN ? 0 : TRAIN, end = part == ESP_PART_TRAIN ? TRAIN : SETS;
  int64_t rows = 0, pair[SETS][2], *ids;
  char name[64];
  for (int s = begin; s < end; s++) rows += SIZE[s];
  int64_t row = part == ESP_PART_TRAIN ? rows : 0;
  for (int s = begin; s < end; s++) {
    if (part == ESP_PART_TRAIN) row -= SIZE[s];
    pair[s - begin][0] = SIZE[s], pair[s - begin][1] = row;
    if (part == ESP_PART_TEST) row += SIZE[s];
  }
  for (int k = -1; k < COLUMNS; k++) {
    const int width = k < 0 ? 1 : WIDTH[k];
    double *all = calloc((size_t)(rows * width), sizeof *all);
    ids = (int64_t *)all;
    for (int s = begin; s < end; s++) {
      esp_set set;
      fill(s, 0, SIZE[s], 1, 0, &set);
      const size_t at = (size_t)(pair[s - begin][1] * width), count = (size_t)(SIZE[s] * width);
      if (count) memcpy(all + at, k < 0 ? (void *)set.id : set.value[k], count * sizeof *all);
      esp_set_free(&set);
    }
    snprintf(name, sizeof name, "/%s/%s", esp_part_name(part), k < 0 ? "id" : columns[k].name);
    const dataset d = as_set(name, k < 0 ? H5T_STD_I64LE : H5T_IEEE_F64LE, rows, width);
    if (k < 0) serial_write(id, &d, H5T_NATIVE_INT64, ids);
    if (k >= 0 && (k != WEIGHT || weighted)) serial_write(id, &d, H5T_NATIVE_DOUBLE, all);
    free(all);
  }
  snprintf(name, sizeof name, "/%s/sets", esp_part_name(part));
  const dataset sets = as_set(name, H5T_STD_I64LE, end - begin, 2);
  if (table) serial_write(id, &sets, H5T_NATIVE_INT64, pair);
}

typedef struct {
  int64_t n, offset, frames, frame_offset, seed;
  double h, box[3], more;
} entry;

/* Table of an ensemble; `spoilt`: 1 without a size, 2 with a number of another class, 3 with rows that are not there, 4
 * with too many frames, 5 a number out of range, 6 no table. */
static inline void serial_table(hid_t id, esp_part part, int spoilt) {
  const int begin = part == ESP_PART_TRAIN ? 0 : TRAIN, end = part == ESP_PART_TRAIN ? TRAIN : SETS;
  const hsize_t three = 3;
  char name[64];
  entry all[SETS];
  int64_t row = 0, rows = 0, frame_row = 0;
  for (int s = begin; s < end; s++) rows += SIZE[s];
  for (int s = begin; s < end; s++) {
    const int64_t at = part == ESP_PART_TRAIN ? rows - row - SIZE[s] : row;
    all[s - begin] = (entry){SIZE[s], at, FRAMES[s], frame_row, -5 - s, 0.25, {0, 0, s}, 1};
    row += SIZE[s], frame_row += FRAMES[s] * SIZE[s];
  }
  if (spoilt == 3) all[1].offset = rows;
  if (spoilt == 4) all[0].frames++, all[1].frames++;
  if (spoilt == 5) all[0].h = -1;
  hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(entry)), list = H5Tarray_create2(H5T_NATIVE_DOUBLE, 1, &three);
  H5Tinsert(type, "n", offsetof(entry, n), H5T_NATIVE_INT64);
  H5Tinsert(type, "seed", offsetof(entry, seed), spoilt == 2 ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64);
  if (spoilt != 1) H5Tinsert(type, "offset", offsetof(entry, offset), H5T_NATIVE_INT64);
  H5Tinsert(type, "frames", offsetof(entry, frames), H5T_NATIVE_INT64);
  H5Tinsert(type, "frame_offset", offsetof(entry, frame_offset), H5T_NATIVE_INT64);
  H5Tinsert(type, "h", offsetof(entry, h), H5T_NATIVE_DOUBLE);
  H5Tinsert(type, "box", offsetof(entry, box), list);
  H5Tinsert(type, "more", offsetof(entry, more), H5T_NATIVE_DOUBLE);
  snprintf(name, sizeof name, "/%s/clouds", esp_part_name(part));
  const dataset d = as_set(name, spoilt == 6 ? H5T_NATIVE_INT64 : type, end - begin, 1);
  serial_write(id, &d, d.type, all);
  H5Tclose(list), H5Tclose(type);
}

static inline void serial_frames(hid_t id) {
  static const int framed[] = {X, Z};
  for (int i = 0; i < 2; i++) {
    const int k = framed[i], width = WIDTH[k];
    char name[64];
    int64_t rows = 0, at = 0;
    for (int s = TRAIN; s < SETS; s++) rows += FRAMES[s] * SIZE[s];
    double *all = malloc(sizeof *all * (size_t)(rows * width));
    for (int s = TRAIN; s < SETS; s++) {
      esp_set set;
      fill(s, 0, SIZE[s], 1, 1, &set);
      memcpy(all + at, set.frame[k], sizeof *all * (size_t)(FRAMES[s] * SIZE[s] * width));
      at += FRAMES[s] * SIZE[s] * width;
      esp_set_free(&set);
    }
    snprintf(name, sizeof name, "/test/frames/%s", columns[k].name);
    const dataset d = as_set(name, H5T_IEEE_F64LE, rows, width);
    serial_write(id, &d, H5T_NATIVE_DOUBLE, all);
    free(all);
  }
}

static inline void serial_ensemble(int spoilt) {
  comm->agree(comm, 0);
  if (comm->rank == 0) {
    hid_t id = serial_create(path);
    serial_text(id, "/", "format", "espalier ensemble");
    serial_text(id, "/", "data_task", "circles");
    for (int part = 0; part < ESP_PARTS; part++) {
      serial_part(id, (esp_part)part, 1, 0);
      serial_table(id, (esp_part)part, spoilt);
    }
    serial_frames(id);
    H5Fclose(id);
  }
  comm->agree(comm, 0);
}

/* ---- of any origin ---- */

/* A file of these datasets, and for a name ending in ':' the attribute of that name. */
static inline void make(const char *format, const dataset *d) {
  comm->agree(comm, 0);
  if (comm->rank) return;
  hid_t id = serial_create(path);
  serial_text(id, "/", "format", format);
  for (; d->name; d++) {
    if (strchr(d->name, ':')) {
      char name[32];
      const int value = (int)d->dim[0];
      snprintf(name, strlen(d->name), "%s", d->name);
      serial_number(id, name, H5T_NATIVE_INT, &value);
    } else {
      serial_data(id, d);
    }
  }
  H5Fclose(id);
}
#define MAKE_AS(format, ...) make(format, (const dataset[]){__VA_ARGS__, {NULL, 0, 0, {0, 0}, 0}})
#define MAKE(...) MAKE_AS(ESP_SET_FORMAT, __VA_ARGS__)
#define F64 H5T_IEEE_F64LE
#define I64 H5T_STD_I64LE
#define TRAIN_X \
  { "train/x", F64, 1, {4, 0}, 0 }
#define TRAIN_V \
  { "train/v", F64, 1, {4, 0}, 0 }

static inline void refuse(int code, const char *what) {
  esp_set_file file;
  comm->agree(comm, 0);
  const int seen = esp_set_open(comm, path, &layout, &file);
  if (seen != code) fail_msg("code %d in place of %d; awaited was '%s'", seen, code, what);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  if (!strstr(esp_error_message(), path)) fail_msg("the file is not in: %s", esp_error_message());
  assert_null(file.file);
  esp_error_clear();
  comm->agree(comm, 0);
}

#endif
