/* One text for one run of bytes: what is decoded encodes to the same text, and the other way round.
 */
#include "base/base64.h"

#include "fuzz.h"

enum { TEXT_MAX = 1 << 20 };

typedef void encoder(struct buf *out, struct bytes in);
typedef enum err decoder(struct buf *out, struct bytes in);

static void check(struct bytes in, encoder *encode, decoder *decode)
{
    struct buf there, back;
    buf_init(&there, TEXT_MAX);
    buf_init(&back, TEXT_MAX);
    if (decode(&there, in) == OK) {
        encode(&back, buf_bytes(&there));
        assert(bytes_equal(buf_bytes(&back), in));
    }
    buf_reset(&there);
    buf_reset(&back);
    encode(&there, in);
    assert(decode(&back, buf_bytes(&there)) == OK);
    assert(bytes_equal(buf_bytes(&back), in));
    buf_done(&there);
    buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(fuzz_input(data, size), base64_encode, base64_decode);
    check(fuzz_input(data, size), base64url_encode, base64url_decode);
    return 0;
}
