import { describe, TokenizerError } from './errors.js';
import type { JsonObject } from './json.js';

/** Roles that special tokens can have, by their name in tokenizer_config.json less `_token`. */
const ROLES = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;
/** A role that special tokens can have. */
export type Role = (typeof ROLES)[number];

/** What a tokenizer_config.json says beside the tokenizer itself. */
export interface TokenizerConfig {
  /** The token of each role. */
  roles?: Partial<Record<Role, string>>;
  /** Chat templates in Jinja by name; `default` is the one used if none is named. */
  chatTemplates?: Record<string, string>;
  /** Fields that this package does not interpret; written back as they are. */
  other?: JsonObject;
}

/**
 * Reads a tokenizer_config.json.
 * @throws {TokenizerError} E_FORMAT on a token that is no token or a template that is no text.
 */
export function configFromJSON(value: unknown): TokenizerConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw configError('', 'must be an object', value);
  const roles: Partial<Record<Role, string>> = {};
  const other: JsonObject = {};
  let chatTemplates: Record<string, string> = {};
  for (const [name, field] of Object.entries(value)) {
    const role = ROLES.find((each) => name === `${each}_token`);
    if (name === 'chat_template') chatTemplates = templates(field);
    else if (role) {
      // A token is spelled as a string, or as an object with its flags.
      const token = typeof field === 'object' && field !== null ? (field as JsonObject).content : field;
      if (token == null) continue;
      if (typeof token !== 'string') throw configError(name, 'must be a token', field);
      roles[role] = token;
    } else other[name] = field;
  }
  return { roles, chatTemplates, other };
}

function templates(value: unknown): Record<string, string> {
  if (value == null) return {};
  if (typeof value === 'string') return { default: value };
  const entries = Array.isArray(value) ? value.map((entry) => [entry?.name, entry?.template]) : [[]];
  if (!entries.every((entry) => entry.length === 2 && entry.every((part) => typeof part === 'string'))) {
    throw configError('chat_template', 'must be a text or a list of a name and a template each', value);
  }
  return Object.fromEntries(entries);
}

/** The object of a tokenizer_config.json. */
export function configToJSON(config: TokenizerConfig): JsonObject {
  const out: JsonObject = { tokenizer_class: 'PreTrainedTokenizerFast', ...config.other };
  for (const role of ROLES) {
    const token = config.roles?.[role];
    if (token !== undefined) out[`${role}_token`] = token;
  }
  const named = Object.entries(config.chatTemplates ?? {});
  if (named.length === 1 && named[0]![0] === 'default') out.chat_template = named[0]![1];
  else if (named.length > 0) out.chat_template = named.map(([name, template]) => ({ name, template }));
  return out;
}

function configError(name: string, rule: string, value: unknown): TokenizerError {
  return new TokenizerError('E_FORMAT', `tokenizer_config.json${name ? `.${name}` : ''}`, {
    rule,
    received: describe(value),
    fix: 'check that the file is complete',
  });
}
