/* What the host does right and wrong, for test_host.c. */
#ifndef ESP_MODEL_STREAMS_H
#define ESP_MODEL_STREAMS_H

#ifdef __cplusplus
extern "C" {
#endif

enum { STREAMS_N = 100 };
/* Doubles a[STREAMS_N] into b by copy, kernel and copy on two streams. Left out when they are in `without`: */
enum { WITHOUT_EVENT = 1, WITHOUT_WAIT = 2, EARLY_COPY = 4 /* a is made after its copy is given */ };
int streams_double(int without, const float *a, float *b);

/* Calls that are refused; ends with a name of NULL. Each returns what was said in esp_error_message. */
typedef struct {
  const char *name, *report;
  int (*call)(void);
} host_fault;
extern const host_fault host_faults[];
/* Device memory of 4 bytes is read by the host: does not return. */
void host_reads_device(void);
/* Constants, attributes, times and queries that a program may use: 0, or the line that was wrong. */
int host_calls(void);

#ifdef __cplusplus
}
#endif
#endif
