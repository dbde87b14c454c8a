/* Kernels: the block routines of one message on one device. A block of receivers (or of senders, on the way back) is
 * computed whole, in the order of its lists, so that its result depends neither on who computes it nor on when.
 *
 * The routines are local. They return ESP_OK, or what the device reports; the CPU's never allocate (scratch comes with begin) and
 * cannot fail. A device may still be at work when one returns: putting and getting waits. All rows lie in the device's memory,
 * in slot order of `dom`, ghosts behind. The message's own words (message/NAME.h) say what the numbers of a row are. */
#ifndef ESP_KERNELS_H
#define ESP_KERNELS_H

#include "message/message.h"
#include "tree/domain.h"

/* What is a constant on the way back, whose gradient nobody asks for: routines may leave it as it is. Of keys: queries, and the
 * message's parameters, too. */
enum { ESP_STILL_KEYS = 1, ESP_STILL_VALUES = 2 };

/* One layer's inputs. Borrowed. */
typedef struct {
  esp_form form;
  esp_widths width;
  const esp_domain *dom;
  const double *param;  /* [width.param] */
  const double *query;  /* [n_own] receivers' slots; NULL where width.query is 0 */
  const double *source; /* [n_own + n_ghost] senders' slots */
  const double *cell;   /* [row_count] */
  unsigned still;       /* ESP_STILL_... */
} esp_pairs;

typedef struct esp_scratch esp_scratch; /* one a thread; of the kernels that made it */

typedef struct {
  /* Errors: memory. end: *scratch NULL is fine, and is left NULL. */
  int (*begin)(const esp_form *form, const esp_domain *dom, esp_scratch **scratch);
  void (*end)(esp_scratch **scratch);
  /* sum [n_own][w.sum] of the receivers of the given blocks is set. */
  int (*forward)(const esp_pairs *p, int count, const int *block, double *sum, esp_scratch *scratch);
  /* Receivers' side. dsum [n_own][w.sum] = dLoss/dsum. dquery [n_own][w.dquery] += for the receivers of the blocks (where
   * w.query is 0: of their source rows, [w.dsource]). cell_acc [row_count][w.adjoint][ESP_EXACT_CELL_WORDS] gets at most
   * one float64 term a (block, cell, number); param_acc [w.param][ESP_EXACT_FULL_WORDS] at most one a (block, number). */
  int (*receivers)(const esp_pairs *p, int count, const int *block, const double *dsum, double *dquery,
                   int64_t *cell_acc, int64_t *param_acc, esp_scratch *scratch);
  /* Senders' side, pulled by the owner of the senders over the transposed near lists (with one tree the own square
   * included). receiver [n_own + n_receiver_ghost][esp_receiver_width]. dsource [n_own][w.dsource] += for the senders of
   * the blocks. param_acc: of messages whose parameters are the senders'; no message has such today. */
  int (*senders)(const esp_pairs *p, int count, const int *block, const double *receiver, double *dsource,
                 int64_t *param_acc, esp_scratch *scratch);
  /* What a particle says to itself, of home rows and parameters in the device's memory, as the message's own; NULL: the
   * message's, whose memory is the host's. */
  const esp_own_message *own;
} esp_kernels;

#endif
