#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

_Noreturn void load_fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void load_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (cpu >= 0 && sched_setaffinity(0, sizeof(set), &set) != 0)
        load_fail("sched_setaffinity");
}

/* The number behind `name` in a file of /proc; the first number of the file when name is NULL. */
static uint64_t read_number(const char *path, const char *name)
{
    char line[256];
    unsigned long long n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (name && strncmp(line, name, strlen(name)) != 0)
            continue;
        n = strtoull(line + (name ? strlen(name) : 0), NULL, 10);
        break;
    }
    if (f)
        fclose(f); /* a thread may have ended meanwhile: then it counts for nothing */
    return n;
}

static uint64_t sum_over_threads(pid_t pid, const char *file, const char *name)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        load_fail(path);
    uint64_t sum = 0;
    for (struct dirent *e; (e = readdir(tasks));) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)pid, e->d_name, file);
        sum += e->d_name[0] == '.' ? 0 : read_number(path, name);
    }
    closedir(tasks);
    return sum;
}

uint64_t load_cpu_ns(pid_t pid)
{
    return sum_over_threads(pid, "schedstat", NULL);
}

uint64_t load_switches(pid_t pid)
{
    return sum_over_threads(pid, "status", "voluntary_ctxt_switches:");
}

size_t load_resident_bytes(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    return read_number(path, "VmRSS:") * 1024;
}

int load_compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t load_percentile(const uint64_t *sorted, size_t count, double share)
{
    return count ? sorted[(size_t)((double)(count - 1) * share)] : 0;
}

/* Runs `program args…` and gives what it prints. */
static void run_program(const char *command, char *out, size_t size)
{
    FILE *p = popen(command, "r");
    size_t n = p ? fread(out, 1, size - 1, p) : 0;
    out[n] = 0;
    if (!p || pclose(p) != 0)
        load_fail(command);
}

static void copy_json_text(struct json_value object, const char *name, char *out, size_t size)
{
    struct json_value v;
    struct buf text;
    buf_init(&text, size - 1);
    if (json_get(object, bytes_of(name), &v) != OK)
        load_fail(name);
    json_string_decode(&text, v.raw);
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    buf_done(&text);
}

int load_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        load_fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

void load_set_nonblocking(int fd)
{
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        load_fail("fcntl");
}

void load_send(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            load_fail("send");
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
}

/* Reads up to and with the end of one HTTP answer whose length its head tells. */
static int read_answer(int fd, struct buf *body)
{
    char head[65536];
    size_t size = 0;
    for (;;) {
        ssize_t n = recv(fd, head + size, sizeof(head) - size - 1, 0);
        if (n <= 0)
            load_fail("recv");
        size += (size_t)n;
        head[size] = 0;
        const char *end = strstr(head, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(head, "\r\ncontent-length:");
        size_t want = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        size_t have = size - (size_t)(end + 4 - head);
        buf_reset(body);
        buf_put(body, (struct bytes){end + 4, have});
        while (body->size < want && (n = recv(fd, head, sizeof(head), 0)) > 0)
            buf_put(body, (struct bytes){head, (size_t)n});
        return atoi(head + 9) ? atoi(head + 9) : 200;
    }
}

int load_request(const struct load_server *s, const char *method, const char *path,
                 const char *token, const char *json, struct buf *body)
{
    char request[8192];
    int n = snprintf(
        request, sizeof(request),
        "%s %s HTTP/1.1\r\nHost: localhost\r\napikey: %s\r\nAuthorization: Bearer %s\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        method, path, s->anon, token, strlen(json), json);
    int fd = load_connect(s->port);
    load_send(fd, request, (size_t)n);
    int status = read_answer(fd, body);
    close(fd);
    return status;
}

double load_metric(const struct load_server *s, const char *name)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    load_request(s, "GET", "/metrics", s->service, "", &body);
    buf_put_char(&body, 0);
    double value = 0;
    for (const char *line = body.data; line;
         line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ')
            value = atof(line + strlen(name));
    buf_done(&body);
    return value;
}

static void sign_in(struct load_server *s)
{
    char path[160], line[256], json[512];
    snprintf(path, sizeof(path), "%s/demo-sign-ins.txt", s->data);
    FILE *f = fopen(path, "r");
    char email[100] = "", password[100] = "";
    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, "rep1@", 5) == 0 && sscanf(line, "%99s %99s", email, password) == 2)
            break;
    if (!f || !*password)
        load_fail(path);
    fclose(f);
    snprintf(json, sizeof(json), "{\"email\":\"%s\",\"password\":\"%s\"}", email, password);
    struct buf body;
    struct json_value v, user;
    buf_init(&body, 1 << 20);
    if (load_request(s, "POST", "/auth/v1/token?grant_type=password", s->anon, json, &body) !=
            200 ||
        json_parse(buf_bytes(&body), &v) != OK || json_get(v, BYTES("user"), &user) != OK)
        load_fail("sign in");
    copy_json_text(v, "access_token", s->user_token, sizeof(s->user_token));
    copy_json_text(user, "id", s->user_id, sizeof(s->user_id));
    struct json_value row;
    struct bytes key;
    if (load_request(s, "GET", "/rest/v1/bread_types?select=id&limit=1", s->user_token, "",
                     &body) != 200 ||
        json_parse(buf_bytes(&body), &v) != OK)
        load_fail("bread types");
    struct json_iter rows = json_iter(v);
    if (!json_next(&rows, &key, &row))
        load_fail("no bread type");
    copy_json_text(row, "id", s->bread_id, sizeof(s->bread_id));
    buf_done(&body);
}

/* The server's side of a fork: serves on a free port and tells which on `out`. */
static _Noreturn void exec_server(const struct load_server *s, const char *program, int shards,
                                  int cpu, int out)
{
    char number[16];
    load_pin(cpu);
    snprintf(number, sizeof(number), "%d", shards);
    dup2(out, STDOUT_FILENO);
    execl(program, program, "serve", "--data", s->data, "--listen", "127.0.0.1:0", "--shards",
          number, (char *)NULL);
    load_fail(program);
}

void load_server_start(struct load_server *s, const char *program, int shards, int cpu)
{
    char command[512], output[4096];
    memset(s, 0, sizeof(*s));
    snprintf(s->data, sizeof(s->data), "/tmp/homebake-bench-XXXXXX");
    if (!mkdtemp(s->data))
        load_fail("mkdtemp");
    snprintf(command, sizeof(command), "%s demo --data %s", program, s->data);
    run_program(command, output, sizeof(output));
    snprintf(command, sizeof(command), "%s keys --data %s", program, s->data);
    run_program(command, output, sizeof(output));
    struct json_value v;
    if (json_parse(bytes_of(output), &v) != OK)
        load_fail("keys");
    copy_json_text(v, "anon", s->anon, sizeof(s->anon));
    copy_json_text(v, "service_role", s->service, sizeof(s->service));
    int pipes[2];
    if (pipe(pipes) != 0)
        load_fail("pipe");
    uint64_t start = load_now_ns();
    s->pid = fork();
    if (s->pid == 0)
        exec_server(s, program, shards, cpu, pipes[1]);
    close(pipes[1]);
    FILE *lines = fdopen(pipes[0], "r");
    const char *colon = lines && fgets(output, sizeof(output), lines) ? strrchr(output, ':') : NULL;
    s->port = (uint16_t)(colon ? atoi(colon + 1) : 0);
    if (!s->port)
        load_fail("the server did not say where it listens");
    s->ready_ns = load_now_ns() - start;
    sign_in(s);
}

void load_server_stop(struct load_server *s)
{
    char command[200];
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->data);
    if (system(command) != 0)
        load_fail("rm");
}

/* One masked text frame; the mask is zero, which is legal and costs nothing. */
static void send_text(int fd, const char *text, size_t size)
{
    char frame[8192];
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | 126);
    frame[2] = (char)(size >> 8);
    frame[3] = (char)(size & 0xff);
    memset(frame + 4, 0, 4);
    memcpy(frame + 8, text, size);
    load_send(fd, frame, size + 8);
}

int load_join(const struct load_server *s, const char *topic, const char *config)
{
    char text[6000], seen[16384];
    int fd = load_connect(s->port);
    int n =
        snprintf(text, sizeof(text),
                 "GET /realtime/v1/websocket?apikey=%s&vsn=2.0.0 HTTP/1.1\r\nHost: localhost\r\n"
                 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                 s->anon);
    load_send(fd, text, (size_t)n);
    n = snprintf(
        text, sizeof(text),
        "[\"1\",\"1\",\"realtime:%s\",\"phx_join\",{\"config\":%s,\"access_token\":\"%s\"}]", topic,
        config, s->user_token);
    if (n >= (int)sizeof(text))
        load_fail("join is too long");
    send_text(fd, text, (size_t)n);
    size_t size = 0;
    while (size < sizeof(seen) - 1) {
        ssize_t got = recv(fd, seen + size, sizeof(seen) - 1 - size, 0);
        if (got <= 0)
            load_fail("join");
        size += (size_t)got;
        if (memmem(seen, size, "Subscribed to PostgreSQL", 24))
            return fd;
    }
    load_fail("no answer to the join");
}

static bool header_is_whole(struct load_frames *f)
{
    uint8_t length = f->header_size > 1 ? f->header[1] & 0x7f : 0;
    uint8_t want = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (f->header_size < want)
        return false;
    f->left = length;
    if (want > 2) {
        f->left = 0;
        for (uint8_t i = 2; i < want; i++)
            f->left = f->left << 8 | f->header[i];
    }
    return true;
}

uint64_t load_count_frames(struct load_frames *f, const char *data, size_t size)
{
    uint64_t count = 0;
    while (size > 0) {
        if (f->left == 0) {
            f->header[f->header_size++] = (uint8_t)*data++;
            size--;
            if (!header_is_whole(f))
                continue;
            f->header_size = 0;
            count += f->left == 0;
            continue;
        }
        size_t n = size < f->left ? size : (size_t)f->left;
        data += n;
        size -= n;
        f->left -= n;
        count += f->left == 0;
    }
    return count;
}
