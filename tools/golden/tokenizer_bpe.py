"""Fixtures of byte-level BPE from Hugging Face tokenizers: training, encoding, decoding, GPT-2 pieces.

Run: python tools/golden/tokenizer_bpe.py
"""
import json
import pathlib

from tokenizers import Tokenizer, __version__, decoders, models, pre_tokenizers, trainers
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"


def train(texts, vocab_size, min_frequency, max_token_length=None):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    kw = {} if max_token_length is None else {"max_token_length": max_token_length}
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=["<|endoftext|>", "<|pad|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False, **kw))
    return tok


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


texts = corpus()
runs = []
for vocab_size, min_frequency, max_len in [(700, 2, None), (2000, 0, None), (600, 5, None), (700, 0, 5)]:
    tok = json.loads(train(texts, vocab_size, min_frequency, max_len).to_str())
    runs.append({"vocabSize": vocab_size, "minFrequency": min_frequency, "maxTokenLength": max_len,
                 "merges": tok["model"]["merges"], "vocab": tok["model"]["vocab"]})
write("bpe-train.json", {"tokenizers": __version__, "texts": texts, "runs": runs})

tok = train(texts, 700, 2)
write("bpe-tokenizer.json", json.loads(tok.to_str()))
cases = []
for text in EDGES:
    ids = tok.encode(text).ids
    tok.encode_special_tokens = True
    plain = tok.encode(text).ids
    tok.encode_special_tokens = False
    cases.append({"text": text, "ids": ids, "plain": plain, "decoded": tok.decode(ids, skip_special_tokens=False)})
cuts = []
ids = tok.encode(" ".join(EDGES[-8:])).ids
for start in range(0, min(len(ids), 200), 7):
    for end in (start + 1, start + 2, start + 5):
        cuts.append({"ids": ids[start:end], "decoded": tok.decode(ids[start:end])})
write("bpe-encode.json", {"cases": cases, "cuts": cuts})

pre = pre_tokenizers.ByteLevel(add_prefix_space=False)
write("gpt2-pieces.json", [{"text": t, "pieces": [t[a:b] for _, (a, b) in pre.pre_tokenize_str(t)]} for t in EDGES
                           if all(len(t[a:b]) for _, (a, b) in pre.pre_tokenize_str(t))])
