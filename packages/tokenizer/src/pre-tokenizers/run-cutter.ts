import type { Cutter } from './pre-tokenizer.js';

/** An expression of the form `[lead]?[member]{1,most}`, each match a piece and what lies between two a piece as well. */
export interface Run {
  /** Which code points the run is of. */
  member: (point: number) => boolean;
  /** Which one may come before the first; no member does. */
  lead?: (point: number) => boolean;
  /** Members of a piece at most, 1 or more; Infinity for no limit. */
  most: number;
}

/** A run as a scanner needs it. */
export interface RunTable {
  /** Of each code point: 1 member, 2 lead, 0 neither. */
  classes: Uint8Array;
  most: number;
}

const MEMBER = 1;
const LEAD = 2;
const tables = new WeakMap<Cutter, () => RunTable>();

/** The cutter that a run makes; its table is built at the first use. */
export function runCutter({ member, lead, most }: Run): Cutter {
  let classes: Uint8Array | undefined;
  const load = () => {
    classes = new Uint8Array(0x110000);
    for (let point = 0; point < classes.length; point++) {
      classes[point] = member(point) ? MEMBER : lead?.(point) ? LEAD : 0;
    }
    return classes;
  };
  const cut: Cutter = (text, start, limit) => {
    const table = classes ?? load();
    const sizeAt = (at: number) => (text.codePointAt(at)! > 0xffff ? 2 : 1);
    const kindAt = (at: number) => (at < limit ? table[text.codePointAt(at)!]! : 0);
    /** Where the members of a match at `at` begin, or -1 if there is none. */
    const membersAt = (at: number) => {
      const kind = kindAt(at);
      if (kind === MEMBER) return at;
      const next = at + sizeAt(at);
      return kind === LEAD && kindAt(next) === MEMBER ? next : -1;
    };
    let at = membersAt(start);
    if (at >= 0) {
      for (let count = 0; count < most && kindAt(at) === MEMBER; count++) at += sizeAt(at);
      return at;
    }
    at = start;
    do at += sizeAt(at);
    while (at < limit && membersAt(at) < 0);
    return at;
  };
  tables.set(cut, () => ({ classes: classes ?? load(), most }));
  return cut;
}

/** True if a cutter is one that `runCutter` made. */
export function isRun(cut: Cutter): boolean {
  return tables.has(cut);
}

/** The table of a cutter that `runCutter` made. */
export function runTable(cut: Cutter): RunTable | undefined {
  return tables.get(cut)?.();
}
