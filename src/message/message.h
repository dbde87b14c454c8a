/* The tables of messages: what one sender, or one cell, says to one receiver. A row is a const esp_message in a file of its
 * own, listed in message/messages.c; its pairs are computed by a device's kernels of the same name (message/kernels.h).
 * message/specification.c is what they all must equal: the message as plain loops.
 *
 * Rows of doubles. A sender's row begins with where it is (its key, d numbers), then what it says; a receiver's with where
 * it listens (its query, d numbers), then what it brings along; a sum's row is what a receiver heard of all senders.
 *
 * Everything here is pure and local. */
#ifndef ESP_MESSAGE_H
#define ESP_MESSAGE_H

#include "message/moments.h"
#include "tree/cells.h"

typedef struct esp_message esp_message;

/* Fixes the widths of all rows, and the numbers that are no parameters. */
struct esp_form {
  const esp_message *message;
  int dim;      /* d of keys and queries */
  int channels; /* C: numbers said, or hidden units of a learned message */
  int den;      /* 1: the sum of weights is heard, too */
  double softening;
  double period[3]; /* by axis; 0: open */
  double mean;      /* of what is said, over the whole set: the unit of a learned message's feature; > 0 */
  int order;        /* of the moments that cells hold, 0..ESP_MOMENTS_ORDER, of messages that have any */
  double unit;      /* the length in which they hold them, > 0: the fading's s, which a layer fills in */
};

/* Doubles a row. query 0: a receiver's row is its source row, and dsource holds the gradient of both. adjoint: of a cell,
 * as the kernels leave it. param: learned numbers of the message itself. */
typedef struct {
  int source, query, sum;
  int dsource, dquery; /* leading numbers of those rows that have a gradient */
  int cell, adjoint, param;
} esp_widths;

/* One group of learned numbers, a matrix row by row. */
enum { ESP_MESSAGE_PARTS = 4 }; /* at most */
typedef struct {
  const char *name; /* NULL behind the last */
  int rows, columns;
} esp_message_part;

/* What a network must know of a message. */
enum {
  ESP_MESSAGE_SHARED = 1, /* the layers of a network have its parameters in common; else each layer has its own */
  ESP_MESSAGE_DEN = 2,    /* it is of use with the sum of weights alone, whatever else wants that */
  /* A receiver brings `channels` numbers along, and hears silu of them of a sender that says nothing: whoever takes the
   * sums as what senders add to silence takes that out. */
  ESP_MESSAGE_OFFSET = 4,
  /* Its cells hold moments under the gate, whose error has a bound (message/gate_bound.h). */
  ESP_MESSAGE_MOMENTS = 8,
  /* Its sums are gravity's and those of `rest`: in open space the multipole method has the former. */
  ESP_MESSAGE_GRAVITY = 16
};

/* Home rows: a particle's message to itself, which the sums hold, taken out of sum [n][w.sum]; and out of the gradients
 * dquery, dsource of the sums with the term in; param_acc [w.param][ESP_EXACT_FULL_WORDS]: one float64 term a (group of
 * ESP_GROUP rows, number). Rows of queries that are the keys have the keys' numbers. */
typedef struct {
  void (*take)(const esp_form *f, const double *param, int n, const double *query, const double *source, double *sum);
  void (*take_back)(const esp_form *f, const double *param, int n, const double *query, const double *source,
                    const double *dsum, double *dquery, double *dsource, int64_t *param_acc);
} esp_own_message;

struct esp_message {
  const char *name, *help;
  unsigned traits; /* ESP_MESSAGE_... */
  /* ESP_ERR_CONFIG naming what the form is and may be; ESP_ERR_VALUE for parameters that mean nothing. */
  int (*check)(const esp_form *f, const double *param);
  /* ESP_ERR_VALUE naming the id of a finite source row that cannot be sent; NULL: any can. */
  int (*admit)(const esp_form *f, int64_t id, const double *source);
  void (*widths)(const esp_form *f, esp_widths *w);
  /* The k-th group of the parameters, in their order. */
  esp_message_part (*part)(const esp_form *f, int k);
  /* Start values param [w.param]; layer: which of several messages it is. */
  void (*start)(const esp_form *f, uint64_t seed, int layer, double *param);
  /* s of a message that fades as exp(-r^2 / 2 s^2), for the acceptance of cells; NULL: it does not fade. */
  double (*fade)(const esp_form *f, const double *param);
  const esp_cell_algebra *cells;
  const esp_message
      *rest; /* of one that has ESP_MESSAGE_GRAVITY: what it says to near receivers beside that; NULL: nothing */
  const esp_own_message *own; /* NULL: no sum holds it */
  /* dLoss/d(weight) of a pair, its message against the receiver's gradient, where weights are to be learned through (soft
   * splits of the tree); fade: s. receiver [esp_receiver_width]. NULL: not defined. */
  double (*weigh)(const esp_form *f, double fade, const double *receiver, const double *source);
  /* Two partial sums of one receiver into one: for sums that do not just add (a running maximum beside a sum of
   * exponentials). NULL: plain addition, which is what every message does today. */
  void (*merge)(const esp_form *f, const double *part, double *sum);
};

extern const esp_message esp_message_newton, esp_message_newton_mlp, esp_message_correction, esp_message_law,
    esp_message_gate, esp_message_gate_mlp;
/* Of bodies, where they are; and of keys in a learned space. NULL behind the last; the first is what is taken where nothing
 * is said. Names: of the k-th, NULL behind the last. */
extern const esp_message *const esp_body_messages[], *const esp_key_messages[];
const char *esp_body_message_name(int k), *esp_key_message_name(int k);

static inline int esp_message_has(const esp_message *message, unsigned trait) {
  return (message->traits & trait) != 0;
}

static inline esp_widths esp_form_widths(const esp_form *f) {
  esp_widths w = {0};
  f->message->widths(f, &w);
  return w;
}
static inline esp_cells esp_form_cells(const esp_form *f, const esp_widths *w) {
  const esp_cells cells = {f->message->cells, f, w->source, w->dsource, w->cell, w->adjoint};
  return cells;
}
/* Keys [n][dim] brought into the period, in place. */
void esp_form_wrap(const esp_form *f, int n, double *key);
/* A receiver in the backward pass as it travels: its row (query, or source where there is none), then dLoss/dsum. */
static inline int esp_receiver_width(const esp_widths *w) {
  return (w->query ? w->query : w->source) + w->sum;
}

#endif
