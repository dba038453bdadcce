import { describe, TokenizerError } from './errors.js';
import { type Cost, costOf } from './regexp-cost.js';

/** The range of a match in UTF-16 units; empty where the expression matches nothing. */
export type Match = readonly [from: number, to: number];

/** Steps that are run without a watch: a second or so at worst. */
const FREE_STEPS = 1e9;
/** What a watched search may take, in milliseconds: for itself, and for each UTF-16 unit. */
const BASE_MS = 2000;
const UNIT_MS = 0.001;

/** Finds the matches of a pattern in bounded time. */
export interface Matcher {
  /**
   * All matches, in order.
   * @throws {TokenizerError} E_UNSUPPORTED if the search would take too long.
   */
  matches(text: string): Match[];
}

function search(regex: RegExp, text: string): Match[] {
  const out: Match[] = [];
  for (const match of text.matchAll(regex)) out.push([match.index, match.index + match[0].length]);
  return out;
}

/** A matcher for an expression that was made of a plain string, whose time is linear. */
export function plainMatcher(regex: RegExp): Matcher {
  return { matches: (text) => search(regex, text) };
}

/**
 * A matcher for an expression from outside, which could be made to take forever. How many steps it takes at most is
 * found from the expression and the text's length; more than a billion are run under a watch, for two seconds and
 * another one per million UTF-16 units, and only where there is one (Node).
 *
 * @param regex a global expression; anything it needs of the engine is tried here.
 * @param milliseconds the watch's limit, for tests.
 */
export function guardedMatcher(regex: RegExp, subject: string, milliseconds = BASE_MS): Matcher {
  let cost: Cost | undefined;
  search(regex, '');
  return {
    matches(text) {
      cost ??= costOf(regex.source);
      try {
        if (cost(text.length) * (text.length + 1) <= FREE_STEPS) return search(regex, text);
        return watched(() => search(regex, text), milliseconds + UNIT_MS * text.length);
      } catch (cause) {
        throw new TokenizerError('E_UNSUPPORTED', subject, {
          rule: 'the expression must find its matches in bounded time and memory',
          received: `${describe(regex.source)} on ${text.length} characters (${(cause as Error).message})`,
          fix: 'simplify the expression, nested repetitions above all, or encode shorter texts',
          cause,
        });
      }
    },
  };
}

/** The script that calls `work` of its context, and the context. */
let watch: { run(milliseconds: number): unknown; box: { work: () => unknown } } | undefined;

/** Runs `work` and stops it after a time; expressions too, which nothing else in JavaScript can stop. */
function watched<T>(work: () => T, milliseconds: number): T {
  if (!watch) {
    // Not an import: this file runs in browsers too.
    const vm = globalThis.process?.getBuiltinModule?.('node:vm');
    if (!vm) throw new Error('it may take too long, and only Node can stop it');
    const box = { work: (): unknown => undefined };
    const context = vm.createContext(box);
    const script = new vm.Script('work()');
    watch = { box, run: (timeout) => script.runInContext(context, { timeout }) };
  }
  const before = watch.box.work;
  watch.box.work = work;
  try {
    return watch.run(Math.ceil(milliseconds)) as T;
  } finally {
    watch.box.work = before;
  }
}
