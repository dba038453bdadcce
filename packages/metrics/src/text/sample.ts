import { checkSameLength, MetricError, show } from '../errors.js';

/** A generated text and what it is compared with. */
export interface TextSample {
  /** The text under test; may be empty. */
  readonly hypothesis: string;
  /** One or more reference texts; a reference may be empty. */
  readonly references: readonly string[];
}

/** Throws `E_INPUT` unless the sample has a string hypothesis and at least one string reference. */
export function checkText(subject: string, sample: TextSample): void {
  if (typeof sample?.hypothesis !== 'string') {
    throw new MetricError(
      'E_INPUT',
      subject,
      'hypothesis must be a string',
      show(sample?.hypothesis),
      'pass { hypothesis, references }',
    );
  }
  const { references } = sample;
  if (
    !Array.isArray(references) ||
    references.length === 0 ||
    references.some((r) => typeof r !== 'string')
  ) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'references must be one or more strings',
      show(references),
      'drop samples without a reference',
    );
  }
}

/**
 * Pairs hypotheses with their references.
 *
 * @param hypotheses One text per sample.
 * @param references One text, or several, per sample in the same order.
 * @throws MetricError `E_INPUT` when the lengths differ.
 * @example
 * pairTexts(['a b'], ['a c']); // => [{ hypothesis: 'a b', references: ['a c'] }]
 */
export function pairTexts(
  hypotheses: readonly string[],
  references: readonly (string | readonly string[])[],
): TextSample[] {
  checkSameLength('pairTexts', 'hypotheses', hypotheses.length, 'references', references.length);
  return hypotheses.map((hypothesis, i) => {
    const reference = references[i]!;
    return { hypothesis, references: typeof reference === 'string' ? [reference] : reference };
  });
}
