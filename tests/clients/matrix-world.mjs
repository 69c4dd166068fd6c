// The people of the matrix, and the rows it is tried on, made by the service role.
import { randomUUID } from 'node:crypto';

import { assert } from '../support/harness.mjs';
import { addPerson, keys, makeBakery, serve } from '../support/server.mjs';

const dayMs = 24 * 3600 * 1000;
const authorOf = { production_logs: 'recorded_by', sales_logs: 'recorded_by', shift_feedback: 'user_id' };

// One REST request: { status, code, rows, text }.
async function request(url, key, token, method, path, body) {
    const headers = { apikey: key, authorization: `Bearer ${token}`, prefer: 'return=representation' };
    if (body) headers['content-type'] = 'application/json';
    const answer = await fetch(`${url}/rest/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    const json = text ? JSON.parse(text) : null;
    return { status: answer.status, code: json?.code, rows: Array.isArray(json) ? json : [], text };
}

export class World {
    static async open() {
        const world = new World();
        world.bakery = makeBakery();
        world.server = await serve(world.bakery.data);
        world.url = world.server.url;
        world.keys = keys(world.bakery.data);
        const { people } = world.bakery;
        world.other = await world.signIn('rep2', 'sales_rep', people.rep2);
        world.actors = [
            { name: 'anon', kind: 'anon', token: world.keys.anon },
            await world.signIn('owner', 'owner', people.owner),
            await world.signIn('manager', 'manager', people.manager),
            await world.signIn('sales_rep', 'sales_rep', people.rep1),
            ...(await Promise.all(['owner', 'manager', 'sales_rep'].map((role) => world.join(role)))),
            { name: 'service_role', kind: 'service', token: world.keys.service_role },
        ];
        world.bread = await world.makeBread();
        world.still = await world.makeBread(); // nothing is ever baked or sold of it
        return world;
    }

    async close() {
        await this.server.stop();
        this.bakery.remove();
    }

    async signIn(name, role, { email, password }) {
        const answer = await fetch(`${this.url}/auth/v1/token?grant_type=password`, {
            method: 'POST',
            headers: { apikey: this.keys.anon, 'content-type': 'application/json' },
            body: JSON.stringify({ email, password }),
        });
        assert.equal(answer.status, 200);
        const session = await answer.json();
        return { name, kind: 'staff', role, id: session.user.id, token: session.access_token };
    }

    // A person who will be disabled: until then staff, like any other.
    async join(role) {
        const person = { email: `disabled-${role}@homebake.example`, password: randomUUID() };
        addPerson(this.bakery.data, `Disabled ${role}`, role, person);
        return this.signIn(`disabled ${role}`, role, person);
    }

    // The owner deactivates them; the tokens stay with them.
    async disable() {
        const owner = this.actors.find(({ name }) => name === 'owner');
        for (const actor of this.actors.filter(({ name }) => name.startsWith('disabled'))) {
            const { status, text } = await this.as(owner, 'PATCH', `users?id=eq.${actor.id}`, { is_active: false });
            assert.equal(status, 200, text);
            actor.kind = 'disabled';
        }
    }

    as(actor, method, path, body) {
        return request(this.url, this.keys.anon, actor.token, method, path, body);
    }

    // The service role's answer, which must be a good one: the rows.
    async rule(method, path, body) {
        const { service_role: key } = this.keys;
        const { status, rows, text } = await request(this.url, key, key, method, path, body);
        assert.ok(status < 300, `${method} ${path}: ${text}`);
        return rows;
    }

    async shiftNow() {
        const owner = this.actors.find(({ name }) => name === 'owner');
        const answer = await fetch(`${this.url}/api/inventory/current`, { headers: { authorization: `Bearer ${owner.token}` } });
        const { business_day, shift } = await answer.json();
        return { business_day, shift };
    }

    async makeBread() {
        return (await this.rule('POST', 'bread_types', { name: `Bread ${randomUUID()}`, unit_price: 100 }))[0].id;
    }

    // What is sent to add an entry; `author` null leaves it to the server.
    entry(table, author, shift) {
        const row = { id: randomUUID(), shift };
        if (table === 'shift_feedback') row.note = 'A note';
        else Object.assign(row, { bread_type_id: this.bread, quantity: 2 });
        if (author) row[authorOf[table]] = author;
        return row;
    }

    // Makes a row of these facts; the filter that finds it.
    async make(table, facts, actor) {
        const { shift } = this.now;
        const isOwn = facts.includes('own');
        if (authorOf[table]) {
            const row = this.entry(table, isOwn ? actor.id : this.other.id, shift);
            if (facts.includes('day')) row.created_at = new Date(Date.now() - dayMs).toISOString();
            if (facts.includes('shift')) row.shift = shift === 'night' ? 'morning' : 'night';
            await this.rule('POST', table, row);
            return `id=eq.${row.id}`;
        }
        if (table === 'users') return `id=eq.${isOwn ? actor.id : await this.makePerson(facts)}`;
        if (table === 'audit_trail') return `id=eq.${(await this.rule('GET', 'audit_trail?order=at.desc&limit=1'))[0].id}`;
        const bread = await this.makeBread();
        if (table !== 'bread_types' || facts.includes('used'))
            await this.rule('POST', 'production_logs', { ...this.entry('production_logs', this.other.id, shift), bread_type_id: bread });
        return `${table === 'bread_types' ? 'id' : 'bread_type_id'}=eq.${bread}`;
    }

    async makePerson(facts) {
        const role = ['owner', 'manager', 'sales_rep'].find((name) => facts.includes(name));
        const [{ id }] = await this.rule('POST', 'users', { name: 'Somebody', role });
        if (facts.includes('used')) await this.rule('POST', 'shift_feedback', this.entry('shift_feedback', id, 'night'));
        return id;
    }
}
