import { expect, it } from 'vitest';
import { fileError, describe as show, TransformerError } from './errors.js';

const system = (code: string) => Object.assign(new Error(code), { code, syscall: 'write' });

it('a file system error says what to do', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG'])
    expect(fileError(system(code), 'a/b')).toMatchObject({ code: 'E_NO_SPACE', subject: 'a/b' });
  expect((fileError(system('ENOENT'), 'a/b') as Error).message).toMatch(
    /^a\/b: it must exist; received ENOENT; /,
  );
  expect(fileError(system('EACCES'), 'a/b')).toMatchObject({ code: 'E_IO', cause: { code: 'EACCES' } });
});

it('other errors pass as they are', () => {
  const bug = new TypeError('x is not a function');
  const argument = Object.assign(new TypeError('bad'), { code: 'ERR_INVALID_ARG_TYPE' });
  const ours = new TransformerError('E_FORMAT', 'x', 'a', 'b', 'c');
  for (const error of [bug, argument, ours, 'text', undefined]) expect(fileError(error, 'a')).toBe(error);
});

it('values are shown in at most 80 characters', () => {
  expect(show({ a: [1, null] })).toBe('{"a":[1,null]}');
  expect(show(undefined)).toBe('undefined');
  expect(show(2n ** 63n)).toBe('9223372036854775808');
  expect(show('x'.repeat(1000)).length).toBe(80);
});
