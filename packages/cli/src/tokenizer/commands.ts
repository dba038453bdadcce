import { type Command, Option } from 'commander';
import type { Environment } from '../environment.js';
import { examples, number } from '../usage.js';
import { type DecodeFlags, decodeCommand, type EncodeFlags, encodeCommand } from './encode.js';
import { type InspectFlags, inspectCommand } from './inspect.js';
import { type TrainFlags, trainCommand } from './train.js';

const TOKENIZER = 'A folder, a tokenizer.json, a SentencePiece .model, or a .tiktoken file';

/** Adds `tokenizer train`, `encode`, `decode` and `inspect`. */
export function addTokenizerCommands(program: Command, environment: Environment): void {
  const { stdout, signal, name } = environment;
  const tokenizer = program
    .command('tokenizer')
    .summary('Train a tokenizer, encode, decode, and see how it cuts text')
    .description('Trains tokenizers and shows what they do.');

  tokenizer
    .command('train')
    .summary('Train a tokenizer on your text')
    .description(
      'Trains a tokenizer and writes tokenizer.json, which Hugging Face tokenizers reads too. Text is read once and not\n' +
        'kept; words that do not fit --memory go to temporary files.',
    )
    .requiredOption('--data <path...>', 'Folders and files of UTF-8 text')
    .requiredOption('--out <path>', 'A folder, or a file that ends in .json')
    .option('--include <ending...>', 'Only files that end so, such as .md')
    .addOption(
      new Option('--model <name>', 'What to train').choices(['bpe', 'wordpiece', 'unigram']).default('bpe'),
    )
    .option('--vocab <n>', 'Tokens wanted in all', number, 8192)
    .option('--special <token...>', "Special tokens instead of the model's usual ones")
    .option(
      '--min-frequency <n>',
      'bpe, wordpiece: a pair must occur so often to become a token (default: 2)',
      number,
    )
    .option('--max-word-length <n>', 'Longer words are not learned from', number)
    .option('--byte-fallback', 'unigram: spell characters without a token as bytes')
    .option('--coverage <share>', 'unigram: share of the characters that get tokens (default: 1)', number)
    .option('--memory <MiB>', 'What the table of different words may take', number, 1024)
    .addHelpText(
      'after',
      examples(name, [
        ['Byte-level BPE on a folder', 'tokenizer train --data ~/notes --vocab 4096 --out my-tokenizer'],
        [
          'Unigram on Markdown, with bytes for rare characters',
          'tokenizer train --model unigram --byte-fallback --data docs --include .md --out my-tokenizer',
        ],
        ['A corpus larger than memory', 'tokenizer train --data corpus.txt --memory 512 --out my-tokenizer'],
      ]),
    )
    .action((flags: TrainFlags) => trainCommand(flags, stdout, signal));

  tokenizer
    .command('encode')
    .summary('Print the ids of text')
    .description(
      'Prints the ids of texts; where no terminal is, a line of JSON each with tokens and offsets.',
    )
    .argument('<tokenizer>', TOKENIZER)
    .argument('[text...]', 'Texts; standard input where there are none')
    .option('--lines', 'Each line of standard input is a text of its own')
    .option('--no-special', 'Leave out the special tokens that the tokenizer puts around texts')
    .option('--allow-special', 'Special tokens that the text spells count as such')
    .option('--code-points', 'Offsets in code points, as in Python; in UTF-16 units otherwise')
    .addHelpText(
      'after',
      examples(name, [
        ['A text', 'tokenizer encode my-tokenizer "Hello, world"'],
        ['Every line of a file', 'tokenizer encode my-tokenizer --lines < notes.txt > notes.jsonl'],
        [
          'There and back',
          'tokenizer encode my-tokenizer "Hello" | npx inkstone tokenizer decode my-tokenizer',
        ],
      ]),
    )
    .action((file: string, texts: string[], flags: EncodeFlags) =>
      encodeCommand(file, texts, flags, environment),
    );

  tokenizer
    .command('decode')
    .summary('Print the text of ids')
    .description('Prints the text of ids: of the arguments, or of each line of standard input.')
    .argument('<tokenizer>', TOKENIZER)
    .argument('[id...]', 'Ids; else lines of ids or of JSON, as encode prints them, from standard input')
    .option('--keep-special', 'Show special tokens too')
    .addHelpText(
      'after',
      examples(name, [
        ['Some ids', 'tokenizer decode my-tokenizer 15496 11 995'],
        ['What encode has written', 'tokenizer decode my-tokenizer < notes.jsonl'],
        ['With special tokens', 'tokenizer decode my-tokenizer --keep-special 0 15496'],
      ]),
    )
    .action((file: string, ids: string[], flags: DecodeFlags) =>
      decodeCommand(file, ids, flags, environment),
    );

  tokenizer
    .command('inspect')
    .summary('See how a tokenizer cuts text, by language and script')
    .description(
      'Shows texts with their tokens in colours and writes an HTML page of them, with ids on hover, tokens per word and\n' +
        'bytes per token by text and script. Without a text it shows the same words in many languages, and code.',
    )
    .argument('<tokenizer>', TOKENIZER)
    .argument('[text...]', 'Texts; - reads standard input')
    .option('--data <path...>', 'Folders and files to count over, each with a label if written label=path')
    .option('--out <file>', 'The page', 'tokens.html')
    .addHelpText(
      'after',
      examples(name, [
        ['Many languages', 'tokenizer inspect my-tokenizer'],
        ['A text of your own', 'tokenizer inspect my-tokenizer "Guten Tag 你好"'],
        [
          'Two languages of a corpus',
          'tokenizer inspect cl100k_base.tiktoken --data en=corpus/en th=corpus/th --out th.html',
        ],
      ]),
    )
    .action((file: string, texts: string[], flags: InspectFlags) =>
      inspectCommand(file, texts, flags, environment),
    );
}
