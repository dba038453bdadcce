"""Fixture of a tokenizer made of the components of CLIP's, from Hugging Face tokenizers.

Run: python tools/golden/tokenizer_clip.py
"""
import json
import pathlib

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures/clip.json"
TEXTS = EDGES + ["a photo of a cat's  2024 dogs", "it's we'll I'd they've'', 's ''s", "\u3000x\u2028 y\u00a0", "中文 123 ½½ 🙂🙂!?", "e\u0301 \u0301a"]
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
END = "</w>"


def dressed(model):
    tok = Tokenizer(model)
    tok.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tok.decoder = decoders.ByteLevel()
    return tok


alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
trained = dressed(models.BPE(end_of_word_suffix=END))
trained.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=700, end_of_word_suffix=END, initial_alphabet=alphabet, show_progress=False))
model = json.loads(trained.to_str())["model"]
# As in CLIP: every byte, every byte at the end of a word, what merges make, a special token.
vocab = {}
for token in [*alphabet, *(char + END for char in alphabet), *sorted(model["vocab"], key=model["vocab"].get), "<|endoftext|>"]:
    vocab.setdefault(token, len(vocab))
tok = dressed(models.BPE(vocab, [tuple(m) for m in model["merges"]], continuing_subword_prefix="", end_of_word_suffix=END, unk_token="<|endoftext|>"))
tok.add_special_tokens(["<|endoftext|>"])
cases = []
for text in TEXTS:
    enc = tok.encode(text)
    cases.append({"text": text, "ids": enc.ids, "offsets": [x for pair in enc.offsets for x in pair], "words": enc.word_ids})
OUT.write_text(json.dumps({"tokenizer": json.loads(tok.to_str()), "cases": cases}, ensure_ascii=True, separators=(",", ":")) + "\n")
