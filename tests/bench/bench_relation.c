/* The gates of the learned relation, over fresh seeds: bench_relation ROW [SEEDS [FIRST]]. Rows: unit, hard, transfer, upstream,
 * circles, stack, message, acceptance, splits, blocks, scale; `all`. What the columns mean: docs/figures/relation.md. */
#include "../relation_gates_case.h"
#include "gates_stack.h"

static int seeds = 5;
static uint64_t first_seed = 1;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void head(const char *title) {
  printf("\n%s, seeds %llu..%llu\n%-44s %9s %9s %9s %8s %8s %8s %7s %7s %6s %8s\n", title,
         (unsigned long long)first_seed, (unsigned long long)first_seed + (unsigned long long)seeds - 1, "set-up",
         "nMSE med", "mean", "worst", "recall", "lowest", "before", "near", "far", "theta", "ms/step");
}

/* One line; nmse [seeds] and recall [seeds] are kept if not NULL. */
static void row(const char *name, const setup *s, double *nmse, double *recall) {
  double *sorted = malloc(sizeof(double) * (size_t)seeds), mean = 0, found = 0, lowest = 1, before = 0;
  outcome o = {0};
  double shift[2] = {INFINITY, -INFINITY};
  for (int k = 0; k < seeds; k++) {
    o = run_setup(s, first_seed + (uint64_t)k, NULL);
    sorted[k] = o.nmse;
    if (nmse) nmse[k] = o.nmse;
    if (recall) recall[k] = o.recall;
    mean += o.nmse / seeds;
    found += o.recall / seeds;
    before += o.recall_before / seeds;
    lowest = o.recall < lowest ? o.recall : lowest;
    shift[0] = fmin(shift[0], o.shift), shift[1] = fmax(shift[1], o.shift);
  }
  qsort(sorted, (size_t)seeds, sizeof *sorted, by_value);
  printf("%-44s %9.5f %9.5f %9.5f %8.3f %8.3f %8.3f %7.1f %7.1f %6.2f %8.2f", name, sorted[seeds / 2], mean,
         sorted[seeds - 1], found, lowest, before, o.near, o.far, o.theta, 1e3 * o.step_seconds);
  if (shift[0] != 0) printf("  shift %.4f .. %.4f", shift[0], shift[1]);
  printf("\n");
  fflush(stdout);
  free(sorted);
}

/* Learned, oracle tree, control on raw features, near pairs only. */
static void ladder(const setup *learned) {
  setup s = *learned;
  row("learned tree", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN;
  row("oracle tree (on the hidden coordinates)", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_FEATURES;
  row("control: tree on raw features", &s, NULL, NULL);
  s.net.far = 0;
  row("control, near pairs only", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_LEARNED;
  row("learned tree, near pairs only", &s, NULL, NULL);
}

static void unit(void) {
  setup s = unit_setup();
  head("unit (n 512, D 8, h .25, near 12.5 %)");
  ladder(&s);
  s.train.steps = 200;
  row("learned tree, 200 steps", &s, NULL, NULL);
}

static void hard(void) {
  const setup s = hard_setup();
  head("hard (n 2048, D 32, h .125, near 10 %)");
  ladder(&s);
}

static void transfer(void) {
  setup s = unit_setup();
  s.data.n = 1024, s.near = 0.1, s.data.h = 0.125;
  s.test_n = 16384, s.test_near = 0.008, s.unseen = 4;
  head("trained at n 1024, used at 16384 with near .8 %");
  row("learned tree", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN;
  row("oracle tree", &s, NULL, NULL);
}

static void upstream(void) {
  setup s = upstream_setup();
  head("upstream (n 1024, h .055, near 12.5 %)");
  row("learned q and k, two trees", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN;
  row("oracle trees (on p, p - u)", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_FEATURES, s.net.tree_features = 2;
  row("fixed spatial tree (on p)", &s, NULL, NULL);
  s.net.far = 0;
  row("fixed spatial tree, near pairs only", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_LEARNED;
  row("learned q and k, near pairs only", &s, NULL, NULL);
  s.net.far = 1, s.net.separate = 0;
  row("symmetric embedding (q = k)", &s, NULL, NULL);
  s.net.far = 0;
  row("symmetric embedding, near pairs only", &s, NULL, NULL);
}

static void circles(void) {
  setup s = circles_setup();
  head("circles (n 1024, D 8, radii in two hidden planes, near 12.5 %)");
  row("mlp embedding", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_HIDDEN;
  row("mlp embedding, oracle tree", &s, NULL, NULL);
  s.net.tree_on = ESP_TREE_ON_LEARNED, s.net.embedding = ESP_EMBED_LINEAR;
  row("linear embedding", &s, NULL, NULL);
  s.net.dim = s.net.domain.dim = 8;
  row("linear embedding, d = 8", &s, NULL, NULL);
}

static void stack(void) {
  head("two hops (n 256, D 6, h .25, near 50 %): layers, 8 channels");
  stack_rows(twice_setup(), row);
  head("unit: layers");
  stack_rows(stacked(unit_setup(), 800), row);
  head("circles, n 512: layers");
  setup s = stacked(circles_setup(), 1600);
  s.data.n = 512;
  stack_rows(s, row);
}

static void message(void) {
  head("both sides compared (n 256, D 4, h .25, near 50 %): messages");
  message_rows(compare_setup(), row);
  head("unit: messages");
  message_rows(unit_setup(), row);
}

/* Orders of far cells at the same near pairs and at fewer: what a cell knows spares pairs. */
static void acceptance_of(const char *name, setup s) {
  head(name);
  for (int percent = 100; percent >= 50; percent -= 25)
    for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
      setup few = s;
      char text[64];
      few.near = s.near * percent / 100, few.net.order = order;
      snprintf(text, sizeof text, "order %d, %d %% of the near pairs", order, percent);
      row(text, &few, NULL, NULL);
    }
}

static void acceptance(void) {
  acceptance_of("acceptance, unit", unit_setup());
  acceptance_of("acceptance, hard", hard_setup());
  acceptance_of("acceptance, upstream", upstream_setup());
}

static void splits_of(const char *name, setup s) {
  head(name);
  row("widest axis", &s, NULL, NULL);
  s.net.split = ESP_SPLIT_PCA;
  row("principal direction", &s, NULL, NULL);
  if (s.net.separate) return; /* no node holds a receiver and a sender for the same reason */
  s.net.split = ESP_SPLIT_LEARNED;
  for (s.net.split_levels = 2; s.net.split_levels <= 6; s.net.split_levels += 2) {
    char text[64];
    snprintf(text, sizeof text, "learned hyperplanes, %d levels", s.net.split_levels);
    row(text, &s, NULL, NULL);
  }
}

static void splits(void) {
  splits_of("splits, unit", unit_setup());
  splits_of("splits, hard", hard_setup());
  splits_of("splits, upstream", upstream_setup());
}

/* Leaves and blocks at the same near pairs: small ones fit better, large ones share more. */
static void blocks(void) {
  const int size[][2] = {{4, 4}, {8, 8}, {8, 16}, {8, 64}, {16, 16}, {16, 64}, {32, 32}};
  setup s = hard_setup();
  s.net.split = ESP_SPLIT_PCA;
  head("leaves and blocks, hard, principal direction");
  for (size_t k = 0; k < sizeof size / sizeof size[0]; k++) {
    char text[64];
    s.net.domain.leaf = size[k][0], s.net.domain.block = size[k][1];
    snprintf(text, sizeof text, "leaf %d, block %d", size[k][0], size[k][1]);
    row(text, &s, NULL, NULL);
  }
}

/* ---- time against n ---- */

enum { SCALE_STEPS = 5 };

/* Targets that cost nothing to make: a step takes the same time whatever they are. */
static esp_set any_targets(const setup *s, int64_t n) {
  setup without = *s;
  without.data.truth = ESP_TRUTH_NONE;
  esp_set set = draw_set(&without, first_seed, UNSEEN_DRAW, n);
  set.width[Y] = 1;
  MUST(ESP_ALLOC(set.value[Y], n));
  for (int i = 0; i < set.n_home; i++) set.value[Y][i] = set.value[V][i];
  return set;
}

typedef struct {
  double seconds[SCALE_STEPS], near, far;
  int steps;
} timing;

static int time_step(void *context, const esp_train_record *record) {
  timing *t = context;
  t->seconds[t->steps++] = record->seconds;
  t->near = (double)record->cost.near_pairs / (double)record->particles;
  t->far = (double)record->cost.far_pairs / (double)record->particles;
  return ESP_OK;
}

/* Median time of a training step that leaves the trained network nearly as it is. */
static timing time_training(const esp_model *trained, esp_set *set, int64_t pairs) {
  timing t = {.steps = 0};
  esp_model net;
  esp_stack_param param = *(const esp_stack_param *)trained->param;
  param.domain.lists.pairs_per_particle = pairs;
  if (pairs == 0) param.domain.lists.theta = 0;
  MUST(esp_model_vary(trained, &param, &trained->sizes, &net));
  const esp_train_param train = {.steps = SCALE_STEPS, .batch = 1, .rate = 1e-6, .beta2 = 0.99, .clip = 1};
  const esp_train_hooks hooks = {.step = time_step, .context = &t};
  MUST(train_sets(&net, 1, set, &esp_loss_nmse, NULL, &train, &hooks));
  qsort(t.seconds, SCALE_STEPS, sizeof *t.seconds, by_value);
  esp_model_free(&net);
  return t;
}

static void scale(void) {
  setup s = hard_setup();
  s.net.split = ESP_SPLIT_PCA, s.net.domain.leaf = 8;
  const int64_t pairs = budget(s.near, s.data.n);
  esp_model net;
  double sum[5] = {0};
  (void)run_setup(&s, first_seed, &net);
  esp_stack_param *param = net.param;
  printf(
      "\nTime of one training step, trained network of the hard set-up, %lld near pairs a particle allowed, one core\n"
      "n,near_pairs,far_cells,seconds,microseconds_over_n_log2_n\n",
      (long long)pairs);
  for (int64_t n = 4096; n <= 262144; n *= 2) {
    esp_set set = any_targets(&s, n);
    const timing t = time_training(&net, &set, pairs);
    const double x = log((double)n), y = log(t.seconds[SCALE_STEPS / 2]);
    printf("%lld,%.1f,%.1f,%.4f,%.4f\n", (long long)n, t.near, t.far, exp(y),
           1e6 * exp(y) / ((double)n * log2((double)n)));
    fflush(stdout);
    sum[0] += 1, sum[1] += x, sum[2] += y, sum[3] += x * x, sum[4] += x * y;
    esp_set_free(&set);
  }
  const double slope = (sum[0] * sum[4] - sum[1] * sum[2]) / (sum[0] * sum[3] - sum[1] * sum[1]);
  printf("slope of log time against log n: %.3f (n log n over this range: %.3f)\n", slope,
         1 + log(18.0 / 12.0) / log(64.0));
  const int64_t n = 16384;
  esp_set set = draw_set(&s, first_seed, UNSEEN_DRAW, n);
  esp_backend backend = esp_backend_self();
  printf("\nAt n = %lld, the network trained at %lld:\n%-28s %9s %9s %9s %12s\n", (long long)n, (long long)s.data.n,
         "lists", "nMSE", "near", "far", "s a step");
  for (int64_t allowed = pairs; allowed <= 8 * pairs; allowed *= 2) {
    outcome o = {0};
    param->domain.lists.pairs_per_particle = allowed;
    judge_draw(&net, &backend, &set, 1, &o);
    const timing t = time_training(&net, &set, allowed);
    printf("near pairs allowed: %-8lld %9.5f %9.1f %9.1f %12.4f\n", (long long)allowed, o.nmse, o.near, o.far,
           t.seconds[SCALE_STEPS / 2]);
  }
  outcome o = {0};
  param->domain.lists.pairs_per_particle = 0, param->domain.lists.theta = 0;
  judge_draw(&net, &backend, &set, 1, &o);
  const timing t = time_training(&net, &set, 0);
  printf("%-28s %9.5f %9.1f %9.1f %12.4f\n", "all pairs (the oracle)", o.nmse, o.near, 0.0, t.seconds[SCALE_STEPS / 2]);
  esp_set_free(&set);
  esp_model_free(&net);
}

int main(int argc, char **argv) {
  esp_memory_keep();
  const char *which = argc > 1 ? argv[1] : "all";
  const struct {
    const char *name;
    void (*run)(void);
  } rows[] = {{"unit", unit},       {"hard", hard},     {"transfer", transfer}, {"upstream", upstream},
              {"circles", circles}, {"stack", stack},   {"message", message},   {"acceptance", acceptance},
              {"splits", splits},   {"blocks", blocks}, {"scale", scale}};
  if (argc > 2) seeds = atoi(argv[2]);
  if (argc > 3) first_seed = strtoull(argv[3], NULL, 10);
  int found = 0;
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
    if (!strcmp(which, "all") || !strcmp(which, rows[r].name)) rows[r].run(), found = 1;
  if (!found) fprintf(stderr, "bench_relation: no row '%s'\n", which);
  return !found;
}
