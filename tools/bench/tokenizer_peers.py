"""One measurement of tiktoken and Hugging Face tokenizers, as a line of JSON: encode | train. Run by tokenizer.mjs."""
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
    return out


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
    seconds = time.perf_counter() - start
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    spelled = "\n".join(" ".join(pair) if isinstance(pair, list) else pair for pair in merges)
    return {
        "seconds": seconds,
        "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "checksum": hashlib.sha256(spelled.encode()).hexdigest()[:16],
    }


os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
print(json.dumps({"encode": encode, "train": train}[sys.argv[1]](*sys.argv[2:])))
