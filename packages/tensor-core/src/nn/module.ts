import { noGrad } from '../autograd.js';
import type { DType } from '../dtype.js';
import { TensorError } from '../errors.js';
import type { Device } from '../runtime.js';
import { keep, scope } from '../scope.js';
import { formatShape, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Parameter } from './parameter.js';

/** Tensors by dotted path, as checkpoints hold them. */
export type StateDict = Record<string, Tensor>;

/** What {@link Module.loadStateDict} found. */
export interface LoadReport {
  /** Parameters and buffers the dictionary lacks. */
  missing: string[];
  /** Names in the dictionary that no parameter or buffer has. */
  unexpected: string[];
}

/** A pattern for paths: a RegExp, or a glob where `*` is one path segment and `**` any number. */
export type PathPattern = string | RegExp;

/**
 * The base of layers and models: its parameters, buffers and submodules are its properties, found by path.
 *
 * @example
 * class Net extends Module {
 *   readonly fc = new Linear(4, 2);
 *   forward(x: Tensor) { return this.fc.forward(x); }
 * }
 * [...new Net().namedParameters()].map(([path]) => path); // => ['fc.weight', 'fc.bias']
 */
export abstract class Module implements Disposable {
  /** True in training mode: dropout drops. Set by {@link Module.train} and {@link Module.eval}. */
  training = true;

  /** Every module of the tree with its path; the root's is ''. A module reached twice appears once. */
  *namedModules(prefix = '', seen = new Set<Module>()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(join(prefix, name), seen);
  }

  // Lists of modules are part of the path: blocks.0, blocks.1, ...
  private *children(): Generator<[string, Module]> {
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Module) yield [name, value];
      else if (Array.isArray(value))
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${name}.${i}`, item];
    }
  }

  private *tensors(): Generator<[string, Tensor]> {
    const seen = new Set<Tensor>();
    for (const [path, module] of this.namedModules())
      for (const [name, value] of Object.entries(module))
        if (value instanceof Tensor && !seen.has(value)) {
          seen.add(value);
          yield [join(path, name), value];
        }
  }

  /** Trainable tensors by path; one shared between two places appears once, under its first path. */
  *namedParameters(): Generator<[string, Parameter]> {
    for (const [path, t] of this.tensors()) if (t instanceof Parameter) yield [path, t];
  }

  /** The parameters without their paths. */
  *parameters(): Generator<Parameter> {
    for (const [, p] of this.namedParameters()) yield p;
  }

  /** Tensors that are saved with the model but not trained, by path. */
  *namedBuffers(): Generator<[string, Tensor]> {
    for (const [path, t] of this.tensors()) if (!(t instanceof Parameter)) yield [path, t];
  }

  /** Parameters and buffers by path: the tensors themselves, not copies. */
  stateDict(): StateDict {
    return Object.fromEntries(this.tensors());
  }

  /**
   * Copies values into the parameters and buffers of the same names, converting dtypes.
   *
   * @param options.strict refuse missing and unexpected names. Default true.
   * @throws TensorError E_FORMAT naming every missing and unexpected entry, E_SHAPE naming every misfit; nothing is
   *   copied then.
   */
  loadStateDict(state: StateDict, { strict = true }: { strict?: boolean } = {}): LoadReport {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !(name in state));
    const unexpected = Object.keys(state).filter((name) => !(name in own));
    if (strict && missing.length + unexpected.length > 0)
      throw new TensorError(
        'E_FORMAT',
        'loadStateDict',
        'names must match the module',
        `missing: ${missing.join(', ') || 'none'}; unexpected: ${unexpected.join(', ') || 'none'}`,
        'load a checkpoint of this architecture, or pass { strict: false }',
      );
    const shared = Object.entries(own).filter(([name]) => name in state);
    const misfits = shared.filter(([name, t]) => !sameShape(t.shape, state[name]!.shape));
    if (misfits.length > 0)
      throw new TensorError(
        'E_SHAPE',
        'loadStateDict',
        'shapes must match the module',
        misfits
          .map(([name, t]) => `${name}: ${formatShape(state[name]!.shape)} for ${formatShape(t.shape)}`)
          .join('; '),
        'check the configuration',
      );
    for (const [name, t] of shared) t.copy_(state[name]!);
    return { missing, unexpected };
  }

  /** Switches training mode on or off in the whole tree. */
  train(on = true): this {
    for (const [, m] of this.namedModules()) m.training = on;
    return this;
  }

  /** Training mode off: dropout passes everything. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Stops the training of parameters whose path matches; all of them by default.
   * @returns how many matched
   * @example
   * model.freeze('wte.*'); // => 1
   */
  freeze(pattern: PathPattern = '**'): number {
    return this.setTrainable(pattern, false);
  }

  /** Undoes {@link Module.freeze}. */
  unfreeze(pattern: PathPattern = '**'): number {
    return this.setTrainable(pattern, true);
  }

  private setTrainable(pattern: PathPattern, on: boolean): number {
    const matches = pathMatcher(pattern);
    let count = 0;
    for (const [path, p] of this.namedParameters()) {
      if (!matches(path)) continue;
      p.setRequiresGrad(on);
      count++;
    }
    return count;
  }

  /**
   * Moves every float parameter and buffer to a dtype and device, in place of the old ones.
   * @throws TensorError E_DEVICE, E_OOM
   */
  to({ dtype, device }: { dtype?: DType; device?: Device }): this {
    const moved = new Map<Tensor, Tensor>();
    noGrad(() => {
      for (const [, module] of this.namedModules())
        for (const [name, value] of Object.entries(module)) {
          if (!(value instanceof Tensor)) continue;
          let next = moved.get(value);
          if (!next) {
            const isParameter = value instanceof Parameter;
            const copy = keep(
              scope(() =>
                value
                  .to({ dtype: isParameter || value.dtype.includes('f') ? dtype : undefined, device })
                  .clone(),
              ),
            );
            next = isParameter ? new Parameter(copy, value.requiresGrad) : copy;
            moved.set(value, next);
          }
          (module as unknown as Record<string, Tensor>)[name] = next;
        }
    });
    for (const old of moved.keys()) old.dispose();
    return this;
  }

  /** The submodule at a path. @throws TensorError E_INDEX */
  getModule(path: string): Module {
    for (const [at, module] of this.namedModules()) if (at === path) return module;
    throw new TensorError(
      'E_INDEX',
      'getModule',
      'the path must name a module',
      `'${path}'`,
      `the tree has: ${[...this.namedModules()]
        .slice(1, 9)
        .map(([p]) => p)
        .join(', ')}, ...`,
    );
  }

  /**
   * Puts another module at a path: how adapters wrap layers.
   * @returns the module that was there
   * @throws TensorError E_INDEX
   */
  setModule(path: string, module: Module): Module {
    const before = this.getModule(path);
    for (const [at, parent] of this.namedModules())
      for (const [name, child] of parent.children())
        if (child === before && join(at, name) === path) {
          const [property, index] = name.split('.') as [string, string?];
          const holder = parent as unknown as Record<string, Module | Module[]>;
          if (index === undefined) holder[property] = module;
          else (holder[property] as Module[])[Number(index)] = module;
        }
    return before;
  }

  /** Forgets the gradients of every parameter. */
  zeroGrad(): void {
    for (const p of this.parameters()) {
      p.grad?.dispose();
      p.grad = null;
    }
  }

  /** Frees every parameter and buffer. */
  dispose(): void {
    for (const [, t] of this.tensors()) t.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const join = (prefix: string, name: string): string => (prefix === '' ? name : `${prefix}.${name}`);

/** A test for paths: `*` stands for one segment, `**` for any number of them. */
export function pathMatcher(pattern: PathPattern): (path: string) => boolean {
  if (pattern instanceof RegExp) return (path) => path.search(pattern) >= 0;
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^.]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  const compiled = new RegExp(`^${source}$`);
  return (path) => compiled.test(path);
}
