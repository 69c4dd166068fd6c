// Starts the program on a fresh demo bakery, and stops it.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = resolve(process.env.HOMEBAKE_BIN ?? join(root, 'build', 'homebake'));

export function homebake(...args) {
    return execFileSync(program, args, { encoding: 'utf8' });
}

// The data folder, and who may sign in: { owner, manager, rep1, rep2 }, each { email, password }.
export function makeBakery() {
    const data = join(mkdtempSync(join(tmpdir(), 'homebake-')), 'data');
    homebake('demo', '--data', data);
    const text = readFileSync(join(data, 'demo-sign-ins.txt'), 'utf8');
    const people = {};
    for (const [, email, password] of text.matchAll(/(\S+@\S+)\s+(\S+)/g))
        people[email.split('@')[0]] = { email, password };
    return { data, people, remove: () => rmSync(resolve(data, '..'), { recursive: true, force: true }) };
}

export function addPerson(data, name, role, { email, password }) {
    const args = ['user', 'add', '--data', data, '--email', email, '--name', name, '--role', role];
    execFileSync(program, args, { input: `${password}\n` });
}

export async function serve(data, listen = '127.0.0.1:0', ...options) {
    return serveLogging(process.env.HOMEBAKE_LOG ? 'inherit' : 'ignore', data, listen, ...options);
}

// The same with a place for standard error, as spawn takes it.
export async function serveLogging(log, data, listen, ...options) {
    const child = spawn(program, ['serve', '--data', data, '--listen', listen, ...options], {
        stdio: ['ignore', 'pipe', log],
    });
    const ended = new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
    const url = await new Promise((done, fail) => {
        let seen = '';
        child.stdout.on('data', (piece) => {
            seen += piece;
            const line = seen.match(/listening on (\S+)/);
            if (line) done(line[1]);
        });
        ended.then(({ code }) => fail(new Error(`homebake serve ended with ${code}: ${seen}`)));
    });
    return {
        url,
        pid: child.pid,
        ended,
        async stop(signal = 'SIGTERM') {
            child.kill(signal);
            return ended;
        },
    };
}

export function keys(data) {
    return JSON.parse(homebake('keys', '--data', data));
}
