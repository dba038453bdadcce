import { TensorError } from './errors.js';
import type { OpDefinition } from './op.js';
import { Kernel, launchInto, type OutputSpec, type View } from './runtime.js';
import { keep, scope } from './scope.js';
import { formatShape, sameShape } from './shape.js';
import { Tensor } from './tensor.js';

// How deep we are inside noGrad().
let paused = 0;

/** True while operations are recorded. */
export const isRecording = (): boolean => paused === 0;

/**
 * Runs `f` without recording operations.
 * @throws TypeError when `f` returns a Promise: recording would resume before it is done.
 * @example
 * const logits = noGrad(() => model.forward(ids));
 */
export function noGrad<R>(f: () => R): R {
  paused++;
  try {
    const result = f();
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw new TypeError('noGrad: the function must be synchronous; received a Promise');
    }
    return result;
  } finally {
    paused--;
  }
}

/** Where a node's input came from: a leaf tensor, another node's output, or nothing that wants a gradient. */
type Edge = { readonly leaf: Tensor } | { readonly node: GradNode; readonly output: number } | null;

/** A tensor that backward will read: kept, or made anew by the node that made it. */
type Saved = View | GradNode | null;

let created = 0;

/** One recorded operation: what it saved, and where its inputs came from. */
export class GradNode {
  /** Held by output tensors and by later nodes. */
  private references = 1;
  /** Inputs always have smaller numbers than what is computed from them. */
  readonly order = ++created;
  private savedInputs: Saved[] | null;
  private savedOutputs: Saved[] | null;
  readonly edges: readonly Edge[];

  constructor(
    readonly definition: OpDefinition<never>,
    readonly attrs: unknown,
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    readonly inputSpecs: readonly OutputSpec[],
    readonly outputSpecs: readonly OutputSpec[],
  ) {
    const { saves } = definition;
    this.savedInputs = inputs.map((t, i) => (saves?.inputs?.includes(i) ? save(t) : null));
    this.savedOutputs = outputs.map((t, i) => (saves?.outputs?.includes(i) ? retain(t) : null));
    this.edges = inputs.map((t) => {
      if (t.node) return { node: t.node.retain(), output: t.nodeOutput };
      return t.requiresGrad ? { leaf: t } : null;
    });
  }

  retain(): this {
    this.references++;
    return this;
  }

  /** Lets go of saved tensors and earlier nodes once nothing needs this one. Iterative: graphs can be deep. */
  release(): void {
    const pending: GradNode[] = [this];
    for (let node = pending.pop(); node; node = pending.pop()) {
      if (--node.references > 0) continue;
      node.freeSaved();
      for (const edge of node.edges) if (edge && 'node' in edge) pending.push(edge.node);
    }
  }

  freeSaved(): void {
    // An edge holds the node as well, so this is not its end.
    for (const v of [...(this.savedInputs ?? []), ...(this.savedOutputs ?? [])])
      if (v instanceof GradNode) v.release();
      else v?.storage.release();
    this.savedInputs = null;
    this.savedOutputs = null;
  }

  private restore(list: Saved[] | null, i: number): Tensor {
    const v = list?.[i];
    if (v instanceof GradNode) return v.definition.recompute!(v.context());
    if (!v)
      throw new TensorError(
        'E_UNSUPPORTED',
        this.definition.name,
        'backward must run once, over tensors the operation saved',
        list ? `an input it did not save (${i})` : 'a second backward',
        'pass { retainGraph: true } to the first',
      );
    return new Tensor(v.storage.retain(), v.shape, v.strides, v.offset, v.dtype);
  }

  /** @internal */
  context(): GradContext<never> {
    return {
      attrs: this.attrs as never,
      input: (i) => this.restore(this.savedInputs, i),
      output: (i) => this.restore(this.savedOutputs, i),
      inputSpecs: this.inputSpecs,
      outputSpecs: this.outputSpecs,
      needs: (i) => this.edges[i] !== null,
      gathered: (i) => {
        const edge = this.edges[i];
        const sum = edge && 'leaf' in edge && !edge.leaf.disposed ? edge.leaf.grad : null;
        return sum && writable(sum) ? sum : null;
      },
    };
  }
}

const save = (t: Tensor): Saved =>
  t.node?.definition.recompute && t.nodeOutput === 0 ? t.node.retain() : retain(t);

function retain(t: Tensor): View {
  return {
    storage: t.storage.retain(),
    shape: t.shape,
    strides: t.strides,
    offset: t.offset,
    dtype: t.dtype,
  };
}

/** What a gradient rule can see. */
export interface GradContext<A> {
  readonly attrs: A;
  /** A saved input; the rule's scope frees it. */
  input(i: number): Tensor;
  /** A saved output. */
  output(i: number): Tensor;
  readonly inputSpecs: readonly OutputSpec[];
  readonly outputSpecs: readonly OutputSpec[];
  /** Whether input i wants a gradient; rules may skip those that do not. */
  needs(i: number): boolean;
  /**
   * The gradient that input i, a leaf, has gathered so far, where a kernel may write into it; else null. A rule that
   * adds to it in place returns null for that input.
   */
  gathered(i: number): Tensor | null;
}

const addKernel = new Kernel('add', '');

// Nobody else looks at its memory, and kernels can reach it.
const writable = (sum: Tensor): boolean =>
  sum.storage.references === 1 && sum.isContiguous && sum.device !== 'ref';

// Sums two gradients, into the first when that may be written.
function accumulate(sum: Tensor, g: Tensor): Tensor {
  if (writable(sum) && sum.dtype === g.dtype) {
    launchInto(addKernel, [sum, g], [sum], []);
    g.dispose();
    return sum;
  }
  const total = keep(sum.add(g));
  sum.dispose();
  g.dispose();
  return total;
}

/** See {@link Tensor.backward}. */
export function backward(root: Tensor, seed?: Tensor, options: { retainGraph?: boolean } = {}): void {
  root.assertAlive('backward');
  seed?.assertAlive('backward');
  if (!root.requiresGrad)
    throw new TensorError(
      'E_UNSUPPORTED',
      'backward',
      'the tensor must depend on one with requiresGrad',
      'one that does not',
      'create it with { requiresGrad: true }, outside noGrad()',
    );
  if (!seed && root.size !== 1)
    throw new TensorError(
      'E_SHAPE',
      'backward',
      'without a seed the tensor must be a scalar',
      formatShape(root.shape),
      'reduce it with sum() or mean(), or pass a seed',
    );
  if (seed && (!sameShape(seed.shape, root.shape) || seed.device !== root.device))
    throw new TensorError(
      'E_SHAPE',
      'backward',
      `the seed must be like the tensor, ${formatShape(root.shape)} on ${root.device}`,
      `${formatShape(seed.shape)} on ${seed.device}`,
    );

  noGrad(() => {
    const first = keep(scope(() => (seed ? seed.cast(root.dtype) : root.onesLike())));
    if (!root.node) return addToLeaf(root, first);

    const gradients = new Map<GradNode, (Tensor | null)[]>();
    const give = (node: GradNode, output: number, g: Tensor) => {
      const list = gradients.get(node) ?? node.outputSpecs.map(() => null);
      const there = list[output];
      list[output] = there ? accumulate(there, g) : g;
      gradients.set(node, list);
    };
    give(root.node, root.nodeOutput, first);
    try {
      for (const node of reachable(root.node)) {
        const arrived = gradients.get(node);
        if (!arrived) continue;
        // The rule runs in a scope of its own, so whatever it makes on the way is freed at once.
        const results = scope(() => {
          const list = node.definition.grad!(node.context(), arrived as [Tensor, ...(Tensor | null)[]]);
          // A rule may pass a gradient on as it came; every edge then gets its own reference.
          return list.map((g) => (g && arrived.includes(g) ? g.alias() : g));
        });
        gradients.delete(node);
        if (!options.retainGraph) node.freeSaved();
        for (const g of arrived) g?.dispose();
        results.forEach((g, i) => {
          const edge = node.edges[i];
          if (!g) return;
          if (!edge) g.dispose();
          else if ('leaf' in edge) addToLeaf(edge.leaf, keep(g));
          else give(edge.node, edge.output, keep(g));
        });
      }
    } finally {
      for (const list of gradients.values()) for (const g of list) g?.dispose();
    }
  });
}

function addToLeaf(leaf: Tensor, g: Tensor): void {
  if (leaf.disposed) g.dispose();
  else leaf.grad = leaf.grad ? accumulate(leaf.grad, g) : owned(g);
}

// Leaves' gradients are changed in place (clipping, accumulation), so none may be a broadcast or share memory.
function owned(g: Tensor): Tensor {
  if (g.storage.references === 1 && g.isContiguous) return g;
  const copy = keep(g.clone());
  g.dispose();
  return copy;
}

function reachable(root: GradNode): GradNode[] {
  const seen = new Set<GradNode>([root]);
  for (const node of seen) for (const edge of node.edges) if (edge && 'node' in edge) seen.add(edge.node);
  return [...seen].sort((a, b) => b.order - a.order);
}
