#include "io/snapshot_stated.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/snapshot_names.h"

/* ---- the names ---- */

typedef enum {
  LENGTH,
  MASS,
  VELOCITY,
  UNIT_TIME,
  G,
  TIME,
  SCALE,
  REDSHIFT,
  OMEGA0,
  OMEGA_LAMBDA,
  HUBBLE,
  COMOVING,
  PERIODIC,
  QUANTITIES
} quantity;

/* Of a quantity the first that the file has, and that is not 0 where 0 means "not stated". GADGET-2/3/4 and AREPO, GIZMO
 * (In_CGS, Omega_Matter), SWIFT (Units, Cosmology, PhysicalConstants), EAGLE and OWLS (ExpansionFactor). */
static const struct {
  quantity of;
  const char *object, *name;
} names[] = {
    {LENGTH, "Units", "Unit length in cgs (U_L)"},
    {LENGTH, "Header", "UnitLength_in_cm"},
    {LENGTH, "Parameters", "UnitLength_in_cm"},
    {LENGTH, "Units", "UnitLength_in_cm"},
    {LENGTH, "Header", "UnitLength_In_CGS"},
    {MASS, "Units", "Unit mass in cgs (U_M)"},
    {MASS, "Header", "UnitMass_in_g"},
    {MASS, "Parameters", "UnitMass_in_g"},
    {MASS, "Units", "UnitMass_in_g"},
    {MASS, "Header", "UnitMass_In_CGS"},
    {UNIT_TIME, "Units", "Unit time in cgs (U_t)"},
    {VELOCITY, "Header", "UnitVelocity_in_cm_per_s"},
    {VELOCITY, "Parameters", "UnitVelocity_in_cm_per_s"},
    {VELOCITY, "Units", "UnitVelocity_in_cm_per_s"},
    {VELOCITY, "Header", "UnitVelocity_In_CGS"},
    {G, "Parameters", "GravityConstantInternal"},
    {G, "Header", "Gravitational_Constant_In_Code_Inits"},
    {G, "PhysicalConstants/InternalUnits", "newton_G"},
    {TIME, "Header", "Time"},
    {SCALE, "Cosmology", "Scale-factor"},
    {SCALE, "Header", "Scale-factor"},
    {SCALE, "Header", "ExpansionFactor"},
    {REDSHIFT, "Header", "Redshift"},
    {OMEGA0, "Cosmology", "Omega_m"},
    {OMEGA0, "Header", "Omega0"},
    {OMEGA0, "Parameters", "Omega0"},
    {OMEGA0, "Header", "Omega_Matter"},
    {OMEGA_LAMBDA, "Cosmology", "Omega_lambda"},
    {OMEGA_LAMBDA, "Header", "OmegaLambda"},
    {OMEGA_LAMBDA, "Parameters", "OmegaLambda"},
    {OMEGA_LAMBDA, "Header", "Omega_Lambda"},
    {HUBBLE, "Cosmology", "h"},
    {HUBBLE, "Header", "HubbleParam"},
    {HUBBLE, "Parameters", "HubbleParam"},
    {COMOVING, "Cosmology", "Cosmological run"},
    {COMOVING, "Header", "ComovingIntegrationOn"},
    {COMOVING, "Parameters", "ComovingIntegrationOn"},
    {PERIODIC, "RuntimePars", "PeriodicBoundariesOn"},
    {PERIODIC, "Parameters", "PeriodicBoundariesOn"},
};
enum { NAMES = sizeof names / sizeof names[0] };

static const struct {
  double least, missing;
  int zero_is_missing;
} rules[QUANTITIES] = {
    [LENGTH] = {0, 0, 1},
    [MASS] = {0, 0, 1},
    [VELOCITY] = {0, 0, 1},
    [UNIT_TIME] = {0, 0, 1},
    [G] = {0, 0, 1},
    [TIME] = {-INFINITY, 0, 0},
    [SCALE] = {0, 0, 1},
    [REDSHIFT] = {-1, -1, 0},
    [OMEGA0] = {-INFINITY, -1, 0},
    [OMEGA_LAMBDA] = {-INFINITY, -1, 0},
    [HUBBLE] = {0, -1, 0},
    [COMOVING] = {-INFINITY, -1, 0},
    [PERIODIC] = {-INFINITY, -1, 0},
};

typedef struct {
  double value[QUANTITIES];
  int row[QUANTITIES]; /* of names; -1: not stated */
} stated;

static int has_attribute(const esp_file *file, const char *object, const char *name, int *has) {
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, object, name, &s));
  *has = s.exists;
  return ESP_OK;
}

static int check(const esp_file *file, const char *object, const char *name, double least, double value) {
  ESP_CHECK(isfinite(value), ESP_ERR_VALUE, "%s: attribute %s of %s is %g: must be finite", file->path, name, object,
            value);
  ESP_CHECK(value >= least, ESP_ERR_VALUE, "%s: attribute %s of %s is %g: must be at least %g", file->path, name,
            object, value, least);
  return ESP_OK;
}

int esp_snapshot_number(const esp_file *file, const char *object, const char *name, double least, double *value) {
  int has;
  ESP_CALL(has_attribute(file, object, name, &has));
  if (!has) return ESP_OK;
  ESP_CALL(esp_file_attr_read(file, object, name, ESP_FILE_F64, 1, value));
  return check(file, object, name, least, *value);
}

static int read_names(const esp_file *file, stated *s) {
  for (int q = 0; q < QUANTITIES; q++) s->value[q] = rules[q].missing, s->row[q] = -1;
  for (int k = 0; k < NAMES; k++) {
    const quantity q = names[k].of;
    int has = 0;
    if (s->row[q] < 0) ESP_CALL(has_attribute(file, names[k].object, names[k].name, &has));
    if (!has) continue;
    ESP_CALL(esp_snapshot_number(file, names[k].object, names[k].name, rules[q].least, &s->value[q]));
    if (s->value[q] != 0 || !rules[q].zero_is_missing) s->row[q] = k;
  }
  return ESP_OK;
}

static void set_from(const stated *s, quantity q, char text[ESP_SNAPSHOT_FROM]) {
  if (s->row[q] >= 0) snprintf(text, ESP_SNAPSHOT_FROM, "%s of %s", names[s->row[q]].name, names[s->row[q]].object);
}

/* ---- which code ---- */

typedef struct {
  int config, high;
} signs;

static int read_signs(const esp_file *file, signs *g, esp_snapshot_header *h) {
  esp_file_shape total;
  int units = 0, cells = 0;
  ESP_CALL(has_attribute(file, "Units", "Unit length in cgs (U_L)", &units));
  ESP_CALL(esp_file_exists(file, "Cells", &cells));
  ESP_CALL(esp_file_exists(file, "Config", &g->config));
  ESP_CALL(has_attribute(file, "Header", "NumPart_Total_HighWord", &g->high));
  ESP_CALL(esp_file_attr_shape(file, "Header", "NumPart_Total", &total));
  h->swift = units || cells;
  const char *name = "GADGET-2/3 HDF5";
  if (h->swift)
    name = "SWIFT HDF5";
  else if (g->config && g->high)
    name = "AREPO HDF5";
  else if (!g->high && (g->config || (total.exists && total.bytes == 8)))
    name = "GADGET-4 HDF5";
  snprintf(h->dialect, sizeof h->dialect, "%s", name);
  return ESP_OK;
}

/* ---- what is stated ---- */

static int read_box(const esp_file *file, esp_snapshot_header *h) {
  esp_file_shape s;
  double dimension = 3;
  ESP_CALL(esp_snapshot_number(file, "Header", "Dimension", 0, &dimension));
  h->dim = dimension == 2 ? 2 : 3;
  ESP_CALL(esp_file_attr_shape(file, "Header", "BoxSize", &s));
  if (!s.exists) return esp_snapshot_number(file, "Parameters", "BoxSize", 0, &h->box[0]);
  ESP_CHECK(s.count >= 1 && s.count <= 3, ESP_ERR_FORMAT, "%s: BoxSize has %lld elements, allowed are 1 to 3",
            file->path, (long long)s.count);
  ESP_CALL(esp_file_attr_read(file, "Header", "BoxSize", ESP_FILE_F64, (int)s.count, h->box));
  for (int k = 0; k < s.count; k++) ESP_CALL(check(file, "Header", "BoxSize", 0, h->box[k]));
  for (int k = (int)s.count; k < h->dim; k++) h->box[k] = h->box[0];
  return ESP_OK;
}

/* SWIFT's runs are not comoving unless they say so, or have a cosmology and a redshift. */
static int read_cosmology(const esp_file *file, const stated *s, esp_snapshot_header *h) {
  double flag = s->value[COMOVING];
  int exists;
  h->time = s->value[TIME];
  h->scale = s->value[SCALE];
  h->redshift = s->value[REDSHIFT];
  h->omega0 = s->value[OMEGA0];
  h->omega_lambda = s->value[OMEGA_LAMBDA];
  h->hubble = s->value[HUBBLE];
  set_from(s, COMOVING, h->from[ESP_FROM_COSMOLOGY]);
  if (h->swift && flag < 0) {
    ESP_CALL(esp_file_exists(file, "Cosmology", &exists));
    flag = exists && h->redshift > 0;
    snprintf(h->from[ESP_FROM_COSMOLOGY], ESP_SNAPSHOT_FROM, "%s", exists ? "Redshift of Header" : "no Cosmology");
  }
  h->comoving_flag = flag < 0 ? -1 : flag != 0;
  return ESP_OK;
}

static int read_periodic(const esp_file *file, const signs *g, const stated *s, esp_snapshot_header *h) {
  static const char swift[] = "InitialConditions:periodic";
  double flag = s->value[PERIODIC];
  char *from = h->from[ESP_FROM_PERIOD], text[64];
  int open = 0, periodic = 0;
  set_from(s, PERIODIC, from);
  if (h->swift) ESP_CALL(has_attribute(file, "Parameters", swift, &periodic));
  if (h->swift && periodic) {
    ESP_CALL(esp_file_attr_read_string(file, "Parameters", swift, text, sizeof text));
    flag = atoi(text) != 0;
    snprintf(from, ESP_SNAPSHOT_FROM, "%s of Parameters", swift);
  } else if (flag < 0 && g->config && !h->swift) {
    ESP_CALL(has_attribute(file, "Config", "GRAVITY_NOT_PERIODIC", &open));
    ESP_CALL(has_attribute(file, "Config", "PERIODIC", &periodic));
    /* AREPO is periodic unless told otherwise, GADGET-4 only if told so */
    flag = !open && (periodic || g->high) && h->box[0] > 0;
    snprintf(from, ESP_SNAPSHOT_FROM, "%s", open ? "GRAVITY_NOT_PERIODIC of Config" : "Config and BoxSize");
  }
  h->periodic_flag = flag < 0 ? -1 : flag != 0;
  return ESP_OK;
}

static void take_units(const stated *s, esp_snapshot_header *h) {
  const double time = s->value[UNIT_TIME], length = s->value[LENGTH];
  h->file_units = (esp_units){length, s->value[MASS], time > 0 ? length / time : s->value[VELOCITY]};
  h->file_G = s->value[G];
  set_from(s, LENGTH, h->from[ESP_FROM_UNITS]);
  set_from(s, G, h->from[ESP_FROM_G]);
}

/* Powers of a and h, where a dataset states them: each code by its own pair of names. */
static int read_exponents(const esp_file *file, const int64_t *here, esp_snapshot_header *h) {
  static const char *const pairs[][2] = {{"a_scaling", "h_scaling"},
                                         {"a-scale exponent", "h-scale exponent"},
                                         {"aexp-scale-exponent", "h-scale-exponent"}};
  for (int k = ESP_FIELD_POSITION; k <= ESP_FIELD_MASS; k++)
    for (int t = 0; t < h->types && !h->has_exponents[k]; t++) {
      char object[ESP_FIELD_PATH];
      int exists, has = 0;
      ESP_CALL(esp_snapshot_dataset(file, t, (esp_field)k, object, &exists));
      for (int s = 0; s < 3 && exists && here[t] > 0; s++) {
        ESP_CALL(has_attribute(file, object, pairs[s][0], &has));
        if (!has) continue;
        h->has_exponents[k] = 1;
        for (int e = 0; e < 2; e++)
          ESP_CALL(esp_snapshot_number(file, object, pairs[s][e], -INFINITY, &h->exponent[k][e]));
      }
    }
  return ESP_OK;
}

int esp_snapshot_stated(const esp_file *file, const int64_t *count, esp_snapshot_header *head) {
  signs g = {0};
  stated s;
  ESP_CALL(read_signs(file, &g, head));
  ESP_CALL(read_names(file, &s));
  ESP_CALL(read_box(file, head));
  ESP_CALL(read_cosmology(file, &s, head));
  ESP_CALL(read_periodic(file, &g, &s, head));
  take_units(&s, head);
  return read_exponents(file, count, head);
}
