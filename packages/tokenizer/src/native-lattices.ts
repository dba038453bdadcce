import type { NativeAddon, WordLattices as NativeWordLattices } from '@inkstone/native';
import { SLICE } from './native-parts.js';
import type { ByteWords } from './trainers/byte-words.js';
import type { Pace, TrainProgress } from './trainers/progress.js';
import type { CharacterCounts, Cuts, Seed, WordLattices } from './trainers/word-lattices.js';

/** `PieceLattices` in C++, on several threads. */
export class NativeLattices implements WordLattices {
  readonly #lattices: NativeWordLattices;
  readonly #threads: number;

  constructor(addon: NativeAddon, words: ByteWords, threads: number) {
    this.#lattices = new addon.WordLattices(words);
    this.#threads = threads;
  }

  characters(): CharacterCounts {
    return this.#lattices.characters();
  }

  seed(characters: Int32Array, longest: number, limit: number): Seed {
    return this.#lattices.seed(characters, longest, limit);
  }

  keep(ids: Int32Array): void {
    this.#lattices.keep(ids, this.#threads);
  }

  async expect(probabilities: Float64Array, pace: Pace, progress: TrainProgress): Promise<Float64Array> {
    this.#lattices.expect(probabilities);
    await this.#finish(pace, progress);
    return this.#lattices.sums();
  }

  async cut(scores: Float64Array, pace: Pace, progress: TrainProgress): Promise<Cuts> {
    this.#lattices.cut(scores);
    await this.#finish(pace, progress);
    return { used: this.#lattices.sums(), ...this.#lattices.parts() };
  }

  async #finish(pace: Pace, progress: TrainProgress): Promise<void> {
    while (!this.#lattices.run(this.#threads, SLICE)) if (pace.due) await pace.rest(progress);
  }
}
