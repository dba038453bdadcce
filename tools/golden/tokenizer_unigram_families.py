"""Fixture of tokenizers made of the components of T5's, XLM-RoBERTa's, ALBERT's and DeBERTa's, from Hugging Face tokenizers, with
the rules of SentencePiece's nmt_nfkc as the fixture sentencepiece.json.gz has them.

Run: python tools/golden/tokenizer_unigram_families.py, behind tokenizer_sentencepiece.py
"""
import base64
import gzip
import json
import pathlib

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from protobuf_fields import fields
from tokenizer_texts import EDGES, corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
TEXTS = EDGES + corpus()[:30] + [
    "ＡＢＣ，１２３。「全角」…　ｶﾞｷﾞ", "``quoted'' 'single' `tick`", "e\u0301 Å ﬁne ① ㎏ ½", "line\nline\n\nline\ttab \r end\r\nof",
    "  two  spaces   around  ", "a\u200bb\ufeffc\u00a0d", "👩‍👩‍👧 👍🏽 ❤️ 🇫🇷", "हिन्दी ภาษาไทย 한국어 각", "▁mark ▁▁ a▁b", "\u0301start", " ", "\n"]

golden = json.loads(gzip.open(OUT / "sentencepiece.json.gz").read())


def field(message, wanted):
    return {number: value for number, _, value in fields(message)}[wanted]


charsmap = field(field(base64.b64decode(golden["models"]["unigram"]["model"]), 3), 2)
rules = normalizers.Precompiled(charsmap)
words = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
quotes = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
FAMILIES = {
    "t5": (rules, words),
    "xlm-r": (normalizers.Sequence([rules, normalizers.Replace(Regex(" {2,}"), " ")]), pre_tokenizers.Metaspace()),
    "converted since": (normalizers.Sequence([rules, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]), pre_tokenizers.Metaspace(prepend_scheme="first")),
    "albert": (normalizers.Sequence([*quotes, normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), rules]), words),
    "xlnet": (normalizers.Sequence([*quotes, normalizers.NFKD(), normalizers.StripAccents(), rules, normalizers.Replace(Regex(" {2,}"), " ")]), words),
    "deberta": (normalizers.Sequence([normalizers.Strip(), rules, normalizers.Replace(Regex(" {2,}"), " ")]), pre_tokenizers.Metaspace()),
}

trained = Tokenizer(models.Unigram())
trained.normalizer, trained.pre_tokenizer = FAMILIES["t5"]
trained.train_from_iterator(corpus(), trainers.UnigramTrainer(vocab_size=600, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False))
model = json.loads(trained.to_str())["model"]
families = {}
for name, (normalizer, pre_tokenizer) in FAMILIES.items():
    tok = Tokenizer(trained.model)
    tok.normalizer, tok.pre_tokenizer = normalizer, pre_tokenizer
    saved = json.loads(tok.to_str())
    del saved["model"]
    text = json.dumps(saved)
    spelled = base64.b64encode(charsmap).decode()
    assert spelled in text
    cases = []
    for given in TEXTS:
        enc = tok.encode(given)
        cases.append({"text": given, "ids": enc.ids, "offsets": [x for pair in enc.offsets for x in pair], "words": enc.word_ids})
    families[name] = {"tokenizer": json.loads(text.replace(spelled, "")), "cases": cases}
made = json.dumps({"model": model, "families": families}, ensure_ascii=True, separators=(",", ":")) + "\n"
(OUT / "unigram-families.json.gz").write_bytes(gzip.compress(made.encode(), mtime=0))
