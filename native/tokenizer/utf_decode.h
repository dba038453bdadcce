// UTF-8 that may be anything to UTF-16, as the WHATWG's decoder does it (Encoding Standard, "UTF-8 decoder"): each longest
// start of a character that does not go on is one U+FFFD, and so is each byte that begins none. No byte order mark is taken
// out.
#pragma once
#include "utf.h"

namespace ik::tok {

bool is_ascii(const uint8_t* p, size_t n);

// Writes n bytes, behind which kPadding zeros stand, as UTF-16 and returns the units written: at most n, but there is room
// for 16 more.
size_t utf8_to_utf16(const uint8_t* p, size_t n, char16_t* out);

}  // namespace ik::tok
