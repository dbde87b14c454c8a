/* The stack of learned relations as a row of the table of networks: sets of any INPUT, SENT and TARGET columns, with
 * weights; HIDDEN ones are seen by controls alone. */
#include <math.h>
#include <string.h>

#include "net/network.h"
#include "net/stack.h"

/* What a pass sees of a set: its columns of a role side by side. */
typedef struct {
  esp_feature_set set;
  double *own[4]; /* joined copies, where a role has several columns */
} rows;

struct esp_pass {
  esp_stack net;
  rows rows;
  esp_stack_pass pass;
};

static esp_stack net_of(const esp_model *model) {
  esp_stack net = *(const esp_stack *)model->plan;
  net.param = *(const esp_stack_param *)model->param;
  return net;
}

static int create(esp_model *model) {
  esp_stack_param *param = model->param;
  esp_stack *net;
  param->features = model->sizes.width[ESP_INPUT];
  param->values = model->sizes.width[ESP_SENT];
  param->targets = model->sizes.width[ESP_TARGET];
  ESP_CALL(ESP_ALLOC(net, 1));
  model->plan = net;
  ESP_CALL(esp_stack_create(param, net));
  *param = net->param;
  model->block = net->block;
  return ESP_OK;
}

static void rows_free(rows *r) {
  for (int k = 0; k < 4; k++) ESP_FREE(r->own[k]);
}

static int rows_take(const esp_set *set, rows *r) {
  static const esp_role role[4] = {ESP_INPUT, ESP_SENT, ESP_TARGET, ESP_HIDDEN};
  const double *column[4];
  *r = (rows){.set = {.n = set->n, .first = set->first, .n_home = set->n_home, .id = set->id}};
  for (int k = 0; k < 4; k++) ESP_CALL(esp_set_rows(set, role[k], &column[k], &r->own[k]));
  r->set.features = esp_set_role_width(set, ESP_INPUT);
  r->set.values = esp_set_role_width(set, ESP_SENT);
  r->set.targets = esp_set_role_width(set, ESP_TARGET);
  r->set.hidden = esp_set_role_width(set, ESP_HIDDEN);
  r->set.x = (double *)column[0], r->set.v = (double *)column[1]; /* a view: nothing here writes */
  r->set.y = (double *)column[2], r->set.z = (double *)column[3];
  r->set.weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  return ESP_OK;
}

static void pass_free(esp_pass **pass) {
  if (*pass) esp_stack_pass_free(&(*pass)->pass);
  if (*pass) rows_free(&(*pass)->rows);
  ESP_FREE(*pass);
}

/* Where the next kept pass begins to look for the angle of each layer's tree. */
static void note_theta(const esp_model *model, const esp_stack_pass *pass) {
  esp_stack *plan = model->plan;
  for (int l = 0; l < pass->layers; l++) plan->theta[l] = pass->layer[l].dom->param.lists.theta;
}

static int forward(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                   double *y, esp_cost *cost, esp_pass **pass) {
  esp_pass *kept = NULL;
  int rc;
  if (pass) *pass = NULL;
  rc = ESP_ALLOC(kept, 1);
  if (!rc) rc = rows_take(set, &kept->rows);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  kept->net = net_of(model);
  if (!pass) memset(kept->net.theta, 0, sizeof kept->net.theta);
  ESP_TRY(esp_stack_forward(&kept->net, backend, &kept->rows.set, pass != NULL, visit, &kept->pass));
  if (set->n_home) memcpy(y, kept->pass.y, (size_t)set->n_home * (size_t)kept->net.param.targets * sizeof *y);
  if (pass) note_theta(model, &kept->pass);
  if (pass) kept->pass.cost.theta = ((const esp_stack *)model->plan)->theta[0];
  if (cost) esp_cost_add(cost, &kept->pass.cost);
  if (pass) *pass = kept, kept = NULL;
done:
  pass_free(&kept);
  return rc;
}

static int backward(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                    const double *dy, int64_t *acc, esp_cost *cost) {
  (void)model, (void)set;
  const double before = pass->pass.cost.seconds_backward;
  ESP_CALL(esp_stack_backward(&pass->net, backend, &pass->rows.set, &pass->pass, dy, acc));
  if (cost) cost->seconds_backward += pass->pass.cost.seconds_backward - before;
  return ESP_OK;
}

static int place(const esp_model *model, const esp_set *set, esp_place *where, double *key, double *query) {
  const esp_stack net = net_of(model);
  const esp_stack_param *p = &net.param;
  const esp_form form = esp_stack_form(&net, 0);
  const esp_widths w = esp_form_widths(&form);
  const double scale = exp(net.block.value[net.slot[0].message]);
  rows r;
  int rc;
  ESP_CHECK(p->tree_on == ESP_TREE_ON_LEARNED, ESP_ERR_CONFIG,
            "the trees of this network stand on %s (tree_on): they are not cut by learned keys",
            esp_tree_on_name(p->tree_on));
  *where = (esp_place){.domain = p->domain,
                       .queries = p->separate,
                       .source_bytes = (size_t)w.source * sizeof(double),
                       .cell_bytes = (size_t)w.cell * sizeof(double)};
  where->domain.dim = p->dim;
  where->domain.split = (esp_split_rule){.kind = p->split, .levels = p->split_levels};
  if (p->split == ESP_SPLIT_LEARNED) where->domain.split.normal = net.block.value + net.slot[0].normal;
  if (p->gate_tolerance > 0) where->domain.lists.reach = scale * sqrt(-2 * log(p->gate_tolerance));
  if (p->fade) where->domain.lists.fade = scale;
  if (!key) return ESP_OK;
  rc = rows_take(set, &r);
  if (!rc) rc = esp_stack_place(&net, &r.set, key, p->separate ? query : NULL);
  rows_free(&r);
  ESP_CALL(rc);
  return ESP_OK;
}

const esp_network esp_network_stack = {
    .name = "stack",
    .help = "layers with an embedding and a tree each: what matters to what is learned",
    .options = &esp_stack_options,
    .create = create,
    .forward = forward,
    .backward = backward,
    .pass_free = pass_free,
    .place = place,
};
