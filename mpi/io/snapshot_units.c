#include "io/snapshot_units.h"

#include <math.h>

/* ---- comoving or not ---- */

/* Does the redshift belong to the scale factor? Headers carry rounded numbers. */
static int redshift_fits(double redshift, double a) {
  return a > 0 && fabs((1 + redshift) * a - 1) <= 1e-3;
}

/* The usual powers without pow(), whose last bit may differ between libraries. */
static double power(double base, double exponent) {
  if (exponent == 0) return 1;
  if (exponent == 1) return base;
  if (exponent == -1) return 1 / base;
  if (exponent == 0.5) return sqrt(base);
  return pow(base, exponent);
}

static const char HOW[] = "give the option cosmology (comoving or physical) to say which";

static int settle_comoving(const char *path, esp_snapshot_header *h) {
  const int swift = h->scale > 0;
  h->comoving = 1;
  h->a = swift ? h->scale : h->time;
  h->h = h->hubble;
  ESP_CHECK(h->a > 0 && isfinite(h->a), ESP_ERR_FORMAT, "%s: comoving, but the scale factor is %g, allowed is > 0",
            path, h->a);
  ESP_CHECK(h->redshift == -1 || redshift_fits(h->redshift, h->a), ESP_ERR_FORMAT,
            "%s: flags contradict each other: comoving with scale factor %g, which is redshift %g, but Redshift is %g",
            path, h->a, 1 / h->a - 1, h->redshift);
  static const double gadget[3][2] = {{1, -1}, {0.5, 0}, {0, -1}}, swift_own[3][2] = {{1, 0}, {0, 0}, {0, 0}};
  for (int k = 0; k < 3; k++) {
    const double *e = h->has_exponents[k] ? h->exponent[k] : swift ? swift_own[k] : gadget[k];
    ESP_CHECK(e[1] == 0 || (h->h > 0 && isfinite(h->h)), ESP_ERR_FORMAT,
              "%s: comoving in units of h, but HubbleParam is %s (%g); allowed is > 0", path,
              h->h == -1 ? "missing" : "not positive", h->h);
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
  ESP_CHECK(h->scale > 0 || h->redshift == -1 || h->redshift == 0, ESP_ERR_FORMAT,
            "%s: flags contradict each other: not comoving, but Redshift is %g; %s", path, h->redshift, HOW);
  ESP_CHECK(h->scale > 0 || h->hubble == -1 || h->hubble == 0 || h->hubble == 1, ESP_ERR_FORMAT,
            "%s: not comoving, but HubbleParam is %g (0 or 1 allowed): are values in units of 1/h? %s", path, h->hubble,
            HOW);
  return settle_physical(h);
}

static int settle_cosmology(const char *path, esp_cosmology asked, esp_snapshot_header *h) {
  if (asked == ESP_COSMOLOGY_COMOVING) return settle_comoving(path, h);
  if (asked == ESP_COSMOLOGY_PHYSICAL) return settle_physical(h);
  if (h->comoving_flag == 1) return settle_comoving(path, h);
  if (h->comoving_flag == 0) return settle_plain(path, h);
  /* no flag: GADGET-2 leaves it to Omega0 and to Redshift = 1/Time - 1 */
  const int fits = h->redshift != -1 && redshift_fits(h->redshift, h->time);
  if (fits && (h->omega0 > 0 || h->redshift > 0)) {
    ESP_CHECK(h->omega0 != 0, ESP_ERR_FORMAT,
              "%s: flags contradict each other: Redshift %g belongs to Time %g, but Omega0 is 0; %s", path, h->redshift,
              h->time, HOW);
    return settle_comoving(path, h);
  }
  ESP_CHECK(!(h->omega0 > 0) || h->time == 0, ESP_ERR_FORMAT,
            "%s: flags contradict each other: Omega0 %g means comoving, but Redshift %g does not belong to Time %g; %s",
            path, h->omega0, h->redshift, h->time, HOW);
  return settle_plain(path, h);
}

/* ---- units ---- */

static int complete(const esp_units *u) {
  return u->length > 0 && u->mass > 0 && u->velocity > 0;
}
static int any(const esp_units *u) {
  return u->length != 0 || u->mass != 0 || u->velocity != 0;
}
static int differ(double a, double b) {
  return fabs(a - b) > 0.01 * fabs(b);
}

static int settle_units(const char *path, const esp_units *given, esp_snapshot_header *h) {
  ESP_CHECK(!any(given) || complete(given), ESP_ERR_CONFIG,
            "units_length %g, units_mass %g, units_velocity %g: give all three, > 0 (cm, g, cm/s), or none",
            given->length, given->mass, given->velocity);
  const esp_units *own = &h->file_units;
  if (complete(own)) {
    ESP_CHECK(
        !any(given) || !(differ(given->length, own->length) || differ(given->mass, own->mass) ||
                         differ(given->velocity, own->velocity)),
        ESP_ERR_CONFIG,
        "%s: states units of %g cm, %g g, %g cm/s; the keys units_length, units_mass, units_velocity give %g, %g, %g: "
        "leave the keys out or make them agree",
        path, own->length, own->mass, own->velocity, given->length, given->mass, given->velocity);
    h->units = *own;
  } else {
    h->units = *given;
  }
  ESP_CHECK(
      complete(&h->units) || h->file_G > 0, ESP_ERR_CONFIG,
      "%s: has no units: neither the file states them (UnitLength_in_cm, UnitMass_in_g, UnitVelocity_in_cm_per_s in "
      "Header or Parameters, or a Units group) nor are the keys units_length, units_mass, units_velocity given",
      path);
  h->G = complete(&h->units) ? ESP_G_CGS * h->units.mass / (h->units.length * h->units.velocity * h->units.velocity)
                             : h->file_G;
  if (h->file_G > 0 && complete(own)) h->G = h->file_G;
  return ESP_OK;
}

static int settle_box(const char *path, int asked, esp_snapshot_header *h) {
  h->periodic = asked ? asked > 0 : h->periodic_flag >= 0 ? h->periodic_flag : h->comoving && h->box[0] > 0;
  for (int k = 0; k < h->dim; k++)
    ESP_CHECK(!h->periodic || (h->box[k] > 0 && isfinite(h->box[k])), ESP_ERR_FORMAT,
              "%s: periodic, but BoxSize along axis %d is %g, allowed is > 0", path, k, h->box[k]);
  return ESP_OK;
}

int esp_snapshot_settle(const char *path, const esp_snapshot_options *options, esp_snapshot_header *header) {
  ESP_CALL(settle_cosmology(path, options->cosmology, header));
  ESP_CALL(settle_units(path, &options->units, header));
  return settle_box(path, options->periodic, header);
}
