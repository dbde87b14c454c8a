/* What stands at the head of the report: the result in a sentence, and the commands that made it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/input.h"
#include "verbs/report_parts.h"
#include "verbs/trial.h"

/* ---- results of verbs ---- */

/* VERB.json, the caller's (cJSON_Delete); NULL where there is none. */
static int read_results(const esp_run *run, const char *verb, cJSON **json) {
  enum { MOST_BYTES = 1 << 26 };
  char path[4096], name[64], *text;
  size_t size;
  *json = NULL;
  snprintf(name, sizeof name, "%s.json", verb);
  ESP_CALL(esp_run_path(run, name, path, sizeof path));
  if (access(path, F_OK)) return ESP_OK;
  ESP_CALL(esp_input_text(path, MOST_BYTES, &text, &size));
  *json = cJSON_Parse(text);
  ESP_FREE(text);
  ESP_CHECK(*json, ESP_ERR_FORMAT, "%s: is no JSON object; espalier %s writes it", path, verb);
  return ESP_OK;
}

/* "" where it has none. */
static const char *string_of(const cJSON *json, const char *name) {
  const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
  return text ? text : "";
}

/* ---- the result ---- */

/* Lines of ladder.csv. */
typedef struct {
  esp_csv csv;
  int method, sets, n, figure; /* columns */
  int network, best;           /* rows, -1: none */
  int classical;               /* methods beside the network that have a figure */
} ladder;

static int column(const esp_csv *csv, const char *name) {
  for (int c = 0; c < csv->columns; c++)
    if (!strcmp(esp_csv_field(csv, -1, c), name)) return c;
  return -1;
}

static const esp_method *method_of(const esp_showing *showing, const char *name) {
  for (const esp_method *m = showing->method; m->name; m++)
    if (!strcmp(m->name, name)) return m;
  return NULL;
}

static double value(const ladder *l, int row) {
  char *end;
  const char *text = esp_csv_field(&l->csv, row, l->figure);
  const double x = strtod(text, &end);
  return end == text || *end ? NAN : x;
}

static double size_of(const ladder *l, int row) {
  return strtod(esp_csv_field(&l->csv, row, l->n), NULL);
}

/* Is it better than the one of row `best`? */
static int is_better(const esp_showing *showing, const ladder *l, int row) {
  return showing->larger ? value(l, row) > value(l, l->best) : value(l, row) < value(l, l->best);
}

static void find_rows(const esp_showing *showing, ladder *l) {
  for (int row = 0; row < l->csv.rows; row++) {
    const esp_method *m = method_of(showing, esp_csv_field(&l->csv, row, l->method));
    if (!m || !esp_trial_is_trained(m) || isnan(value(l, row))) continue;
    if (l->network < 0 || size_of(l, row) > size_of(l, l->network)) l->network = row;
  }
  for (int row = 0; row < l->csv.rows && l->network >= 0; row++) {
    const esp_method *m = method_of(showing, esp_csv_field(&l->csv, row, l->method));
    if (!m || !m->classical || size_of(l, row) != size_of(l, l->network) || isnan(value(l, row))) continue;
    l->classical++;
    if (l->best < 0 || is_better(showing, l, row)) l->best = row;
  }
}

static void add_baseline(const esp_showing *showing, const ladder *l, esp_lines *text) {
  if (l->best < 0) {
    esp_lines_add(text, "; no classical method was tried there.");
    return;
  }
  const double own = value(l, l->network), other = value(l, l->best);
  esp_lines_add(text, "; the best of %d classical method%s there, %s, has %s", l->classical,
                l->classical > 1 ? "s" : "", esp_csv_field(&l->csv, l->best, l->method),
                esp_csv_field(&l->csv, l->best, l->figure));
  if (showing->larger)
    esp_lines_add(text, ".");
  else if (own > 0 && other > own)
    esp_lines_add(text, ", %.3g times that of the network.", other / own);
  else if (other > 0 && own > other)
    esp_lines_add(text, ", and the network %.3g times as much.", own / other);
  else
    esp_lines_add(text, ".");
}

static void write_sentence(FILE *html, const ladder *l, const cJSON *evaluated, const esp_showing *showing) {
  esp_lines text = {0};
  const char *sets = esp_csv_field(&l->csv, l->network, l->sets), *network = string_of(evaluated, "network"),
             *data = string_of(evaluated, "data"), *result = string_of(evaluated, "result");
  esp_lines_add(&text, "On %s test set%s of %s particles", sets, strcmp(sets, "1") ? "s" : "",
                esp_csv_field(&l->csv, l->network, l->n));
  if (data[0]) esp_lines_add(&text, " (%s)", data);
  esp_lines_add(&text, ", the trained network");
  if (network[0]) esp_lines_add(&text, " (%s)", network);
  esp_lines_add(&text, " has ");
  if (result[0])
    esp_lines_add(&text, "%s", result);
  else
    esp_report_figure(showing, esp_csv_field(&l->csv, l->network, l->figure), &text);
  add_baseline(showing, l, &text);
  if (!text.rc) esp_html_element(html, "p class=\"result\"", text.text);
  esp_lines_free(&text);
}

int esp_report_result(FILE *html, const esp_run *run, const esp_showing *showing) {
  char path[4096];
  ladder l = {.network = -1, .best = -1};
  cJSON *evaluated = NULL;
  int rc;
  ESP_TRY(esp_run_path(run, "ladder.csv", path, sizeof path));
  if (access(path, F_OK)) goto done;
  ESP_TRY(read_results(run, "evaluate", &evaluated));
  ESP_TRY(esp_csv_read(path, &l.csv));
  l.method = column(&l.csv, "method"), l.sets = column(&l.csv, "sets"), l.n = column(&l.csv, "n");
  l.figure = column(&l.csv, showing->figure[0].name);
  if (l.method < 0 || l.sets < 0 || l.n < 0 || l.figure < 0) goto done; /* of another task */
  find_rows(showing, &l);
  if (l.network >= 0) write_sentence(html, &l, evaluated, showing);
done:
  esp_csv_free(&l.csv);
  cJSON_Delete(evaluated);
  return rc;
}

/* ---- the commands ---- */

int esp_report_commands(FILE *html, const esp_run *run) {
  static const char *const verb[] = {"generate", "train", "evaluate", "predict", "partition", "graph"};
  enum { VERBS = sizeof verb / sizeof verb[0] };
  cJSON *json[VERBS] = {NULL};
  int rc = ESP_OK, shown = 0;
  for (int k = 0; k < VERBS; k++) {
    ESP_TRY(read_results(run, verb[k], &json[k]));
    const char *command = string_of(json[k], "command");
    const cJSON *ranks = cJSON_GetObjectItemCaseSensitive(json[k], "ranks");
    int before = 0;
    while (before < k && strcmp(string_of(json[before], "command"), command)) before++;
    if (!command[0] || before < k) continue;
    fputs(shown++ ? "<br/>\n" : "<p class=\"note\">", html);
    fputs("<code>", html);
    esp_html_text(html, command);
    fprintf(html, "</code>, on %.0f rank%s", cJSON_GetNumberValue(ranks), cJSON_GetNumberValue(ranks) == 1 ? "" : "s");
  }
  if (shown) fputs("</p>\n", html);
done:
  for (int k = 0; k < VERBS; k++) cJSON_Delete(json[k]);
  return rc;
}
