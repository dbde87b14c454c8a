/* What a network does with home rows beside products and messages, as a table that a device fills: rows put side by side and
 * parted, sums of rows, what a receiver makes of what it heard, and the ways back.
 *
 * All arrays lie in the device's memory, rows of float64 [n][width], row by row. A number's terms come in the order written
 * here, one rounding a product and a sum: the same bits on every device, wherever a row lies and however many there are. A
 * group is ESP_GROUP rows from the first on. Local. What a device cannot do it remembers (net/device.h: settled).
 *
 * Two arrays of a call are the same or apart where that is said; else they are apart. */
#ifndef ESP_ROWS_H
#define ESP_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/exact_sum.h"

/* Sums of one layer, [n][width]: what was heard, `channels` numbers, of which the update takes the first `own`; where width
 * is larger, the weight of all that was heard behind them. */
typedef struct {
  int width, channels, own;
  int aggregate; /* of esp_aggregates */
} esp_heard;

/* What is carried along: [n][F] numbers, heard as channels own .. own + F - 1 of the sums, their weight behind them. */
typedef struct {
  int width, own, carried; /* of the sums; F */
  double stay;             /* weight of a particle's own value beside those it hears */
} esp_carriage;

/* What a loss sees of n rows: targets [n][width], predicted by the numbers from `at` on of rows [n][row]; weight [n], NULL: 1. */
typedef struct {
  int n, row, at, width;
  const double *targets, *weight;
} esp_scored;

/* What is done with states and what is seen of them. */
typedef struct {
  /* ---- fixed point: x [count] multiples of 2^-bits ---- */
  /* x += sign o, sign 1 or -1, o rounded to the nearest (ties to even): to be undone with the other sign, bit for bit.
   * *bad: the least index where |o|, or |x| then, is not below `limit` (<= 2^(62 - bits)); -1: there is none. There x stays.
   * In the host's memory; waits. NULL: nobody asks. */
  void (*fixed_add)(size_t count, int bits, double sign, const double *o, double limit, int64_t *x, int64_t *bad);
  /* y = x, or, with `add`, y += x, as the nearest float64. */
  void (*fixed_value)(size_t count, int bits, const int64_t *x, int add, double *y);

  /* y = a y. */
  void (*multiply)(size_t count, double a, double *y);

  /* ---- what layers see (net/norm.h): rows s, y [n][width]; gain, bias [width] ---- */
  /* y = gain (s - mean) / sqrt(variance + 1e-5) + bias, over the row's numbers, in order. */
  void (*norm)(int n, int width, const double *gain, const double *bias, const double *s, double *y);
  /* ds += dLoss/ds of dy; gain_acc, bias_acc [width][ESP_EXACT_FULL_WORDS] += one term a (group, number). */
  void (*norm_back)(int n, int width, const double *gain, const double *s, const double *dy, double *ds,
                    int64_t *gain_acc, int64_t *bias_acc);

  /* Over the particles instead, each number by itself: mean, inverse [width] of all of them.
   * acc [width][ESP_EXACT_FULL_WORDS] += one term a (group, number): the sum of s, or, where mean is given, of (s - mean)^2. */
  void (*spread)(int n, int width, const double *mean, const double *s, int64_t *acc);
  /* y = gain (s - mean) inverse + bias. */
  void (*scale)(int n, int width, const double *mean, const double *inverse, const double *gain, const double *bias,
                const double *s, double *y);
  /* gain_acc, bias_acc += one term a (group, number): dy (s - mean) inverse, dy. */
  void (*scale_terms)(int n, int width, const double *mean, const double *inverse, const double *s, const double *dy,
                      int64_t *gain_acc, int64_t *bias_acc);
  /* ds += gain inverse (dy - first - (s - mean) inverse second); first, second [width]: means over all particles of dy, and of
   * dy (s - mean) inverse. */
  void (*scale_back)(int n, int width, const double *mean, const double *inverse, const double *gain,
                     const double *first, const double *second, const double *s, const double *dy, double *ds);

  /* ---- what is heard, at the length of what is seen ---- */
  /* joint [n][own + state] = [A; s]: A becomes *gain |s| A / |A|, |.| = sqrt(sum of squares + 1e-6). */
  void (*level)(int n, int own, int state, const double *gain, double *joint);
  /* djoint [n][wide], wide = own + state, or own where nobody asks for the state's: of that -> of A (set), and of s (+=); A [n][own]
   * and s [n][state] as before; gain_acc [ESP_EXACT_FULL_WORDS] += one term a group, its rows in order. */
  void (*level_back)(int n, int own, int state, int wide, const double *gain, const double *A, const double *s,
                     double *djoint, int64_t *gain_acc);

  /* ---- dropout ---- */
  /* mask [n][width]: 0 with probability p < 1, else 1 / (1 - p): of number c of particle id[i], 0 where
   * esp_rng_uniform(seed, id[i], ESP_RNG_DROP, first + c) < p. */
  void (*drop)(int n, int width, uint64_t seed, const int64_t *id, uint32_t first, double p, double *mask);

  /* ---- what is said where weights go with values (net/aggregate.h, softmax): v [n][C], beta [C] ---- */
  /* said [n][2 C] = w v, then w = exp(beta v) (net/heard.h). */
  void (*weigh)(int n, int C, const double *beta, const double *v, double *said);
  /* dsaid -> dv (set); beta_acc [C][ESP_EXACT_FULL_WORDS] += one term a (group, number). */
  void (*weigh_back)(int n, int C, const double *beta, const double *v, const double *dsaid, double *dv,
                     int64_t *beta_acc);
} esp_rows_state;

/* Sums over edges that are given, graph convolution (net/convolution.h), and classes. */
typedef struct {
  /* y [n][width] = (with `add`, +=) the sum over the entries e of row i, in their order, of value[e] x[index[e]]; value NULL: 1.
   * start [n + 1]; x [..][width]. */
  void (*sparse)(int n, int width, const int64_t *start, const int64_t *index, const double *value, int add,
                 const double *x, double *y);
  /* acc [columns][width][ESP_EXACT_FULL_WORDS] += value[e] dy[i] of every entry e of row i, at column index[e]. */
  void (*sparse_terms)(int n, int width, const int64_t *start, const int64_t *index, const double *value,
                       const double *dy, int64_t *acc);
  /* dropped [start[n]] = value times what dropout leaves of the entries of row i, of particle id[i]: unit first + index[e]
   * (esp_rows_state: drop). */
  void (*sparse_drop)(int n, const int64_t *start, const int64_t *index, const double *value, uint64_t seed,
                      const int64_t *id, uint32_t first, double p, double *dropped);
  /* y = (with `add`, +=) a x. */
  void (*multiple)(size_t count, double a, int add, const double *x, double *y);
  /* y = t where that is 0 or more, else 0; y may be t. And back: dt = dy where y is more than 0, else 0; dt may be dy. */
  void (*relu)(size_t count, const double *t, double *y);
  void (*relu_back)(size_t count, const double *y, const double *dy, double *dt);
  /* sum [n][C + 1], its weight last: y [n][C] += a num / weight, nothing where the weight is less than `least`. And back:
   * dsum [n][C + 1] is set. */
  void (*average)(int n, int C, double a, double least, const double *sum, double *y);
  void (*average_back)(int n, int C, double a, double least, const double *sum, const double *dy, double *dsum);

  /* acc [3] += weight times cross-entropy, weight, and weight where the first largest y is at the row's class: one term a row of
   * those that have a class and a weight that is not 0 (net/loss.h: cross_entropy). */
  void (*classes)(const esp_scored *s, const double *y, int64_t *acc);
  /* dy = a weight / over times the slope of a row's cross-entropy; 0 of rows without a class or a weight. */
  void (*classes_slope)(const esp_scored *s, const double *y, double a, double over, double *dy);
} esp_rows_graph;

typedef struct {
  int tile; /* rows a call that keeps what it needs in the nearest memory */
  const esp_rows_state *state;
  const esp_rows_graph *graph;
  /* ---- places: no arithmetic ---- */
  /* to [n][to_width], columns to_first .. + count - 1 = those of from [n][from_width] at from_first. */
  void (*columns)(int n, int count, int from_width, int from_first, const double *from, int to_width, int to_first,
                  double *to);
  void (*copy)(size_t count, const double *x, double *y);
  void (*zero)(size_t count, double *y);

  void (*add)(size_t count, const double *a, const double *b, double *y);      /* y = a + b; y may be a or b */
  void (*subtract)(size_t count, const double *a, const double *b, double *y); /* y = a - b; y may be a or b */
  void (*times)(size_t count, const double *a, const double *b, double *y);    /* y = a b; y may be a or b */
  /* as columns, added */
  void (*add_columns)(int n, int count, int from_width, int from_first, const double *from, int to_width, int to_first,
                      double *to);

  /* Beside the products of net/dense.h: y [n][out] += W [out][in] silu(t [n][in]), the inputs in ascending order. */
  void (*add_silu)(int n, int in, int out, const double *W, const double *t, double *y);
  /* ---- what was heard (net/aggregate.h) ---- */
  /* joint [n][own + state] = [*gain A; s], A what the aggregate makes of sum [n][width]; s [n][state]. */
  void (*hear)(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *s,
               double *joint);
  /* djoint [n][wide], wide = own + state, or own where ds is NULL: dsum [n][width] is set (channels that the update does not
   * take: the aggregate's part of 0), ds [n][state] += ; gain_acc [ESP_EXACT_FULL_WORDS] += one term a group: the sum over
   * its rows, in order, of djoint A, channel after channel. */
  void (*hear_back)(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *djoint,
                    double *dsum, double *ds, int64_t *gain_acc);

  /* ---- differences from silence: sum [n][C + 1], its weight last; offset u [n][C] ---- */
  void (*centre)(int n, int C, const double *offset, double *sum); /* num -= den silu(u) */
  void (*centre_back_sum)(int n, int C, const double *offset, double *dsum);
  void (*centre_back_offset)(int n, int C, const double *offset, const double *sum, const double *dsum,
                             double *doffset);

  /* ---- what is carried along; before, after [n][F] of a layer; start: of the first ---- */
  void (*carry)(const esp_carriage *c, int n, const double *sum, const double *before, double *after);
  /* y [n][F] += gain [F] (after - start); and back: dr [n][F] = gain dy, gain_acc [F][ESP_EXACT_FULL_WORDS] += one term a
   * (group, number). */
  void (*carry_out)(int n, int F, const double *gain, const double *after, const double *start, double *y);
  void (*carry_out_back)(int n, int F, const double *gain, const double *after, const double *start, const double *dy,
                         double *dr, int64_t *gain_acc);
  /* dr: of after -> of before, but for what is sent; dsum [n][width] += . */
  void (*carry_back)(const esp_carriage *c, int n, const double *sum, const double *after, double *dr, double *dsum);

  /* ---- losses (net/loss.h): accumulators of ESP_EXACT_FULL_WORDS ---- */
  /* acc [width + 1] += weight t of each target, one term a number; weight. */
  void (*loss_mean)(const esp_scored *s, int64_t *acc);
  /* acc [2] += weight |y - t|^2, weight |t - mean|^2, one term a row, columns in order; mean [width], NULL: 0. */
  void (*loss_squares)(const esp_scored *s, const double *y, const double *mean, int64_t *acc);
  /* dy = a weight / over (y - t), of the scored numbers of its rows. */
  void (*loss_slope)(const esp_scored *s, const double *y, double a, double over, double *dy);

  /* *bad: the least index of a number that is not finite; -1: all are. In the host's memory; waits. */
  void (*finite)(size_t count, const double *y, int64_t *bad);
  /* Exact accumulators, of `acc` [count][words of the format] (base/exact_sum.h): their carry, and what they are as float64. */
  void (*exact_carry)(const esp_exact_format *format, int64_t *acc, size_t count);
  void (*exact_value)(const esp_exact_format *format, const int64_t *acc, size_t count, double *y);
} esp_rows;

extern const esp_rows_state esp_rows_state_cpu;
extern const esp_rows_graph esp_rows_graph_cpu;
extern const esp_rows esp_rows_cpu;

#endif
