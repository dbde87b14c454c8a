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
        fputc(*text, html);
    }
  }
}

void esp_html_element(FILE *html, const char *tag, const char *text) {
  fprintf(html, "<%s>", tag);
  esp_html_text(html, text);
  fprintf(html, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void esp_html_table(FILE *html, const esp_csv *csv, int numbers) {
  fputs("<table>\n", html);
  for (int row = -1; row < csv->rows; row++) {
    fputs("<tr>", html);
    for (int c = 0; c < csv->columns; c++) {
      const char *tag = row < 0 ? "th" : "td";
      fprintf(html, "<%s%s>", tag, c >= numbers ? " class=n" : "");
      esp_html_text(html, esp_csv_field(csv, row, c));
      fprintf(html, "</%s>", tag);
    }
    fputs("</tr>\n", html);
  }
  fputs("</table>\n", html);
}
