"""Texts shared by the tokenizer fixtures: a small corpus to train on and strings that cut in awkward places."""
import random

PARAGRAPHS = [
    "The quick brown fox jumps over the lazy dog. It's the dog's day; they're all we'll've wanted, isn't it? "
    "I'd say 1,234.56 people in 2026 can't agree -- \"no,\" they said, \"we WON'T!\"",
    "# Heading\n\n- item one\n- item two\n\n```js\nfor (let i = 0; i < 10; i++) {\n    sum += a[i] * b[i];\n}\n```\n"
    "========\n--------\n***   ***\t\ttabs\r\n\r\nand   spaces   ",
    "砚台是磨墨的石头。语言模型从文本中学习,然后生成文本。今天是2026年11月24日,天气很好!你好,世界。",
    "日本語のテキストも大切です。カタカナとひらがな、漢字。ｆｕｌｌ　ｗｉｄｔｈ",
    "한국어 문장도 있습니다. ภาษาไทยไม่มีช่องว่างระหว่างคำ نص عربي مع علامات التشكيل: مُحَمَّد हिन्दी में लिखा हुआ",
    "Привет, мир! Ελληνικά και ελληνικά. Ünïcödé çedilla naïve café œuvre ǅ ŉ ß İstanbul ﬁne",
    "🙂👍🏽👨‍👩‍👧‍👦🏳️‍🌈🇩🇪 emoji; ½ ² Ⅷ ௧ ๓ numbers; a\u0301e\u0301 combining; zero\u200bwidth\u200djoin\ufeffer",
    "aaaaaaaaaaaaaaaa bbbbbbbb aaabbbaaabbb ---------- ======== ........ !!!!!!!!",
]


def corpus():
    """Every paragraph, then paragraphs of words drawn with a Zipf-like law, the same on every run."""
    rng = random.Random(20261124)
    syllables = ["ba", "con", "de", "ing", "ter", "al", "or", "the", "s", "un", "er", "tion", "ly", "in", "ma", "re"]
    words = ["".join(rng.choice(syllables) for _ in range(rng.randint(1, 4))) for _ in range(400)]
    texts = list(PARAGRAPHS)
    for _ in range(60):
        line = [words[min(int(rng.paretovariate(0.7)) - 1, 399)] for _ in range(60)]
        texts.append(" ".join(line) + rng.choice([".", "!", "\n", " 12345", "…"]))
    return texts


EDGES = [
    "", " ", "  ", "   ", "\n", " \n", "\n ", "a ", " a", "a  b", "a \n b", "\t\tx", "x\n\n\ny", "\r\n\r\n", "\u3000a\u3000\u3000b",
    "\u00a0x \u00a0y", "\u0085", "\u2028 \u2029x", "\u001c\u001d", "'s", "'S", "'ll'LL've're'd'm't", "I'm, he's; 'tis o'clock'", "''s",
    " 's", "a'sb", "'", "' ", "'l", "'v", "x'r", "1234567", " 12ab34", "٣٤٥", "Ⅷ½²", "a1b2c3", "   1", "!!!", " ?!", "a.b,c",
    "__init__(self, *args)", "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|", "\u0000", "a\u0000b \u0000",
    "\ufffd", "\ufeffbom", "\U0010ffff", "\U00010000", "𝒳𝒴 𝟙𝟚", "𐐷𐐷 𐐷", "🙂", " 🙂🙂 ", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "é e\u0301",
    "你好世界", " 你好 世界 ", "2026年11月24日", "日本語テキスト", "한국어", "ไทย", "عَرَبِيّ", "हिन्दी", "ǅungla", "ᾳ", "ⓐⓑ", "ʰʲ",
    "a\u200bb\u200dc\u2060d", "line one\nline two\n", "tabs\tand  spaces   end   ", "    indented code\n        more\n",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "-" * 77, "=" * 64 + " ",
    " " * 50 + "x", "\n" * 33, "^" * 51, "ab" * 60, "\u1680\u2000x", "\u180ex", "\u0378", "\ue000\uf8ff", "\U000e0001",
] + PARAGRAPHS
