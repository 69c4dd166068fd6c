#include "api/headers.h"

/* --- Prefer --- */

static bool read_known(struct preferences *p, struct bytes name, struct bytes value)
{
    if (bytes_equal(name, BYTES("return"))) {
        p->wants_rows = bytes_equal(value, BYTES("representation"));
    } else if (bytes_equal(name, BYTES("count"))) {
        p->wants_count = true;
    } else if (bytes_equal(name, BYTES("missing"))) {
        p->has_defaults = bytes_equal(value, BYTES("default"));
    } else if (bytes_equal(name, BYTES("handling"))) {
        p->is_strict = bytes_equal(value, BYTES("strict"));
    } else if (bytes_equal(name, BYTES("max-affected"))) {
        return bytes_to_u64(value, &p->affected_max) == OK;
    } else if (bytes_equal(name, BYTES("resolution"))) {
        p->has_resolution = true;
        p->resolution =
            bytes_equal(value, BYTES("merge-duplicates")) ? CONFLICT_MERGE : CONFLICT_IGNORE;
        return p->resolution == CONFLICT_MERGE || bytes_equal(value, BYTES("ignore-duplicates"));
    } else {
        /* tx=rollback is not done, so it must not be taken for known. */
        return bytes_equal(name, BYTES("tx")) && bytes_equal(value, BYTES("commit"));
    }
    return true;
}

static void read_prefer(struct preferences *p, struct bytes line)
{
    struct bytes part, name;
    while (bytes_split(&line, ',', &part)) {
        struct bytes value = bytes_trim(part);
        if (!bytes_split(&value, '=', &name))
            continue;
        if (!read_known(p, bytes_trim(name), bytes_trim(value)) && p->unknown.size == 0)
            p->unknown = bytes_trim(part);
    }
}

/* --- lines --- */

struct slot {
    struct bytes name;
    size_t offset; /* of its value in struct request_headers */
};

#define SLOT(text, member)                                                                         \
    {                                                                                              \
        BYTES_INIT(text), offsetof(struct request_headers, member)                                 \
    }

static const struct slot slots[] = {
    SLOT("apikey", apikey),
    SLOT("authorization", authorization),
    SLOT("accept", accept),
    SLOT("accept-profile", accept_profile),
    SLOT("content-profile", content_profile),
    SLOT("content-type", content_type),
    SLOT("range", range),
    SLOT("range-unit", range_unit),
    SLOT("x-supabase-api-version", api_version),
};

/* Most clients write names in lower case, as HTTP/2 does. */
static bool is_named(const struct http_header *line, struct bytes name)
{
    return line->name.size == name.size && (memcmp(line->name.data, name.data, name.size) == 0 ||
                                            bytes_equal_nocase(line->name, name));
}

static void read_line(struct request_headers *out, const struct http_header *line)
{
    for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
        if (!is_named(line, slots[i].name))
            continue;
        struct bytes *value = (struct bytes *)(void *)((char *)out + slots[i].offset);
        if (!value->data)
            *value = line->value;
        return;
    }
    if (is_named(line, BYTES("prefer")))
        read_prefer(&out->prefer, line->value);
}

void headers_read(const struct http_request *r, struct request_headers *out)
{
    *out = (struct request_headers){.prefer = {.affected_max = UINT64_MAX}};
    for (size_t i = 0; i < r->header_count; i++)
        read_line(out, &r->headers[i]);
}

struct bytes headers_bearer(const struct request_headers *h)
{
    struct bytes scheme = bytes_slice(h->authorization, 0, 7);
    if (!bytes_equal_nocase(scheme, BYTES("bearer ")))
        return (struct bytes){NULL, 0};
    return bytes_trim(bytes_slice(h->authorization, 7, h->authorization.size));
}

/* --- media types --- */

static enum answer_shape shape_of(struct bytes type)
{
    struct bytes parameters = type, name;
    if (!bytes_split(&parameters, ';', &name))
        return SHAPE_NONE;
    /* The parameter nulls=stripped is the only one that changes the answer; we have none such. */
    if (bytes_find(parameters, BYTES("nulls=stripped")) < parameters.size)
        return SHAPE_NONE;
    name = bytes_trim(name);
    if (bytes_equal_nocase(name, BYTES("application/vnd.pgrst.object+json")) ||
        bytes_equal_nocase(name, BYTES("application/vnd.pgrst.object")))
        return SHAPE_OBJECT;
    if (bytes_equal_nocase(name, BYTES("application/json")) || bytes_equal(name, BYTES("*/*")) ||
        bytes_equal_nocase(name, BYTES("application/*")) ||
        bytes_equal_nocase(name, BYTES("application/vnd.pgrst.array+json")))
        return SHAPE_ROWS;
    return SHAPE_NONE;
}

enum answer_shape headers_shape(struct bytes accept)
{
    struct bytes type;
    enum answer_shape shape = SHAPE_NONE;
    if (accept.size == 0)
        return SHAPE_ROWS;
    while (shape == SHAPE_NONE && bytes_split(&accept, ',', &type))
        shape = shape_of(type);
    return shape;
}

bool headers_is_json(struct bytes content_type)
{
    if (bytes_equal(content_type, BYTES("application/json")))
        return true;
    struct bytes name =
        bytes_trim(bytes_slice(content_type, 0, bytes_find_char(content_type, ';')));
    return name.size == 0 || bytes_equal_nocase(name, BYTES("application/json")) ||
           bytes_equal_nocase(name, BYTES("application/vnd.pgrst.object+json")) ||
           bytes_equal_nocase(name, BYTES("application/vnd.pgrst.array+json"));
}

bool headers_range(const struct request_headers *h, uint64_t *from, uint64_t *to)
{
    struct bytes rest = h->range, first;
    uint64_t low, high = UINT64_MAX;
    if (!rest.data || (h->range_unit.data && !bytes_equal_nocase(h->range_unit, BYTES("items"))))
        return false;
    if (!bytes_split(&rest, '-', &first) || !rest.data || bytes_to_u64(first, &low))
        return false;
    if (rest.size && bytes_to_u64(rest, &high))
        return false;
    *from = low;
    *to = high;
    return true;
}
