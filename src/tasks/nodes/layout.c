/* The columns, the keys. */
#include <math.h>

#include "tasks/nodes/data.h"

static const esp_column columns[] = {
    [ESP_NODES_X] = {"x", ESP_INPUT, .optional = 1, .min = -INFINITY, .foreign = "features", .unit = "1",
                     .help = "features that are numbers"},
    [ESP_NODES_WORDS] = {"words", ESP_INPUT, .optional = 1, .min = -INFINITY, .foreign = "features", .unit = "1",
                         .help = "features most of which are 0", .lying = ESP_SPARSE},
    [ESP_NODES_EDGES] = {"edges", ESP_EXTRA, .width = 1, .optional = 1, .min = 0, .foreign = "edges", .unit = "1",
                         .help = "who hears whom, and with what weight", .lying = ESP_EDGES},
    [ESP_NODES_CLASS] = {"class", ESP_TARGET, .min = -INFINITY, .foreign = "class", .unit = "1",
                         .help = "1 at the class, 0 elsewhere; all 0: it has none"},
    [ESP_NODES_WEIGHT] = {"weight", ESP_WEIGHT, .width = 1, .unit = "1", .help = "1: it counts in this part"},
    [ESP_NODES_VALIDATION] = {"validation", ESP_VALIDATION, .width = 1, .unit = "1",
                              .help = "1: it counts where steps of the training are chosen among"},
    [ESP_NODES_SPLIT] = {"split", ESP_EXTRA, .width = 1, .foreign = "split", .unit = "1",
                         .help = "1: train, 2: validation, 3: test, 0: none of them"},
    {0},
};
static const esp_number numbers[] = {{0}};
const esp_layout esp_nodes_layout = {columns, numbers, "numbers without a unit"};

#define OF esp_nodes_data

/* clang-format off */
const esp_options esp_nodes_options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_CHOICE_ROW(OF, of, "data_nodes_of", "file", "file|drawn",
            "of task nodes: a graph of key input; or one that is drawn: classes on a ring of places"),
        ESP_CHOICE_ROW(OF, features, "data_nodes_features", "auto", "auto|as_is|tfidf|standard",
            "of task nodes: what becomes of features: tfidf, rows of norm 1; standard, mean 0 and deviation 1; auto: tfidf "
            "of sparse ones, standard of dense ones"),
        ESP_INT_ROW(OF, train, "data_nodes_train", "50", 1, ESP_COUNT_MAX, "nodes",
            "of task nodes, where there is no split: nodes whose class is learned from, by share of their class"),
        ESP_INT_ROW(OF, validation, "data_nodes_validation", "100", 0, ESP_COUNT_MAX, "nodes",
            "of task nodes, where there is no split: nodes that choose among the steps of the training; the others are "
            "for the test"),
        ESP_INT_ROW(OF, classes, "data_nodes_classes", "8", 1, 4096, "classes", "of nodes that are drawn"),
        ESP_INT_ROW(OF, width, "data_nodes_width", "16", 1, 65536, "numbers", "features of nodes that are drawn"),
        ESP_INT_ROW(OF, degree, "data_nodes_degree", "20", 0, 65536, "nodes",
            "neighbours of a node that is drawn, in the mean"),
        ESP_REAL_ROW(OF, reach, "data_nodes_reach", "0.02", 0, 0.5, "",
            "of nodes that are drawn: how far on the ring near neighbours are at most, over the way around it"),
        ESP_REAL_ROW(OF, any, "data_nodes_any", "0.2", 0, 1, "",
            "of nodes that are drawn: share of the neighbours that are anywhere on the ring"),
        ESP_REAL_ROW(OF, noise, "data_nodes_noise", "0.5", 0, 1e6, "",
            "of nodes that are drawn: deviation of features, those without noise being of mean square 1"),
        ESP_SEED_ROW(OF, seed),
        {0}},
    NULL};
/* clang-format on */
