/* Drafts: every file that is written is whole or absent. A draft lies beside PATH under a name that nobody else has,
 * PATH.<16 hex digits>.part; it is made anew, never through a link, and becomes PATH by renaming: what PATH was, a link
 * too, stays as it is until then, and is replaced, not written into. Local. */
#ifndef ESP_DRAFT_H
#define ESP_DRAFT_H

#include <stdint.h>
#include <stdio.h>

#include "base/passing.h"

typedef struct {
  char path[ESP_PATH];
  FILE *stream; /* for reading and writing; NULL: there is no draft */
  int place;    /* in the list of passing files */
} esp_draft;

/* ESP_ERR_FILE naming path and cause, ESP_ERR_LIMIT where it is too long; there is then no draft. */
int esp_draft_begin(const char *path, esp_draft *draft);
/* The draft becomes PATH; its stream is closed. ESP_ERR_FILE naming path and cause, also of anything that could not be
 * written before; PATH is then as it was. There is no draft afterwards. */
int esp_draft_keep(esp_draft *draft, const char *path);
/* The same, but for the stream, which is the caller's to write on and to close: a file that grows. */
int esp_draft_keep_open(esp_draft *draft, const char *path, FILE **stream);
/* Closed and removed; the message at hand stays. No draft is fine. */
void esp_draft_drop(esp_draft *draft);
/* Is this the name of a draft, of this process or any other? Pure. */
int esp_draft_is(const char *name);

/* A number that no other call gives, here or elsewhere: hashed from the time, the process, the host and a counter. */
uint64_t esp_unique(void);

#endif
