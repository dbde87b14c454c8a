/* The working arrays of the gated messages' block routines: made and freed. Text of gate_cpu32.c and gate_cpu64.c,
 * after gate_lanes_body.h. */

/* Rows of sums of the three passes: num, den | dq, du, sums for W3, sum P r2 | dk, dv or dw. */
static int rows_forward(const gate_work *k) {
  return k->width;
}
static int rows_receivers(const gate_work *k) {
  return k->form.dim + (k->form.mlp ? 3 * k->form.channels : 0) + 1;
}
static int rows_senders(const gate_work *k) {
  return k->form.dim + k->form.channels;
}

static void lanes_free(gate_lanes *t) {
  ESP_FREE(t->key);
  ESP_FREE(t->value);
  ESP_FREE(t->offset);
  ESP_FREE(t->acc);
  ESP_FREE(t->slot);
}

static void scratch_free(gate_work **scratch) {
  if (!*scratch) return;
  gate_work *k = *scratch;
  lanes_free(&k->block);
  lanes_free(&k->pick);
  ESP_FREE(k->stream.key);
  ESP_FREE(k->stream.value);
  ESP_FREE(k->stream.offset);
  ESP_FREE(k->stream.weight);
  ESP_FREE(k->stream.row);
  ESP_FREE(k->stream.place);
  ESP_FREE(k->sum);
  ESP_FREE(k->r2);
  ESP_FREE(k->gate);
  ESP_FREE(k->pull);
  ESP_FREE(k->slope_t);
  ESP_FREE(k->edge);
  ESP_FREE(k->param);
  ESP_FREE(k->mean_w);
  ESP_FREE(k->cursor);
  ESP_FREE(k->seen);
  ESP_FREE(k->picked);
  ESP_FREE(*scratch);
}

static int lanes_create(const gate_work *k, gate_lanes *t) {
  const size_t C = (size_t)k->form.channels;
  t->capacity = k->capacity;
  ESP_CALL(ESP_ALLOC(t->key, (size_t)k->form.dim * k->capacity));
  ESP_CALL(ESP_ALLOC(t->value, (size_t)k->width * k->capacity));
  ESP_CALL(ESP_ALLOC(t->offset, k->form.mlp ? C * k->capacity : 0));
  ESP_CALL(ESP_ALLOC(t->acc, (size_t)k->acc_rows * k->capacity));
  return ESP_OK;
}

static int stream_create(const gate_work *k, gate_stream *s) {
  const size_t chunk = ESP_GATE_CHUNK;
  ESP_CALL(ESP_ALLOC(s->key, chunk * (size_t)k->form.dim));
  ESP_CALL(ESP_ALLOC(s->value, chunk * (size_t)k->width));
  ESP_CALL(ESP_ALLOC(s->offset, k->form.mlp ? chunk * (size_t)k->form.channels : 0));
  ESP_CALL(ESP_ALLOC(s->weight, chunk));
  ESP_CALL(ESP_ALLOC(s->row, chunk));
  ESP_CALL(ESP_ALLOC(s->place, chunk));
  return ESP_OK;
}

static int scratch_create(const esp_gate_form *form, const esp_domain *dom, gate_work **scratch) {
  int rc = ESP_OK;
  gate_work *k = NULL;
  *scratch = NULL;
  ESP_CHECK(form->dim >= 1 && form->dim <= ESP_MAX_DIM, ESP_ERR_CONFIG, "key dimension %d; 1 to %d are allowed",
            form->dim, ESP_MAX_DIM);
  ESP_CHECK(form->channels >= 1 && form->channels <= ESP_GATE_MAX_CHANNELS, ESP_ERR_CONFIG,
            "%d channels of the message; 1 to %d are allowed", form->channels, ESP_GATE_MAX_CHANNELS);
  ESP_TRY(ESP_ALLOC(k, 1));
  k->form = *form;
  k->width = esp_gate_sum_width(form);
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
  ESP_TRY(ESP_ALLOC(k->edge, form->mlp ? 3 * form->channels : 0));
  ESP_TRY(ESP_ALLOC(k->param, esp_gate_param_count(form)));
  ESP_TRY(ESP_ALLOC(k->mean_w, form->channels));
  ESP_TRY(ESP_ALLOC(k->cursor, esp_tree_block_leaves(&dom->tree)));
  ESP_TRY(ESP_ALLOC(k->seen, esp_tree_block_leaves(&dom->tree)));
  ESP_TRY(ESP_ALLOC(k->picked, esp_tree_block_leaves(&dom->tree)));
  *scratch = k;
  return ESP_OK;
done:
  scratch_free(&k);
  return rc;
}
