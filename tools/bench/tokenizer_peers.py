"""One measurement of tiktoken, Hugging Face tokenizers or SentencePiece, as a line of JSON: encode | words | train |
unigram_hf | unigram_spm. Run by tokenizer.mjs."""
import base64
import hashlib
import json
import os
import resource
import sys
import time

import numpy as np


def documents(text):
    """Documents of about 4000 UTF-16 units, cut at line breaks: those of tokenizer_ours.mjs."""
    units = text.encode("utf-16-le")
    out, at = [], 0
    while at < len(units):
        line = units.find(b"\n\0", at + 8000)
        while line % 2 and line >= 0:
            line = units.find(b"\n\0", line + 1)
        to = len(units) if line < 0 else line + 2
        out.append(units[at:to].decode("utf-16-le"))
        at = to
    return out


def read(path):
    return open(path, encoding="utf-8", newline="").read()


def best(runs, size, f):
    speeds = []
    for _ in range(runs):
        start = time.perf_counter()
        f()
        speeds.append(size / 1e6 / (time.perf_counter() - start))
    return max(speeds)


def encode(config):
    import tiktoken

    config = json.load(open(config))
    text = read(config["file"])
    size = len(text.encode())
    docs = documents(text)
    ranks = {}
    for line in open(config["ranks"]):
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    encoding = tiktoken.Encoding("bench", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={})
    ids = [encoding.encode_ordinary(doc) for doc in docs]
    digest = hashlib.sha256()
    for each in ids:
        digest.update(np.asarray(each, dtype=np.int32).tobytes())
    out = {"checksum": digest.hexdigest()[:16]}
    out["tiktoken"] = best(3, size, lambda: [encoding.encode_ordinary(doc) for doc in docs])
    out["tiktokenDecode"] = best(3, size, lambda: [encoding.decode(each) for each in ids])
    out["tiktokenBatch2"] = best(3, size, lambda: encoding.encode_ordinary_batch(docs, num_threads=2))
    from tokenizers import Tokenizer

    hugging_face = Tokenizer.from_file(config["saved"])
    out["huggingFace"] = best(
        2, size, lambda: [hugging_face.encode(doc, add_special_tokens=False) for doc in docs]
    )
    return out


def words(_kind, file, saved):
    from tokenizers import Tokenizer

    text = read(file)
    docs = documents(text)
    tokenizer = Tokenizer.from_file(saved)
    encode_all = lambda: [tokenizer.encode(doc, add_special_tokens=False) for doc in docs]
    digest = hashlib.sha256()
    for each in encode_all():
        digest.update(np.asarray(each.ids, dtype=np.int32).tobytes())
    return {"warm": best(2, len(text.encode()), encode_all), "checksum": digest.hexdigest()[:16]}


def measured(start):
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def unigram_hf(file, size):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    docs = documents(read(file))
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=int(size), unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(docs, trainer)
    return measured(start)


def unigram_spm(file, size):
    import io

    import sentencepiece

    docs = documents(read(file))
    model = io.BytesIO()
    start = time.perf_counter()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(docs),
        model_writer=model,
        vocab_size=int(size),
        max_sentence_length=1 << 20,
        num_threads=2,
        minloglevel=2,
    )
    return measured(start)


def train(files, size):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    docs = [doc for file in files.split(",") for doc in documents(read(file))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=int(size), min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(docs, trainer)
    out = measured(start)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    spelled = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in merges)
    return {**out, "checksum": hashlib.sha256(spelled.encode()).hexdigest()[:16]}


os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
modes = {"encode": encode, "words": words, "train": train, "unigram_hf": unigram_hf, "unigram_spm": unigram_spm}
print(json.dumps(modes[sys.argv[1]](*sys.argv[2:])))
