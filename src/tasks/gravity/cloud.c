#include "tasks/gravity/cloud.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tasks/box/box_start.h"

const esp_column esp_cloud_columns[] = {
    {"m", ESP_SENT, .width = 1, .foreign = "mass", .unit = "mass", .help = "mass"},
    {"x", ESP_INPUT, .width = 3, .framed = 1, .min = -INFINITY, .foreign = "position", .unit = "length",
     .help = "position at time 0"},
    {"v", ESP_INPUT, .width = 3, .framed = 1, .min = -INFINITY, .foreign = "velocity", .unit = "length / time",
     .help = "velocity at time 0"},
    {"D", ESP_TARGET, .width = 3, .optional = 1, .min = -INFINITY, .unit = "length",
     .help = "target x(T) - x(0) - v(0) T"},
    {"K", ESP_TARGET, .width = 3, .optional = 1, .min = -INFINITY, .unit = "length / time",
     .help = "target v(T) - v(0)"},
    {0},
};

static const char *kind_name(int k) {
  static const char *const name[] = {"ball", "plummer", "box", "snapshot"};
  return k >= 0 && k < 4 ? name[k] : NULL;
}

static const char *truth_name(int k) {
  static const char *const name[] = {"direct", "tree"};
  return k >= 0 && k < 2 ? name[k] : NULL;
}

#define WHOLE(NAME, HELP) \
  { NAME, .whole = 1, .count = 1, .help = HELP }
#define REAL(NAME, UNIT, HELP) \
  { NAME, .count = 1, .unit = UNIT, .help = HELP }
#define SIZE(NAME, UNIT, HELP) \
  { NAME, .count = 1, .max = INFINITY, .unit = UNIT, .help = HELP }
#define TOLD(NAME, HELP) \
  { NAME, .count = 1, .told = 1, .help = HELP }

const esp_number esp_cloud_numbers[] = {
    {"kind", .whole = 1, .count = 1, .names = kind_name, .help = "what the bodies began as"},
    WHOLE("seed", "bits of the set's own seed"),
    {"dim", .whole = 1, .count = 1, .min = 2, .max = 3, .help = "2: z = 0 throughout; 3"},
    SIZE("G", "length^3 / mass / time^2", "constant of gravity"),
    SIZE("eps", "length", "softening length"),
    {"box", .count = 3, .max = INFINITY, .unit = "length", .help = "period by axis, 0: open"},
    SIZE("d", "length", "unit of length"),
    SIZE("T", "time", "unit of time, the horizon"),
    REAL("Q", "", "virial ratio; 0: not known"),
    REAL("r_h", "length", "radius of half of the bodies; 0: not known"),
    REAL("mean_a", "length / time^2", "mean acceleration at softening 0.1 d; 0: not known"),
    REAL("W", "mass length^2 / time^2", "sum of m x.a at softening 0.1 d; 0: not known"),
    WHOLE("sampled", "bodies mean_a was taken over"),
    {"truth", .whole = 1, .count = 1, .names = truth_name, .help = "force of the targets"},
    WHOLE("steps", "of the truth's leapfrog over T"),
    REAL("theta", "", "opening angle of a tree truth of an earlier program"),
    WHOLE("order", "of a tree truth's multipole expansions; 0: not known"),
    REAL("tolerance", "", "of a tree truth: share of a receiver's force that a far cell may err by; 0: not known"),
    TOLD("energy_error", "|H(T) - H(0)| / |H(0)| of the truth; -1: not computed"),
    {"momentum", .count = 1, .told = 1, .unit = "mass length / time", .help = "|sum m v| at the end of the truth"},
    TOLD("force_rms", "rms error of a tree truth's force on sampled bodies at time 0"),
    TOLD("force_l2", "the same, sqrt(sum |da|^2 / sum |a|^2)"),
    TOLD("displacement_error", "NRMSE of a tree truth's D against a direct truth"),
    {"displacement_bodies", .whole = 1, .count = 1, .told = 1,
     .help = "bodies that error was found on: the set's own, or those of a smaller twin"},
    {0},
};

static double (*rows_of(const esp_set *set, int column))[3] {
  return (double(*)[3])(void *)set->value[column];
}

void esp_cloud_view(const esp_set *set, esp_cloud *cloud) {
  const esp_value *about = set->about;
  *cloud = (esp_cloud){.n = set->n,
                       .n_home = set->n_home,
                       .dim = (int)about[ESP_CLOUD_DIM].whole,
                       .model = set->ready,
                       .G = about[ESP_CLOUD_G].real,
                       .eps = about[ESP_CLOUD_EPS].real,
                       .d = about[ESP_CLOUD_UNIT_D].real,
                       .T = about[ESP_CLOUD_UNIT_T].real,
                       .id = set->id,
                       .m = set->value[ESP_CLOUD_M],
                       .x = rows_of(set, ESP_CLOUD_X),
                       .v = rows_of(set, ESP_CLOUD_V),
                       .D = rows_of(set, ESP_CLOUD_D),
                       .K = rows_of(set, ESP_CLOUD_K)};
  for (int a = 0; a < 3; a++) cloud->box[a] = about[ESP_CLOUD_BOX + a].real;
}

/* The numbers that a cloud has, too. */
static void set_numbers(const esp_cloud *cloud, esp_set *set) {
  esp_value *about = set->about;
  set->ready = cloud->model;
  about[ESP_CLOUD_DIM].whole = cloud->dim;
  about[ESP_CLOUD_G].real = cloud->G;
  about[ESP_CLOUD_EPS].real = cloud->eps;
  about[ESP_CLOUD_UNIT_D].real = cloud->d;
  about[ESP_CLOUD_UNIT_T].real = cloud->T;
  for (int a = 0; a < 3; a++) about[ESP_CLOUD_BOX + a].real = cloud->box[a];
}

void esp_cloud_give(esp_cloud *cloud, int64_t first, const esp_layout *layout, esp_set *set) {
  double *const column[] = {cloud->m, (double *)cloud->x, (double *)cloud->v, (double *)cloud->D, (double *)cloud->K};
  *set = (esp_set){.n = cloud->n, .first = first, .n_home = cloud->n_home, .layout = layout, .id = cloud->id};
  for (int k = ESP_CLOUD_M; k <= ESP_CLOUD_K; k++) {
    set->value[k] = column[k];
    set->width[k] = column[k] ? esp_cloud_columns[k].width : 0;
  }
  set_numbers(cloud, set);
}

static int check_flat(const esp_set *set) {
  const int64_t dim = set->about[ESP_CLOUD_DIM].whole;
  ESP_CHECK(dim == 2 || dim == 3, ESP_ERR_VALUE, "%" PRId64 " dimensions: must be 2 or 3", dim);
  for (int k = ESP_CLOUD_X; k <= ESP_CLOUD_K && dim == 2; k++)
    for (int i = 0; i < set->n_home && set->value[k]; i++)
      ESP_CHECK(set->value[k][3 * (size_t)i + 2] == 0, ESP_ERR_VALUE,
                "particle %" PRId64 ": %s along z is %g: must be 0 in 2 dimensions", set->id[i],
                esp_cloud_columns[k].name, set->value[k][3 * (size_t)i + 2]);
  return ESP_OK;
}

int esp_cloud_ready(const void *param, esp_set *set) {
  (void)param;
  esp_cloud cloud;
  if (set->ready) return ESP_OK;
  ESP_CALL(check_flat(set));
  esp_cloud_view(set, &cloud);
  ESP_CALL(esp_cloud_to_model(&cloud));
  set_numbers(&cloud, set);
  set->space = (esp_space){.dim = cloud.dim, .softening = cloud.eps};
  memcpy(set->space.period, cloud.box, sizeof cloud.box);
  return ESP_OK;
}

int esp_cloud_places(esp_set *set) {
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  esp_box_wrap(cloud.box, cloud.n_home, cloud.x);
  set->space = (esp_space){.dim = cloud.dim, .softening = cloud.eps};
  memcpy(set->space.period, cloud.box, sizeof cloud.box);
  set->ready = 1;
  return ESP_OK;
}

int esp_cloud_output(const void *param, const double *y, int targets, esp_set *set, double *elapsed) {
  (void)param;
  esp_cloud cloud;
  esp_cloud_view(set, &cloud);
  ESP_CHECK(!set->ready && targets == 6, ESP_ERR_ARG, "%d targets of a body, model units %d: must be 6 and 0", targets,
            set->ready);
  *elapsed = cloud.T;
  for (int i = 0; i < cloud.n_home; i++)
    for (int a = 0; a < 3; a++) {
      const double *D = y + 6 * (size_t)i, *K = D + 3;
      cloud.x[i][a] += cloud.v[i][a] * cloud.T + D[a] * cloud.d;
      cloud.v[i][a] += K[a] * cloud.d / cloud.T;
    }
  for (int k = ESP_CLOUD_D; k <= ESP_CLOUD_K; k++) {
    ESP_FREE(set->value[k]);
    set->width[k] = 0;
  }
  return ESP_OK;
}
