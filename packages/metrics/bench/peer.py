"""The Python side of the bench: answers {"case", "from", "to"} on stdin with {"seconds", "cpu", "value"}.

BLEU and chrF are sacrebleu's. ROUGE and CIDEr are written here as the Python packages of that name go about them (Counter
n-grams, a list-of-lists LCS table, NLTK's Porter stemmer; dictionaries of tuples), since neither package can be assumed.
"""

import collections
import json
import math
import re
import sys
import time

from nltk.stem.porter import PorterStemmer
from sacrebleu.metrics import BLEU, CHRF

with open(sys.argv[1], encoding="utf-8") as f:
    data = json.load(f)
STEMMER = PorterStemmer()


def bleu(a, b):
    chunk = data["pairs"][a:b]
    return BLEU().corpus_score([h for h, _ in chunk], [[r for _, r in chunk]]).score


def chrf(a, b):
    chunk = data["pairs"][a:b]
    return CHRF().corpus_score([h for h, _ in chunk], [[r for _, r in chunk]]).score


def tokens(text):
    text = re.sub(r"[^a-z0-9]+", " ", text.lower())
    words = [STEMMER.stem(x) if len(x) > 3 else x for x in re.split(r"\s+", text)]
    return [x for x in words if x]


def f1(common, h, r):
    p, q = common / max(h, 1), common / max(r, 1)
    return 2 * p * q / (p + q) if p + q else 0.0


def ngrams(words, n):
    return collections.Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def lcs(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            if a[i - 1] == b[j - 1]:
                table[i][j] = table[i - 1][j - 1] + 1
            else:
                table[i][j] = max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


def rouge(a, b):
    sums = [[], [], []]
    for hypothesis, reference in data["pairs"][a:b]:
        h, r = tokens(hypothesis), tokens(reference)
        for n in (1, 2):
            hn, rn = ngrams(h, n), ngrams(r, n)
            common = sum(min(c, hn[g]) for g, c in rn.items())
            sums[n - 1].append(f1(common, sum(hn.values()), sum(rn.values())))
        sums[2].append(f1(lcs(r, h), len(h), len(r)))
    return [math.fsum(x) / len(x) for x in sums]


def counts(text):
    words = text.split()
    out = collections.defaultdict(int)
    for k in range(1, 5):
        for i in range(len(words) - k + 1):
            out[tuple(words[i : i + k])] += 1
    return out


def cider(a, b):
    images = [(counts(c["hypothesis"]), [counts(r) for r in c["references"]]) for c in data["captions"][a:b]]
    frequency = collections.defaultdict(float)
    for _, references in images:
        for gram in {g for r in references for g in r}:
            frequency[gram] += 1
    total = math.log(len(images))

    def vector(grams):
        v, norm, length = [{} for _ in range(4)], [0.0] * 4, 0
        for g, c in grams.items():
            n = len(g) - 1
            v[n][g] = c * (total - math.log(max(1.0, frequency.get(g, 0.0))))
            norm[n] += v[n][g] ** 2
            if n == 1:
                length += c
        return v, [math.sqrt(x) for x in norm], length

    scores = []
    for hypothesis, references in images:
        v, norm, length = vector(hypothesis)
        score = 0.0
        for reference in references:
            w, other, size = vector(reference)
            for n in range(4):
                dot = sum(min(x, w[n].get(g, 0.0)) * w[n].get(g, 0.0) for g, x in v[n].items())
                if norm[n] and other[n]:
                    dot /= norm[n] * other[n]
                score += dot * math.exp(-((length - size) ** 2) / 72)
        scores.append(10 * score / 4 / len(references))
    return math.fsum(scores) / len(scores)


CASES = {"bleu": bleu, "chrf": chrf, "rouge": rouge, "cider": cider}
for line in sys.stdin:
    request = json.loads(line)
    cpu, start = time.process_time(), time.perf_counter()
    value = CASES[request["case"]](request["from"], request["to"])
    answer = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu, "value": value}
    print(json.dumps(answer), flush=True)
