import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingTools } from '../scripts/toolchain.mjs';

describe('the build', () => {
  it('says in one line what is missing and how to get it', () => {
    expect(missingTools('linux', () => true)).toEqual([]);
    expect(missingTools('linux', () => false)).toEqual([
      'CMake (3.20 or newer) is missing; install it with: sudo apt-get install cmake',
      'a C++20 compiler is missing; install one with: sudo apt-get install g++',
    ]);
    expect(missingTools('darwin', (tool: string) => tool !== 'cmake')[0]).toContain('brew install cmake');
    const script = path.join(import.meta.dirname, '..', 'scripts', 'build.mjs');
    const { status, stderr } = spawnSync(process.execPath, [script], {
      encoding: 'utf8',
      env: { ...process.env, PATH: '/nonexistent' },
    });
    expect(status).toBe(1);
    expect(stderr.split('\n').filter(Boolean)).toHaveLength(2);
  });
});
