// Who may do what: the matrix of the product, transcribed.  Nothing here is read from the program.
//
// A rule is a list of grants, WHO or WHO:FACT.  WHO is staff (everybody signed in), a role, or author (whoever
// the row says made it; of users, the person themselves).  FACT is something that must be true of the row:
//   own      it names the person who asks          now      it was made in the shift that is running
//   unused   nothing refers to it                  name     only the name is changed
//   owner, manager, sales_rep                      the role of the person that the row describes
// 'server' means that nobody asks for it, not even the service role, which bypasses all other rules.
// `give` is to change the author of an entry: entries are made "as themselves", and stay their author's.
export const matrix = {
    bread_types: { see: 'staff', add: 'owner manager', change: 'owner manager', remove: 'owner:unused' },
    production_logs: {
        see: 'staff',
        add: 'owner:own manager:own',
        change: 'author owner manager',
        give: '',
        remove: 'owner author:now',
    },
    sales_logs: {
        see: 'staff',
        add: 'staff:own',
        change: 'author owner manager',
        give: '',
        remove: 'owner manager author:now',
    },
    shift_feedback: { see: 'owner manager author', add: 'staff:own', change: 'author', give: '', remove: 'owner' },
    users: {
        see: 'owner manager:manager manager:sales_rep author',
        add: '',
        change: 'owner author:name',
        remove: 'owner:unused',
    },
    stock: { see: 'staff', add: 'server', change: 'server', remove: 'server' },
    shift_totals: { see: 'owner manager', add: 'server', change: 'server', remove: 'server' },
    audit_trail: { see: 'owner', add: 'server', change: 'server', remove: 'server' },
};

export const liveTables = Object.keys(matrix).filter((table) => table !== 'audit_trail');

// May `actor` ({ kind: 'staff' | 'disabled' | 'anon' | 'service', role }) do `verb` to a row of these facts?
export function may(actor, table, verb, facts) {
    const rule = matrix[table][verb];
    if (rule === 'server') return false;
    // A foreign key binds the service role too.
    if (actor.kind === 'service') return !rule.includes(':unused') || facts.includes('unused');
    if (actor.kind !== 'staff') return false;
    return rule.split(' ').some((grant) => {
        const [who, fact] = grant.split(':');
        const isMeant = who === 'staff' || who === actor.role || (who === 'author' && facts.includes('own'));
        return isMeant && (!fact || facts.includes(fact));
    });
}

// Private channels, by how their topic begins: who hears and who says.
export const topics = {
    '': { hear: 'staff', say: 'staff' },
    'keepers:': { hear: 'owner manager', say: 'owner manager' },
    'owner:': { hear: 'owner', say: 'owner' },
};

export function mayOnTopic(actor, prefix, verb) {
    if (actor.kind === 'service') return true;
    if (actor.kind !== 'staff') return false;
    return topics[prefix][verb].split(' ').some((who) => who === 'staff' || who === actor.role);
}
