// What has passed and failed, as a table of families by peers and ways.
import { WAYS } from './worlds.mjs';

const FAMILIES = ['framing', 'pings', 'reserved bits', 'opcodes', 'fragmentation', 'UTF-8', 'closing', 'limits', 'negotiation', 'compression'];

export class Score {
    constructor(peers) {
        Object.assign(this, { cells: new Map(), peers, passed: 0, failed: 0 });
    }

    add(peer, way, family, name, error) {
        const key = `${peer}|${way.name}|${family}`;
        const cell = this.cells.get(key) ?? { passed: 0, failed: 0 };
        this.cells.set(key, cell);
        cell[error ? 'failed' : 'passed']++;
        this[error ? 'failed' : 'passed']++;
        if (error) console.log(`not ok ${peer}, ${way.name}: ${family}: ${name}\n${String(error?.stack ?? error).replace(/^/gm, '    ')}`);
    }

    // Of a family: passed, and how many failed, if any; blank where the peer cannot do it.
    #cell(peer, way, family) {
        const cell = this.cells.get(`${peer}|${way.name}|${family}`);
        if (!cell) return '';
        return cell.failed ? `${cell.passed} (${cell.failed} failed)` : String(cell.passed);
    }

    // The table and the last line; the exit code.
    print() {
        for (const peer of this.peers) {
            if (![...this.cells.keys()].some((key) => key.startsWith(`${peer}|`))) continue;
            console.log(`\n${peer.padEnd(16)}${WAYS.map((way) => way.name.padStart(14)).join('')}`);
            for (const family of FAMILIES) {
                const row = WAYS.map((way) => this.#cell(peer, way, family));
                if (row.some(Boolean)) console.log(`  ${family.padEnd(14)}${row.map((text) => text.padStart(14)).join('')}`);
            }
        }
        console.log(`\n${this.passed} passed, ${this.failed} failed`);
        return this.failed || !this.passed ? 1 : 0;
    }
}
