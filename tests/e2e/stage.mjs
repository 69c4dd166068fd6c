// What every browser test stands on: a demo bakery, its server, and two browser processes; and the end of them.
import { launch, Screen } from './browser.mjs';
import { finish } from '../support/harness.mjs';
import { makeBakery, serve } from '../support/server.mjs';

export const card = (bread) => `[data-bread="${bread}"]`;
export const firstBread = (s) => s.page.locator('[data-bread]').first().getAttribute('data-bread');

export class Stage {
    static async set(...serveOptions) {
        const stage = new Stage();
        stage.bakery = makeBakery();
        stage.people = stage.bakery.people;
        stage.serveOptions = serveOptions;
        await stage.serve('127.0.0.1:0');
        [stage.here, stage.there] = await Promise.all([launch(), launch()]);
        return stage;
    }

    async serve(listen) {
        this.server = await serve(this.bakery.data, listen, ...this.serveOptions);
        this.url = this.server.url;
    }

    // As by a loss of power; and at the same address again.
    kill() {
        return this.server.stop('SIGKILL');
    }
    serveAgain() {
        return this.serve(new URL(this.url).host);
    }

    // `browser`: stage.here or stage.there; `url`: maybe a wire's.
    async screen(browser, size, person, options = {}, url = this.url) {
        const s = await Screen.open(browser, url, size, options);
        return person ? s.signIn(person) : s;
    }

    // Runs the acts and ends the process, with all that it started.
    async play(...acts) {
        let code = 1;
        try {
            for (const act of acts) await act();
            code = finish();
        } finally {
            await Promise.allSettled([this.here.close(), this.there.close()]);
            await this.server.stop();
            this.bakery.remove();
        }
        process.exit(code);
    }
}

// A request as the person of this screen, made in its page but without its help; the status.
export function ask(s, method, path, body) {
    return s.page.evaluate(
        async ([method, path, body]) => {
            const { access_token } = JSON.parse(localStorage.getItem('homebake-auth'));
            const { anon_key } = await (await fetch('/api/config')).json();
            const headers = { apikey: anon_key, Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json' };
            const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
            if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}`);
            return answer.status;
        },
        [method, path, body],
    );
}

// In one request, `times` times.
export const sellQuietly = (s, bread, quantity, times = 1) =>
    ask(s, 'POST', '/rest/v1/sales_logs', Array(times).fill({ bread_type_id: bread, quantity }));
