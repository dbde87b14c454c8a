/* One pattern of moves as plain data: which rows stay, which go to whom, which come from whom. What moves rows in the memory of a
 * device reads it (esp_domain_ops.route); the host's own moves do the same.
 *
 * A pattern goes two ways. Forward: rows of the `from` array (home rows; the owners' rows) into the `to` array (slots; ghost
 * rows). Back: the other way, what was sent is received. Between two ranks rows travel in one order that both know; a message
 * has at least one row; no rank sends to itself. O(rows of this rank + its neighbours). */
#ifndef ESP_ROUTE_H
#define ESP_ROUTE_H

typedef enum {
  ESP_ROUTE_SLOTS,          /* home -> the senders' slots: to_slots; back: to_home */
  ESP_ROUTE_RECEIVER_SLOTS, /* home -> the receivers' slots: to_receivers; back: receivers_home */
  ESP_ROUTE_SOURCES,        /* the halos: owners' rows -> ghost rows, in one array */
  ESP_ROUTE_RECEIVERS,
  ESP_ROUTE_CELLS, /* back: cells_reduce, where what comes is added */
  ESP_ROUTES
} esp_route_kind;

/* One side of it: rows of the array there, by the rank at the other end. */
typedef struct {
  int peers;
  int *rank;  /* [peers] */
  int *start; /* [peers + 1] rows before those of each */
  int *row;   /* [start[peers]] in the order in which they travel */
} esp_route_side;

typedef struct {
  /* rows that stay: to[kept_to[i]] = from[kept_from[i]]; kept_to NULL: i */
  int kept, *kept_from, *kept_to;
  esp_route_side out, in; /* out: of the from array; in: of the to array */
  /* Cells alone. Covering roots, which every rank gets from their owners: of `shared` rows in all this rank's are those from
   * shared_own on, and shared_row [shared] where each lies here. On the way back rows [top_first, + top_count) are
   * summed over all ranks, rows [ghost_first, + ghost_count) cleared. */
  int shared, shared_own, shared_own_count, *shared_row;
  int top_first, top_count, ghost_first, ghost_count;
} esp_route;

void esp_route_free(esp_route *route);
/* Rows that this rank gets forward from other ranks. */
int esp_route_arriving(const esp_route *route);

#endif
