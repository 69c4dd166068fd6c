/* What the triggers of a table do for the derived ones: entries are reported to the ledger, which
 * settles them before the commit (ledger.h); a new bread type gets its row of stock. */
#include "store/schema.h"

#define BAKED(sign, row)                                                                           \
    "SELECT ledger_baked(" sign ", " row ".bread_type_id, " row ".business_day, " row              \
    ".shift, " row ".quantity);\n"
#define SOLD(sign, row)                                                                            \
    "SELECT ledger_sold(" sign ", " row ".bread_type_id, " row ".business_day, " row               \
    ".shift, " row ".quantity, " row ".returned, " row ".discount, " row ".revenue);\n"

struct bytes derived_statements(struct bytes table, enum verb verb)
{
    static const struct {
        struct bytes table;
        enum verb verb;
        struct bytes sql;
    } all[] = {
        {BYTES_INIT("bread_types"), VERB_INSERT,
         BYTES_INIT(
             "INSERT INTO stock (bread_type_id, updated_at) VALUES (NEW.id, commit_us());\n")},
        {BYTES_INIT("production_logs"), VERB_INSERT, BYTES_INIT(BAKED("1", "NEW"))},
        {BYTES_INIT("production_logs"), VERB_UPDATE,
         BYTES_INIT(BAKED("-1", "OLD") BAKED("1", "NEW"))},
        {BYTES_INIT("production_logs"), VERB_DELETE, BYTES_INIT(BAKED("-1", "OLD"))},
        {BYTES_INIT("sales_logs"), VERB_INSERT, BYTES_INIT(SOLD("1", "NEW"))},
        {BYTES_INIT("sales_logs"), VERB_UPDATE, BYTES_INIT(SOLD("-1", "OLD") SOLD("1", "NEW"))},
        {BYTES_INIT("sales_logs"), VERB_DELETE, BYTES_INIT(SOLD("-1", "OLD"))},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].verb == verb && bytes_equal(all[i].table, table))
            return all[i].sql;
    return (struct bytes){NULL, 0};
}
