// The REST half: every verb on every kind of row, and a look into the database afterwards.
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { matrix, may } from './matrix-table.mjs';

const entries = ['own now', 'own day', 'own shift', 'other now', 'other day', 'other shift'];
const people = ['owner', 'manager', 'sales_rep'];
const kindsOf = {
    bread_types: ['unused', 'used'],
    production_logs: entries,
    sales_logs: entries,
    shift_feedback: entries,
    users: ['own', ...people.flatMap((role) => [`${role} unused`, `${role} used`])],
    stock: ['any'],
    shift_totals: ['any'],
    audit_trail: ['any'],
};
const addsOf = {
    bread_types: ['any'],
    production_logs: ['own', 'own unsaid', 'other'],
    sales_logs: ['own', 'own unsaid', 'other'],
    shift_feedback: ['own', 'own unsaid', 'other'],
    users: people,
    stock: ['any'],
    shift_totals: ['any'],
    audit_trail: ['any'],
};
const changeOf = {
    bread_types: { unit_price: 250 },
    production_logs: { quantity: 9 },
    sales_logs: { quantity: 9 },
    shift_feedback: { note: 'Another note' },
    stock: { baked: 99 },
    shift_totals: { baked: 99 },
    audit_trail: { verb: 'NOTHING' },
};

function newRow(world, table, facts, actor) {
    const { shift } = world.now;
    if (table === 'bread_types') return { id: randomUUID(), name: `Bread ${randomUUID()}`, unit_price: 5 };
    if (table === 'users') return { id: randomUUID(), name: 'Nobody', role: facts[0] };
    if (table === 'stock') return { bread_type_id: world.still, baked: 7 };
    if (table === 'shift_totals') return { business_day: '2001-01-01', shift, bread_type_id: world.bread };
    if (table === 'audit_trail') return { id: randomUUID(), at: '2001-01-01T00:00:00Z', verb: 'UPDATE', table_name: 'x', old_row: {} };
    const author = facts.includes('unsaid') ? null : facts.includes('own') ? actor.id : world.other.id;
    return world.entry(table, author, shift);
}

const filterOf = (row) =>
    ['id', 'business_day', 'bread_type_id']
        .filter((column) => row[column] && (column === 'id' || !row.id))
        .map((column) => `${column}=eq.${row[column]}`)
        .join('&');

// Is this the refusal that this actor has to get?  `isHidden`: no rows is an answer too.
function isRefusal(actor, answer, facts, isHidden) {
    const { status, code, rows } = answer;
    if (actor.kind === 'anon') return status === 401 && code === '42501';
    if (actor.kind === 'disabled') return status === 401 && code === 'PGRST301';
    if (status === 403 && code === '42501') return true;
    if (facts.includes('used') && status === 409 && code === '23503') return true;
    return isHidden && status === 200 && rows.length === 0;
}

const told = ({ status, text }) => `${status} ${text.slice(0, 160)}`;

async function add(world, actor, table, facts) {
    const row = newRow(world, table, facts, actor);
    const find = `${table}?${filterOf(row)}`;
    const before = await world.rule('GET', find);
    const answer = await world.as(actor, 'POST', table, row);
    const after = await world.rule('GET', find);
    if (may(actor, table, 'add', facts))
        return answer.status === 201 && answer.rows.length === 1 && after.length === 1 ? null : `was refused: ${told(answer)}`;
    if (!isDeepStrictEqual(before, after)) return `changed the database: ${told(answer)}`;
    return isRefusal(actor, answer, facts, false) ? null : `was not refused: ${told(answer)}`;
}

async function see(world, actor, table, facts) {
    const answer = await world.as(actor, 'GET', `${table}?${await world.make(table, facts, actor)}`);
    if (may(actor, table, 'see', facts))
        return answer.status === 200 && answer.rows.length === 1 ? null : `did not see it: ${told(answer)}`;
    return isRefusal(actor, answer, facts, true) ? null : `was not refused: ${told(answer)}`;
}

async function change(world, actor, table, facts, verb, values) {
    const find = `${table}?${await world.make(table, facts, actor)}`;
    const before = await world.rule('GET', find);
    const answer = await world.as(actor, 'PATCH', find, values);
    const after = await world.rule('GET', find);
    if (may(actor, table, verb, facts)) {
        const isDone = Object.entries(values).every(([column, value]) => after[0]?.[column] === value);
        return answer.status === 200 && answer.rows.length === 1 && isDone ? null : `was refused: ${told(answer)}`;
    }
    if (!isDeepStrictEqual(before, after)) return `changed the database: ${told(answer)}`;
    return isRefusal(actor, answer, facts, true) ? null : `was not refused: ${told(answer)}`;
}

async function remove(world, actor, table, facts) {
    const find = `${table}?${await world.make(table, facts, actor)}`;
    const before = await world.rule('GET', find);
    const answer = await world.as(actor, 'DELETE', find);
    const after = await world.rule('GET', find);
    if (may(actor, table, 'remove', facts))
        return answer.status === 200 && answer.rows.length === 1 && after.length === 0 ? null : `was refused: ${told(answer)}`;
    if (before.length !== 1 || !isDeepStrictEqual(before, after)) return `changed the database: ${told(answer)}`;
    return isRefusal(actor, answer, facts, true) ? null : `was not refused: ${told(answer)}`;
}

// The changes to try: [verb, words about it, facts it adds, values].
function changesOf(world, table, facts, actor) {
    if (table === 'users') {
        const isRep = facts.includes('sales_rep') || (facts.includes('own') && actor.role === 'sales_rep');
        const role = isRep ? 'owner' : 'sales_rep';
        const name = ['change', 'name', ['name'], { name: `Renamed ${randomUUID().slice(0, 8)}` }];
        // Somebody who is in the matrix keeps their role: only those who may not change it try.
        if (facts.includes('own') && actor.role === 'owner') return [name];
        return [
            name,
            ['change', 'role', [], { role }],
            ['change', 'activity', [], { is_active: facts.includes('own') && actor.kind === 'disabled' }],
            ['change', 'name and role', [], { name: 'Renamed', role }],
        ];
    }
    const list = [['change', '', [], changeOf[table]]];
    if (matrix[table].give !== undefined) {
        const column = table === 'shift_feedback' ? 'user_id' : 'recorded_by';
        const heir = facts.includes('own') ? world.other.id : (actor.id ?? world.actors[1].id);
        list.push(['give', '', [], { [column]: heir }]);
    }
    return list;
}

// All cells of an actor and a table: [{ words, run }]; run() is null, or what was wrong.
export function restCells(world, actor, table) {
    const cells = [];
    const push = (words, run) => cells.push({ words: `${actor.name} ${table} rest ${words.trim()}`, run });
    const isFor = (kind) => actor.id || !kind.startsWith('own');
    for (const kind of addsOf[table].filter(isFor))
        push(`add ${kind}`, () => add(world, actor, table, kind.split(' ')));
    for (const kind of kindsOf[table].filter(isFor)) {
        const facts = kind.split(' ');
        push(`see ${kind}`, () => see(world, actor, table, facts));
        for (const [verb, words, more, values] of changesOf(world, table, facts, actor))
            push(`${verb} ${kind} ${words}`, () => change(world, actor, table, [...facts, ...more], verb, values));
        if (table !== 'users' || kind !== 'own' || actor.role !== 'owner')
            push(`remove ${kind}`, () => remove(world, actor, table, facts));
    }
    return cells;
}
