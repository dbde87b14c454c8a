/* Start values of the stack: see stack.h. */
#include <math.h>

#include "base/rng.h"
#include "net/stack_groups.h"
#include "net/stack_work.h"

static const double GAIN = 0.3, STATE_SENT = 0.1;
static const double CALM = 0.1; /* outputs at the start, of layers whose states are solved for: they must contract */

void esp_stack_gauss(const esp_model *model, int l, int group, int at, int count, double variance) {
  const uint64_t stream = 1024 + 64 * (uint64_t)(l + 1) + (uint64_t)group; /* embeddings have the streams below */
  const uint64_t seed = ((const esp_stack_param *)model->param)->seed;
  for (int i = 0; i < count; i++)
    model->block.value[at + i] = sqrt(variance) * esp_rng_normal(seed, stream, ESP_RNG_WEIGHT, (uint32_t)i);
}

static void start_normals(const esp_model *model, int l, int at) {
  const esp_stack_param *p = model->param;
  const int d = p->dim, nodes = (1 << p->split_levels) - 1;
  esp_stack_gauss(model, l, NORMAL, at, nodes * d, 1);
  for (int node = 0; node < nodes; node++) {
    double *w = model->block.value + at + node * d, square = 0;
    for (int a = 0; a < d; a++) square += w[a] * w[a];
    for (int a = 0; a < d && square > 0; a++) w[a] /= sqrt(square);
  }
}

/* Values are sent in full; a little of the state, which would drown them. */
static void start_sent(const esp_model *model, int l, const esp_stack_slot *s) {
  const int H = s->in, F = model->sizes.width[ESP_SENT], wide = H + F, count = s->form.channels * wide;
  esp_stack_gauss(model, l, W2, s->W2, count, 1);
  for (int k = 0; k < count; k++) model->block.value[s->W2 + k] *= k % wide < H ? sqrt(STATE_SENT / H) : sqrt(1.0 / F);
}

/* Streams of embeddings are those below the others', then those above. */
static uint64_t embed_stream(int l) {
  return l < 512 ? (uint64_t)l : (UINT64_C(1) << 32) + (uint64_t)l;
}

static void start_head(const esp_model *model, int l, int head, const esp_stack_slot *s) {
  const esp_stack_param *p = model->param;
  const uint64_t stream = embed_stream(l) + ((uint64_t)head << 40);
  double *value = model->block.value + head * s->stride;
  esp_embed_start(&s->embed, p->seed, stream, value + s->key);
  if (p->separate) esp_embed_start(&s->embed, p->seed, stream, value + s->query);
  if (s->normal >= 0) start_normals(model, l, s->normal + head * s->stride);
  s->form.message->start(&s->form, p->seed, l, value + s->message);
  if (p->scale > 0 && s->form.message->fade) value[s->message] = log(p->scale); /* the first of a message that fades */
}

void esp_stack_start(const esp_model *model, int l) {
  const esp_stack_param *p = model->param;
  const esp_stack_slot *s = &((const esp_stack_plan *)model->plan)->slot[l];
  const int H = s->in, C = s->own, h = p->hidden;
  const int settles =
      p->layers > 1 && esp_depths[p->depth]->implicit && l < ((const esp_stack_plan *)model->plan)->slots - 1;
  const double out = esp_aggregates[p->aggregate]->start * (settles ? CALM : 1);
  double *value = model->block.value;
  for (int k = 0; k < s->heads; k++) start_head(model, l, k, s);
  if (s->W1 >= 0) {
    esp_stack_gauss(model, l, W1, s->W1, C * H, 1.0 / H);
    start_sent(model, l, s);
  }
  if (s->V >= 0) esp_stack_gauss(model, l, V, s->V, C * H, 1.0 / H);
  value[s->a] = GAIN;
  for (int c = 0; c < H && s->norm >= 0; c++) value[s->norm + c] = 1;
  for (int c = 0; c < C && s->beta >= 0; c++) value[s->beta + c] = p->beta;
  esp_stack_gauss(model, l, R1, s->R1, h * (C + H), 1.0 / (C + H));
  esp_stack_gauss(model, l, R2, s->R2, s->out * h, out * out / h);
  for (int c = 0; c < C && c < s->out && p->linear; c++) value[s->R3 + c * C + c] = out;
}
