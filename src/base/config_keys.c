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

      CHOICE("data_task", "G", "G|M|subspace|circles|upstream|twice|compare|features",
             "G: gravitational displacement over a horizon; M: motion in a periodic square; hidden relations: subspace "
             "(who is near in a hidden plane is heard), circles (near in hidden radii), upstream (at a displacement of "
             "one's own), twice (subspace in two hops), compare (a message that depends on both sides); features: a "
             "feature file of one's own (data_file)"),
      TEXT("data_file", "", "ensemble or feature file to use instead of generating one; empty: data.h5 of the run"),
      CHOICE("data_kind", "mixed", "ball|plummer|mixed", "initial conditions of task G"),
      INTS("data_n", "128", 1, TOTAL_MAX, "particles", "sizes of the training clouds (or feature sets)"),
      INTS("data_clouds", "64", 0, COUNT_MAX, "clouds", "training clouds of each size"),
      INTS("data_test_n", "256", 1, TOTAL_MAX, "particles", "sizes of the test clouds (or feature sets)"),
      INTS("data_test_clouds", "8", 0, COUNT_MAX, "clouds", "test clouds of each size"),
      REAL("data_eps", "0.5", 0, INFINITY, "mean spacings", "softening length"),
      CHOICE("data_truth", "auto", "auto|direct|tree|none",
             "how the targets are summed: directly over all pairs; by tree force (of a hidden relation: over the "
             "pairs that its kernel reaches); auto: directly where it is affordable; none: no targets, to predict or "
             "to partition"),
      INT("data_truth_sample", "0", 0, TOTAL_MAX, "particles",
          "of a hidden relation: targets of so many particles of a set, drawn by id, the others without weight; 0: of "
          "all"),
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
      INT("data_features", "8", 1, 4096, "", "features of a particle of a hidden relation; upstream has 4"),
      INT("data_hidden", "2", 1, 64, "",
          "hidden dimensions of a hidden relation, of each hop of task twice; upstream has 2"),
      INT("data_values", "1", 1, 64, "",
          "values a particle of a hidden relation sends; as many targets (compare: one less)"),
      REAL("data_h", "0.25", 1e-6, INFINITY, "", "h of the hidden relation's kernel exp(-distance^2 / 2 h^2)"),
      FLAG("data_average", "false", "hidden relations: the target is an average, not a sum; upstream always"),

      INT("tree_leaf", "8", 1, COUNT_MAX, "particles",
          "most particles of a leaf, the smallest cell; near leaves are summed pair by pair"),
      INT("tree_block", "64", 1, COUNT_MAX, "particles",
          "most particles of a block, the unit that ranks own; its particles share one list of near leaves and far "
          "cells"),
      REAL("tree_theta", "0.7", 0, 4, "",
           "opening angle: a cell is far from a block, and acts as a whole, where the sum of their radii is below "
           "theta times the distance of their centres; 0: every pair is exact"),
      INT("tree_pairs_per_particle", "0", 0, COUNT_MAX, "pairs",
          "most near pairs a particle and layer, on average: the smallest theta is taken that keeps to it; 0: "
          "tree_theta is used"),
      INT("tree_pairs_limit", "65536", 1, COUNT_MAX, "pairs", "most pairs a particle may have before the run stops"),
      CHOICE("tree_split", "widest", "widest|pca|learned",
             "how a node is cut: at its widest axis, at right angles to its principal direction, or, for the first "
             "tree_split_levels levels, to a learned one"),
      INT("tree_split_levels", "3", 1, 16, "levels", "levels with a learned direction"),
      CHOICE("tree_on", "learned", "learned|features|hidden",
             "where the trees of a learned relation stand: at the learned keys; controls: at the raw features, at the "
             "hidden coordinates"),
      INT("tree_features", "0", 0, 64, "", "with tree_on features: on the first so many of them; 0: all"),
      FLAG("tree_far", "true", "cells stand in for what is far; false: near pairs alone, a control"),
      REAL("tree_gate_tolerance", "0", 0, 1, "",
           "learned relations: cells that no gate above this reaches are far, too, whatever their size; 0: none are"),
      FLAG("tree_fade", "true",
           "learned relations: cells may be the larger the less their gates weigh: far, too, where the sum of radii "
           "times exp(-gap^2 / 4 s^2) is below theta times the distance (gap between cell and block, s the gate's "
           "width)"),

      INT("net_layers", "4", 1, 32, "", "layers of the network"),
      CHOICE("net_tableau", "free", "free|symplectic", "coefficients between layers: free, or bound to be symplectic"),
      CHOICE("net_message", "newton", "newton|newton_mlp|mlp|gate|gate_mlp",
             "message of a pair: known law, law with a learned correction, learned; of a learned relation: gate, the "
             "sender's value times a gate exp(-distance^2 / 2 s^2) in the learned space, whose width s is learned, "
             "too; gate_mlp, a learned message times that gate"),
      INT("net_hidden", "16", 1, 128, "units", "newton_mlp, mlp: width of the message's hidden layers"),
      CHOICE("net_precision", "float32", "float32|float64", "arithmetic of the messages"),
      CHOICE("net_embedding", "linear", "linear|mlp|coordinates",
             "where a particle is in the learned space: a linear map of its features, a map with a hidden layer, the "
             "first net_dim features as they are"),
      INT("net_dim", "4", 1, 64, "", "dimensions of the learned space"),
      INT("net_embed_hidden", "32", 1, 4096, "units", "width of the hidden layer of the mlp embedding"),
      FLAG("net_separate", "false",
           "receivers have a map into the learned space, and a tree, of their own: for relations with a direction"),
      INT("net_channels", "4", 1, 128, "",
          "channels of the gate_mlp message, and of the gate message after the first layer"),
      CHOICE("net_aggregate", "sum", "sum|average",
             "what a receiver makes of its gated messages: their sum, or that over the sum of the gates"),
      FLAG("net_include_self", "false", "a particle is its own sender, too"),
      INT("net_width", "16", 1, 4096, "", "numbers of a particle's state between the layers of a learned relation"),
      INT("net_update_hidden", "32", 1, 4096, "units", "width of the hidden layer that makes the new state"),

      INT("train_steps", "400", 0, COUNT_MAX, "steps", "steps of the optimiser"),
      INT("train_stop", "0", 0, COUNT_MAX, "steps",
          "stop after this step, the schedule being that of train_steps; 0: run to "
          "the end"),
      INT("train_batch", "8", 1, COUNT_MAX, "clouds", "clouds (or feature sets) of one step"),
      REAL("train_lr", "0.01", 0, INFINITY, "", "learning rate"),
      CHOICE("train_schedule", "cosine", "cosine|hold",
             "learning rate over the steps: after the warm-up by half a cosine to 0; held for half of the steps, then "
             "linearly to a tenth"),
      REAL("train_beta2", "0.999", 1e-6, 0.999999, "", "how slowly Adam's second moment forgets"),
      INT("train_warmup", "20", 0, COUNT_MAX, "steps", "steps over which the learning rate rises"),
      REAL("train_clip", "0.3", 0, INFINITY, "", "largest norm of the gradient; 0: no limit"),
      REAL("train_loss_k", "0.5", 0, INFINITY, "", "tasks G and M: weight of the velocity's part in the loss"),
      CHOICE("train_shard", "auto", "clouds|particles|auto",
             "what the ranks divide among them: whole clouds (or sets) of a batch, or the particles of each; auto: "
             "particles where a cloud has more than 8192, or where a batch of a learned relation has fewer sets than "
             "ranks"),
      INT("train_checkpoint_every", "100", 1, COUNT_MAX, "steps", "steps between two checkpoints"),
      TEXT("train_restart", "", "checkpoint to continue from; empty: start anew"),

      TEXT("eval_checkpoint", "", "checkpoint to use; empty: that of the run"),
      INT("eval_neighbours", "15", 1, COUNT_MAX, "particles", "neighbours of the local baseline"),
      INT("eval_rollout", "0", 0, COUNT_MAX, "frames",
          "frames (task G: horizons) predicted one from the other; 0: none"),
      FLAG("eval_baselines", "true", "compare with classical methods"),
      INT("eval_samples", "1024", 1, COUNT_MAX, "particles", "particles on which recall is found"),
      INT("eval_recall_neighbours", "16", 1, 4096, "particles",
          "hidden neighbours that recall looks for among the near pairs; neighbours of the classical method"),
      INT("eval_recall_every", "50", 0, COUNT_MAX, "steps", "steps between two recalls in training; 0: none"),
      INT("eval_set", "0", 0, COUNT_MAX, "", "test set of a feature file that predict takes"),

      TEXT("io_types", "all", "particle types read from a snapshot: all, or numbers such as 0,1"),
      INT("io_compress", "0", 0, 9, "", "compression of the snapshot that predict writes; 0: none"),

      REAL("units_length", "0", 0, INFINITY, "cm", "unit of length of a snapshot; 0: from the file"),
      REAL("units_mass", "0", 0, INFINITY, "g", "unit of mass of a snapshot; 0: from the file"),
      REAL("units_velocity", "0", 0, INFINITY, "cm/s", "unit of velocity of a snapshot; 0: from the file"),

      TEXT("input", "", "snapshot to read"),

      INTS("partition_ranks", "2,4,8,16,32,64", 1, COUNT_MAX, "ranks", "numbers of ranks to cut for"),
      FLAG("partition_periodic", "false",
           "keep a snapshot's period in the lists: all that lies near half a box away is near"),

      FLAG("report_pictures", "true", "draw pictures into the report"),
  };
  *count = (int)(sizeof keys / sizeof keys[0]);
  return keys;
}
