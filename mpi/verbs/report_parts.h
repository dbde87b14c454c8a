/* The parts of report.html: tables and pictures made from the CSV files of a run. Rank 0 only; local. Each part is left
 * out, with a line that says so, if its file is not there. */
#ifndef ESP_REPORT_PARTS_H
#define ESP_REPORT_PARTS_H

#include <stdio.h>

#include "tasks/showing.h"
#include "verbs/run.h"

/* A CSV file in memory: no quoting, first line is the header. */
typedef struct {
  char *text;   /* the file, commas and newlines replaced by 0 */
  char **field; /* [rows + 1][columns]; row 0 is the header */
  int rows, columns;
} esp_csv;

/* ESP_ERR_FILE if it cannot be read; ESP_ERR_FORMAT if a line has another number of fields than the header, naming the
 * line. */
int esp_csv_read(const char *path, esp_csv *csv);
void esp_csv_free(esp_csv *csv);
static inline const char *esp_csv_field(const esp_csv *csv, int row, int column) {
  return csv->field[(row + 1) * csv->columns + column];
}

/* Text with <, >, & and quotes made safe. */
void esp_html_text(FILE *html, const char *text);
/* An element of such text: a tag, with its attributes, and a line's end. */
void esp_html_element(FILE *html, const char *tag, const char *text);
/* What a column is called (tasks/showing.h): by the task, else as all tasks' columns are; else its name with blanks for
 * underscores. Into text[ESP_WORDS], or a constant. */
enum { ESP_WORDS = 64 };
const char *esp_report_words(const esp_showing *showing, const char *name, char text[ESP_WORDS]);
/* The first figure and its number as a sentence has them: of "RMSE of temperature, K" and "1.072", "RMSE of temperature 1.072 K". */
void esp_report_figure(const esp_showing *showing, const char *number, esp_lines *text);
/* A table of the whole file; `numbers` from that column on are right-aligned. */
void esp_html_table(FILE *html, const esp_csv *csv, int numbers, const esp_showing *showing);
/* In a sentence: what the trained network gave on the largest test sets that it was tried on, beside the best classical
 * method there. From ladder.csv and evaluate.json; nothing where the network was not evaluated. */
int esp_report_result(FILE *html, const esp_run *run, const esp_showing *showing);
/* The commands that made the files, each once. From VERB.json, of the verbs whose results are there. */
int esp_report_commands(FILE *html, const esp_run *run);
/* Every picture that the folder's files allow, of those that every task has and of its own, as SVG inside the page, drawn by
 * gnuplot (found on PATH; without it the page says so). Writes its scripts beside the data as NAME.gp, so that a user can
 * redraw them; pictures and scripts of an older report, of whatever task, are taken away first. */
int esp_report_pictures(FILE *html, const char *dir, const esp_showing *showing);

#endif
