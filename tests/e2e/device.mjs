// The device under a page, in the hands of the test: its clock, whether anybody can see its screen, and whether it believes
// to have a network.
//
// A browser without a window never hides a page, and no test waits for half an hour.  So the page's Date, performance.now,
// timers and frames are replaced before it loads: its clock runs as the real one until it is pushed ahead, which lets every
// timer that became due ring, in order; a hidden page is told so and gets no frames, as in any browser.  The network and
// the server stay in real time: whoever pushes the clock far does it in steps, and lets what is asked be answered between them.
function holdDevice() {
    const real = {
        Date,
        now: performance.now.bind(performance),
        setTimeout: setTimeout.bind(window),
        clearTimeout: clearTimeout.bind(window),
        frame: requestAnimationFrame.bind(window),
    };
    let aheadMs = 0;
    let isHidden = false;
    let isOnline = true;
    let lastId = 0;
    const timers = new Map();
    const now = () => real.now() + aheadMs;

    class Timer {
        constructor(run, ms, every) {
            Object.assign(this, { id: ++lastId, run, every, due: now() + Math.max(Number(ms) || 0, 0) });
            timers.set(this.id, this);
            this.arm();
        }
        arm() {
            real.clearTimeout(this.bell);
            this.bell = real.setTimeout(() => this.ring(), Math.max(this.due - now(), 0));
        }
        ring() {
            if (this.every) {
                this.due += Math.max(this.every, 1);
                this.arm();
            } else timers.delete(this.id);
            this.run();
        }
    }
    const clear = (id) => {
        real.clearTimeout(timers.get(id)?.bell);
        timers.delete(id);
    };
    window.setTimeout = (f, ms, ...a) => new Timer(() => f(...a), ms, 0).id;
    window.setInterval = (f, ms, ...a) => new Timer(() => f(...a), ms, Number(ms) || 1).id;
    window.clearTimeout = window.clearInterval = clear;
    performance.now = now;
    window.Date = class extends real.Date {
        constructor(...a) {
            super(...(a.length ? a : [real.Date.now() + aheadMs]));
        }
        static now() {
            return real.Date.now() + Math.round(aheadMs);
        }
    };

    let lastFrame = 0;
    const frames = new Map();
    const draw = (id) =>
        real.frame((at) => {
            if (isHidden || !frames.has(id)) return;
            const f = frames.get(id);
            frames.delete(id);
            f(at + aheadMs);
        });
    window.requestAnimationFrame = (f) => {
        frames.set(++lastFrame, f);
        draw(lastFrame);
        return lastFrame;
    };
    window.cancelAnimationFrame = (id) => frames.delete(id);
    Object.defineProperty(document, 'hidden', { get: () => isHidden });
    Object.defineProperty(document, 'visibilityState', { get: () => (isHidden ? 'hidden' : 'visible') });

    Object.defineProperty(navigator, 'onLine', { get: () => isOnline });

    window.device = {
        timers,
        push(ms) {
            aheadMs += ms;
            for (const t of [...timers.values()].sort((a, b) => a.due - b.due)) t.arm();
            return new Promise((done) => real.setTimeout(done, 0));
        },
        setHidden(is) {
            isHidden = is;
            document.dispatchEvent(new Event('visibilitychange'));
            if (!is) for (const id of frames.keys()) draw(id);
        },
        setOnline(is) {
            isOnline = is;
            window.dispatchEvent(new Event(is ? 'online' : 'offline'));
        },
    };
}

// Both to be called before the page is opened.
export const takeDevice = (s) => s.page.addInitScript(holdDevice);

// The server's clock is not pushed with the page's: to this page, a shift that would end within the hour lasts longer.
export async function keepShift(s) {
    const later = (bound, now) => {
        const left = (minutes(bound) - now + 1440) % 1440;
        return left < 60 ? `${String((Number(bound.slice(0, 2)) + 2) % 24).padStart(2, '0')}${bound.slice(2)}` : bound;
    };
    await s.page.route('**/api/config', async (route) => {
        const response = await route.fetch();
        const { morning_start, night_start, ...json } = await response.json();
        const now = minutes(new Date().toLocaleTimeString('en-GB', { timeZone: json.time_zone, hourCycle: 'h23' }));
        const bounds = { morning_start: later(morning_start, now), night_start: later(night_start, now) };
        await route.fulfill({ response, json: { ...json, ...bounds } });
    });
}

function minutes(clock) {
    const [h, m] = clock.split(':');
    return 60 * Number(h) + Number(m);
}

export const setHidden = (s, is) => s.page.evaluate((h) => window.device.setHidden(h), is);
export const setOnline = (s, is) => s.page.evaluate((o) => window.device.setOnline(o), is);

// `traffics`: of the same screens.  `between` is done after each step, and told how much of the time is over.
export async function passTime(screens, traffics, ms, stepMs, between = () => {}) {
    for (let done = stepMs; done <= ms; done += stepMs) {
        await Promise.all(screens.map((s) => s.page.evaluate((by) => window.device.push(by), stepMs)));
        await Promise.all(traffics.map((t) => t.isQuiet()));
        await between(done);
    }
}
