#include "tasks/gravity/show.h"

#include <math.h>
#include <string.h>

#include "tasks/gravity/cloud.h"
#include "tasks/gravity/metrics.h"

enum { ENERGY_LARGEST = 4096 };

/* ---- figures ---- */

enum { D_NRMSE, K_NRMSE, ENERGY_ERROR, MOMENTUM_ERROR };
static const esp_figure figures[] = {[D_NRMSE] = {"D_nrmse", "D NRMSE", "%.5f", 1},
                                     [K_NRMSE] = {"K_nrmse", "K NRMSE", "%.5f", 1},
                                     [ENERGY_ERROR] = {"energy_error", "dE", "%.3g", 0},
                                     [MOMENTUM_ERROR] = {"momentum_error", "dP", "%.2g", 0},
                                     {0}};

typedef double vectors[3];

/* y [n][6] as D and K [n][3] in one array, to be freed. */
static int part(int n, const double *y, vectors **D, const vectors **K) {
  ESP_CALL(ESP_ALLOC(*D, 2 * (size_t)n));
  vectors *second = *D + n;
  for (size_t i = 0; i < (size_t)n; i++) {
    memcpy((*D)[i], y + 6 * i, sizeof **D);
    memcpy(second[i], y + 6 * i + 3, sizeof **D);
  }
  *K = (const vectors *)second;
  return ESP_OK;
}

static int judge_cloud(const esp_comm *comm, const esp_cloud *cloud, const double (*D)[3], const double (*K)[3],
                       esp_tally *tally) {
  double momentum, energy;
  ESP_AGREE(comm, esp_errors_add(cloud, D, K, tally));
  ESP_CALL(esp_momentum_error(comm, cloud, K, &momentum));
  if (comm->rank == 0) esp_tally_add(tally, MOMENTUM_ERROR, momentum, 1);
  if (comm->impl || cloud->n > ENERGY_LARGEST) return ESP_OK; /* shared, even by one rank: all pairs do not lie here */
  ESP_CALL(esp_energy_error(cloud, D, K, &energy));
  esp_tally_add(tally, ENERGY_ERROR, energy, 1);
  return ESP_OK;
}

static int judge(const void *param, const esp_backend *backend, const esp_set *set, const double *y, double seen,
                 esp_tally *tally) {
  (void)param, (void)seen;
  vectors *D = NULL;
  const vectors *K;
  esp_cloud cloud;
  int rc;
  esp_cloud_view(set, &cloud);
  ESP_TRY(backend->comm->agree(backend->comm, part(set->n_home, y, &D, &K)));
  ESP_TRY(judge_cloud(backend->comm, &cloud, (const vectors *)D, K, tally));
done:
  ESP_FREE(D);
  return rc;
}

#define OF esp_gravity_show_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){ESP_INT_ROW(OF, neighbours, "eval_neighbours", "15", 1, ESP_COUNT_MAX, "particles",
                                     "neighbours of the local baseline"),
                         {0}},
    NULL};
#undef OF

static const esp_heading headings[] = {{"D_nrmse", "NRMSE of displacement"},
                                       {"K_nrmse", "NRMSE of velocity change"},
                                       {"nmse_D", "displacement"},
                                       {"nmse_K", "velocity change"},
                                       {"energy_error", "relative energy error"},
                                       {"momentum_error", "momentum made"},
                                       {0}};

const esp_showing esp_gravity_showing = {
    .options = &options,
    .figure = figures,
    .method = esp_gravity_methods,
    .picture = esp_gravity_pictures,
    .about =
        "Here the tree is placed by physics: it is rebuilt, in every layer, at the positions that the layers before "
        "it predict. What is learned is the tableau that places it and weighs the layers, and, where net_message is "
        "not newton, a message between pairs.",
    .ladder =
        "D and K: NRMSE of the displacement beyond ballistic and of the velocity change (1 = predicting zero). "
        "Energy error: mean, after the horizon; momentum made: over the rms velocity change.",
    .heading = headings,
    .judge = judge,
    .look = esp_gravity_look,
    .draw = esp_gravity_draw,
};

/* ---- roll-outs ---- */

static int advance(esp_set *set, const double *y) {
  vectors *D;
  const vectors *K;
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  ESP_CALL(part(set->n_home, y, &D, &K));
  const int rc = esp_cloud_advance(&cloud, (const vectors *)D, K);
  ESP_FREE(D);
  return rc;
}

/* The same weights with mu / 4 and w / 2. */
static int halve(esp_set *set) {
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  ESP_CALL(esp_cloud_horizon(&cloud, 0.5));
  set->about[ESP_CLOUD_UNIT_T].real = cloud.T;
  return ESP_OK;
}

/* Of positions (minimum image) and velocities, in the units of the problem. */
static int error(const esp_set *set, double *const frame[ESP_COLUMNS], int figure, esp_tally *tally) {
  esp_cloud cloud;
  const double(*x)[3] = (const double(*)[3])frame[ESP_CLOUD_X], (*v)[3] = (const double(*)[3])frame[ESP_CLOUD_V];
  esp_cloud_view(set, &cloud);
  for (int i = 0; i < cloud.n_home; i++)
    for (int a = 0; a < cloud.dim; a++) {
      double dx = cloud.x[i][a] * cloud.d - x[i][a], dv = cloud.v[i][a] * cloud.d / cloud.T - v[i][a];
      double box = cloud.box[a] * cloud.d;
      if (box > 0) dx -= box * rint(dx / box);
      esp_tally_add(tally, figure, dx * dx, 1);
      esp_tally_add(tally, figure, dv * dv, 1);
    }
  esp_tally_add(tally, figure, 0, 0);
  return ESP_OK;
}

static int energy(const esp_set *set, double *value) {
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  *value = esp_energy_total(&cloud);
  return ESP_OK;
}

const esp_rolling esp_gravity_rolling = {
    .advance = advance, .halve = halve, .error = error, .invariant = energy, .invariant_name = "energy_error"};
