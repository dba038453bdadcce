import { DEVICE_NUMBERS } from '@inkstone/native';
import { TensorError } from './errors.js';
import { type Device, native } from './runtime.js';

// The backstop for tensors that nobody disposed of: storages outside every scope are freed some time after they
// become unreachable. It cannot run inside a synchronous loop, which is why scopes exist.
interface Watched {
  readonly handle: number;
  readonly bytes: number;
}
const forgotten = new FinalizationRegistry<Watched>(({ handle, bytes }) => {
  native().addon.release(handle);
  reportCollectable(-bytes);
});

// The collector hears of storages that it could free, and of no others: memory that a scope will free anyway would
// only make it collect in vain, several times in a training step. Told in steps, since each report costs more than a
// small operation.
const REPORT_STEP = 8 << 20;
let unreported = 0;
function reportCollectable(change: number): void {
  unreported += change;
  if (Math.abs(unreported) < REPORT_STEP) return;
  native().addon.adjustExternalMemory(unreported);
  unreported = 0;
}

/** Memory shared by a tensor and its views, freed when the last of them lets go. */
export class Storage {
  /** How many tensors hold it. */
  references = 1;
  /** How often something wrote into it after it was made: who keeps what was computed from it compares. */
  version = 0;
  private watched = false;

  constructor(
    readonly device: Device,
    /** The addon's handle, or -1 on the `ref` device. */
    readonly handle: number,
    readonly bytes: number,
    /** The elements on the `ref` device, one double each whatever the dtype; null elsewhere. */
    public values: Float64Array | null,
  ) {
    refCount.storages += handle === -1 ? 1 : 0;
  }

  /** Lets the garbage collector free it: called for storages that no scope owns. */
  watch(): void {
    if (this.watched || this.handle === -1) return;
    this.watched = true;
    forgotten.register(this, { handle: this.handle, bytes: this.bytes }, this);
    reportCollectable(this.bytes);
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    if (this.handle === -1) {
      this.values = null;
      refCount.storages--;
      return;
    }
    if (this.watched) {
      forgotten.unregister(this);
      reportCollectable(-this.bytes);
    }
    native().addon.release(this.handle);
  }
}

/** How many storages of the `ref` device are alive. */
export const refCount = { storages: 0 };

/**
 * Uninitialised memory on a device.
 * @throws TensorError E_OOM
 */
export function allocate(op: string, device: Device, elements: number, elementBytes: number): Storage {
  const bytes = elements * elementBytes;
  if (device === 'ref') return new Storage('ref', -1, bytes, new Float64Array(elements));
  const handle = native().addon.allocate(DEVICE_NUMBERS[device], bytes);
  if (handle === -1)
    throw new TensorError(
      'E_OOM',
      op,
      'memory must suffice',
      `a request for ${bytes} bytes`,
      'use smaller batches, or dispose() and scope()',
    );
  return new Storage(device, handle, bytes, null);
}

/** Memory in use on a device. */
export interface MemoryStatistics {
  /** Bytes in live tensors: what their memory holds, from 1 MiB on up to half more than what was asked for. */
  live: number;
  /** The most `live` has been since {@link resetPeakMemory}. */
  peak: number;
  /** Bytes kept for reuse. */
  pooled: number;
  /** Live storages; views share their base's. */
  storages: number;
}

/** Live, peak and pooled bytes of a device. */
export function memory(device: 'cpu' | 'cuda' = 'cpu'): MemoryStatistics {
  return native().addon.memory(DEVICE_NUMBERS[device]);
}

/** Starts measuring {@link MemoryStatistics.peak} anew. */
export function resetPeakMemory(device: 'cpu' | 'cuda' = 'cpu'): void {
  native().addon.resetPeak(DEVICE_NUMBERS[device]);
}

/** Caps live plus pooled bytes; beyond it operations throw E_OOM and the process lives. */
export function setMemoryLimit(bytes: number, device: 'cpu' | 'cuda' = 'cpu'): void {
  native().addon.setMemoryLimit(DEVICE_NUMBERS[device], bytes);
}

/** Gives pooled memory back to the operating system. */
export function trimMemory(device: 'cpu' | 'cuda' = 'cpu'): void {
  native().addon.trim(DEVICE_NUMBERS[device]);
}
