/* An upstream for benchmarks: one thread, epoll, HTTP/1.1 with keep-alive, on loopback.

   Words in the prompt say how a request is answered:
       [mock answer=1000]                       a whole answer of 1,000 bytes
       [mock events=50 size=220 pause=20000]    a stream of 50 events of content, of 220 bytes each, 20,000
                                                microseconds apart; with pause=0 all in one piece
   `"stream": true` decides which of them counts. Paths that end in /messages are answered as
   anthropic-messages, other POSTs as openai-chat, and every GET as a healthy server with one model. Usage is
   in whole answers, and in streams where a request asks for it.

   Its argument is the port, 0 for any; it prints which one it took. */
#include "common.h"

#define MOST 65536 /* descriptors */
enum dialect { CHAT, MESSAGES };

/* An answer of one shape, rendered once and sent many times. */
struct shape {
    enum dialect dialect;
    int stream, usage;
    long size;                        /* of a whole answer or an event */
    struct bytes start, event, close; /* a whole answer has all in `start` */
    struct shape *next;
};

struct connection {
    int fd, writing;
    struct bytes in, out;
    size_t sent;
    struct shape *shape; /* of the stream under way */
    long left;
    uint64_t pause, due;
};

static int poller;
static struct connection *connections[MOST];
static int highest;
static struct shape *shapes;

/* --- what is said ------------------------------------------------------------------------------------- */

static void chunk(struct bytes *to, const struct bytes *data) {
    print(to, "%zx\r\n", data->length);
    append(to, data->data, data->length);
    append(to, "\r\n", 2);
}

#define DATA(text) "data: " text "\n\n"
#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define MODEL "\"created\":1790000000,\"model\":\"mock-model\""
#define CHUNK(rest) DATA("{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\"," MODEL "," rest "}")
#define DELTA(delta, reason) \
    CHUNK("\"choices\":[{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":" reason "}]")
#define CHAT_USAGE "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":50,\"total_tokens\":62}"
#define NO_STOP "\"stop_reason\":null,\"stop_sequence\":null"
#define STOP "\"stop_reason\":\"end_turn\",\"stop_sequence\":null"
#define SPLIT '|' /* in a template: where the content goes */

static const char *const wholes[] = {
    "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\"," MODEL ",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"|\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
    CHAT_USAGE "}",
    "{\"id\":\"msg_mock\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\","
    "\"content\":[{\"type\":\"text\",\"text\":\"|\"}]," STOP
    ",\"usage\":{\"input_tokens\":12,\"output_tokens\":50}}",
};
static const char *const events[] = {
    DELTA("\"content\":\"|\"", "null"),
    EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"|\"}"),
};
static const char *const starts[][3] = {
    {DELTA("\"role\":\"assistant\",\"content\":\"\"", "null")},
    {EVENT("message_start",
           ",\"message\":{\"id\":\"msg_mock\",\"type\":\"message\",\"role\":\"assistant\","
           "\"model\":\"mock-model\",\"content\":[]," NO_STOP
           ",\"usage\":{\"input_tokens\":12,\"output_tokens\":1}}"),
     EVENT("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")},
};
static const char *const closes[][4] = {
    {DELTA("", "\"stop\""), CHUNK("\"choices\":[]," CHAT_USAGE), DATA("[DONE]")},
    {EVENT("content_block_stop", ",\"index\":0"),
     EVENT("message_delta", ",\"delta\":{" STOP "},\"usage\":{\"output_tokens\":50}"), EVENT("message_stop", "")},
};
static const char head_of_stream[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    "transfer-encoding: chunked\r\n\r\n";
static const char head_of_json[] =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n";

/* A template with content, `size` bytes in all. The content begins with a mark, and ends with one if asked. */
static struct bytes filled(const char *template, long size, int last) {
    struct bytes made = {0};
    const char *after = strchr(template, SPLIT) + 1;
    append(&made, template, (size_t)(after - 1 - template));
    print(&made, "%c", MARK);
    long fill = size - (long)(made.length + strlen(after)) - last;
    for (long i = 0; i < fill; i++) append(&made, i % 6 == 5 ? " " : "x", 1);
    if (last) print(&made, "%c", MARK);
    append(&made, after, strlen(after));
    return made;
}

static void chunks(struct bytes *to, const char *const *each, int usage) {
    for (; *each; each++) {
        struct bytes data = {(char *)*each, strlen(*each), 0};
        if (usage || !strstr(*each, "\"choices\":[],")) chunk(to, &data);
    }
}

static struct shape *render(enum dialect dialect, int stream, int usage, long size) {
    struct shape *made = calloc(1, sizeof *made);
    if (!made) fatal("calloc");
    *made = (struct shape){.dialect = dialect, .stream = stream, .usage = usage, .size = size, .next = shapes};
    shapes = made;
    struct bytes body = filled(stream ? events[dialect] : wholes[dialect], size, !stream);
    if (stream) {
        append(&made->start, head_of_stream, strlen(head_of_stream));
        chunks(&made->start, starts[dialect], 1);
        chunk(&made->event, &body);
        chunks(&made->close, closes[dialect], usage);
        print(&made->close, "0\r\n\r\n");
    } else {
        print(&made->start, head_of_json, body.length);
        append(&made->start, body.data, body.length);
    }
    free(body.data);
    return made;
}

static struct shape *shape_of(enum dialect dialect, int stream, int usage, long size) {
    for (struct shape *each = shapes; each; each = each->next) {
        int kind = each->dialect == dialect && each->stream == stream && each->usage == usage;
        if (kind && each->size == size) return each;
    }
    return render(dialect, stream, usage, size);
}

/* --- how it is sent ----------------------------------------------------------------------------------- */

static void drop(struct connection *of) {
    close(of->fd);
    connections[of->fd] = NULL;
    free(of->in.data);
    free(of->out.data);
    free(of);
}

static void watch(struct connection *of, int writing) {
    if (of->writing == writing) return;
    of->writing = writing;
    struct epoll_event wanted = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = of};
    epoll_ctl(poller, EPOLL_CTL_MOD, of->fd, &wanted);
}

/* Send what can be sent; 0 if the connection is lost. */
static int flush(struct connection *of) {
    while (of->sent < of->out.length) {
        ssize_t sent = send(of->fd, of->out.data + of->sent, of->out.length - of->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return 0;
        if (sent < 0) {
            watch(of, 1);
            return 1;
        }
        of->sent += (size_t)sent;
    }
    of->out.length = of->sent = 0;
    watch(of, 0);
    return 1;
}

/* Say the next event of a stream, or all that are left; 0 if the connection is lost. */
static int proceed(struct connection *of) {
    do append(&of->out, of->shape->event.data, of->shape->event.length);
    while (--of->left > 0 && !of->pause);
    if (of->left > 0) {
        of->due += of->pause;
        if (of->due < now()) of->due = now();
    } else {
        append(&of->out, of->shape->close.data, of->shape->close.length);
        of->shape = NULL;
        of->due = 0;
    }
    return flush(of);
}

/* --- what is asked ------------------------------------------------------------------------------------ */

static long word(const char *text, size_t length, const char *name, long otherwise) {
    const char *found = text ? memmem(text, length, name, strlen(name)) : NULL;
    return found ? atol(found + strlen(name)) : otherwise;
}

static int is_true(const char *body, size_t length, const char *name) {
    const char *found = memmem(body, length, name, strlen(name));
    if (!found) return 0;
    found += strlen(name);
    found += strspn(found, ": ");
    return *found == 't';
}

static int answer(struct connection *of, const char *path, const char *body, size_t length) {
    enum dialect dialect = memmem(path, strcspn(path, " "), "/messages", 9) ? MESSAGES : CHAT;
    const char *said = memmem(body, length, "[mock ", 6);
    const char *end = said ? memchr(said, ']', length - (size_t)(said - body)) : NULL;
    size_t size = end ? (size_t)(end - said) : 0;
    if (!end) said = NULL;
    if (!is_true(body, length, "\"stream\"")) {
        struct shape *shape = shape_of(dialect, 0, 0, word(said, size, "answer=", 1000));
        append(&of->out, shape->start.data, shape->start.length);
        return flush(of);
    }
    of->shape = shape_of(dialect, 1, is_true(body, length, "\"include_usage\""), word(said, size, "size=", 220));
    of->left = word(said, size, "events=", 50);
    of->pause = (uint64_t)word(said, size, "pause=", 0) * 1000;
    of->due = now();
    append(&of->out, of->shape->start.data, of->shape->start.length);
    return proceed(of);
}

static int greet(struct connection *of) {
    static const char body[] =
        "{\"object\":\"list\",\"status\":\"ok\",\"model_path\":\"mock-model\","
        "\"served_model_name\":\"mock-model\","
        "\"data\":[{\"id\":\"mock-model\",\"object\":\"model\",\"created\":1,\"owned_by\":\"mock\"}]}";
    print(&of->out, head_of_json, strlen(body));
    append(&of->out, body, strlen(body));
    return flush(of);
}

/* Answer requests that have arrived whole, one after the other; 0 if the connection is lost. */
static int serve(struct connection *of) {
    while (!of->shape && of->in.length) {
        of->in.data[of->in.length] = 0;
        char *end = strstr(of->in.data, "\r\n\r\n");
        if (!end) return 1;
        end[2] = 0;
        const char *length = header(of->in.data, "\ncontent-length:");
        const char *coding = header(of->in.data, "\ntransfer-encoding:");
        end[2] = '\r';
        char *body = end + 4;
        size_t there = of->in.length - (size_t)(body - of->in.data), size = length ? strtoul(length, NULL, 10) : 0;
        if (coding) {
            char *last = memmem(body - 2, there + 2, "\r\n0\r\n\r\n", 7);
            if (!last) return 1;
            size = (size_t)(last + 7 - body);
        }
        if (there < size) {
            reserve(&of->in, size - there + 1);
            return 1;
        }
        int get = !strncmp(of->in.data, "GET ", 4);
        int alive = get ? greet(of) : answer(of, of->in.data + 5, body, size);
        discard(&of->in, (size_t)(body - of->in.data) + size);
        if (!alive) return 0;
    }
    return 1;
}

static int receive(struct connection *of) {
    reserve(&of->in, 65536);
    ssize_t got = recv(of->fd, of->in.data + of->in.length, of->in.room - of->in.length - 1, 0);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
    of->in.length += (size_t)got;
    return serve(of);
}

/* --- the loop ----------------------------------------------------------------------------------------- */

static void welcome(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *made = fd < MOST ? calloc(1, sizeof *made) : NULL;
        if (!made) fatal("too many connections");
        made->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connections[fd] = made;
        if (fd > highest) highest = fd;
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = made};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    }
}

static void attend(struct connection *of, uint32_t happened) {
    int alive = happened & EPOLLOUT ? flush(of) : 1;
    if (alive && happened & ~(uint32_t)EPOLLOUT) alive = receive(of);
    if (!alive) drop(of);
}

/* Go on with the streams whose time has come; when the next one's comes, 0 for never. */
static uint64_t tick(void) {
    uint64_t at = now(), next = UINT64_MAX;
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *each = connections[fd];
        if (!each || !each->due) continue;
        if (each->due <= at && !(proceed(each) && serve(each))) drop(each);
        else if (each->due && each->due < next) next = each->due;
    }
    return next == UINT64_MAX ? 0 : next;
}

static int listening(int port) {
    int one = 1, made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr *address = (struct sockaddr *)&at;
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(made, address, size) || listen(made, 4096) || getsockname(made, address, &size)) fatal("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return made;
}

int main(int count, char **arguments) {
    int listener = listening(count > 1 ? atoi(arguments[1]) : 0);
    poller = epoll_create1(0);
    int timer = add_timer(poller);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &listener}, ready[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        set_timer(timer, tick());
        int many = epoll_wait(poller, ready, 256, -1);
        for (int i = 0; i < many; i++) {
            if (!ready[i].data.ptr) read_timer(timer);
            else if (ready[i].data.ptr == &listener) welcome(listener);
            else attend(ready[i].data.ptr, ready[i].events);
        }
    }
}
