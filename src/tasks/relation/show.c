#include "tasks/relation/show.h"

#include <math.h>
#include <string.h>

#include "net/loss.h"
#include "tasks/learned.h"

/* ---- figures ---- */

enum { NMSE, RECALL };
static const esp_figure figures[] = {
    [NMSE] = {"nmse", "nMSE", "%.6f", 0}, [RECALL] = {"recall", "recall", "%.4f", 0}, {0}};

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  (void)param;
  const esp_backend host = esp_backend_host(backend->comm);
  double nmse;
  ESP_CALL(esp_loss_nmse.value(NULL, &host, set, y, 1, NULL, &nmse));
  if (backend->comm->rank) return ESP_OK;
  esp_tally_add(tally, NMSE, nmse, 1);
  if (!isnan(seen)) esp_tally_add(tally, RECALL, seen, 1);
  return ESP_OK;
}

/* ---- recall of layer 0's tree ---- */

int esp_relation_halves_of(const esp_set *set) {
  int at = 0;
  for (const esp_number *number = set->layout->number; number->name; at += number->count, number++) {
    if (strcmp(number->name, "law") || !number->names || set->about[at].whole < 0) continue;
    const char *law = number->names((int)set->about[at].whole);
    return !law ? 0 : !strcmp(law, "upstream") ? 1 : !strcmp(law, "twice") ? 2 : 0;
  }
  return 0;
}

static int copy_columns(const esp_set *set, int first, int r, double **out) {
  int hidden;
  const double *z = esp_set_role(set, ESP_HIDDEN, 0, &hidden);
  ESP_CALL(ESP_ALLOC(*out, (size_t)set->n_home * (size_t)r));
  for (int i = 0; i < set->n_home; i++)
    memcpy(*out + (size_t)i * (size_t)r, z + (size_t)i * (size_t)hidden + first, (size_t)r * sizeof(double));
  return ESP_OK;
}

/* Of the layers behind the first nobody says what they are to find. */
static int truth_of(const void *param, const esp_set *set, int l, esp_truth *t) {
  const esp_relation_show_param *p = param;
  const int halves = esp_relation_halves_of(set), hidden = esp_set_role_width(set, ESP_HIDDEN);
  *t = (esp_truth){.neighbours = p->neighbours, .samples = p->samples, .seed = p->seed};
  if (l > 0) return ESP_OK;
  t->r = hidden / (halves ? 2 : 1);
  if (t->r) ESP_CALL(copy_columns(set, 0, t->r, &t->sender));
  if (t->r && halves == 1) ESP_CALL(copy_columns(set, t->r, t->r, &t->receiver));
  return ESP_OK;
}

static int watch(const void *param, const esp_backend *backend, const esp_set *set, esp_visit *visit, double **value) {
  esp_truth truth;
  const int rc = truth_of(param, set, 0, &truth);
  return esp_recall_watch(rc, &truth, backend, set, visit, value);
}

/* ---- the row ---- */

#define OF esp_relation_show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_INT_ROW(OF, neighbours, "eval_recall_neighbours", "16", 1, 4096, "particles",
                    "hidden neighbours that recall looks for among the near pairs; neighbours of the classical method"),
        ESP_INT_ROW(OF, samples, "eval_samples", "1024", 1, ESP_COUNT_MAX, "particles",
                    "particles on which recall is found"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
#undef OF

static const esp_watching watching = {"recall", watch, esp_recall_unwatch};

const esp_showing esp_relation_showing = {
    .options = &options,
    .figure = figures,
    .method = esp_relation_methods,
    .picture = esp_relation_pictures,
    .about =
        "Here the tree is learned: every layer embeds the particles in a space of its own, found from the targets "
        "alone, grows a balanced tree there, and sums near pairs one by one and the rest cell by cell.",
    .ladder =
        "nMSE: mean square error over the variance of a set's targets, mean over the sets (1: as if each set's own "
        "mean were told; the mean of the targets is that of training). Recall: share of the nearest in the hidden "
        "space (eval_recall_neighbours of them) that are near pairs. Tree on raw features, on hidden space: the "
        "same trained network, its lists from another tree. Methods that a size does not allow are left out.",
    .fit = esp_relation_fit,
    .unfit = esp_relation_unfit,
    .judge = judge,
    .watching = &watching,
    .truth = truth_of,
    .draws_first = 1,
    .look = esp_relation_look,
    .draw = esp_relation_draw,
};
