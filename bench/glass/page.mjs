// A page that shows the stock of each bread, kept live by the client that its address names; and when what was on the glass.
import { createClient as ours } from '../../web/src/live/client.ts';
import { createClient as stock } from '@supabase/supabase-js';

const watchers = { ours: watchOurs, stock: watchStock };

function cell(row) {
    let td = document.getElementById(row.bread_type_id);
    if (!td) {
        const tr = document.querySelector('tbody').insertRow();
        tr.insertCell().textContent = row.bread_type_id;
        td = tr.insertCell();
        td.id = row.bread_type_id;
    }
    return td;
}

// The same for both.
function show(row) {
    cell(row).textContent = String(row.remaining);
}

async function watchOurs({ url, anon, token }) {
    const client = await ours({ url, apikey: anon, token: () => ({ token }) });
    await new Promise((live) => {
        client.subscribe(
            { table: 'stock', key: 'bread_type_id' },
            {
                onRows: (changes) => changes.forEach((c) => show(c.row)),
                onState: (state) => state === 'live' && live(),
            },
        );
    });
}

async function watchStock({ url, anon, token }) {
    const client = stock(url, anon, { accessToken: async () => token });
    /* The join takes the token that there is when it is made. */
    await client.realtime.setAuth();
    await new Promise((live) => {
        client
            .channel('stock')
            .on('postgres_changes', { event: '*', schema: 'public', table: 'stock' }, ({ new: row }) => show(row))
            .subscribe((status) => status === 'SUBSCRIBED' && live());
    });
    const { data } = await client.from('stock').select();
    data.forEach(show);
}

window.watch = (name, place) => watchers[name](place);
