/* The good files: snapshots of every dialect, set files and checkpoints of either version, inputs, what a run writes. */
#include "mpi/binary_fixture.h"
#include "mpi/serial_hdf5.h"

#include <sys/stat.h>

#include "fuzz.h"

static fuzz_subject *all;
static int count;

static void stop(const char *what) {
  fprintf(stderr, "test_fuzz: %s: %s\n", what, esp_error_message());
  exit(EXIT_FAILURE);
}

/* Held until the end. */
static const char *text(const char *format, const char *a, const char *b) {
  char *made = malloc(FUZZ_PATH);
  snprintf(made, FUZZ_PATH, format, a, b);
  return made;
}

static long lines_of(const char *path) {
  FILE *file = fopen(path, "r");
  long lines = 0;
  for (int c; file && (c = fgetc(file)) != EOF;) lines += c == '\n';
  if (file) fclose(file);
  return lines;
}

/* place: a name in the folder; open: NULL for the same. */
static fuzz_subject *add(const char *name, fuzz_kind kind, const char *readers, const char *good, const char *place,
                         const char *open) {
  struct stat seen;
  fuzz_subject *s = &all[count++];
  if (count > FUZZ_SUBJECTS || stat(good, &seen)) stop(good);
  *s = (fuzz_subject){.readers = readers, .kind = kind, .size = (long)seen.st_size, .lines = lines_of(good)};
  snprintf(s->name, sizeof s->name, "%s", name);
  snprintf(s->good, sizeof s->good, "%s", good);
  snprintf(s->place, sizeof s->place, "%s", at(place));
  snprintf(s->open, sizeof s->open, "%s", at(open ? open : place));
  if (kind == FUZZ_HDF5) s->objects = fuzz_objects(good, &s->object);
  return s;
}

/* ---- what our own verbs write ---- */

/* Data and network of a golden input, made anew and smaller, in folder/name. */
static void make_run(const char *name, const char *input, const char *n, const char *const *verbs) {
  const char *keys[] = {"run_out",     folder, "run_name",     name, "data_n",          n,       "data_test_n", n,
                        "train_steps", "3",    "train_warmup", "1",  "report_pictures", "false", NULL};
  for (int k = 0; verbs[k]; k++)
    if (fuzz_verb(verbs[k], input, keys)) stop(verbs[k]);
}

static void add_ours(const char *source) {
  static const char *const golden[] = {"cloud", "box", "gate", "queries", NULL};
  static const char *const two[] = {"generate", "train", NULL};
  static const char *const all_verbs[] = {"generate", "train", "evaluate", "report", NULL};
  for (int k = 0; golden[k]; k++) {
    const char *name = golden[k], *old = text("%s/tests/golden/%s", source, name), *input = text("%s.yaml", old, "");
    const char *made = text("%s/%s", folder, name);
    make_run(name, input, k > 1 ? "40" : "24", k ? two : all_verbs);
    for (int version = 1; version <= 2; version++) {
      const char *data = version == 1 ? text("%s.h5", old, "") : text("%s/data.h5", made, "");
      const char *network = version == 1 ? text("%s-checkpoint.h5", old, "") : text("%s/checkpoint.h5", made, "");
      fuzz_subject *set = add(text("set%s-%s", version == 1 ? "1" : "2", name), FUZZ_HDF5, "set info predict train",
                              data, "case.h5", NULL);
      fuzz_subject *model = add(text("checkpoint%s-%s", version == 1 ? "1" : "2", name), FUZZ_HDF5,
                                "checkpoint info apply resume", network, "case.h5", NULL);
      model->particles = 1;
      snprintf(set->input, FUZZ_PATH, "%s", input);
      snprintf(set->other, FUZZ_PATH, "%s", network);
      snprintf(model->input, FUZZ_PATH, "%s", input);
      snprintf(model->other, FUZZ_PATH, "%s", data);
    }
  }
}

/* ---- snapshots ---- */

static void add_snapshot(const char *name, fuzz_kind kind, const char *file, const char *place, const char *open) {
  fuzz_subject *s = add(name, kind, "snapshot info snapshot partition", at(file), place, open);
  s->particles = 1;
}

static void add_snapshots(void) {
  static const struct {
    const char *name;
    spec spec;
  } dialect[] = {
      {"gadget2", {.dialect = GADGET, .units = 1, .hubble = 1, .table = 1}},
      {"gadget4", {.dialect = GADGET4, .units = 1, .hubble = 1, .wide_ids = 1, .narrow = 1}},
      {"arepo",
       {.dialect = AREPO, .units = 1, .hubble = 0.7, .omega0 = 0.3, .comoving = 1, .time = 0.5, .redshift = 1}},
      {"swift", {.dialect = SWIFT, .hubble = 0.7, .narrow = 1}}};
  for (size_t k = 0; k < sizeof dialect / sizeof *dialect; k++) {
    fixture(dialect[k].name, &dialect[k].spec);
    add_snapshot(dialect[k].name, FUZZ_HDF5, text("%s.hdf5", dialect[k].name, ""), "case.hdf5", NULL);
  }
  spec split = dialect[0].spec;
  split.files = 2;
  fixture("split", &split);
  fixture("parts", &split);
  add_snapshot("split", FUZZ_HDF5, "parts.1.hdf5", "split.1.hdf5", "split");
  for (int format = 1; format <= 2; format++) {
    const char *name = format == 1 ? "binary1" : "binary2";
    write_gadget(at(name), format, 4, format == 2, 1);
    add_snapshot(name, FUZZ_BINARY, name, "case.dat", NULL);
  }
  write_tipsy(at("tipsy"), 0, 0);
  add_snapshot("tipsy", FUZZ_BINARY, "tipsy", "case.dat", NULL);
}

/* ---- fields on grids ---- */

static void add_grids(void) {
#ifdef FUZZ_NETCDF
  static const char *const name[FUZZ_GRIDS] = {"netcdf4", "netcdf3", "netcdf3-offset", "netcdf3-data"};
  for (int k = 0; k < FUZZ_GRIDS; k++) {
    fuzz_make_grid(at(name[k]), k);
    fuzz_subject *s = add(name[k], k ? FUZZ_BINARY : FUZZ_HDF5, "grid grid info", at(name[k]), "case.nc", NULL);
    s->leaves = 1;
  }
#endif
}

/* ---- graphs with classes ---- */

/* A ring of nodes with two words each, as HDF5, and what is made of it. */
static void add_graphs(void) {
  enum { NODES = 40, NODE_WORDS = 7 };
  int64_t label[NODES], start[NODES + 1] = {0}, word[2 * NODES], edge[2 * NODES], train[6];
  double value[2 * NODES];
  for (int64_t i = 0; i < NODES; i++) {
    label[i] = i % 9 == 8 ? -1 : i % 2, start[i + 1] = 2 * i + 2, edge[2 * i] = i, edge[2 * i + 1] = (i + 1) % NODES;
    word[2 * i] = i % NODE_WORDS, word[2 * i + 1] = (i + 3) % NODE_WORDS;
    value[2 * i] = 1, value[2 * i + 1] = 2;
  }
  for (int k = 0; k < 6; k++) train[k] = k;
  const dataset sets[] = {{"label", H5T_STD_I32LE, 1, {NODES, 0}, 0},
                          {"x_indptr", H5T_STD_I32LE, 1, {NODES + 1, 0}, 0},
                          {"x_indices", H5T_STD_I32LE, 1, {2 * NODES, 0}, 0},
                          {"edges", H5T_STD_I32LE, 2, {NODES, 2}, 0},
                          {"train", H5T_STD_I32LE, 1, {6, 0}, 0}};
  const void *const numbers[] = {label, start, word, edge, train};
  const dataset values = {"x_values", H5T_IEEE_F32LE, 1, {2 * NODES, 0}, 0};
  hid_t id = serial_create(at("graph.h5"));
  for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) serial_write(id, &sets[k], H5T_NATIVE_INT64, numbers[k]);
  serial_write(id, &values, H5T_NATIVE_DOUBLE, value);
  H5Fclose(id);
  const char *input = text("%s/graph.h5", folder, "");
  const char *keys[] = {"run_out", folder, "run_name", "graph", "data_task", "nodes", "input", input, NULL};
  if (fuzz_verb("generate", "", keys)) stop("generate");
  add("graph", FUZZ_HDF5, "graph graph info", input, "case.h5", NULL);
  add("set2-graph", FUZZ_HDF5, "set set info", text("%s/graph/data.h5", folder, ""), "case.h5", NULL);
}

/* ---- texts ---- */

/* A table without its times: whatever has a point, but in column `kept`, becomes the same number, so that cases are the same in
 * every run. */
static void settle_table(const char *from, const char *to, int kept) {
  FILE *in = fopen(from, "r"), *out = fopen(to, "w");
  char field[256];
  int used = 0, column = 0;
  if (!in || !out) stop(from);
  for (int c; (c = fgetc(in)) != EOF;) {
    if (c != ',' && c != '\n' && used < (int)sizeof field - 1) field[used++] = (char)c;
    if (c != ',' && c != '\n') continue;
    field[used] = 0;
    const int settled = strchr(field, '.') && column != kept;
    fprintf(out, "%s%c", settled ? "1.25" : field, c);
    column = c == ',' ? column + 1 : 0;
    used = 0;
  }
  fclose(in), fclose(out);
}

static void add_texts(const char *source) {
  static const char *const input[] = {"reference", "nbody", "halo", "hidden-subspace", "box-100-law-unknown"};
  static const char *const table[] = {"metrics", "ladder", "ladder_bars", "pairs", "ranks", "rollout"};
  char name[64];
  for (size_t k = 0; k < sizeof input / sizeof *input; k++)
    add(input[k], FUZZ_TEXT, "yaml", text("%s/inputs/%s.yaml", source, input[k]), "case.yaml", NULL);
  mkdir(at("good"), 0777);
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    char file[64], kept[64];
    snprintf(file, sizeof file, "cloud/%s.csv", table[k]);
    snprintf(kept, sizeof kept, "good/%s.csv", table[k]);
    settle_table(at(file), at(kept), k ? -1 : 1); /* the loss, by which a report knows its run */
    snprintf(name, sizeof name, "table-%s", table[k]);
    add(name, FUZZ_TEXT, k ? "report report report pictures" : "report journal pictures", at(kept), file, "cloud");
  }
}

int fuzz_subjects(const char *where, fuzz_subject subject[FUZZ_SUBJECTS]) {
  static esp_comm self;
  const char *source = getenv("ESPALIER_SOURCE");
  self = *esp_comm_self();
  comm = &self;
  all = subject;
  snprintf(folder, sizeof folder, "%s", where);
  if (!source) stop("ESPALIER_SOURCE is not set");
  add_ours(source);
  add_snapshots();
  add_grids();
  add_graphs();
  add_texts(source);
  return count;
}
