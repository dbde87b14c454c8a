#include "net/stack_work.h"

int esp_stack_scratch_create(const esp_stack_walk *k, int backward, esp_stack_scratch *scratch) {
  const esp_device *device = k->device;
  int wide = 0, own = 0;
  for (int l = 0; l < k->plan->slots; l++) {
    wide = esp_imax(wide, k->plan->slot[l].own + k->plan->slot[l].in);
    own = esp_imax(own, k->plan->slot[l].own);
  }
  scratch->rows = esp_imax(esp_imin(k->n, k->rows->tile), 1);
  const size_t rows = (size_t)scratch->rows, hidden = rows * (size_t)k->param->hidden;
  ESP_CALL(ESP_THERE(device, scratch->joint, rows * (size_t)wide));
  ESP_CALL(ESP_THERE(device, scratch->heard, rows * (size_t)own));
  if (k->plan->slot->heads > 1) ESP_CALL(ESP_THERE(device, scratch->part, rows * (size_t)own));
  ESP_CALL(ESP_THERE(device, scratch->t, hidden));
  ESP_CALL(ESP_THERE(device, scratch->hidden, hidden));
  if (k->param->level) {
    const double one = 1;
    ESP_CALL(ESP_THERE(device, scratch->one, 1));
    ESP_CALL(device->put(scratch->one, &one, sizeof one));
    if (backward) ESP_CALL(ESP_THERE(device, scratch->plain, rows * (size_t)own));
    if (backward) ESP_CALL(ESP_THERE(device, scratch->one_acc, ESP_EXACT_FULL_WORDS));
  }
  if (backward) ESP_CALL(ESP_THERE(device, scratch->djoint, rows * (size_t)wide));
  if (backward) ESP_CALL(ESP_THERE(device, scratch->dhidden, hidden));
  if (backward) ESP_CALL(ESP_THERE(device, scratch->own_R1, (size_t)own * (size_t)k->param->hidden));
  return ESP_OK;
}

void esp_stack_scratch_free(const esp_device *device, esp_stack_scratch *scratch) {
  ESP_THERE_FREE(device, scratch->joint);
  ESP_THERE_FREE(device, scratch->heard);
  ESP_THERE_FREE(device, scratch->part);
  ESP_THERE_FREE(device, scratch->one);
  ESP_THERE_FREE(device, scratch->plain);
  ESP_THERE_FREE(device, scratch->one_acc);
  ESP_THERE_FREE(device, scratch->t);
  ESP_THERE_FREE(device, scratch->hidden);
  ESP_THERE_FREE(device, scratch->djoint);
  ESP_THERE_FREE(device, scratch->dhidden);
  ESP_THERE_FREE(device, scratch->own_R1);
}

/* The gain of what is heard, before its length is changed. */
static const double *gain_of(const esp_stack_walk *k, int l, const esp_stack_scratch *scratch) {
  return scratch->one ? scratch->one : k->value + k->plan->slot[l].a;
}

/* joint [n][own + H] -> its a A alone [n][own]. */
static void keep_heard(const esp_stack_walk *k, const esp_stack_slot *at, int n, const esp_stack_scratch *scratch,
                       double *heard) {
  k->rows->columns(n, at->own, at->own + at->in, 0, scratch->joint, at->own, 0, heard);
}

/* Rows first .. : joint [n][own + H] = [gain A; s], head beside head. */
static void hear(const esp_stack_walk *k, int l, int first, int n, const double *s, const esp_stack_scratch *scratch) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_heard heard = esp_stack_heard(k, l);
  const double *gain = gain_of(k, l, scratch);
  const size_t from = (size_t)first * (size_t)at->wide.sum;
  const int wide = at->own + at->in;
  if (at->heads == 1) {
    k->rows->hear(&heard, n, at->in, gain, esp_stack_at(k, l)->sum + from, s, scratch->joint);
    return;
  }
  for (int h = 0; h < at->heads; h++) {
    k->rows->hear(&heard, n, 0, gain, esp_stack_head(k, l, h)->sum + from, s, scratch->part);
    k->rows->columns(n, heard.own, heard.own, 0, scratch->part, wide, h * heard.own, scratch->joint);
  }
  k->rows->columns(n, at->in, at->in, 0, s, wide, at->own, scratch->joint);
}

/* djoint [n][wide] -> the sums' gradients, those of head h behind those of all rows of the heads before; ds [n][in] += (NULL: not wanted). */
static void hear_back(const esp_stack_walk *k, int l, int first, int n, const esp_stack_scratch *scratch, double *dsum,
                      double *ds, int64_t *acc) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_heard heard = esp_stack_heard(k, l);
  const double *gain = gain_of(k, l, scratch);
  const size_t from = (size_t)first * (size_t)at->wide.sum, all = (size_t)k->n * (size_t)at->wide.sum;
  const int wide = at->own + (ds ? at->in : 0);
  if (at->heads == 1) {
    k->rows->hear_back(&heard, n, at->in, gain, esp_stack_at(k, l)->sum + from, scratch->djoint, dsum + from, ds, acc);
    return;
  }
  for (int h = 0; h < at->heads; h++) {
    k->rows->columns(n, heard.own, wide, h * heard.own, scratch->djoint, heard.own, 0, scratch->part);
    k->rows->hear_back(&heard, n, 0, gain, esp_stack_head(k, l, h)->sum + from, scratch->part,
                       dsum + (size_t)h * all + from, NULL, acc);
  }
  if (ds) k->rows->add_columns(n, at->in, wide, at->own, scratch->djoint, at->in, 0, ds);
}

/* Rows first .. first + n - 1: joint [n][own + H] = [a A; s], t. */
static void join(const esp_stack_walk *k, int l, int first, int n, const esp_stack_scratch *scratch) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const double *s = k->pass->s + (size_t)first * (size_t)at->in;
  hear(k, l, first, n, s, scratch);
  if (scratch->plain) keep_heard(k, at, n, scratch, scratch->plain);
  if (scratch->one) k->rows->state->level(n, at->own, at->in, k->value + at->a, scratch->joint);
  k->dense->forward(n, at->own + at->in, k->param->hidden, k->value + at->R1, k->value + at->b1, 0, scratch->joint,
                    scratch->t);
}

/* Of rows first .. : hidden [n][h], or a gradient by it, where some of it is dropped. */
static void mask(const esp_stack_walk *k, int first, int n, double *hidden) {
  const size_t h = (size_t)k->param->hidden;
  if (k->pass->mask) k->rows->times((size_t)n * h, hidden, k->pass->mask + (size_t)first * h, hidden);
}

void esp_stack_update(const esp_stack_walk *k, int l, double *o) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_stack_scratch *scratch = &k->pass->scratch;
  const int h = k->param->hidden;
  for (int begin = 0; begin < k->n; begin += scratch->rows) {
    const int rows = esp_imin(k->n - begin, scratch->rows);
    double *out = o + (size_t)begin * (size_t)at->out;
    join(k, l, begin, rows, scratch);
    k->dense->silu((size_t)rows * (size_t)h, scratch->t, scratch->hidden);
    mask(k, begin, rows, scratch->hidden);
    k->dense->forward(rows, h, at->out, k->value + at->R2, k->value + at->c, 0, scratch->hidden, out);
    if (at->R3 < 0) continue;
    keep_heard(k, at, rows, scratch, scratch->heard);
    k->dense->forward(rows, at->own, at->out, k->value + at->R3, NULL, 1, scratch->heard, out);
  }
  esp_stack_damp(k, l, o);
}

/* djoint [n][wide], of what is heard alone where nobody asks for the state's: wide = own. */
static void joint_back(const esp_stack_walk *k, const esp_stack_slot *at, int n, int wide,
                       const esp_stack_scratch *scratch) {
  const int h = k->param->hidden, all = at->own + at->in;
  const double *R1 = k->value + at->R1;
  if (wide < all) k->rows->columns(h, wide, all, 0, R1, wide, 0, scratch->own_R1);
  k->dense->backward(n, wide, h, wide < all ? scratch->own_R1 : R1, 0, scratch->dhidden, scratch->djoint);
}

/* The linear path's part of djoint [n][wide], and its gradient. */
static void linear_back(const esp_stack_walk *k, const esp_stack_slot *at, int n, int wide, const double *dout,
                        const esp_stack_scratch *scratch, const esp_gradient *to) {
  keep_heard(k, at, n, scratch, scratch->heard);
  k->dense->gradient(n, at->own, at->out, scratch->heard, dout, esp_gradient_at(to, at->R3), NULL);
  k->dense->backward(n, at->own, at->out, k->value + at->R3, 0, dout, scratch->heard);
  k->rows->add_columns(n, at->own, at->own, 0, scratch->heard, wide, 0, scratch->djoint);
}

void esp_stack_update_back(const esp_stack_walk *k, int l, const double *d_o, esp_stack_scratch *scratch, double *dsum,
                           double *ds, const esp_gradient *to) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_dense *dense = k->dense;
  const double *value = k->value;
  const int h = k->param->hidden, wide = at->own + at->in, wide_d = ds ? wide : at->own;
  int64_t *R1 = esp_gradient_at(to, at->R1), *b1 = esp_gradient_at(to, at->b1);
  int64_t *R2 = esp_gradient_at(to, at->R2), *c = esp_gradient_at(to, at->c);
  int64_t *a = esp_gradient_at(to, at->a);
  for (int begin = 0; begin < k->n; begin += scratch->rows) {
    const size_t b = (size_t)begin;
    const double *dout = d_o + b * (size_t)at->out;
    const int n = esp_imin(k->n - begin, scratch->rows);
    const size_t units = (size_t)n * (size_t)h;
    join(k, l, begin, n, scratch);
    dense->silu_both(units, scratch->t, scratch->hidden, scratch->t);
    mask(k, begin, n, scratch->hidden);
    dense->gradient(n, h, at->out, scratch->hidden, dout, R2, c);
    dense->backward(n, h, at->out, value + at->R2, 0, dout, scratch->dhidden);
    mask(k, begin, n, scratch->dhidden);
    k->rows->times(units, scratch->dhidden, scratch->t, scratch->dhidden);
    dense->gradient(n, wide, h, scratch->joint, scratch->dhidden, R1, b1);
    joint_back(k, at, n, wide_d, scratch);
    if (at->R3 >= 0) linear_back(k, at, n, wide_d, dout, scratch, to);
    if (scratch->one)
      k->rows->state->level_back(n, at->own, at->in, wide_d, value + at->a, scratch->plain,
                                 k->pass->s + b * (size_t)at->in, scratch->djoint, a);
    hear_back(k, l, begin, n, scratch, dsum, ds ? ds + b * (size_t)at->in : NULL, scratch->one ? scratch->one_acc : a);
  }
}

/* ---- differences from silence ---- */

void esp_stack_centre(const esp_stack_walk *k, int l) {
  const esp_stack_layer *layer = esp_stack_at(k, l);
  k->rows->centre(k->n, k->plan->slot[l].form.channels, layer->offset, layer->sum);
}

void esp_stack_centre_back_sum(const esp_stack_walk *k, int l, double *dsum) {
  k->rows->centre_back_sum(k->n, k->plan->slot[l].form.channels, esp_stack_at(k, l)->offset, dsum);
}

void esp_stack_centre_back_offset(const esp_stack_walk *k, int l, const double *dsum, double *du) {
  const esp_stack_layer *layer = esp_stack_at(k, l);
  k->rows->centre_back_offset(k->n, k->plan->slot[l].form.channels, layer->offset, layer->sum, dsum, du);
}
