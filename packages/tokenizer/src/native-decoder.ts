import type { NativeAddon } from '@inkstone/native';
import type { EngineDecoder, TokenTable } from './engine.js';

/** The addon's decoder of a table. */
export function nativeDecoder(addon: NativeAddon, table: TokenTable): EngineDecoder {
  const decoder = new addon.ByteDecoder(table);
  return {
    bytes: (ids, skipSpecial) => decoder.decode(ids, skipSpecial),
    text: (ids, skipSpecial) => decoder.decodeText(ids, skipSpecial),
  };
}
