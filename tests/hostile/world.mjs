// A server on a demo bakery, with everybody signed in.
import { assert } from '../support/harness.mjs';
import { keys, serve } from '../support/server.mjs';
import { caller, claimsOf } from './wire.mjs';

export async function makeWorld(bakery, ...options) {
    const server = await serve(bakery.data, '127.0.0.1:0', ...options);
    const { anon, service_role: service } = keys(bakery.data);
    const call = caller(server.url, anon);
    const signIn = async (who) => {
        const { status, body } = await call('POST', '/auth/v1/token?grant_type=password', { body: bakery.people[who] });
        assert.equal(status, 200, JSON.stringify(body));
        return { ...body, id: claimsOf(body.access_token).sub };
    };
    const sessions = {};
    for (const who of Object.keys(bakery.people)) sessions[who] = await signIn(who);
    return {
        ...bakery,
        server,
        url: server.url,
        anon,
        service,
        call,
        signIn,
        sessions,
        // As somebody: rest.owner('GET', 'stock?select=*').
        rest: Object.fromEntries(
            Object.entries(sessions).map(([who, session]) => [
                who,
                (method, path, more = {}) => call(method, `/rest/v1/${path}`, { token: session.access_token, ...more }),
            ]),
        ),
        async stop() {
            const end = await server.stop();
            bakery.remove();
            return end;
        },
    };
}
