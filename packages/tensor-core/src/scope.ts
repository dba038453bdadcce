import type { Tensor } from './tensor.js';

// The innermost open scope. Scopes nest strictly, so one variable with parent links is the whole state.
let current: Scope | null = null;

/** Owns the tensors made while it is open. Use {@link scope}, or `using s = new Scope()` across awaits. */
export class Scope implements Disposable {
  private readonly parent = current;
  private readonly owned: Tensor[] = [];
  private open = true;

  constructor() {
    current = this;
  }

  /** @internal */
  adopt(t: Tensor): void {
    t.owner = this;
    this.owned.push(t);
  }

  /** Frees everything made inside, except tensors that were kept or handed to {@link Scope.release}. */
  [Symbol.dispose](): void {
    if (!this.open) return;
    this.open = false;
    current = this.parent;
    for (const t of this.owned) if (t.owner === this) t.dispose();
  }

  /** Hands a tensor to the enclosing scope, or to nobody when there is none. */
  release(t: Tensor): void {
    if (t.owner !== this) return;
    if (this.parent) this.parent.adopt(t);
    else keep(t);
  }
}

/** @internal Puts a new tensor under the innermost scope. */
export function adopt(t: Tensor): void {
  if (current !== null) current.adopt(t);
  else t.storage.watch();
}

/**
 * Takes a tensor out of every scope: from now on its owner is the caller (or, failing that, the garbage collector).
 * @example
 * const mean = scope(() => keep(x.mean()));
 */
export function keep<T extends Tensor>(t: T): T {
  t.owner = null;
  t.storage.watch();
  return t;
}

const isTensor = (x: unknown): x is Tensor =>
  typeof x === 'object' && x !== null && 'storage' in x && 'owner' in x;

function visit(x: unknown, f: (t: Tensor) => void): void {
  if (isTensor(x)) f(x);
  else if (Array.isArray(x)) for (const item of x) visit(item, f);
  else if (typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype)
    for (const item of Object.values(x)) visit(item, f);
}

/**
 * Runs `f` and frees every tensor made inside it, except those it returns (alone, in arrays or in plain objects)
 * and those passed to {@link keep}.
 *
 * @throws TypeError when `f` returns a Promise: tensors made after the first await would escape. Use
 *   `using s = new Scope()` in async code.
 * @example
 * const y = scope(() => x.mul(2).add(1).exp()); // two intermediates are freed
 */
export function scope<R>(f: () => R): R {
  const s = new Scope();
  try {
    const result = f();
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw new TypeError(
        'scope: the function must be synchronous; received a Promise; use `using s = new Scope()`',
      );
    }
    visit(result, (t) => s.release(t));
    return result;
  } finally {
    s[Symbol.dispose]();
  }
}
