"""Fixtures from SentencePiece: small models of all kinds and what they make of the texts.

Run: python tools/golden/tokenizer_sentencepiece.py
"""
import base64
import gzip
import io
import json
import pathlib
import tempfile

import sentencepiece as spm
from protobuf_fields import fields
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures/sentencepiece.json.gz"
# A NUL ends the text for its C++ strings.
TEXTS = [t for t in EDGES if "\0" not in t and len(t) < 300] + ["<sep>a <sep> b", "  lead  and trail  ", "Ｆｕｌｌ ﬁ ½ ㍿ ｶﾞ e\u0301", "x<unk>y <s> </s>", "\u2581a \u2581", "<c>a", "<c>", "ab", "the  the", "abcab", " x"]
MODELS = {
    "unigram": dict(model_type="unigram", vocab_size=260),
    "unigram-bytes": dict(normalization_rule_name="identity", model_type="unigram", vocab_size=420, byte_fallback=True, user_defined_symbols=["<sep>", "ab"]),
    "unigram-raw": dict(model_type="unigram", vocab_size=260, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False),
    "bpe": dict(normalization_rule_name="identity", model_type="bpe", vocab_size=300, character_coverage=0.98),
    "bpe-bytes": dict(model_type="bpe", vocab_size=520, byte_fallback=True, user_defined_symbols=["<sep>", "ab"], character_coverage=0.98,
                      normalization_rule_name="identity", remove_extra_whitespaces=False),
    "bpe-spaces": dict(model_type="bpe", vocab_size=400, split_by_whitespace=False, remove_extra_whitespaces=False, character_coverage=0.98,
                       normalization_rule_name="identity"),
    "bpe-llama": dict(model_type="bpe", vocab_size=520, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
    "word": dict(model_type="word", vocab_size=300, normalization_rule_name="identity", control_symbols=["<c>"]),
    "word-raw": dict(model_type="word", vocab_size=300, normalization_rule_name="identity", user_defined_symbols=["<sep>", "ab"],
                     remove_extra_whitespaces=False, add_dummy_prefix=False),
    "word-suffix": dict(model_type="word", vocab_size=300, normalization_rule_name="identity", treat_whitespace_as_suffix=True),
    "char": dict(model_type="char", vocab_size=120, normalization_rule_name="identity", control_symbols=["<c>"], unk_surface="?"),
    "char-bytes": dict(model_type="char", vocab_size=420, byte_fallback=True, user_defined_symbols=["<sep>", "ab", "ﬁ", "abc"],
                       normalization_rule_name="nfkc_cf", remove_extra_whitespaces=False),
    "char-suffix": dict(model_type="char", vocab_size=120, normalization_rule_name="identity", treat_whitespace_as_suffix=True,
                        user_defined_symbols=["<sep>", "the "]),
    "unigram-suffix": dict(model_type="unigram", vocab_size=260, normalization_rule_name="identity", treat_whitespace_as_suffix=True),
    "bpe-suffix": dict(model_type="bpe", vocab_size=520, byte_fallback=True, normalization_rule_name="identity", treat_whitespace_as_suffix=True,
                       remove_extra_whitespaces=False),
}


def rules(*lines):
    """The path of a file of rules: code points in hexadecimal, what they become behind a tab."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv", delete=False) as file:
        file.write("".join(line + "\n" for line in lines))
    return file.name


# Decoded text: "a" -> "AA", "th" -> "TH" and "the" -> "THE", an escape goes, "b c" -> "b", 中 -> a space, a space -> "_".
DECODED = rules("61\t41 41", "74 68\t54 48", "74 68 65\t54 48 45", "2581\t", "62 20 63\t62", "4E2D\t20")
SPACES = rules("20\t5F", "65 20\t65 5F 5F")
MODELS.update({
    "bpe-decoded": dict(model_type="bpe", vocab_size=520, byte_fallback=True, normalization_rule_name="identity", denormalization_rule_tsv=DECODED),
    "unigram-decoded": dict(model_type="unigram", vocab_size=260, normalization_rule_name="identity", denormalization_rule_tsv=SPACES,
                            remove_extra_whitespaces=False, user_defined_symbols=["<sep>", "the"]),
    "word-decoded": dict(model_type="word", vocab_size=300, normalization_rule_name="identity", denormalization_rule_tsv=DECODED),
})


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, wire, value):
    body = varint(value) if wire == 0 else varint(len(value)) + value if wire == 2 else value
    return varint(number << 3 | wire) + body


def spaced(model):
    """The model with spaces in its pieces where escapes were; the trainer makes none, it only knows escaped ones."""
    out = b""
    for number, wire, value in fields(model):
        if number == 1:
            parts = [(n, w, v.replace("\u2581".encode(), b" ") if n == 1 else v) for n, w, v in fields(value)]
            value = b"".join(field(*part) for part in parts)
        out += field(number, wire, value)
    return out


def spec(number, **values):
    """Fields of normalizer_spec (3) or denormalizer_spec (5) that stand in place of those before."""
    names = {"add_dummy_prefix": 3, "remove_extra_whitespaces": 4, "escape_whitespaces": 5}
    return field(number, 2, b"".join(field(names[name], 0, int(value)) for name, value in values.items()))


# What the trainer refuses, but files may hold: spaces left as they are, and full specs for decoded text.
UNESCAPED = spec(3, escape_whitespaces=False)
EDITED = {
    "unigram-unescaped": ("unigram", True, UNESCAPED),
    "unigram-bytes-unescaped": ("unigram-bytes", True, UNESCAPED),
    "unigram-raw-unescaped": ("unigram-raw", True, UNESCAPED),
    "unigram-suffix-unescaped": ("unigram-suffix", True, UNESCAPED),
    "bpe-unescaped": ("bpe", True, UNESCAPED),
    "bpe-escapes-unescaped": ("bpe", False, UNESCAPED),
    "bpe-bytes-unescaped": ("bpe-bytes", True, UNESCAPED),
    "bpe-spaces-unescaped": ("bpe-spaces", True, UNESCAPED),
    "char-unescaped": ("char", True, UNESCAPED),
    "word-unescaped": ("word", True, UNESCAPED),
    "bpe-decoded-escaped": ("bpe-decoded", False, spec(5, add_dummy_prefix=True, remove_extra_whitespaces=True, escape_whitespaces=True)),
    "bpe-decoded-unescaped": ("bpe-decoded", True, UNESCAPED + spec(5, remove_extra_whitespaces=True)),
}
out = {"texts": TEXTS, "models": {}}
made = {}


def record(name, model):
    sp = spm.SentencePieceProcessor(model_proto=model)
    out["models"][name] = {"model": base64.b64encode(model).decode(), "normalized": [sp.normalize(t) for t in TEXTS],
                           "ids": [sp.encode(t) for t in TEXTS], "decoded": [sp.decode(sp.encode(t)) for t in TEXTS]}


for name, options in MODELS.items():
    blob = io.BytesIO()
    options = {"character_coverage": 0.98, "hard_vocab_limit": False, **options}
    lines = [line for text in corpus() for line in text.split("\n")]
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=blob, minloglevel=2, num_threads=1, **options)
    made[name] = blob.getvalue()
    record(name, made[name])
for name, (source, spaces, change) in EDITED.items():
    record(name, (spaced(made[source]) if spaces else made[source]) + change)
OUT.write_bytes(gzip.compress(json.dumps(out, ensure_ascii=True, separators=(",", ":")).encode(), mtime=0))
