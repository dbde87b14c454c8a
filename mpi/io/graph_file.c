#include "io/graph_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/functions.h"
#include "io/file.h"

typedef int (*writer)(const esp_comm *comm, const char *path, const esp_graph *graph, const int64_t *id,
                      const esp_graph_about *about);

double esp_graph_weight(const esp_graph_about *about, double distance) {
  const double r = about->scale > 0 ? distance / about->scale : 0;
  return esp_exp64(-0.5 * (r * r));
}

/* ---- HDF5 ---- */

static int write_words(esp_file *file, const esp_graph_about *about) {
  const struct {
    const char *name, *text;
  } words[] = {{"format", "espalier graph"},
               {"task", about->task},
               {"network", about->network},
               {"kind", about->neighbours ? "nearest" : "near lists"},
               {"unit", "learned: the network chose it; distances and scale have the same"},
               {"rows", "receivers"},
               {"columns", "senders"},
               {"order", "of a row nearest first, ties to the lower id"},
               {"weights", about->scale > 0 ? "exp(-distance^2 / (2 scale^2))" : "1: the message has no gate"}};
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
    ESP_CALL(esp_file_attr_write_string(file, "/", words[k].name, words[k].text));
  const struct {
    const char *name;
    uint64_t sum;
  } sums[] = {{"checkpoint", about->checkpoint}, {"data", about->data}, {"checksum", about->checksum}};
  for (size_t k = 0; k < sizeof sums / sizeof sums[0]; k++) {
    char text[20];
    snprintf(text, sizeof text, "%016" PRIx64, sums[k].sum);
    ESP_CALL(esp_file_attr_write_string(file, "/", sums[k].name, text));
  }
  return ESP_OK;
}

static int write_numbers(esp_file *file, const esp_graph *graph, const esp_graph_about *about) {
  const int version = 1;
  const int64_t shape[2] = {graph->n, graph->n};
  ESP_CALL(esp_file_attr_write(file, "/", "version", ESP_FILE_I32, 0, &version));
  ESP_CALL(esp_file_attr_write(file, "/", "layer", ESP_FILE_I32, 0, &about->layer));
  ESP_CALL(esp_file_attr_write(file, "/", "dim", ESP_FILE_I32, 0, &about->dim));
  ESP_CALL(esp_file_attr_write(file, "/", "neighbours", ESP_FILE_I64, 0, &about->neighbours));
  ESP_CALL(esp_file_attr_write(file, "/", "edges", ESP_FILE_I64, 0, &graph->edges));
  ESP_CALL(esp_file_attr_write(file, "/", "shape", ESP_FILE_I64, 2, shape));
  return esp_file_attr_write(file, "/", "scale", ESP_FILE_F64, 0, &about->scale);
}

/* The last rank has the end of the last row, too. */
static int write_indptr(esp_file *file, const esp_comm *comm, const esp_graph *graph) {
  const int rows = graph->n_home + (comm->rank == comm->size - 1);
  int64_t *start = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(start, rows)));
  for (int i = 0; i < rows; i++) start[i] = graph->before + graph->start[i];
  ESP_TRY(esp_file_write(file, "indptr", ESP_FILE_I64, 0, graph->n + 1, graph->first, rows, start, 0));
done:
  ESP_FREE(start);
  return rc;
}

static int write_edges(esp_file *file, const esp_comm *comm, const esp_graph *graph, const esp_graph_about *about) {
  const int64_t own = graph->start[graph->n_home];
  double *weight = NULL;
  int rc;
  ESP_TRY(esp_file_write(file, "indices", ESP_FILE_I64, 0, graph->edges, graph->before, own, graph->sender, 0));
  ESP_TRY(esp_file_write(file, "distance", ESP_FILE_F64, 0, graph->edges, graph->before, own, graph->distance, 0));
  ESP_TRY(comm->agree(comm, ESP_RESERVE(weight, own)));
  for (int64_t e = 0; e < own; e++) weight[e] = esp_graph_weight(about, graph->distance[e]);
  ESP_TRY(esp_file_write(file, "weight", ESP_FILE_F64, 0, graph->edges, graph->before, own, weight, 0));
done:
  ESP_FREE(weight);
  return rc;
}

static int write_hdf5(const esp_comm *comm, const char *path, const esp_graph *graph, const int64_t *id,
                      const esp_graph_about *about) {
  esp_file *file = NULL;
  int rc;
  ESP_TRY(esp_file_create_begin(comm, path, &file));
  ESP_TRY(write_words(file, about));
  ESP_TRY(write_numbers(file, graph, about));
  ESP_TRY(write_indptr(file, comm, graph));
  ESP_TRY(write_edges(file, comm, graph, about));
  ESP_TRY(esp_file_write(file, "id", ESP_FILE_U64, 0, graph->n, graph->first, graph->n_home, id, 0));
  rc = esp_file_commit(&file);
done:
  esp_file_abort(&file);
  return rc;
}

static int write_text(const esp_comm *comm, const char *path, const esp_graph *graph, const int64_t *id,
                      const esp_graph_about *about) {
  (void)id;
  return esp_graph_write_text(comm, path, graph, about);
}

/* ---- by the path's ending ---- */

static writer writer_of(const char *path) {
  static const struct {
    const char *ending;
    writer write;
  } known[] = {{".h5", write_hdf5}, {".hdf5", write_hdf5}, {".mtx", write_text}};
  const char *name = strrchr(path, '/'), *ending = strrchr(name ? name + 1 : path, '.');
  for (size_t k = 0; ending && k < sizeof known / sizeof known[0]; k++)
    if (!strcmp(ending, known[k].ending)) return known[k].write;
  return NULL;
}

int esp_graph_file_check(const char *path) {
  ESP_CHECK(writer_of(path), ESP_ERR_CONFIG,
            "graph_write %s: its ending says what is written: .h5 or .hdf5 (rows compressed), .mtx (Matrix Market)",
            path);
  return ESP_OK;
}

int esp_graph_write(const esp_comm *comm, const char *path, const esp_graph *graph, const int64_t *id,
                    const esp_graph_about *about) {
  ESP_CALL(esp_graph_file_check(path));
  return writer_of(path)(comm, path, graph, id, about);
}
