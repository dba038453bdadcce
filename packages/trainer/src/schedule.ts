/** Where the learning rate is and goes. */
export interface ScheduleOptions {
  /** Peak learning rate, reached after the warmup. */
  lr: number;
  /** Learning rate of the last step, 0 <= minLr <= lr. */
  minLr: number;
  /** Steps of linear warmup, >= 0. */
  warmup: number;
  /** Steps of the whole run, >= 1. */
  total: number;
}

/**
 * Learning rate of a step: linear warmup, then half a cosine down to `minLr`.
 *
 * `lr(s) = lr (s+1)/w` for `s < w`; then `minLr + (lr - minLr)(1 + cos(pi (s-w)/(S-1-w)))/2`, so that step `w` has
 * `lr` and the last step, `S-1`, has `minLr`. Steps beyond the last keep `minLr`. (SGDR: Loshchilov and Hutter 2017,
 * arXiv:1608.03983, equation 5, without restarts.)
 *
 * @param step counts from 0.
 * @example
 * learningRate(0, { lr: 1e-3, minLr: 1e-4, warmup: 10, total: 100 }); // 1e-4
 */
export function learningRate(step: number, { lr, minLr, warmup, total }: ScheduleOptions): number {
  if (step < warmup) return (lr * (step + 1)) / warmup;
  const span = total - 1 - warmup;
  if (span <= 0 || step >= total - 1) return step >= total - 1 && span > 0 ? minLr : lr;
  return minLr + ((lr - minLr) * (1 + Math.cos((Math.PI * (step - warmup)) / span))) / 2;
}
