/* The pictures of the report, drawn by gnuplot as SVG. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "verbs/report_parts.h"

typedef struct {
  const char *name;   /* NAME.gp, NAME.svg */
  const char *needs;  /* the data file */
  const char *column; /* of its header that must be there; NULL: any file of that name will do */
  const char *title, *caption;
  int width, height;
  const char *script; /* gnuplot commands; `data` is set to the file's name, CSV separators are on */
} picture;

static const picture pictures[] = {
    {"loss", "metrics.csv", "nmse_D", "Training",
     "Loss at each step, and its parts: normalised mean square errors of D and K.", 760, 380,
     "set logscale y\nset format y '10^{%T}'\nset xlabel 'step'\nset ylabel 'loss'\n"
     "plot data using 'step':'loss' with lines lw 2 title 'loss', '' using 'step':'nmse_D' with lines title 'NMSE of "
     "D', "
     "'' using 'step':'nmse_K' with lines title 'NMSE of K'\n"},
    {"training", "metrics.csv", "recall", "Training",
     "Loss (nMSE) at each step; below, where the hidden coordinates are known, recall of "
     "the first test set: the share of the particles nearest in the hidden space that the learned tree keeps as near "
     "pairs.",
     760, 560,
     "stats data using (strcol('recall') eq '' ? 0 : 1) nooutput name 'R'\n"
     "set multiplot layout R_max > 0 ? 2 : 1,1\nset lmargin 9\nset logscale y\nset format y '10^{%T}'\nset ylabel "
     "'loss'\nunset key\n"
     "set xlabel R_max > 0 ? '' : 'step'\nplot data using 'step':'loss' with lines lw 1.5 lc rgb '#1f5fa8'\n"
     "unset logscale y\nset format y '%g'\nset yrange [0:1]\nset xlabel 'step'\nset ylabel 'recall'\n"
     "if (R_max > 0) { plot data using (strcol('recall') eq '' ? NaN : column('step')):'recall' with points pt 7 ps "
     "0.7 lc rgb '#b03a2e' }\n"
     "unset multiplot\n"},
    {"relation_ladder", "relation_ladder.csv", "nmse", "Error against method",
     "nMSE on unseen sets of each size n, logarithmic; further left is better. 1: as if each set's own mean were told.",
     900, 620,
     "set logscale x\nset format x '10^{%T}'\nset xlabel 'nMSE'\nset xrange [*:1000]\nset offsets 0,0,0.6,0.6\nset "
     "yrange [*:*] "
     "reverse\nset ytics noenhanced font ',11'\nplot data using 'nmse':0:(0.5):ytic(strcol('method').', n = "
     "'.strcol('n')) with points "
     "pt 7 ps 0.9 lc rgb '#1f5fa8' notitle, data using 'nmse':0:(sprintf('  %.3g', column('nmse'))) with labels left "
     "notitle\n"},
    {"space", "space.csv", "after_0", "The learned space, before and after training",
     "Particles of the first test set in the first two principal axes of the first layer's keys. Colour: the first "
     "(above) and "
     "second (below) hidden coordinate, which the network is never told; of data that have none, the first target.",
     860, 800,
     "stats data using 'z0' nooutput name 'A'\nstats data using 'z1' nooutput name 'B'\n"
     "known = A_max > A_min\nrows = known && B_max > B_min ? 2 : 1\nset multiplot layout rows,2\n"
     "set size square\nunset key\nunset colorbox\nset palette defined (0 '#2c5aa0', 0.5 '#e8e4d8', 1 '#b03a2e')\n"
     "do for [h=0:rows-1] {\ndo for [w in 'before after'] {\n"
     "set title w.' training: '.(known ? 'hidden coordinate '.h : 'target') noenhanced\n"
     "plot data using w.'_0':w.'_1':(known ? column('z'.h) : column('target')) with points pt 7 ps 0.35 lc "
     "palette\n}\n}\n"
     "unset multiplot\n"},
    {"cells", "cells.csv", "cell", "The tree's cells",
     "The same particles coloured by the node of the first layer's tree that holds them (the level of 16 nodes): left "
     "in the "
     "first two raw features, right, where they are known, in the first two hidden coordinates, where a tree that "
     "found the "
     "relation has compact cells.",
     860, 430,
     "stats data using 'hidden0' nooutput name 'A'\nknown = A_max > A_min\nset multiplot layout 1,known ? 2 : 1\n"
     "set size square\nunset key\nunset colorbox\nset cbrange [16:32]\nset palette model HSV functions gray,0.75,0.8\n"
     "set xlabel 'feature 0'\nset ylabel 'feature 1'\nplot data using 'x0':'x1':(column('cell')) with points pt 7 ps "
     "0.4 lc palette\n"
     "set xlabel 'hidden coordinate 0'\nset ylabel 'hidden coordinate 1'\n"
     "if (known) { plot data using 'hidden0':'hidden1':(column('cell')) with points pt 7 ps 0.4 lc palette }\nunset "
     "multiplot\n"},
    {"pairs", "pairs.csv", "near_pairs", "Pairs against n",
     "Near pairs and far cells evaluated, of all particles and layers together, and (from two sizes on) the power of n "
     "that fits "
     "them; the grey line is all pairs of one layer.",
     760, 460,
     "set logscale xy\nset format y '10^{%T}'\nset xlabel 'n'\nset ylabel 'evaluated'\nset key left top\n"
     "stats data using 'n' nooutput name 'N'\n"
     "f(x) = a + b * x\na = 5; b = 1; fitted = 0\nset fit quiet logfile '/dev/null'\n"
     "if (N_records > 1 && N_max > N_min) { fit f(x) data using (log10(column('n'))):(log10(column('n') * "
     "(column('near_pairs') + "
     "column('far_cells')))) via a, b; fitted = 1 }\n"
     "plot [N_min * 0.8:N_max * 1.25] x * (x - 1) lc rgb '#aaaaaa' title 'all pairs of a layer', fitted ? 10 ** "
     "f(log10(x)) : NaN lc rgb '#1f5fa8' title "
     "fitted ? sprintf('n^{%.2f}', b) : '', data using 'n':(column('n') * (column('near_pairs') + "
     "column('far_cells'))):xtic(strcol('n')) with points pt 7 lc rgb '#1f5fa8' title "
     "'near pairs and far cells', '' using 'n':(column('n') * column('near_pairs')) with points pt 6 lc rgb '#b03a2e' "
     "title 'near pairs'\n"},
    {"ladder", "ladder_bars.csv", NULL, "Error against method",
     "NRMSE of the displacement on the largest test set, logarithmic; further left is better.", 860, 420,
     "set logscale x\nset format x '10^{%T}'\nset xlabel 'NRMSE of D'\nset xrange [*:4]\nset offsets 0,0,0.6,0.6\nset "
     "yrange [*:*] reverse\n"
     "set ytics noenhanced\nplot data using 'D_nrmse':0:(0.5):ytic(strcol('method')) with points pt 7 ps 1.4 lc rgb "
     "'#1f5fa8' "
     "notitle, data using 'D_nrmse':0:(sprintf('  %.4f', column('D_nrmse'))) with labels left notitle\n"},
    {"scatter", "scatter.csv", NULL, "Predicted against true displacement",
     "Components of D of a sample of particles of the largest test set, in mean spacings; the line is equality.", 560,
     520,
     "set size square\nset key left top\nset xlabel 'true'\nset ylabel 'predicted'\n"
     "plot x with lines lc rgb '#999999' title 'equal', data using 'true':'ballistic' with dots lc rgb '#cc8800' title "
     "'ballistic (0)', '' using 'true':'predicted' with points pt 7 ps 0.25 lc rgb '#1f5fa8' title 'trained "
     "network'\n"},
    {"tree", "tree.csv", NULL, "The tree's cells and who owns them",
     "Nodes of one level of the first layer's tree that the mid-plane cuts (for a two-dimensional task: all). Colour: "
     "owning rank.",
     640, 620,
     "set size ratio -1\nunset colorbox\nset cbrange [0:1]\nset palette model HSV functions gray,0.45,0.95\nset style "
     "fill solid 0.8 border lc "
     "rgb '#555555'\nset xlabel 'x'\nset ylabel 'y'\n"
     "plot data using "
     "((column('xmin')+column('xmax'))/2):((column('ymin')+column('ymax'))/2):'xmin':'xmax':'ymin':'ymax':"
     "(column('owner')/(column('ranks')+0.0)) with boxxyerror lc palette notitle\n"},
    {"owners", "owners.csv", NULL, "Which rank owns what",
     "A sample of the particles, coloured by the rank that owns their slot.", 640, 620,
     "set size ratio -1\nunset colorbox\nset cbrange [0:1]\nset palette model HSV functions gray,0.8,0.75\nset xlabel "
     "'x'\nset ylabel 'y'\n"
     "plot data using 'x':'y':(column('owner')/(column('ranks')+0.0)) with points pt 7 ps 0.25 lc palette notitle\n"},
    {"rollout", "rollout_curves.csv", NULL, "Roll-out",
     "Root mean square error at each frame, over trajectories, bodies and components.", 760, 380,
     "set logscale y\nset format y '10^{%T}'\nset xlabel 'frame'\nset ylabel 'RMSE'\nset key left top\n"
     "stats data using 1 skip 1 nooutput name 'S'\n"
     "plot for [c=2:S_columns] data using 1:c with lines lw 2 title columnheader(c)\n"},
    {"stages", "ranks.csv", NULL, "Time by stage and rank",
     "Seconds a rank, stacked, of one prediction of the largest test set: split (the tree, and who owns what), "
     "essential (nodes "
     "that other ranks need), lists, set-up of the halo, forward (the messages).",
     760, 380,
     "set style data histograms\nset style histogram rowstacked\nset style fill solid 0.8\nset boxwidth 0.7\nset "
     "xlabel 'rank'\n"
     "set ylabel 'seconds'\nset key outside\nplot for [s in 'seconds_split seconds_essential seconds_lists "
     "seconds_halo_setup "
     "seconds_forward'] data using s:xtic(strcol('rank')) title s noenhanced\n"},
};

/* As an image of its own (base64), since pictures inlined as they are would share their names for symbols. */
static int append(FILE *html, const char *path, const char *alt) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  FILE *svg = fopen(path, "rb");
  ESP_CHECK(svg, ESP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
  fprintf(html, "<img alt=\"%s\" src=\"data:image/svg+xml;base64,", alt);
  unsigned char three[3];
  for (size_t got; (got = fread(three, 1, 3, svg)) > 0;) {
    for (size_t i = got; i < 3; i++) three[i] = 0;
    const unsigned bits = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
    fputc(digits[bits >> 18], html);
    fputc(digits[bits >> 12 & 63], html);
    fputc(got > 1 ? digits[bits >> 6 & 63] : '=', html);
    fputc(got > 2 ? digits[bits & 63] : '=', html);
  }
  fputs("\">\n", html);
  fclose(svg);
  return ESP_OK;
}

/* Is the file there, with the column in its header? */
static int drawable(const char *dir, const picture *p) {
  char path[4096], line[1024] = "";
  snprintf(path, sizeof path, "%s/%s", dir, p->needs);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  const char *header = fgets(line, sizeof line, file);
  fclose(file);
  if (!p->column) return 1;
  const size_t length = strlen(p->column);
  for (const char *at = header; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
    if (!strncmp(at, p->column, length) && strchr(",\r\n", at[length])) return 1;
  return 0;
}

/* Runs gnuplot in the folder of the data without a shell, so that no path is interpreted. 0 if it drew. */
static int run_gnuplot(const char *dir, const char *script) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (chdir(dir) || !freopen("/dev/null", "w", stdout) || !freopen("gnuplot.log", "a", stderr)) _exit(127);
    execlp("gnuplot", "gnuplot", script, (char *)NULL);
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int draw(FILE *html, const char *dir, const picture *p) {
  char name[4200];
  snprintf(name, sizeof name, "%s/%s.gp", dir, p->name);
  FILE *script = fopen(name, "w");
  ESP_CHECK(script, ESP_ERR_FILE, "%s: cannot be written: %s", name, strerror(errno));
  fprintf(
      script,
      "set terminal svg size %d,%d fixed enhanced font 'sans,13' background 'white'\nset output '%s.svg'\n"
      "set datafile separator ','\nset datafile columnheaders\nset grid lc rgb '#dddddd'\nset border lc rgb '#888888'\n"
      "data = '%s'\n%s",
      p->width, p->height, p->name, p->needs, p->script);
  ESP_CHECK(fclose(script) == 0, ESP_ERR_FILE, "%s: cannot be written: %s", name, strerror(errno));
  snprintf(name, sizeof name, "%s.gp", p->name);
  int status = run_gnuplot(dir, name);
  fprintf(html, "<h2>%s</h2>\n", p->title);
  if (status) {
    fprintf(html,
            "<p class=note>No picture: gnuplot %s (see gnuplot.log; install the package gnuplot-nox, then run "
            "<code>espalier report</code> again).</p>\n",
            status == 127 ? "is not installed" : "failed");
    return ESP_OK;
  }
  fputs("<figure>\n", html);
  snprintf(name, sizeof name, "%s/%s.svg", dir, p->name);
  ESP_CALL(append(html, name, p->title));
  fprintf(html, "<figcaption>%s</figcaption></figure>\n", p->caption);
  return ESP_OK;
}

int esp_report_pictures(FILE *html, const char *dir) {
  for (size_t p = 0; p < sizeof pictures / sizeof pictures[0]; p++)
    if (drawable(dir, &pictures[p])) ESP_CALL(draw(html, dir, &pictures[p]));
  return ESP_OK;
}
