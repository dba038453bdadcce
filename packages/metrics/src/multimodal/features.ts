import { MetricError, show } from '../errors.js';

/** The features of one image (or text, or sound), and whether it is real or generated. */
export interface FeatureSample {
  /** Finite features, [d]; the same d everywhere. 2048 pool features of Inception-v3 for the published FID. */
  readonly features: ArrayLike<number>;
  /** True for the reference distribution. */
  readonly real: boolean;
}

/** Throws unless the features are finite and as many as the others' (`size`). */
export function checkFeatures(subject: string, features: ArrayLike<number>, size: number | undefined): void {
  if (!features || !(features.length > 0) || (size !== undefined && features.length !== size)) {
    const rule = size === undefined ? 'features must not be empty' : `features must have length ${size}`;
    throw new MetricError(
      'E_INPUT',
      subject,
      rule,
      show(features?.length),
      'use one feature extractor throughout',
    );
  }
  for (let i = 0; i < features.length; i++) {
    if (!Number.isFinite(features[i]!)) {
      throw new MetricError(
        'E_NAN',
        subject,
        'features must be finite',
        show(features[i]),
        'look for an overflow in the extractor',
      );
    }
  }
}
