/* Figures, and the row. */
#include "tasks/nodes/show.h"

#include "net/entropy.h"

enum { ACCURACY, ENTROPY, F1 };
static const esp_figure figures[] = {[ACCURACY] = {.name = "accuracy", .title = "accuracy", .format = "%.4f"},
                                     [ENTROPY] = {.name = "cross_entropy", .title = "entropy", .format = "%.4f"},
                                     [F1] = {.name = "f1", .title = "F1", .format = "%.4f"},
                                     {0}};

int esp_nodes_largest(const double *y, int K) {
  return esp_softmax_of(K, y).first;
}

int esp_nodes_class(const esp_set *set, int i) {
  const int K = set->width[ESP_NODES_CLASS];
  const double *row = set->value[ESP_NODES_CLASS] + (size_t)i * (size_t)K;
  for (int c = 0; c < K; c++)
    if (row[c] == 1) return c;
  return -1;
}

/* Mean over the classes of 2 hits / (2 hits + misses + false alarms); a class that nobody is of and nobody says has none. */
static double macro_f1(int K, const int64_t *hit, const int64_t *is, const int64_t *said) {
  double sum = 0;
  int classes = 0;
  for (int c = 0; c < K; c++) {
    if (!is[c] && !said[c]) continue;
    sum += 2 * (double)hit[c] / (double)(is[c] + said[c]);
    classes++;
  }
  return classes ? sum / classes : 0;
}

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  (void)param, (void)seen;
  const esp_comm *comm = backend->comm;
  const int K = set->width[ESP_NODES_CLASS];
  int64_t *count = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(count, 3 * K)));
  for (int i = 0; i < set->n_home; i++) {
    const double weight = set->value[ESP_NODES_WEIGHT][i], *row = y + (size_t)i * (size_t)K;
    const esp_softmax softmax = esp_softmax_of(K, row);
    const int c = esp_nodes_class(set, i), says = softmax.first;
    if (c < 0 || !(weight > 0)) continue;
    esp_tally_add(tally, ACCURACY, says == c ? weight : 0, weight);
    esp_tally_add(tally, ENTROPY, weight * (esp_log64(softmax.sum) - (row[c] - softmax.top)), weight);
    count[c] += says == c, count[K + c]++, count[2 * K + says]++;
  }
  ESP_TRY(comm->sum_i64(comm, count, (size_t)(3 * K)));
  int64_t judged = 0;
  for (int c = 0; c < K; c++) judged += count[K + c];
  if (!comm->rank && judged) esp_tally_add(tally, F1, macro_f1(K, count, count + K, count + 2 * K), 1);
done:
  ESP_FREE(count);
  return rc;
}

#define OF esp_nodes_show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){ESP_INT_ROW(OF, neighbours, "eval_nodes_neighbours", "20", 1, 4096, "nodes",
                                     "of task nodes: neighbours in the graph of nearest raw features that is compared"),
                         ESP_REAL_ROW(OF, dropout, "eval_nodes_dropout", "0", 0, 0.95, "",
                                      "of task nodes: as net_dropout, of the perceptron that is compared"),
                         ESP_PART_ROW(OF, train, esp_train_options),
                         {0}},
    NULL};
#undef OF

static const esp_heading headings[] = {{"accuracy", "accuracy"},
                                       {"cross_entropy", "cross-entropy"},
                                       {"f1", "mean F1"},
                                       {"share", "near pairs over all pairs"},
                                       {"near_alone", "accuracy of near pairs alone"},
                                       {"error", "standard error of the accuracy"},
                                       {"own", "the network's own tree"},
                                       {0}};

const esp_showing esp_nodes_showing = {
    .options = &options,
    .figure = figures,
    .larger = 1,
    .method = esp_nodes_methods,
    .picture = esp_nodes_pictures,
    .about =
        "Here the nodes of a graph have classes, few of which are told, and the graph is given, or found: every node "
        "hears, "
        "in the space of a learned embedding of the features, near nodes one by one and the rest cell by cell.",
    .ladder =
        "Accuracy: share of the test nodes whose class is the one said. Entropy: mean of -ln of the probability of the "
        "class. "
        "F1: mean over the classes. Shares of the classes: those of the nodes learned from. The perceptron and the "
        "graph convolutions are networks of the same widths, trained by the same keys from start values of their own: "
        "without a "
        "graph, on the given edges, on those of the nearest nodes (eval_nodes_neighbours by the cosine of features, of "
        "words by which of them they share). "
        "Methods "
        "that a size does not allow are left out.",
    .heading = headings,
    .fit = esp_nodes_fit,
    .unfit = esp_nodes_unfit,
    .judge = judge,
    .draw = esp_nodes_show,
};
