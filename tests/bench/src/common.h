/* What the mock and the load generator share: a clock, bytes that grow, a timer, the head of an HTTP message. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MARK '~' /* stands once in every piece of content, so that what arrived can be counted */

struct bytes {
    char *data;
    size_t length, room;
};

static inline void fatal(const char *what) {
    perror(what);
    exit(1);
}

static inline uint64_t now(void) { /* nanoseconds */
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* Room for `more` bytes and a NUL behind what is there. */
static inline void reserve(struct bytes *to, size_t more) {
    if (to->length + more < to->room) return;
    to->room = (to->length + more) * 2 + 1024;
    to->data = realloc(to->data, to->room);
    if (!to->data) fatal("realloc");
}

static inline void append(struct bytes *to, const char *data, size_t length) {
    if (!length) return;
    reserve(to, length);
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

__attribute__((format(printf, 2, 3))) static inline void print(struct bytes *to, const char *format, ...) {
    va_list values, again;
    va_start(values, format);
    va_copy(again, values);
    size_t length = (size_t)vsnprintf(NULL, 0, format, values);
    reserve(to, length + 1);
    vsnprintf(to->data + to->length, length + 1, format, again);
    to->length += length;
    va_end(again);
    va_end(values);
}

/* Bytes from `from` on become the first. */
static inline void discard(struct bytes *of, size_t from) {
    of->length -= from;
    if (of->length) memmove(of->data, of->data + from, of->length);
}

/* A timer in the epoll set, with no data. */
static inline int add_timer(int poll) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    if (timer < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event)) fatal("timer");
    return timer;
}

/* The timer goes off at this time; 0 is never. */
static inline void set_timer(int timer, uint64_t at) {
    static uint64_t was;
    if (at == was) return;
    struct itimerspec when = {.it_value = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
    was = at;
}

/* The timer went off. */
static inline void read_timer(int timer) {
    uint64_t times;
    if (read(timer, &times, sizeof times) < 0 && errno != EAGAIN) fatal("timer");
}

/* The value of a header in a head that ends with NUL, or NULL. `name` is "\nname:". */
static inline const char *header(const char *head, const char *name) {
    const char *found = strcasestr(head, name);
    if (!found) return NULL;
    found += strlen(name);
    return found + strspn(found, " \t");
}
#endif
