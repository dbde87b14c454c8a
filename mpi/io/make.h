/* Making a set file: every item that the keys ask for, made by the task, shared by the ranks, written as it is made.
 *
 * Keys: data_n, data_clouds, data_test_n, data_test_clouds (sizes and numbers of items), data_shard_n. Items below
 * data_shard_n particles are made whole, each on one rank, contiguous ranges of items a rank, a batch of at most
 * 65536 rows a write; larger ones one after the other, each by all ranks. Key `input`: the file of another code that it
 * names is the test set, and where task->making->record says so the training set, too, made the task's own by
 * task->making->adopt (ESP_ERR_CONFIG where the task has none).
 *
 * Key run_keep: states of items that are being made lie beside PATH until it is there (PATH.kept-PART-ITEM-STATE); the same keys
 * go on from them.
 *
 * Values and order in the file are the same for any number of ranks. Which task it is makes no difference here. */
#ifndef ESP_MAKE_H
#define ESP_MAKE_H

#include "base/config.h"
#include "io/set_file.h"
#include "io/snapshot.h"
#include "tasks/task.h"

enum { ESP_MAKE_GROUPS = 64 };

/* Items of one size in one part. */
typedef struct {
  esp_plan plan;
  double seconds; /* of the slowest rank */
  double
      most[ESP_NUMBERS]; /* the largest of each number that is `told` (esp_number), in the order of `about`; others and
                               where no set was made: -INFINITY */
} esp_make_group;

typedef struct {
  int groups;
  esp_make_group group[ESP_MAKE_GROUPS];
  int64_t sets[ESP_PARTS], rows[ESP_PARTS], frame_rows[ESP_PARTS];
  int64_t taken;                       /* states taken back from an earlier run, of the rank with most */
  uint64_t checksum;                   /* of the file as read back */
  char note[ESP_NOTE], told[ESP_NOTE]; /* of another code's file: esp_origin */
  double seconds;                      /* all, this rank */
} esp_make_report;

/* Called on every rank after each group with its results; may be NULL. Local. */
typedef void (*esp_make_progress)(void *context, const esp_make_group *group);

/* Make the file PATH (written beside, then renamed) and read it back. param: the task's, copied. What the task computes is
 * float64. Every key data_* of these tables and of the task's, and run_seed, become attributes of /. Collective. Errors, on
 * all ranks: ESP_ERR_CONFIG for lists of sizes and numbers that do not match; those of the task; ESP_ERR_FILE; memory. */
int esp_make(const esp_comm *comm, const esp_config *config, const esp_task *task, const void *param, const char *path,
             esp_make_progress progress, void *context, esp_make_report *report);

#endif
