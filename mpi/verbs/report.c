/* report: one self-contained page from the files of a run, whoever wrote them. Rank 0 works, the others wait. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/input.h"
#include "verbs/folder.h"
#include "verbs/report_parts.h"
#include "tasks/task.h"
#include "verbs/run_id.h"
#include "verbs/setup.h"
#include "verbs/version.h"

/* The page is HTML and well-formed XML alike. Tables and pictures that are wider than a narrow screen scroll in their box. */
static const char head[] =
    "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n",
                  style[] =
                      "<style>"
                      "body{font:16px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222;"
                      "overflow-wrap:anywhere}"
                      ".box,figure{margin:1em 0;overflow-x:auto}table{border-collapse:collapse;font-size:14px}"
                      "th,td{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:left;white-space:nowrap}"
                      "td{font-variant-numeric:tabular-nums}.n{text-align:right}"
                      "img{display:block;max-width:100%;min-width:34em;height:auto}"
                      "figcaption,.note{color:#666;font-size:14px}.result{font-size:18px}"
                      "pre{background:#f6f6f6;padding:1em;overflow-x:auto;font-size:13px}</style>\n</head>\n<body>\n",
                  tail[] = "</body>\n</html>\n";
typedef struct {
  const char *file, *title, *note;
  int numbers;
} table_part;

static const table_part tables[] = {
    {"rollout.csv", "Roll-out",
     "Predictions from predictions: root mean square error over sets, frames, particles and components, where the sets "
     "have frames; mean relative change of what should stay.",
     1},
    {"ranks.csv", "The ranks",
     "One prediction of the largest test set, all layers together. Particles owned, halo (particles, cells), nodes of "
     "other ranks, messages a transfer, bytes received, particles that another rank brought, pairs and cells, time by "
     "stage and largest memory of each rank.",
     1},
    {"memory.csv", "Memory of the training",
     "Of each rank the most that the program held at a time, with what its libraries held (resident, as the system "
     "counts "
     "it); then what of the former was for what: states between layers, what else a pass holds, trees and lists, what "
     "exchanges hold, parameters, moments and gradients.",
     1},
    {"partition.csv", "The cut", "Load and halo of the tree's cut beside classical partitioners.", 2},
};

static int write_table(FILE *html, const esp_run *run, const table_part *part) {
  char path[4096];
  ESP_CALL(esp_run_path(run, part->file, path, sizeof path));
  esp_csv csv;
  if (access(path, F_OK)) return ESP_OK; /* that verb was not run */
  ESP_CALL(esp_csv_read(path, &csv));
  esp_html_element(html, "h2", part->title);
  esp_html_table(html, &csv, part->numbers, esp_setup_task(run)->showing);
  esp_html_element(html, "p class=\"note\"", part->note);
  esp_csv_free(&csv);
  return ESP_OK;
}

/* Of a configuration the lines that the one before has not, without comments; the first is shown whole. */
static int write_config(FILE *html, const char *path, char **before) {
  enum { MOST_BYTES = 1 << 20 };
  char *text, line[8192];
  size_t size;
  int shown = 0;
  ESP_CALL(esp_input_text(path, MOST_BYTES, &text, &size));
  for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
    snprintf(line, sizeof line, "\n%.*s\n", (int)strcspn(at, "\n"), at);
    if (*before && (line[1] == '#' || strstr(*before, line))) continue;
    if (!shown++)
      esp_html_element(html, "h2", *before ? strrchr(path, '/') + 1 : "Configuration"), fputs("<pre>\n", html);
    esp_html_text(html, line + 1);
  }
  if (shown) fputs("</pre>\n", html);
  if (*before)
    ESP_FREE(text);
  else
    *before = text;
  return ESP_OK;
}

static int write_configs(FILE *html, const esp_run *run) {
  char path[4096], *first = NULL;
  int rc = ESP_OK;
  for (int k = 0; esp_folder_configs[k] && !rc; k++) {
    rc = esp_run_path(run, esp_folder_configs[k], path, sizeof path);
    if (!rc && !access(path, F_OK)) rc = write_config(html, path, &first);
  }
  ESP_FREE(first);
  return rc;
}

static int write_ladder(FILE *html, const esp_run *run) {
  esp_lines note = {0};
  esp_lines_add(&note,
                "Each method on the same test sets. %s Pairs and cells: evaluated a particle, all layers together.",
                esp_setup_task(run)->showing->ladder);
  const table_part part = {"ladder.csv", "The ladder", note.text, 3};
  const int rc = note.rc ? note.rc : write_table(html, run, &part);
  esp_lines_free(&note);
  return rc;
}

/* When, where and by what the page was made. */
static void write_origin(FILE *html) {
  char program[160], processor[200], host[256] = "", date[64] = "", line[700];
  const time_t now = time(NULL);
  struct tm local;
  gethostname(host, sizeof host - 1);
  if (localtime_r(&now, &local)) strftime(date, sizeof date, "%Y-%m-%d %H:%M", &local);
  esp_version(program, sizeof program);
  esp_version_processor(processor, sizeof processor);
  snprintf(line, sizeof line, "%s, %s, %s; %s", date, host, processor, program);
  esp_html_element(html, "p class=\"note\"", line);
}

static int write_page(FILE *html, const esp_run *run) {
  const char *name = esp_config_string(run->config, "run_name");
  const esp_showing *showing = esp_setup_task(run)->showing;
  fputs(head, html);
  esp_html_element(html, "title", name);
  fputs(style, html);
  esp_html_element(html, "h1", name);
  ESP_CALL(esp_report_result(html, run, showing));
  fputs("<p>Every pair interacts; a tree decides at what resolution. ", html);
  esp_html_text(html, showing->about);
  fputs("</p>\n", html);
  write_origin(html);
  ESP_CALL(esp_report_commands(html, run));
  ESP_CALL(write_ladder(html, run));
  if (esp_config_flag(run->config, "report_pictures")) ESP_CALL(esp_report_pictures(html, run->dir, showing));
  for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) ESP_CALL(write_table(html, run, &tables[t]));
  ESP_CALL(write_configs(html, run));
  fputs(tail, html);
  return ESP_OK;
}

static int write_report(const esp_run *run, const char *path) {
  esp_draft draft;
  ESP_CALL(esp_draft_begin(path, &draft));
  int rc = write_page(draft.stream, run);
  if (!rc) return esp_draft_keep(&draft, path);
  esp_draft_drop(&draft);
  return rc;
}

/* A checkpoint that is there belongs to what is reported. */
static int check_run(const esp_run *run) {
  char path[4096];
  ESP_CALL(esp_run_path(run, "checkpoint.h5", path, sizeof path));
  int there = access(path, F_OK) == 0;
  ESP_CALL(run->comm->broadcast(run->comm, &there, sizeof there, 0));
  return there ? esp_run_id_check(run) : ESP_OK;
}

int esp_verb_report(esp_run *run) {
  char path[4096];
  ESP_CALL(check_run(run));
  ESP_CALL(esp_run_path(run, "report.html", path, sizeof path));
  ESP_AGREE(run->comm, run->comm->rank ? ESP_OK : write_report(run, path));
  cJSON_AddStringToObject(run->json, "report", path);
  esp_run_say(run, "report: %s\n", path);
  return ESP_OK;
}
