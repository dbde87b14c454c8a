#include "domain/settle.h"

#include <string.h>

static int build(const esp_backend *backend, const esp_model *model, const esp_set *set, esp_domain **dom) {
  esp_place place;
  double *key = NULL;
  int rc = model->network->place(model, set, &place, NULL, NULL);
  if (!rc) rc = ESP_ALLOC(key, (size_t)set->n_home * (size_t)place.domain.dim);
  if (!rc) rc = model->network->settle(model, set, key);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  /* leaves and blocks of the network, so that the cuts fall alike; the lists are not used: a wide angle keeps them short */
  const esp_domain_param param = {
      .leaf = place.domain.leaf, .block = place.domain.block, .dim = place.domain.dim, .lists = {.theta = 2}};
  ESP_TRY(backend->build(backend->comm, &param, set->n_home, key, NULL, set->id, dom));
done:
  ESP_FREE(key);
  return rc;
}

int esp_set_settle(const esp_backend *backend, const esp_model *model, esp_set *set) {
  const esp_comm *comm = backend->comm;
  esp_domain *dom = NULL;
  esp_set settled;
  int rc;
  if (!model->network->settle) return ESP_OK;
  ESP_CHECK(set->frames == 0, ESP_ERR_ARG, "a set with %d frames cannot settle", set->frames);
  ESP_CALL(build(backend, model, set, &dom));
  settled = *set;
  settled.first = dom->tree.slot_first;
  settled.n_home = dom->n_own;
  rc = esp_set_create(&settled); /* empty if it fails */
  ESP_TRY(comm->agree(comm, rc));
  if (dom->n_own) memcpy(settled.id, dom->id, (size_t)dom->n_own * sizeof *settled.id);
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->width[k])
      ESP_TRY(dom->ops->to_slots(dom, (size_t)set->width[k] * sizeof(double), set->value[k], settled.value[k]));
  esp_set old = *set;
  *set = settled;
  settled = old;
done:
  esp_set_free(&settled);
  esp_domain_free(&dom);
  return rc;
}

/* ---- clouds ---- */

typedef struct {
  int64_t id;
  double m, x[3], v[3], D[3], K[3];
} body;

static void pack(const esp_cloud *cloud, body *b) {
  for (int i = 0; i < cloud->n_home; i++) {
    b[i].id = cloud->id[i];
    b[i].m = cloud->m[i];
    memcpy(b[i].x, cloud->x[i], sizeof b[i].x);
    memcpy(b[i].v, cloud->v[i], sizeof b[i].v);
    if (cloud->D) memcpy(b[i].D, cloud->D[i], sizeof b[i].D);
    if (cloud->K) memcpy(b[i].K, cloud->K[i], sizeof b[i].K);
  }
}

static void unpack(const body *b, esp_cloud *cloud) {
  for (int i = 0; i < cloud->n_home; i++) {
    cloud->id[i] = b[i].id;
    cloud->m[i] = b[i].m;
    memcpy(cloud->x[i], b[i].x, sizeof b[i].x);
    memcpy(cloud->v[i], b[i].v, sizeof b[i].v);
    if (cloud->D) memcpy(cloud->D[i], b[i].D, sizeof b[i].D);
    if (cloud->K) memcpy(cloud->K[i], b[i].K, sizeof b[i].K);
  }
}

static int build_cloud(const esp_backend *backend, int leaf, int block, const esp_cloud *cloud, esp_domain **dom) {
  esp_domain_param param = {.leaf = leaf, .block = block, .dim = cloud->dim};
  param.lists.theta = 2; /* the lists are not used; a wide angle keeps them short */
  double *z;
  const double half = 0.5 * (cloud->model ? 1 : cloud->T); /* the middle of the horizon is nearest to all layers */
  ESP_AGREE(backend->comm, ESP_ALLOC(z, (size_t)cloud->n_home * (size_t)cloud->dim));
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < cloud->dim; a++)
      z[(size_t)i * (size_t)cloud->dim + (size_t)a] = cloud->x[i][a] + half * cloud->v[i][a];
  int rc = backend->build(backend->comm, &param, cloud->n_home, z, NULL, cloud->id, dom);
  ESP_FREE(z);
  return rc;
}

int esp_cloud_settle(const esp_backend *backend, int leaf, int block, esp_cloud *cloud) {
  const esp_comm *comm = backend->comm;
  esp_domain *dom = NULL;
  body *home = NULL, *slots = NULL;
  esp_cloud settled = {0};
  ESP_CALL(build_cloud(backend, leaf, block, cloud, &dom));
  int rc = ESP_ALLOC(home, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(slots, dom->n_own);
  if (!rc) rc = esp_cloud_create(cloud->n, dom->n_own, cloud->D && cloud->K, &settled);
  ESP_TRY(comm->agree(comm, rc));
  pack(cloud, home);
  ESP_TRY(dom->ops->to_slots(dom, sizeof *home, home, slots));
  unpack(slots, &settled);
  /* the fields that are not arrays stay as they are */
  esp_cloud old = *cloud;
  *cloud = settled;
  cloud->n = old.n, cloud->dim = old.dim, cloud->model = old.model, cloud->G = old.G, cloud->eps = old.eps;
  cloud->d = old.d, cloud->T = old.T;
  memcpy(cloud->box, old.box, sizeof cloud->box);
  settled = old;
done:
  esp_cloud_free(&settled);
  ESP_FREE(slots);
  ESP_FREE(home);
  esp_domain_free(&dom);
  return rc;
}
