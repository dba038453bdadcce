import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEVICE_NUMBERS, type KernelDescription, type NativeAddon } from './binding.js';

/** Why the native addon could not be loaded, with what to do about it. */
export class NativeLoadError extends Error {
  override readonly name = 'NativeLoadError';
  readonly code = 'E_NATIVE';
}

/** Choices made before the addon is loaded; each has an environment variable that sets its default. */
export interface LoadOptions {
  /** `baseline`, `avx2`, `avx512` or `neon`; the best the machine runs by default. `INKSTONE_CPU_ISA`. */
  isa?: string;
  /** Worker threads, the caller included; the number of usable cores by default. `INKSTONE_THREADS`. */
  threads?: number;
  /** Cap of live plus pooled bytes; 90 % of the machine's memory by default. `INKSTONE_MEMORY_LIMIT` (bytes). */
  memoryLimit?: number;
  /** `off` does not look for a GPU. `INKSTONE_CUDA`. */
  cuda?: 'auto' | 'off';
}

/** The loaded addon with the CPU library it chose. */
export interface Native {
  readonly addon: NativeAddon;
  /** Where commands for {@link NativeAddon.launch} are written. */
  readonly command: Float64Array;
  /** The instruction set in use. */
  readonly isa: string;
  /** Every CPU library found, with its score here (0: cannot run). */
  readonly candidates: readonly { isa: string; score: number }[];
  /** CPU kernels by id. */
  readonly kernels: readonly KernelDescription[];
  readonly threads: number;
  /** Why there is no CUDA device, or null where there is one. */
  readonly cudaAbsent: string | null;
}

const require = createRequire(import.meta.url);
// Both src/ and dist/ lie one level below the package.
const packageRoot = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The npm package that carries a prebuilt addon for a platform. */
export const prebuiltPackage = (platform: string = process.platform, arch: string = process.arch): string =>
  `@inkstone/native-${platform}-${arch}`;

function binaryDirectories(): string[] {
  // Another build, such as one with sanitizers, instead of every other.
  if (process.env.INKSTONE_BINARIES) return [process.env.INKSTONE_BINARIES];
  const directories = [path.join(packageRoot, 'build', 'Release')];
  try {
    directories.push(path.dirname(require.resolve(`${prebuiltPackage()}/package.json`)));
  } catch {
    // Not installed: the remedies below name it.
  }
  return directories;
}

function findBinaries(): string {
  const searched = binaryDirectories();
  const found = searched.find((directory) => existsSync(path.join(directory, 'inkstone.node')));
  if (found) return found;
  throw new NativeLoadError(
    `native: the addon must be present for ${process.platform}-${process.arch}; ` +
      `received no inkstone.node in ${searched.join(' or ')}; ` +
      `install ${prebuiltPackage()}, or build it with: npm explore @inkstone/native -- npm run build:addon`,
  );
}

function positiveInteger(name: string, value: string | undefined): number | undefined {
  if (value === undefined || value === '') return undefined;
  const n = Number(value);
  if (Number.isSafeInteger(n) && n > 0) return n;
  throw new NativeLoadError(
    `native: ${name} must be a positive integer; received '${value}'; unset or correct it`,
  );
}

/** Threads that kernels and batches use: `INKSTONE_THREADS`, or the number of usable cores. */
export function defaultThreads(): number {
  return positiveInteger('INKSTONE_THREADS', process.env.INKSTONE_THREADS) ?? availableParallelism();
}

/**
 * Loads the addon alone, without kernels: all the tokenizer's classes need.
 *
 * @throws NativeLoadError with code E_NATIVE when there is no binary or it does not load.
 * @example
 * const { BpeEncoder } = loadAddon();
 */
export function loadAddon(): NativeAddon {
  return requireAddon(findBinaries());
}

function requireAddon(directory: string): NativeAddon {
  try {
    return require(path.join(directory, 'inkstone.node')) as NativeAddon;
  } catch (cause) {
    throw new NativeLoadError(
      `native: the addon must load in Node ${process.version}; received: ${(cause as Error).message}; ` +
        'rebuild it on this machine with: npm explore @inkstone/native -- npm run build:addon',
      { cause },
    );
  }
}

/**
 * Loads the addon and the best CPU kernel library this machine can run.
 *
 * @throws NativeLoadError with code E_NATIVE when there is no binary, no usable library, or a forced one cannot run.
 * @example
 * const { isa, threads } = loadNative();
 */
export function loadNative(options: LoadOptions = {}): Native {
  const directory = findBinaries();
  const addon = requireAddon(directory);

  const libraries = readdirSync(directory)
    .filter((file) => /^inkstone_cpu_\w+\.ikl$/.test(file))
    .map((file) => {
      const full = path.join(directory, file);
      const isa = file.slice('inkstone_cpu_'.length, -'.ikl'.length);
      return { path: full, isa, ...pick(addon.probe(full)) };
    })
    .sort((a, b) => b.score - a.score);
  const forced = options.isa ?? (process.env.INKSTONE_CPU_ISA || undefined);
  const chosen = forced ? libraries.find((l) => l.isa === forced) : libraries[0];
  if (!chosen || chosen.score === 0) {
    const runnable = libraries.filter((l) => l.score > 0).map((l) => l.isa);
    throw new NativeLoadError(
      `native: a CPU kernel library ${forced ? `'${forced}' ` : ''}must be usable here; ` +
        `received ${chosen ? chosen.error || 'one this machine cannot run' : 'no such library'}; ` +
        `usable: ${runnable.join(', ') || 'none'}`,
    );
  }
  const refusal = addon.open(DEVICE_NUMBERS.cpu, chosen.path);
  if (refusal)
    throw new NativeLoadError(`native: ${chosen.path} must open; received: ${refusal}; rebuild the addon`);

  const threads = options.threads ?? defaultThreads();
  addon.setThreads(threads);
  const limit =
    options.memoryLimit ??
    positiveInteger('INKSTONE_MEMORY_LIMIT', process.env.INKSTONE_MEMORY_LIMIT) ??
    Math.floor(totalmem() * 0.9);
  addon.setMemoryLimit(DEVICE_NUMBERS.cpu, limit);

  return {
    addon,
    command: new Float64Array(addon.commandBuffer()),
    isa: chosen.isa,
    candidates: libraries.map(({ isa, score }) => ({ isa, score })),
    kernels: addon.kernels(DEVICE_NUMBERS.cpu),
    threads,
    cudaAbsent: openCuda(addon, directory, options.cuda ?? process.env.INKSTONE_CUDA ?? 'auto'),
  };
}

const pick = ({ score, error }: { score: number; error: string }) => ({ score, error });

function openCuda(addon: NativeAddon, directory: string, choice: string): string | null {
  if (choice !== 'auto' && choice !== 'off')
    throw new NativeLoadError(
      `native: INKSTONE_CUDA must be 'auto' or 'off'; received '${choice}'; unset or correct it`,
    );
  if (choice === 'off') return 'it is switched off (INKSTONE_CUDA=off)';
  const library = path.join(directory, 'inkstone_cuda.ikl');
  if (!existsSync(library)) return 'the CUDA kernel library (inkstone_cuda.ikl) is not installed';
  return addon.open(DEVICE_NUMBERS.cuda, library) || null;
}
