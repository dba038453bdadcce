"""Fixtures from SentencePiece: small models of all kinds and what they make of the texts.

Run: python tools/golden/tokenizer_sentencepiece.py
"""
import base64
import gzip
import io
import json
import pathlib

import sentencepiece as spm
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
out = {"texts": TEXTS, "models": {}}
for name, options in MODELS.items():
    blob = io.BytesIO()
    options = {"character_coverage": 0.98, "hard_vocab_limit": False, **options}
    lines = [line for text in corpus() for line in text.split("\n")]
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=blob, minloglevel=2, num_threads=1, **options)
    sp = spm.SentencePieceProcessor(model_proto=blob.getvalue())
    out["models"][name] = {"model": base64.b64encode(blob.getvalue()).decode(), "normalized": [sp.normalize(t) for t in TEXTS],
                           "ids": [sp.encode(t) for t in TEXTS], "decoded": [sp.decode(sp.encode(t)) for t in TEXTS]}
OUT.write_bytes(gzip.compress(json.dumps(out, ensure_ascii=True, separators=(",", ":")).encode(), mtime=0))
