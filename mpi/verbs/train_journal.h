/* What a training leaves behind: metrics.csv, one line a step; and its results, whatever the network is. */
#ifndef ESP_TRAIN_JOURNAL_H
#define ESP_TRAIN_JOURNAL_H

#include <stdio.h>
#include <sys/types.h>

#include "net/train.h"
#include "verbs/run.h"

typedef struct {
  const esp_run *run;
  FILE *metrics; /* rank 0; not buffered */
  off_t whole;   /* its length in whole lines */
  esp_train_record last;
  double first_loss, seconds;
  double validated;   /* what was last said of a step; NAN: nothing yet */
  double contraction; /* the largest of all steps so far, of this rank's sets (net/cost.h) */
  int64_t steps;      /* made by this call of the program */
  char path[4096];    /* of the checkpoint */
} esp_journal;

/* The run's metrics.csv with `header` and, if step > 0 (a resumed training), the lines of the steps up to it; written
 * beside, then renamed. Collective. Close it, also after a failure. */
int esp_journal_open(const esp_run *run, const char *header, int64_t step, esp_journal *journal);
void esp_journal_close(esp_journal *journal);
/* A line, printf-like, whole or not at all. Only rank 0 writes. Local. */
int esp_journal_line(esp_journal *journal, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Keeps the record for the results and shows progress. Local. */
void esp_journal_step(esp_journal *journal, const esp_train_record *record);
/* Loss, work, memory and the fingerprint of the parameters into run->json; memory.csv. Collective. */
int esp_journal_results(const esp_journal *journal, const esp_model *model);

#endif
