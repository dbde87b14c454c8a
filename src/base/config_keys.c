/* The table of keys. One line a key; inputs/reference.yaml is what esp_config_print makes of it, and a unit test holds
 * the two together. */
#include <math.h>

#include "base/config.h"

#define INT(name, value, min, max, unit, help) \
  { name, ESP_KEY_INT, unit, min, max, "", value, help }
#define INTS(name, value, min, max, unit, help) \
  { name, ESP_KEY_INTS, unit, min, max, "", value, help }
#define REAL(name, value, min, max, unit, help) \
  { name, ESP_KEY_REAL, unit, min, max, "", value, help }
#define FLAG(name, value, help) \
  { name, ESP_KEY_FLAG, "", 0, 0, "", value, help }
#define TEXT(name, value, help) \
  { name, ESP_KEY_STRING, "", 0, 0, "", value, help }
#define CHOICE(name, value, choices, help) \
  { name, ESP_KEY_CHOICE, "", 0, 0, choices, value, help }

#define COUNT_MAX 2147483647.0 /* what one rank holds, or a loop counts */
#define TOTAL_MAX 1e15         /* particles in all: exact as a double */

const esp_key *esp_config_keys(int *count) {
  static const esp_key keys[] = {
      TEXT("run_name", "run", "name of the run"),
      TEXT("run_out", "out", "folder of all runs; results go to run_out/run_name"),
      INT("run_seed", "1", 0, TOTAL_MAX, "", "seed of all random numbers"),

      CHOICE("data_task", "G", "G|M", "G: gravitational displacement over a horizon; M: motion in a periodic square"),
      TEXT("data_file", "", "ensemble to use instead of generating one; empty: data.h5 of the run"),
      CHOICE("data_kind", "mixed", "ball|plummer|mixed", "initial conditions of task G"),
      INTS("data_n", "128", 1, TOTAL_MAX, "particles", "sizes of the training clouds"),
      INTS("data_clouds", "64", 0, COUNT_MAX, "clouds", "training clouds of each size"),
      INTS("data_test_n", "256", 1, TOTAL_MAX, "particles", "sizes of the test clouds"),
      INTS("data_test_clouds", "8", 0, COUNT_MAX, "clouds", "test clouds of each size"),
      REAL("data_eps", "0.5", 0, INFINITY, "mean spacings", "softening length"),
      CHOICE("data_truth", "auto", "auto|direct|tree", "force of the truth; auto: direct sum where it is affordable"),
      INT("data_truth_steps", "48", 1, COUNT_MAX, "steps", "integration steps of the truth over one horizon"),
      REAL("data_truth_theta", "0.5", 0, 4, "", "opening angle of the truth's tree force"),
      REAL("data_box_dt", "0.01", 1e-12, INFINITY, "time units of the task", "time between two frames of task M"),
      INT("data_box_substeps", "64", 1, COUNT_MAX, "steps", "integration steps between two frames of task M"),
      INT("data_box_frames", "200", 1, COUNT_MAX, "frames", "length of a test trajectory of task M"),
      INT("data_box_train", "32", 0, COUNT_MAX, "trajectories", "training trajectories of task M"),
      INT("data_box_train_frames", "200", 1, COUNT_MAX, "frames", "length of a training trajectory of task M"),
      INT("data_box_stride", "10", 1, COUNT_MAX, "frames",
          "of a training trajectory, every stride-th pair of frames is "
          "kept"),
      INT("data_shard_n", "8192", 2, TOTAL_MAX, "particles",
          "clouds of at least this many are made by all ranks together"),
      INT("data_twin_n", "16384", 2, TOTAL_MAX, "particles",
          "size of the twin on which the displacement error of a tree "
          "truth above 65536 is found"),

      INT("tree_leaf", "8", 1, COUNT_MAX, "particles", "most particles of a leaf"),
      INT("tree_block", "64", 1, COUNT_MAX, "particles", "most particles of a block, the unit that ranks own"),
      REAL("tree_theta", "0.7", 0, 4, "",
           "opening angle: a pair of cells is far when the sum of radii is below theta times "
           "the distance; 0: every pair is exact"),
      INT("tree_pairs_per_particle", "0", 0, COUNT_MAX, "pairs",
          "target for the work, from which theta is found; 0: "
          "tree_theta is used"),
      INT("tree_pairs_limit", "65536", 1, COUNT_MAX, "pairs", "most pairs a particle may have before the run stops"),

      INT("net_layers", "4", 1, 32, "", "layers of the network"),
      CHOICE("net_tableau", "free", "free|symplectic", "coefficients between layers: free, or bound to be symplectic"),
      CHOICE("net_message", "newton", "newton|newton_mlp|mlp",
             "message of a pair: known law, law with a learned "
             "correction, learned"),
      INT("net_hidden", "16", 1, 128, "units", "width of the learned message's hidden layers"),
      CHOICE("net_precision", "float32", "float32|float64", "arithmetic of the messages"),

      INT("train_steps", "400", 0, COUNT_MAX, "steps", "steps of the optimiser"),
      INT("train_stop", "0", 0, COUNT_MAX, "steps",
          "stop after this step, the schedule being that of train_steps; 0: run to "
          "the end"),
      INT("train_batch", "8", 1, COUNT_MAX, "clouds", "clouds of one step"),
      REAL("train_lr", "0.01", 0, INFINITY, "", "learning rate"),
      INT("train_warmup", "20", 0, COUNT_MAX, "steps", "steps over which the learning rate rises"),
      REAL("train_clip", "0.3", 0, INFINITY, "", "largest norm of the gradient; 0: no limit"),
      REAL("train_loss_k", "0.5", 0, INFINITY, "", "weight of the velocity's part in the loss"),
      CHOICE("train_shard", "auto", "clouds|particles|auto", "what the ranks divide among them"),
      INT("train_checkpoint_every", "100", 1, COUNT_MAX, "steps", "steps between two checkpoints"),
      TEXT("train_restart", "", "checkpoint to continue from; empty: start anew"),

      TEXT("eval_checkpoint", "", "checkpoint to use; empty: that of the run"),
      INT("eval_neighbours", "15", 1, COUNT_MAX, "particles", "neighbours of the local baseline"),
      INT("eval_rollout", "0", 0, COUNT_MAX, "frames", "frames (task G: horizons) predicted one from the other; 0: none"),
      FLAG("eval_baselines", "true", "compare with classical methods"),

      TEXT("io_types", "all", "particle types read from a snapshot: all, or numbers such as 0,1"),
      INT("io_compress", "0", 0, 9, "", "compression of the snapshot that predict writes; 0: none"),

      REAL("units_length", "0", 0, INFINITY, "cm", "unit of length of a snapshot; 0: from the file"),
      REAL("units_mass", "0", 0, INFINITY, "g", "unit of mass of a snapshot; 0: from the file"),
      REAL("units_velocity", "0", 0, INFINITY, "cm/s", "unit of velocity of a snapshot; 0: from the file"),

      TEXT("input", "", "snapshot to read"),

      INTS("partition_ranks", "2,4,8,16,32,64", 1, COUNT_MAX, "ranks", "numbers of ranks to cut for"),
      FLAG("partition_periodic", "false", "keep a snapshot's period in the lists: all that lies near half a box away is near"),

      FLAG("report_pictures", "true", "draw pictures into the report"),
  };
  *count = (int)(sizeof keys / sizeof keys[0]);
  return keys;
}
