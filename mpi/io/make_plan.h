/* Inside mpi/io: what a file will hold, and where, before anything is made. */
#ifndef ESP_MAKE_PLAN_H
#define ESP_MAKE_PLAN_H

#include "io/input_options.h"
#include "io/make.h"
#include "io/make_options.h"

typedef struct {
  const esp_comm *comm; /* borrowed, as what follows */
  const esp_task *task;
  esp_make_param keys;
  esp_input_param input;
  esp_make_report *report;
  int64_t first_item[ESP_MAKE_GROUPS], first_set[ESP_MAKE_GROUPS]; /* of a group, in its part */
  esp_set_about about;
  esp_set foreign[ESP_PARTS]; /* this rank's share of what key `input` names, adopted, owned; n = 0: none */
} esp_make_plan;

/* Groups and sizes of report, places, widths. comm, task, keys, input and report are given. param: the task's, for this
 * file alone. Reads key `input`, and adopts what is in it. Collective. The caller frees plan->foreign. */
int esp_make_plan_all(void *param, esp_make_plan *plan);
/* The writer with all sets laid out and every key of the tables that begins with data_, and run_seed, as an attribute of
 * /. Collective; the caller commits or aborts. */
int esp_make_plan_begin(const esp_make_plan *plan, const void *param, const char *path, esp_set_writer *writer);

#endif
