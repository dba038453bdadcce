import { dropout } from '../ops/dropout.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/**
 * Drops elements with probability p while training, and passes everything in evaluation.
 * @example
 * new Dropout(0.1, { generator: new Generator(1) }).forward(x);
 */
export class Dropout extends Module {
  private readonly generator?: Generator;

  constructor(
    readonly p: number,
    { generator }: { generator?: Generator } = {},
  ) {
    super();
    this.generator = generator;
  }

  /** Whether it drops anything: in training, with p > 0. */
  get active(): boolean {
    return this.training && this.p > 0;
  }

  forward(x: Tensor): Tensor {
    return this.active ? dropout(x, this.p, { generator: this.generator }) : x;
  }
}
