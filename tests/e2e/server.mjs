// Starts the program on a fresh demo bakery, and stops it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = resolve(process.env.HOMEBAKE_BIN ?? join(root, 'build', 'homebake'));

export function homebake(...args) {
    return execFileSync(program, args, { encoding: 'utf8' });
}

// The data folder, and who may sign in: { owner, manager, rep }, each { email, password }.
export function makeBakery() {
    const folder = mkdtempSync(join(tmpdir(), 'homebake-e2e-'));
    const data = join(folder, 'data');
    homebake('demo', '--data', data);
    const people = {};
    const text = readFileSync(join(data, 'demo-sign-ins.txt'), 'utf8');
    for (const line of text.split('\n')) {
        const found = line.match(/(\S+@\S+)\s+(\S+)/);
        if (!found) continue;
        const role = ['owner', 'manager'].find((r) => found[1].startsWith(r)) ?? 'rep';
        people[role] ??= { email: found[1], password: found[2] };
    }
    return { data, people, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export async function serve(data, listen = '127.0.0.1:0') {
    const child = spawn(program, ['serve', '--data', data, '--listen', listen], {
        stdio: ['ignore', 'pipe', process.env.HOMEBAKE_LOG ? 'inherit' : 'ignore'],
    });
    const ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    const url = await new Promise((done, fail) => {
        let seen = '';
        child.stdout.on('data', (piece) => {
            seen += piece;
            const line = seen.match(/listening on (\S+)/);
            if (line) done(line[1].startsWith('http') ? line[1] : `http://${line[1]}`);
        });
        ended.then(({ code }) => fail(new Error(`homebake serve ended with ${code}: ${seen}`)));
    });
    return {
        url: url.replace(/\/$/, ''),
        async stop(signal = 'SIGTERM') {
            child.kill(signal);
            return ended;
        },
    };
}
