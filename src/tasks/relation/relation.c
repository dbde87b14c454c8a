/* The row, its keys and its columns. */
#include "tasks/relation/relation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "net/stack.h"
#include "tasks/relation/show.h"

#define OF esp_relation_data

static int check_keys(const esp_config *config, const void *before, void *filled) {
  (void)before;
  esp_relation_data *p = filled;
  const char *file = config ? esp_config_text(config, "data_file") : NULL;
  if (config) p->own = file && file[0];
  ESP_CHECK(p->own || p->made.kind != ESP_RELATION_KINDS, ESP_ERR_CONFIG,
            "data_law file needs data_file, the data of your own");
  return ESP_OK;
}

/* clang-format off */
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_NAMES_ROW(OF, made.kind, "data_law", "subspace", esp_relation_law_name,
            "what a particle hears: subspace, of who is near in a hidden plane; circles, near in hidden radii; upstream, at "
            "a displacement of its own; twice, subspace in two hops; compare, a message that depends on both sides; file: "
            "data of one's own (data_file)"),
        ESP_INT_ROW(OF, made.features, "data_features", "8", 1, 4096, "",
            "features of a particle of a hidden relation; upstream has 4"),
        ESP_INT_ROW(OF, made.hidden, "data_hidden", "2", 1, 64, "",
            "hidden dimensions of a hidden relation, of each hop of law twice; upstream has 2"),
        ESP_INT_ROW(OF, made.values, "data_values", "1", 1, 64, "",
            "values a particle of a hidden relation sends; as many targets (compare: one less)"),
        ESP_REAL_ROW(OF, made.h, "data_h", "0.25", 1e-6, INFINITY, "",
            "h of the hidden relation's kernel exp(-distance^2 / 2 h^2)"),
        ESP_FLAG_ROW(OF, made.average, "data_average", "false",
            "hidden relations: the target is an average, not a sum; upstream always"),
        ESP_CHOICE_ROW(OF, made.truth, "data_truth", "auto", "none|auto|direct|tree",
            "of task relation: how the targets are summed: directly over all pairs; tree: over those that the kernel reaches; "
            "auto: directly where it is affordable; none: no targets, to predict or to partition"),
        ESP_WHOLE_ROW(OF, made.sample, "data_truth_sample", "0", 0, ESP_TOTAL_MAX, "particles",
            "of a hidden relation: targets of so many particles of a set, drawn by id, the others without weight; 0: of "
            "all"),
        ESP_SEED_ROW(OF, made.seed),
        {0}},
    check_keys};
/* clang-format on */

static const esp_column columns[] = {
    {"x", ESP_INPUT, .min = -INFINITY, .help = "features"},
    {"v", ESP_SENT, .min = -INFINITY, .help = "values that are sent"},
    {"y", ESP_TARGET, .optional = 1, .min = -INFINITY, .help = "targets"},
    {"weight", ESP_WEIGHT, .width = 1, .optional = 1, .help = "weight in the loss"},
    {"z", ESP_HIDDEN, .optional = 1, .min = -INFINITY, .help = "hidden coordinates, for judging alone"},
    {0},
};

static const esp_number numbers[] = {
    {"average", .whole = 1, .count = 1, .max = 1, .help = "1: targets are averages, not sums"},
    {"h", .count = 1, .max = INFINITY, .help = "width of the kernel exp(-distance^2 / 2 h^2)"},
    {"seed", .whole = 1, .count = 1, .help = "of the hidden map"},
    {"law", .whole = 1, .count = 1, .names = esp_relation_law_name, .help = "what a particle hears"},
    {0},
};

const esp_layout esp_relation_layout = {columns, numbers, "numbers without a unit"};

static int check(const void *param, const void *network_param, int trains) {
  (void)network_param;
  const esp_relation_data *p = param;
  ESP_CHECK(!trains || p->own || p->made.truth != ESP_TRUTH_NONE, ESP_ERR_CONFIG,
            "data_truth none with data_task relation: nothing to train on");
  return ESP_OK;
}

/* The control that has its trees on hidden coordinates is told of their halves. */
static int begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  (void)param, (void)backend;
  ((esp_stack_param *)model->param)->hidden_halves = esp_relation_halves_of(first);
  return ESP_OK;
}

/* Predictions are targets. */
static int output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  (void)param;
  *elapsed = 0;
  const size_t count = (size_t)set->n_home * (size_t)targets;
  ESP_FREE(set->value[ESP_FEATURE_Y]);
  set->width[ESP_FEATURE_Y] = targets;
  ESP_CALL(ESP_ALLOC(set->value[ESP_FEATURE_Y], count));
  if (count) memcpy(set->value[ESP_FEATURE_Y], y, count * sizeof *y);
  return ESP_OK;
}

#define WORD(old, law) \
  { "data_task", old, "relation", "data_law", law }
static const esp_word words[] = {WORD("subspace", "subspace"),
                                 WORD("circles", "circles"),
                                 WORD("upstream", "upstream"),
                                 WORD("twice", "twice"),
                                 WORD("compare", "compare"),
                                 WORD("features", "file"),
                                 {0}};

static const esp_making making = {.plan = esp_relation_plan, .make = esp_relation_make_set};

const esp_task esp_task_relation = {
    .name = "relation",
    .help = "what a particle hears of all others, by a law that nobody tells",
    .words = words,
    .options = &options,
    .layout = &esp_relation_layout,
    .network = &esp_network_stack,
    .loss = &esp_loss_nmse,
    .check = check,
    .making = &making,
    .begin = begin,
    .output = output,
    .showing = &esp_relation_showing,
};
