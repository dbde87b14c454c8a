#include "io/relation_checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "io/checkpoint_parts.h"

/* The description of a relation as it stands in a file. */
typedef struct {
  int64_t layers, features, values, targets, dim, embed_hidden, separate, mlp, channels, average, include_self, width,
      hidden, tree_features, hidden_halves, split_levels, far, fade, leaf, block, pairs_per_particle, pairs_limit, step,
      moments;
  uint64_t seed;
  double gate_tolerance, theta;
  char embedding[ESP_CHECKPOINT_TEXT], tree_on[ESP_CHECKPOINT_TEXT], split[ESP_CHECKPOINT_TEXT],
      precision[ESP_CHECKPOINT_TEXT];
} description;

#define FIELD(name, kind, same) \
  { #name, ESP_FIELD_##kind, offsetof(description, name), same }
/* theta may differ where it is budgeted */
static const esp_checkpoint_field FIELDS[] = {FIELD(layers, WHOLE, 1),        FIELD(features, WHOLE, 1),
                                              FIELD(values, WHOLE, 1),        FIELD(targets, WHOLE, 1),
                                              FIELD(embedding, TEXT, 1),      FIELD(dim, WHOLE, 1),
                                              FIELD(embed_hidden, WHOLE, 1),  FIELD(separate, WHOLE, 1),
                                              FIELD(mlp, WHOLE, 1),           FIELD(channels, WHOLE, 1),
                                              FIELD(average, WHOLE, 1),       FIELD(include_self, WHOLE, 1),
                                              FIELD(width, WHOLE, 1),         FIELD(hidden, WHOLE, 1),
                                              FIELD(tree_on, TEXT, 1),        FIELD(tree_features, WHOLE, 1),
                                              FIELD(hidden_halves, WHOLE, 1), FIELD(split, TEXT, 1),
                                              FIELD(split_levels, WHOLE, 1),  FIELD(far, WHOLE, 1),
                                              FIELD(gate_tolerance, REAL, 1), FIELD(fade, WHOLE, 1),
                                              FIELD(seed, SEED, 1),           FIELD(leaf, WHOLE, 1),
                                              FIELD(block, WHOLE, 1),         FIELD(pairs_per_particle, WHOLE, 1),
                                              FIELD(precision, TEXT, 1),      FIELD(theta, REAL, 0),
                                              FIELD(pairs_limit, WHOLE, 0),   FIELD(step, WHOLE, 0),
                                              FIELD(moments, WHOLE, 0)};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

/* The int members of esp_relation_param and where they stand in a description. */
/* clang-format off */
#define INT_FIELDS(DO) \
  DO(layers) DO(features) DO(values) DO(targets) DO(dim) DO(embed_hidden) DO(separate) DO(mlp) DO(channels) \
  DO(average) DO(include_self) DO(width) DO(hidden) DO(tree_features) DO(hidden_halves) DO(split_levels) DO(far) \
  DO(fade)
/* clang-format on */

static description describe(const esp_relation *relation, const esp_adam *adam, const char *precision) {
  const esp_relation_param *p = &relation->param;
  description d = {.leaf = p->domain.leaf,
                   .block = p->domain.block,
                   .pairs_per_particle = p->domain.lists.pairs_per_particle,
                   .pairs_limit = p->domain.lists.pairs_limit,
                   .step = adam ? adam->step : 0,
                   .moments = adam != NULL,
                   .seed = p->seed,
                   .gate_tolerance = p->gate_tolerance,
                   .theta = p->domain.lists.theta};
#define TAKE(name) d.name = p->name;
  INT_FIELDS(TAKE)
#undef TAKE
  snprintf(d.embedding, sizeof d.embedding, "%s", esp_embed_name(p->embedding));
  snprintf(d.tree_on, sizeof d.tree_on, "%s", esp_tree_on_name(p->tree_on));
  snprintf(d.split, sizeof d.split, "%s", esp_split_name(p->split));
  snprintf(d.precision, sizeof d.precision, "%s", precision);
  return d;
}

static int small(const char *path, const char *name, int64_t value, int *out) {
  ESP_CHECK(value >= 0 && value <= INT32_MAX, ESP_ERR_FORMAT, "%s: %s is %lld, must be 0 to %d", path, name,
            (long long)value, INT32_MAX);
  *out = (int)value;
  return ESP_OK;
}

static int to_param(const char *path, const description *d, esp_relation_param *p) {
  const char *embeddings[] = {esp_embed_name(ESP_EMBED_LINEAR), esp_embed_name(ESP_EMBED_MLP),
                              esp_embed_name(ESP_EMBED_COORDINATES)};
  const char *trees[] = {esp_tree_on_name(ESP_TREE_ON_LEARNED), esp_tree_on_name(ESP_TREE_ON_FEATURES),
                         esp_tree_on_name(ESP_TREE_ON_HIDDEN)};
  const char *splits[] = {esp_split_name(ESP_SPLIT_WIDEST), esp_split_name(ESP_SPLIT_PCA),
                          esp_split_name(ESP_SPLIT_LEARNED)};
  int embedding, tree, split;
  ESP_CALL(esp_checkpoint_kind_of(path, "embedding", d->embedding, 3, embeddings, &embedding));
  ESP_CALL(esp_checkpoint_kind_of(path, "tree_on", d->tree_on, 3, trees, &tree));
  ESP_CALL(esp_checkpoint_kind_of(path, "split", d->split, 3, splits, &split));
  *p = (esp_relation_param){.embedding = (esp_embed_kind)embedding,
                            .tree_on = (esp_tree_on)tree,
                            .split = (esp_split_kind)split,
                            .gate_tolerance = d->gate_tolerance,
                            .seed = d->seed};
#define GIVE(name) ESP_CALL(small(path, #name, d->name, &p->name));
  INT_FIELDS(GIVE)
#undef GIVE
  ESP_CALL(small(path, "leaf", d->leaf, &p->domain.leaf));
  ESP_CALL(small(path, "block", d->block, &p->domain.block));
  p->domain.lists.theta = d->theta;
  p->domain.lists.pairs_per_particle = d->pairs_per_particle;
  p->domain.lists.pairs_limit = d->pairs_limit;
  return ESP_OK;
}

/* ---- writing ---- */

static int write_all(esp_file *file, const esp_relation *relation, const esp_adam *adam, const description *d) {
  ESP_CALL(esp_checkpoint_put_fields(file, ESP_RELATION_CHECKPOINT_FORMAT, FIELDS, FIELD_COUNT, d));
  return esp_checkpoint_put_block(file, &relation->block, adam);
}

int esp_relation_checkpoint_write(const esp_comm *comm, const char *path, const esp_relation *relation,
                                  const esp_adam *adam, const char *precision) {
  esp_file *file = NULL;
  const description d = describe(relation, adam, precision);
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  int rc = write_all(file, relation, adam, &d);
  if (rc) {
    esp_file_abort(&file);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return esp_file_commit(&file);
}

/* ---- reading ---- */

static int read_blocks(esp_file *file, const description *d, const esp_relation *relation, esp_adam *adam) {
  return esp_checkpoint_get_block(file, &relation->block, d->moments, d->step, adam);
}

static int get_fields(esp_file *file, description *d) {
  return esp_checkpoint_get_fields(file, ESP_RELATION_CHECKPOINT_FORMAT, FIELDS, FIELD_COUNT, d);
}

static int read_relation(esp_file *file, esp_relation *relation, esp_adam *adam, char *precision) {
  description d = {0};
  esp_relation_param param;
  ESP_CALL(get_fields(file, &d));
  ESP_CALL(to_param(file->path, &d, &param));
  ESP_AGREE(file->comm, esp_relation_create(&param, relation));
  if (adam) ESP_AGREE(file->comm, esp_adam_create(relation->block.count, adam));
  ESP_CALL(read_blocks(file, &d, relation, adam));
  if (precision) snprintf(precision, ESP_CHECKPOINT_PRECISION, "%.15s", d.precision);
  return ESP_OK;
}

int esp_relation_checkpoint_read(const esp_comm *comm, const char *path, esp_relation *relation, esp_adam *adam,
                                 char *precision) {
  esp_file *file = NULL;
  memset(relation, 0, sizeof *relation);
  if (adam) *adam = (esp_adam){0};
  ESP_CALL(esp_file_open(comm, path, &file));
  int rc = read_relation(file, relation, adam, precision);
  esp_file_close(&file);
  if (rc) {
    esp_relation_free(relation);
    if (adam) esp_adam_free(adam);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return ESP_OK;
}

/* ---- continuing ---- */

static int check_same(const char *path, const description *file, const description *run) {
  esp_differences all = {.length = 0};
  esp_differences_fields(&all, FIELDS, FIELD_COUNT, file, run);
  if (run->pairs_per_particle <= 0 && file->theta != run->theta)
    esp_differences_add(&all, "\n  theta: file %.17g, run %.17g", file->theta, run->theta);
  return esp_differences_refuse(&all, path);
}

/* A failure leaves relation and adam untouched: everything is read into copies first. */
int esp_relation_checkpoint_resume(const esp_comm *comm, const char *path, esp_relation *relation, esp_adam *adam,
                                   const char *precision) {
  int rc = ESP_OK;
  esp_file *file = NULL;
  esp_relation copy = {0};
  esp_adam moments = {0};
  description in_file = {0}, in_run = describe(relation, adam, precision);
  ESP_CALL(esp_file_open(comm, path, &file));
  ESP_TRY(get_fields(file, &in_file));
  ESP_TRY(check_same(path, &in_file, &in_run));
  rc = esp_relation_create(&relation->param, &copy);
  if (!rc) rc = esp_adam_create(relation->block.count, &moments);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(read_blocks(file, &in_file, &copy, adam ? &moments : NULL));
  const size_t bytes = (size_t)relation->block.count * sizeof(double);
  memcpy(relation->block.value, copy.block.value, bytes);
  relation->param.domain.lists.theta = in_file.theta;
  if (adam) {
    memcpy(adam->m, moments.m, bytes);
    memcpy(adam->v, moments.v, bytes);
    adam->step = moments.step;
  }
done:
  esp_file_close(&file);
  esp_relation_free(&copy);
  esp_adam_free(&moments);
  return rc;
}
