// A few lines of test harness: sentences, a bound on time, and a last line that counts.
import assert from 'node:assert/strict';

export { assert };

const results = { passed: 0, failed: 0 };
const only = process.env.HOMEBAKE_ONLY;

export async function test(sentence, body, seconds = 45) {
    if (only && !sentence.includes(only)) return;
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`took more than ${seconds} s`)), seconds * 1000);
    });
    try {
        await Promise.race([body(), late]);
        results.passed++;
        console.log(`ok ${sentence}`);
    } catch (error) {
        results.failed++;
        console.log(`not ok ${sentence}\n${String(error?.stack ?? error).replace(/^/gm, '    ')}`);
    } finally {
        clearTimeout(timer);
    }
}

// Prints the last line; the exit code.
export function finish() {
    console.log(`${results.passed} passed, ${results.failed} failed`);
    return results.failed ? 1 : 0;
}

// Waits until `check` gives something true, and returns that.
export async function until(what, check, seconds = 10) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const value = await check();
        if (value) return value;
        if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}
