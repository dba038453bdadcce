import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const local = fileURLToPath(new URL('../../.peers/bin/python', import.meta.url));

/** A Python that imports the modules: INKSTONE_PYTHON, .peers in the repository, or the system's; null if none does. */
export function findPython(...modules) {
  for (const python of [process.env.INKSTONE_PYTHON, path.normalize(local), 'python3'])
    if (python && spawnSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' }).status === 0)
      return python;
  return null;
}
