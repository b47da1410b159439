/* A load generator: one thread, epoll, HTTP/1.1 with keep-alive, against loopback.

       load --port P --path /v1/chat/completions --body FILE [--header 'name: value']…
            [--connections 16] [--seconds S | --requests N] [--rate R] [--stagger US] [--marks M] [--done TEXT]

   Without --rate each connection asks again as soon as it was answered (a closed loop); with it, requests begin
   at fixed times, and what is measured begins then, whether a connection was free or not (an open loop).
   --stagger lets each connection begin so many microseconds after the one before. An answer is good when its
   status is 200, it has --marks marks in it, and --done stands near its end. One JSON object is printed. */
#include "common.h"

enum { TAIL = 64, PATIENCE = 60 };

struct samples {
    double *us;
    size_t count, room;
};

enum state { CLOSED, IDLE, WAITING };
enum part { HEAD, LENGTH, UNTIL_CLOSE, SIZE, SIZE_END, DATA, DATA_END, TRAILER, ENDED };

struct connection {
    int fd, writing, closing, status;
    enum state state;
    enum part part;
    size_t sent, left, line, tail_length;
    long marks, answers;
    uint64_t begun, begin_at;
    struct bytes head;
    char tail[TAIL];
};

static struct {
    int port, connections;
    const char *path, *body, *done;
    struct bytes headers;
    double seconds, rate;
    long requests, stagger, marks;
} options = {.connections = 16, .path = "/v1/chat/completions", .done = "", .marks = -1};

static int poller;
static struct connection *all;
static struct bytes request;
static struct samples latency, first;
static long started, good, bad, marks, received, reconnected;
static uint64_t last_news;
static char first_error[400];

static void sample(struct samples *of, uint64_t since) {
    if (of->count == of->room) {
        of->room = of->room ? of->room * 2 : 65536;
        of->us = realloc(of->us, of->room * sizeof *of->us);
        if (!of->us) fatal("realloc");
    }
    of->us[of->count++] = (double)(now() - since) / 1000;
}

/* --- a connection ------------------------------------------------------------------------------------- */

static void hang_up(struct connection *of) {
    if (of->state != CLOSED) close(of->fd);
    of->state = CLOSED;
}

static void wrong(struct connection *of, const char *what) {
    bad++;
    if (!first_error[0])
        snprintf(first_error, sizeof first_error, "%s: status %d, %ld marks, …%.*s", what, of->status,
                 of->marks, (int)of->tail_length, of->tail);
    hang_up(of);
}

static int dial(struct connection *of) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    of->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(of->fd, (struct sockaddr *)&to, sizeof to)) {
        close(of->fd);
        return 0;
    }
    setsockopt(of->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = of};
    epoll_ctl(poller, EPOLL_CTL_ADD, of->fd, &wanted);
    of->state = IDLE;
    of->writing = 0;
    of->answers = 0;
    return 1;
}

/* Send what is left of the request, as far as there is room. */
static void push(struct connection *of) {
    while (of->sent < request.length) {
        size_t left = request.length - of->sent;
        ssize_t sent = send(of->fd, request.data + of->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) break; /* a lost connection is seen when it is read */
        of->sent += (size_t)sent;
    }
    int writing = of->sent < request.length;
    if (writing == of->writing) return;
    of->writing = writing;
    struct epoll_event wanted = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = of};
    epoll_ctl(poller, EPOLL_CTL_MOD, of->fd, &wanted);
}

static void ask(struct connection *of, uint64_t begun) {
    started++;
    of->begun = begun;
    of->sent = of->head.length = of->tail_length = 0;
    of->marks = of->status = of->closing = 0;
    of->part = HEAD;
    if (of->state == CLOSED && !dial(of)) {
        wrong(of, "cannot connect");
        return;
    }
    of->state = WAITING;
    push(of);
}

static int finished(void) {
    return options.requests && started >= options.requests;
}

/* An answer has ended: count it. */
static void conclude(struct connection *of) {
    char tail[TAIL + 1];
    memcpy(tail, of->tail, of->tail_length);
    tail[of->tail_length] = 0;
    if (of->status != 200) wrong(of, "refused");
    else if (options.marks >= 0 && of->marks != options.marks) wrong(of, "incomplete");
    else if (!strstr(tail, options.done)) wrong(of, "without its end");
    else {
        good++;
        of->answers++;
        sample(&latency, of->begun);
        of->state = IDLE;
        if (of->closing) hang_up(of);
    }
}

/* --- an answer ---------------------------------------------------------------------------------------- */

static void content(struct connection *of, const char *data, size_t length) {
    long before = of->marks;
    const char *at = data, *end = data + length;
    for (; (at = memchr(at, MARK, (size_t)(end - at))); at++) of->marks++;
    if (!before && of->marks) sample(&first, of->begun);
    marks += of->marks - before;
    received += (long)length;
    size_t keep = length < TAIL ? length : TAIL, room = TAIL - keep;
    if (of->tail_length > room) {
        memmove(of->tail, of->tail + of->tail_length - room, room);
        of->tail_length = room;
    }
    memcpy(of->tail + of->tail_length, data + length - keep, keep);
    of->tail_length += keep;
}

/* Take the head from the bytes; how many were its own, or all while it is incomplete. */
static size_t take_head(struct connection *of, const char *data, size_t length) {
    size_t before = of->head.length;
    append(&of->head, data, length);
    of->head.data[of->head.length] = 0;
    char *end = strstr(of->head.data, "\r\n\r\n");
    if (!end) return length;
    end[2] = 0;
    const char *size = header(of->head.data, "\ncontent-length:");
    const char *coding = header(of->head.data, "\ntransfer-encoding:");
    const char *after = header(of->head.data, "\nconnection:");
    of->status = atoi(of->head.data + strcspn(of->head.data, " "));
    of->closing = after && !strncasecmp(after, "close", 5);
    of->left = size ? strtoul(size, NULL, 10) : 0;
    of->part = coding ? SIZE : !size ? UNTIL_CLOSE : of->left ? LENGTH : ENDED;
    of->line = 0;
    return (size_t)(end + 4 - of->head.data) - before;
}

/* Take one byte of the frame around chunks. */
static void take_frame(struct connection *of, char byte) {
    if (of->part == SIZE && byte != '\r' && byte != ';') {
        of->left = of->left * 16 + (size_t)(byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    } else if (of->part == SIZE) {
        of->part = SIZE_END;
    } else if (byte == '\n' && of->part == SIZE_END) {
        of->part = of->left ? DATA : TRAILER;
        of->line = 0;
    } else if (byte == '\n' && of->part == DATA_END) {
        of->part = SIZE;
    } else if (byte == '\n' && of->part == TRAILER) {
        if (!of->line) of->part = ENDED;
        of->line = 0;
    } else if (of->part == TRAILER && byte != '\r') {
        of->line++;
    }
}

static void take(struct connection *of, const char *data, size_t length) {
    while (length && of->part != ENDED) {
        size_t used = 1;
        if (of->part == HEAD) {
            used = take_head(of, data, length);
        } else if (of->part == UNTIL_CLOSE) {
            content(of, data, used = length);
        } else if (of->part == LENGTH || of->part == DATA) {
            used = length < of->left ? length : of->left;
            content(of, data, used);
            of->left -= used;
            if (!of->left) of->part = of->part == DATA ? DATA_END : ENDED;
        } else {
            take_frame(of, *data);
        }
        data += used;
        length -= used;
    }
    if (of->part == ENDED) conclude(of);
}

static void receive(struct connection *of) {
    static char buffer[262144];
    ssize_t got = recv(of->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    last_news = now();
    if (got > 0 && of->state == WAITING) take(of, buffer, (size_t)got);
    else if (of->state != WAITING) hang_up(of); /* an idle connection was closed */
    else if (of->part == UNTIL_CLOSE) of->closing = 1, conclude(of);
    else if (of->answers && !of->head.length) { /* closed just as it was used again */
        hang_up(of);
        reconnected++;
        started--;
        ask(of, of->begun);
    } else wrong(of, "closed");
}

/* --- the run ------------------------------------------------------------------------------------------ */

/* Begin what is due in an open loop; when to look again. */
static uint64_t at_rate(uint64_t *next, uint64_t at) {
    uint64_t interval = (uint64_t)(1e9 / options.rate);
    for (int i = 0; i < options.connections && *next <= at && !finished(); i++)
        if (all[i].state != WAITING) {
            ask(&all[i], *next);
            *next += interval;
        }
    return *next <= at ? at + 100000 : *next;
}

/* Begin on every connection that is free and whose time has come; when to look again, 0 for never. */
static uint64_t in_turn(uint64_t at) {
    uint64_t next = 0;
    for (int i = 0; i < options.connections && !finished(); i++) {
        if (all[i].state == WAITING) continue;
        if (all[i].begin_at <= at) ask(&all[i], at);
        else if (!next || all[i].begin_at < next) next = all[i].begin_at;
    }
    return next;
}

static void run(uint64_t begin) {
    uint64_t end = options.seconds > 0 ? begin + (uint64_t)(options.seconds * 1e9) : 0, next = begin;
    struct epoll_event events[256];
    int timer = add_timer(poller);
    for (;;) {
        uint64_t at = now(), wake = 0;
        int over = finished() || (end && at >= end) || bad >= 1000, busy = 0;
        if (!over) wake = options.rate > 0 ? at_rate(&next, at) : in_turn(at);
        for (int i = 0; i < options.connections && over; i++) busy += all[i].state == WAITING;
        if (over && !busy) return;
        if (at > last_news + PATIENCE * 1000000000ull) {
            for (int i = 0; i < options.connections; i++)
                if (all[i].state == WAITING) wrong(&all[i], "no answer");
            return;
        }
        uint64_t look = at + 50000000;
        if (wake && wake < look) look = wake;
        if (!over && end && end < look) look = end;
        set_timer(timer, look);
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *of = events[i].data.ptr;
            if (!of) {
                read_timer(timer);
                continue;
            }
            if (events[i].events & EPOLLOUT) push(of);
            if (events[i].events & ~(uint32_t)EPOLLOUT) receive(of);
        }
    }
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void tell(const char *name, struct samples *of) {
    qsort(of->us, of->count, sizeof *of->us, ascending);
    static const char *const names[] = {"p50", "p90", "p99", "max"};
    static const double shares[] = {.5, .9, .99, 1};
    printf(", \"%s\": {", name);
    for (int i = 0; i < 4; i++) {
        size_t index = of->count ? (size_t)(shares[i] * (double)(of->count - 1) + .5) : 0;
        printf("%s\"%s\": %.1f", i ? ", " : "", names[i], of->count ? of->us[index] : 0);
    }
    printf("}");
}

static void set_option(const char *name, const char *value) {
    if (!strcmp(name, "--port")) options.port = atoi(value);
    else if (!strcmp(name, "--path")) options.path = value;
    else if (!strcmp(name, "--body")) options.body = value;
    else if (!strcmp(name, "--header")) print(&options.headers, "%s\r\n", value);
    else if (!strcmp(name, "--connections")) options.connections = atoi(value);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
    else if (!strcmp(name, "--requests")) options.requests = atol(value);
    else if (!strcmp(name, "--rate")) options.rate = atof(value);
    else if (!strcmp(name, "--stagger")) options.stagger = atol(value);
    else if (!strcmp(name, "--marks")) options.marks = atol(value);
    else if (!strcmp(name, "--done")) options.done = value;
    else {
        fprintf(stderr, "load: there is no option %s\n", name);
        exit(2);
    }
}

static void make_request(void) {
    struct bytes body = {0};
    FILE *file = options.body ? fopen(options.body, "rb") : NULL;
    if (!file || !options.port) fatal("load: --port and --body are needed");
    size_t got;
    do {
        reserve(&body, 65536);
        body.length += got = fread(body.data + body.length, 1, 65536, file);
    } while (got);
    fclose(file);
    print(&request, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n", options.path, options.port);
    print(&request, "content-type: application/json\r\n");
    append(&request, options.headers.data, options.headers.length);
    print(&request, "content-length: %zu\r\n\r\n", body.length);
    append(&request, body.data, body.length);
    free(body.data);
}

int main(int count, char **arguments) {
    for (int i = 1; i + 1 < count; i += 2) set_option(arguments[i], arguments[i + 1]);
    make_request();
    poller = epoll_create1(0);
    all = calloc((size_t)options.connections, sizeof *all);
    uint64_t begin = last_news = now();
    for (int i = 0; i < options.connections; i++) all[i].begin_at = begin + (uint64_t)(i * options.stagger) * 1000;
    run(begin);
    double seconds = (double)(now() - begin) / 1e9;
    printf("{\"good\": %ld, \"bad\": %ld, \"seconds\": %.4f, \"marks\": %ld", good, bad, seconds, marks);
    printf(", \"bytes\": %ld, \"reconnected\": %ld", received, reconnected);
    tell("latency_us", &latency);
    tell("first_us", &first);
    printf(", \"first_error\": \"");
    for (char *at = first_error; *at; at++)
        if ((unsigned char)*at >= ' ') printf(*at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
    printf("\"}\n");
}
