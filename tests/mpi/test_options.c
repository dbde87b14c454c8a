/* A YAML file and the command line give every rank the same configuration or the same error; the command line wins;
 * PETSc's own options are no input's. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <petscsys.h>

#include "domain/comm.h"
#include "io/options.h"
#include "verbs/keys.h"

typedef struct {
  esp_comm *comm;
  char path[256]; /* of a scratch file that rank 0 writes */
} fixture;

static void write_file(const fixture *f, const char *text) {
  if (f->comm->rank == 0) {
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
  }
  int64_t none = 0;
  assert_int_equal(f->comm->sum_i64(f->comm, &none, 1), ESP_OK);
}

static esp_config *load(const fixture *f, const char *yaml) {
  esp_config *config;
  assert_int_equal(esp_keys_create(&config), ESP_OK);
  if (yaml) write_file(f, yaml);
  if (esp_options_load(f->comm, yaml ? f->path : NULL, config)) fail_msg("%s", esp_error_message());
  return config;
}

/* The text of every rank must be that of rank 0. */
static void same_on_all(const fixture *f, const char *text) {
  char *all;
  size_t start[65], length = strlen(text) + 1;
  assert_true(f->comm->size < 65);
  assert_int_equal(f->comm->gather_all(f->comm, text, length, (void **)&all, start), ESP_OK);
  for (int r = 0; r < f->comm->size; r++) assert_string_equal(all + start[r], text);
  ESP_FREE(all);
}

static void refused(const fixture *f, const char *path, int code, const char *const *parts) {
  esp_config *config;
  assert_int_equal(esp_keys_create(&config), ESP_OK);
  esp_error_clear();
  int rc = esp_options_load(f->comm, path, config);
  if (rc != code) fail_msg("code %s, message '%s'", esp_code_name(rc), esp_error_message());
  char message[4096];
  snprintf(message, sizeof message, "%.*s", (int)strcspn(esp_error_message(), "\n"), esp_error_message());
  for (int p = 0; parts[p]; p++)
    if (!strstr(message, parts[p])) fail_msg("'%s' lacks '%s'", message, parts[p]);
  same_on_all(f, message);
  esp_error_clear();
  esp_config_free(&config);
}
#define REFUSED(f, path, code, ...) refused(f, path, code, (const char *const[]){__VA_ARGS__, NULL})

static void refused_text(const fixture *f, const char *yaml, int code, const char *part, const char *other) {
  write_file(f, yaml);
  REFUSED(f, f->path, code, f->path, part, other);
}

static void nothing_given(void **state) {
  esp_config *config = load(*state, NULL);
  assert_true(esp_config_real(config, "tree_theta") == 0.7);
  assert_false(esp_config_is_set(config, "tree_theta"));
  esp_config_free(&config);
  config = load(*state, "");
  esp_config_free(&config);
  config = load(*state, "# a comment alone\n");
  assert_int_equal(esp_config_int(config, "tree_leaf"), 8);
  esp_config_free(&config);
}

static void values_of_a_file(void **state) {
  const fixture *f = *state;
  esp_config *config = load(f,
                            "run_name: 'a: b'\ntree: {theta: 0.5, leaf: 3}\ntree_block: 7\ndata_n: [128, 1024]\n"
                            "data_file: \"\"\neval_baselines: false\ninput: /some where/x.hdf5\n"
                            "net:\n  hidden: 5\n  message: mlp\ndata_test_n:\n  - 4\n  - 5\n  - 6\n");
  int64_t list[4];
  assert_string_equal(esp_config_string(config, "run_name"), "a: b");
  assert_true(esp_config_real(config, "tree_theta") == 0.5);
  assert_int_equal(esp_config_int(config, "tree_leaf"), 3);
  assert_int_equal(esp_config_int(config, "tree_block"), 7);
  assert_int_equal(esp_config_ints(config, "data_n", list, 4), 2);
  assert_true(list[0] == 128 && list[1] == 1024);
  assert_int_equal(esp_config_ints(config, "data_test_n", list, 4), 3);
  assert_true(list[0] == 4 && list[2] == 6);
  assert_string_equal(esp_config_string(config, "data_file"), "");
  assert_int_equal(esp_config_flag(config, "eval_baselines"), 0);
  assert_string_equal(esp_config_string(config, "input"), "/some where/x.hdf5");
  assert_int_equal(esp_config_int(config, "net_hidden"), 5);
  assert_string_equal(esp_config_string(config, "net_message"), "mlp");
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  assert_int_equal(esp_config_print(config, file), ESP_OK);
  fclose(file);
  same_on_all(f, text);
  esp_config_free(&config);
  /* the printed configuration is a file that gives the same one */
  config = load(f, text);
  char *again = NULL;
  file = open_memstream(&again, &size);
  assert_int_equal(esp_config_print(config, file), ESP_OK);
  fclose(file);
  assert_string_equal(text, again);
  free(text);
  free(again);
  esp_config_free(&config);
}

static void set_option(const char *name, const char *value) {
  assert_int_equal((int)PetscOptionsSetValue(NULL, name, value), 0);
}
static void clear_option(const char *name) {
  assert_int_equal((int)PetscOptionsClearValue(NULL, name), 0);
}

static void command_line_wins(void **state) {
  set_option("-tree_theta", "0.25");
  set_option("-data_n", "3,4");
  set_option("-report_pictures", NULL);
  for (int pass = 0; pass < 2; pass++) { /* a second load finds the same */
    esp_config *config = load(*state, "tree_theta: 0.5\ntree_leaf: 4\ndata_n: [5]\nreport_pictures: false\n");
    int64_t list[2];
    assert_true(esp_config_real(config, "tree_theta") == 0.25);
    assert_int_equal(esp_config_int(config, "tree_leaf"), 4);
    assert_int_equal(esp_config_ints(config, "data_n", list, 2), 2);
    assert_true(list[0] == 3 && list[1] == 4);
    assert_int_equal(esp_config_flag(config, "report_pictures"), 1);
    esp_config_free(&config);
  }
  clear_option("-tree_theta");
  clear_option("-data_n");
  clear_option("-report_pictures");
}

/* Options of PETSc come from the command line alone: an input must not make PETSc write anywhere. */
static void petsc_options(void **state) {
  const fixture *f = *state;
  PetscBool given;
  refused_text(f, "tree_leaf: 4\nlog_view: ':/tmp/a'\n", ESP_ERR_CONFIG, "'log_view' is no key", "command line");
  refused_text(f, "ksp_rtol: 1e-9\n", ESP_ERR_CONFIG, "'ksp_rtol' is no key", "command line");
  refused_text(f, "mat: {view: }\n", ESP_ERR_CONFIG, "'mat_view' is no key", "command line");
  refused_text(f, "options_file: /tmp/a\n", ESP_ERR_CONFIG, "'options_file' is no key", "command line");
  assert_int_equal((int)PetscOptionsHasName(NULL, NULL, "-log_view", &given), 0);
  assert_false(given);
  set_option("-ksp_rtol", "1e-3");
  esp_config *config = load(f, "tree_leaf: 4\n");
  assert_int_equal((int)PetscOptionsHasName(NULL, NULL, "-ksp_rtol", &given), 0);
  assert_true(given);
  assert_int_equal((int)PetscOptionsHasName(NULL, NULL, "-tree_leaf", &given), 0);
  assert_false(given);
  esp_config_free(&config);
  clear_option("-ksp_rtol");
}

static void wrong_keys_and_values(void **state) {
  const fixture *f = *state;
  refused_text(f, "tree_leaf: 4\ntree_thta: 1\n", ESP_ERR_CONFIG, "'tree_thta'", "'tree_theta'");
  refused_text(f, "tree: {thta: 1}\n", ESP_ERR_CONFIG, "'tree_thta'", "'tree_theta'");
  refused_text(f, "tre_theta: 1\n", ESP_ERR_CONFIG, "'tre_theta'", "'tree_theta'");
  refused_text(f, "tree_theta: 11\n", ESP_ERR_CONFIG, "tree_theta is '11'", "[0, 10]");
  refused_text(f, "tree_theta: [0.5, 0.7]\n", ESP_ERR_CONFIG, "tree_theta is '0.5,0.7'", "number");
  refused_text(f, "tree_theta:\n", ESP_ERR_CONFIG, "tree_theta is ''", "number");
  refused_text(f, "run_out: ''\n", ESP_ERR_CONFIG, "run_out is ''", "printable text, not empty");
  refused_text(f, "data_task: H\n", ESP_ERR_CONFIG, "data_task is 'H'", "gravity|box|relation");
  refused_text(f, "a name with blanks: 3\n3x: 4\n", ESP_ERR_CONFIG, "no key", "nearest");
  set_option("-net_layer", "3");
  REFUSED(f, NULL, ESP_ERR_CONFIG, "command line", "'net_layer'", "'net_layers'");
  clear_option("-net_layer");
  set_option("-net_layers", "many");
  REFUSED(f, NULL, ESP_ERR_CONFIG, "command line", "net_layers is 'many'", "integer in [1, ");
  clear_option("-net_layers");
}

static void wrong_files(void **state) {
  const fixture *f = *state;
  REFUSED(f, "no/such/file.yaml", ESP_ERR_FILE, "no/such/file.yaml", "cannot be read");
  REFUSED(f, "/", ESP_ERR_FILE, "/: is a folder");
  refused_text(f, "tree_leaf: 3\ntree_block: [1,\n   2]\na: b: c\nrun_seed: 2\n", ESP_ERR_FORMAT, "line 4:", "YAML");
  refused_text(f, "tree_leaf: 3\n\trun_seed: 2\n", ESP_ERR_FORMAT, "line 2:", "YAML");
  refused_text(f, "data_n: [1, 2\nrun_seed: 2\n", ESP_ERR_FORMAT, "YAML", "sequence in line 1)");
  char text[20000] = "a: &a [x";
  for (int k = 0; k < 2000; k++) strcat(text, ",x");
  strcat(text, "]\n");
  for (int k = 0; k < 20; k++) snprintf(text + strlen(text), 16, "k%d: *a\n", k);
  refused_text(f, text, ESP_ERR_FORMAT, "line 10:", "more than any input has");
  refused_text(f, "- 1\n- 2\n", ESP_ERR_FORMAT, "line 1:", "mapping");
  refused_text(f, "tree_leaf\n", ESP_ERR_FORMAT, "line 1:", "mapping");
  if (f->comm->rank == 0) {
    FILE *file = fopen(f->path, "wb");
    fwrite("tree_leaf: 3\n\0x", 1, 15, file);
    fclose(file);
  }
  REFUSED(f, f->path, ESP_ERR_FORMAT, f->path, "byte 13 is 0");
  esp_config *config = load(f, "tree_leaf: 3\n"); /* and after all that it still works */
  assert_int_equal(esp_config_int(config, "tree_leaf"), 3);
  esp_config_free(&config);
}

/* A mapping may be written, nested, merged and named in many ways; whichever they are, a key stands there once. */
static void doubled_keys(void **state) {
  const fixture *f = *state;
  static const char *const twice[][2] = {
      {"tree_theta: 0.5\n# one\ntree_theta: 0.5\n", "lines 1 and 3"},
      {"\ntree:\n  leaf: 3\n  theta: 0.5\ntree_theta: 0.7\n", "lines 4 and 5"},
      {"tree: {leaf: 3, theta: 0.5,\n  theta: 0.7}\n", "lines 1 and 2"},
      {"'tree_theta': 0.5\n\"tree\\x5ftheta\": |\n  0.7\n", "lines 1 and 2"},
      {"tree: &t {theta: 0.5}\nnet: {layers: 2}\ntree: *t\n", "lines 1 and 3"},
      {"&k tree_theta: 0.5\n*k : 0.7\n", "lines 1 and "},
      {"tree: {theta: 0.5}\n<<: [{tree_leaf: 3}, {tree_theta: 0.7}]\n", "lines 1 and 2"},
      {"tree_theta: 0.5\n---\ntree_theta: 0.7\n", "lines 1 and 3"},
  };
  for (size_t k = 0; k < sizeof twice / sizeof twice[0]; k++)
    refused_text(f, twice[k][0], ESP_ERR_CONFIG, "tree_theta is given twice", twice[k][1]);
  refused_text(f, "tree: &t\n  theta: 0.5\n  b: *t\n", ESP_ERR_FORMAT, "line 3:", "deeper");
  refused_text(f, "tree: {theta: [[1]]}\n", ESP_ERR_FORMAT, "line 1:", "value");
  refused_text(f, "tree_leaf: 3\nrun_name: \"a\\0b\"\n", ESP_ERR_FORMAT, "line 2:", "character 0");
  refused_text(f, "tree_leaf: 3\ntree_theta: 11\n", ESP_ERR_CONFIG, "line 2: tree_theta", "[0, 10]");
  esp_config *config = load(f, "tree: &t {leaf: 3}\n<<: {tree_theta: 0.5}\nrun_name: '#a: {b'\n---\nrun_seed: 2\n");
  assert_int_equal(esp_config_int(config, "tree_leaf"), 3);
  assert_true(esp_config_real(config, "tree_theta") == 0.5);
  assert_string_equal(esp_config_string(config, "run_name"), "#a: {b");
  assert_int_equal(esp_config_int(config, "run_seed"), 2);
  esp_config_free(&config);
}

/* Every file of inputs/ is accepted. */
static void shipped_inputs(void **state) {
  const fixture *f = *state;
  const char *source = getenv("ESPALIER_SOURCE");
  char pattern[4096];
  if (!source) return;
  snprintf(pattern, sizeof pattern, "%s/inputs/*.yaml", source);
  glob_t files;
  assert_int_equal(glob(pattern, 0, NULL, &files), 0);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    esp_config *config;
    assert_int_equal(esp_keys_create(&config), ESP_OK);
    if (esp_options_load(f->comm, files.gl_pathv[i], config)) fail_msg("%s", esp_error_message());
    esp_config_free(&config);
  }
  globfree(&files);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  fixture f;
  int failed = esp_comm_mpi_create(PETSC_COMM_WORLD, &f.comm);
  if (!failed) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(nothing_given, &f),         cmocka_unit_test_prestate(values_of_a_file, &f),
        cmocka_unit_test_prestate(command_line_wins, &f),     cmocka_unit_test_prestate(petsc_options, &f),
        cmocka_unit_test_prestate(wrong_keys_and_values, &f), cmocka_unit_test_prestate(wrong_files, &f),
        cmocka_unit_test_prestate(doubled_keys, &f),          cmocka_unit_test_prestate(shipped_inputs, &f)};
    const char *folder = getenv("TMPDIR");
    int64_t process = getpid();
    failed = f.comm->broadcast(f.comm, &process, sizeof process, 0);
    snprintf(f.path, sizeof f.path, "%s/espalier-options-%ld.yaml", folder ? folder : "/tmp", (long)process);
    size_t before = esp_memory_now();
    if (!failed) failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!failed && esp_memory_now() != before) {
      fprintf(stderr, "%zu bytes are still held\n", esp_memory_now() - before);
      failed = 1;
    }
    if (f.comm->rank == 0) remove(f.path);
  }
  esp_comm_mpi_free(&f.comm);
  if (PetscFinalize()) return 1;
  return failed != 0;
}
