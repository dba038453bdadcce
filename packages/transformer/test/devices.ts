import { type Device, deviceStatus } from '@inkstone/tensor-core';

/** The devices that tests of whole models run on; one that is not present is skipped by name. */
export const devices: [name: Device, present: boolean][] = (['ref', 'cpu', 'cuda'] as const).map((name) => [
  name,
  deviceStatus()[name].present,
]);
