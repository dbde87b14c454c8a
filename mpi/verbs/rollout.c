#include "verbs/rollout.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/metrics.h"
#include "verbs/csv_out.h"
#include "verbs/methods.h"
#include "verbs/setup.h"

enum { LARGEST = 4096, WORDS = ESP_EXACT_FULL_WORDS };

/* One method: exact sums over this rank's clouds. */
typedef struct {
  int64_t *squares;      /* [frames][WORDS] */
  int64_t energy[WORDS]; /* of |(H_end - H_0) / H_0| */
  int64_t terms, clouds; /* components a frame, clouds */
} tally;

typedef struct {
  esp_run *run;
  const esp_ensemble *ensemble;
  esp_methods methods;
  int steps;  /* predictions */
  int frames; /* of them with a truth; 0 in task G */
  int whole;  /* predictions a horizon: 1, or 2 half steps */
} plan;

/* Squared error of a state in model units against frame f of cloud c. */
static int add_frame(const plan *p, int c, int f, const esp_cloud *cloud, double (*x)[3], double (*v)[3],
                     int64_t *acc) {
  ESP_CALL(esp_ensemble_frame(p->ensemble, ESP_PART_TEST, c, f, 0, cloud->n_home, x, v));
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < cloud->dim; a++) {
      double dx = cloud->x[i][a] * cloud->d - x[i][a], dv = cloud->v[i][a] * cloud->d / cloud->T - v[i][a];
      double box = cloud->box[a] * cloud->d;
      if (box > 0) dx -= box * rint(dx / box);
      esp_exact_add(&ESP_EXACT_FULL, acc, dx * dx);
      esp_exact_add(&ESP_EXACT_FULL, acc, dv * dv);
    }
  return ESP_OK;
}

static int roll(const plan *p, const esp_method *method, int c, tally *t) {
  esp_cloud cloud = {0};
  double(*D)[3] = NULL, (*K)[3] = NULL;
  int rc;
  ESP_TRY(esp_ensemble_cloud(p->ensemble, ESP_PART_TEST, c, &cloud));
  ESP_TRY(ESP_ALLOC(D, cloud.n_home));
  ESP_TRY(ESP_ALLOC(K, cloud.n_home));
  ESP_TRY(esp_cloud_to_model(&cloud));
  if (p->whole > 1) ESP_TRY(esp_cloud_horizon(&cloud, 1.0 / p->whole));
  double start = esp_energy_total(&cloud);
  for (int s = 0; s < p->steps; s++) {
    esp_cost cost = {0};
    ESP_TRY(method->predict(&p->methods, &cloud, D, K, &cost));
    ESP_TRY(esp_cloud_advance(&cloud, (const double(*)[3])D, (const double(*)[3])K));
    if (s < p->frames) ESP_TRY(add_frame(p, c, s + 1, &cloud, D, K, t->squares + (size_t)s * WORDS));
  }
  if (start != 0) esp_exact_add(&ESP_EXACT_FULL, t->energy, fabs((esp_energy_total(&cloud) - start) / start));
  t->terms += 2 * (int64_t)cloud.dim * cloud.n_home;
  t->clouds++;
done:
  ESP_FREE(D);
  ESP_FREE(K);
  esp_cloud_free(&cloud);
  return rc;
}

static int usable(const plan *p, int c) {
  const esp_ensemble_entry *entry = &p->ensemble->entry[ESP_PART_TEST][c];
  return entry->n <= LARGEST && (p->frames == 0 || entry->frames > p->frames);
}

/* One method over all clouds; curve [frames] gets the RMSE of each frame. */
static int try_method(const plan *p, const esp_method *method, double *curve, double *rmse, double *energy) {
  const esp_comm *comm = p->run->comm;
  tally t = {0};
  int rc = ESP_ALLOC(t.squares, (size_t)(p->frames + 1) * WORDS), index = 0;
  for (int c = 0; c < p->ensemble->clouds[ESP_PART_TEST] && !rc; c++)
    if (usable(p, c) && index++ % comm->size == comm->rank) rc = roll(p, method, c, &t);
  ESP_TRY(comm->agree(comm, rc));
  esp_exact_carry(&ESP_EXACT_FULL, t.squares, (size_t)p->frames + 1);
  esp_exact_carry(&ESP_EXACT_FULL, t.energy, 1);
  int64_t counts[2] = {t.terms, t.clouds}, all[WORDS] = {0};
  ESP_TRY(comm->sum_i64(comm, t.squares, (size_t)p->frames * WORDS));
  ESP_TRY(comm->sum_i64(comm, t.energy, WORDS));
  ESP_TRY(comm->sum_i64(comm, counts, 2));
  double terms = counts[0] ? (double)counts[0] : 1;
  for (int f = 0; f < p->frames; f++) {
    const int64_t *acc = t.squares + (size_t)f * WORDS;
    curve[f] = sqrt(esp_exact_value(&ESP_EXACT_FULL, acc) / terms);
    for (int w = 0; w < WORDS; w++) all[w] += acc[w];
  }
  *rmse = p->frames ? sqrt(esp_exact_value(&ESP_EXACT_FULL, all) / (terms * p->frames)) : 0;
  *energy = counts[1] ? esp_exact_value(&ESP_EXACT_FULL, t.energy) / (double)counts[1] : 0;
done:
  ESP_FREE(t.squares);
  return rc;
}

static void add_row(const plan *p, cJSON *rows, esp_lines *lines, const char *name, double rmse, double energy) {
  if (p->run->comm->rank) return;
  char text[32] = "-";
  if (p->frames) snprintf(text, sizeof text, "%.5f", rmse);
  esp_lines_add(lines, "%s,%d,%s,%.3e\n", name, p->steps, text, energy);
  esp_run_say(p->run, "roll-out   %-34s %4d predictions  RMSE %8s  dE %.3e\n", name, p->steps, text, energy);
  cJSON *row = cJSON_CreateObject();
  cJSON_AddStringToObject(row, "method", name);
  cJSON_AddNumberToObject(row, "predictions", p->steps);
  if (p->frames) cJSON_AddNumberToObject(row, "rmse", rmse);
  cJSON_AddNumberToObject(row, "energy_error", energy);
  cJSON_AddItemToArray(rows, row);
}

static int write_curves(const plan *p, int count, const char *const *name, const double *curves) {
  esp_lines lines = {0};
  char header[1024] = "frame";
  for (int m = 0; m < count; m++) snprintf(header + strlen(header), sizeof header - strlen(header), ",%s", name[m]);
  for (int f = 0; f < p->frames && p->run->comm->rank == 0; f++) {
    esp_lines_add(&lines, "%d", f + 1);
    for (int m = 0; m < count; m++) esp_lines_add(&lines, ",%.6g", curves[m * p->frames + f]);
    esp_lines_add(&lines, "\n");
  }
  return esp_run_lines(p->run, "rollout_curves.csv", header, &lines);
}

static int try_methods(const plan *p) {
  int count, used = 0, baselines = esp_config_flag(p->run->config, "eval_baselines");
  const esp_method *table = esp_methods_table(&count);
  const char *name[16];
  esp_lines lines = {0};
  double *curves = NULL, rmse, energy;
  cJSON *rows = cJSON_AddArrayToObject(p->run->json, "rollout");
  int rc;
  ESP_TRY(p->run->comm->agree(p->run->comm, ESP_ALLOC(curves, (size_t)count * (size_t)(p->frames + 1))));
  for (int m = 0; m < count; m++) {
    if (table[m].baseline && !baselines) continue;
    ESP_TRY(try_method(p, &table[m], curves + used * p->frames, &rmse, &energy));
    add_row(p, rows, &lines, table[m].name, rmse, energy);
    name[used++] = table[m].name;
  }
  ESP_TRY(esp_run_lines(p->run, "rollout.csv", "method,predictions,RMSE,energy_error", &lines));
  if (p->frames) ESP_TRY(write_curves(p, used, name, curves));
done:
  esp_lines_free(&lines);
  ESP_FREE(curves);
  return rc;
}

int esp_rollout(esp_run *run, const esp_ensemble *ensemble, const esp_integrator *trained,
                const esp_integrator *untrained, const esp_device *device) {
  int steps = (int)esp_config_int(run->config, "eval_rollout"), framed = 0;
  for (int c = 0; c < ensemble->clouds[ESP_PART_TEST]; c++) {
    int64_t frames = ensemble->entry[ESP_PART_TEST][c].frames;
    if (frames > 0 && frames - 1 < steps) steps = (int)frames - 1; /* no further than the truth */
    framed |= frames > 0;
  }
  esp_backend backend = esp_setup_whole(device);
  plan p = {.run = run,
            .ensemble = ensemble,
            .frames = framed ? steps : 0,
            .whole = framed ? 1 : 2,
            .steps = framed ? steps : 2 * steps};
  p.methods = (esp_methods){.backend = &backend,
                            .trained = trained,
                            .untrained = untrained,
                            .neighbours = (int)esp_config_int(run->config, "eval_neighbours")};
  return try_methods(&p);
}
