import { toRegExp } from 'oniguruma-to-es';
import { describe, TokenizerError } from './errors.js';
import { type JsonObject, unknownType } from './json.js';
import { guardedMatcher, type Matcher, plainMatcher } from './matcher.js';

/** A pattern of a tokenizer.json: a plain string, or a regular expression in Oniguruma's dialect. */
export type Pattern = { String: string } | { Regex: string };

/** Longer expressions are refused: none in use comes near, and compiling them can take arbitrarily long. */
const LONGEST = 10_000;
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼½¾';

/** Reads a pattern object. */
export function patternFromJSON(value: unknown, subject: string): Pattern {
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const [key] = keys;
  const text = (value as JsonObject | null)?.[key ?? ''];
  if (keys.length !== 1 || (key !== 'String' && key !== 'Regex'))
    throw unknownType(subject, value, ['String', 'Regex']);
  if (typeof text !== 'string') {
    throw new TokenizerError('E_FORMAT', subject, {
      rule: 'must hold a string',
      received: describe(value),
      fix: 'check that the file is complete',
    });
  }
  return key === 'String' ? { String: text } : { Regex: text };
}

/**
 * What finds the matches of a pattern, in bounded time whatever the expression.
 * @throws {TokenizerError} E_UNSUPPORTED if JavaScript cannot express it.
 */
export function patternMatcher(pattern: Pattern, subject: string): Matcher {
  if ('String' in pattern) {
    return plainMatcher(new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gu'));
  }
  const source = pattern.Regex;
  try {
    if (source.length > LONGEST) throw new Error(`longer than ${LONGEST} characters`);
    // Oniguruma's word characters: alphabetic ones, circled letters included, and the numbers of Latin-1.
    const spelled = source.replace(/\\(.)/gs, (escaped, char: string) =>
      char === 'w' ? `[${WORD}]` : char === 'W' ? `[^${WORD}]` : escaped,
    );
    return guardedMatcher(
      toRegExp(spelled, { global: true, rules: { asciiWordBoundaries: false } }),
      subject,
    );
  } catch (cause) {
    throw new TokenizerError('E_UNSUPPORTED', subject, {
      rule: 'must be a regular expression that JavaScript can run',
      received: `${describe(source)} (${(cause as Error).message})`,
      fix: 'simplify the expression',
      cause,
    });
  }
}
