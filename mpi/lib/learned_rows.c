/* The caller's rows become a set: in the order of their ids, whole groups a rank, as a file of them would be read. */
#include <stdio.h>

#include "lib/learned.h"

static int check(const espalier_rows *rows, int trains, int results, const char *what) {
  ESP_CHECK(rows, ESP_ERR_ARG, "espalier_relation: no rows given");
  ESP_CHECK(rows->n >= 0 && rows->n <= ESP_LIB_MOST, ESP_ERR_LIMIT, "%s: n = %lld; allowed: 0 to %d a rank", what,
            (long long)rows->n, ESP_LIB_MOST);
  ESP_CHECK(rows->n == 0 || (rows->x && rows->sent), ESP_ERR_ARG, "%s: %lld particles without %s", what,
            (long long)rows->n, rows->x ? "sent" : "x");
  ESP_CHECK(rows->n == 0 || !trains || rows->target, ESP_ERR_ARG, "%s: %lld particles without target", what,
            (long long)rows->n);
  ESP_CHECK(rows->n == 0 || results, ESP_ERR_ARG, "%s: no place for the results of %lld particles", what,
            (long long)rows->n);
  return ESP_OK;
}

/* Arrays of this rank that the caller does not have. */
typedef struct {
  int64_t *id;
  double *one;
} own;

static int fill_own(const espalier_rows *rows, int64_t first, int numbered, int weighted, own *o) {
  const int n = (int)rows->n;
  if (numbered || !rows->id) ESP_CALL(ESP_ALLOC(o->id, n));
  for (int i = 0; o->id && i < n; i++) o->id[i] = first + i;
  if (weighted && !rows->weight) ESP_CALL(ESP_ALLOC(o->one, n));
  for (int i = 0; o->one && i < n; i++) o->one[i] = 1;
  return ESP_OK;
}

static int fill(const espalier_relation *r, const espalier_rows *rows, const own *o, const int width[ESP_ROLES],
                esp_learned_rows *to) {
  const double *from[ESP_ROLES] = {[ESP_INPUT] = rows->x, [ESP_SENT] = rows->sent, [ESP_TARGET] = rows->target};
  const esp_shares *s = &to->shares;
  esp_set *set = &to->set;
  esp_set made = {.n = s->n, .first = s->first, .n_home = s->n_home, .layout = r->task->layout};
  from[ESP_WEIGHT] = o->one ? o->one : rows->weight;
  for (int k = 0; made.layout->column[k].name; k++) made.width[k] = width[made.layout->column[k].role];
  const int rc = esp_set_create(&made);
  *set = made;
  ESP_AGREE(r->comm, rc);
  if (set->n_home) memcpy(set->id, s->id, (size_t)set->n_home * sizeof *set->id);
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->width[k])
      ESP_CALL(esp_shares_there(s, (size_t)set->width[k] * sizeof(double), from[set->layout->column[k].role],
                                set->value[k]));
  return ESP_OK;
}

int esp_learned_take(const espalier_relation *r, const espalier_rows *rows, int trains, int results, const char *what,
                     esp_learned_rows *to) {
  const esp_comm *comm = r->comm;
  const int *wide = r->model.sizes.width;
  int64_t first, numbered, weighted;
  own o = {0};
  int rc;
  *to = (esp_learned_rows){0};
  ESP_AGREE(comm, check(rows, trains, results, what));
  ESP_CALL(esp_lib_numbers(comm, rows->n, rows->id, &first, &numbered));
  weighted = trains && rows->n && rows->weight;
  ESP_CALL(comm->max_i64(comm, &weighted, 1));
  const int width[ESP_ROLES] = {[ESP_INPUT] = wide[ESP_INPUT],
                                [ESP_SENT] = wide[ESP_SENT],
                                [ESP_TARGET] = trains ? wide[ESP_TARGET] : 0,
                                [ESP_WEIGHT] = weighted != 0};
  ESP_TRY(comm->agree(comm, fill_own(rows, first, numbered != 0, weighted != 0, &o)));
  ESP_TRY(esp_error_blame(esp_shares_create(comm, (int)rows->n, o.id ? o.id : rows->id, &to->shares), what));
  ESP_TRY(fill(r, rows, &o, width, to));
  ESP_TRY(esp_set_check(comm, &to->set, what));
done:
  ESP_FREE(o.id);
  ESP_FREE(o.one);
  return rc;
}

void esp_learned_free(esp_learned_rows *rows) {
  esp_shares_free(&rows->shares);
  esp_set_free(&rows->set);
}
