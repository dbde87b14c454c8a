/* The working arrays of the gated messages' block routines: made and freed. Text of gate_kernels.h, after
 * gate_lanes.h. */

/* Rows of sums of the three passes: num, den | dq, du, sums for W3, sum P r2 | dk, dv or dw. */
static int rows_forward(const esp_scratch *k) {
  return k->width;
}
static int rows_receivers(const esp_scratch *k) {
  return k->form.dim + (MLP ? 3 * k->form.channels : 0) + 1;
}
static int rows_senders(const esp_scratch *k) {
  return k->form.dim + k->form.channels;
}

static void lanes_free(gate_lanes *t) {
  ESP_FREE(t->key);
  ESP_FREE(t->value);
  ESP_FREE(t->offset);
  ESP_FREE(t->acc);
  ESP_FREE(t->slot);
}

static void end(esp_scratch **scratch) {
  if (!*scratch) return;
  esp_scratch *k = *scratch;
  lanes_free(&k->block);
  lanes_free(&k->pick);
  ESP_FREE(k->stream.key);
  ESP_FREE(k->stream.value);
  ESP_FREE(k->stream.offset);
  ESP_FREE(k->stream.weight);
  ESP_FREE(k->stream.row);
  ESP_FREE(k->sum);
  ESP_FREE(k->r2);
  ESP_FREE(k->gate);
  ESP_FREE(k->pull);
  ESP_FREE(k->slope_t);
  ESP_FREE(k->edge);
  ESP_FREE(k->param);
  ESP_FREE(k->mean_w);
  ESP_FREE(k->cell.all);
  ESP_FREE(k->cell.met);
  ESP_FREE(k->cell.work);
  ESP_FREE(k->cell.part);
  ESP_FREE(k->cell.term);
  ESP_FREE(k->cell.halves);
  ESP_FREE(k->cell.rate);
  ESP_FREE(k->cursor);
  ESP_FREE(k->seen);
  ESP_FREE(k->picked);
  ESP_FREE(*scratch);
}

static int lanes_create(const esp_scratch *k, gate_lanes *t) {
  const size_t C = (size_t)k->form.channels;
  t->capacity = k->capacity;
  ESP_CALL(ESP_ALLOC(t->key, (size_t)k->form.dim * k->capacity));
  ESP_CALL(ESP_ALLOC(t->value, (size_t)k->width * k->capacity));
  ESP_CALL(ESP_ALLOC(t->offset, MLP ? C * k->capacity : 0));
  ESP_CALL(ESP_ALLOC(t->acc, (size_t)k->acc_rows * k->capacity));
  return ESP_OK;
}

static int stream_create(const esp_scratch *k, gate_stream *s) {
  const size_t chunk = ESP_GATE_CHUNK;
  ESP_CALL(ESP_ALLOC(s->key, chunk * (size_t)k->form.dim));
  ESP_CALL(ESP_ALLOC(s->value, chunk * (size_t)k->width));
  ESP_CALL(ESP_ALLOC(s->offset, MLP ? chunk * (size_t)k->form.channels : 0));
  ESP_CALL(ESP_ALLOC(s->weight, chunk));
  ESP_CALL(ESP_ALLOC(s->row, chunk));
  return ESP_OK;
}

static int cell_create(const esp_scratch *k, size_t rows, gate_cell *c) {
  const int d = k->form.dim;
  c->moments = esp_moments_count(d, k->form.order);
  const size_t all = (size_t)k->width * (size_t)c->moments;
  for (int n = 1; n <= k->form.order; n++)
    for (int m = esp_moments_count(d, n - 1); m < esp_moments_count(d, n); m++) c->degree[m] = n;
  for (int n = 0; n <= ESP_MOMENTS_ORDER; n++) c->power[n] = pow(2 * ESP_LN2, 0.5 * n);
  ESP_CALL(ESP_ALLOC(c->all, rows * 2 * all));
  ESP_CALL(ESP_ALLOC(c->met, rows));
  ESP_CALL(ESP_ALLOC(c->work, 2 * (size_t)c->moments));
  ESP_CALL(ESP_ALLOC(c->part, all * ESP_LANE));
  ESP_CALL(ESP_ALLOC(c->halves, 4 * ((size_t)d + all)));
  ESP_CALL(ESP_ALLOC(c->rate, all));
  return ESP_ALLOC(c->term, (size_t)d + all);
}

static int begin(const esp_form *form, const esp_domain *dom, esp_scratch **scratch) {
  int rc = ESP_OK;
  esp_scratch *k = NULL;
  *scratch = NULL;
  ESP_TRY(ESP_ALLOC(k, 1));
  k->form = *form;
  k->w = esp_form_widths(form);
  k->width = k->w.sum;
  k->acc_rows = esp_imax(rows_forward(k), esp_imax(rows_receivers(k), rows_senders(k)));
  int largest = 0;
  for (int b = 0; b < dom->tree.n_block; b++)
    largest = esp_imax(largest, dom->tree.part_count[esp_tree_block_row(&dom->tree, b)]);
  k->capacity = (size_t)esp_imax(ESP_LANE, pad_lanes(largest));
  ESP_TRY(lanes_create(k, &k->block));
  ESP_TRY(lanes_create(k, &k->pick));
  ESP_TRY(ESP_ALLOC(k->pick.slot, k->capacity));
  ESP_TRY(stream_create(k, &k->stream));
  ESP_TRY(ESP_ALLOC(k->sum, (size_t)k->acc_rows * k->capacity));
  ESP_TRY(ESP_ALLOC(k->r2, ESP_GATE_AT_ONCE * k->capacity));
  ESP_TRY(ESP_ALLOC(k->gate, ESP_GATE_AT_ONCE * k->capacity));
  ESP_TRY(ESP_ALLOC(k->pull, ESP_GATE_AT_ONCE * k->capacity));
  ESP_TRY(ESP_ALLOC(k->slope_t, k->capacity));
  ESP_TRY(ESP_ALLOC(k->edge, MLP ? 3 * form->channels : 0));
  ESP_TRY(ESP_ALLOC(k->param, k->w.param));
  ESP_TRY(ESP_ALLOC(k->mean_w, form->channels));
  if (!MLP) ESP_TRY(cell_create(k, (size_t)dom->tree.row_count, &k->cell));
  ESP_TRY(ESP_ALLOC(k->cursor, esp_tree_block_leaves(&dom->tree)));
  ESP_TRY(ESP_ALLOC(k->seen, esp_tree_block_leaves(&dom->tree)));
  ESP_TRY(ESP_ALLOC(k->picked, esp_tree_block_leaves(&dom->tree)));
  *scratch = k;
  return ESP_OK;
done:
  end(&k);
  return rc;
}
