import { TransformerError } from './errors.js';

/**
 * Watches streamed text for strings that end it. Text is held back while it could be the beginning of one, so a
 * stop string is found across any pieces, and none of it is ever passed on.
 *
 * @example
 * const stops = new StopStrings(['\n\n']);
 * stops.push('a\n'); // => 'a'
 * stops.push('b'); // => '\nb'
 * stops.push('c\n\nd'); // => 'c'
 * stops.found; // => '\n\n'
 */
export class StopStrings {
  private held = '';
  private match: string | null = null;

  /** @throws TransformerError E_ARGUMENT for an empty string */
  constructor(private readonly stops: readonly string[]) {
    if (stops.some((s) => typeof s !== 'string' || s === ''))
      throw new TransformerError(
        'E_ARGUMENT',
        'stop',
        'stop strings must not be empty',
        JSON.stringify(stops),
        'leave it out to stop nowhere',
      );
  }

  /** The stop string that was found, or null. */
  get found(): string | null {
    return this.match;
  }

  /** Takes more text and returns what may be passed on: up to the first stop string, if one is complete. */
  push(text: string): string {
    if (this.match !== null) return '';
    const all = this.held + text;
    // The first to be complete counts, and of those the longest: the same however the text is cut into pieces.
    let first = -1;
    let end = Number.POSITIVE_INFINITY;
    for (const stop of this.stops) {
      const at = all.indexOf(stop);
      const ends = at + stop.length;
      if (at >= 0 && (ends < end || (ends === end && at < first))) {
        first = at;
        end = ends;
        this.match = stop;
      }
    }
    if (first >= 0) {
      this.held = '';
      return all.slice(0, first);
    }
    const keep = this.beginning(all);
    this.held = all.slice(all.length - keep);
    return all.slice(0, all.length - keep);
  }

  /** Ends the text and returns what was held back. */
  end(): string {
    const rest = this.held;
    this.held = '';
    return rest;
  }

  // The length of the longest end of the text with which a stop string begins.
  private beginning(text: string): number {
    let longest = 0;
    for (const stop of this.stops)
      for (let n = Math.min(stop.length - 1, text.length); n > longest; n--)
        if (text.endsWith(stop.slice(0, n))) longest = n;
    return longest;
  }
}
