/** How the addon is to rewrite and cut a text as the normalizers, Metaspace and WhitespaceSplit of a tokenizer do. */
import type { TextRules } from '@inkstone/native';
import type { EncoderParts } from './engine.js';
import { type Characters, charactersOf, type Edges, plainCells } from './native-cells.js';
import { hidesSpaces, VISIBLE_SPACE } from './native-rewriting.js';
import { isByCharacter } from './native-steps.js';
import type { Normalizer } from './normalizers/normalizer.js';
import { Replace } from './normalizers/replace.js';
import { NormalizerSequence, Prepend, Strip } from './normalizers/simple.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import type { PreTokenizer } from './pre-tokenizers/pre-tokenizer.js';
import { PreTokenizerSequence, WhitespaceSplit } from './pre-tokenizers/simple.js';
import { WHITE_SPACE } from './unicode-data.js';

/** What the addon is made of, and what it learns of clusters. */
export type LearningRules = TextRules & Pick<Characters, 'clusterOf'>;

/** The rules of a tokenizer, or in words why there are none. */
export function textRules({
  normalizer,
  preTokenizer,
  addedTokens,
}: EncoderParts): (() => LearningRules) | string {
  const cut = cutOf(preTokenizer);
  if (typeof cut === 'string') return cut;
  const made = normalizing(normalizer, cut);
  if (typeof made === 'string') return made;
  const { steps, edges, collapses, prefix, visible } = made;
  const looksAgain = normalizer !== undefined && addedTokens.list.some((token) => token.normalized);
  return () => {
    const spaces = cut.words ? WHITE_SPACE : [0x20];
    return {
      ...cut,
      visible: cut.visible || visible,
      ...{ collapses, prefix },
      ...charactersOf(steps, spaces, edges),
      ...(looksAgain ? { normalCells: plainCells(spaces) } : {}),
    };
  };
}

type Cut = Pick<TextRules, 'words' | 'visible' | 'lead' | 'marks'>;
const LEADS = { never: 0, always: 1, first: 2 } as const;

function cutOf(preTokenizer: PreTokenizer | undefined): Cut | string {
  if (!preTokenizer) return { words: false, visible: false, lead: 0, marks: false };
  const steps =
    preTokenizer instanceof PreTokenizerSequence ? [...preTokenizer.preTokenizers] : [preTokenizer];
  const words = steps.length === 2 && steps[0] instanceof WhitespaceSplit;
  if (words) steps.shift();
  const [step] = steps;
  if (steps.length !== 1 || !(step instanceof Metaspace) || step.options.replacement !== VISIBLE_SPACE)
    return `its pre-tokenizer, ${preTokenizer.type}, is none of SentencePiece's`;
  const { prependScheme, split } = step.options;
  // Each word must begin with the mark that it is cut at.
  if (words && !(prependScheme === 'always' && split)) return 'it has words that do not begin with a ▁';
  return { words, visible: true, lead: LEADS[prependScheme], marks: split };
}

interface Normalizing {
  /** By character. */
  steps: readonly Normalizer[];
  edges: Edges | undefined;
  collapses: boolean;
  prefix: boolean;
  visible: boolean;
}

/**
 * A normalizer as steps by character, before or behind which white space is taken from both ends, then spaces in a row become
 * one, a `▁` is put before the text, and spaces become `▁`.
 */
function normalizing(normalizer: Normalizer | undefined, { words, visible }: Cut): Normalizing | string {
  const left = normalizer ? flat(normalizer) : [];
  const take = <T>(found: (next: Normalizer) => T | undefined | false): T | undefined => {
    const made = left[0] && found(left[0]);
    if (!made) return undefined;
    left.shift();
    return made;
  };
  const before = take((next) => edgesOf(next, true));
  const steps: Normalizer[] = [];
  while (left[0] && isByCharacter(left[0])) steps.push(left.shift()!);
  const edges = before ?? take((next) => edgesOf(next, false));
  const single = take(joinsSpaces);
  const prefix = take((next) => next instanceof Prepend && next.prefix === VISIBLE_SPACE) ?? false;
  const shows = take((next) => hidesSpaces(next)) ?? false;
  if (left.length > 0) return `its normalizer, ${left[0]!.type}, looks beyond a character`;
  const out = { steps, edges, collapses: single !== undefined, prefix, visible: shows };
  // What spaces in a row become must be what a single one becomes.
  if (single === VISIBLE_SPACE && (words || !(visible || shows)))
    return 'it tells several spaces from a single one';
  if (!words) return out;
  if (prefix || edges?.end.includes(MARK)) return 'it makes ▁ visible before it cuts words';
  // Words have no white space around them, but what is stripped first leaves marks behind it alone.
  return { ...out, edges: edges?.first ? edges : undefined };
}

const MARK = VISIBLE_SPACE.codePointAt(0)!;

function flat(normalizer: Normalizer): Normalizer[] {
  return normalizer instanceof NormalizerSequence ? normalizer.normalizers.flatMap(flat) : [normalizer];
}

/** What becomes of several spaces, where that is all that a normalizer changes. */
function joinsSpaces(normalizer: Normalizer): string | undefined {
  if (!(normalizer instanceof Replace) || !('Regex' in normalizer.pattern)) return undefined;
  const { pattern, content } = normalizer;
  return pattern.Regex === ' {2,}' && [' ', VISIBLE_SPACE].includes(content) ? content : undefined;
}

/** What is stripped, where that is all that a normalizer does. */
function edgesOf(normalizer: Normalizer, first: boolean): Edges | undefined {
  if (normalizer instanceof Strip) {
    const { left, right } = normalizer;
    return { start: left ? WHITE_SPACE : [], end: right ? WHITE_SPACE : [], first };
  }
  if (!(normalizer instanceof Replace) || !('Regex' in normalizer.pattern) || normalizer.content !== '')
    return undefined;
  // As of SentencePiece's remove_extra_whitespaces.
  if (normalizer.pattern.Regex === `\\A +|[ ${VISIBLE_SPACE}]+\\z`)
    return { start: [0x20], end: [0x20, MARK], first };
  return normalizer.pattern.Regex === '\\A +| +\\z' ? { start: [0x20], end: [0x20], first } : undefined;
}
