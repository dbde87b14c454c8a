/* Where particles are at the start of a stack: see network.h. */
#include "net/stack_work.h"

/* Keys (and queries, or NULL) of the first layer. */
static int place_keys(esp_stack_walk *k, double *key, double *query) {
  const esp_stack_slot *at = &k->plan->slot[0];
  double *work = NULL;
  int rc = esp_stack_pass_begin(k);
  if (!rc) rc = ESP_ALLOC(work, (size_t)k->n * (size_t)at->embed.hidden);
  ESP_TRY(k->backend->comm->agree(k->backend->comm, rc));
  ESP_TRY(esp_stack_lift(k));
  ESP_TRY(esp_stack_see(k, 0));
  const double *input = esp_stack_embedded(k);
  esp_embed_forward(k->device, &at->embed, k->value + at->key, k->n, input, work, key);
  if (query) esp_embed_forward(k->device, &at->embed, k->value + at->query, k->n, input, work, query);
done:
  ESP_FREE(work);
  return rc;
}

int esp_stack_place(const esp_model *model, const esp_comm *comm, const esp_set *set, esp_place *where, double *key,
                    double *query) {
  const esp_backend host = esp_backend_host(comm);
  const esp_stack_param *p = model->param;
  const esp_stack_plan *plan = model->plan;
  const esp_stack_slot *at = &plan->slot[0];
  const esp_message *message = at->form.message;
  const esp_form form = esp_stack_form(p, at);
  const double scale = message->fade ? message->fade(&form, model->block.value + at->message) : 0;
  esp_pass *pass = NULL;
  ESP_CHECK(p->tree_on == ESP_TREE_ON_LEARNED, ESP_ERR_CONFIG,
            "the trees of this network stand on %s (tree_on): they are not cut by learned keys",
            esp_tree_on_name(p->tree_on));
  *where = (esp_place){.domain = p->domain,
                       .queries = p->separate,
                       .source_bytes = (size_t)at->wide.source * sizeof(double),
                       .cell_bytes = (size_t)esp_form_widths(&form).cell * sizeof(double)};
  where->domain.dim = p->dim;
  where->domain.split = (esp_split_rule){.kind = p->split, .levels = p->split_levels};
  if (p->split == ESP_SPLIT_LEARNED) where->domain.split.normal = model->block.value + at->normal;
  if (scale > 0) where->domain.lists.rule = &esp_rule_size, where->domain.lists.rule_number = scale;
  if (!key) return ESP_OK;
  ESP_AGREE(comm, ESP_ALLOC(pass, 1));
  pass->device = host.device;
  esp_stack_walk k = esp_stack_walk_of(model, &host, set, pass);
  const int rc = place_keys(&k, key, p->separate ? query : NULL);
  esp_stack_pass_free(&pass);
  ESP_CALL(rc);
  return ESP_OK;
}
