#include "verbs/report_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/input.h"

/* ---- CSV ---- */

enum { MOST_BYTES = 1 << 28 }; /* of a table in memory */

int esp_csv_read(const char *path, esp_csv *csv) {
  size_t length = 0;
  memset(csv, 0, sizeof *csv);
  ESP_CALL(esp_input_text(path, MOST_BYTES, &csv->text, &length));
  int rc = ESP_OK, lines = 0;
  for (size_t i = 0; i < length; i++) lines += csv->text[i] == '\n';
  csv->columns = 1;
  for (char *c = csv->text; *c && *c != '\n'; c++) csv->columns += *c == ',';
  csv->rows = lines - 1;
  ESP_NEED(lines >= 1, ESP_ERR_FORMAT, "%s: no header line", path);
  ESP_NEED((size_t)lines <= length / (size_t)csv->columns, ESP_ERR_FORMAT,
           "%s: %zu characters are no %d lines of %d fields", path, length, lines, csv->columns);
  ESP_TRY(ESP_ALLOC(csv->field, (size_t)lines * (size_t)csv->columns));
  char *at = csv->text;
  for (int line = 0; line < lines; line++) {
    for (int column = 0; column < csv->columns; column++) {
      size_t width = strcspn(at, ",\n");
      int last = column == csv->columns - 1;
      ESP_NEED(at[width] == (last ? '\n' : ','), ESP_ERR_FORMAT, "%s, line %d: other than %d fields", path, line + 1,
               csv->columns);
      at[width] = 0;
      csv->field[line * csv->columns + column] = at;
      at += width + 1;
    }
  }
done:
  if (rc) esp_csv_free(csv);
  return rc;
}

void esp_csv_free(esp_csv *csv) {
  ESP_FREE(csv->text);
  ESP_FREE(csv->field);
  csv->rows = csv->columns = 0;
}

/* ---- HTML ---- */

void esp_html_text(FILE *html, const char *text) {
  for (; *text; text++) {
    switch (*text) {
      case '<':
        fputs("&lt;", html);
        break;
      case '>':
        fputs("&gt;", html);
        break;
      case '&':
        fputs("&amp;", html);
        break;
      case '"':
        fputs("&quot;", html);
        break;
      default:
        fputc((unsigned char)*text < ' ' && *text != '\n' && *text != '\t' ? '?' : *text, html); /* no such in XML */
    }
  }
}

void esp_html_element(FILE *html, const char *tag, const char *text) {
  fprintf(html, "<%s>", tag);
  esp_html_text(html, text);
  fprintf(html, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

static const esp_heading common[] = {{"n", "particles"},
                                     {"pairs", "near pairs"},
                                     {"cells", "far cells"},
                                     {"us_per_particle", "time a particle, µs"},
                                     {"essential_nodes", "nodes of other ranks"},
                                     {"bytes", "bytes received"},
                                     {"moved", "particles moved"},
                                     {"seconds_split", "split, s"},
                                     {"seconds_essential", "nodes of other ranks, s"},
                                     {"seconds_lists", "lists, s"},
                                     {"seconds_halo_setup", "set-up of the halo, s"},
                                     {"seconds_forward", "messages, s"},
                                     {"memory_MiB", "memory, MiB"},
                                     {"memory_resident_MiB", "with libraries, MiB"},
                                     {"memory_state_MiB", "states between layers, MiB"},
                                     {"memory_activations_MiB", "rest of a pass, MiB"},
                                     {"memory_lists_MiB", "trees and lists, MiB"},
                                     {"memory_halo_MiB", "exchanges, MiB"},
                                     {"memory_parameters_MiB", "parameters, MiB"},
                                     {"memory_optimiser_MiB", "moments and gradients, MiB"},
                                     {"memory_other_MiB", "the rest, MiB"},
                                     {"imbalance_pairs", "imbalance of pairs"},
                                     {"imbalance_particles", "imbalance of particles"},
                                     {"halo_particles_mean", "halo particles, mean"},
                                     {"halo_particles_max", "halo particles, largest"},
                                     {"halo_cells_mean", "halo cells, mean"},
                                     {"halo_cells_max", "halo cells, largest"},
                                     {"bytes_mean", "bytes, mean"},
                                     {"bytes_max", "bytes, largest"},
                                     {0}};

static const char *find(const esp_heading *heading, const char *name) {
  for (; heading && heading->name; heading++)
    if (!strcmp(heading->name, name)) return heading->words;
  return NULL;
}

const char *esp_report_words(const esp_showing *showing, const char *name, char text[ESP_WORDS]) {
  const char *words = find(showing->heading, name);
  for (const esp_figure *f = showing->figure; f->name && !words; f++)
    if (!strcmp(f->name, name)) words = f->title;
  if (!words) words = find(common, name);
  if (words) return words;
  snprintf(text, ESP_WORDS, "%s", name);
  for (char *c = text; *c; c++)
    if (*c == '_') *c = ' ';
  return text;
}

void esp_report_figure(const esp_showing *showing, const char *number, esp_lines *text) {
  char copy[ESP_WORDS];
  const char *words = esp_report_words(showing, showing->figure[0].name, copy), *unit = strrchr(words, ',');
  esp_lines_add(text, "%.*s %s%s", unit ? (int)(unit - words) : (int)strlen(words), words, number,
                unit ? unit + 1 : "");
}

/* In a box of its own, in which a page that is too narrow for it scrolls. */
void esp_html_table(FILE *html, const esp_csv *csv, int numbers, const esp_showing *showing) {
  char text[ESP_WORDS];
  fputs("<div class=\"box\" tabindex=\"0\"><table>\n<thead>\n", html);
  for (int row = -1; row < csv->rows; row++) {
    fputs("<tr>", html);
    for (int c = 0; c < csv->columns; c++) {
      const char *field = esp_csv_field(csv, row, c);
      fprintf(html, "<%s%s>", row < 0 ? "th scope=\"col\"" : "td", c >= numbers ? " class=\"n\"" : "");
      esp_html_text(html, row < 0 ? esp_report_words(showing, field, text) : field);
      fputs(row < 0 ? "</th>" : "</td>", html);
    }
    fputs(row < 0 ? "</tr>\n</thead>\n<tbody>\n" : "</tr>\n", html);
  }
  fputs("</tbody>\n</table></div>\n", html);
}
