import fc from 'fast-check';

/** Texts of what is given, of strange units, and of repetitions of one of `units`, at most `longest` times. */
export function anyText(
  special: readonly string[],
  texts: readonly string[],
  units: readonly string[],
  longest: number,
): fc.Arbitrary<string> {
  return fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...special) },
        { weight: 2, arbitrary: fc.constantFrom(...texts).map((text) => text.slice(0, 40)) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
        {
          weight: 1,
          arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(fc.constantFrom(...units), fc.integer({ min: 1, max: longest }))
            .map(([unit, n]) => unit.repeat(n)),
        },
      ),
      { maxLength: 24 },
    )
    .map((parts) => parts.join(''));
}
