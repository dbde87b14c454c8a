/* espalier VERB [INPUT.yaml] [-key value ...]
 *
 * The one place where MPI and PETSc start and stop and where the world communicator is named. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <petscsys.h>

#include "base/base.h"
#include "base/lines.h"
#include "domain/comm.h"
#include "io/info.h"
#include "io/options.h"
#include "tasks/task.h"
#include "verbs/folder.h"
#include "verbs/keys.h"
#include "verbs/last_words.h"
#include "verbs/memory.h"
#include "verbs/run.h"
#include "verbs/setup.h"
#include "verbs/stop.h"
#include "verbs/version.h"

typedef struct {
  const char *name;
  int (*verb)(esp_run *run);
  esp_folder_use use;
  const char *help;
} verb_entry;

/* The exit status where a signal stopped the work in good order: "try again" (EX_TEMPFAIL), by what the last line says. */
enum { UNFINISHED = 75 };

static int verb_run(esp_run *run);

static const verb_entry verbs[] = {
    {"run", verb_run, ESP_FOLDER_TRAINS, "generate, train, evaluate and report, one after the other"},
    {"generate", esp_verb_generate, ESP_FOLDER_MAKES, "make the data of the task and their truth"},
    {"train", esp_verb_train, ESP_FOLDER_TRAINS, "train the network on the data"},
    {"evaluate", esp_verb_evaluate, ESP_FOLDER_USES, "the trained network beside classical methods"},
    {"predict", esp_verb_predict, ESP_FOLDER_USES, "what becomes of a snapshot (-input FILE), or of a test set"},
    {"partition", esp_verb_partition, ESP_FOLDER_USES,
     "cut a snapshot or a test set for many ranks and compare with other cuts"},
    {"graph", esp_verb_graph, ESP_FOLDER_USES,
     "who is near to whom in the learned space of a test set, or of -input FILE, as a sparse matrix"},
    {"report", esp_verb_report, ESP_FOLDER_REPORTS, "report.html from the files of a run"},
};
enum { VERBS = sizeof verbs / sizeof verbs[0] };

/* ---- output that scripts read ---- */

static int keep_json(const esp_run *run, const char *verb, const char *text) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "%s.json", verb);
  ESP_CALL(esp_run_path(run, name, path, sizeof path));
  return esp_lines_write(path, text, "", 0);
}

static int finish_json(const esp_run *run, const char *verb) {
  if (run->comm->rank) return ESP_OK;
  char *text = cJSON_PrintUnformatted(run->json);
  ESP_CHECK(text, ESP_ERR_MEMORY, "no memory for the results of %s", verb);
  int rc = keep_json(run, verb, text);
  cJSON_free(text);
  return rc;
}

/* A verb is a stage of -log_view. */
static int push_stage(const char *name) {
  PetscLogStage stage;
  ESP_PETSC(PetscLogStageGetId(name, &stage));
  if (stage < 0) ESP_PETSC(PetscLogStageRegister(name, &stage));
  ESP_PETSC(PetscLogStagePush(stage));
  return ESP_OK;
}

/* One verb: its results start with its name and the number of ranks. */
static int run_verb(esp_run *run, const verb_entry *entry) {
  cJSON_Delete(run->json);
  run->json = cJSON_CreateObject();
  ESP_CHECK(run->json, ESP_ERR_MEMORY, "no memory for the results of %s", entry->name);
  cJSON_AddStringToObject(run->json, "verb", entry->name);
  cJSON_AddNumberToObject(run->json, "ranks", run->comm->size);
  cJSON_AddStringToObject(run->json, "command", run->command);
  ESP_AGREE(run->comm, run->comm->rank ? ESP_OK : esp_folder_keep_config(run, entry->use, entry->name));
  double start = esp_wall();
  esp_memory_reset_peak();
  ESP_CALL(push_stage(entry->name));
  int rc = entry->verb(run);
  ESP_PETSC(PetscLogStagePop());
  ESP_CALL(rc);
  cJSON_AddNumberToObject(run->json, "seconds", esp_wall() - start);
  ESP_AGREE(run->comm, finish_json(run, entry->name));
  return ESP_OK;
}

/* Between two verbs: has a signal come that did not end the process? */
static int may_go_on(esp_run *run, const char *next) {
  int64_t asked = esp_stop_asked();
  if (run->unfinished) return ESP_OK;
  ESP_CALL(run->comm->max_i64(run->comm, &asked, 1));
  run->unfinished = asked > 0;
  if (asked) esp_run_say(run, "run: stopped by a signal before %s; espalier %s goes on\n", next, next);
  return ESP_OK;
}

static int verb_run(esp_run *run) {
  static const char *const stages[] = {"generate", "train", "evaluate", "report"};
  cJSON *all = run->json, *own;
  run->json = NULL;
  int rc = ESP_OK;
  for (size_t s = 0; s < sizeof stages / sizeof stages[0] && !rc; s++) {
    if (s > 0) rc = may_go_on(run, stages[s]);
    if (rc || run->unfinished) break;
    for (int v = 0; v < VERBS; v++) {
      if (strcmp(verbs[v].name, stages[s]) != 0) continue;
      esp_run_say(run, "== %s\n", stages[s]);
      rc = run_verb(run, &verbs[v]);
      own = run->json;
      run->json = NULL;
      cJSON_AddItemToObject(all, stages[s], own);
    }
  }
  run->json = all;
  return rc;
}

/* ---- starting and stopping ---- */

static void warn(void *context, const char *line) {
  if (((const esp_run *)context)->comm->rank == 0) fprintf(stderr, "warning: %s\n", line);
}

static int start(esp_run *run, const verb_entry *entry, const char *input, char *dir, size_t dir_size) {
  esp_folder folder;
  ESP_AGREE(run->comm, esp_keys_create(&run->config));
  for (int k = 0; esp_tasks[k]; k++)
    if (esp_tasks[k]->words) ESP_AGREE(run->comm, esp_config_words(run->config, esp_tasks[k]->words, warn, run));
  ESP_CALL(esp_options_load(run->comm, input, run->config));
  int length = snprintf(dir, dir_size, "%s/%s", esp_config_string(run->config, "run_out"),
                        esp_config_string(run->config, "run_name"));
  ESP_CHECK(length >= 0 && (size_t)length < dir_size, ESP_ERR_CONFIG, "run_out/run_name: longer than %zu characters",
            dir_size - 1);
  run->dir = dir;
  if (entry->use == ESP_FOLDER_REPORTS) ESP_CALL(esp_folder_task(run));
  esp_config_lead(run->config, esp_setup_task(run)->options);
  esp_config_lead(run->config, esp_setup_network(run)->options);
  ESP_CALL(esp_setup_check(run, entry->use == ESP_FOLDER_TRAINS));
  /* mpirun gives its ranks a pseudo-terminal wherever their output really goes */
  run->terminal = run->comm->rank == 0 && isatty(STDOUT_FILENO) && !getenv("OMPI_COMM_WORLD_SIZE");
  ESP_CALL(esp_folder_enter(run, entry->use, &folder));
  int rc = run_verb(run, entry);
  esp_folder_leave(run, &folder);
  if (!rc && run->comm->rank == 0) {
    char *text = cJSON_PrintUnformatted(run->json);
    printf("%s\n", text ? text : "{}");
    cJSON_free(text);
    rc = esp_options_unused(run->config, stderr);
  }
  return rc;
}

static void usage(FILE *file) {
  fprintf(file, "espalier VERB [INPUT.yaml] [-key value ...]\n\nverbs\n");
  for (int v = 0; v < VERBS; v++) fprintf(file, "  %-10s %s\n", verbs[v].name, verbs[v].help);
  fprintf(file, "  %-10s %s\n  %-10s %s\n  %-10s %s\n\ntasks\n", "info",
          "what is in FILE: sets, a checkpoint, or any snapshot", "version",
          "of the program, its compiler and libraries, and what devices are here", "help",
          "this page, or a KEY's type, unit, range, default and meaning");
  for (int k = 0; esp_tasks[k]; k++) fprintf(file, "  %-10s %s\n", esp_tasks[k]->name, esp_tasks[k]->help);
  fprintf(file, "\nEvery key is listed in inputs/reference.yaml. PETSc's options work too (-log_view, -help).\n");
}

static int help(const char *name) {
  esp_config *config;
  if (!name) return usage(stdout), ESP_OK;
  ESP_CALL(esp_keys_create(&config));
  int rc = esp_config_help(config, name, stdout);
  esp_config_free(&config);
  return rc;
}

static const esp_layout *layout_of(const char *word) {
  const esp_task *task = esp_task_of_file(word);
  return task ? task->layout : NULL;
}

static int dispatch(esp_run *run, int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "help", *operand = argc > 2 && argv[2][0] != '-' ? argv[2] : NULL;
  ESP_CALL(esp_options_strays(argc, argv, operand ? 3 : 2));
  if (!strcmp(name, "help") || !strcmp(name, "-h") || !strcmp(name, "--help"))
    return run->comm->agree(run->comm, run->comm->rank ? ESP_OK : help(operand));
  if (!strcmp(name, "version") || !strcmp(name, "--version")) {
    if (!run->comm->rank) esp_version_print(stdout);
    return ESP_OK;
  }
  if (!strcmp(name, "info")) {
    ESP_CHECK(operand, ESP_ERR_ARG, "info needs a file: espalier info FILE");
    return esp_info_print(run->comm, operand, layout_of, stdout);
  }
  for (int v = 0; v < VERBS; v++) {
    char dir[4096];
    if (!strcmp(name, verbs[v].name)) return start(run, &verbs[v], operand, dir, sizeof dir);
  }
  return ESP_FAIL(ESP_ERR_ARG, "unknown verb '%s'; espalier help lists them", name);
}

/* As it was typed, words that need quotes in quotes; cut at `size`; the program without its folder. */
static void write_command(int argc, char **argv, char *text, size_t size) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
  size_t length = 0;
  for (int k = 0; k < argc && length < size; k++) {
    const char *word = k || !strrchr(argv[k], '/') ? argv[k] : strrchr(argv[k], '/') + 1;
    const char *quote = *word && word[strspn(word, plain)] == 0 ? "" : "'";
    length += (size_t)snprintf(text + length, size - length, "%s%s%s%s", k ? " " : "", quote, word, quote);
  }
}

/* Every failure is agreed upon where that can be; one that this rank met alone (memory refused between two agreements)
 * would leave the others waiting in a call that never ends. Whoever fails waits a little for all to fail. */
static void tell_failure(const esp_run *run, int rc) {
  const double patience = 3, start = esp_wall();
  int all = 0, rank = 0;
  MPI_Request arrived;
  MPI_Comm_rank(run->mpi, &rank);
  if (run->comm && MPI_Ibarrier(run->mpi, &arrived) == MPI_SUCCESS) {
    while (!all && esp_wall() - start < patience)
      if (MPI_Test(&arrived, &all, MPI_STATUS_IGNORE) != MPI_SUCCESS) break;
  }
  /* The message is the same on every rank after agreement: one of them prints it. */
  if (all && rank) return;
  fprintf(stderr, "espalier: %s: %s\n", esp_code_name(rc), esp_error_message());
  if (all) return;
  fprintf(stderr, "  on rank %d alone: the job is ended\n", rank);
  MPI_Abort(run->mpi, EXIT_FAILURE);
}

/* A .petscrc of home, or of the folder that one happens to be in, would overrule the input unseen: none is read unless the
 * command line asks, with `-skip_petscrc false` or -options_file. The arguments stay in use: they are not freed. */
static int start_petsc(int argc, char **argv) {
  int count = argc + 2;
  char **all = calloc((size_t)count + 1, sizeof *all);
  if (!all || argc < 1) return 1;
  all[0] = argv[0];
  all[1] = "-skip_petscrc", all[2] = "true";
  memcpy(all + 3, argv + 1, (size_t)(argc - 1) * sizeof *all);
  return (int)PetscInitialize(&count, &all, NULL, NULL);
}

/* Nobody here shares file pointers among ranks. Open MPI 4.1 prepares them all the same, for which it cannot bear a long path
 * (lockedfile) or name (sm), or makes files of its own beside (individual): with sm alone, at a rank that is never taken,
 * there are none. */
static void do_without_shared_pointers(void) {
  if (getenv("OMPI_MCA_sharedfp")) return;
  setenv("OMPI_MCA_sharedfp", "sm", 1);
  setenv("OMPI_MCA_sharedfp_sm_priority", "-1", 0);
}

int main(int argc, char **argv) {
  esp_memory_keep();
  signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write, to be reported, not a death */
  do_without_shared_pointers();
  if (start_petsc(argc, argv)) return EXIT_FAILURE;
  signal(SIGPIPE, SIG_DFL); /* `espalier info FILE | head` ends quietly, as other programs do */
  esp_stop_listen();
  char command[4096] = "";
  write_command(argc, argv, command, sizeof command);
  esp_run run = {.mpi = PETSC_COMM_WORLD, .command = command, .resident = esp_memory_resident()};
  int rank = 0;
  MPI_Comm_rank(run.mpi, &rank);
  esp_last_words(rank);
  int rc = esp_comm_mpi_create(run.mpi, &run.comm);
  if (!rc) rc = dispatch(&run, argc, argv);
  if (rc) tell_failure(&run, rc);
  cJSON_Delete(run.json);
  esp_config_free(&run.config);
  esp_comm_mpi_free(&run.comm);
  if (PetscFinalize()) return EXIT_FAILURE;
  return rc ? EXIT_FAILURE : run.unfinished ? UNFINISHED : EXIT_SUCCESS;
}
