"""Fixtures from tiktoken: its encodings with small ranks, and ranks no trainer would make.

Run: python tools/golden/tokenizer_tiktoken.py
"""
import base64
import json
import pathlib
import random
from unittest import mock

import tiktoken
from tiktoken import _educational
from tiktoken_ext import openai_public
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures/tiktoken.json"
TEXTS = EDGES + ["a\n  ", "a \n \n  ", "x'ſ x'S 'LL 'Re", "HTMLParser iPhone USAs ABC中DEf ǅabc", "!\u0301a !!\u0301a \u0301\u0301A", "//path//\n\n/ a/b\n", "12345678 ٣٤٥٦ 1a2",
                 "don't DON'T it'S He'LL'", "\u00a0word \ttab\u3000中 \u2003 x", "ʰAʰB Aʰ", "A\u0301B\u0301c",
                 "中文English中文don't", "第12〇3章 ⺀!⺀a 々a 〇〇〇〇 ア漢字かな。/\n", " 中  中\n中", "𠀀𖿰a\u0301𖿰"]
with mock.patch.object(openai_public, "load_tiktoken_bpe", lambda *a, **k: {}):
    PATTERNS = {name: openai_public.ENCODING_CONSTRUCTORS[name]() for name in ("r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base")}
# Kimi K2's tokenization_kimi.py, the pattern that it hands to tiktoken.
WORD = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]%s[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]%s(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
KIMI = "|".join([r"[\p{Han}]+", WORD % ("*", "+"), WORD % ("+", "*"), r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+",
                 r"\s+(?!\S)", r"\s+"])


def lines(ranks):
    return [base64.b64encode(k).decode() + " " + str(v) for k, v in ranks.items()]


out = {"texts": TEXTS, "encodings": [], "odd": []}
text = "\n".join(corpus())
for name, made in PATTERNS.items():
    ranks = _educational.bpe_train(data=text[:20000], vocab_size=330, pat_str=made["pat_str"]) if name in ("r50k_base", "cl100k_base") else ranks
    with mock.patch("builtins.print"):
        enc = tiktoken.Encoding(name, pat_str=made["pat_str"], mergeable_ranks=ranks, special_tokens=made["special_tokens"])
    out["encodings"].append({"name": name, "pattern": made["pat_str"], "specialTokens": made["special_tokens"], "ranks": lines(ranks),
                             "ids": [enc.encode(t, allowed_special="all") for t in TEXTS], "plain": [enc.encode_ordinary(t) for t in TEXTS],
                             # The pieces show where it cuts, whatever the merges.
                             "pieces": [[p for p in __import__("regex").findall(made["pat_str"].replace("$", r"\Z"), t)] for t in TEXTS]})
with mock.patch("builtins.print"):
    ranks = _educational.bpe_train(data=text[:20000], vocab_size=330, pat_str="(?V1)" + KIMI)
enc = tiktoken.Encoding("kimi", pat_str=KIMI, mergeable_ranks=ranks, special_tokens={})
out["kimi"] = {"pattern": KIMI, "ranks": lines(ranks), "ids": [enc.encode_ordinary(t) for t in TEXTS],
               "pieces": [__import__("regex").findall("(?V1)" + KIMI, t) for t in TEXTS]}
rng = random.Random(7)
for _ in range(40):
    ranks = {bytes([b]): b for b in range(256)}
    while len(ranks) < 290:
        token = bytes(rng.choice(b"aab") for _ in range(rng.randint(2, 6)))
        ranks.setdefault(token, len(ranks))
    enc = tiktoken.Encoding("odd", pat_str=r"\S+|\s", mergeable_ranks=ranks, special_tokens={})
    words = ["".join(rng.choice("aab") for _ in range(rng.choice((5, 9, 30, 150)))) for _ in range(6)]
    out["odd"].append({"ranks": [line for line in lines(ranks) if int(line.split()[1]) > 255], "words": words,
                       "ids": [enc.encode_ordinary(w) for w in words]})
OUT.write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")
