/* Making a feature file: every set of the configuration with its targets, shared by the ranks, written as it is made.
 *
 * The hidden relations of relation_start.h with data_features, data_hidden, data_values, data_h, data_average;
 * upstream has 4 features and 2 hidden coordinates whatever the keys say, and always averages. Sizes and
 * numbers of sets: data_n, data_clouds, data_test_n, data_test_clouds. Sets of fewer than data_shard_n particles are made
 * whole, round robin, a set a rank; larger ones one after the other by all ranks. data_truth: auto (over all pairs up to
 * ESP_RELATION_DIRECT particles, above over those within reach), direct (all pairs), tree (within reach), none (no
 * targets). data_truth_sample k > 0: targets of k particles of a set alone, drawn by id, over all pairs unless
 * data_truth is tree; the file then has weights, 0 for all others.
 *
 * Every set is a draw of its own; all share the hidden map of run_seed. Values and order in the file are the same for
 * any number of ranks. */
#ifndef ESP_MAKE_FEATURES_H
#define ESP_MAKE_FEATURES_H

#include "base/config.h"
#include "io/feature_file.h"

enum { ESP_FEATURE_GROUPS = 64 };

/* Sets of one size in one part. */
typedef struct {
  esp_part part;
  int64_t n, sets;
  int sharded;    /* made by all ranks together */
  int targets;    /* 0: none */
  int64_t sample; /* k > 0: of at most k scored particles of a set; 0: of all */
  int all_pairs;  /* targets over all pairs; else within reach */
  double seconds; /* of the slowest rank */
} esp_feature_group;

typedef struct {
  int groups;
  esp_feature_group group[ESP_FEATURE_GROUPS];
  esp_feature_about about;
  int64_t sets[ESP_PARTS], rows[ESP_PARTS];
  uint64_t checksum; /* of the file as read back */
  double seconds;    /* all, this rank */
} esp_feature_report;

/* Called on every rank after each group with its results; may be NULL. Local. */
typedef void (*esp_feature_progress)(void *context, const esp_feature_group *group);

/* Is the configuration's task one of those above? */
int esp_features_task(const esp_config *config);
/* Make the feature file of `config` at `path` (written beside, then renamed) and read it back for its checksum.
 * Collective; comm is the one-rank table or one of esp_comm_mpi_create. Errors, on all ranks: ESP_ERR_CONFIG for another
 * task, lists of sizes and numbers that do not match, numbers of the relation; ESP_ERR_FILE; memory. */
int esp_features_generate(const esp_comm *comm, const esp_config *config, const char *path,
                          esp_feature_progress progress, void *context, esp_feature_report *report);

#endif
