#include "io/snapshot_names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/shown.h"

/* ---- the names ---- */

/* Of a field the first that the file has. */
static const struct {
  esp_field of;
  const char *name; /* by whom */
} names[] = {
    {ESP_FIELD_POSITION, "Coordinates"}, /* all */
    {ESP_FIELD_VELOCITY, "Velocities"},  /* GADGET, AREPO, GIZMO, SWIFT */
    {ESP_FIELD_VELOCITY, "Velocity"},    /* OWLS, EAGLE */
    {ESP_FIELD_MASS, "Masses"},          /* GADGET, AREPO, GIZMO, SWIFT */
    {ESP_FIELD_MASS, "Mass"},            /* OWLS, EAGLE */
    {ESP_FIELD_MASS, "DynamicalMasses"}, /* SWIFT's black holes; SubgridMasses is another quantity */
    {ESP_FIELD_ID, "ParticleIDs"},       /* all */
    {ESP_FIELD_ID, "TracerID"},          /* AREPO's tracers */
};
enum { NAMES = sizeof names / sizeof names[0] };

int esp_snapshot_dataset(const esp_file *file, int type, esp_field field, char path[ESP_FIELD_PATH], int *exists) {
  int first = 0;
  while (names[first].of != field) first++;
  *exists = 0;
  for (int k = first; k < NAMES && names[k].of == field && !*exists; k++) {
    snprintf(path, ESP_FIELD_PATH, "PartType%d/%s", type, names[k].name);
    ESP_CALL(esp_file_exists(file, path, exists));
  }
  if (!*exists) snprintf(path, ESP_FIELD_PATH, "PartType%d/%s", type, names[first].name);
  return ESP_OK;
}

int esp_snapshot_look(const esp_file *file, const int64_t *count, esp_snapshot_header *head) {
  char path[ESP_FIELD_PATH];
  for (int t = 0; t < head->types; t++)
    for (int k = 0; k < ESP_FIELDS && count[t] > 0; k++) {
      int exists;
      ESP_CALL(esp_snapshot_dataset(file, t, (esp_field)k, path, &exists));
      if (!exists) head->lacks[t] |= 1u << k;
      /* counts are taken at their word once the file holds so many places */
      if (exists && k == ESP_FIELD_POSITION) ESP_CALL(esp_file_expect(file, path, count[t]));
    }
  return ESP_OK;
}

/* ---- notes ---- */

void esp_snapshot_note(esp_snapshot_header *head, const char *format, ...) {
  const size_t used = strlen(head->note), room = sizeof head->note - used;
  char text[ESP_NOTE];
  va_list list;
  va_start(list, format);
  const int length = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (length < 0 || esp_shown(text, "", head->note + used, room) + 8 > room)
    head->note[used] = 0; /* no half lines */
  else
    strcat(head->note, "\n");
}

/* ---- which types ---- */

static int lacks(const esp_snapshot_header *h, int t, esp_field field) {
  return (int)(h->lacks[t] >> field & 1);
}

/* Ids alone. */
static int is_tracer(const esp_snapshot_header *h, int t) {
  return h->count[t] > 0 && h->lacks[t] == ((1u << ESP_FIELDS) - 1) - (1u << ESP_FIELD_ID);
}

/* Can it be read? The first field that is missing. */
static int missing(const esp_snapshot_header *h, int t) {
  for (int k = 0; k < ESP_FIELD_ID; k++)
    if (lacks(h, t, (esp_field)k) && !(k == ESP_FIELD_MASS && h->mass_table[t] != 0)) return k;
  return ESP_FIELDS;
}

static void append(char *text, size_t size, const char *between, const char *word) {
  const size_t used = strlen(text);
  snprintf(text + used, size - used, "%s%s", used ? between : "", word);
}

/* Types that are whole, as a value of io_types. */
static void whole_types(const esp_snapshot_header *h, char *text, size_t size) {
  char word[16];
  for (int t = 0; t < h->types; t++) {
    snprintf(word, sizeof word, "%d", t);
    if (h->count[t] > 0 && missing(h, t) == ESP_FIELDS) append(text, size, ",", word);
  }
}

static int refuse(const char *path, const esp_snapshot_header *h, int t, int field) {
  char others[96] = "", whole[48] = "", mass[96] = "";
  int first = 0;
  while ((int)names[first].of != field) first++;
  for (int k = first + 1; k < NAMES && (int)names[k].of == field; k++)
    append(others, sizeof others, ", ", names[k].name);
  whole_types(h, whole, sizeof whole);
  if (field == ESP_FIELD_MASS)
    snprintf(mass, sizeof mass, ", and MassTable[%d] of Header is 0 or missing: one of both must give the mass", t);
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: dataset PartType%d/%s is missing%s%s%s%s%s%s", path, t, names[first].name,
                  others[0] ? " (looked for, too: " : "", others, others[0] ? ")" : "", mass,
                  whole[0] ? "; what is whole is read with io_types " : "", whole);
}

static int check_asked(const char *path, uint32_t asked, const esp_snapshot_header *h) {
  char list[256] = "", word[24], bare[48] = "";
  ESP_CHECK(asked == 0 || asked >> h->types == 0, ESP_ERR_CONFIG,
            "%s: has particle types 0 to %d, io_types asks for a higher one", path, h->types - 1);
  for (int t = 0; t < h->types; t++) {
    snprintf(word, sizeof word, "%lld", (long long)h->count[t]);
    append(list, sizeof list, ", ", word);
    if ((h->taken >> t & 1) && h->count[t] > 0) return ESP_OK;
    snprintf(word, sizeof word, "%d", t);
    if (is_tracer(h, t)) append(bare, sizeof bare, ",", word);
  }
  return ESP_FAIL(ESP_ERR_VALUE, "%s: has no particle of the types asked for (io_types); particles by type: %s%s%s",
                  path, list, bare[0] ? "; without places: type " : "", bare);
}

static void settle_ids(const esp_snapshot_options *o, esp_snapshot_header *h) {
  char list[48] = "", word[16];
  for (int t = 0; t < h->types; t++) {
    snprintf(word, sizeof word, "%d", t);
    if ((h->taken >> t & 1) && lacks(h, t, ESP_FIELD_ID)) append(list, sizeof list, ", ", word);
  }
  h->by_place = o->by_place || list[0];
  if (list[0] && h->format != ESP_FORMAT_TIPSY) /* which never has any */
    esp_snapshot_note(h, "no ids (ParticleIDs) of particle type %s: particles are numbered by their place in the file",
                      list);
}

int esp_snapshot_choose(const char *path, const esp_snapshot_options *options, esp_snapshot_header *h) {
  h->taken = options->types ? options->types : (UINT32_C(1) << h->types) - 1;
  for (int t = 0; t < h->types && !options->types; t++) {
    if (!is_tracer(h, t)) continue;
    h->taken &= ~(UINT32_C(1) << t);
    esp_snapshot_note(h, "particle type %d has no places: its %lld particles (tracers) are left out", t,
                      (long long)h->count[t]);
  }
  ESP_CALL(check_asked(path, options->types, h));
  for (int t = 0; t < h->types; t++)
    if ((h->taken >> t & 1) && h->count[t] > 0 && missing(h, t) < ESP_FIELDS) return refuse(path, h, t, missing(h, t));
  settle_ids(options, h);
  return ESP_OK;
}
