/** At most how many ways an expression can match at one place of a text of so many UTF-16 units. */
export type Cost = (length: number) => number;

const ONE: Cost = () => 1;

/**
 * An upper bound for the ways to match, which is what backtracking may have to try: alternatives add up, what stands
 * one behind the other multiplies, a repeated character has as many ways as the text allows, and what has several
 * ways itself and is repeated without limit has more than can be counted.
 *
 * @param source the source of a JavaScript expression with the flag u or v, which must be valid.
 */
export function costOf(source: string): Cost {
  let at = 0;

  function alternatives(): Cost {
    const parts = [sequence()];
    while (source[at] === '|') {
      at++;
      parts.push(sequence());
    }
    return parts.length === 1 ? parts[0]! : (n) => parts.reduce((sum, part) => sum + part(n), 0);
  }

  function sequence(): Cost {
    const parts: Cost[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const part = repeated(atom());
      if (part !== ONE) parts.push(part);
    }
    if (parts.length === 0) return ONE;
    return parts.length === 1 ? parts[0]! : (n) => parts.reduce((product, part) => product * part(n), 1);
  }

  function atom(): Cost {
    const char = source[at++];
    if (char === '(') {
      const kind = /^\?(?:[:=!]|<[=!]|<[^>]*>|[a-z-]*:)/.exec(source.slice(at, at + 200));
      at += kind ? kind[0].length : 0;
      const inner = alternatives();
      at++;
      return inner;
    }
    if (char === '[') {
      for (let depth = 1; depth > 0 && at < source.length; at++) {
        if (source[at] === '\\') at++;
        else if (source[at] === '[') depth++;
        else if (source[at] === ']') depth--;
      }
    } else if (char === '\\') {
      const name = /^(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|k<[^>]*>|[1-9]\d*)/.exec(
        source.slice(at, at + 200),
      );
      at += name ? name[0].length : 1;
    }
    return ONE;
  }

  function repeated(inner: Cost): Cost {
    const found = /^(?:[*+?]|\{(\d+)(,(\d*))?\})\??/.exec(source.slice(at, at + 40));
    if (!found) return inner;
    at += found[0].length;
    const [text, low, comma, high] = found;
    const least = low ? Number(low) : text[0] === '+' ? 1 : 0;
    const most = low ? (comma ? Number(high || Infinity) : least) : text[0] === '?' ? 1 : Infinity;
    if (inner === ONE) return least === most ? ONE : (n) => Math.max(1, Math.min(most, n) - least + 1);
    if (most === Infinity) return () => Infinity;
    return (n) => (most - least + 1) * inner(n) ** most;
  }

  return alternatives();
}
