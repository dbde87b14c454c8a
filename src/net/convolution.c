#include "net/convolution.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "message/gate.h"
#include "net/convolution_work.h"

enum { MAX_FEATURES = 1 << 24, MAX_WIDTH = 4096 };

static int range(const char *name, int value, int low, int high) {
  ESP_CHECK(value >= low && value <= high, ESP_ERR_CONFIG, "%s %d: allowed are %d to %d", name, value, low, high);
  return ESP_OK;
}

esp_convolution_shares esp_convolution_shares_of(const esp_convolution_param *p) {
  return (esp_convolution_shares){(1 - p->share) * p->stay, (1 - p->share) * (1 - p->stay), p->share};
}

esp_form esp_convolution_form(const esp_convolution_param *p, int channels) {
  return (esp_form){.message = &esp_message_gate,
                    .dim = p->dim,
                    .channels = channels,
                    .den = 1,
                    .mean = 1,
                    .order = p->order,
                    .unit = 1};
}

esp_gate_shape esp_convolution_gate(const esp_convolution_param *p) {
  return (esp_gate_shape){.dim = p->dim, .far = p->far, .order = p->order, .seed = p->seed, .domain = p->domain};
}

static int check_gate(const int *width, const esp_convolution_param *p) {
  const esp_lists_param *lists = &p->domain.lists;
  ESP_CALL(range("net_dim", p->dim, 1, ESP_MAX_DIM));
  ESP_CHECK(
      p->hidden <= ESP_GATE_MAX_CHANNELS && width[ESP_TARGET] <= ESP_GATE_MAX_CHANNELS, ESP_ERR_CONFIG,
      "net_update_hidden %d and %d classes with net_share %g and net_stay %g: what goes through the gate has at most "
      "%d numbers a particle",
      p->hidden, width[ESP_TARGET], p->share, p->stay, ESP_GATE_MAX_CHANNELS);
  ESP_CHECK(p->domain.leaf >= 1 && p->domain.block >= 1, ESP_ERR_CONFIG, "leaf %d, block %d: both must be >= 1",
            p->domain.leaf, p->domain.block);
  ESP_CHECK(lists->theta >= 0 && p->error >= 0, ESP_ERR_CONFIG, "theta %g, error %g of far cells: both must be >= 0",
            lists->theta, p->error);
  return ESP_OK;
}

static int check(const int *width, const esp_convolution_param *p) {
  ESP_CALL(range("features", width[ESP_INPUT], 1, MAX_FEATURES));
  ESP_CALL(range("values that are sent", width[ESP_SENT], 0, 0));
  ESP_CALL(range("classes", width[ESP_TARGET], 2, MAX_WIDTH));
  ESP_CALL(range("net_update_hidden", p->hidden, 1, MAX_WIDTH));
  ESP_CHECK(p->share >= 0 && p->share <= 1, ESP_ERR_CONFIG, "net_share %g: must lie in [0, 1]", p->share);
  ESP_CHECK(p->stay >= 0 && p->stay <= 1, ESP_ERR_CONFIG, "net_stay %g: must lie in [0, 1]", p->stay);
  ESP_CHECK(p->dropout >= 0 && p->dropout < 1, ESP_ERR_CONFIG, "net_dropout %g: must lie in [0, 1)", p->dropout);
  return ESP_OK;
}

/* ---- start values ---- */

enum { STREAM_W1 = 1, STREAM_W2, STREAM_E };

/* rows x columns numbers, uniform in +-sqrt(6 / (rows + columns)). */
static void glorot(const esp_model *model, uint64_t stream, int at, int rows, int columns) {
  const uint64_t seed = ((const esp_convolution_param *)model->param)->seed;
  const double most = sqrt(6.0 / ((double)rows + columns));
  const int64_t count = (int64_t)rows * columns;
  for (int64_t i = 0; i < count; i++)
    model->block.value[at + i] = most * (2 * esp_rng_uniform(seed, stream, ESP_RNG_WEIGHT, (uint32_t)i) - 1);
}

static void start(const esp_model *model, int D, int K) {
  const esp_convolution_param *p = model->param;
  const esp_convolution_places at = esp_convolution_places_of(model);
  glorot(model, STREAM_W1, at.W1, D, p->hidden);
  glorot(model, STREAM_W2, at.W2, p->hidden, K);
  for (int i = 0; at.E >= 0 && i < D * p->dim; i++)
    model->block.value[at.E + i] = esp_rng_normal(p->seed, STREAM_E, ESP_RNG_WEIGHT, (uint32_t)i) / sqrt(D);
}

/* Held groups are the last. */
static int create(esp_model *model) {
  enum { GROUPS = 6 };
  const esp_convolution_param *p = model->param;
  const int *width = model->sizes.width, D = width[ESP_INPUT], K = width[ESP_TARGET];
  const esp_convolution_shares shares = esp_convolution_shares_of(p);
  esp_convolution_plan *plan = NULL;
  esp_block *block = &model->block;
  ESP_CALL(check(width, p));
  if (shares.gate > 0) ESP_CALL(check_gate(width, p));
  ESP_CALL(ESP_ALLOC(plan, 1));
  model->plan = plan;
  *plan = (esp_convolution_plan){.at = {.E = -1, .scale = -1}, .gated = shares.gate > 0, .given = shares.given > 0};
  ESP_CALL(ESP_ALLOC(block->entry, GROUPS));
  plan->at.W1 = esp_block_add(block, D, p->hidden, "W1");
  plan->at.b1 = esp_block_add(block, p->hidden, 1, "b1");
  plan->at.W2 = esp_block_add(block, p->hidden, K, "W2");
  plan->at.b2 = esp_block_add(block, K, 1, "b2");
  if (plan->gated) {
    plan->at.E = esp_block_add(block, D, p->dim, "key.E");
    plan->at.scale = esp_block_add(block, 1, 1, "key.ln_s");
    plan->learns = p->learning.weight > 0;
    if (plan->learns)
      esp_block_undecay(block, plan->at.E);
    else
      esp_block_hold(block, plan->at.E);
    esp_block_hold(block, plan->at.scale);
  }
  ESP_CALL(esp_block_alloc(block));
  start(model, D, K);
  if (!plan->gated) return ESP_OK;
  const esp_form form = esp_convolution_form(p, p->hidden);
  return form.message->check(&form, block->value + plan->at.scale);
}

static void plan_end(void *plan) {
  esp_convolution_plan *of = plan;
  esp_convolution_graph_free(&of->graph);
  esp_domain_free(&of->place.dom);
  esp_convolution_beside_free(&of->beside);
}

esp_convolution_places esp_convolution_places_of(const esp_model *model) {
  return ((const esp_convolution_plan *)model->plan)->at;
}

/* ---- features ---- */

/* One of those that lie side by side. */
static int is_dense(const esp_set *set, int k) {
  const esp_column *column = &set->layout->column[k];
  return column->role == ESP_INPUT && column->lying == ESP_DENSE && set->width[k] > 0;
}

int esp_convolution_features(const esp_set *set, int D, int *width, const double **rows, double **made) {
  const esp_csr *words = esp_set_csr(set, ESP_INPUT, ESP_SPARSE);
  int sparse = 0, at = 0;
  *width = 0, *rows = NULL, *made = NULL;
  for (int k = 0; set->layout->column[k].name; k++) {
    if (is_dense(set, k)) *width += set->width[k];
    sparse += set->layout->column[k].role == ESP_INPUT && set->layout->column[k].lying == ESP_SPARSE && set->width[k];
  }
  const int64_t found = *width + (words ? words->columns : 0);
  ESP_CHECK(sparse <= 1, ESP_ERR_ARG, "a set of %d columns of sparse features: at most one", sparse);
  ESP_CHECK(found == D, ESP_ERR_ARG, "a set of %lld features for a network of %d: data must be as in its training",
            (long long)found, D);
  for (int k = 0; set->layout->column[k].name; k++)
    if (is_dense(set, k) && set->width[k] == *width) *rows = set->value[k];
  if (*rows || !*width) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*made, (size_t)set->n_home * (size_t)*width));
  for (int k = 0; set->layout->column[k].name; k++) {
    if (!is_dense(set, k)) continue;
    esp_rows_cpu.columns(set->n_home, set->width[k], set->width[k], 0, set->value[k], *width, at, *made);
    at += set->width[k];
  }
  *rows = *made;
  return ESP_OK;
}

void esp_convolution_product(const esp_dense *dense, const esp_rows *rows, int n, int width, const double *x,
                             const esp_csr_there *words, int out, const double *W, double *y) {
  const double *behind = W + (size_t)width * (size_t)out;
  if (width) dense->backward(n, out, width, W, 0, x, y); /* its W is ours transposed */
  if (words->start) rows->graph->sparse(n, out, words->start, words->index, words->value, width > 0, behind, y);
}

int esp_convolution_keys(const esp_set *set, int d, const double *E, double *z) {
  const esp_csr *csr = esp_set_csr(set, ESP_INPUT, ESP_SPARSE);
  esp_csr_there words = {0};
  const double *x;
  double *made = NULL;
  int width;
  ESP_CALL(esp_convolution_features(set, esp_set_role_width(set, ESP_INPUT), &width, &x, &made));
  if (csr) words = (esp_csr_there){.start = csr->start, .index = csr->index, .value = csr->value};
  esp_convolution_product(&esp_dense_cpu, &esp_rows_cpu, set->n_home, width, x, &words, d, E, z);
  ESP_FREE(made);
  return ESP_OK;
}

/* ---- gradients, places ---- */

/* What is held has none. */
static int sums(const esp_model *model) {
  const esp_convolution_plan *plan = model->plan;
  if (!plan->gated) return model->block.count;
  return plan->learns ? plan->at.scale : plan->at.E;
}

static void map(const esp_model *model, const int64_t *acc, double *gradient) {
  const int moved = sums(model);
  for (int i = 0; i < model->block.count; i++)
    gradient[i] = i < moved ? esp_exact_value(&ESP_EXACT_FULL, acc + (size_t)i * ESP_EXACT_FULL_WORDS) : 0;
}

static int in_parts(const esp_model *model) {
  (void)model;
  return 1;
}

static int place(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *where, double *key,
                 double *query) {
  (void)query;
  const esp_convolution_param *p = model->param;
  const esp_convolution_plan *plan = model->plan;
  const esp_form form = esp_convolution_form(p, p->hidden);
  const esp_widths wide = esp_form_widths(&form);
  ESP_CHECK(plan->gated, ESP_ERR_CONFIG,
            "net_share %g with net_stay %g: nothing goes through the gate, and there is no tree to be cut", p->share,
            p->stay);
  *where = (esp_place){.domain = p->domain,
                       .source_bytes = (size_t)wide.source * sizeof(double),
                       .cell_bytes = (size_t)wide.cell * sizeof(double)};
  where->domain.dim = p->dim;
  where->domain.lists.rule = &esp_rule_size;
  where->domain.lists.theta_most = ESP_CONVOLUTION_THETA;
  where->domain.lists.rule_number = form.message->fade(&form, model->block.value + plan->at.scale);
  if (!key) return ESP_OK;
  return comm->agree(comm, esp_convolution_keys(set, p->dim, model->block.value + plan->at.E, key));
}

const esp_network esp_network_convolution = {
    .name = "convolution",
    .help = "two layers of graph convolution, for classes: along given edges, through a gate, or both",
    .options = &esp_convolution_options,
    .create = create,
    .plan_end = plan_end,
    .forward = esp_convolution_forward,
    .backward = esp_convolution_backward,
    .adds = esp_convolution_adds,
    .add = esp_convolution_add,
    .in_parts = in_parts,
    .pass_free = esp_convolution_pass_free,
    .searches = esp_convolution_searches,
    .aim = esp_convolution_aim,
    .judge = esp_convolution_judge,
    .sums = sums,
    .map = map,
    .place = place,
};
