/* Sets come back bit for bit, whole, in shares and by frames, whoever wrote which part; the file is the same for any number
 * of ranks; files of version 1 give the same sets and the same fingerprint; files of other origin with no more than they need
 * are read, broken ones refused by name.
 * ranks: 1 2 3 4 5 7 */
#include "set_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/info.h"
#include "io/set_file.h"

enum { SETS = 5, D = 3, F = 2, T = 1, R = 2, TRAIN = 3 };
enum { X, V, Y, WEIGHT, Z, COLUMNS };
enum { AVERAGE, H, SEED, LAW, BOX, NUMBERS = BOX + 3 };
static const int64_t SIZE[SETS] = {130, 1, 0, 64, 200}, FRAMES[SETS] = {0, 0, 0, 4, 3};
static const int WIDTH[COLUMNS] = {D, F, T, 1, R};
static char path[256], alone[256];

static const char *law_name(int k) {
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

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static int setup(void **state) {
  (void)state;
  int64_t pid = getpid();
  comm->broadcast(comm, &pid, sizeof pid, 0);
  snprintf(path, sizeof path, "test_set_file_%lld.h5", (long long)pid);
  snprintf(alone, sizeof alone, "test_set_file_%lld_alone.h5", (long long)pid);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path), remove(alone);
  return 0;
}

static double number(int s, int64_t i, int field, int k) {
  return field == WEIGHT ? (double)(i % 3) : case_uniform((uint64_t)(((s * 1024 + i) * 64 + field) * 8 + k)) - 0.5;
}

static void fill(int s, int64_t first, int64_t end, int weighted, int frames, esp_set *set) {
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
static void compare(int s, int weighted, const esp_set *set) {
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

static void begin(const esp_comm *who, const char *name, int weighted, esp_set_writer *writer) {
  const int64_t sets[ESP_PARTS] = {TRAIN, SETS - TRAIN};
  const int64_t *const n[ESP_PARTS] = {SIZE, SIZE + TRAIN}, *const frames[ESP_PARTS] = {NULL, FRAMES + TRAIN};
  esp_set_about about = {.task = "circles"};
  for (int k = 0; k < COLUMNS; k++) about.width[k] = k == WEIGHT && !weighted ? 0 : WIDTH[k];
  assert_ok(esp_set_begin(who, name, &layout, &about, sets, n, frames, writer));
}

/* Sets 0, 1, 2 to train, 3, 4 to test. way 0: test sets shared by all ranks, training sets one a rank; 1: all of a part
 * by the last rank at once; 2: shares and whole sets at the same time. */
static void write_file(const esp_comm *who, const char *name, int weighted, int way) {
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

static uint64_t checksum(const esp_comm *who, const char *name, const esp_layout *as) {
  esp_set_file file;
  uint64_t sum;
  assert_ok(esp_set_open(who, name, as, &file));
  assert_ok(esp_set_file_checksum(&file, &sum));
  esp_set_close(&file);
  return sum;
}

static void check_frames(const esp_set_file *file, int s) {
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

/* Every set, in shares and whole, is what `fill` makes. */
static void check_file(int weighted) {
  esp_set_file file;
  esp_set set;
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_string_equal(file.about.task, "circles");
  for (int k = 0; k < COLUMNS; k++) assert_true(file.about.width[k] == (k == WEIGHT && !weighted ? 0 : WIDTH[k]));
  assert_true(file.sets[0] == 3 && file.sets[1] == 2 && file.n[0][2] == 0 && file.n[1][1] == 200);
  assert_true(esp_set_largest(&file, ESP_PART_TRAIN) == 0 && esp_set_largest(&file, ESP_PART_TEST) == 1);
  for (int s = 0; s < SETS; s++) {
    const esp_part part = s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST;
    assert_ok(esp_set_read(&file, comm, part, s < TRAIN ? s : s - TRAIN, &set));
    compare(s, weighted, &set);
    assert_int_equal(sum_over_ranks(set.n_home), SIZE[s]);
    esp_set_free(&set);
    if (s % comm->size != comm->rank) continue; /* local: the others do not take part */
    assert_ok(esp_set_read(&file, esp_comm_self(), part, s < TRAIN ? s : s - TRAIN, &set));
    assert_true(set.n_home == SIZE[s]);
    compare(s, weighted, &set);
    esp_set_free(&set);
    if (s >= TRAIN) check_frames(&file, s);
  }
  assert_int_equal(esp_set_read(&file, comm, ESP_PART_TEST, 2, &set), ESP_ERR_ARG);
  esp_error_clear();
  esp_set_close(&file);
}

static void comes_back(void **state) {
  (void)state;
  uint64_t sums[2];
  for (int weighted = 0; weighted < 2; weighted++) {
    if (comm->rank == 0) {
      write_file(esp_comm_self(), alone, weighted, 0);
      sums[weighted] = checksum(esp_comm_self(), alone, &layout);
    }
    comm->broadcast(comm, &sums[weighted], sizeof *sums, 0);
    for (int way = 0; way < 3; way++) {
      write_file(comm, path, weighted, way);
      check_file(weighted);
      assert_true(checksum(comm, path, &layout) == sums[weighted]);
      assert_true(checksum(comm, path, NULL) == sums[weighted]);
      comm->agree(comm, 0);
    }
  }
  assert_true(sums[0] != sums[1]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* No set at all, in one part or in both; a set of no particle; layouts without numbers. */
static void empty(void **state) {
  (void)state;
  static const esp_number none[] = {{NULL}};
  static const esp_layout bare = {columns, none, ""};
  const esp_set_about about = {.width = {D, F}};
  const int64_t zero = 0, *const n[ESP_PARTS] = {&zero, NULL};
  for (int64_t train = 0; train < 2; train++) {
    const int64_t sets[ESP_PARTS] = {train, 0};
    esp_set_writer writer;
    esp_set_file file;
    esp_set set = {.layout = &bare, .width = {D, F}};
    assert_ok(esp_set_create(&set));
    assert_ok(esp_set_begin(comm, path, train ? &bare : &layout, &about, sets, n, NULL, &writer));
    assert_ok(esp_set_put(&writer, ESP_PART_TRAIN, 0, (int)train, &set));
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, 0, 0, NULL));
    assert_ok(esp_set_commit(&writer));
    esp_set_free(&set);
    assert_ok(esp_set_open(comm, path, train ? &bare : &layout, &file));
    assert_true(file.sets[0] == train && file.sets[1] == 0 && file.about.width[X] == D && !file.about.width[Y]);
    assert_true(esp_set_largest(&file, ESP_PART_TEST) == -1 && esp_set_largest(&file, ESP_PART_TRAIN) == train - 1);
    if (train) {
      assert_ok(esp_set_read(&file, comm, ESP_PART_TRAIN, 0, &set));
      assert_true(set.n == 0 && set.width[X] == D);
      esp_set_free(&set);
    }
    esp_set_close(&file);
    comm->agree(comm, 0);
  }
}

/* ---- version 1 ---- */

static dataset as_set(const char *name, hid_t type, int64_t rows, int width) {
  return (dataset){name, type, width == 1 ? 1 : 2, {(hsize_t)rows, (hsize_t)width}, 0};
}

/* Columns, ids and sets of a part as both versions have them; training sets in reverse order of rows. */
static void serial_part(hid_t id, esp_part part, int weighted, int table) {
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

/* The file `write_file` makes, but for frames, box and each set's seed: in version 2 by hand, and as "espalier features". */
static void features(void **state) {
  (void)state;
  const int64_t average = 1, seed = -5, wide = D, version = 1;
  const double h = 0.25;
  uint64_t sum[2];
  for (int weighted = 0; weighted < 2; weighted++) {
    for (int old = 0; old < 2; old++) {
      comm->agree(comm, 0);
      if (comm->rank == 0) {
        hid_t id = serial_create(path);
        serial_text(id, "/", "format", old ? "espalier features" : ESP_SET_FORMAT);
        serial_text(id, "/", "task", "circles");
        for (int part = 0; part < ESP_PARTS; part++) {
          const int64_t sets = part == ESP_PART_TRAIN ? TRAIN : SETS - TRAIN, law[] = {0, 0, 0};
          const double all[] = {h, h, h};
          char name[64];
          serial_part(id, (esp_part)part, weighted, 1);
          if (old) continue;
          const int64_t ones[] = {1, 1, 1}, seeds[] = {seed, seed, seed};
          snprintf(name, sizeof name, "/%s/about/average", esp_part_name((esp_part)part));
          dataset d = as_set(name, H5T_STD_I32LE, sets, 1);
          serial_write(id, &d, H5T_NATIVE_INT64, ones);
          snprintf(name, sizeof name, "/%s/about/h", esp_part_name((esp_part)part));
          d.type = H5T_IEEE_F32LE;
          serial_write(id, &d, H5T_NATIVE_DOUBLE, all);
          snprintf(name, sizeof name, "/%s/about/seed", esp_part_name((esp_part)part));
          d.type = H5T_STD_I64LE;
          serial_write(id, &d, H5T_NATIVE_INT64, seeds);
          snprintf(name, sizeof name, "/%s/about/law", esp_part_name((esp_part)part));
          serial_write(id, &d, H5T_NATIVE_INT64, law);
          serial_text(id, name, "words", "circles|plane|older");
        }
        if (old) {
          serial_number(id, "version", H5T_NATIVE_INT64, &version);
          serial_number(id, "features", H5T_NATIVE_INT64, &wide);
          serial_number(id, "average", H5T_NATIVE_INT64, &average);
          serial_number(id, "seed", H5T_NATIVE_INT64, &seed);
          serial_number(id, "h", H5T_NATIVE_DOUBLE, &h);
        }
        H5Fclose(id);
      }
      comm->agree(comm, 0);
      esp_set_file file;
      esp_set set;
      assert_ok(esp_set_open(comm, path, &layout, &file));
      assert_int_equal(file.version, old ? 1 : 2);
      for (int s = 0; s < SETS; s++) {
        assert_ok(
            esp_set_read(&file, comm, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN, &set));
        assert_true(set.about[SEED].whole == seed);
        set.about[SEED].whole -= s, set.about[BOX + 2].real = s;
        compare(s, weighted, &set);
        esp_set_free(&set);
      }
      assert_ok(esp_set_file_checksum(&file, &sum[old]));
      esp_set_close(&file);
    }
    assert_true(sum[0] == sum[1]);
  }
}

typedef struct {
  int64_t n, offset, frames, frame_offset, seed;
  double h, box[3], more;
} entry;

/* Table of an ensemble; `spoilt`: 1 without a size, 2 with a number of another class, 3 with rows that are not there, 4
 * with too many frames, 5 a number out of range, 6 no table. */
static void serial_table(hid_t id, esp_part part, int spoilt) {
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

static void serial_frames(hid_t id) {
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

static void serial_ensemble(int spoilt) {
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

/* As `write_file` makes it with neither average nor law, which the table does not have. */
static void ensemble(void **state) {
  (void)state;
  esp_set_file file;
  esp_set set;
  esp_set_writer writer;
  uint64_t sum;
  serial_ensemble(0);
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_true(file.version == 1 && file.frames[1][1] == 3);
  for (int s = 0; s < SETS; s++) {
    assert_ok(esp_set_read(&file, comm, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN, &set));
    assert_true(set.about[AVERAGE].whole == 0 && set.about[LAW].whole == 0);
    set.about[AVERAGE].whole = set.about[LAW].whole = 1;
    compare(s, 1, &set);
    esp_set_free(&set);
    if (s >= TRAIN) check_frames(&file, s);
  }
  assert_ok(esp_set_file_checksum(&file, &sum));
  esp_set_close(&file);
  comm->agree(comm, 0);
  begin(comm, path, 1, &writer);
  for (int s = 0; s < SETS; s++) {
    fill(s, 0, SIZE[s], 1, 1, &set);
    set.about[AVERAGE].whole = set.about[LAW].whole = 0;
    assert_ok(esp_set_put(&writer, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN,
                          comm->rank == 0, &set));
    esp_set_free(&set);
  }
  assert_ok(esp_set_commit(&writer));
  assert_true(checksum(comm, path, &layout) == sum);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* One number more, or two numbers' places, or an id, or a frame's number show in the fingerprint. */
static void fingerprint(void **state) {
  (void)state;
  uint64_t sum[7];
  for (int way = 0; way < 7; way++) {
    esp_set_writer writer;
    begin(comm, path, 1, &writer);
    for (int s = 0; s < SETS; s++) {
      esp_set set;
      fill(s, 0, SIZE[s], 1, 1, &set);
      if (s == 4 && way == 1) set.value[V][2 * F] = nextafter(set.value[V][2 * F], 1);
      if (s == 4 && way == 2) set.value[X][0] = number(s, 0, X, 1), set.value[X][1] = number(s, 0, X, 0);
      if (s == 4 && way == 3) set.id[5]++;
      if (s == 4 && way == 4) set.frame[Z][0] += 1;
      if (s == 4 && way == 5) set.about[BOX].real = 1;
      if (s == 2 && way == 6) set.about[LAW].whole = -1;
      assert_ok(esp_set_put(&writer, s < TRAIN ? ESP_PART_TRAIN : ESP_PART_TEST, s < TRAIN ? s : s - TRAIN,
                            comm->rank == 0, &set));
      esp_set_free(&set);
    }
    assert_ok(esp_set_commit(&writer));
    sum[way] = checksum(comm, path, &layout);
    for (int other = 0; other < way; other++) assert_true(sum[other] != sum[way]);
    comm->agree(comm, 0);
  }
}

/* ---- files of other origin ---- */

static void own_data(void **state) {
  (void)state;
  static const char *const formats[] = {ESP_SET_FORMAT, "espalier features"};
  const dataset small[] = {{"train/x", H5T_IEEE_F32LE, 2, {150, 2}, 1},
                           {"train/v", H5T_STD_I16LE, 1, {150, 0}, 0},
                           {"train/y", H5T_IEEE_F64LE, 2, {150, 1}, 1}};
  uint64_t sum[2];
  for (int old = 0; old < 2; old++) {
    comm->agree(comm, 0);
    if (comm->rank == 0) {
      hid_t id = serial_create(path);
      serial_text(id, "/", "format", formats[old]);
      for (int k = 0; k < 3; k++) serial_data(id, &small[k]);
      H5Fclose(id);
    }
    comm->agree(comm, 0);
    esp_set_file file;
    esp_set set;
    char task[ESP_SET_WORD];
    int is = 0;
    assert_ok(esp_set_file_is(comm, path, &is));
    assert_int_equal(is, 1);
    assert_ok(esp_set_file_task(comm, path, task));
    assert_string_equal(task, "");
    assert_ok(esp_set_open(comm, path, &layout, &file));
    assert_true(file.sets[0] == 1 && file.sets[1] == 0 && file.n[0][0] == 150);
    assert_true(file.about.width[X] == 2 && file.about.width[V] == 1 && file.about.width[Y] == 1);
    assert_true(file.about.width[Z] == 0 && file.about.width[WEIGHT] == 0);
    assert_ok(esp_set_read(&file, comm, ESP_PART_TRAIN, 0, &set));
    assert_true(!set.value[WEIGHT] && !set.value[Z] && set.about[H].real == 0 && set.about[LAW].whole == -1);
    for (int i = 0; i < set.n_home; i++) {
      const int64_t at = set.first + i;
      assert_true(set.id[i] == at && set.value[V][i] == (double)at && set.value[Y][i] == (double)at);
      assert_true(set.value[X][2 * i] == (double)(2 * at) && set.value[X][2 * i + 1] == (double)(2 * at + 1));
    }
    esp_set_free(&set);
    if (comm->rank == comm->size - 1) { /* a compressed dataset, read by one rank alone */
      assert_ok(esp_set_read(&file, esp_comm_self(), ESP_PART_TRAIN, 0, &set));
      assert_true(set.value[X][299] == 299);
      esp_set_free(&set);
    }
    assert_ok(esp_set_file_checksum(&file, &sum[old]));
    esp_set_close(&file);
    if (comm->rank == 0) assert_true(checksum(esp_comm_self(), path, NULL) == sum[old]);
  }
  assert_true(sum[0] == sum[1]);
}

/* A file of these datasets, and for a name ending in ':' the attribute of that name. */
static void make(const char *format, const dataset *d) {
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
/* ---- info ---- */

static const esp_layout *known(const char *task) {
  return !strcmp(task, "circles") ? &layout : NULL;
}

static void info_of(esp_info_layout by, const char *what[]) {
  static char text[1 << 16];
  FILE *out = tmpfile();
  comm->agree(comm, 0);
  assert_ok(esp_info_print(comm, path, by, out));
  rewind(out);
  text[fread(text, 1, sizeof text - 1, out)] = 0;
  fclose(out);
  for (; *what && comm->rank == 0; what++) {
    if (!strstr(text, *what)) fail_msg("'%s' is not in:\n%s", *what, text);
  }
  comm->agree(comm, 0);
}

static void info(void **state) {
  (void)state;
  char sum[32];
  write_file(comm, path, 1, 0);
  snprintf(sum, sizeof sum, "checksum     %016llx\n", (unsigned long long)checksum(comm, path, &layout));
  info_of(known,
          (const char *[]){"sets         version 2, task circles\n",
                           "train        3 sets, 131 rows: 1 of 130, 1 of 1, 1 of 0 particles\n",
                           "test         2 sets, 264 rows: 1 of 64, 1 of 200 particles\n",
                           "  frames     856 rows: 1 of 4, 1 of 3 frames\n", "  weight     1 column, 0 to 2, mean",
                           "  x          3 columns [length], -0.", "  h                  0.25\n",
                           "  seed               -7 to -5\n", "  law                circles\n",
                           "  box                0 0 3 to 0 0 4 [length]\n", sum, "test/sets  int64 (2, 2)", NULL});
  info_of(NULL, (const char *[]){"sets         version 2, task circles, which is not known here\n", sum,
                                 "  x          3 columns [length], -0.", "  box                0 0 3 to 0 0 4\n",
                                 "  law                1\n", NULL});
  serial_ensemble(0);
  info_of(known, (const char *[]){"sets         version 1, task circles\n", "  frames     856 rows", NULL});
  info_of(NULL, (const char *[]){"  more               1\n", "  box                0 0 3 to 0 0 4\n", NULL});
  MAKE({"train/x", F64, 2, {10, 2}, 0}, {"train/w", F64, 2, {10, 2}, 0});
  info_of(known, (const char *[]){"sets         version 2, of no task\n", "  w          2 columns, 0 to 19", NULL});
  MAKE({"other/x", F64, 2, {10, 2}, 0});
  info_of(NULL, (const char *[]){"sets         refused: ", "neither a group /train", "contents", NULL});
  assert_int_equal(esp_file_open_objects(), 0);
}

/* ---- broken files ---- */

static void refuse(int code, const char *what) {
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

#define TRAIN_X \
  { "train/x", F64, 1, {4, 0}, 0 }
#define TRAIN_V \
  { "train/v", F64, 1, {4, 0}, 0 }

static void misshapen(void **state) {
  (void)state;
  MAKE({"train/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/v is missing");
  MAKE({"test/v", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /test/x is missing");
  MAKE({"other/x", F64, 2, {10, 2}, 0});
  refuse(ESP_ERR_FORMAT, "neither a group /train nor /test");
  MAKE({"train/x", F64, 2, {10, 2}, 0}, {"train/v", F64, 2, {9, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/v has shape (9, 1), wanted are 10 rows");
  MAKE({"train/x", F64, 2, {10, 0}, 0}, {"train/v", F64, 2, {10, 1}, 0});
  refuse(ESP_ERR_FORMAT, "/train/x has shape (10, 0), wanted is (rows, columns)");
  MAKE(TRAIN_X, TRAIN_V, {"train/id", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/id holds neither integers");
  MAKE(TRAIN_X, TRAIN_V, {"train/weight", F64, 2, {4, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/weight has shape (4, 2), wanted is (rows)");
  MAKE(TRAIN_X, TRAIN_V, {"train/sets", I64, 2, {1, 3}, 0});
  refuse(ESP_ERR_FORMAT, "/train/sets has shape (1, 3), wanted are integers (sets, 2)");
  /* sets (0, 1), (2, 3): the second needs rows up to 5 */
  MAKE(TRAIN_X, TRAIN_V, {"train/sets", I64, 2, {2, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train set 1 has rows [3, +2) of 4");
  MAKE(TRAIN_X, TRAIN_V, {"test/x", F64, 2, {4, 3}, 0}, {"test/v", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "x has 1 columns in /train and 3 in /test");
  MAKE(TRAIN_X, TRAIN_V, {"test/x", F64, 1, {4, 0}, 0}, {"test/v", F64, 1, {4, 0}, 0}, {"test/y", F64, 1, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "y has 0 columns in /train and 1 in /test");
  MAKE_AS("espalier features", {"train/x", F64, 2, {4, 3}, 0}, TRAIN_V, {"features:", 0, 0, {4, 0}, 0});
  refuse(ESP_ERR_FORMAT, "attribute features is 4, but x has 3 columns");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/x", F64, 1, {8, 0}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/frames/sets is missing");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/x", F64, 1, {8, 0}, 0}, {"train/frames/sets", I64, 2, {2, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/frames/sets has 2 rows, wanted are those of 1 sets");
  MAKE(TRAIN_X, TRAIN_V, {"train/frames/z", F64, 1, {8, 0}, 0});
  refuse(ESP_ERR_FORMAT, "dataset /train/frames/x is missing");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/seed", F64, 1, {1, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/seed holds floats of 8 bytes, allowed are integers");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/box", F64, 2, {1, 2}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/box has rank 2 and 2 columns, allowed is rank 2 with 3 columns");
  MAKE(TRAIN_X, TRAIN_V, {"train/about/h", F64, 1, {2, 0}, 0});
  refuse(ESP_ERR_FORMAT, "/train/about/h has 2 rows, should have 1");
}

static void bad_ensembles(void **state) {
  (void)state;
  static const char *const words[] = {
      "/train/clouds lacks the field offset",        "/train/clouds: field seed must be 1 64-bit integers",
      "/train set 1 has rows [131, +1) of 131",      "/train set 0 has 1 frames from row 0 of 0",
      "/train set 0: h is -1, allowed are 0 to inf", "/train/clouds is no table"};
  for (int spoilt = 1; spoilt <= 6; spoilt++) {
    serial_ensemble(spoilt);
    refuse(ESP_ERR_FORMAT, words[spoilt - 1]);
    assert_int_equal(esp_file_open_objects(), 0);
  }
  MAKE_AS("espalier ensemble", TRAIN_X, TRAIN_V);
  refuse(ESP_ERR_FORMAT, "table /train/clouds is missing");
}

static void not_a_set_file(void **state) {
  (void)state;
  char task[ESP_SET_WORD];
  int is = 1;
  if (comm->rank == 0) {
    hid_t id = serial_create(path);
    serial_text(id, "/", "format", "espalier checkpoint");
    H5Fclose(id);
  }
  refuse(ESP_ERR_FORMAT, "attribute format is \"espalier checkpoint\"");
  assert_ok(esp_set_file_is(comm, path, &is));
  assert_int_equal(is, 0);
  assert_int_equal(esp_set_file_task(comm, path, task), ESP_ERR_FORMAT);
  assert_non_null(strstr(esp_error_message(), "espalier checkpoint"));
  esp_error_clear();
  if (comm->rank == 0) H5Fclose(serial_create(path));
  refuse(ESP_ERR_FORMAT, "attribute format of / is missing");
  write_file(comm, path, 0, 0);
  assert_ok(esp_set_file_task(comm, path, task));
  assert_string_equal(task, "circles");
  comm->agree(comm, 0);
  if (comm->rank == 0) assert_int_equal(truncate(path, 9000), 0);
  refuse(ESP_ERR_FORMAT, "");
  if (comm->rank == 0) remove(path);
  refuse(ESP_ERR_FILE, "cannot be read");
  is = 1;
  assert_ok(esp_set_file_is(comm, path, &is));
  assert_true(is == 0 && !esp_error_message()[0]);
  assert_int_equal(esp_file_open_objects(), 0);
}

/* A forbidden number is named with file, set and id, on every rank, by the set that holds it alone. */
static void forbidden_numbers(void **state) {
  (void)state;
  esp_set_writer writer;
  esp_set_file file;
  esp_set set;
  begin(comm, path, 1, &writer);
  for (int s = TRAIN; s < SETS; s++) {
    fill(s, 0, SIZE[s], 1, 1, &set);
    if (s == 4) set.value[V][150 * F + 1] = NAN, set.value[WEIGHT][199] = -1;
    assert_ok(esp_set_put(&writer, ESP_PART_TEST, s - TRAIN, comm->rank == comm->size - 1, &set));
    esp_set_free(&set);
  }
  assert_ok(esp_set_commit(&writer));
  assert_ok(esp_set_open(comm, path, &layout, &file));
  assert_ok(esp_set_read(&file, comm, ESP_PART_TEST, 0, &set));
  esp_set_free(&set);
  assert_int_equal(esp_set_read(&file, comm, ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  const char *said = esp_error_message();
  assert_true(strstr(said, path) && strstr(said, "/test set 1") && !set.id);
  assert_true(strstr(said, "particle 5050: v, column 1") || strstr(said, "particle 5393: weight"));
  esp_error_clear();
  assert_int_equal(esp_set_read(&file, esp_comm_self(), ESP_PART_TEST, 1, &set), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "particle 5050: v, column 1"));
  esp_error_clear();
  esp_set_close(&file);
}

/* What was not announced is not written, and a failure, of one rank alone, too, leaves no file. */
static void wrong_sets(void **state) {
  (void)state;
  const int64_t sets[ESP_PARTS] = {1, 0}, *const n[ESP_PARTS] = {SIZE, NULL};
  const esp_set_about about = {.width = {D}};
  esp_set_writer writer;
  esp_set set;
  comm->agree(comm, 0);
  if (comm->rank == 0) remove(path);
  begin(comm, path, 0, &writer);
  fill(4, 0, SIZE[4], 0, 1, &set);
  assert_int_equal(esp_set_put(&writer, ESP_PART_TRAIN, 0, comm->rank == 0, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "of 200 for set 0 of /train, which has 130"));
  esp_error_clear();
  assert_int_equal(esp_set_put(&writer, ESP_PART_TRAIN, 3, 1, &set), ESP_ERR_ARG);
  esp_error_clear();
  set.frames = 1;
  assert_int_equal(esp_set_put(&writer, ESP_PART_TEST, 1, 1, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "has 1 frames; announced are 3"));
  esp_error_clear();
  set.frames = 3, set.width[V] = 1;
  assert_int_equal(esp_set_put(&writer, ESP_PART_TEST, 1, 1, &set), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "column v has width 1; announced is 2"));
  esp_error_clear();
  esp_set_free(&set);
  esp_set_abort(&writer);
  esp_set_abort(&writer);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(esp_set_begin(comm, path, &layout, &about, sets, n, NULL, &writer), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "column v of width 0"));
  esp_error_clear();
  assert_int_equal(esp_file_open_objects(), 0);
}

/* Where one rank may not write so much, no rank writes, and what stood there stays. */
static void no_space(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 20000}, many[] = {0, 3000};
  struct rlimit old, small;
  signal(SIGXFSZ, SIG_IGN);
  write_file(comm, path, 0, 0);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  for (int way = 0; way < 2; way++) { /* particles, then numbers are too many */
    const int64_t sets[ESP_PARTS] = {1, many[way]};
    const esp_set_about about = {.width = {D, F}};
    int64_t *none = calloc(3000, sizeof *none);
    const int64_t *const n[ESP_PARTS] = {&sizes[1 - way], none};
    esp_set_writer writer;
    comm->agree(comm, 0);
    small = old;
    if (comm->rank == comm->size - 1) small.rlim_cur = way ? 200000 : 500000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const int rc = esp_set_begin(comm, path, &layout, &about, sets, n, NULL, &writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, ESP_ERR_FILE);
    assert_non_null(strstr(esp_error_message(), "file size limit"));
    esp_error_clear();
    free(none);
  }
  comm->agree(comm, 0);
  check_file(0);
  assert_int_equal(esp_file_open_objects(), 0);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back),
                                     cmocka_unit_test(empty),
                                     cmocka_unit_test(features),
                                     cmocka_unit_test(ensemble),
                                     cmocka_unit_test(own_data),
                                     cmocka_unit_test(fingerprint),
                                     cmocka_unit_test(info),
                                     cmocka_unit_test(misshapen),
                                     cmocka_unit_test(bad_ensembles),
                                     cmocka_unit_test(not_a_set_file),
                                     cmocka_unit_test(forbidden_numbers),
                                     cmocka_unit_test(wrong_sets),
                                     cmocka_unit_test(no_space)};
  int failed = cmocka_run_group_tests(tests, setup, teardown);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PETSC_COMM_WORLD);
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || failed;
}
