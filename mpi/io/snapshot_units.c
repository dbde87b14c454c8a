#include "io/snapshot_units.h"

#include <math.h>
#include <stdio.h>

/* ---- comoving or not ---- */

/* Does the redshift belong to the scale factor? Headers carry rounded numbers. */
static int redshift_fits(double redshift, double a) {
  return a > 0 && fabs((1 + redshift) * a - 1) <= 1e-3;
}

static double scale_factor(const esp_snapshot_header *h) {
  return h->swift || h->scale > 0 ? h->scale : h->time;
}

/* The usual powers without pow(), whose last bit may differ between libraries. */
static double power(double base, double exponent) {
  if (exponent == 0) return 1;
  if (exponent == 1) return base;
  if (exponent == -1) return 1 / base;
  if (exponent == 0.5) return sqrt(base);
  return pow(base, exponent);
}

static const char HOW[] = "say which by key io_cosmology: comoving, or physical (values as they lie)";

static void from(esp_snapshot_header *h, esp_snapshot_from what, const char *text) {
  snprintf(h->from[what], sizeof h->from[what], "%s", text);
}

/* Against: the file has a flag that says otherwise. */
static void from_key(esp_snapshot_header *h, esp_snapshot_from what, const char *key, int against) {
  char flag[ESP_SNAPSHOT_FROM];
  snprintf(flag, sizeof flag, "%s", h->from[what]);
  snprintf(h->from[what], sizeof h->from[what], against ? "key %s, against %.60s" : "key %s", key, flag);
}

static int settle_comoving(const char *path, esp_snapshot_header *h) {
  h->comoving = 1;
  h->a = scale_factor(h);
  h->h = h->hubble;
  ESP_CHECK(h->a > 0, ESP_ERR_FORMAT, "%s: comoving, but the scale factor is %g, allowed is > 0; %s", path, h->a, HOW);
  ESP_CHECK(h->redshift == -1 || redshift_fits(h->redshift, h->a), ESP_ERR_FORMAT,
            "%s: flags contradict each other: comoving with scale factor %g, which is redshift %g, but Redshift is %g; "
            "%s",
            path, h->a, 1 / h->a - 1, h->redshift, HOW);
  static const double gadget[3][2] = {{1, -1}, {0.5, 0}, {0, -1}}, swift_own[3][2] = {{1, 0}, {0, 0}, {0, 0}};
  for (int k = 0; k < 3; k++) {
    const double *e = h->has_exponents[k] ? h->exponent[k] : h->swift ? swift_own[k] : gadget[k];
    ESP_CHECK(e[1] == 0 || h->h > 0, ESP_ERR_FORMAT,
              "%s: comoving in units of h, but HubbleParam is %s (%g); allowed is > 0; %s", path,
              h->h == -1 ? "missing" : "not positive", h->h, HOW);
    h->factor[k] = power(h->a, e[0]) * power(h->h, e[1]);
  }
  if (!(h->h > 0)) h->h = 1;
  return ESP_OK;
}

static int settle_physical(esp_snapshot_header *h) {
  h->comoving = 0;
  h->a = h->h = 1;
  for (int k = 0; k < 3; k++) h->factor[k] = 1;
  return ESP_OK;
}

/* Not comoving by the file's own flags: then nothing else may speak of a scale factor or of h. */
static int settle_plain(const char *path, esp_snapshot_header *h) {
  ESP_CHECK(h->swift || h->redshift == -1 || h->redshift == 0, ESP_ERR_FORMAT,
            "%s: flags contradict each other: not comoving, but Redshift is %g; %s", path, h->redshift, HOW);
  ESP_CHECK(h->swift || h->hubble == -1 || h->hubble == 0 || h->hubble == 1, ESP_ERR_FORMAT,
            "%s: not comoving, but HubbleParam is %g (0 or 1 allowed): are values in units of 1/h? %s", path, h->hubble,
            HOW);
  return settle_physical(h);
}

/* GADGET-2 leaves it to Omega0 and to Redshift = 1/Time - 1, of which Time 1, Redshift 0 is true of either. */
static int settle_unflagged(const char *path, esp_snapshot_header *h) {
  const double a = scale_factor(h);
  const int fits = h->redshift != -1 && redshift_fits(h->redshift, a);
  if (h->has_exponents[0] && h->exponent[0][0] != 0) {
    from(h, ESP_FROM_COSMOLOGY, "exponents of Coordinates");
    return settle_comoving(path, h);
  }
  if (fits && (h->omega0 > 0 || h->redshift > 0)) {
    ESP_CHECK(h->omega0 != 0, ESP_ERR_FORMAT,
              "%s: flags contradict each other: Redshift %g belongs to Time %g, but Omega0 is 0; %s", path, h->redshift,
              a, HOW);
    ESP_CHECK(h->redshift != 0, ESP_ERR_FORMAT,
              "%s: Time %g with Omega0 %g and Redshift 0 is a scale factor or a time, and no flag tells (HubbleParam "
              "%g); %s",
              path, a, h->omega0, h->hubble, HOW);
    from(h, ESP_FROM_COSMOLOGY, "Redshift belongs to Time");
    return settle_comoving(path, h);
  }
  ESP_CHECK(!(h->omega0 > 0) || a == 0, ESP_ERR_FORMAT,
            "%s: flags contradict each other: Omega0 %g means comoving, but Redshift %g does not belong to Time %g; %s",
            path, h->omega0, h->redshift, a, HOW);
  from(h, ESP_FROM_COSMOLOGY, "no Redshift belongs to Time");
  return settle_plain(path, h);
}

static int settle_cosmology(const char *path, esp_cosmology asked, esp_snapshot_header *h) {
  if (asked != ESP_COSMOLOGY_FILE)
    from_key(h, ESP_FROM_COSMOLOGY, "io_cosmology", h->comoving_flag == (asked == ESP_COSMOLOGY_PHYSICAL));
  if (asked == ESP_COSMOLOGY_COMOVING) return settle_comoving(path, h);
  if (asked == ESP_COSMOLOGY_PHYSICAL) return settle_physical(h);
  if (h->comoving_flag == 1) return settle_comoving(path, h);
  if (h->comoving_flag == 0) return settle_plain(path, h);
  return settle_unflagged(path, h);
}

/* ---- the box ---- */

static int settle_box(const char *path, esp_period asked, esp_snapshot_header *h) {
  if (asked != ESP_PERIOD_FILE) {
    h->periodic = asked == ESP_PERIOD_PERIODIC;
    from_key(h, ESP_FROM_PERIOD, "io_periodic", h->periodic_flag == !h->periodic);
  } else if (h->periodic_flag >= 0) {
    h->periodic = h->periodic_flag;
  } else {
    h->periodic = h->comoving && h->box[0] > 0;
    from(h, ESP_FROM_PERIOD,
         h->box[0] == 0 ? "BoxSize"
         : h->periodic  ? "BoxSize of a comoving run"
                        : "no flag says periodic");
  }
  for (int k = 0; k < h->dim; k++)
    ESP_CHECK(!h->periodic || h->box[k] > 0, ESP_ERR_FORMAT,
              "%s: periodic by %s, but BoxSize along axis %d is %g, allowed is > 0; an open set: io_periodic open",
              path, h->from[ESP_FROM_PERIOD], k, h->box[k]);
  return ESP_OK;
}

int esp_snapshot_settle_space(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header) {
  ESP_CALL(settle_cosmology(path, options->cosmology, header));
  return settle_box(path, options->periodic, header);
}

/* ---- units ---- */

static int complete(const esp_units *u) {
  return u->length > 0 && u->mass > 0 && u->velocity > 0;
}
static int differ(double a, double b) {
  return fabs(a - b) > 1e-3 * fabs(b);
}
double esp_snapshot_G(const esp_units *u) {
  return complete(u) ? ESP_G_CGS * u->mass / (u->length * u->velocity * u->velocity) : 0;
}

/* A key that the file states otherwise. */
static int check_unit(const char *path, const esp_snapshot_header *h, const char *key, const char *unit, double given,
                      double own) {
  ESP_CHECK(!(given > 0 && own > 0) || !differ(given, own), ESP_ERR_CONFIG,
            "%s: states units of its own (%s), in which %s is %.7g %s; the key says %.7g: leave it out (%s 0)", path,
            h->from[ESP_FROM_UNITS], key, own, unit, given, key);
  return ESP_OK;
}

static int settle_units(const char *path, const esp_units *given, esp_snapshot_header *h) {
  const esp_units *own = &h->file_units;
  const int any = given->length != 0 || given->mass != 0 || given->velocity != 0;
  ESP_CHECK(!any || complete(given), ESP_ERR_CONFIG,
            "units_length %g, units_mass %g, units_velocity %g: give all three, > 0 (cm, g, cm/s), or none",
            given->length, given->mass, given->velocity);
  ESP_CALL(check_unit(path, h, "units_length", "cm", given->length, own->length));
  ESP_CALL(check_unit(path, h, "units_mass", "g", given->mass, own->mass));
  ESP_CALL(check_unit(path, h, "units_velocity", "cm/s", given->velocity, own->velocity));
  h->units = complete(own) ? *own : *given;
  if (!complete(own)) from(h, ESP_FROM_UNITS, any ? "keys units_*" : "not known");
  return ESP_OK;
}

/* A file's own constant is what its bodies moved by. */
static int settle_G(const char *path, esp_snapshot_header *h) {
  const double of_units = esp_snapshot_G(&h->units);
  ESP_CHECK(
      of_units > 0 || h->file_G > 0, ESP_ERR_CONFIG,
      "%s: has no units: neither the file states them (UnitLength_in_cm, UnitMass_in_g, UnitVelocity_in_cm_per_s in "
      "Header or Parameters, or a Units group) nor are the keys units_length, units_mass, units_velocity given",
      path);
  ESP_CHECK(
      complete(&h->file_units) || of_units == 0 || h->file_G == 0 || !differ(of_units, h->file_G), ESP_ERR_CONFIG,
      "%s: G is %.7g (%s); the keys units_length %g, units_mass %g, units_velocity %g make it %.7g: leave them out "
      "(units_length 0, units_mass 0, units_velocity 0), or give units in which it is %.7g",
      path, h->file_G, h->from[ESP_FROM_G], h->units.length, h->units.mass, h->units.velocity, of_units, h->file_G);
  h->G = h->file_G > 0 ? h->file_G : of_units;
  ESP_CHECK(isfinite(h->G), ESP_ERR_CONFIG, "%s: G is %g in units of %g cm, %g g, %g cm/s (%s): must be finite", path,
            h->G, h->units.length, h->units.mass, h->units.velocity, h->from[ESP_FROM_UNITS]);
  if (h->file_G == 0) from(h, ESP_FROM_G, "of these units");
  return ESP_OK;
}

int esp_snapshot_settle(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header) {
  ESP_CALL(esp_snapshot_settle_space(path, options, header));
  ESP_CALL(settle_units(path, &options->units, header));
  return settle_G(path, header);
}

/* ---- in words ---- */

void esp_snapshot_tell(esp_snapshot_header *h) {
  char values[160] = "values as they lie", box[160] = "open", G[256] = "", torn[96] = "";
  const double of_units = esp_snapshot_G(&h->units);
  if (h->comoving)
    snprintf(values, sizeof values, "comoving, a = %.7g, h = %.7g: lengths x %.7g, velocities x %.7g, masses x %.7g",
             h->a, h->h, h->factor[0], h->factor[1], h->factor[2]);
  if (h->periodic)
    snprintf(box, sizeof box, "periodic, %.7g %.7g %.7g", h->box[0] * h->factor[0], h->box[1] * h->factor[0],
             h->box[2] * h->factor[0]);
  if (of_units > 0)
    snprintf(G, sizeof G, "%.7g cm, %.7g g, %.7g cm/s (%s), ", h->units.length, h->units.mass, h->units.velocity,
             h->from[ESP_FROM_UNITS]);
  for (int c = 0; c < h->dim && !torn[0]; c++)
    if (h->spread[c] > 0.5)
      snprintf(torn, sizeof torn, "; the particles span %.0f %% of the box along %c: what its faces cut is torn apart",
               100 * h->spread[c], "xyz"[c]);
  snprintf(h->told, sizeof h->told, "%s (%s); %s (%s)%s; units %sG = %.7g (%s)", values, h->from[ESP_FROM_COSMOLOGY],
           box, h->from[ESP_FROM_PERIOD], torn, G, h->G, h->from[ESP_FROM_G]);
}
