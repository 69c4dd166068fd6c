// Stock supabase-js, the current one (wire version 2.0.0) and 2.50.0 (wire version 1.0.0), against a real server.
import * as current from '@supabase/supabase-js';
import * as old from 'supabase-js-2.50';

import { finish } from '../support/harness.mjs';
import { keys, makeBakery, serve } from '../support/server.mjs';
import { suite } from './suite.mjs';
import { together } from './together.mjs';

const bakery = makeBakery();
const server = await serve(bakery.data, '127.0.0.1:0', '--shards', '2');
try {
    const world = { url: server.url, data: bakery.data, people: bakery.people, keys: keys(bakery.data) };
    await suite('supabase-js 2.119', current.createClient, world);
    await suite('supabase-js 2.50', old.createClient, world);
    await together(world, [
        { label: 'supabase-js 2.119', createClient: current.createClient },
        { label: 'supabase-js 2.50', createClient: old.createClient },
    ]);
} finally {
    await server.stop();
    bakery.remove();
}
process.exit(finish());
