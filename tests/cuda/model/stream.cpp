/* Streams and events. What a stream is given runs at once, or late: not before someone waits for it, and then with what it
 * depends on alone, by its stream, by events, and by the default stream. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <deque>
#include <memory>
#include <vector>

#include "model.h"

namespace {

struct after { /* that many tasks of the stream have to be done */
  esp_model_stream *stream;
  uint64_t count;
};

struct task {
  std::vector<after> first;
  std::function<void()> work;
};

}  // namespace

struct esp_model_stream {
  std::deque<task> tasks; /* that are not done */
  uint64_t given, done;
  bool blocking, gone; /* waits for the default stream; destroyed */
};

struct esp_model_event {
  after at; /* stream NULL: not recorded */
  bool timed, gone;
  double time;
};

namespace {

/* What is destroyed stays, for those that still name it. */
struct streams {
  esp_model_stream none = {{}, 0, 0, true, false}; /* the default stream */
  std::vector<std::unique_ptr<esp_model_stream>> all;
  std::vector<std::unique_ptr<esp_model_event>> events;
  bool chosen, late;
};
streams s;

bool late() {
  if (!s.chosen) {
    const char *word = getenv("ESPALIER_MODEL_STREAMS");
    if (word && strcmp(word, "late") && strcmp(word, "now")) {
      fprintf(stderr, "ESPALIER_MODEL_STREAMS=%s: allowed are now, late\n", word);
      abort();
    }
    s.late = word && strcmp(word, "late") == 0;
    s.chosen = true;
  }
  return s.late;
}

esp_model_stream *of(cudaStream_t stream) {
  return stream ? stream : &s.none;
}

cudaError_t known(const esp_model_stream *stream) {
  return stream->gone ? esp_model_error(cudaErrorInvalidResourceHandle, "the stream is destroyed") : cudaSuccess;
}

void run(esp_model_stream *stream, uint64_t count) {
  while (stream->done < count) {
    const task next = std::move(stream->tasks.front());
    stream->tasks.pop_front();
    for (const after &a : next.first) run(a.stream, a.count);
    if (!esp_model_failed()) next.work();
    stream->done++;
  }
}

void run_all() {
  for (size_t k = s.all.size(); k-- > 0;) run(s.all[k].get(), s.all[k]->given); /* the youngest first */
  run(&s.none, s.none.given);
}

double now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

cudaError_t give(esp_model_stream *stream, std::vector<after> first, std::function<void()> work) {
  if (cudaError_t error = known(stream)) return error;
  if (stream == &s.none) {
    for (auto &other : s.all)
      if (other->blocking) first.push_back({other.get(), other->given});
  } else if (stream->blocking) {
    first.push_back({&s.none, s.none.given});
  }
  stream->tasks.push_back({std::move(first), std::move(work)});
  stream->given++;
  if (!late()) run(stream, stream->given);
  return esp_model_failed();
}

}  // namespace

void esp_model_set_late(int late) {
  run_all();
  s.chosen = true;
  s.late = late != 0;
}

cudaError_t esp_model_give(cudaStream_t stream, std::function<void()> work) {
  return give(of(stream), {}, std::move(work));
}

cudaError_t cudaDeviceSynchronize() {
  run_all();
  return esp_model_failed();
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  s.all.push_back(
      std::unique_ptr<esp_model_stream>(new esp_model_stream{{}, 0, 0, flags != cudaStreamNonBlocking, false}));
  *stream = s.all.back().get();
  return esp_model_failed();
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  *least = *greatest = 0;
  return esp_model_failed();
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (!stream) return esp_model_error(cudaErrorInvalidResourceHandle, "the default stream is not destroyed");
  if (cudaError_t error = known(stream)) return error;
  stream->gone = true; /* what it was given is done, some time */
  return esp_model_failed();
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (cudaError_t error = known(of(stream))) return error;
  run(of(stream), of(stream)->given);
  return esp_model_failed();
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return cudaStreamSynchronize(stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->gone) return esp_model_error(cudaErrorInvalidResourceHandle, "the event is destroyed");
  return event->at.stream ? give(of(stream), {event->at}, [] {}) : esp_model_failed();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
  s.events.push_back(
      std::unique_ptr<esp_model_event>(new esp_model_event{{}, !(flags & cudaEventDisableTiming), false, -1}));
  *event = s.events.back().get();
  return esp_model_failed();
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (event->gone) return esp_model_error(cudaErrorInvalidResourceHandle, "the event is destroyed");
  event->gone = true;
  return esp_model_failed();
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (event->gone) return esp_model_error(cudaErrorInvalidResourceHandle, "the event is destroyed");
  event->at = {of(stream), of(stream)->given + 1};
  return give(of(stream), {}, [event] { event->time = now(); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->gone) return esp_model_error(cudaErrorInvalidResourceHandle, "the event is destroyed");
  if (event->at.stream) run(event->at.stream, event->at.count);
  return esp_model_failed();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return cudaEventSynchronize(event);
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to) {
  for (const esp_model_event *e : {from, to}) {
    if (!e->at.stream || !e->timed)
      return esp_model_error(cudaErrorInvalidResourceHandle,
                             "elapsed time: an event was not recorded, or takes no time");
    if (e->at.stream->done < e->at.count)
      return esp_model_error(cudaErrorNotReady, "elapsed time: no one waited for an event");
  }
  *ms = (float)(to->time - from->time);
  return esp_model_failed();
}
