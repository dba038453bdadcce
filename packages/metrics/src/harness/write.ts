import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MetricError, show } from '../errors.js';
import { compareReports } from './compare.js';
import { renderHtml } from './report-html.js';
import { renderMarkdown } from './report-markdown.js';
import type { EvaluationReport } from './types.js';

/** Writes a file whole or not at all. */
async function writeWhole(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.partial-${process.pid}`;
  await writeFile(partial, content);
  await rename(partial, path);
}

/** Writes one JSON value a line. */
export async function writeJsonLines(path: string, values: readonly unknown[]): Promise<void> {
  await writeWhole(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/** The files {@link writeReport} makes. */
export interface WrittenReport {
  readonly json: string;
  readonly markdown: string;
  readonly html: string;
}

/**
 * Writes `report.json` (the last run), `report.md` and `report.html` (all runs side by side, the first as baseline).
 *
 * @param folder Made when absent.
 * @param reports One or more runs.
 * @throws MetricError `E_EMPTY` without runs.
 * @example
 * typeof writeReport; // => 'function'
 */
export async function writeReport(
  folder: string,
  reports: readonly EvaluationReport[],
): Promise<WrittenReport> {
  const last = reports.at(-1);
  if (!last)
    throw new MetricError('E_EMPTY', 'writeReport', 'needs a run', 'none', 'pass what evaluate returned');
  const comparison = compareReports(reports);
  const files = {
    json: join(folder, 'report.json'),
    markdown: join(folder, 'report.md'),
    html: join(folder, 'report.html'),
  };
  await writeWhole(files.json, `${JSON.stringify(last)}\n`);
  await writeWhole(files.markdown, renderMarkdown(reports, comparison));
  await writeWhole(files.html, renderHtml(reports, comparison));
  return files;
}

/**
 * Reads a `report.json`.
 *
 * @throws MetricError `E_FORMAT` when it is not one.
 * @example
 * typeof readReport; // => 'function'
 */
export async function readReport(path: string): Promise<EvaluationReport> {
  try {
    const value = JSON.parse(await readFile(path, 'utf8')) as EvaluationReport;
    if (value?.format !== 'inkstone-evaluation-1' || !Array.isArray(value.tasks))
      throw new Error(`format ${show(value?.format)}`);
    return value;
  } catch (error) {
    throw new MetricError(
      'E_FORMAT',
      path,
      'must be a report.json of an evaluation',
      (error as Error).message,
      'run the evaluation again',
      { cause: error },
    );
  }
}
