import { checkSameLength, MetricError } from '../errors.js';
import type { Pcg64 } from '../random.js';

/** The cluster of each sample (document, conversation, author, ...), in the order of the samples. */
export type Clusters = readonly (string | number)[];

/**
 * The positions of each cluster's samples, clusters in order of first appearance.
 *
 * @throws MetricError `E_INPUT` when there are not `count` labels, `E_EMPTY` for fewer than two clusters: one tells nothing
 *   about the others.
 */
export function clusterMembers(subject: string, count: number, clusters: Clusters): number[][] {
  checkSameLength(subject, 'samples', count, 'clusters', clusters.length);
  const members = new Map<string | number, number[]>();
  for (let i = 0; i < count; i++) {
    const list = members.get(clusters[i]!);
    if (list) list.push(i);
    else members.set(clusters[i]!, [i]);
  }
  if (members.size < 2) {
    throw new MetricError(
      'E_EMPTY',
      subject,
      'needs at least two clusters',
      String(members.size),
      'use samples from more clusters',
    );
  }
  return [...members.values()];
}

/** A source of resamples of `items`: as many items, or as many whole clusters, drawn with replacement. */
export function resampler<T>(
  subject: string,
  items: readonly T[],
  random: Pcg64,
  clusters?: Clusters,
): () => T[] {
  if (!clusters) return () => items.map(() => items[random.below(items.length)]!);
  const groups = clusterMembers(subject, items.length, clusters).map((list) => list.map((i) => items[i]!));
  return () => groups.flatMap(() => groups[random.below(groups.length)]!);
}

/**
 * A source of resamples in which every class keeps occurring: items (or clusters) are drawn apart by the classes in them.
 *
 * @param classOf The class of an item, 0 and up.
 */
export function stratifiedResampler<T>(
  subject: string,
  items: readonly T[],
  classOf: (item: T) => number,
  random: Pcg64,
  clusters?: Clusters,
): () => T[] {
  const groups = clusters
    ? clusterMembers(subject, items.length, clusters).map((list) => list.map((i) => items[i]!))
    : items.map((item) => [item]);
  const strata = new Map<string, { classes: number[]; groups: T[][] }>();
  for (const group of groups) {
    const classes = [...new Set(group.map(classOf))].sort((a, b) => a - b);
    const stratum = strata.get(classes.join());
    if (stratum) stratum.groups.push(group);
    else strata.set(classes.join(), { classes, groups: [group] });
  }
  // Strata of one class first, in their order: clusters of one sample then draw what samples alone do.
  const ordered = [...strata.values()].sort(
    (a, b) => a.classes.length - b.classes.length || a.classes[0]! - b.classes[0]!,
  );
  return () => ordered.flatMap(({ groups }) => groups.flatMap(() => groups[random.below(groups.length)]!));
}

/** Throws `E_INPUT` when an interval that cannot honour clusters is asked to. */
export function refuseClusters(subject: string, options: { readonly clusters?: Clusters }): void {
  if (options.clusters !== undefined) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'this interval does not know clusters',
      'clusters',
      'leave them out, or compute the metric per cluster',
    );
  }
}
