import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const local = fileURLToPath(new URL('../../../.peers/bin/python', import.meta.url));

// Importing them would take many seconds; finding them does not.
const FIND =
  'import importlib.util as u, sys; sys.exit(not (u.find_spec("torch") and u.find_spec("transformers")))';

/**
 * A Python that has transformers: INKSTONE_PYTHON if it is set, else `.peers/bin/python` in the repository or python3;
 * null where none has it.
 */
export const python: string | null =
  (process.env.INKSTONE_PYTHON ? [process.env.INKSTONE_PYTHON] : [local, 'python3']).find((candidate) => {
    try {
      execFileSync(candidate, ['-c', FIND], { stdio: 'ignore', timeout: 60_000 });
      return true;
    } catch {
      return false;
    }
  }) ?? null;

/** Runs a Python program, with arguments, and parses what it prints as JSON. */
export function runPython(program: string, args: string[]): unknown {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_VERBOSITY: 'error', TQDM_DISABLE: '1' };
  const out = execFileSync(python!, ['-c', program, ...args], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 240_000,
  });
  return JSON.parse(out);
}
