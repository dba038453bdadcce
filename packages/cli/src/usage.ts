import { InvalidArgumentError } from 'commander';

/** A flag's number. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
};

/** The examples at the end of a command's help. */
export const examples = (name: string, lines: readonly (readonly [string, string])[]): string =>
  `\nExamples:\n${lines.map(([what, command]) => `  # ${what}\n  ${name} ${command}`).join('\n')}\n`;
