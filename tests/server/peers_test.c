#include "server/peers.h"

#include "base/mem.h"
#include "support.h"

static void a_tag_finds_its_peer_and_not_the_next_one_in_its_place(void **state)
{
    (void)state;
    struct peers p;
    struct peer *first, *second;
    peers_init(&p, 10);
    assert_int_equal(peers_get(&p, &first), OK);
    first->stream.fd = 5;
    uint64_t tag = peer_tag(first);
    assert_ptr_equal(peers_find(&p, tag), first);
    peers_put(&p, first);
    assert_null(peers_find(&p, tag));
    assert_int_equal(peers_get(&p, &second), OK);
    second->stream.fd = 6;
    assert_ptr_equal(second, first);  /* the same place … */
    assert_null(peers_find(&p, tag)); /* … and another peer */
    assert_ptr_equal(peers_find(&p, peer_tag(second)), second);
    peers_put(&p, second);
    peers_done(&p);
}

static void addresses_stay_while_the_slab_grows(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct peer *all[MANY];
    struct peers p;
    peers_init(&p, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(peers_get(&p, &all[i]), OK);
        all[i]->stream.fd = i;
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i]->stream.fd, i);
        assert_ptr_equal(peers_at(&p, all[i]->index), all[i]);
        peers_put(&p, all[i]);
    }
    peers_done(&p);
}

static void the_limit_is_kept(void **state)
{
    (void)state;
    struct peers p;
    struct peer *a, *b, *c;
    peers_init(&p, 2);
    assert_int_equal(peers_get(&p, &a), OK);
    assert_int_equal(peers_get(&p, &b), OK);
    assert_int_equal(peers_get(&p, &c), ERR_FULL);
    peers_put(&p, a);
    assert_int_equal(peers_get(&p, &c), OK);
    peers_put(&p, b);
    peers_put(&p, c);
    assert_null(peers_at(&p, 1000000));
    assert_null(peers_find(&p, UINT64_MAX));
    peers_done(&p);
}

static void lack_of_memory_takes_nothing(void **state)
{
    (void)state;
    struct peers p;
    struct peer *peer;
    peers_init(&p, 2);
    for (uint64_t n = 1;; n++) {
        mem_fail_at(n);
        enum err e = peers_get(&p, &peer);
        bool was_hit = mem_fail_hit();
        mem_fail_at(0);
        if (!was_hit) {
            assert_int_equal(e, OK);
            break;
        }
        assert_int_equal(e, ERR_NOMEM);
        assert_int_equal(p.count, 0);
    }
    peers_put(&p, peer);
    peers_done(&p);
}

static void an_idle_peer_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct peer) <= 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_finds_its_peer_and_not_the_next_one_in_its_place),
        cmocka_unit_test(addresses_stay_while_the_slab_grows),
        cmocka_unit_test(the_limit_is_kept),
        cmocka_unit_test(lack_of_memory_takes_nothing),
        cmocka_unit_test(an_idle_peer_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
