import { describe, expect, it } from 'vitest';
import { keep, Scope, scope, type Tensor, tensor, zeros } from './index.js';
import { native } from './runtime.js';
import { refCount } from './storage.js';

const make = () => tensor([1], { device: 'ref' });

describe('scope', () => {
  it('frees what was made inside and keeps what is returned, however nested', () => {
    const before = refCount.storages;
    let inside!: Tensor;
    const { list, one, rest } = scope(() => {
      inside = make();
      return { list: [make(), [make()]] as const, one: make(), rest: { text: 'x', nothing: null } };
    });
    expect(inside.disposed).toBe(true);
    for (const t of [list[0], list[1][0]!, one]) expect(t.disposed).toBe(false);
    expect(rest).toEqual({ text: 'x', nothing: null });
    for (const t of [list[0], list[1][0]!, one]) t.dispose();
    expect(refCount.storages).toBe(before);
  });

  it('nests: what an inner scope returns belongs to the outer one', () => {
    let made!: Tensor;
    scope(() => {
      made = scope(() => make());
      expect(made.disposed).toBe(false);
    });
    expect(made.disposed).toBe(true);
  });

  it('tells the garbage collector of the memory that it could free, and of no other', () => {
    const external = () => native().addon.adjustExternalMemory(0) / 2 ** 20;
    const make = () => zeros([32, 2 ** 20], { dtype: 'f32' }); // 128 MiB
    const before = external();
    scope(() => {
      make();
      expect(external() - before).toBeLessThan(32);
    });
    const mine = make();
    expect(external() - before).toBeGreaterThan(96);
    mine.dispose();
    expect(external() - before).toBeLessThan(32);
  });

  it('leaves tensors of others alone, even when it returns them', () => {
    const mine = make();
    scope(() => mine);
    scope(() => scope(() => mine));
    expect(mine.disposed).toBe(false);
    mine.dispose();
  });

  it('keep takes a tensor out of every scope', () => {
    const kept = scope(() => {
      scope(() => keep(make()));
      const t = make();
      keep(t);
      return t;
    });
    expect(kept.disposed).toBe(false);
    kept.dispose();
  });

  it('frees everything when the function throws, and hands the error on', () => {
    const before = refCount.storages;
    expect(() =>
      scope(() => {
        make();
        scope(() => {
          make();
          throw new Error('inner');
        });
      }),
    ).toThrow('inner');
    expect(refCount.storages).toBe(before);
    // No scope stayed open: this tensor has no owner.
    const free = make();
    expect(free.owner).toBe(null);
    free.dispose();
  });

  it('throws on a Promise, and frees what was made before it', () => {
    const before = refCount.storages;
    expect(() =>
      scope(async () => {
        make();
      }),
    ).toThrow(TypeError);
    // A rejected one does not go unhandled.
    expect(() => scope(() => Promise.reject(new Error('late')))).toThrow(/synchronous/);
    expect(refCount.storages).toBe(before);
  });

  it('works with `using`, across awaits', async () => {
    let inside!: Tensor;
    let released!: Tensor;
    {
      using s = new Scope();
      inside = make();
      await Promise.resolve();
      released = make();
      s.release(released);
    }
    expect(inside.disposed).toBe(true);
    expect(released.disposed).toBe(false);
    released.dispose();
  });

  it('does not free twice what was disposed inside', () => {
    const before = refCount.storages;
    scope(() => {
      const t = make();
      t.dispose();
      t.dispose();
    });
    expect(refCount.storages).toBe(before);
  });
});
