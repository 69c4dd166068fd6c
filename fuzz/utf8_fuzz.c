/* The whole, the pieces and the sequences one by one must agree. */
#include "base/utf8.h"

#include "fuzz.h"

static bool is_valid_by_sequence(struct bytes b, size_t *count)
{
    *count = 0;
    while (b.size > 0) {
        size_t size = utf8_first_size(b);
        assert(size <= 4 && size <= b.size);
        if (size == 0)
            return false;
        b = bytes_slice(b, size, b.size);
        ++*count;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes b = fuzz_input(data + 1, size - 1);
    size_t split = data[0] % size;
    bool valid = utf8_is_valid(b);
    size_t count;
    uint32_t state = utf8_feed(UTF8_ACCEPT, bytes_slice(b, 0, split));
    assert((utf8_feed(state, bytes_slice(b, split, b.size)) == UTF8_ACCEPT) == valid);
    assert(is_valid_by_sequence(b, &count) == valid);
    assert(!valid || utf8_length(b) == count);
    return 0;
}
