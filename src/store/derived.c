/* stock and shift_totals, kept by statements within the triggers of what they derive from: a
 * constant number of rows is touched for each row written.
 *
 *   stock         per bread type: everything baked; everything sold and not returned
 *   shift_totals  per business day, shift and bread type: baked, sold (pieces kept), returned
 * (pieces brought back), sales (number), discount and revenue of the sales that were kept
 *
 * A row of shift_totals lives as long as it has entries: every entry counts at least one piece as
 * baked, sold or returned, so the row goes with the entry that holds all of its pieces.  An update
 * that moves an entry to another day, shift or bread type takes it from one row and adds it to
 * another; one that does not, changes one row. */
#include "store/schema.h"

#define KEY(row)                                                                                   \
    "business_day = " row ".business_day AND shift = " row ".shift AND bread_type_id = " row       \
    ".bread_type_id"
#define SAME_KEY                                                                                   \
    "OLD.business_day = NEW.business_day AND OLD.shift = NEW.shift AND"                            \
    " OLD.bread_type_id = NEW.bread_type_id"
/* Of one entry, as it counts in the row of a bread type. */
#define KEPT(row, quantity) "(" row "." quantity " * (1 - " row ".returned))"
#define OF_THIS(row, amount) "((" row ".bread_type_id = bread_type_id) * " amount ")"

#define STOCK_ADD(column, amount)                                                                  \
    "UPDATE stock SET " column " = " column " + " amount ", updated_at = now_us()"                 \
    " WHERE bread_type_id = NEW.bread_type_id AND " amount " <> 0;\n"
#define STOCK_TAKE(column, amount)                                                                 \
    "UPDATE stock SET " column " = " column " - " amount ", updated_at = now_us()"                 \
    " WHERE bread_type_id = OLD.bread_type_id AND " amount " <> 0;\n"
#define STOCK_MOVE(column, added, taken)                                                           \
    "UPDATE stock SET " column " = " column " + " OF_THIS("NEW", added) " - " OF_THIS(             \
        "OLD", taken) ", updated_at = now_us()"                                                    \
                      " WHERE bread_type_id IN (OLD.bread_type_id, NEW.bread_type_id)"             \
                      " AND " OF_THIS("NEW", added) " <> " OF_THIS("OLD", taken) ";\n"

/* ---- production ---- */

#define BAKED_ADD(condition)                                                                       \
    "INSERT INTO shift_totals (business_day, shift, bread_type_id, baked, updated_at)"             \
    " SELECT NEW.business_day, NEW.shift, NEW.bread_type_id, NEW.quantity, now_us()"               \
    " WHERE " condition " ON CONFLICT (business_day, shift, bread_type_id) DO UPDATE"              \
    " SET baked = baked + excluded.baked, updated_at = excluded.updated_at;\n"
#define BAKED_TAKE(condition)                                                                      \
    "DELETE FROM shift_totals WHERE " KEY(                                                         \
        "OLD") " AND baked = OLD.quantity AND sold = 0"                                            \
               " AND returned = 0 AND " condition ";\n"                                            \
               "UPDATE shift_totals SET baked = baked - OLD.quantity, updated_at = now_us()"       \
               " WHERE " KEY("OLD") " AND " condition ";\n"

static const char production_insert[] = STOCK_ADD("baked", "NEW.quantity") BAKED_ADD("true");
static const char production_update[] = STOCK_MOVE(
    "baked", "NEW.quantity",
    "OLD.quantity") "UPDATE shift_totals SET baked = baked + NEW.quantity - OLD.quantity, "
                    "updated_at = now_us()"
                    " WHERE " KEY("NEW") " AND " SAME_KEY
                                         " AND NEW.quantity <> OLD.quantity;\n" BAKED_TAKE(
                                             "NOT (" SAME_KEY ")") BAKED_ADD("NOT (" SAME_KEY ")");
static const char production_delete[] = STOCK_TAKE("baked", "OLD.quantity") BAKED_TAKE("true");

/* ---- sales ---- */

#define SOLD_ADD(condition)                                                                        \
    "INSERT INTO shift_totals (business_day, shift, bread_type_id, sold, returned, sales, "        \
    "discount,"                                                                                    \
    " revenue, updated_at)"                                                                        \
    " SELECT NEW.business_day, NEW.shift, NEW.bread_type_id, " KEPT(                               \
        "NEW",                                                                                     \
        "quantity") ","                                                                            \
                    " NEW.quantity * NEW.returned, 1 - NEW.returned, " KEPT(                       \
                        "NEW",                                                                     \
                        "discount") ", NEW.revenue,"                                               \
                                    " now_us() WHERE " condition                                   \
                                    " ON CONFLICT (business_day, shift, bread_type_id) DO UPDATE"  \
                                    " SET sold = sold + excluded.sold, returned = returned + "     \
                                    "excluded.returned,"                                           \
                                    " sales = sales + excluded.sales, discount = discount + "      \
                                    "excluded.discount,"                                           \
                                    " revenue = revenue + excluded.revenue, updated_at = "         \
                                    "excluded.updated_at;\n"
#define SOLD_TAKE(condition)                                                                       \
    "DELETE FROM shift_totals WHERE " KEY(                                                         \
        "OLD") " AND baked = 0"                                                                    \
               " AND sold = " KEPT(                                                                \
                   "OLD",                                                                          \
                   "quantity") " AND returned = OLD.quantity * OLD.returned"                       \
                               " AND " condition ";\n"                                             \
                               "UPDATE shift_totals SET sold = sold - " KEPT(                      \
                                   "OLD",                                                          \
                                   "quantity") ","                                                 \
                                               " returned = returned - OLD.quantity * "            \
                                               "OLD.returned, sales = sales - (1 - OLD.returned)," \
                                               " discount = discount - " KEPT(                     \
                                                   "OLD", "discount") ", revenue = revenue - "     \
                                                                      "OLD.revenue,"               \
                                                                      " updated_at = now_us() "    \
                                                                      "WHERE " KEY(                \
                                                                          "OLD") " AND " condition \
                                                                                 ";\n"

static const char sales_insert[] = STOCK_ADD("sold", KEPT("NEW", "quantity")) SOLD_ADD("true");
static const char sales_update[] = STOCK_MOVE("sold", KEPT("NEW", "quantity"), KEPT("OLD", "quantity")) "UPDATE shift_totals SET sold = sold + " KEPT(
    "NEW",
    "quantity") " - " KEPT("OLD",
                           "quantity") ","
                                       " returned = returned + NEW.quantity * NEW.returned - "
                                       "OLD.quantity * OLD.returned,"
                                       " sales = sales + OLD.returned - NEW.returned,"
                                       " discount = discount + " KEPT("NEW", "discount") " - " KEPT(
                                           "OLD",
                                           "discount") ","
                                                       " revenue = revenue + NEW.revenue - "
                                                       "OLD.revenue, updated_at = now_us()"
                                                       " WHERE " KEY(
                                                           "NEW") " AND " SAME_KEY
                                                                  " AND (NEW.quantity <> "
                                                                  "OLD.quantity OR NEW.returned <> "
                                                                  "OLD.returned"
                                                                  " OR NEW.discount <> "
                                                                  "OLD.discount OR NEW.revenue <> "
                                                                  "OLD.revenue);\n" SOLD_TAKE(
                                                                      "NOT (" SAME_KEY ")")
                                                                      SOLD_ADD("NOT (" SAME_KEY
                                                                               ")");
static const char sales_delete[] = STOCK_TAKE("sold", KEPT("OLD", "quantity")) SOLD_TAKE("true");

static const char bread_insert[] =
    "INSERT INTO stock (bread_type_id, updated_at) VALUES (NEW.id, now_us());\n";

struct bytes derived_statements(struct bytes table, enum verb verb)
{
    static const struct {
        struct bytes table;
        enum verb verb;
        const char *sql;
    } all[] = {
        {BYTES_INIT("bread_types"), VERB_INSERT, bread_insert},
        {BYTES_INIT("production_logs"), VERB_INSERT, production_insert},
        {BYTES_INIT("production_logs"), VERB_UPDATE, production_update},
        {BYTES_INIT("production_logs"), VERB_DELETE, production_delete},
        {BYTES_INIT("sales_logs"), VERB_INSERT, sales_insert},
        {BYTES_INIT("sales_logs"), VERB_UPDATE, sales_update},
        {BYTES_INIT("sales_logs"), VERB_DELETE, sales_delete},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].verb == verb && bytes_equal(all[i].table, table))
            return bytes_of(all[i].sql);
    return (struct bytes){NULL, 0};
}
