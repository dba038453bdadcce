"""Checksums of the ids of pieces of a megabyte, and of texts of a megabyte, from Hugging Face tokenizers.

Run: python tools/golden/tokenizer_long.py, after tokenizer_bpe.py and tokenizer_components.py
"""
import json
import pathlib

from tokenizers import Tokenizer
from tokenizer_texts import PARAGRAPHS

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
UNITS = ["a", " ", "^", "ab", "the", "\u7814", "\U0001f642", "e\u0301\u200d", "\x00", "\n", "x\n\n", "".join(PARAGRAPHS)]


def checksum(ids):
    total = 0
    for id in ids:
        total = (total * 31 + id + 1) % 2147483647
    return total


cases = []
for name in ("bpe-tokenizer", "whole-llama", "whole-unigram", "whole-roberta", "whole-bert"):
    data = json.loads((OUT / f"{name}.json").read_text())
    tok = Tokenizer.from_str(json.dumps(data.get("tokenizer", data)))
    for i, unit in enumerate(UNITS):
        ids = tok.encode(unit * (1_000_000 // len(unit.encode()))).ids
        cases.append({"tokenizer": name, "unit": i, "length": len(ids), "checksum": checksum(ids)})
(OUT / "long.json").write_text(json.dumps({"units": UNITS, "cases": cases}, separators=(",", ":")) + "\n")
