#include "server/bakery.h"

#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "base/json.h"
#include "base/utf8.h"
#include "io/clock.h"
#include "server/admin.h"
#include "server/control.h"
#include "server/folder.h"

enum { MESSAGE_MAX = 4096 };

static enum err open_store(struct bakery *b, enum store_access access)
{
    struct buf message;
    struct store_config c = {.folder = b->folder};
    buf_init(&message, MESSAGE_MAX);
    enum err e = store_open(&c, &message, &b->store);
    if (!e)
        e = store_session_open(b->store, access, &b->session);
    if (e && message.size)
        cmd_complain(b->command, "%.*s", (int)message.size, message.data);
    else if (e)
        cmd_complain(b->command, "the data in %s cannot be opened: %s", b->folder, err_text(e));
    buf_done(&message);
    return e;
}

static enum err begin(struct bakery *b, const char *command, const char *folder)
{
    *b = (struct bakery){.command = command, .folder = folder, .lock_fd = -1};
    if (access(folder, F_OK)) {
        cmd_complain(command, "there is no folder %s; 'homebake init' or 'homebake demo' makes one",
                     folder);
        return ERR_NOT_FOUND;
    }
    if (!folder_has_data(folder)) {
        cmd_complain(command,
                     "the folder %s holds no bakery; 'homebake init' or 'homebake demo' makes one",
                     folder);
        return ERR_NOT_FOUND;
    }
    return OK;
}

enum err bakery_open(struct bakery *b, const char *command, const char *folder)
{
    enum err e = begin(b, command, folder);
    if (!e)
        e = open_store(b, STORE_READER);
    if (e)
        bakery_close(b);
    return e;
}

enum err bakery_open_writer(struct bakery *b, const char *command, const char *folder)
{
    enum err e = begin(b, command, folder);
    if (e)
        return e;
    e = folder_lock(folder, &b->lock_fd);
    if (e == ERR_BUSY)
        return e;
    if (e)
        cmd_complain(command, "%s cannot be locked: %s", folder, err_text(e));
    else
        e = open_store(b, STORE_WRITER);
    if (e)
        bakery_close(b);
    return e;
}

static enum err create(struct bakery *b)
{
    struct buf message;
    struct store_config c = {.folder = b->folder};
    buf_init(&message, MESSAGE_MAX);
    enum err e = store_create(&c, &message);
    if (e == ERR_EXISTS)
        cmd_complain(b->command, "%s holds a bakery already", b->folder);
    else if (e)
        cmd_complain(b->command, "%s: %.*s", b->folder, (int)message.size,
                     message.size ? message.data : "");
    buf_done(&message);
    return e;
}

enum err bakery_create(struct bakery *b, const char *command, const char *folder)
{
    *b = (struct bakery){.command = command, .folder = folder, .lock_fd = -1};
    enum err e = folder_make(folder);
    if (!e)
        e = folder_lock(folder, &b->lock_fd);
    if (e)
        cmd_complain(command, "the folder %s cannot be used: %s", folder, err_text(e));
    if (!e)
        e = create(b);
    if (!e)
        e = open_store(b, STORE_WRITER);
    if (e)
        bakery_close(b);
    return e;
}

void bakery_close(struct bakery *b)
{
    if (b->session)
        store_session_close(b->session);
    store_close(b->store);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    b->session = NULL;
    b->store = NULL;
    b->lock_fd = -1;
}

static void put_member(struct buf *out, const char *name, const char *text)
{
    json_put_key(out, bytes_of(name));
    json_put_string(out, bytes_of(text));
}

enum err bakery_put_add(struct buf *request, const struct bakery_person *p)
{
    char hash[PASSWORD_HASH_SIZE];
    struct bytes password = bytes_of(p->password);
    if (password.size < PASSWORD_MIN || password.size > PASSWORD_MAX)
        return ERR_LIMIT;
    enum err e = password_hash(password, hash);
    if (e)
        return e;
    buf_put_literal(request, "{\"do\":\"add\"");
    put_member(request, "email", p->email);
    put_member(request, "name", p->name);
    put_member(request, "role", p->role);
    put_member(request, "password_hash", hash);
    buf_put_char(request, '}');
    return request->err;
}

/* Says what the reply complains about. */
static enum err judge(const char *command, const struct buf *reply)
{
    struct json_value v, text;
    struct buf plain;
    if (reply->err || json_parse(buf_bytes(reply), &v)) {
        cmd_complain(command, "the answer cannot be read");
        return ERR_DENIED;
    }
    if (json_get(v, BYTES("error"), &text))
        return OK;
    buf_init(&plain, MESSAGE_MAX);
    json_string_decode(&plain, text.raw);
    cmd_complain(command, "%.*s", (int)plain.size, plain.size ? plain.data : "");
    buf_done(&plain);
    return ERR_DENIED;
}

enum err bakery_add(struct bakery *b, const struct bakery_person *p)
{
    struct buf request, reply;
    buf_init(&request, ADMIN_LINE_MAX);
    buf_init(&reply, MESSAGE_MAX);
    enum err e = bakery_put_add(&request, p);
    if (!e) {
        admin_apply(b->session, buf_bytes(&request), clock_now_us(), &reply);
        e = judge(b->command, &reply);
    }
    buf_done(&request);
    buf_done(&reply);
    return e;
}

enum err bakery_ask(const char *command, const char *folder, struct bytes request,
                    struct buf *reply)
{
    struct bakery b;
    enum err e = bakery_open_writer(&b, command, folder);
    if (e && e != ERR_BUSY)
        return e;
    if (!e) {
        admin_apply(b.session, request, clock_now_us(), reply);
        bakery_close(&b);
    } else if (control_ask(folder, request, reply)) {
        cmd_complain(command, "another homebake has %s open and does not answer; try again",
                     folder);
        return ERR_BUSY;
    }
    return judge(command, reply);
}

static bool get_line(char *out, int size)
{
    struct termios saved, silent;
    bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &saved) == 0;
    if (is_terminal) {
        silent = saved;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", stderr);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool has_line = fgets(out, size, stdin) != NULL;
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
        fputc('\n', stderr);
    }
    return has_line;
}

bool bakery_read_password(const char *command, char out[PASSWORD_MAX + 1])
{
    char line[PASSWORD_MAX + 3];
    if (!get_line(line, sizeof(line))) {
        cmd_complain(command, "the password is expected on standard input, one line");
        return false;
    }
    size_t size = strcspn(line, "\r\n");
    /* A zero byte hides what is behind it; and clients send passwords as UTF-8. */
    bool is_text = (line[size] || feof(stdin)) && utf8_is_valid((struct bytes){line, size});
    if (!is_text && size <= PASSWORD_MAX) {
        cmd_complain(command, "the password must be text in UTF-8");
        return false;
    }
    if (size < PASSWORD_MIN || size > PASSWORD_MAX) {
        cmd_complain(command, "the password must have %d to %d characters", PASSWORD_MIN,
                     PASSWORD_MAX);
        return false;
    }
    memcpy(out, line, size);
    out[size] = 0;
    return true;
}
