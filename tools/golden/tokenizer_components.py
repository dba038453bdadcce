"""Fixtures of every component of tokenizer.json, and of whole tokenizers made of them, from Hugging Face tokenizers.

Run: python tools/golden/tokenizer_components.py
"""
import base64
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
TEXTS = [t for t in EDGES if len(t) <= 40] + [
    "Ｆｕｌｌ ﬁ ½ ① ㍿ ｶﾞ e\u0301\u0323 q\u0307\u0323 각 \u1100\u1161\u11a8 Å \u212b ẛ̣", "ΟΔΟΣ ΣΑΣ İI ẞ Ǆ", "naïve  déjà-vu, 100% $5.00 ^_^",
    "a\u00adb\u200b\u200ec\u0007d", "Mixed 日本語 and カタカナ ひらがな한글, ok?", "x\u0300\u0301y", "tab\tnew\nline\r\n end"]


def write(name, value):
    (OUT / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def component(part):
    return json.loads(part.__getstate__())


def normalizer_cases(norm):
    tok = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tok.normalizer, tok.pre_tokenizer = norm, pre_tokenizers.FixedLength(length=1)
    out = []
    for i, text in enumerate(TEXTS):
        done = norm.normalize_str(text)
        enc = tok.encode(text)
        out.append([i, None if done == text else done, None if done == text else [x for o in enc.offsets for x in o]])
    return out


def charsmap(rules):
    """A double array for the rules, built naively: every node takes the first free place that fits its children."""
    trie = {}
    values, blob = {}, b""
    for key, value in rules.items():
        node = trie
        for b in key.encode():
            node = node.setdefault(b, {})
        node[0] = None
        values[key.encode()] = len(blob)
        blob += value.encode() + b"\0"
    units = {0: 0}
    used = {0}

    def place(node, at, prefix):
        base = 1
        while any((base ^ b) in used for b in node) or (base >= 1 << 21) or at ^ base in (0,):
            base += 1
        offset = base ^ at
        if offset >= 1 << 21:
            raise ValueError
        units[at] |= offset << 10
        for b in node:
            used.add(base ^ b)
        for b, child in node.items():
            if b == 0:
                units[base] = values[prefix] | 1 << 31
                units[at] |= 1 << 8
            else:
                units[base ^ b] = b
        for b, child in node.items():
            if b:
                place(child, base ^ b, prefix + bytes([b]))

    place(trie, 0, b"")
    size = max(units) + 256
    raw = b"".join(units.get(i, 0).to_bytes(4, "little") for i in range(size))
    return len(raw).to_bytes(4, "little") + raw + blob


RULES = {"ﬁ": "fi", "½": "1/2", "Ａ": "A", "Ｆ": "F", "ｕ": "u", "ｌ": "l", "　": " ", "\u0085": " ", "é": "é", "e\u0301": "é",
         "\u200b": "", "\t": " ", "㍿": "株式会社", "a": "a", "🙂": ":)"}
NORMALIZERS = {
    "NFC": normalizers.NFC(), "NFD": normalizers.NFD(), "NFKC": normalizers.NFKC(), "NFKD": normalizers.NFKD(),
    "Lowercase": normalizers.Lowercase(), "Strip": normalizers.Strip(), "StripLeft": normalizers.Strip(True, False),
    "StripAccents": normalizers.StripAccents(), "Replace": normalizers.Replace(" ", "▁"),
    "ReplaceRegex": normalizers.Replace(Regex(r"\s+"), "<s>"), "ReplaceNone": normalizers.Replace(Regex("[aeiou]"), ""),
    "Prepend": normalizers.Prepend("▁x"), "Nmt": normalizers.Nmt(), "ByteLevel": normalizers.ByteLevel(),
    "Bert": normalizers.BertNormalizer(), "BertCased": normalizers.BertNormalizer(lowercase=False),
    "BertPlain": normalizers.BertNormalizer(False, False, True, False),
    "Precompiled": normalizers.Precompiled(charsmap(RULES)),
    "Sequence": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
                                      normalizers.Replace("o", "oo"), normalizers.Prepend("»"), normalizers.Strip()]),
}
P = pre_tokenizers
CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PRE = {
    "ByteLevel": P.ByteLevel(add_prefix_space=False), "ByteLevelPrefix": P.ByteLevel(add_prefix_space=True),
    "ByteLevelWhole": P.ByteLevel(add_prefix_space=True, use_regex=False),
    "Metaspace": P.Metaspace(), "MetaspaceFirst": P.Metaspace(prepend_scheme="first", split=False),
    "MetaspaceNever": P.Metaspace(replacement="_", prepend_scheme="never"),
    "Bert": P.BertPreTokenizer(), "Whitespace": P.Whitespace(), "WhitespaceSplit": P.WhitespaceSplit(),
    "Digits": P.Digits(False), "DigitsEach": P.Digits(True), "Punctuation": P.Punctuation(),
    "PunctuationContiguous": P.Punctuation("contiguous"), "CharDelimiterSplit": P.CharDelimiterSplit("a"),
    "FixedLength": P.FixedLength(length=3), "UnicodeScripts": P.UnicodeScripts(),
    "SplitCl100k": P.Split(Regex(CL100K), "isolated"), "SplitString": P.Split("a", "isolated"),
    "SplitInverted": P.Split(Regex(r"\w+"), "removed", invert=True),
    "Sequence": P.Sequence([P.WhitespaceSplit(), P.Punctuation(), P.Digits(True)]),
    "SequenceByteLevel": P.Sequence([P.Split(Regex(CL100K), "isolated"), P.ByteLevel(False, use_regex=False)]),
    "SequenceDigits": P.Sequence([P.Digits(True), P.ByteLevel(False, use_regex=True)]),
}
for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
    PRE["Split_" + behavior] = P.Split(Regex(r"[\s,.']"), behavior)
    PRE["SplitInvert_" + behavior] = P.Split(Regex(r"[\s,.']"), behavior, invert=True)
TOKENS = [["▁Hello", "▁world", "▁", "!"], ["he", "##llo", "do", "not", "!", "n't", ".", "'s"], ["<0xE4>", "<0xBD>", "<0xA0>", "a", "<0xFF>", "<0xE4>", "b"],
          ["Ġhello", "Ġw", "orld", "Ċ", "ä", "½", "é", "中"], ["a</w>", "b", "c</w>"], ["h", "h", "<pad>", "h", "|", "e", "e", "<pad>", "|", "|", "x"],
          [" a ", "  b", "HH", "HiH"], ["▁a", "<0x0A>", "▁▁b"], []]
D = decoders
DECODERS = {
    "ByteLevel": D.ByteLevel(), "WordPiece": D.WordPiece(), "WordPieceRaw": D.WordPiece(prefix="##", cleanup=False),
    "Metaspace": D.Metaspace(), "MetaspaceNever": D.Metaspace(prepend_scheme="never"), "ByteFallback": D.ByteFallback(),
    "Fuse": D.Fuse(), "Strip": D.Strip(" ", 1, 0), "StripH": D.Strip("H", 1, 1), "Replace": D.Replace("▁", " "), "CTC": D.CTC(),
    "BPEDecoder": D.BPEDecoder(),
    "Sequence": D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)]),
}


def decode_cases(name, dec):
    # Strip of the reference panics on a token shorter than what it strips, BPEDecoder on no token.
    usable = [t for t in TOKENS if not (name == "StripH" and min(map(len, t), default=0) < 1) and not (name == "BPEDecoder" and not t)]
    return [[t, dec.decode(t)] for t in usable]


write("components.json", {
    "texts": TEXTS,
    "normalizers": {k: {"json": component(n), "cases": normalizer_cases(n)} for k, n in NORMALIZERS.items()},
    "preTokenizers": {k: {"json": component(p), "cases": [
        [i, [[piece, a, b] for piece, (a, b) in p.pre_tokenize_str(t)]] for i, t in enumerate(TEXTS)]} for k, p in PRE.items()},
    "decoders": {k: {"json": component(d), "cases": decode_cases(k, d)} for k, d in DECODERS.items()},
})

# Whole tokenizers.
texts = corpus()


def bert():
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=30))
    tok.normalizer, tok.pre_tokenizer, tok.decoder = normalizers.BertNormalizer(), P.BertPreTokenizer(), D.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tok.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False))
    tok.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tok.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tok


def unigram():
    tok = Tokenizer(models.Unigram())
    tok.normalizer, tok.pre_tokenizer, tok.decoder = normalizers.NFKC(), P.Metaspace(), D.Metaspace()
    tok.train_from_iterator(texts, trainers.UnigramTrainer(vocab_size=350, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>",
                                                           show_progress=False))
    tok.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)])
    return tok


def llama():
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for b in range(256):
        vocab[f"<0x{b:02X}>"] = len(vocab)
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = P.Metaspace()
    base.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=350, limit_alphabet=60, show_progress=False))
    model = json.loads(base.to_str())["model"]
    for token in model["vocab"]:
        vocab.setdefault(token, len(vocab))
    tok = Tokenizer(models.BPE(vocab, [tuple(m) for m in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.decoder = DECODERS["Sequence"]
    tok.add_special_tokens(["<unk>", "<s>", "</s>"])
    tok.add_tokens([AddedToken("the", single_word=True, normalized=True), AddedToken("dog", normalized=True, rstrip=True), AddedToken("emoji", normalized=False)])
    tok.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return tok


def roberta():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer, tok.decoder = P.ByteLevel(add_prefix_space=True), D.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=420, special_tokens=["<s>", "</s>", "<mask>"],
                                                       initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    tok.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tok.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return tok


def llama3():
    tok = Tokenizer(models.BPE(ignore_merges=True))
    tok.pre_tokenizer, tok.decoder = PRE["SequenceByteLevel"], D.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=420, special_tokens=["<|begin|>"],
                                                       initial_alphabet=P.ByteLevel.alphabet(), show_progress=False))
    tok.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0)])])
    return tok


def classic():
    tok = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tok.normalizer, tok.pre_tokenizer, tok.decoder = normalizers.Lowercase(), P.Whitespace(), D.BPEDecoder()
    tok.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], limit_alphabet=50, end_of_word_suffix="</w>",
                                                       show_progress=False))
    return tok


def words():
    tok = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tok.pre_tokenizer = P.WhitespaceSplit()
    tok.train_from_iterator(texts, trainers.WordLevelTrainer(vocab_size=100, special_tokens=["<unk>"], show_progress=False))
    return tok


def row(enc):
    return {"ids": enc.ids, "types": enc.type_ids, "offsets": [x for o in enc.offsets for x in o],
            "words": [-1 if w is None else w for w in enc.word_ids], "sequences": [-1 if s is None else s for s in enc.sequence_ids],
            "special": enc.special_tokens_mask, "attention": enc.attention_mask}


def deep(enc):
    return {**row(enc), "overflowing": [deep(o) for o in enc.overflowing]}


LONG = "The quick brown fox, it's <mask> the  dog\n你好 🙂 emoji [MASK] the1 the. dogs"
for make in (bert, unigram, llama, roberta, llama3, classic, words):
    tok = make()
    data = json.loads(tok.to_str())
    sample = TEXTS + [LONG, EDGES[-6], EDGES[-1]]
    cases = []
    for text in sample:
        enc = tok.encode(text)
        cases.append({"text": text, **row(enc), "decoded": tok.decode(enc.ids), "decodedAll": tok.decode(enc.ids, skip_special_tokens=False)})
    shapes = []
    for strategy in ("longest_first", "only_first", "only_second"):
        for direction in ("right", "left"):
            for max_length, stride in ((12, 0), (14, 2), (40, 3)):
                for pair in (None, "it's the dog's day"):
                    if strategy == "only_second" and pair is None:
                        continue
                    tok.enable_truncation(max_length=max_length, stride=stride, strategy=strategy, direction=direction)
                    tok.enable_padding(direction=direction, pad_id=1, pad_type_id=3, pad_token="p", pad_to_multiple_of=8)
                    try:
                        enc = deep(tok.encode(LONG, pair))
                    except Exception as error:  # too short, or a stride too long
                        enc = None
                    shapes.append({"max": max_length, "stride": stride, "strategy": strategy, "direction": direction, "pair": pair, "result": enc})
    tok.no_truncation()
    tok.no_padding()
    # Cutting a finished encoding keeps all that overflows, which cutting on the way does not.
    windows = []
    for direction in ("right", "left"):
        for max_length, stride in ((5, 0), (5, 2), (7, 6), (1, 0), (1000, 3)):
            enc = tok.encode(LONG, add_special_tokens=False)
            enc.truncate(max_length, stride=stride, direction=direction)
            windows.append({"max": max_length, "stride": stride, "direction": direction, "ids": [enc.ids] + [o.ids for o in enc.overflowing]})
    write(f"whole-{make.__name__}.json", {"tokenizer": data, "cases": cases, "long": LONG, "shapes": shapes, "windows": windows})
