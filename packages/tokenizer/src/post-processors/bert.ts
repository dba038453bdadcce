import { concatEncodings, Encoding } from '../encoding.js';
import { describe, TokenizerError } from '../errors.js';
import type { Fields } from '../json.js';
import { trimOffsets } from './byte-level.js';
import type { PostProcessor, Spelling } from './post-processor.js';

/** A special token and its id, spelled `["[CLS]", 101]` in tokenizer.json. */
export type NamedToken = readonly [token: string, id: number];

/** `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` with type 1 from B on (Devlin et al. 2019). */
export class BertProcessing implements PostProcessor {
  readonly type = 'BertProcessing';
  readonly isFixed = true;

  constructor(
    readonly sep: NamedToken,
    readonly cls: NamedToken,
  ) {}

  addedTokens(isPair: boolean): number {
    return isPair ? 3 : 2;
  }

  process(encodings: Encoding[], special: boolean): Encoding[] {
    if (!special) return encodings;
    return encodings.map((encoding, i) => {
      const before = i === 0 ? [Encoding.ofSpecial([this.cls[1]], 0)] : [];
      return concatEncodings([...before, encoding.withTypeId(i), Encoding.ofSpecial([this.sep[1]], i)]);
    });
  }

  toJSON(): object {
    return { type: this.type, sep: this.sep, cls: this.cls };
  }

  static fromJSON(fields: Fields): BertProcessing {
    return new BertProcessing(namedToken(fields, 'sep'), namedToken(fields, 'cls'));
  }
}

/** `<s> A </s>`, or `<s> A </s></s> B </s>`, all of type 0 (Liu et al. 2019, arXiv 1907.11692). */
export class RobertaProcessing implements PostProcessor {
  readonly type = 'RobertaProcessing';
  readonly isFixed = true;

  constructor(
    readonly sep: NamedToken,
    readonly cls: NamedToken,
    readonly trim: boolean,
    readonly addPrefixSpace: boolean,
  ) {}

  addedTokens(isPair: boolean): number {
    return isPair ? 4 : 2;
  }

  process(encodings: Encoding[], special: boolean, spelling: Spelling): Encoding[] {
    return encodings.map((given, i) => {
      const encoding = (this.trim ? trimOffsets(given, this.addPrefixSpace, spelling) : given).withTypeId(0);
      if (!special) return encoding;
      const before = Encoding.ofSpecial([i === 0 ? this.cls[1] : this.sep[1]], 0);
      return concatEncodings([before, encoding, Encoding.ofSpecial([this.sep[1]], 0)]);
    });
  }

  toJSON(): object {
    return {
      type: this.type,
      sep: this.sep,
      cls: this.cls,
      trim_offsets: this.trim,
      add_prefix_space: this.addPrefixSpace,
    };
  }

  static fromJSON(fields: Fields): RobertaProcessing {
    return new RobertaProcessing(
      namedToken(fields, 'sep'),
      namedToken(fields, 'cls'),
      fields.boolean('trim_offsets', true),
      fields.boolean('add_prefix_space', true),
    );
  }
}

function namedToken(fields: Fields, name: string): NamedToken {
  const value = fields.array(name);
  const [token, id] = value;
  const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31;
  if (value.length === 2 && typeof token === 'string' && isId) return [token, id as number];
  throw new TokenizerError('E_FORMAT', `${fields.subject}.${name}`, {
    rule: 'must be a token and its id, an integer from 0 on',
    received: describe(value),
    fix: 'write it as ["[SEP]", 102]',
  });
}
