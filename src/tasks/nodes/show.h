/* Inside src/tasks/nodes: what is compared and shown. */
#ifndef ESP_NODES_SHOW_H
#define ESP_NODES_SHOW_H

#include "net/convolution.h"
#include "tasks/nodes/data.h"

typedef struct {
  esp_train_param train; /* of the rivals: as the network was trained */
  int neighbours;        /* of the graph that is made of raw features */
  double dropout;        /* of the perceptron's training, as in net/convolution.h */
} esp_nodes_show_param;

extern const esp_showing esp_nodes_showing;
extern const esp_method esp_nodes_methods[];
extern const esp_picture esp_nodes_pictures[];

/* The first of the largest of y [K]; the class of node i, -1: none. Local, pure. */
int esp_nodes_largest(const double *y, int K);
int esp_nodes_class(const esp_set *set, int i);

/* Edges of the graph of nearest nodes: i and j hear each other where one is among the k of the largest cosine of features above 0
 * of the other, ties to the lower number. All features come to every rank. O(n) memory, O(n^2 D) time of dense features, of
 * sparse ones what their words have in common. Collective. ESP_ERR_LIMIT above ESP_NODES_NEAREST nodes. */
enum { ESP_NODES_NEAREST = 16384 };
int esp_nodes_nearest(const esp_comm *comm, const esp_set *set, int k, esp_csr *edges);

int esp_nodes_fit(const void *param, const esp_model *trained, const esp_backend *backend, const esp_sets *training,
                  void **fitted);
void esp_nodes_unfit(void **fitted);
int esp_nodes_show(const void *param, const esp_model *untrained, const esp_model *trained, const esp_backend *backend,
                   const esp_set *set, const double *y, esp_show *show);

#endif
