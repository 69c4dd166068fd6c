#include "homebake.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "load.h"
#include "wire.h"

enum { ANSWER_MAX = 4 << 20 };

/* ---- requests ---- */

/* Reads up to and with the end of one HTTP answer whose length its head tells. */
static int read_answer(int fd, struct buf *body)
{
    struct buf all;
    buf_init(&all, ANSWER_MAX);
    wire_await(fd, "\r\n\r\n", 4, &all);
    buf_put_char(&all, 0); /* before anything points into it */
    const char *end = memmem(all.data, all.size, "\r\n\r\n", 4);
    size_t head = (size_t)(end + 4 - all.data);
    const char *length = strcasestr(all.data, "\r\ncontent-length:");
    size_t size = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    int status = atoi(all.data + 9);
    buf_reset(body);
    buf_put(body, (struct bytes){all.data + head, all.size - 1 - head});
    while (body->size < size) {
        char *at = buf_reserve(body, size - body->size);
        ssize_t n = at ? recv(fd, at, size - body->size, 0) : -1;
        if (n <= 0)
            load_fail("the answer ended early");
        buf_advance(body, (size_t)n);
    }
    buf_done(&all);
    return status;
}

/* The head, up to the number of the length, of a request with a JSON body. */
static size_t put_head(const struct homebake *h, const char *method, const char *path,
                       const char *token, char *out, size_t size)
{
    int n =
        snprintf(out, size,
                 "%s %s HTTP/1.1\r\nHost: localhost\r\napikey: %s\r\nAuthorization: Bearer %s\r\n"
                 "Content-Type: application/json\r\nContent-Length: ",
                 method, path, h->anon, token);
    if (n < 0 || (size_t)n >= size)
        load_fail("request is too long");
    return (size_t)n;
}

int homebake_request(const struct homebake *h, const char *method, const char *path,
                     const char *token, const char *json, struct buf *body)
{
    char request[8192];
    size_t n = put_head(h, method, path, token, request, sizeof(request));
    n += (size_t)snprintf(request + n, sizeof(request) - n, "%zu\r\nConnection: close\r\n\r\n%s",
                          strlen(json), json);
    if (n >= sizeof(request))
        load_fail("request is too long");
    int fd = wire_connect(h->port);
    wire_send(fd, request, n);
    int status = read_answer(fd, body);
    close(fd);
    return status;
}

double homebake_metric(const struct homebake *h, const char *name)
{
    struct buf body;
    double value = 0;
    size_t size = strlen(name);
    buf_init(&body, 1 << 20);
    homebake_request(h, "GET", "/metrics", h->service, "", &body);
    buf_put_char(&body, 0);
    const char *line = body.data;
    while (line) {
        if (strncmp(line, name, size) == 0 && line[size] == ' ')
            value = strtod(line + size, NULL);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    buf_done(&body);
    return value;
}

const char *homebake_token(const struct homebake *h, int number)
{
    return h->staff[number % h->staff_count];
}

size_t homebake_put_sales(const struct homebake *h, int count, char *out, size_t size)
{
    char json[128 * HOMEBAKE_ROWS_MAX];
    size_t n = 0;
    if (count < 1 || count > HOMEBAKE_ROWS_MAX)
        load_fail("so many sales do not fit into a request");
    for (int i = 0; i < count; i++)
        n += (size_t)snprintf(json + n, sizeof(json) - n,
                              "%c{\"bread_type_id\":\"%s\",\"quantity\":1}", i ? ',' : '[',
                              h->bread_id);
    size_t head = put_head(h, "POST", "/rest/v1/sales_logs", homebake_token(h, 0), out, size);
    int tail = snprintf(out + head, size - head, "%zu\r\n\r\n%.*s]", n + 1, (int)n, json);
    if (head + (size_t)tail >= size)
        load_fail("request is too long");
    return head + (size_t)tail;
}

/* ---- live ---- */

void homebake_put_path(const struct homebake *h, char *out, size_t size)
{
    snprintf(out, size, "/realtime/v1/websocket?apikey=%s&vsn=2.0.0", h->anon);
}

size_t homebake_put_join(const struct homebake *h, int number, int ref, const char *topic,
                         const char *config, char *out, size_t size)
{
    int n = snprintf(out, size,
                     "[\"%d\",\"%d\",\"realtime:%s\",\"phx_join\",{\"config\":%s,"
                     "\"access_token\":\"%s\"}]",
                     ref, ref, topic, config, homebake_token(h, number));
    if (n < 0 || (size_t)n >= size)
        load_fail("join is too long");
    return (size_t)n;
}

int homebake_join(const struct homebake *h, int number, const char *topic, const char *config)
{
    static const char answer[] = "Subscribed to PostgreSQL";
    char text[6000];
    homebake_put_path(h, text, sizeof(text));
    int fd = wire_open(h->port, text, NULL);
    size_t n = homebake_put_join(h, number, 1, topic, config, text, sizeof(text));
    wire_send_frame(fd, WIRE_TEXT, text, n);
    wire_await(fd, answer, sizeof(answer) - 1, NULL);
    return fd;
}

/* ---- start and end ---- */

static void copy_json_text(struct json_value object, const char *name, char *out, size_t size)
{
    struct json_value v;
    struct buf text;
    buf_init(&text, size - 1);
    if (json_get(object, bytes_of(name), &v) != OK)
        load_fail(name);
    json_string_decode(&text, v.raw);
    if (text.err)
        load_fail(name);
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    buf_done(&text);
}

static void read_keys(struct homebake *h)
{
    char output[4096];
    struct json_value v;
    char *const argv[] = {(char *)h->cfg.program, "keys", "--data", h->folder, NULL};
    process_output(argv, output, sizeof(output));
    if (json_parse(bytes_of(output), &v) != OK)
        load_fail("keys");
    copy_json_text(v, "anon", h->anon, sizeof(h->anon));
    copy_json_text(v, "service_role", h->service, sizeof(h->service));
}

static void sign_in(struct homebake *h, const char *email, const char *password)
{
    char json[512];
    struct buf body;
    struct json_value v;
    snprintf(json, sizeof(json), "{\"email\":\"%s\",\"password\":\"%s\"}", email, password);
    buf_init(&body, ANSWER_MAX);
    if (homebake_request(h, "POST", "/auth/v1/token?grant_type=password", h->anon, json, &body) !=
            200 ||
        json_parse(buf_bytes(&body), &v) != OK)
        load_fail("sign in");
    copy_json_text(v, "access_token", h->staff[h->staff_count++], HOMEBAKE_TOKEN_MAX);
    buf_done(&body);
}

/* The demo bakery's staff: a line each, address and password first. */
static void sign_in_all(struct homebake *h)
{
    char path[PROCESS_FOLDER_MAX + 32], line[256], email[100], password[100];
    snprintf(path, sizeof(path), "%s/demo-sign-ins.txt", h->folder);
    FILE *f = fopen(path, "re");
    if (!f)
        load_fail(path);
    while (h->staff_count < HOMEBAKE_STAFF_MAX && fgets(line, sizeof(line), f))
        if (sscanf(line, "%99s %99s", email, password) == 2)
            sign_in(h, email, password);
    if (h->staff_count == 0)
        load_fail(path);
    fclose(f);
}

static void choose_bread(struct homebake *h)
{
    struct buf body;
    struct bytes key;
    struct json_value v, row;
    buf_init(&body, ANSWER_MAX);
    if (homebake_request(h, "GET", "/rest/v1/bread_types?select=id&limit=1", homebake_token(h, 0),
                         "", &body) != 200 ||
        json_parse(buf_bytes(&body), &v) != OK)
        load_fail("bread types");
    struct json_iter rows = json_iter(v);
    if (!json_next(&rows, &key, &row))
        load_fail("no bread type");
    copy_json_text(row, "id", h->bread_id, sizeof(h->bread_id));
    buf_done(&body);
}

void homebake_serve(struct homebake *h)
{
    char listen[32], shards[16], line[256] = "";
    int out;
    snprintf(listen, sizeof(listen), "127.0.0.1:%u", h->port);
    snprintf(shards, sizeof(shards), "%d", h->cfg.shards);
    char *const argv[] = {(char *)h->cfg.program,
                          "serve",
                          "--data",
                          h->folder,
                          "--listen",
                          listen,
                          "--shards",
                          shards,
                          "--log",
                          "warn",
                          NULL};
    uint64_t start = load_now_ns();
    h->pid = process_start(argv, h->cfg.cpu, &out);
    FILE *lines = fdopen(out, "r");
    const char *colon = lines && fgets(line, sizeof(line), lines) ? strrchr(line, ':') : NULL;
    h->port = (uint16_t)(colon ? strtoul(colon + 1, NULL, 10) : 0);
    if (!h->port)
        load_fail("the server did not say where it listens");
    h->ready_ns = load_now_ns() - start;
    fclose(lines);
}

void homebake_start(struct homebake *h, const struct homebake_config *cfg)
{
    char output[4096];
    *h = (struct homebake){.cfg = *cfg};
    process_folder_new(h->folder);
    char *const argv[] = {(char *)cfg->program, "demo", "--data", h->folder, NULL};
    process_output(argv, output, sizeof(output));
    read_keys(h);
    homebake_serve(h);
    sign_in_all(h);
    choose_bread(h);
}

void homebake_kill(struct homebake *h)
{
    process_kill(h->pid);
}

void homebake_stop(struct homebake *h)
{
    process_stop(h->pid);
    process_folder_remove(h->folder);
}
