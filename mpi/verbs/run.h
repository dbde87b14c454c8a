/* One run of the program: who takes part, with which configuration, writing where. A verb is a function of it, readable
 * as a list of stages. Every verb is collective, returns the same esp_code on every rank, and adds its results to
 * `json`, which main prints as the last line and which is kept beside the other files as VERB.json.
 *
 * Files of a run, all in run->dir = run_out/run_name, written by one verb and read by others through the file alone:
 *   config.yaml    the resolved configuration of the training     train (folder.h)
 *   config-VERB.yaml  the same of what another verb did last      generate, evaluate, predict, partition, graph
 *   VERB.json      the results of each verb                       main
 *   earlier-K/     the same files of trainings before             earlier.h
 *   run.lock       who works there, while a job does              lock.h
 *   data.h5        sets (or the file data_file names)             generate
 *   what data_export names         the test sets for other programs  generate
 *   metrics.csv    one line a training step                       train
 *   checkpoint.h5  parameters, moments, step, model               train
 *   ladder.csv     one line a method and size of test sets        evaluate
 *   ladder_bars.csv, pairs.csv, rollout.csv, rollout_curves.csv   evaluate
 *   ranks.csv      one line a rank, its stages in columns         evaluate
 *   what the task draws (src/tasks/NAME/show.h)                   evaluate
 *   partition.csv  one line a method and number of ranks          partition
 *   what partition_write names     owner and place of each particle  partition
 *   what graph_write names         the learned graph of a test set  graph
 *   prediction.hdf5, prediction.h5 what becomes of the input, of a test set  predict
 *   report.html    with its pictures inside; *.gp, *.svg, gnuplot.log  report */
#ifndef ESP_RUN_H
#define ESP_RUN_H

#include <cjson/cJSON.h>
#include <mpi.h>

#include "base/comm.h"
#include "base/config.h"
#include "base/lines.h"

typedef struct {
  MPI_Comm mpi;
  esp_comm *comm;
  esp_config *config;
  const char *dir;     /* run_out/run_name; exists */
  const char *command; /* the program's name and what it was called with; NULL: not known */
  char id[17];         /* of the run its training belongs to (run_id.h); "": there is none */
  cJSON *json;         /* results of the verb at hand; filled on every rank, printed by rank 0 */
  int unfinished;      /* a signal came before all was done; the same on every rank */
  int64_t resident;    /* most bytes of this process, as the system counts them, before the verb began: libraries */
  int terminal;        /* rank 0: stdout is a terminal, draw a progress bar; else plain lines */
} esp_run;

int esp_verb_generate(esp_run *run);
int esp_verb_train(esp_run *run);
int esp_verb_evaluate(esp_run *run);
int esp_verb_predict(esp_run *run);
int esp_verb_partition(esp_run *run);
int esp_verb_graph(esp_run *run);
int esp_verb_report(esp_run *run);

/* run->dir/name, or name itself if it is an absolute path, into path[size]. Local. ESP_ERR_LIMIT if it does not fit. */
int esp_run_path(const esp_run *run, const char *name, char *path, size_t size);
/* The data and the checkpoint the run works on: data_file or data.h5; eval_checkpoint or checkpoint.h5. */
int esp_run_data(const esp_run *run, char *path, size_t size);
int esp_run_checkpoint(const esp_run *run, char *path, size_t size);
/* printf on rank 0 alone. */
void esp_run_say(const esp_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lines of a note on the file that was read (esp_origin), each headed by verb and file; an array `notes` of the results. */
void esp_run_say_notes(const esp_run *run, const char *verb, const char *file, const char *note);
/* Says so where near pairs a particle, all layers together, are more than the layers' budgets allow (0: no budget). Local. */
void esp_run_say_budget(const esp_run *run, const char *verb, double pairs, double allowed);
/* On rank 0: a progress bar on a terminal, a plain line every tenth otherwise. `note` may be "". */
void esp_run_progress(const esp_run *run, const char *what, int64_t done, int64_t all, const char *note);
/* A CSV file run->dir/name: header (NULL: rank 0's lines begin with it), then the lines of all ranks in rank order, written
 * beside and renamed by rank 0. Collective; agrees; lines are freed. */
int esp_run_lines(const esp_run *run, const char *name, const char *header, esp_lines *lines);
/* Rank 0 takes away an older run's file that this one does not write, so that no report shows it. Local. */
void esp_run_forget(const esp_run *run, const char *name);

#endif
