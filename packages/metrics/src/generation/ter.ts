import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { checkText, pairTexts, type TextSample } from '../text/sample.js';
import { WordIds } from '../text/trie.js';
import { splitSpaces, stripEnd } from '../text/whitespace.js';
import { RefCounts } from './reference-counts.js';
import { translationEdits } from './ter-shifts.js';

/** Settings of {@link Ter}; all off by default, as in sacrebleu. */
export interface TerOptions extends AdditiveOptions {
  /** Tercom's normalisation: unescape entities, split punctuation. */
  readonly normalized?: boolean;
  /** Remove punctuation. */
  readonly noPunctuation?: boolean;
  /** With `normalized` or `noPunctuation`, treat CJK characters and punctuation too. */
  readonly asianSupport?: boolean;
  /** Do not lowercase. */
  readonly caseSensitive?: boolean;
}

/** A translation edit rate. */
export interface TerResult extends Scored {
  /** 100 · edits / reference length; 0 is perfect, and it can exceed 100. */
  readonly score: number;
  /** Insertions, deletions, substitutions and shifts. */
  readonly edits: number;
  /** Summed average reference length in words. */
  readonly referenceLength: number;
}

const ASIAN_PUNCTUATION = /[\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb]/g;
const FULL_WIDTH_PUNCTUATION = /[\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09]/g;

function normalizeWestern(text: string): string {
  text = text.replaceAll('\n-', '').replaceAll('\n', ' ');
  text = text
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  return ` ${text} `
    .replace(/[{-~[-` -&(-+:-@/]/g, ' $& ')
    .replaceAll("'s ", " 's ")
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])-/g, '$1 - ');
}

/** Tercom's rules for kana never fire behind the space that the Western step puts in front, so they are left out. */
function normalizeAsian(text: string): string {
  return text
    .replace(/[\u4e00-\u9fff\u3400-\u4dbf]/g, ' $& ')
    .replace(/[\u31c0-\u31ef\u2e80-\u2eff]/g, ' $& ')
    .replace(/[\u3300-\u33ff\uf900-\ufaff\ufe30-\ufe4f]/g, ' $& ')
    .replace(/[\u3200-\u3f22]/g, ' $& ')
    .replace(ASIAN_PUNCTUATION, ' $& ')
    .replace(FULL_WIDTH_PUNCTUATION, ' $& ');
}

/**
 * Translation edit rate: the fewest insertions, deletions, substitutions and block shifts that turn the hypothesis into
 * a reference, per reference word.
 *
 * Snover et al. 2006 (https://aclanthology.org/2006.amta-papers.25). The search is Tercom's greedy one with the beam and
 * limits of sacrebleu 2.6, whose numbers it reproduces; torchmetrics 1.9 follows the same code but gives other numbers for
 * some pairs, and 0 for an empty hypothesis. With several
 * references the fewest edits count, divided by the average reference length. An empty reference with a non-empty
 * hypothesis scores 100.
 *
 * @example
 * const ter = new Ter();
 * ter.update([{ hypothesis: 'b c d a', references: ['a b c d'] }]);
 * ter.compute(); // => { score: 25, edits: 1, referenceLength: 4 }
 */
export class Ter extends AdditiveMetric<TextSample, TerResult> {
  readonly name = 'TER';
  readonly width = 2;
  override readonly higherIsBetter = false;
  private readonly options: Required<Omit<TerOptions, 'keepRows'>>;
  private readonly referenceCounts = new RefCounts();
  private readonly words = new WordIds();

  constructor(options: TerOptions = {}) {
    super(options);
    const {
      normalized = false,
      noPunctuation = false,
      asianSupport = false,
      caseSensitive = false,
    } = options;
    this.options = { normalized, noPunctuation, asianSupport, caseSensitive };
  }

  signature(): string {
    return `nrefs:${this.referenceCounts}|${this.mergeKey()}`;
  }

  protected override mergeKey(): string {
    const { normalized, noPunctuation, asianSupport, caseSensitive } = this.options;
    return formatSignature({
      case: caseSensitive ? 'mixed' : 'lc',
      tok: 'tercom',
      norm: normalized,
      punct: !noPunctuation,
      asian: asianSupport,
      version: '2.6.0',
    });
  }

  protected override absorb(other: this): void {
    this.referenceCounts.merge(other.referenceCounts);
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText('ter', sample);
    this.words.trim();
    const hypothesis = this.wordsOf(sample.hypothesis);
    let fewest = Infinity;
    let length = 0;
    for (const text of sample.references) {
      const reference = this.wordsOf(text);
      fewest = Math.min(fewest, translationEdits(hypothesis, reference));
      length += reference.length;
    }
    row[0] = fewest;
    row[1] = length / sample.references.length;
    this.referenceCounts.add(sample.references.length);
  }

  private wordsOf(text: string): Int32Array {
    const { normalized, noPunctuation, asianSupport, caseSensitive } = this.options;
    text = stripEnd(text);
    if (!caseSensitive) text = text.toLowerCase();
    if (normalized && text !== '') {
      text = normalizeWestern(text);
      if (asianSupport) text = normalizeAsian(text);
    }
    if (noPunctuation) {
      text = text.replace(/[.,?:;!"()]/g, '');
      if (asianSupport) text = text.replace(ASIAN_PUNCTUATION, '').replace(FULL_WIDTH_PUNCTUATION, '');
    }
    return this.words.of(splitSpaces(text));
  }

  protected result(totals: Float64Array): TerResult {
    const [edits, referenceLength] = totals as unknown as [number, number];
    let rate = 0;
    if (referenceLength > 0) rate = edits / referenceLength;
    else if (edits > 0) rate = 1;
    return { score: 100 * rate, edits, referenceLength };
  }
}

/**
 * TER of a whole corpus in one call.
 *
 * @throws MetricError `E_INPUT` when the lengths differ or a sample has no reference, `E_EMPTY` without samples.
 * @example
 * corpusTer(['a b x d'], ['a b c d']).score; // => 25
 */
export function corpusTer(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
  options?: TerOptions,
): TerResult {
  const metric = new Ter({ keepRows: false, ...options });
  metric.update(pairTexts(hypotheses, references));
  return metric.compute();
}
