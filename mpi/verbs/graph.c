/* graph: the learned graph of a test set, or of another code's file, as a file: who is near to whom where a layer of the trained
 * network has put them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/graph_file.h"
#include "net/recall.h"
#include "verbs/data.h"
#include "verbs/setup.h"

typedef struct {
  esp_run *run;
  const esp_task *task;
  int layer, near; /* near: the near lists, not the nearest */
  int64_t neighbours;
  esp_input_param input; /* file "": a test set */
  esp_set set;
  int dim; /* of the keys */
  /* Found while the network runs: */
  int seen;
  double scale, recall, seconds; /* recall < 0: nothing is known that it could be judged by */
  esp_graph graph;
} graphing;

/* ---- what is asked for ---- */

static int read_keys(graphing *g) {
  const esp_config *config = g->run->config;
  const char *path = esp_config_string(config, "graph_write");
  g->task = esp_setup_task(g->run);
  g->layer = (int)esp_config_int(config, "graph_layer");
  g->near = !strcmp(esp_config_string(config, "graph_lists"), "near");
  g->neighbours = g->near ? 0 : esp_config_int(config, "graph_neighbours");
  ESP_CHECK(!g->task->network->positions, ESP_ERR_CONFIG,
            "graph: the trees of data_task %s stand where the particles are; there is no learned space whose graph it "
            "would be",
            g->task->name);
  ESP_CHECK(!g->near || !esp_config_is_set(config, "graph_neighbours"), ESP_ERR_CONFIG,
            "graph_neighbours with graph_lists near: near lists are as long as they are");
  ESP_CALL(esp_options_fill(&esp_input_options, config, &g->input));
  if (g->input.file[0]) ESP_CALL(esp_task_check_input(g->task, 0));
  ESP_CHECK(!g->input.file[0] || !esp_config_is_set(config, "eval_set"), ESP_ERR_CONFIG,
            "input %s with eval_set: the graph is of one of the two", g->input.file);
  return path[0] ? esp_graph_file_check(path) : ESP_OK;
}

/* As `predict` takes it: of a record its last state. */
static int read_foreign(graphing *g, const esp_device *device) {
  esp_origin origin = {0};
  void *param = NULL;
  int rc = esp_setup_data(g->run, &param);
  ESP_TRY(g->run->comm->agree(g->run->comm, rc));
  ESP_TRY(esp_data_foreign(g->run, "graph", &g->input, param, device, &g->set, &origin));
  if (g->task->ready) rc = g->task->ready(param, &g->set);
  ESP_TRY(g->run->comm->agree(g->run->comm, rc));
done:
  ESP_FREE(param);
  return rc;
}

static int read_test(graphing *g) {
  const int64_t s = esp_config_int(g->run->config, "eval_set");
  esp_data data;
  int rc;
  ESP_CALL(esp_data_open(g->run, ESP_PART_TEST, 1, &data));
  ESP_NEED(s < data.file.sets[ESP_PART_TEST], ESP_ERR_CONFIG,
           "%s: eval_set %" PRId64 ": the file has %d test sets, numbered from 0", data.path, s,
           data.file.sets[ESP_PART_TEST]);
  ESP_TRY(esp_data_set(&data, g->run->comm, ESP_PART_TEST, (int)s, &g->set));
done:
  esp_data_close(&data);
  return rc;
}

static int read_set(graphing *g, const esp_device *device) {
  char path[4096];
  ESP_CALL(esp_run_data(g->run, path, sizeof path));
  ESP_CALL(g->input.file[0] ? read_foreign(g, device) : read_test(g));
  ESP_CHECK(g->near || g->neighbours < g->set.n, ESP_ERR_CONFIG,
            "%s: graph_neighbours %" PRId64 ": there are %" PRId64 " particles, and none is its own neighbour",
            g->input.file[0] ? g->input.file : path, g->neighbours, g->set.n);
  return ESP_OK;
}

/* ---- while the network runs ---- */

/* Against who belongs together, if somebody knows. */
static int judge(graphing *g) {
  const esp_showing *showing = g->task->showing;
  void *param = NULL;
  esp_truth truth = {0};
  int rc = ESP_OK;
  g->recall = -1;
  if (!showing->truth) return ESP_OK;
  rc = esp_setup_options(g->run, showing->options, &param);
  if (!rc) rc = showing->truth(param, &g->set, g->layer, &truth);
  ESP_TRY(g->run->comm->agree(g->run->comm, rc));
  if (!truth.r) goto done;
  ESP_TRY(esp_recall_rows(g->run->comm, &g->graph, truth.r, truth.sender, truth.receiver, truth.neighbours,
                          truth.samples, truth.seed, &g->recall));
  esp_run_say(g->run,
              "graph: recall %.4f: of the %d nearest in the hidden space, the share that are senders of the row\n",
              g->recall, truth.neighbours);
done:
  ESP_FREE(truth.sender);
  ESP_FREE(truth.receiver);
  ESP_FREE(param);
  return rc;
}

static int visit_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  graphing *g = context;
  if (l != g->layer) return ESP_OK;
  const double start = esp_wall();
  g->seen = 1;
  g->scale = dom->param.lists.rule == &esp_rule_size ? dom->param.lists.rule_number : 0;
  if (g->near)
    ESP_CALL(esp_graph_near(dom, g->set.first, g->dim, key, query, &g->graph));
  else
    ESP_CALL(esp_graph_nearest(dom, g->set.first, g->dim, key, query, g->neighbours, &g->graph));
  g->seconds = esp_wall() - start;
  return judge(g);
}

static int run_network(graphing *g, esp_model *model, const esp_device *device) {
  const esp_backend backend = esp_setup_sharded(g->run, device);
  const esp_visit visit = {.layer = visit_layer, .context = g};
  const esp_comm *comm = g->run->comm;
  esp_place place;
  esp_cost cost = {0};
  char path[4096];
  double *y = NULL;
  int rc;
  ESP_CALL(esp_run_checkpoint(g->run, path, sizeof path));
  ESP_CALL(esp_error_blame(model->network->place(model, NULL, NULL, &place, NULL, NULL), path));
  g->dim = place.domain.dim;
  ESP_CALL(esp_setup_aim(g->run, "graph", model, device, &g->set));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(y, (size_t)g->set.n_home * (size_t)model->sizes.width[ESP_TARGET])));
  ESP_TRY(model->network->forward(model, &backend, &g->set, &visit, y, &cost, NULL));
  ESP_NEED(g->seen, ESP_ERR_CONFIG,
           "graph_layer %d: the network of %s has %" PRId64
           " layers (groups of layers where net_depth is reversible), "
           "numbered from 0",
           g->layer, path, cost.layers);
done:
  ESP_FREE(y);
  return rc;
}

/* ---- results ---- */

static int write_graph(graphing *g, esp_graph_about *about) {
  esp_run *run = g->run;
  const char *path = esp_config_string(run->config, "graph_write");
  const double start = esp_wall();
  if (!path[0]) return ESP_OK;
  ESP_CALL(esp_graph_write(run->comm, path, &g->graph, g->set.id, about));
  cJSON_AddStringToObject(run->json, "graph", path);
  cJSON_AddNumberToObject(run->json, "write_seconds", esp_wall() - start);
  esp_run_say(run, "graph: %s, in %.2f s\n", path, esp_wall() - start);
  return ESP_OK;
}

static int tell(graphing *g, const esp_model *model) {
  esp_run *run = g->run;
  const esp_graph *graph = &g->graph;
  char text[24];
  int64_t most = (int64_t)esp_memory_peak();
  esp_graph_about about = {.task = g->task->name,
                           .network = model->network->name,
                           .neighbours = g->neighbours,
                           .layer = g->layer,
                           .dim = g->dim,
                           .scale = g->scale,
                           .checkpoint = esp_model_checksum(model)};
  ESP_CALL(esp_set_checksum(run->comm, &g->set, &about.data));
  ESP_CALL(esp_graph_checksum(run->comm, graph, &about.checksum));
  ESP_CALL(run->comm->max_i64(run->comm, &most, 1));
  const double n = graph->n ? (double)graph->n : 1;
  snprintf(text, sizeof text, "%016" PRIx64, about.checksum);
  cJSON_AddNumberToObject(run->json, "particles", (double)graph->n);
  cJSON_AddNumberToObject(run->json, "layer", g->layer);
  cJSON_AddNumberToObject(run->json, "edges", (double)graph->edges);
  cJSON_AddNumberToObject(run->json, "edges_per_particle", (double)graph->edges / n);
  if (g->recall >= 0) cJSON_AddNumberToObject(run->json, "recall", g->recall);
  cJSON_AddNumberToObject(run->json, "graph_seconds", g->seconds);
  cJSON_AddNumberToObject(run->json, "memory_bytes_rank", (double)most);
  cJSON_AddStringToObject(run->json, "graph_checksum", text); /* the same on any number of ranks */
  esp_run_say(run,
              "graph: %s of layer %d: %" PRId64 " edges, %.1f a particle, among %" PRId64
              " particles in %d learned dimensions; %.2f s on %d ranks, %.0f MiB a rank\n",
              g->near ? "near lists" : "nearest senders", g->layer, graph->edges, (double)graph->edges / n, graph->n,
              g->dim, g->seconds, run->comm->size, (double)most / 1048576);
  return write_graph(g, &about);
}

int esp_verb_graph(esp_run *run) {
  graphing g = {.run = run};
  esp_model model = {0};
  const esp_device *device;
  int rc;
  ESP_TRY(run->comm->agree(run->comm, read_keys(&g)));
  ESP_TRY(esp_setup_trained(run, &model, &device));
  ESP_TRY(read_set(&g, device));
  ESP_TRY(run_network(&g, &model, device));
  ESP_TRY(tell(&g, &model));
done:
  esp_graph_free(&g.graph);
  esp_set_free(&g.set);
  esp_model_free(&model);
  return rc;
}
