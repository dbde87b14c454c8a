/* What a snapshot's header says, in lines. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/snapshot_names.h"
#include "io/snapshot_units.h"

static void print_units(const esp_snapshot_header *h, FILE *out) {
  const esp_units *u = &h->file_units;
  const double G = esp_snapshot_G(u);
  if (G > 0)
    fprintf(out, "units        length %.7g cm, mass %.7g g, velocity %.7g cm/s; G = %.7g in them\n", u->length, u->mass,
            u->velocity, G);
  else if (h->file_G > 0)
    fprintf(out, "units        not stated, G = %.7g\n", h->file_G);
  else
    fprintf(out, "units        not stated: reading needs units_length, units_mass, units_velocity\n");
  if (h->file_G > 0 && G > 0) fprintf(out, "G stated     %.17g (%s)\n", h->file_G, h->from[ESP_FROM_G]);
}

static void print_cosmology(const char *path, const esp_snapshot_header *h, FILE *out) {
  const esp_snapshot_options as_it_says = {0};
  esp_snapshot_header copy = *h;
  fprintf(out, "time         %.10g", h->time);
  if (h->redshift != -1) fprintf(out, ", redshift %.10g", h->redshift);
  if (h->scale > 0) fprintf(out, ", scale factor %.10g", h->scale);
  if (h->omega0 > 0) fprintf(out, ", Omega0 %.6g", h->omega0);
  if (h->omega_lambda > 0) fprintf(out, ", OmegaLambda %.6g", h->omega_lambda);
  if (h->hubble > 0) fprintf(out, ", h %.6g", h->hubble);
  if (esp_snapshot_settle_space(path, &as_it_says, &copy)) {
    fprintf(out, "\ncosmology    refused: %s\n", esp_error_message());
    esp_error_clear();
    return;
  }
  fprintf(out, "\ncosmology    %s (%s)\n", copy.comoving ? "comoving" : "not comoving", copy.from[ESP_FROM_COSMOLOGY]);
  if (copy.comoving)
    fprintf(out, "             physical = stored times %.10g (positions), %.10g (velocities), %.10g (masses)\n",
            copy.factor[0], copy.factor[1], copy.factor[2]);
  fprintf(out, "box          %.10g %.10g %.10g, %s (%s)\n", h->box[0], h->box[1], h->box[2],
          copy.periodic ? "periodic" : "open", copy.from[ESP_FROM_PERIOD]);
}

int esp_snapshot_print(const char *path, FILE *out) {
  esp_snapshot_header head, *h = &head;
  int64_t all = 0;
  ESP_CALL(esp_snapshot_read_header(esp_comm_self(), path, h));
  fprintf(out, "snapshot     %s, %d file%s\n", h->dialect, h->files, h->files > 1 ? "s" : "");
  for (int t = 0; t < h->types; t++) {
    all += h->count[t];
    if (h->count[t] == 0) continue;
    fprintf(out, "type %-2d      %" PRId64 " particles", t, h->count[t]);
    if (h->mass_table[t] != 0) fprintf(out, ", mass %.10g each", h->mass_table[t]);
    if (h->lacks[t] >> ESP_FIELD_POSITION & 1) fprintf(out, ", no places");
    if (h->lacks[t] >> ESP_FIELD_ID & 1) fprintf(out, ", no ids");
    fprintf(out, "\n");
  }
  fprintf(out, "particles    %" PRId64 "\n", all);
  for (const char *line = h->note; *line; line += strcspn(line, "\n") + 1)
    fprintf(out, "note         %.*s\n", (int)strcspn(line, "\n"), line);
  print_cosmology(path, h, out);
  print_units(h, out);
  return ESP_OK;
}
