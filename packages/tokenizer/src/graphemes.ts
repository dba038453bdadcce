/** Which characters can be of one user-perceived character with others (extended grapheme clusters of Unicode Standard Annex 29). */

/** What may be of one user-perceived character with what stands before it by itself: rather more than less. */
export const EXTENDS =
  /[\p{M}\p{Emoji_Modifier}\p{Regional_Indicator}\u0e33\u0eb3\u1160-\u11ff\u200c-\u200d\ud7b0-\ud7ff\uff9e\uff9f\u{e0020}-\u{e007f}]/u;

/** What may be of one user-perceived character with what stands right behind it and is none of these. */
export const TAKES =
  /[\r\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\u1100-\u115f\ua960-\ua97c\u{110bd}\u{110cd}\u{111c2}\u{111c3}\u{113d1}\u{1193f}\u{11941}\u{11a3a}\u{11a84}-\u{11a89}\u{11d46}\u{11f02}]|\u200d/u;
