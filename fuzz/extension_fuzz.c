/* extension_fuzz: Sec-WebSocket-Extensions, one field a line.  What was accepted must be an offer
 * that stands there, and its answer must read as one. */
#include "proto/extension.h"

#include "fuzz.h"

static bool answer_is_read_back(const struct extension_choice *choice, struct bytes answer)
{
    struct bytes name = BYTES("Sec-WebSocket-Extensions: ");
    struct extension_choice again = {0};
    assert(bytes_starts_with(answer, name) && bytes_ends_with(answer, BYTES("\r\n")));
    assert(!extension_read(&again, bytes_slice(answer, name.size, answer.size - 2)));
    return again.window == choice->window && again.is_window_asked == choice->is_window_asked;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = fuzz_input(data, size), field;
    struct extension_choice choice = {0};
    char space[EXTENSION_ANSWER_MAX];
    struct buf answer = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    while (bytes_split(&rest, '\n', &field)) {
        struct extension_choice before = choice;
        if (extension_read(&choice, field))
            return 0;
        assert(before.window == DEFLATE_NONE || before.window == choice.window);
    }
    extension_put_answer(&answer, &choice);
    assert(!answer.err);
    if (choice.window == DEFLATE_NONE)
        assert(answer.size == 0);
    else
        assert(answer_is_read_back(&choice, buf_bytes(&answer)));
    return 0;
}
