"""Golden values for packages/metrics generation metrics on random Unicode text.

BLEU, chrF, TER and their paired tests come from sacrebleu; Porter stems and METEOR from NLTK; WER and CER from
torchmetrics. ROUGE and CIDEr have no package that installs without a network here, so this file holds slow references
written from the definitions (Lin 2004 with the tokenization of google-research's rouge_score; Vedantam et al. 2015 with
the constants of pycocoevalcap), deliberately naive: plain counters, plain tables. torchmetrics checks the ROUGE one, Lsum
excepted.

Writes packages/metrics/test/fixtures/generation.json. Run: python tools/golden/metrics_generation.py
"""

import json
import math
import random
import re
from collections import Counter
from pathlib import Path

import nltk
import sacrebleu
import torch
import torchmetrics
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import single_meteor_score
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest
from torchmetrics.functional.text import char_error_rate, word_error_rate
from torchmetrics.functional.text.rouge import rouge_score

OUT = Path(__file__).resolve().parents[2] / "packages/metrics/test/fixtures/generation.json"
rng = random.Random(7)
STEMMER = PorterStemmer()

ENGLISH = (
    "the a of to in running runs ran happily happiness flies died relational national generously cats pony agreed "
    "conflated hopping falling filing sky enjoy apology geology fully hopeful U.S. it's don't 3.14 1,000 10-15 x-ray "
    "(hi) \"quote\" &amp; &lt;b&gt; <skipped> e-mail a.b ... -- $5 100% C++ [x] {y} ~z @me #tag was is at on dog cat"
).split()
OTHER = "今天 天气 很 好 我 喜欢 机器 学习 日本語 カタカナ ひらがな 한국어 привет мир été naïve Straße İstanbul ΣΑΣ سلام हिन्दी ไทย".split()
ODD = ["，", "。", "「引用」", "٣٫١٤", "½", "①", "—", "…", "😀", "👩‍👩‍👧", "𠀀𠀁", "\u2001", "€5", "™", "ﬁ", "e\u0301", "５０", "、", "\u00a0", "㈱", "★"]
SPACES = [" "] * 12 + ["  ", "\u3000", "\t", "\u00a0", "\u2028", "\x1f", ""]


def sentence(words=12, newlines=False):
    parts = []
    for _ in range(rng.randint(0, words)):
        pool = rng.choices([ENGLISH, OTHER, ODD], [8, 2, 1])[0]
        parts.append(rng.choice(pool))
        parts.append(rng.choice(SPACES))
        if newlines and rng.random() < 0.1:
            parts.append("\n")
        if rng.random() < 0.1:
            parts.append(rng.choice([".", ",", "!", "?", "-", "，"]))
    return "".join(parts)


def mutate(text):
    words = text.split(" ")
    out = []
    for word in words:
        r = rng.random()
        if r < 0.1:
            continue
        out.append(rng.choice(ENGLISH + OTHER) if r < 0.2 else word)
    if len(out) > 4 and rng.random() < 0.5:
        cut = rng.randint(1, len(out) - 1)
        out = out[cut:] + out[:cut]
    return " ".join(out)


def corpus(n, references, newlines=False):
    samples = []
    for _ in range(n):
        base = sentence(14, newlines)
        samples.append(
            {
                "hypothesis": "" if rng.random() < 0.05 else mutate(base),
                "references": [base] + [mutate(base) for _ in range(references - 1)],
            }
        )
    return samples


def columns(samples):
    hypotheses = [s["hypothesis"] for s in samples]
    references = [list(x) for x in zip(*[s["references"] for s in samples])]
    return hypotheses, references


# ---- sacrebleu -------------------------------------------------------------------------------------------------


def sacre(samples):
    hypotheses, references = columns(samples)
    bleu = []
    for tok in ["none", "13a", "intl", "char", "zh"]:
        for kwargs in [
            {},
            {"lowercase": True, "smooth_method": "floor"},
            {"smooth_method": "add-k", "smooth_value": 2},
            {"smooth_method": "none", "max_ngram_order": 2},
            {"effective_order": True},
        ]:
            metric = BLEU(tokenize=tok, force=True, **kwargs)
            corpus_score = metric.corpus_score(hypotheses, references)
            signature = str(metric.get_signature())
            sentences = []
            if kwargs.get("effective_order"):
                sentences = [metric.sentence_score(s["hypothesis"], s["references"]).score for s in samples]
            bleu.append(
                {
                    "tokenizer": tok,
                    "options": kwargs,
                    "score": corpus_score.score,
                    "bp": corpus_score.bp,
                    "lengths": [corpus_score.sys_len, corpus_score.ref_len],
                    "precisions": corpus_score.precisions,
                    "signature": signature,
                    "sentences": sentences,
                }
            )
    chrf = []
    for kwargs in [
        {},
        {"word_order": 2},
        {"word_order": 1, "lowercase": True, "beta": 3},
        {"whitespace": True, "char_order": 4},
        {"eps_smoothing": True, "word_order": 2},
    ]:
        metric = CHRF(**kwargs)
        score = metric.corpus_score(hypotheses, references)
        chrf.append(
            {
                "options": kwargs,
                "name": score.name,
                "score": score.score,
                "signature": str(metric.get_signature()),
                "sentences": [metric.sentence_score(s["hypothesis"], s["references"]).score for s in samples],
            }
        )
    ter = []
    for kwargs in [
        {},
        {"normalized": True},
        {"no_punct": True, "case_sensitive": True},
        {"normalized": True, "asian_support": True},
        {"normalized": True, "no_punct": True, "asian_support": True},
    ]:
        metric = TER(**kwargs)
        score = metric.corpus_score(hypotheses, references)
        ter.append(
            {
                "options": kwargs,
                "score": score.score,
                "edits": score.num_edits,
                "length": score.ref_length,
                "signature": str(metric.get_signature()),
                "sentences": [metric.sentence_score(s["hypothesis"], s["references"]).score for s in samples],
            }
        )
    return {"samples": samples, "bleu": bleu, "chrf": chrf, "ter": ter}


def long_ter():
    """Long and very unequal pairs, where the beam, the shift limits and the candidate limit take effect."""
    cases = []
    for hyp_length, ref_length, vocabulary in [(60, 60, 8), (120, 30, 5), (10, 150, 6), (90, 90, 40), (3, 200, 9), (140, 140, 3)]:
        hypothesis = " ".join(str(rng.randint(0, vocabulary)) for _ in range(hyp_length))
        reference = " ".join(str(rng.randint(0, vocabulary)) for _ in range(ref_length))
        cases.append([hypothesis, reference, TER().sentence_score(hypothesis, [reference]).score])
    return cases


def paired():
    samples = corpus(60, 1)
    hypotheses, references = columns(samples)
    other = [mutate(h) for h in hypotheses]
    results = {}
    for test in ["bs", "ar"]:
        metrics = {"BLEU": BLEU(force=True), "CHRF": CHRF(), "TER": TER()}
        n = 300 if test == "bs" else 500
        pt = PairedTest([("a", hypotheses), ("b", other)], metrics, references, test_type=test, n_samples=n)
        _, scores = pt()
        results[test] = {
            name: {"baseline": values[0].score, "system": values[1].score, "p": values[1].p_value, "n": n}
            for name, values in scores.items()
            if name != "System"
        }
    return {"samples": samples, "other": other, "results": results}


# ---- ROUGE, from the definition ----------------------------------------------------------------------------------


def rouge_tokens(text, stem):
    words = [w for w in re.sub("[^a-z0-9]", " ", text.lower()).split(" ") if w]
    return [STEMMER.stem(w) if stem and len(w) > 3 else w for w in words]


def prf(common, hypothesis, reference):
    p = common / hypothesis if hypothesis else 0.0
    r = common / reference if reference else 0.0
    return [p, r, 2 * p * r / (p + r) if p + r else 0.0]


def rouge_n(h, r, n):
    hc = Counter(tuple(h[i : i + n]) for i in range(len(h) - n + 1))
    rc = Counter(tuple(r[i : i + n]) for i in range(len(r) - n + 1))
    return prf(sum((hc & rc).values()), sum(hc.values()), sum(rc.values()))


def lcs_matrix(a, b):
    t = {(i, j): 0 for i in range(len(a) + 1) for j in range(len(b) + 1) if i == 0 or j == 0}
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            t[i, j] = t[i - 1, j - 1] + 1 if x == y else max(t[i - 1, j], t[i, j - 1])
    return t


def rouge_l(h, r):
    return prf(lcs_matrix(r, h)[len(r), len(h)], len(h), len(r))


def rouge_lsum(h_text, r_text, stem):
    h_lines = [rouge_tokens(s, stem) for s in h_text.split("\n") if s]
    r_lines = [rouge_tokens(s, stem) for s in r_text.split("\n") if s]
    h_left, r_left = Counter(sum(h_lines, [])), Counter(sum(r_lines, []))
    sizes = sum(h_left.values()), sum(r_left.values())
    hits = 0
    for r in r_lines:
        union = set()
        for h in h_lines:
            t, i, j = lcs_matrix(r, h), len(r), len(h)
            while i and j:
                if r[i - 1] == h[j - 1]:
                    union.add(i - 1)
                    i, j = i - 1, j - 1
                elif t[i, j - 1] > t[i - 1, j]:
                    j -= 1
                else:
                    i -= 1
        for i in sorted(union):
            if h_left[r[i]] > 0 and r_left[r[i]] > 0:
                hits += 1
                h_left[r[i]] -= 1
                r_left[r[i]] -= 1
    return prf(hits, *sizes)


def rouge():
    samples = corpus(40, 1, newlines=True) + corpus(15, 3, newlines=True)
    cases = []
    for stem in [False, True]:
        rows = []
        for s in samples:
            row = {}
            for kind in ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]:
                options = []
                for reference in s["references"]:
                    h, r = rouge_tokens(s["hypothesis"], stem), rouge_tokens(reference, stem)
                    if kind == "rougeLsum":
                        options.append(rouge_lsum(s["hypothesis"], reference, stem))
                    elif kind == "rougeL":
                        options.append(rouge_l(h, r))
                    else:
                        options.append(rouge_n(h, r, int(kind[5:])))
                row[kind] = max(options, key=lambda x: x[2])
            rows.append(row)
        # torchmetrics computes all but Lsum (which it defines otherwise) by the same rules, in float32.
        singles = [i for i, s in enumerate(samples) if len(s["references"]) == 1]
        got = rouge_score(
            [samples[i]["hypothesis"] for i in singles],
            [samples[i]["references"][0] for i in singles],
            use_stemmer=stem,
            rouge_keys=("rouge1", "rouge2", "rouge3", "rougeL"),
        )
        for kind in ["rouge1", "rouge2", "rouge3", "rougeL"]:
            for j, part in enumerate(["precision", "recall", "fmeasure"]):
                mean = sum(rows[i][kind][j] for i in singles) / len(singles)
                assert abs(float(got[f"{kind}_{part}"]) - mean) < 1e-6, (kind, part)
        cases.append({"stem": stem, "rows": rows})
    return {"samples": samples, "cases": cases}


# ---- CIDEr, from the definition ----------------------------------------------------------------------------------


def grams(text, n):
    w = text.split()
    return Counter(tuple(w[i : i + n]) for i in range(len(w) - n + 1))


def cider(samples, variant, frequencies=None, documents=None):
    if frequencies is None:
        frequencies, documents = {}, len(samples)
        for n in range(1, 5):
            for s in samples:
                for g in set().union(*[grams(r, n) for r in s["references"]]):
                    frequencies[g] = frequencies.get(g, 0) + 1
    scores = []
    for s in samples:
        total = 0.0
        for r in s["references"]:
            delta = sum(grams(s["hypothesis"], 2).values()) - sum(grams(r, 2).values())
            for n in range(1, 5):
                weigh = lambda t: {
                    g: c * (math.log(documents) - math.log(max(1.0, frequencies.get(g, 0)))) for g, c in grams(t, n).items()
                }
                h, v = weigh(s["hypothesis"]), weigh(r)
                norm = math.sqrt(sum(x * x for x in h.values())) * math.sqrt(sum(x * x for x in v.values()))
                if variant == "cider-d":
                    dot = sum(min(h[g], v[g]) * v[g] for g in h if g in v)
                    factor = math.exp(-(delta**2) / (2 * 6.0**2))
                else:
                    dot, factor = sum(h[g] * v[g] for g in h if g in v), 1.0
                total += (dot / norm if norm else 0.0) * factor
        scores.append(10 * total / 4 / len(s["references"]))
    return scores


def ciders():
    samples = [
        {"hypothesis": mutate(base), "references": [mutate(base) for _ in range(rng.randint(1, 5))]}
        for base in (sentence(10) for _ in range(40))
    ]
    samples.append({"hypothesis": "", "references": ["a dog", ""]})
    table, documents = {}, 500
    for s in samples:
        for r in s["references"]:
            for n in range(1, 5):
                for g in grams(r, n):
                    table.setdefault(g, rng.randint(0, 60))
    return {
        "samples": samples,
        "ciderD": cider(samples, "cider-d"),
        "cider": cider(samples, "cider"),
        "documents": documents,
        "frequencies": {" ".join(g): c for g, c in table.items()},
        "given": cider(samples[:3], "cider-d", table, documents),
    }


# ---- the rest ------------------------------------------------------------------------------------------------------


class Synonyms:
    """Stands where NLTK wants WordNet: a fixed table."""

    TABLE = {"dog": ["hound", "cat"], "happi": ["glad"], "a": ["the"], "running": ["runs"]}

    class Lemma:
        def __init__(self, name):
            self._name = name

        def name(self):
            return self._name

    class Synset:
        def __init__(self, names):
            self._names = names

        def lemmas(self):
            return [Synonyms.Lemma(n) for n in self._names]

    def synsets(self, word):
        return [Synonyms.Synset(self.TABLE[word])] if word in self.TABLE else []


def meteor():
    cases = []
    for _ in range(60):
        base = sentence(12) + " dog a happy running"
        hypothesis = mutate(base)
        pair = hypothesis.split(), base.split()
        no_synonyms = Synonyms()
        no_synonyms.TABLE = {}
        cases.append(
            {
                "hypothesis": hypothesis,
                "reference": base,
                "plain": single_meteor_score(pair[1], pair[0], wordnet=no_synonyms) if all(pair) else 0.0,
                "synonyms": single_meteor_score(pair[1], pair[0], wordnet=Synonyms()) if all(pair) else 0.0,
            }
        )
    return {"table": Synonyms.TABLE, "cases": cases}


def stems():
    letters = "aeiouybcdfglmnprstzw"
    suffixes = (
        "s es ies sses ed ied eed ing at bl iz ational tional enci anci izer bli alli entli eli ousli ization ation ator "
        "alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er "
        "ic able ible ant ement ment ent ion ou ism ate iti ous ive ize e ll y ly"
    ).split()
    words = set("sky skies dying lying tying news innings inning howe proceed exceed succeed happy enjoy says".split())
    while len(words) < 1500:
        stem = "".join(rng.choice(letters) for _ in range(rng.randint(0, 6)))
        words.add(stem + rng.choice(suffixes) + (rng.choice(suffixes) if rng.random() < 0.3 else ""))
    return [[w, STEMMER.stem(w)] for w in sorted(words) if w]


def error_rates():
    samples = [s for s in corpus(30, 1) if s["references"][0].strip()]
    hypotheses = [s["hypothesis"] for s in samples]
    references = [s["references"][0] for s in samples]
    # torchmetrics returns float32; the counts below let the ratio be formed in double.
    from torchmetrics.functional.text.cer import _cer_update
    from torchmetrics.functional.text.wer import _wer_update

    w, c = _wer_update(hypotheses, references), _cer_update(hypotheses, references)
    assert abs(float(word_error_rate(hypotheses, references)) - float(w[0] / w[1])) < 1e-6
    assert abs(float(char_error_rate(hypotheses, references)) - float(c[0] / c[1])) < 1e-6
    return {"samples": samples, "wer": [float(x) for x in w], "cer": [float(x) for x in c]}


OUT.write_text(
    json.dumps(
        {
            "made_with": {
                "sacrebleu": sacrebleu.__version__,
                "nltk": nltk.__version__,
                "torchmetrics": torchmetrics.__version__,
                "torch": torch.__version__,
            },
            "single": sacre(corpus(40, 1)),
            "multi": sacre(corpus(25, 3)),
            "longTer": long_ter(),
            "paired": paired(),
            "rouge": rouge(),
            "cider": ciders(),
            "meteor": meteor(),
            "stems": stems(),
            "errorRates": error_rates(),
        }
    )
    + "\n"
)
print(OUT, OUT.stat().st_size)
