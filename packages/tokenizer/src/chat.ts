import { Template } from '@huggingface/jinja';
import type { AddedTokens } from './added-tokens.js';
import { AddedTokenFinder } from './added-tokens.js';
import type { TokenizerConfig } from './config.js';
import { describe, TokenizerError } from './errors.js';

/** A message of a chat; templates may read more fields than these two. */
export interface ChatMessage {
  role: string;
  content?: unknown;
  [field: string]: unknown;
}

/** Options of a chat template. */
export interface ChatOptions {
  /** Ends with what begins an answer; default false. */
  addGenerationPrompt?: boolean;
  /** Functions the model may call, as JSON schemas. */
  tools?: readonly unknown[];
  /** Texts the model may cite. */
  documents?: readonly unknown[];
  /** Which of the templates; by default `default`, or `tool_use` if that exists and there are tools. */
  template?: string;
  /** More variables for the template. */
  variables?: Record<string, unknown>;
}

/** A chat as text. */
export interface RenderedChat {
  text: string;
  /** Places inside what messages spell like special tokens: no special token may be taken across one. */
  guards: readonly number[];
}

/** A noncharacter, which no text may hold; it marks places through the template. */
const GUARD = '\ufdd0';

/**
 * Lays a chat out by a Jinja template. Special tokens that messages spell are marked, so that encoding can tell them
 * from those of the template. The template language is that of `@huggingface/jinja`, whose `strip`, `lstrip` and
 * `rstrip` take white space only, whatever their argument says.
 *
 * @throws {TokenizerError} E_OPTION if there is no such template, E_FORMAT if it fails.
 */
export function renderChat(
  messages: readonly ChatMessage[],
  options: ChatOptions,
  config: TokenizerConfig,
  addedTokens: AddedTokens,
): RenderedChat {
  const guard = guarding(addedTokens);
  const { addGenerationPrompt = false, tools, documents, variables } = options;
  const roles = Object.entries(config.roles ?? {}).map(([role, token]) => [`${role}_token`, token]);
  let rendered: string;
  try {
    rendered = new Template(source(options, config)).render({
      ...Object.fromEntries(roles),
      ...variables,
      messages: guard(messages),
      tools: guard(tools ?? null),
      documents: guard(documents ?? null),
      add_generation_prompt: addGenerationPrompt,
    });
  } catch (cause) {
    if (cause instanceof TokenizerError) throw cause;
    throw new TokenizerError('E_FORMAT', 'chat_template', {
      rule: 'the template accepts the messages',
      received: (cause as Error).message,
      fix: 'change the messages or the template',
      cause,
    });
  }
  const parts = rendered.split(GUARD);
  let at = 0;
  const guards = parts.slice(0, -1).map((part) => (at += part.length));
  return { text: parts.join(''), guards };
}

function source(options: ChatOptions, config: TokenizerConfig): string {
  const templates = config.chatTemplates ?? {};
  const name =
    options.template ?? (options.tools && Object.hasOwn(templates, 'tool_use') ? 'tool_use' : 'default');
  if (Object.hasOwn(templates, name)) return templates[name]!;
  throw new TokenizerError('E_OPTION', 'chat_template', {
    rule: `must be one of the tokenizer's templates`,
    received: `${describe(name)} of ${describe(Object.keys(templates))}`,
    fix: 'set chatTemplates in the config of the tokenizer',
  });
}

/** A copy of a value with a guard inside each special token that one of its texts spells. */
function guarding(addedTokens: AddedTokens): (value: unknown) => unknown {
  const special = addedTokens.list.filter((token) => token.special);
  const plain = special.map((token) => ({ ...token, singleWord: false, lstrip: false, rstrip: false }));
  const finder = new AddedTokenFinder(plain.map((token) => [token.content, token] as const));
  const guardText = (given: string): string => {
    const text = given.replaceAll(GUARD, '\ufffd');
    let out = '';
    finder.split(text, 'all', (start, end, token) => {
      const part = text.slice(start, end);
      const first = part.codePointAt(0)! > 0xffff ? 2 : 1;
      // A token of one character has no inside, so it is marked on both sides.
      if (token && part.length === first) out += GUARD + part + GUARD;
      else out += token ? part.slice(0, first) + GUARD + part.slice(first) : part;
    });
    return out;
  };
  const guard = (value: unknown): unknown => {
    if (typeof value === 'string') return guardText(value);
    if (Array.isArray(value)) return value.map(guard);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, guard(field)]));
  };
  return guard;
}
