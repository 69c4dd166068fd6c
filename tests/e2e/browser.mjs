// Browsers, people signed in to them, and what their pages ask for and complain about.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };

export function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
        args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
            '--disable-component-update',
            '--disable-sync',
        ],
    });
}

// Of one person on one device.  `complaints` are the errors and warnings of the console, a policy violation among them.
export class Screen {
    static async open(browser, url, size, options = {}) {
        const context = await browser.newContext({ viewport: SIZES[size], reducedMotion: 'reduce', ...options });
        const page = await context.newPage();
        page.setDefaultTimeout(15_000);
        return new Screen(context, page, url);
    }

    constructor(context, page, url) {
        Object.assign(this, { context, page, url, complaints: [], requests: [] });
        page.on('console', (m) => {
            if (['error', 'warning'].includes(m.type())) this.complaints.push(m.text());
        });
        page.on('pageerror', (e) => this.complaints.push(e.message));
        page.on('request', (r) => this.requests.push(`${r.method()} ${new URL(r.url()).pathname}`));
    }

    async signIn({ email, password }) {
        await this.page.goto(this.url);
        await this.page.getByLabel('Email').fill(email);
        await this.page.getByLabel('Password', { exact: true }).fill(password);
        await this.page.getByRole('button', { name: 'Sign in' }).click();
        await this.isLive();
        return this;
    }

    async isLive() {
        await this.page.locator('[data-connection="live"]').waitFor();
    }

    // Through the page's own links; what the page shows first has come when this returns.
    async go(path) {
        const tab = this.page.locator(`.tabs a[href="${path}"]`);
        if (!(await tab.isVisible())) {
            await this.page.getByRole('button', { name: 'Your account' }).click();
            await this.page.locator(`dialog a[href="${path}"]`).click();
        } else await tab.click();
        await this.page.locator(`.tabs a[href="${path}"][aria-current="page"]`).waitFor({ state: 'attached' });
        await this.isLive();
        await this.page.locator('.skeletons').waitFor({ state: 'detached' });
        await this.page.locator('.chart canvas, main:not(:has(.chart))').first().waitFor();
    }

    // From now on; what has been asked before is forgotten.
    watchRequests() {
        this.requests.length = 0;
    }
    listRequests() {
        return this.requests.filter((r) => /^GET \/(rest\/v1|api\/inventory)/.test(r));
    }

    figure(name, within = '') {
        return this.page.locator(`${within} [data-figure="${name}"]`).first();
    }
    async number(name, within = '') {
        return toNumber(await this.figure(name, within).innerText());
    }
    // Until the figure shows this number.
    async shows(name, wanted, within = '') {
        const selector = `${within} [data-figure="${name}"]`;
        try {
            await this.page.waitForFunction(
                ([s, n]) => {
                    const text = document.querySelector(s)?.textContent ?? '';
                    return Number(text.replace('−', '-').replace(/[^\d.-]/g, '')) === n;
                },
                [selector, wanted],
            );
        } catch {
            const is = await this.page.locator(selector).first().innerText().catch(() => 'nothing');
            throw new Error(`${selector} shows ${is}, not ${wanted}`);
        }
    }

    async toast(text) {
        await this.page.locator('.toast', { hasText: text }).waitFor();
    }

    // Breaches of the accessibility rules, as lines.
    async breaches() {
        if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(axeSource);
        return this.page.evaluate(async () => {
            const found = await window.axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
            });
            if (found.passes.length === 0) throw new Error('no rule was checked');
            return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id} at ${n.target}: ${n.failureSummary}`));
        });
    }

    // Pixels by which the page is wider than the screen.
    overflow() {
        return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    }

    close() {
        return this.context.close();
    }
}

export function toNumber(text) {
    return Number(text.replace('−', '-').replace(/[^\d.-]/g, ''));
}
