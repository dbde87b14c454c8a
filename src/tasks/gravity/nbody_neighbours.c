#include "tasks/gravity/nbody_neighbours.h"

#include <math.h>

typedef struct {
  double distance2;
  int index;
} neighbour;

static int closer(neighbour a, neighbour b) {
  return a.distance2 < b.distance2 || (a.distance2 == b.distance2 && a.index < b.index);
}

/* A heap of the k closest so far, the farthest on top. */
static void sift_down(neighbour *heap, int count, neighbour item) {
  int at = 0;
  for (int child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && closer(heap[child], heap[child + 1])) child++;
    if (!closer(item, heap[child])) break;
    heap[at] = heap[child];
  }
  heap[at] = item;
}

static void sift_up(neighbour *heap, int at, neighbour item) {
  for (; at > 0 && closer(heap[(at - 1) / 2], item); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = item;
}

static void difference(const double *xi, const double *xj, const double *box, double r[3]) {
  for (int a = 0; a < 3; a++) {
    r[a] = xj[a] - xi[a];
    if (box && box[a] > 0) r[a] -= box[a] * rint(r[a] / box[a]);
  }
}

static int nearest_of(int i, int n, const double (*x)[3], int k, const double *box, neighbour *heap) {
  int count = 0;
  for (int j = 0; j < n; j++) {
    if (j == i) continue;
    double r[3];
    difference(x[i], x[j], box, r);
    neighbour item = {r[0] * r[0] + r[1] * r[1] + r[2] * r[2], j};
    if (count < k)
      sift_up(heap, count++, item);
    else if (closer(item, heap[0]))
      sift_down(heap, count, item);
  }
  return count;
}

int esp_nbody_nearest(int n, const double (*x)[3], const double *m, int k, double eps, const double *box,
                      double (*a)[3]) {
  ESP_CHECK(k >= 0, ESP_ERR_ARG, "nearest neighbours: k = %d; at least 0 is needed", k);
  neighbour *heap;
  k = esp_imin(k, n); /* there are no more */
  ESP_CALL(ESP_ALLOC(heap, (size_t)k + 1));
  for (int i = 0; i < n; i++) {
    int count = k > 0 ? nearest_of(i, n, x, k, box, heap) : 0;
    a[i][0] = a[i][1] = a[i][2] = 0;
    for (int s = 0; s < count; s++) {
      double r[3], q = heap[s].distance2 + eps * eps;
      difference(x[i], x[heap[s].index], box, r);
      double f = q > 0 ? m[heap[s].index] / (q * sqrt(q)) : 0;
      for (int c = 0; c < 3; c++) a[i][c] += f * r[c];
    }
  }
  ESP_FREE(heap);
  return ESP_OK;
}
