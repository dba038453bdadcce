"""Vocabularies of the Unigram trainers of Hugging Face tokenizers and SentencePiece, for texts to learn from and texts held out.

Run: python tools/golden/tokenizer_unigram.py
"""
import io
import json
import pathlib
import random

import sentencepiece
from tokenizers import Tokenizer, __version__, models, normalizers, pre_tokenizers, trainers
from tokenizer_texts import corpus

OUT = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
SPECIAL = ["<unk>", "<s>", "</s>"]


def texts(seed, count):
    """Sentences of words with shared stems and endings, in a Zipf-like law, with sentences of several scripts between them."""
    rng = random.Random(seed)
    fixed = random.Random(7)
    stems = ["".join(fixed.choice(["pr", "st", "gr", "m", "t", "l", "v", "sh", "k"]) + fixed.choice(["a", "e", "i", "o", "u", "ea"])
                     + fixed.choice(["n", "r", "t", "", "m", "st"]) for _ in range(fixed.randint(1, 2))) for _ in range(300)]
    ends = ["", "", "", "s", "ed", "ing", "er", "ly", "ness", "able"]
    chinese = ["语言", "模型", "学习", "文本", "生成", "今天", "天气", "世界", "的", "是", "了", "很", "好", "从", "中", "石头"]
    arabic = ["كتاب", "كتب", "مكتبة", "في", "من", "على", "البيت", "الكتاب", "بيت"]
    zipf = lambda words: words[min(int(rng.paretovariate(0.9)) - 1, len(words) - 1)]
    out = []
    for i in range(count):
        if i % 5 == 3:
            out.append("".join(zipf(chinese) for _ in range(30)) + "。")
        elif i % 5 == 4:
            out.append(" ".join(zipf(arabic) for _ in range(20)))
        else:
            out.append(" ".join(zipf(stems) + rng.choice(ends) for _ in range(40)) + ".")
    return out


train, held = corpus() + texts(1, 300), texts(2, 60)
runs = []
for vocab_size in (450, 1000):
    tok = Tokenizer(models.Unigram())
    tok.normalizer, tok.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
    tok.train_from_iterator(train, trainers.UnigramTrainer(vocab_size=vocab_size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False))
    hugging_face = json.loads(tok.to_str())["model"]["vocab"]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(t.replace("\n", " ") for t in train), model_writer=model, vocab_size=vocab_size, model_type="unigram",
        character_coverage=1.0, normalization_rule_name="nfkc", remove_extra_whitespaces=False, split_by_unicode_script=False,
        split_by_number=False, minloglevel=2, num_threads=1)
    spm = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    google = [[spm.id_to_piece(i), round(spm.get_score(i), 6)] for i in range(spm.get_piece_size())]
    runs.append({"vocabSize": vocab_size, "huggingFace": [[t, round(s, 6)] for t, s in hugging_face], "sentencePiece": google})
(OUT / "unigram-train.json").write_text(json.dumps(
    {"tokenizers": __version__, "sentencepiece": sentencepiece.__version__, "texts": train, "held": held, "runs": runs},
    ensure_ascii=True, separators=(",", ":")) + "\n")
