/** Whether letter i of a word is a consonant; `y` is one unless it follows a consonant. Digits count as consonants. */
function isConsonant(word: string, i: number): boolean {
  let y = false;
  for (;;) {
    const c = word[i]!;
    if (c === 'a' || c === 'e' || c === 'i' || c === 'o' || c === 'u') return y;
    if (c !== 'y' || i === 0) return !y;
    // A y is the opposite of what precedes it.
    y = !y;
    i--;
  }
}

/** Porter's m: the number of vowel-to-consonant changes in a stem. */
function measure(stem: string): number {
  let changes = 0;
  let vowel = false;
  for (let i = 0; i < stem.length; i++) {
    const consonant = isConsonant(stem, i);
    if (consonant && vowel) changes++;
    vowel = !consonant;
  }
  return changes;
}

function hasVowel(stem: string): boolean {
  for (let i = 0; i < stem.length; i++) if (!isConsonant(stem, i)) return true;
  return false;
}

function endsDoubleConsonant(word: string): boolean {
  const n = word.length;
  return n >= 2 && word[n - 1] === word[n - 2] && isConsonant(word, n - 1);
}

/** Porter's *o, and NLTK's extra case of a two-letter stem vowel + consonant. */
function endsShort(word: string): boolean {
  const n = word.length;
  if (n === 2) return !isConsonant(word, 0) && isConsonant(word, 1);
  return (
    n >= 3 &&
    isConsonant(word, n - 3) &&
    !isConsonant(word, n - 2) &&
    isConsonant(word, n - 1) &&
    !'wxy'.includes(word[n - 1]!)
  );
}

/** Irregular forms NLTK stems by table. */
const IRREGULAR = new Map([
  ['sky', 'sky'],
  ['skies', 'sky'],
  ['dying', 'die'],
  ['lying', 'lie'],
  ['tying', 'tie'],
  ['news', 'news'],
  ['innings', 'inning'],
  ['inning', 'inning'],
  ['outings', 'outing'],
  ['outing', 'outing'],
  ['cannings', 'canning'],
  ['canning', 'canning'],
  ['howe', 'howe'],
  ['proceed', 'proceed'],
  ['exceed', 'exceed'],
  ['succeed', 'succeed'],
]);

const STEP2: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['fulli', 'ful'],
];

const STEP3: readonly (readonly [string, string])[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];

const STEP4: readonly string[] = [
  ...[
    'al',
    'ance',
    'ence',
    'er',
    'ic',
    'able',
    'ible',
    'ant',
    'ement',
    'ment',
    'ent',
    'ion',
    'ou',
    'ism',
    'ate',
  ],
  ...['iti', 'ous', 'ive', 'ize'],
];

function step1b(word: string): string {
  if (word.endsWith('ied')) return word.slice(0, word.length === 4 ? -1 : -2);
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  let stem: string | undefined;
  for (const suffix of ['ed', 'ing']) {
    const candidate = word.slice(0, -suffix.length);
    if (word.endsWith(suffix) && hasVowel(candidate)) {
      stem = candidate;
      break;
    }
  }
  if (stem === undefined) return word;
  if (stem.endsWith('at') || stem.endsWith('bl') || stem.endsWith('iz')) return `${stem}e`;
  if (endsDoubleConsonant(stem)) return 'lsz'.includes(stem.at(-1)!) ? stem : stem.slice(0, -1);
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem;
}

function step2(word: string): string {
  if (word.endsWith('alli') && measure(word.slice(0, -4)) > 0) return step2(word.slice(0, -2));
  for (const [suffix, replacement] of STEP2) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, -suffix.length);
    return measure(stem) > 0 ? stem + replacement : word;
  }
  return word.endsWith('logi') && measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
}

function step4(word: string): string {
  for (const suffix of STEP4) {
    if (!word.endsWith(suffix)) continue;
    const stem = word.slice(0, -suffix.length);
    const allowed = measure(stem) > 1 && (suffix !== 'ion' || 'st'.includes(stem.at(-1)!));
    return allowed ? stem : word;
  }
  return word;
}

/**
 * The Porter stem of a lower-case English word, with NLTK's extensions.
 *
 * Porter 1980, "An algorithm for suffix stripping"; the variant is NLTK's default mode, the one google-research's ROUGE
 * and NLTK's METEOR stem with. It is not Snowball's `porter`, nor Porter's original: those give other scores.
 *
 * @example
 * ['relational', 'dying', 'happy', 'flies'].map(porterStem); // => ['relat', 'die', 'happi', 'fli']
 */
export function porterStem(word: string): string {
  const irregular = IRREGULAR.get(word);
  if (irregular !== undefined) return irregular;
  if (word.length <= 2) return word;
  let stem = word;
  if (stem.endsWith('sses') || (stem.endsWith('ies') && stem.length !== 4)) stem = stem.slice(0, -2);
  else if (stem.endsWith('ies') || (stem.endsWith('s') && !stem.endsWith('ss'))) stem = stem.slice(0, -1);
  stem = step1b(stem);
  if (stem.endsWith('y') && stem.length > 2 && isConsonant(stem, stem.length - 2))
    stem = `${stem.slice(0, -1)}i`;
  stem = step2(stem);
  for (const [suffix, replacement] of STEP3) {
    if (!stem.endsWith(suffix)) continue;
    const rest = stem.slice(0, -suffix.length);
    if (measure(rest) > 0) stem = rest + replacement;
    break;
  }
  stem = step4(stem);
  if (stem.endsWith('e')) {
    const rest = stem.slice(0, -1);
    const m = measure(rest);
    if (m > 1 || (m === 1 && !endsShort(rest))) stem = rest;
  }
  return stem.endsWith('ll') && measure(stem.slice(0, -1)) > 1 ? stem.slice(0, -1) : stem;
}

/** A stemmer that remembers the words it has met, up to `limit`. */
export function cachedStemmer(limit = 1 << 16): (word: string) => string {
  let cache = new Map<string, string>();
  return (word) => {
    let stem = cache.get(word);
    if (stem === undefined) {
      stem = porterStem(word);
      if (cache.size >= limit) cache = new Map();
      cache.set(word, stem);
    }
    return stem;
  };
}
