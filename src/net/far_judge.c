#include "net/far_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "message/gate.h"

enum { EXACT, MAGNITUDES, SUMS }; /* over all pairs: of G v, of G |v| */
enum { WORDS = ESP_EXACT_FULL_WORDS };

/* Receivers, everyone's: rows of query [d], sums in float64 [channels], the device's [channels]. */
typedef struct {
  const esp_far *far;
  int d, channels;
  int64_t skip; /* every skip-th block that is looked at has some */
  int each;     /* receivers of such a block, at most */
  int *block;   /* [blocks] own ones with receivers */
  int blocks;   /* of them */
  double *sum;  /* [n_own][channels] in float64 */
  double *mine; /* [n_own][channels] the device's */
  void *row;    /* [receivers] */
  int receivers;
  int64_t *acc; /* [receivers][channels][SUMS][WORDS] */
} probes;

static size_t width_of(const probes *p) {
  return (size_t)p->d + 2 * (size_t)p->channels;
}

/* ---- who is looked at ---- */

static int find_blocks(probes *p) {
  const esp_tree *tree = &p->far->layer->dom->tree;
  int stride;
  const int64_t blocks = esp_far_blocks(p->far->layer, &stride);
  p->skip = (blocks + ESP_FAR_PROBES - 1) / ESP_FAR_PROBES;
  p->each = (int)(ESP_FAR_PROBES / ((blocks + p->skip - 1) / p->skip));
  ESP_CALL(ESP_ALLOC(p->block, tree->n_block));
  for (int b = 0; b < tree->n_block; b++)
    if ((tree->block_first + b + 1) % (p->skip * stride) == 0) p->block[p->blocks++] = b;
  return ESP_OK;
}

/* Sums of their blocks, by the layer's device and in float64: near pairs and far cells, the particle itself left in. */
static int hear(probes *p) {
  const esp_layer *layer = p->far->layer;
  const esp_message *message = layer->param.form.message;
  const esp_kernels *kernels = layer->device->kernels(message), *kernels64 = esp_device_cpu64.kernels(message);
  const size_t count = (size_t)layer->dom->n_own * (size_t)p->channels;
  esp_scratch *scratch = NULL;
  double *sum = NULL; /* in the device's memory */
  int rc;
  ESP_TRY(ESP_ALLOC(p->sum, count));
  ESP_TRY(ESP_ALLOC(p->mine, count));
  ESP_TRY(ESP_THERE(layer->device, sum, count));
  ESP_TRY(kernels->begin(&layer->param.form, layer->dom, &scratch));
  const esp_pairs there = esp_layer_pairs(layer), host = esp_layer_host_pairs(layer);
  rc = kernels->forward(&there, p->blocks, p->block, sum, scratch);
  kernels->end(&scratch);
  ESP_TRY(rc);
  ESP_TRY(layer->device->get(p->mine, sum, count * sizeof *sum));
  ESP_TRY(kernels64->begin(&layer->param.form, layer->dom, &scratch));
  rc = kernels64->forward(&host, p->blocks, p->block, p->sum, scratch);
  kernels64->end(&scratch);
done:
  ESP_THERE_FREE(layer->device, sum);
  return rc;
}

/* Own rows; returns how many. */
static int pack(const probes *p, double *row) {
  const esp_layer *layer = p->far->layer;
  const esp_domain *dom = layer->dom;
  const esp_tree *tree = dom->queries ? dom->queries : &dom->tree;
  const size_t d = (size_t)p->d, C = (size_t)p->channels;
  const double *query = layer->host.query, *mine = p->mine;
  int n = 0;
  for (int k = 0; k < p->blocks; k++) {
    const int at = esp_tree_block_row(tree, p->block[k]), count = tree->part_count[at];
    const int some = esp_imin(p->each, count);
    for (int i = 0; i < some; i++) {
      const size_t slot = (size_t)tree->part_first[at] + (size_t)((int64_t)i * count / some);
      double *to = row + (size_t)n++ * width_of(p);
      memcpy(to, query + slot * d, d * sizeof *to);
      memcpy(to + d, p->sum + slot * C, C * sizeof *to);
      memcpy(to + d + C, mine + slot * C, C * sizeof *to);
    }
  }
  return n;
}

static int gather(probes *p) {
  const esp_comm *comm = p->far->comm;
  const size_t unit = width_of(p) * sizeof(double);
  double *mine = NULL;
  size_t *start = NULL;
  int rc = find_blocks(p);
  if (!rc) rc = hear(p);
  if (!rc) rc = ESP_ALLOC(mine, (size_t)p->blocks * (size_t)p->each * width_of(p));
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  const size_t held = (size_t)pack(p, mine);
  ESP_TRY(comm->gather_all(comm, mine, held * unit, &p->row, start));
  p->receivers = (int)(start[comm->size] / unit);
done:
  ESP_FREE(mine);
  ESP_FREE(start);
  return rc;
}

/* ---- all pairs ---- */

/* What the particles of an own leaf say to receiver r: one term a sum. */
static void add_leaf(const probes *p, int leaf, int r, double half) {
  const esp_layer *layer = p->far->layer;
  const esp_tree *tree = &layer->dom->tree;
  const int d = p->d, C = layer->param.form.channels;
  const double *q = (const double *)p->row + (size_t)r * width_of(p), *source = layer->host.source;
  double sum[SUMS][ESP_GATE_MAX_CHANNELS + 1] = {{0}};
  for (int j = tree->part_first[leaf]; j < tree->part_first[leaf] + tree->part_count[leaf]; j++) {
    const double *k = source + (size_t)j * (size_t)layer->width.source;
    double square = 0;
    for (int a = 0; a < d; a++) square += (q[a] - k[a]) * (q[a] - k[a]);
    const double G = exp(-half * square);
    for (int c = 0; c < p->channels; c++) {
      const double v = c < C ? k[d + c] : 1;
      sum[EXACT][c] += G * v;
      sum[MAGNITUDES][c] += G * fabs(v);
    }
  }
  for (int c = 0; c < p->channels; c++)
    for (int s = 0; s < SUMS; s++)
      esp_exact_add(&ESP_EXACT_FULL,
                    p->acc + (((size_t)r * (size_t)p->channels + (size_t)c) * SUMS + (size_t)s) * WORDS, sum[s][c]);
}

static int all_pairs(probes *p) {
  const esp_comm *comm = p->far->comm;
  const esp_tree *tree = &p->far->layer->dom->tree;
  const double s = p->far->layer->param.form.unit;
  const size_t sums = (size_t)p->receivers * (size_t)p->channels * SUMS;
  ESP_AGREE(comm, ESP_ALLOC(p->acc, sums * WORDS));
  for (int row = 0; row < tree->own_rows; row++)
    for (int r = 0; r < p->receivers && tree->child[2 * row] < 0; r++) add_leaf(p, row, r, 0.5 / (s * s));
  esp_exact_carry(&ESP_EXACT_FULL, p->acc, sums);
  ESP_CALL(comm->sum_i64(comm, p->acc, sums * WORDS));
  return ESP_OK;
}

/* ---- figures ---- */

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Of one channel: relative [receivers] gets |err| / S of those that hear anything, whose number is returned. */
static int channel(const probes *p, int c, double *relative, esp_far_record *record) {
  double error = 0, sums = 0;
  int n = 0;
  for (int r = 0; r < p->receivers; r++) {
    const double *row = (const double *)p->row + (size_t)r * width_of(p) + p->d;
    const int64_t *acc = p->acc + ((size_t)r * (size_t)p->channels + (size_t)c) * SUMS * WORDS;
    const double exact = esp_exact_value(&ESP_EXACT_FULL, acc);
    const double S = esp_exact_value(&ESP_EXACT_FULL, acc + WORDS), err = row[c] - exact;
    if (!(S > 0)) continue;
    const double rounding = (row[p->channels + c] - row[c]) / S;
    relative[n++] = fabs(err) / S;
    record->rms += err / S * (err / S);
    record->rounding += rounding * rounding;
    error += err * err;
    sums += exact * exact;
  }
  if (sums > 0) record->of_sums += error / sums / p->channels;
  return n;
}

static void figures(const probes *p, double *relative, esp_far_record *record) {
  int n = 0;
  record->receivers = p->receivers;
  for (int c = 0; c < p->channels; c++) n += channel(p, c, relative + n, record);
  qsort(relative, (size_t)n, sizeof *relative, ascending);
  if (!n) return;
  record->rms = sqrt(record->rms / n);
  record->rounding = sqrt(record->rounding / n);
  record->of_sums = sqrt(record->of_sums);
  record->p99 = relative[(99 * (int64_t)n + 99) / 100 - 1];
}

int esp_far_judge(const esp_far *far, esp_far_record *record) {
  const esp_layer *layer = far->layer;
  probes p = {.far = far, .d = layer->param.form.dim, .channels = layer->width.sum};
  double *relative = NULL;
  int rc;
  *record = (esp_far_record){0};
  ESP_TRY(esp_far_bound(far, layer->dom->param.lists.theta, &record->bound));
  ESP_TRY(gather(&p));
  ESP_TRY(all_pairs(&p));
  ESP_TRY(far->comm->agree(far->comm, ESP_ALLOC(relative, (size_t)p.receivers * (size_t)p.channels)));
  figures(&p, relative, record);
done:
  ESP_FREE(relative);
  ESP_FREE(p.block);
  ESP_FREE(p.sum);
  ESP_FREE(p.mine);
  ESP_FREE(p.row);
  ESP_FREE(p.acc);
  return rc;
}
