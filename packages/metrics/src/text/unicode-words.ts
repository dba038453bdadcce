/** Scripts written without spaces: each character is a token. */
const UNSPACED =
  '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]';
const TOKEN = new RegExp(
  `(?=[\\p{L}\\p{N}])${UNSPACED}\\p{M}*|(?:(?!${UNSPACED})[\\p{L}\\p{N}]\\p{M}*)+`,
  'gu',
);

/**
 * Lower-case words of any script: runs of letters, digits and their marks, and single characters where a script is
 * written without spaces (Han, kana, Thai, Lao, Khmer, Burmese).
 *
 * @example
 * unicodeWords('Été à 北京, v2!'); // => ['été', 'à', '北', '京', 'v2']
 */
export function unicodeWords(text: string): string[] {
  return text.normalize('NFC').toLowerCase().match(TOKEN) ?? [];
}
