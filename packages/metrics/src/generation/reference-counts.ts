/** Remembers whether every sample had the same number of references, for the `nrefs` of signatures. */
export class RefCounts {
  private seen: number | 'var' | undefined;

  /** Notes one sample's number of references. */
  add(count: number): void {
    if (this.seen === undefined) this.seen = count;
    else if (this.seen !== count) this.seen = 'var';
  }

  /** Notes what another accumulator saw. */
  merge(other: RefCounts): void {
    if (other.seen === 'var') this.seen = 'var';
    else if (other.seen !== undefined) this.add(other.seen);
  }

  /** The common number, or `var`; `0` before any sample. */
  toString(): string {
    return String(this.seen ?? 0);
  }
}
