/* The pictures of the report, drawn by gnuplot as SVG. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/input.h"
#include "tasks/task.h"
#include "verbs/report_parts.h"

enum { HEADER = 16384 }; /* longest header line of a data file */

/* Of every task. */
static const esp_picture before[] = {
    {"training", "metrics.csv", "loss", "Training",
     "Loss at each step, and its parts where it has several; below, where there is one, what is watched on the first "
     "test set, or the validation.",
     760, 560,
     "parts = ''\ntake = 0\nwatched = 0\nseen = watch eq '' ? 'validation' : watch\n"
     "do for [c in columns] {\nif (c eq 'lr') { take = 0 }\nif (c eq seen) { watched = 1 }\n"
     "if (take && c ne seen) { parts = parts.' '.c }\nif (c eq 'loss') { take = 1 }\n}\n"
     "if (watched) { stats data using (strcol(seen) eq '' ? 0 : 1) nooutput name 'W'; watched = W_max > 0 }\n"
     "set multiplot layout watched ? 2 : 1,1\nset lmargin 10\nset logscale y\nset format y '10^{%T}'\n"
     "set ylabel 'loss'\nset xlabel watched ? '' : 'step'\nif (words(parts) == 0) { unset key }\n"
     "plot data using 'step':'loss' with lines lw 2 lc rgb '#1f5fa8' title 'loss', for [c in parts] '' using 'step':c "
     "with lines title say(c) noenhanced\n"
     "unset logscale y\nset format y '%g'\nset yrange [*<0:1<*]\nset xlabel 'step'\nset ylabel say(seen) noenhanced\n"
     "unset key\nif (watched) { plot data using (strcol(seen) eq '' ? NaN : column('step')):seen with points pt 7 ps "
     "0.7 "
     "lc rgb '#b03a2e' }\n"
     "unset multiplot\n"},
    {"ladder", "ladder_bars.csv", "method", "Method against method",
     "Each method on the test sets of each size n. Of an error, logarithmic, further left is better; of an accuracy, "
     "right. The "
     "number is that of the largest size that the method was tried on.",
     900, 520,
     "set xlabel figure noenhanced\nset offsets graph 0.02, graph 0.2, 0.6, 0.6\n"
     "if (larger) { set xrange [0:*] } else { set logscale x; set format x '10^{%T}' }\n"
     "set yrange [*:*] reverse\nset ytics noenhanced\nset key outside top center horizontal\n"
     "last(k) = k < 2 ? NaN : valid(k) ? column(k) : last(k - 1)\n"
     "most(k) = k < 2 ? 0 : valid(k) && column(k) > most(k - 1) ? column(k) : most(k - 1)\n"
     "plot for [c=2:fields] data using c:0:(0.5):ytic(strcol(1)) with points pt 7 ps 1.2 title columnheader(c), "
     "data using (most(fields)):0:(sprintf('   %.3g', last(fields))) with labels left notitle\n"},
    {0},
};
static const esp_picture after[] = {
    {"pairs", "pairs.csv", "near_pairs", "Pairs against n",
     "Near pairs and far cells that the trained network evaluates, of all particles and layers together, and (from "
     "three sizes on) the power of n that fits them; the grey line is all pairs of one layer.",
     760, 460,
     "set logscale xy\nset format y '10^{%T}'\nset xlabel 'particles'\nset ylabel 'evaluated'\nset key left top "
     "spacing 1.4\n"
     "stats data using 'n' nooutput name 'N'\n"
     "f(x) = a + b * x\na = 5; b = 1; fitted = 0\nset fit quiet logfile '/dev/null'\n"
     "if (N_records > 2 && N_max > N_min) { fit f(x) data using (log10(column('n'))):(log10(column('n') * "
     "(column('near_pairs') + "
     "column('far_cells')))) via a, b; fitted = 1 }\n"
     "plot [N_min * 0.8:N_max * 1.25] x * (x - 1) lc rgb '#aaaaaa' title 'all pairs of a layer', fitted ? 10 ** "
     "f(log10(x)) : NaN lc rgb '#1f5fa8' title "
     "fitted ? sprintf('n^{%.2f}', b) : '', data using 'n':(column('n') * (column('near_pairs') + "
     "column('far_cells'))):xtic(strcol('n')) with points pt 7 lc rgb '#1f5fa8' title "
     "'near pairs and far cells', '' using 'n':(column('n') * column('near_pairs')) with points pt 6 lc rgb '#b03a2e' "
     "title 'near pairs'\n"},
    {"smoothing", "smoothing.csv", "ratio", "What layers keep apart",
     "States before each layer, and the prediction behind the last, of a sample of particles. Ratio: root mean square "
     "difference over pairs whose answers differ, over that of pairs whose answers are alike (1: the states do not "
     "tell "
     "answers apart). Spread: root mean square difference of all pairs, over sqrt(2) times that from 0 (0: all states "
     "are "
     "the same).",
     760, 460,
     "set multiplot layout 2,1\nset lmargin 10\nset logscale y\nset ylabel 'ratio'\nunset key\n"
     "plot 1 lc rgb '#aaaaaa', data using 'layer':'ratio' with linespoints pt 7 ps 0.6 lc rgb '#1f5fa8'\n"
     "unset logscale y\nset xlabel 'layer'\nset ylabel 'spread'\nset yrange [0:*]\n"
     "plot data using 'layer':'spread' with linespoints pt 7 ps 0.6 lc rgb '#b03a2e'\nunset multiplot\n"},
    {"rollout", "rollout_curves.csv", "frame", "Roll-out",
     "Root mean square error at each frame, over sets, particles and components.", 900, 380,
     "set logscale y\nset format y '10^{%T}'\nset xlabel 'frame'\nset ylabel 'RMSE'\nset key outside right noenhanced\n"
     "plot for [c=2:fields] data using 1:c with lines lw 2 title say(columnheader(c))\n"},
    {"stages", "ranks.csv", NULL, "Time by stage and rank",
     "Seconds a rank, stacked, of one prediction of the largest test set: the tree's split and who owns what, nodes "
     "that other ranks need, lists, set-up of the halo, messages.",
     760, 380,
     "set style data histograms\nset style histogram rowstacked\nset style fill solid 0.8\nset boxwidth 0.7\nset "
     "xlabel 'rank'\n"
     "set ylabel 'seconds'\nset key outside\nplot for [s in 'seconds_split seconds_essential seconds_lists "
     "seconds_halo_setup "
     "seconds_forward'] data using s:xtic(strcol('rank')) title say(s) noenhanced\n"},
    {0},
};

/* As an image of its own (base64), since pictures inlined as they are would share their names for symbols. */
static int append(FILE *html, const char *path, const char *alt) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  FILE *svg;
  ESP_CALL(esp_input_open(path, &svg));
  fputs("<img alt=\"", html);
  esp_html_text(html, alt);
  fputs("\" src=\"data:image/svg+xml;base64,", html);
  unsigned char three[3];
  for (size_t got; (got = fread(three, 1, 3, svg)) > 0;) {
    for (size_t i = got; i < 3; i++) three[i] = 0;
    const unsigned bits = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
    fputc(digits[bits >> 18], html);
    fputc(digits[bits >> 12 & 63], html);
    fputc(got > 1 ? digits[bits >> 6 & 63] : '=', html);
    fputc(got > 2 ? digits[bits & 63] : '=', html);
  }
  fputs("\"/>\n", html);
  fclose(svg);
  return ESP_OK;
}

/* The data file's header into line: 1 if the file is there, with the column that is needed. */
static int drawable(const char *dir, const esp_picture *p, char line[HEADER]) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, p->needs);
  FILE *file;
  if (esp_input_open(path, &file)) return esp_error_clear(), 0;
  const char *header = fgets(line, HEADER, file);
  fclose(file);
  if (!header) return 0;
  line[strcspn(line, "\r\n")] = 0;
  if (!p->column) return 1;
  const size_t length = strlen(p->column);
  for (const char *at = header; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (!strncmp(at, p->column, length) && strchr(",", at[length])) return 1;
  return 0;
}

/* Runs gnuplot in the folder of the data without a shell, so that no path is interpreted; what it draws goes to `svg`, what
 * it says to `log`. 0 if it drew. */
static int run_gnuplot(const char *dir, const char *script, FILE *svg, FILE *log) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (chdir(dir) || dup2(fileno(svg), STDOUT_FILENO) < 0 || dup2(fileno(log), STDERR_FILENO) < 0) _exit(127);
    execlp("gnuplot", "gnuplot", script, (char *)NULL);
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 'text' as a string of gnuplot's. */
static void write_string(FILE *script, const char *text) {
  fputc('\'', script);
  for (; *text; text++) fputs(*text == '\'' ? "''" : (char[]){*text, 0}, script);
  fputc('\'', script);
}

/* say(c): what column c is called; c itself where it is not written otherwise. */
static void write_words(FILE *script, const char *header, const esp_showing *showing) {
  enum { MOST = 64 }; /* columns that may be: the file may be anybody's, and gnuplot's nesting is not endless */
  char name[ESP_WORDS], text[ESP_WORDS];
  int count = 0;
  fputs("say(c) = ", script);
  for (const char *at = header; *at && count++ < MOST;) {
    const size_t length = strcspn(at, ",");
    if (length < sizeof name) {
      snprintf(name, sizeof name, "%.*s", (int)length, at);
      const char *words = esp_report_words(showing, name, text);
      if (strcmp(words, name)) {
        fputs("c eq ", script);
        write_string(script, name);
        fputs(" ? ", script);
        write_string(script, words);
        fputs(" : ", script);
      }
    }
    at += length + (at[length] == ',');
  }
  fputs("c\n", script);
}

/* What every script may use: the file's name, the number of its columns and their names, what the task calls things. */
static void write_variables(FILE *script, const esp_picture *p, const char *header, const esp_showing *showing) {
  char text[ESP_WORDS];
  int fields = 1;
  for (const char *at = header; *at; at++) fields += *at == ',';
  fprintf(script, "data = '%s'\nfields = %d\ncolumns = '", p->needs, fields);
  for (const char *at = header; *at; at++) fputc(*at == ',' ? ' ' : *at == '\'' ? '_' : *at, script);
  fputs("'\nfigure = ", script);
  write_string(script, esp_report_words(showing, showing->figure[0].name, text));
  fprintf(script, "\nlarger = %d\nwatch = '%s'\n", showing->larger, showing->watching ? showing->watching->name : "");
  write_words(script, header, showing);
}

static int write_script(const char *dir, const esp_picture *p, const char *header, const esp_showing *showing) {
  char name[4200];
  esp_draft draft;
  snprintf(name, sizeof name, "%s/%s.gp", dir, p->name);
  ESP_CALL(esp_draft_begin(name, &draft));
  FILE *script = draft.stream;
  fprintf(script,
          "# gnuplot %s.gp >%s.svg\nset terminal svg size %d,%d fixed enhanced font 'sans,13' background 'white'\nset "
          "encoding utf8\n"
          "set datafile separator ','\nset datafile columnheaders\nset grid lc rgb '#dddddd'\nset border lc rgb "
          "'#888888'\n",
          p->name, p->name, p->width, p->height);
  write_variables(script, p, header, showing);
  fputs(p->script, script);
  return esp_draft_keep(&draft, name);
}

/* The picture's file, at `path`, by gnuplot, whose status is given. */
static int plot(const char *dir, const esp_picture *p, FILE *log, const char *path, int *status) {
  char script[4200];
  esp_draft svg;
  snprintf(script, sizeof script, "%s.gp", p->name);
  ESP_CALL(esp_draft_begin(path, &svg));
  *status = run_gnuplot(dir, script, svg.stream, log);
  if (!*status) return esp_draft_keep(&svg, path);
  esp_draft_drop(&svg);
  return ESP_OK;
}

static int draw(FILE *html, const char *dir, const esp_picture *p, const esp_showing *showing, FILE *log) {
  char name[4200], header[HEADER];
  int status;
  if (!drawable(dir, p, header)) return ESP_OK;
  ESP_CALL(write_script(dir, p, header, showing));
  snprintf(name, sizeof name, "%s/%s.svg", dir, p->name);
  ESP_CALL(plot(dir, p, log, name, &status));
  esp_html_element(html, "h2", p->title);
  if (status) {
    fprintf(html,
            "<p class=\"note\">No picture: gnuplot %s (see gnuplot.log; install the package gnuplot-nox, then run "
            "<code>espalier report</code> again).</p>\n",
            status == 127 ? "is not installed" : "failed");
    return ESP_OK;
  }
  fputs("<figure>\n", html);
  ESP_CALL(append(html, name, p->title));
  esp_html_element(html, "figcaption", p->caption);
  fputs("</figure>\n", html);
  return ESP_OK;
}

/* Those of a list, and their scripts, of an older report. */
static void clear(const char *dir, const esp_picture *list) {
  static const char *const ends[] = {"svg", "gp"};
  char path[4200];
  for (const esp_picture *p = list; p && p->name; p++)
    for (int k = 0; k < 2; k++) {
      snprintf(path, sizeof path, "%s/%s.%s", dir, p->name, ends[k]);
      remove(path);
    }
}

int esp_report_pictures(FILE *html, const char *dir, const esp_showing *showing) {
  const esp_picture *const list[] = {before, showing->picture, after};
  char path[4200];
  esp_draft log;
  int rc = ESP_OK;
  clear(dir, before);
  clear(dir, after);
  for (int k = 0; esp_tasks[k]; k++) clear(dir, esp_tasks[k]->showing->picture);
  snprintf(path, sizeof path, "%s/gnuplot.log", dir);
  ESP_CALL(esp_draft_begin(path, &log));
  for (int k = 0; k < 3; k++)
    for (const esp_picture *p = list[k]; p && p->name && !rc; p++) rc = draw(html, dir, p, showing, log.stream);
  if (!rc) return esp_draft_keep(&log, path);
  esp_draft_drop(&log);
  return rc;
}
