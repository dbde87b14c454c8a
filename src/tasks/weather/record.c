/* Adopting: fields of another code's file become trajectories of this task. */
#include <math.h>
#include <string.h>

#include "tasks/weather/weather.h"

/* Frames [first, first + count) of a record are wanted; what is expected comes of its first `fit`. */
typedef struct {
  esp_pairing pairing;
  int64_t fit, first, count;
} span;

static int check_record(const esp_weather_param *p, const esp_set *set) {
  const double every = set->about[ESP_WEATHER_EVERY].real;
  ESP_CHECK(set->frames < 2 || fabs(every - p->every) < 1e-6, ESP_ERR_CONFIG,
            "a frame every %g hours, and data_weather_every is %d: set it to what the file has; allowed are whole "
            "hours, 1 to 24",
            every, p->every);
  ESP_CHECK(p->until <= set->frames, ESP_ERR_CONFIG, "data_weather_until %lld: the file has %d frames",
            (long long)p->until, set->frames);
  return ESP_OK;
}

static int find_span(const esp_weather_param *p, esp_adopt wanted, int frames, span *s) {
  const int64_t all = p->until ? p->until : frames;
  int64_t most = 0;
  *s = (span){.fit = p->of == ESP_WEATHER_OF_RECORD ? all : 0, .count = all};
  ESP_CALL(esp_weather_pairs(p, ESP_PART_TEST, &s->pairing));
  for (int k = 0; k < s->pairing.backs; k++)
    if (s->pairing.back[k] > most) most = s->pairing.back[k];
  if (wanted == ESP_ADOPT_INPUT) {
    ESP_CHECK(frames > most, ESP_ERR_VALUE,
              "%d frames, and the last is predicted from with one %lld before it (data_weather_history)", frames,
              (long long)most);
    return s->first = frames - 1 - most, s->count = 1 + most, ESP_OK;
  }
  ESP_CHECK(
      all > s->pairing.lead + most, ESP_ERR_VALUE,
      "%lld frames, %d h apart: to learn from it, or to judge, take more than %lld: a target data_weather_lead %d h "
      "ahead, the longest data_weather_history before; a single state can be predicted from",
      (long long)all, p->every, (long long)(s->pairing.lead + most), p->lead);
  if (p->of != ESP_WEATHER_OF_RECORD) return ESP_OK;
  s->fit = p->fit ? p->fit : all * 5 / 6;
  ESP_CHECK(
      s->fit < all && s->fit > s->pairing.lead + most, ESP_ERR_CONFIG,
      "data_weather_fit %lld frames of %lld: must be less, and more than %lld, which one target needs with what it "
      "is predicted from",
      (long long)s->fit, (long long)all, (long long)(s->pairing.lead + most));
  if (wanted == ESP_ADOPT_TRAINING) return s->count = s->fit, ESP_OK;
  s->first = s->fit - s->pairing.lead - most;
  s->count = all - s->first;
  return ESP_OK;
}

/* ---- what is expected ---- */

/* Hours of a day that are told apart. */
static int hours_of(const esp_weather_param *p) {
  return 24 % p->every ? 1 : 24 / p->every;
}

/* Means of T and q over the first `fit` frames, by hour and cell: [hours][n_home][2]. */
static int expect(const esp_weather_param *p, const esp_set *set, int64_t fit, double *mean) {
  const size_t n = (size_t)set->n_home;
  const int hours = hours_of(p);
  for (int hour = 0; hour < hours; hour++) {
    double *row = mean + (size_t)hour * n * 2;
    int64_t count = 0;
    memset(row, 0, 2 * n * sizeof *row);
    for (int64_t f = hour; f < fit; f += hours, count++)
      for (size_t i = 0; i < n; i++)
        for (size_t v = 0; v < 2; v++) row[2 * i + v] += set->frame[ESP_WEATHER_T + v][(size_t)f * n + i];
    ESP_CHECK(count > 0, ESP_ERR_VALUE,
              "%lld frames every %d h: what is expected of every hour of a day needs %d (data_weather_fit); "
              "data_weather_expected false does without",
              (long long)fit, p->every, hours);
    for (size_t k = 0; k < 2 * n; k++) row[k] /= (double)count;
  }
  return ESP_OK;
}

/* The sun's hour at a cell; and the year's, where a year or more is learned from: of a part of one, it would be a trend. */
#define YEAR 8765.82

static int expects(const esp_weather_param *p) {
  return p->of == ESP_WEATHER_OF_RECORD && p->expected;
}

static int clock_width(const esp_weather_param *p, const span *s) {
  if (!expects(p)) return 0;
  return (double)s->fit * p->every < YEAR ? 2 : 4;
}

static void clock_of(const esp_set *set, double hour, int i, int width, double *row) {
  const double *x = set->value[ESP_WEATHER_PLACE] + 3 * i, turn = 2 * acos(-1.0);
  const double sun = turn * hour / 24 + atan2(x[1], x[0]), year = turn * hour / YEAR;
  row[0] = cos(sun), row[1] = sin(sun);
  if (width == 4) row[2] = cos(year), row[3] = sin(year);
}

/* ---- the new set ---- */

static int make(const esp_weather_param *p, const span *s, const esp_set *from, esp_set *made) {
  *made = (esp_set){.n = from->n, .first = from->first, .n_home = from->n_home, .layout = from->layout};
  made->frames = (int)s->count;
  memcpy(made->width, from->width, sizeof made->width);
  memcpy(made->about, from->about, sizeof made->about);
  made->width[ESP_WEATHER_EXPECTED] = expects(p) ? 2 : 0;
  made->width[ESP_WEATHER_CLOCK] = clock_width(p, s);
  made->about[ESP_WEATHER_EVERY].real = p->every;
  made->about[ESP_WEATHER_START].real += (double)s->first * p->every;
  return esp_set_create(made);
}

static void fill(const esp_weather_param *p, const span *s, const esp_set *from, const double *mean, esp_set *made) {
  const size_t n = (size_t)from->n_home;
  const int hours = hours_of(p), clock = made->width[ESP_WEATHER_CLOCK];
  if (n) memcpy(made->id, from->id, n * sizeof *made->id);
  for (int k = 0; k < ESP_WEATHER_EXPECTED; k++) {
    const size_t numbers = n * (size_t)from->width[k];
    if (numbers && made->value[k]) memcpy(made->value[k], from->value[k], numbers * sizeof(double));
    if (numbers && made->frame[k])
      memcpy(made->frame[k], from->frame[k] + (size_t)s->first * numbers, (size_t)s->count * numbers * sizeof(double));
  }
  for (int64_t f = 0; f < s->count && made->width[ESP_WEATHER_EXPECTED] && n; f++) {
    const double hour = made->about[ESP_WEATHER_START].real + (double)f * p->every;
    memcpy(made->frame[ESP_WEATHER_EXPECTED] + (size_t)f * 2 * n, mean + (size_t)((s->first + f) % hours) * 2 * n,
           2 * n * sizeof *mean);
    for (size_t i = 0; i < n; i++)
      clock_of(from, hour, (int)i, clock, made->frame[ESP_WEATHER_CLOCK] + ((size_t)f * n + i) * (size_t)clock);
  }
  for (int k = 0; k <= ESP_WEATHER_CLOCK; k++)
    if (made->frame[k] && n) memcpy(made->value[k], made->frame[k], n * (size_t)made->width[k] * sizeof(double));
}

/* The last of the frames alone, with what a pair of frames would have made of the others: to predict from. */
static int last_alone(const esp_weather_param *p, const span *s, const double *mean, esp_set *made) {
  const size_t n = (size_t)made->n_home, last = (size_t)s->count - 1;
  const int backs = s->pairing.backs;
  esp_set one = *made;
  one.frames = 0;
  for (int k = ESP_WEATHER_SENT_T; k <= ESP_WEATHER_SENT_Q; k++) one.width[k] = 1;
  for (int k = ESP_WEATHER_BEFORE_T; k <= ESP_WEATHER_BEFORE_Q; k++) one.width[k] = backs;
  one.width[ESP_WEATHER_EXPECTED_LATER] = one.width[ESP_WEATHER_EXPECTED];
  one.about[ESP_WEATHER_START].real += (double)last * p->every;
  ESP_CALL(esp_set_create(&one));
  if (n) memcpy(one.id, made->id, n * sizeof *one.id);
  for (int k = 0; k <= ESP_WEATHER_CLOCK; k++) {
    const size_t numbers = n * (size_t)made->width[k];
    const double *rows = made->frame[k] ? made->frame[k] + last * numbers : made->value[k];
    if (one.value[k] && rows && numbers) memcpy(one.value[k], rows, numbers * sizeof *rows);
  }
  for (size_t i = 0; i < n; i++)
    for (size_t v = 0; v < 2; v++) {
      const double *rows = made->frame[ESP_WEATHER_T + v];
      one.value[ESP_WEATHER_SENT_T + v][i] = rows[last * n + i];
      for (size_t b = 0; b < (size_t)backs; b++)
        one.value[ESP_WEATHER_BEFORE_T + v][i * (size_t)backs + b] = rows[(last - (size_t)s->pairing.back[b]) * n + i];
    }
  if (one.width[ESP_WEATHER_EXPECTED_LATER] && n) {
    const int64_t later = (s->first + (int64_t)last + s->pairing.lead) % hours_of(p);
    memcpy(one.value[ESP_WEATHER_EXPECTED_LATER], mean + (size_t)later * 2 * n, 2 * n * sizeof *mean);
  }
  esp_set_free(made);
  *made = one;
  return ESP_OK;
}

/* A file without an axis of time: one frame. */
static int give_frame(esp_set *set) {
  if (set->frames) return ESP_OK;
  set->frames = 1;
  for (int k = 0; set->layout->column[k].name; k++) {
    const size_t numbers = (size_t)set->n_home * (size_t)set->width[k];
    if (!set->layout->column[k].framed || !set->width[k]) continue;
    ESP_CALL(ESP_ALLOC(set->frame[k], numbers));
    if (numbers) memcpy(set->frame[k], set->value[k], numbers * sizeof(double));
  }
  return ESP_OK;
}

int esp_weather_adopt(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set) {
  const esp_weather_param *p = param;
  const esp_comm *comm = backend->comm;
  esp_set made = {0};
  double *mean = NULL;
  span s;
  ESP_AGREE(comm, give_frame(set));
  ESP_CALL(check_record(p, set));
  ESP_CALL(find_span(p, wanted, set->frames, &s));
  int rc = ESP_ALLOC(mean, (size_t)hours_of(p) * (size_t)set->n_home * 2);
  if (!rc && expects(p)) rc = expect(p, set, s.fit, mean);
  if (!rc) rc = make(p, &s, set, &made);
  if (!rc) fill(p, &s, set, mean, &made);
  if (!rc && wanted == ESP_ADOPT_INPUT) rc = last_alone(p, &s, mean, &made);
  ESP_TRY(comm->agree(comm, rc));
  esp_set_free(set);
  *set = made;
  made = (esp_set){0};
done:
  esp_set_free(&made);
  ESP_FREE(mean);
  return rc;
}
