/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { longPage, samplePage } from './report-sample.js';

/**
 * Opens the HTML report in headless Chromium, light and dark, wide and narrow.
 * CHROMIUM_PATH names the browser; REPORT_SCREENSHOTS a folder to keep the pictures in.
 */
const candidates = process.env.CHROMIUM_PATH
  ? [process.env.CHROMIUM_PATH]
  : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const path = candidates.find((candidate) => existsSync(candidate));
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

describe.skipIf(path === undefined)(
  `HTML report in Chromium${path === undefined ? ' (skipped: no Chromium found)' : ''}`,
  () => {
    let browser: Browser;
    let html: string;
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: path!, headless: true, args: flags });
      html = await samplePage('all');
    });
    afterAll(() => browser?.close());

    async function open(
      colorScheme: 'light' | 'dark',
      width: number,
      content = html,
    ): Promise<{ page: Page; problems: string[] }> {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
      const problems: string[] = [];
      page.on('console', (message) => problems.push(message.text()));
      page.on('pageerror', (error) => problems.push(String(error)));
      page.on('request', (request) => {
        if (!request.url().startsWith('data:') && request.url() !== 'about:blank')
          problems.push(request.url());
      });
      await page.setContent(content);
      return { page, problems };
    }

    async function picture(page: Page, name: string): Promise<number> {
      const folder = process.env.REPORT_SCREENSHOTS;
      if (folder) mkdirSync(folder, { recursive: true });
      const image = await page.screenshot({
        fullPage: true,
        ...(folder && { path: join(folder, `${name}.png`) }),
      });
      return image.length;
    }

    /** WCAG contrast of the text against what is behind it, for every element with text of its own. */
    const lowestContrast = (page: Page): Promise<{ ratio: number; text: string }> =>
      page.evaluate(() => {
        const parse = (color: string): number[] => color.match(/[\d.]+/g)!.map(Number);
        const luminance = ([r, g, b]: number[]): number => {
          const [x, y, z] = [r!, g!, b!].map((v) =>
            v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
          );
          return 0.2126 * x! + 0.7152 * y! + 0.0722 * z!;
        };
        let worst = { ratio: 99, text: '' };
        for (const element of document.querySelectorAll('body *')) {
          const own = [...element.childNodes].some(
            (node) => node.nodeType === 3 && node.textContent!.trim() !== '',
          );
          if (!own || element.tagName === 'title') continue;
          const style = getComputedStyle(element);
          let behind: Element | null = element;
          while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0)
            behind = behind.parentElement;
          const back = luminance(parse(getComputedStyle(behind ?? document.body).backgroundColor));
          const front = luminance(parse(element instanceof SVGElement ? style.fill : style.color));
          const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
          if (ratio < worst.ratio) worst = { ratio, text: element.textContent!.slice(0, 40) };
        }
        return worst;
      });

    test.each(['light', 'dark'] as const)('%s: readable, complete, silent', async (scheme) => {
      const { page, problems } = await open(scheme, 1200);
      expect(await picture(page, `report-${scheme}`)).toBeGreaterThan(20_000);
      const contrast = await lowestContrast(page);
      expect(contrast.ratio, contrast.text).toBeGreaterThan(4.5);
      expect(await page.locator('section').count()).toBe(3);
      expect(await page.locator('svg').count()).toBeGreaterThanOrEqual(8);
      expect(await page.locator('h1').textContent()).toBe('Evaluation');
      expect(await page.getByText('base <1.3B>').count()).toBeGreaterThan(0);
      const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      expect(background).toBe(scheme === 'light' ? 'rgb(251, 250, 247)' : 'rgb(20, 23, 26)');
      expect(problems).toEqual([]);
      await page.close();
    });

    /** Marks that leave their chart, and texts in charts smaller than 9 pixels. */
    const chartFaults = (page: Page): Promise<string[]> =>
      page.evaluate(() => {
        const found: string[] = [];
        for (const svg of document.querySelectorAll('svg')) {
          const box = svg.getBoundingClientRect();
          for (const mark of svg.querySelectorAll('circle, rect, line, text')) {
            const m = mark.getBoundingClientRect();
            const inside =
              m.left >= box.left - 1 &&
              m.right <= box.right + 1 &&
              m.top >= box.top - 1 &&
              m.bottom <= box.bottom + 1;
            const what = `${svg.getAttribute('aria-label')}: ${mark.outerHTML.slice(0, 80)}`;
            if (!inside) found.push(`outside: ${what}`);
            if (mark instanceof SVGTextElement && m.height < 9) found.push(`too small: ${what}`);
          }
          const texts = [...svg.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
          texts.forEach((a, i) => {
            for (const b of texts.slice(i + 1)) {
              const apart =
                a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 3 || b.bottom <= a.top + 3;
              if (!apart) found.push(`overlap in ${svg.getAttribute('aria-label')}`);
            }
          });
        }
        return found;
      });

    test.each([1200, 390])('marks stay inside their charts, %i pixels wide', async (width) => {
      const { page } = await open('light', width);
      expect(await chartFaults(page)).toEqual([]);
      await page.close();
    });

    test.each([
      ['light', 1200],
      ['dark', 390],
      ['light', 320],
    ] as const)('long Chinese names and texts, %s, %i pixels wide', async (scheme, width) => {
      const { page, problems } = await open(scheme, width, await longPage());
      for (const details of await page.locator('details').all()) await details.locator('summary').click();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(await chartFaults(page)).toEqual([]);
      expect((await lowestContrast(page)).ratio).toBeGreaterThan(4.5);
      // What is wider than its section scrolls by itself; nothing is cut off.
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll('section *')]
          .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden')
          .map((e) => e.outerHTML.slice(0, 80)),
      );
      expect(cut).toEqual([]);
      await picture(page, `report-long-${scheme}-${width}`);
      expect(problems).toEqual([]);
      await page.close();
    });

    test.each(['light', 'dark'] as const)(
      '%s, on a phone: nothing makes the page wider than the screen',
      async (scheme) => {
        const { page, problems } = await open(scheme, 390);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(390);
        await picture(page, `report-phone-${scheme}`);
        expect(problems).toEqual([]);
        await page.close();
      },
    );

    test('samples open and show prompt, reference and every output', async () => {
      const { page } = await open('dark', 1200);
      const first = page.locator('details').first();
      await first.locator('summary').click();
      await expect.poll(() => first.locator('dd').count()).toBe(5);
      expect(await first.locator('dd').first().isVisible()).toBe(true);
      await picture(page, 'report-sample-dark');
      await page.close();
    });

    test('a single run has no comparison', async () => {
      const { page, problems } = await open('light', 1200, await samplePage('one'));
      expect(await page.getByText('Holm').count()).toBe(0);
      await picture(page, 'report-single-light');
      expect(problems).toEqual([]);
      await page.close();
    });
  },
);
