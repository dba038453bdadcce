"""Fixtures of tokenizers put together at random, and of what Hugging Face tokenizers makes of random texts with them.

Run: python tools/golden/tokenizer_fuzz.py [seed] [count] [file]

Left out is what differs on purpose or by chance, see the comments. With some seeds the reference runs out of memory; take another.
"""
import gzip
import json
import pathlib
import random
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizer_texts import EDGES, corpus

FIXTURES = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 120
OUT = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else FIXTURES / "fuzz.json.gz"
rng = random.Random(SEED)
WORDS = ["the", " quick", "It's", "  ", "\t", "\n", "\r\n", "\u3000", "\u00a0", "1", "234", "٣", "½", ".", ",", "!?", "--", "_", "<s>", "</s>",
         "[MASK]", "[CLS]", "ink", " Ink", "Stone ", "é", "e\u0301", "e\u0301\u0323", "\u0301", "İ", "ß", "Σ", "ﬁ", "Ａ", "㍿", "ｶﾞ", "각",
         "\u1100\u1161\u11a8", "砚", "你好", "世界。", "カタカナ", "한국어", "ไทย", "عَرَبِيّ", "हिन्दी", "Привет", "Ελλ", "🙂", "👨‍👩‍👧", "𝟙", "𐐷",
         "\u200b", "\u200d", "\ufeff", "\x00", "\x07", "\u00ad", "\ufffd", "▁", "▁▁", "##s", "</w>", "a", "b", "ab", "aaa", " ", " ", " ", "fox", "dog"]


def train(model, trainer, pre=None):
    tok = Tokenizer(model)
    if pre:
        tok.pre_tokenizer = pre
    tok.train_from_iterator(corpus(), trainer)
    return json.loads(tok.to_str())["model"]


P, T, M = pre_tokenizers, trainers, models
SPECIAL = ["<unk>", "<s>", "</s>", "[CLS]", "[SEP]"]
OPTIONS = dict(special_tokens=SPECIAL, show_progress=False)
BYTES = train(M.BPE(), T.BpeTrainer(vocab_size=400, initial_alphabet=P.ByteLevel.alphabet(), **OPTIONS), P.ByteLevel(False))
CHARS = train(M.BPE(unk_token="<unk>"), T.BpeTrainer(vocab_size=400, limit_alphabet=90, **OPTIONS), P.Metaspace())
SUFFIX = train(M.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
               T.BpeTrainer(vocab_size=400, limit_alphabet=90, end_of_word_suffix="</w>", **OPTIONS), P.Whitespace())
PREFIX = train(M.BPE(unk_token="<unk>", continuing_subword_prefix="##"),
               T.BpeTrainer(vocab_size=400, limit_alphabet=90, continuing_subword_prefix="##", **OPTIONS), P.Whitespace())
PIECES = train(M.WordPiece(unk_token="<unk>"), T.WordPieceTrainer(vocab_size=400, **OPTIONS), P.BertPreTokenizer())
UNIGRAM = train(M.Unigram(), T.UnigramTrainer(vocab_size=300, unk_token="<unk>", **OPTIONS), P.Metaspace())
WHOLE = train(M.WordLevel(unk_token="<unk>"), T.WordLevelTrainer(vocab_size=200, **OPTIONS), P.Whitespace())
FALLBACK = dict(CHARS, vocab=dict(CHARS["vocab"]), byte_fallback=True)
for byte in range(256):
    FALLBACK["vocab"].setdefault(f"<0x{byte:02X}>", len(FALLBACK["vocab"]))


MODELS = {"bytes": BYTES, "chars": CHARS, "fallback": FALLBACK, "suffix": SUFFIX, "prefix": PREFIX, "pieces": PIECES, "unigram": UNIGRAM, "whole": WHOLE}


def flip():
    return rng.random() < 0.5


def pick(*choices):
    return rng.choice(choices)


def some(kinds, most, name, outer):
    """None, one of the kinds, or a sequence of several."""
    count = rng.randint(0, most)
    parts = [rng.choice(kinds)() for _ in range(count)]
    return None if not parts else parts[0] if count == 1 else {"type": outer, name: parts}


def pattern():
    return pick({"String": " "}, {"String": "a"}, {"String": "▁"}, {"String": "ab"}, {"Regex": "\\s+"}, {"Regex": "[aeiou]"}, {"Regex": "\\p{L}+"},
                {"Regex": "\\d{1,2}"}, {"Regex": "."})


NORMALIZERS = [
    lambda: {"type": pick("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt")},
    lambda: {"type": "Strip", "strip_left": flip(), "strip_right": flip()},
    lambda: {"type": "Replace", "pattern": pattern(), "content": pick("", " ", "▁", "xy", "é")},
    lambda: {"type": "Prepend", "prepend": pick("▁", " ", "»«")},
    lambda: {"type": "BertNormalizer", "clean_text": flip(), "handle_chinese_chars": flip(), "strip_accents": pick(None, True, False), "lowercase": flip()},
]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]


def metaspace():
    return {"type": "Metaspace", "replacement": pick("▁", "_"), "prepend_scheme": pick("always", "first", "never"), "split": flip()}


def byte_level():
    return {"type": "ByteLevel", "add_prefix_space": flip(), "trim_offsets": flip(), "use_regex": flip()}


PRE_TOKENIZERS = [
    metaspace,
    lambda: {"type": pick("BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts")},
    lambda: {"type": "Digits", "individual_digits": flip()},
    lambda: {"type": "Punctuation", "behavior": rng.choice(BEHAVIORS)},
    lambda: {"type": "Split", "pattern": pattern(), "behavior": rng.choice(BEHAVIORS), "invert": flip()},
    lambda: {"type": "CharDelimiterSplit", "delimiter": pick("a", " ", "▁")},
    lambda: {"type": "FixedLength", "length": rng.randint(1, 4)},
]


def template():
    special = lambda: {"SpecialToken": {"id": pick("<s>", "[CLS]"), "type_id": rng.randint(0, 2)}}
    text = lambda name: {"Sequence": {"id": name, "type_id": rng.randint(0, 2)}}
    around = lambda parts: [piece for part in parts for piece in ([special()] if flip() else []) + [part]] + ([special()] if flip() else [])
    return {"type": "TemplateProcessing", "single": around([text("A")]), "pair": around([text("A"), text("B")]),
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}, "[CLS]": {"id": "[CLS]", "ids": [3, 4], "tokens": ["[CLS]", "[SEP]"]}}}


PROCESSORS = [
    template,
    byte_level,
    lambda: {"type": "BertProcessing", "sep": ["[SEP]", 4], "cls": ["[CLS]", 3]},
    lambda: {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": flip(), "add_prefix_space": flip()},
]


def post_processor():
    """None, one, or one that puts tokens in behind one that does not; offsets are trimmed once at most."""
    made = pick(None, rng.choice(PROCESSORS)(), rng.choice(PROCESSORS)())
    if not made or flip():
        return made
    first = byte_level()
    first["trim_offsets"] = first["trim_offsets"] and not made.get("trim_offsets", False)
    return {"type": "Sequence", "processors": [first, made]}


DECODERS = [
    lambda: {"type": pick("ByteFallback", "Fuse")},
    lambda: {"type": "WordPiece", "prefix": "##", "cleanup": flip()},
    metaspace,
    lambda: {"type": "Replace", "pattern": pick({"String": "▁"}, {"String": "a"}, {"Regex": "\\s"}), "content": pick("", " ", "x")},
    lambda: {"type": "BPEDecoder", "suffix": "</w>"},
    lambda: {"type": "CTC", "pad_token": "a", "word_delimiter_token": "▁", "cleanup": flip()},
    lambda: {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
]


def model():
    kind = pick("bytes", "bytes", "chars", "fallback", "suffix", "prefix", "pieces", "unigram", "whole")
    if kind == "bytes":
        return kind, {"ignore_merges": flip()}
    if kind in ("chars", "fallback"):
        return kind, {"fuse_unk": flip(), "ignore_merges": flip()}
    if kind == "pieces":
        return kind, {"max_input_chars_per_word": pick(3, 10, 100)}
    return kind, {}


def tokenizer():
    kind, options = model()
    made = MODELS[kind] | options
    size = len(made["vocab"])
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for i, token in enumerate(SPECIAL)]
    for token in rng.sample(["ink", "Stone", "[MASK]", "the", "é", "  ", "a b", "砚", "quick"], rng.randint(0, 4)):
        # A token of the vocabulary keeps its id, whatever a file says; a special one is never an ordinary piece of text here.
        known = dict(made["vocab"]) if kind != "unigram" else {piece: i for i, (piece, _) in enumerate(made["vocab"])}
        added.append({"id": known.get(token, size), "content": token, "single_word": flip(), "lstrip": flip(), "rstrip": flip(), "normalized": flip(), "special": rng.random() < 0.3 and token not in known})
        size += token not in known
    pre = some(PRE_TOKENIZERS, 2, "pretokenizers", "Sequence")
    if kind == "bytes":
        steps = [pre] if pre else []
        pre = {"type": "Sequence", "pretokenizers": steps + [byte_level()]} if steps else byte_level()
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": some(NORMALIZERS, 3, "normalizers", "Sequence"),
            "pre_tokenizer": pre, "post_processor": post_processor(),
            "decoder": some(DECODERS, 3, "decoders", "Sequence"), "model": made}, [kind, options]


def text():
    if rng.random() < 0.1:
        return rng.choice(EDGES)[:60]
    return "".join(rng.choice(WORDS) for _ in range(rng.randint(0, 12)))


def row(enc):
    return {"ids": enc.ids, "types": enc.type_ids, "offsets": [x for o in enc.offsets for x in o],
            "words": [-1 if w is None else w for w in enc.word_ids], "sequences": [-1 if s is None else s for s in enc.sequence_ids],
            "special": enc.special_tokens_mask, "attention": enc.attention_mask, "overflowing": [row(o) for o in enc.overflowing]}


def attempt(call):
    """What a call gives; None where it fails, panics among them."""
    try:
        return call()
    except BaseException as error:  # noqa: B902
        if isinstance(error, KeyboardInterrupt):
            raise
        return None


cases = []
while len(cases) < COUNT:
    data, which = tokenizer()
    tok = attempt(lambda: Tokenizer.from_str(json.dumps(data)))
    if tok is None:
        continue
    # Tokens that normalizing makes nothing or the same are found there by other rules, those that it makes spaces take
    # spaces along twice, and the offsets of all are trimmed by what they became.
    looked = [tok.normalizer.normalize_str(token["content"]) for token in data["added_tokens"] if token["normalized"]] if tok.normalizer else []
    trims = '"trim_offsets": true' in json.dumps(data["post_processor"])
    if len(set(looked)) < len(looked) or any(not form.strip() for form in looked) or looked and trims:
        continue
    # Unknown pieces of Unigram are spelled as in the text there, and trimmed.
    if data["model"]["type"] == "Unigram" and trims:
        continue
    if '"ByteLevel"' in json.dumps(data["decoder"]) and any(token["content"] == "é" for token in data["added_tokens"]):
        continue  # Taken for the byte 0xE9 there.
    # Special tokens are shown there where they are looked for in normalized text.
    shows = any(token["normalized"] and token["special"] for token in data["added_tokens"])
    encodings = []
    for _ in range(10):
        one, pair, special = text(), text() if rng.random() < 0.25 else None, rng.random() < 0.8
        enc = attempt(lambda: row(tok.encode(one, pair, add_special_tokens=special)))
        ids = enc["ids"] if enc else [rng.randrange(len(data["model"]["vocab"])) for _ in range(8)]
        encodings.append({"text": one, "pair": pair, "special": special, "encoding": enc, "of": ids,
                          "decoded": None if shows else attempt(lambda: tok.decode(ids)), "all": attempt(lambda: tok.decode(ids, skip_special_tokens=False))})
    cases.append({"tokenizer": data | {"model": which}, "encodings": encodings})
OUT.write_bytes(gzip.compress(json.dumps({"seed": SEED, "models": MODELS, "cases": cases}, ensure_ascii=True, separators=(",", ":")).encode(), mtime=0))
