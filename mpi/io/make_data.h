/* Making an ensemble: every cloud of the configuration with its truth, shared by the ranks, written as it is made.
 *
 * Task G (keys data_n, data_clouds, data_kind, data_eps, data_truth*): clouds of fewer than data_shard_n bodies are
 * made whole, each on one rank; larger ones one after the other, each by all ranks. A mixed set takes a ball for even
 * clouds of a size and a Plummer sphere for odd ones. Truth by direct sum up to 65536 bodies, by the tree force above
 * (data_truth auto). A tree truth is judged: its force on 1000 sampled bodies at time 0 against the direct sum; its
 * displacements against a direct truth of the same cloud up to 65536 bodies. Above that all bodies would have to be
 * moved by direct sums, so a smaller twin (same kind, data_twin_n bodies) is moved by both forces instead, and that
 * NRMSE of D is given with the twin's size.
 *
 * Task M (keys data_box_*): trajectories of data_n bodies, each on one rank. Training: every data_box_stride-th pair of
 * neighbouring frames is one cloud, with T = data_box_dt. Test: the first frame as a cloud, and all frames.
 *
 * Key `input` (task G): the open snapshot it names is the test set, with its own d and T, eps = data_eps d, made by all
 * ranks.
 *
 * Values and order in the file are the same for any number of ranks. */
#ifndef ESP_MAKE_DATA_H
#define ESP_MAKE_DATA_H

#include "base/config.h"
#include "io/ensemble.h"

enum { ESP_DATA_GROUPS = 64 };

/* Clouds (or trajectories) of one size in one set. Errors are the largest over clouds; -1: not computed. */
typedef struct {
  esp_part set;
  int64_t n;       /* bodies */
  int64_t items;   /* clouds; trajectories of task M */
  int64_t entries; /* clouds in the file */
  int sharded;     /* made by all ranks together */
  int tree;        /* truth by tree force */
  double seconds;  /* of the slowest rank */
  double energy_error, momentum, force_rms, force_l2, displacement_error;
  int64_t displacement_bodies;
} esp_data_group;

typedef struct {
  int groups;
  esp_data_group group[ESP_DATA_GROUPS];
  int64_t clouds[ESP_PARTS], bodies[ESP_PARTS], frame_rows[ESP_PARTS];
  uint64_t checksum; /* of the file as read back */
  double seconds;    /* all, this rank */
} esp_data_report;

/* Called on every rank after each group with its results; may be NULL. Local. */
typedef void (*esp_data_progress)(void *context, const esp_data_group *group);

/* Make the ensemble of `config` at `path` (written beside, then renamed) and read it back for its checksum. Collective;
 * comm is the one-rank table or one of esp_comm_mpi_create. Errors, on all ranks: ESP_ERR_CONFIG for lists of sizes and
 * clouds that do not match or too small clouds; ESP_ERR_FILE; memory; those of the force. */
int esp_data_generate(const esp_comm *comm, const esp_config *config, const char *path, esp_data_progress progress,
                      void *context, esp_data_report *report);

#endif
