import { bytesPerToken, type Fertility, type TokenView, tokensPerWord } from './analyse.js';
import { STYLE } from './style.js';
import { showControls, stretches } from './view.js';

/** One text, or a folder of them, on the page. */
export interface PageSample {
  readonly label: string;
  readonly total: Fertility;
  /** What is shown of it. */
  readonly text: string;
  readonly tokens: readonly TokenView[];
}

/** What a page tells. */
export interface PageOptions {
  readonly title: string;
  /** Facts about the tokenizer, in order. */
  readonly facts: Readonly<Record<string, string>>;
  readonly samples: readonly PageSample[];
  readonly scripts: ReadonlyMap<string, Fertility>;
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => showControls(text).replace(/[&<>"']/g, (c) => ESCAPES[c]!);
/** For attributes and cells, which have no lines. */
const flat = (text: string): string => escapeHtml(text.replaceAll('\n', '\\n').replaceAll('\t', '\\t'));

const number = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(2));

function tokenSpans({ text, tokens }: PageSample): string {
  let count = 0;
  return stretches(text, tokens)
    .map(({ text: part, token, inside }) => {
      if (!token) return `<i>${escapeHtml(part)}</i>`;
      const tip = flat(`${token.id}  ${token.token}`);
      const colour = token.unknown ? 'u' : `c${count++ % 5}`;
      return `<b class="${colour}" data-tip="${tip}">${inside ? '·' : escapeHtml(part)}</b>`;
    })
    .join('');
}

/** A table of sums; the bar is tokens per word against the highest of the table. */
function table(title: string, first: string, rows: readonly (readonly [string, Fertility])[]): string {
  const highest = Math.max(...rows.map(([, sums]) => tokensPerWord(sums)).filter((value) => value > 0), 1);
  const cells = rows.map(([name, sums]) => {
    const perWord = tokensPerWord(sums);
    const width = Number.isNaN(perWord) ? 0 : Math.round((100 * perWord) / highest);
    return `<tr><th scope="row">${flat(name)}</th><td>${sums.tokens.toLocaleString('en-US')}</td><td>${sums.words.toLocaleString('en-US')}</td><td class="bar"><span style="width:${width}%"></span><em>${number(perWord)}</em></td><td>${number(bytesPerToken(sums))}</td><td>${number(sums.characters / sums.tokens)}</td><td${sums.unknown ? ' class="bad"' : ''}>${sums.unknown.toLocaleString('en-US')}</td></tr>`;
  });
  return `<section><h2>${title}</h2><div class="scroll"><table><thead><tr><th scope="col">${first}</th><th scope="col">Tokens</th><th scope="col">Words</th><th scope="col" class="wide">Tokens per word</th><th scope="col">Bytes per token</th><th scope="col">Characters per token</th><th scope="col">Unknown</th></tr></thead><tbody>${cells.join('')}</tbody></table></div></section>`;
}

/**
 * A page that shows texts with their tokens in colours, ids on hover, and how finely each language and
 * script is cut. It needs no script and no network; light and dark follow the reader's setting.
 *
 * @example
 * await writeFile('tokens.html', renderPage({ title: 'my tokenizer', facts: {}, samples, scripts }));
 */
export function renderPage({ title, facts, samples, scripts }: PageOptions): string {
  const tiles = Object.entries(facts).map(([k, v]) => `<div><dt>${flat(k)}</dt><dd>${flat(v)}</dd></div>`);
  const byTokens = [...scripts].sort(([, a], [, b]) => b.tokens - a.tokens);
  const texts = samples.map(
    (sample) =>
      `<section class="sample"><h2>${flat(sample.label)}</h2><p>${sample.total.tokens.toLocaleString('en-US')} tokens, ${number(tokensPerWord(sample.total))} per word, ${number(bytesPerToken(sample.total))} bytes each</p><pre dir="auto">${tokenSpans(sample)}</pre></section>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${flat(title)} · Inkstone</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header><h1>${flat(title)}</h1></header>
<dl class="tiles">${tiles.join('')}</dl>
${table(
  'By text',
  'Text',
  samples.map(({ label, total }) => [label, total] as const),
)}
${table('By script', 'Script', byTokens)}
${texts.join('\n')}
<footer>Written by Inkstone. A dot is a token that begins inside a character. Words are those of Unicode's segmentation, with dictionaries where writing has no spaces.</footer>
</main>
</body>
</html>
`;
}
