/* What the program reads hostile files with: its readers, and whole verbs. */
#include "fuzz.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <mpi.h>

#include "base/hash.h"
#include "io/checkpoint.h"
#include "io/formats.h"
#include "io/info.h"
#include "io/options.h"
#include "io/set_file.h"
#include "tasks/task.h"
#include "verbs/keys.h"
#include "verbs/setup.h"
#include "verbs/train_journal.h"

const char *fuzz_wrong;

static void need(int holds, const char *what) {
  if (!holds && !fuzz_wrong) fuzz_wrong = what;
}

static uint64_t mix(uint64_t sum, const double *value, size_t count) {
  for (size_t i = 0; i < count; i++) {
    need(isfinite(value[i]), "a number that is not finite was accepted");
    sum = esp_hash_double(sum, value[i]);
  }
  return sum;
}

/* Rows of varying length ascend, and stay within what there is. */
static uint64_t mix_rows(uint64_t sum, const esp_csr *csr, const esp_column *column) {
  need(csr->start[0] == 0 && csr->columns >= 0, "rows that begin elsewhere were accepted");
  for (int i = 0; i < csr->rows; i++) {
    need(csr->start[i + 1] >= csr->start[i], "a row that ends before it begins was accepted");
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
      need(csr->index[e] >= 0 && csr->index[e] < csr->columns, "an index out of range was accepted");
      need(e == csr->start[i] || csr->index[e] > csr->index[e - 1], "an index that stands twice was accepted");
      need(!csr->value || csr->value[e] >= column->min, "a number below its least was accepted");
      sum = esp_hash_mix(esp_hash_mix(sum, (uint64_t)i), (uint64_t)csr->index[e]);
    }
  }
  return csr->value ? mix(sum, csr->value, (size_t)csr->start[csr->rows]) : sum;
}

/* The numbers and columns of a set are what its layout allows. */
static uint64_t mix_set(uint64_t sum, const esp_set *set) {
  const size_t n = (size_t)set->n_home;
  need(set->n >= 0 && set->n_home == set->n, "a set of other than n particles was accepted");
  for (size_t i = 0; i < n; i++) sum = esp_hash_mix(sum, (uint64_t)set->id[i]);
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *column = &set->layout->column[k];
    const size_t count = n * (size_t)set->width[k];
    if (set->csr[k].start) sum = mix_rows(sum, &set->csr[k], column);
    need(column->optional || set->value[k] || set->csr[k].start,
         "a column that must be there is missing, and was not missed");
    if (!set->value[k]) continue;
    for (size_t i = 0; i < count; i++) need(set->value[k][i] >= column->min, "a number below its least was accepted");
    sum = mix(sum, set->value[k], count);
  }
  const esp_value *value = set->about;
  for (const esp_number *number = set->layout->number; number->name; number++)
    for (int c = 0; c < number->count; c++, value++) {
      const double seen = number->whole ? (double)value->whole : value->real;
      need(isfinite(seen), "a number about a set that is not finite was accepted");
      const int any = number->min == 0 && number->max == 0;
      need(any || (seen >= number->min && seen <= number->max), "a number about a set out of its range was accepted");
    }
  return sum;
}

/* ---- a run in this process ---- */

static int load(const char *yaml, esp_config **config) {
  ESP_CALL(esp_keys_create(config));
  for (int k = 0; esp_tasks[k]; k++)
    if (esp_tasks[k]->words) ESP_CALL(esp_config_words(*config, esp_tasks[k]->words, NULL, NULL));
  return esp_options_load(esp_comm_self(), yaml, *config);
}

static int keep_config(const esp_run *run) {
  char path[4096];
  FILE *file = esp_run_path(run, "config.yaml", path, sizeof path) ? NULL : fopen(path, "w");
  ESP_CHECK(file, ESP_ERR_FILE, "%s cannot be written", path);
  const int rc = esp_config_print(run->config, file);
  fclose(file);
  return rc;
}

int fuzz_verb(const char *verb, const char *input, const char *const *keys) {
  static const struct {
    const char *name;
    int (*verb)(esp_run *run);
  } verbs[] = {{"generate", esp_verb_generate}, {"train", esp_verb_train},         {"evaluate", esp_verb_evaluate},
               {"predict", esp_verb_predict},   {"partition", esp_verb_partition}, {"report", esp_verb_report}};
  char dir[2 * FUZZ_PATH];
  esp_comm self = *esp_comm_self();
  esp_run run = {.mpi = MPI_COMM_SELF, .comm = &self, .dir = dir, .json = cJSON_CreateObject()};
  size_t k = 0;
  int rc;
  while (strcmp(verbs[k].name, verb)) k++;
  ESP_TRY(load(input[0] ? input : NULL, &run.config));
  for (; keys[0]; keys += 2) ESP_TRY(esp_config_set(run.config, keys[0], keys[1]));
  esp_config_lead(run.config, esp_setup_task(&run)->options);
  esp_config_lead(run.config, esp_setup_network(&run)->options);
  snprintf(dir, sizeof dir, "%s/%s", esp_config_string(run.config, "run_out"),
           esp_config_string(run.config, "run_name"));
  mkdir(dir, 0777);
  if (strcmp(verb, "report")) ESP_TRY(keep_config(&run));
  ESP_TRY(verbs[k].verb(&run));
done:
  cJSON_Delete(run.json);
  esp_config_free(&run.config);
  return rc;
}

/* The folder that a path lies in, as run_out, and its last part as run_name. */
static int verb_on(const fuzz_subject *s, const char *verb, const char *key, const char *value, const char *other_key,
                   const char *other) {
  char out[FUZZ_PATH];
  snprintf(out, sizeof out, "%s", s->place);
  *strrchr(out, '/') = 0;
  const char *keys[] = {"run_out", out, "run_name", "verb",    "train_steps", "1", "train_warmup",
                        "0",       key, value,      other_key, other,         NULL};
  return fuzz_verb(verb, s->input, keys);
}

/* ---- the readers ---- */

static int read_snapshot(const fuzz_subject *s, uint64_t *sum) {
  const int stated = s->kind == FUZZ_HDF5 || !strcmp(s->name, "tipsy");
  const esp_units kpc = {3.085678e21, 1.989e43, 1e5}, none = {0};
  const esp_input_param input = {.file = s->open, .types = "all", .units = stated ? none : kpc};
  esp_set set;
  esp_origin origin = {0};
  ESP_CALL(esp_format_read(esp_comm_self(), &input, esp_task_find("gravity")->layout, &set, &origin));
  *sum = mix_set(0, &set);
  need(isfinite(origin.time), "a time that is not finite was accepted");
  need(set.n <= 1000, "more particles than the file can hold were accepted");
  esp_set_free(&set);
  return ESP_OK;
}

static int read_graph(const fuzz_subject *s, uint64_t *sum) {
  const esp_input_param input = {.file = s->open, .types = "all"};
  esp_set set;
  esp_origin origin = {0};
  ESP_CALL(esp_format_read(esp_comm_self(), &input, esp_task_find("nodes")->layout, &set, &origin));
  *sum = mix_set(0, &set);
  need(set.n <= 1000, "more particles than the file can hold were accepted");
  esp_set_free(&set);
  return ESP_OK;
}

static int read_grid(const fuzz_subject *s, uint64_t *sum) {
  static const esp_column columns[] = {
      {.name = "x", .role = ESP_INPUT, .width = 3, .min = -1.0000001, .foreign = "place"},
      {.name = "T", .role = ESP_INPUT, .width = 1, .framed = 1, .min = 100, .foreign = "air_temperature"},
      {.name = "q", .role = ESP_INPUT, .width = 1, .framed = 1, .foreign = "specific_humidity"},
      {.name = "wind", .role = ESP_INPUT, .width = 3, .optional = 1, .framed = 1, .min = -200, .foreign = "wind"},
      {.name = "area", .role = ESP_WEIGHT, .width = 1, .optional = 1, .foreign = "cell_area"},
      {0}};
  static const esp_number numbers[] = {
      {"every", .count = 1, .min = 0, .max = 1e9}, {"start", .count = 1, .min = -1e9, .max = 1e9}, {0}};
  static const esp_layout layout = {columns, numbers, ""};
  const esp_input_param input = {.file = s->open, .types = "all", .grid = {.level = 850}};
  esp_set set;
  esp_origin origin = {0};
  ESP_CALL(esp_format_read(esp_comm_self(), &input, &layout, &set, &origin));
  *sum = mix_set(0, &set);
  for (int k = 0; columns[k].name; k++)
    if (set.frame[k]) *sum = mix(*sum, set.frame[k], (size_t)set.frames * (size_t)set.n_home * (size_t)set.width[k]);
  need(set.n <= 1000 && set.frames <= 1000, "more cells or times than the file can hold were accepted");
  for (const char *c = origin.told; *c; c++) need(!iscntrl((unsigned char)*c), "control characters of a file are told");
  esp_set_free(&set);
  return ESP_OK;
}

static int read_partition(const fuzz_subject *s, uint64_t *sum) {
  char out[FUZZ_PATH];
  snprintf(out, sizeof out, "%s", s->place);
  *strrchr(out, '/') = 0;
  const int stated = s->kind == FUZZ_HDF5 || !strcmp(s->name, "tipsy");
  const char *keys[] = {"run_out",
                        out,
                        "run_name",
                        "verb",
                        "partition_ranks",
                        "3",
                        "tree_leaf",
                        "8",
                        "input",
                        s->open,
                        stated ? NULL : "units_length",
                        "3.085678e21",
                        "units_mass",
                        "1.989e43",
                        "units_velocity",
                        "1e5",
                        NULL};
  *sum = 0;
  return fuzz_verb("partition", "", keys);
}

static const esp_layout *layout_of(const char *word) {
  const esp_task *task = esp_task_of_file(word);
  return task ? task->layout : NULL;
}

static int read_info(const fuzz_subject *s, uint64_t *sum) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  const int rc = esp_info_print(esp_comm_self(), s->open, layout_of, out);
  fclose(out);
  for (size_t i = 0; i < size; i++)
    need(text[i] == '\n' || !iscntrl((unsigned char)text[i]), "control characters of a file were printed");
  free(text);
  *sum = 0;
  return rc;
}

static int read_frames(const esp_set_file *file, esp_part part, int set, uint64_t *sum) {
  const int64_t n = file->n[part][set];
  for (int64_t f = 0; f < file->frames[part][set]; f++)
    for (int k = 0; file->layout->column[k].name; k++) {
      double *rows = NULL;
      if (file->frame[part][k] < 0) continue;
      ESP_CALL(ESP_ALLOC(rows, n * file->about.width[k]));
      const int rc = esp_set_read_frame(file, part, set, f, k, 0, (int)n, rows);
      if (!rc) *sum = mix(*sum, rows, (size_t)n * (size_t)file->about.width[k]);
      ESP_FREE(rows);
      ESP_CALL(rc);
    }
  return ESP_OK;
}

static int read_set(const fuzz_subject *s, uint64_t *sum) {
  char word[ESP_SET_WORD];
  esp_set_file file;
  int rc;
  ESP_CALL(esp_set_file_task(esp_comm_self(), s->open, word));
  const esp_task *task = esp_task_of_file(word);
  ESP_CALL(esp_set_open(esp_comm_self(), s->open, task ? task->layout : esp_task_find("relation")->layout, &file));
  ESP_TRY(esp_set_file_checksum(&file, sum));
  for (int part = 0; part < ESP_PARTS; part++)
    for (int k = 0; k < file.sets[part]; k++) {
      esp_set set;
      ESP_TRY(esp_set_read(&file, esp_comm_self(), (esp_part)part, k, &set));
      *sum = mix_set(*sum, &set);
      esp_set_free(&set);
      ESP_TRY(read_frames(&file, (esp_part)part, k, sum));
    }
done:
  esp_set_close(&file);
  return rc;
}

/* Every stored option is a text that its own row takes. */
static int check_row(void *context, const esp_option *row, size_t offset) {
  char text[1024], taken[sizeof(esp_list)];
  if (!(row->flags & (ESP_OF_MODEL | ESP_OF_TREE)) || row->type == ESP_OPTION_TEXT || row->beyond) return 0;
  esp_option_print(row, (const char *)context + offset, text, sizeof text);
  if (esp_option_parse(row, text, taken)) need(0, "an option that its own row does not allow was accepted");
  esp_error_clear();
  return 0;
}

static int read_checkpoint(const fuzz_subject *s, uint64_t *sum) {
  esp_model model;
  esp_adam adam;
  char precision[ESP_CHECKPOINT_PRECISION];
  ESP_CALL(esp_checkpoint_read(esp_comm_self(), s->open, &model, &adam, precision));
  *sum = mix(0, model.block.value, (size_t)model.block.count);
  *sum = mix(mix(*sum, adam.m, (size_t)adam.count), adam.v, (size_t)adam.count);
  for (int i = 0; i < adam.count; i++) need(adam.v[i] >= 0, "a mean square below 0 was accepted");
  esp_options_each(model.network->options, check_row, model.param);
  esp_model_free(&model);
  esp_adam_free(&adam);
  return ESP_OK;
}

static int read_apply(const fuzz_subject *s, uint64_t *sum) {
  *sum = 0;
  return verb_on(s, "predict", "eval_checkpoint", s->open, "data_file", s->other);
}

static int read_resume(const fuzz_subject *s, uint64_t *sum) {
  *sum = 0;
  return verb_on(s, "train", "train_restart", s->open, "data_file", s->other);
}

static int read_predict(const fuzz_subject *s, uint64_t *sum) {
  *sum = 0;
  return verb_on(s, "predict", "data_file", s->open, "eval_checkpoint", s->other);
}

static int read_train(const fuzz_subject *s, uint64_t *sum) {
  *sum = 0;
  return verb_on(s, "train", "data_file", s->open, "net_precision", "float32");
}

/* A configuration that was accepted, printed and read again, is the same. */
static int read_yaml(const fuzz_subject *s, uint64_t *sum) {
  char again[FUZZ_PATH + 8], *text[2] = {NULL, NULL};
  size_t size;
  int rc = ESP_OK;
  snprintf(again, sizeof again, "%s.again", s->place);
  for (int turn = 0; turn < 2 && !rc; turn++) {
    esp_config *config = NULL;
    esp_run run = {.comm = (esp_comm *)(uintptr_t)esp_comm_self()};
    rc = load(turn ? again : s->open, &config);
    run.config = config;
    FILE *out = open_memstream(&text[turn], &size), *file = fopen(again, "w");
    if (!rc) rc = esp_config_print(config, out);
    fclose(out);
    if (file) fputs(text[turn], file), fclose(file);
    if (!rc && esp_setup_check(&run, 1)) esp_error_clear(); /* keys that contradict each other; no file is named */
    esp_config_free(&config);
    need(!turn || !rc, "a configuration, printed, is not accepted");
  }
  need(rc || !strcmp(text[0], text[1]), "a configuration, printed and read again, is another");
  free(text[0]), free(text[1]);
  *sum = 0;
  return rc;
}

/* Has a line of the table another number of fields than its first? Those that gnuplot alone reads do not matter. */
static int is_ragged(const fuzz_subject *s) {
  static const char *const shown[] = {"table-ladder", "table-rollout", "table-ranks"};
  FILE *file = fopen(s->place, "r");
  int fields[2] = {0, 0}, line = 0, ragged = 0, is = 0;
  for (int k = 0; k < 3; k++) is |= !strcmp(s->name, shown[k]);
  for (int c; file && (c = fgetc(file)) != EOF;) {
    if (c == ',') fields[line > 0]++;
    if (c != '\n') continue;
    ragged |= line > 0 && fields[0] != fields[1];
    line++, fields[1] = 0;
  }
  if (file) fclose(file);
  return is && ragged;
}

static int write_report(const fuzz_subject *s, const char *pictures, uint64_t *sum) {
  char out[FUZZ_PATH];
  snprintf(out, sizeof out, "%s", s->open);
  char *name = strrchr(out, '/');
  *name++ = 0;
  const char *keys[] = {"run_out", out, "run_name", name, "report_pictures", pictures, NULL};
  ESP_CALL(fuzz_verb("report", "", keys));
  char path[2 * FUZZ_PATH], line[4096];
  snprintf(path, sizeof path, "%s/report.html", s->open);
  FILE *file = fopen(path, "r");
  need(file != NULL, "no report was written");
  need(!is_ragged(s), "a table of lines with other numbers of fields was accepted");
  while (file && fgets(line, sizeof line, file))
    need(!strstr(line, "<script") && !strstr(line, "<b "), "text of a table stands raw in the report");
  if (file) fclose(file);
  *sum = 0;
  return ESP_OK;
}

static int read_report(const fuzz_subject *s, uint64_t *sum) {
  return write_report(s, "false", sum);
}

/* A process a picture. */
static int read_pictures(const fuzz_subject *s, uint64_t *sum) {
  return write_report(s, "true", sum);
}

/* metrics.csv of a training that continues behind step 2. */
static int read_journal(const fuzz_subject *s, uint64_t *sum) {
  esp_comm self = *esp_comm_self();
  const esp_run run = {.mpi = MPI_COMM_SELF, .comm = &self, .dir = s->open};
  esp_journal journal;
  char line[4096];
  long step;
  ESP_CALL(esp_journal_open(&run, "step,loss", 2, &journal));
  esp_journal_close(&journal);
  FILE *file = fopen(s->place, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "%ld,", &step) == 1) need(step <= 2, "lines of later steps are kept");
  if (file) fclose(file);
  *sum = 0;
  return ESP_OK;
}

const fuzz_reader fuzz_readers[] = {{"snapshot", read_snapshot, 0},
                                    {"graph", read_graph, 0},
                                    {"grid", read_grid, 0},
                                    {"partition", read_partition, 1},
                                    {"info", read_info, 0},
                                    {"set", read_set, 0},
                                    {"predict", read_predict, 1},
                                    {"train", read_train, 1},
                                    {"checkpoint", read_checkpoint, 0},
                                    {"apply", read_apply, 1},
                                    {"resume", read_resume, 1},
                                    {"yaml", read_yaml, 0},
                                    {"report", read_report, 1},
                                    {"pictures", read_pictures, 1},
                                    {"journal", read_journal, 0},
                                    {NULL, NULL, 0}};

const char *fuzz_judge(const fuzz_subject *s, int rc) {
  static char why[512];
  const char *message = esp_error_message(), *base = strrchr(s->open, '/') + 1;
  const int named = strstr(message, base) || (s->other[0] && strstr(message, s->other));
  if (!rc) return fuzz_wrong;
  for (const char *c = message; *c; c++)
    if (*c != '\n' && iscntrl((unsigned char)*c)) return "control characters in the message";
  snprintf(why, sizeof why, "%s: %.400s", esp_code_name(rc), message);
  const int foreign = rc == ESP_ERR_ARG || rc == ESP_ERR_MEMORY || rc == ESP_ERR_COMM || rc == ESP_ERR_INTERNAL;
  return message[0] && named && !foreign && rc < ESP_CODE_COUNT ? NULL : why;
}
