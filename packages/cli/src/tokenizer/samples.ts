/** A text with the name of its language. */
export interface LabelledText {
  readonly label: string;
  readonly text: string;
}

/** What `inspect` looks at when no text is given: about the same words in many languages, code, and hard cases. */
export const SAMPLES: readonly LabelledText[] = [
  {
    label: 'English',
    text: 'A language model learns from text how words follow one another. Before it reads, a tokenizer cuts the text into pieces; the fewer pieces a sentence needs, the more of it fits into the context.',
  },
  {
    label: 'German',
    text: 'Ein Sprachmodell lernt aus Texten, wie Wörter aufeinander folgen. Bevor es liest, zerlegt ein Tokenizer den Text in Stücke; je weniger Stücke ein Satz braucht, desto mehr davon passt in den Kontext.',
  },
  {
    label: 'French',
    text: "Un modèle de langue apprend dans les textes comment les mots se suivent. Avant qu'il ne lise, un segmenteur découpe le texte en morceaux ; moins une phrase en demande, plus le contexte en contient.",
  },
  {
    label: 'Spanish',
    text: 'Un modelo de lenguaje aprende de los textos cómo se suceden las palabras. Antes de leer, un segmentador corta el texto en trozos; cuantos menos necesita una frase, más cabe en el contexto.',
  },
  {
    label: 'Russian',
    text: 'Языковая модель учится по текстам тому, как слова следуют друг за другом. Перед чтением токенизатор режет текст на части; чем меньше частей нужно предложению, тем больше помещается в контекст.',
  },
  {
    label: 'Greek',
    text: 'Ένα γλωσσικό μοντέλο μαθαίνει από κείμενα πώς οι λέξεις ακολουθούν η μία την άλλη. Πριν διαβάσει, το κείμενο κόβεται σε κομμάτια.',
  },
  {
    label: 'Arabic',
    text: 'يتعلم النموذج اللغوي من النصوص كيف تتبع الكلمات بعضها بعضا. قبل القراءة يقسم النص إلى أجزاء، وكلما قل عددها اتسع السياق لمزيد من الكلام.',
  },
  {
    label: 'Hindi',
    text: 'भाषा मॉडल पाठ से सीखता है कि शब्द एक दूसरे के बाद कैसे आते हैं। पढ़ने से पहले पाठ को टुकड़ों में काटा जाता है।',
  },
  {
    label: 'Thai',
    text: 'แบบจำลองภาษาเรียนรู้จากข้อความว่าคำเรียงต่อกันอย่างไร ก่อนอ่านต้องตัดข้อความเป็นชิ้นเล็กๆ ภาษาไทยไม่มีช่องว่างระหว่างคำ',
  },
  {
    label: 'Chinese',
    text: '语言模型从文本中学习词语如何前后相接。在阅读之前,分词器把文本切成小块;一句话需要的块越少,上下文能容纳的内容就越多。砚是磨墨的石头。',
  },
  {
    label: 'Japanese',
    text: '言語モデルは文章から言葉のつながり方を学びます。読む前にトークナイザーが文章を小さく切り分けます。硯は墨をするための石です。',
  },
  {
    label: 'Korean',
    text: '언어 모델은 글에서 낱말이 어떻게 이어지는지 배웁니다. 읽기 전에 글을 작은 조각으로 나눕니다.',
  },
  {
    label: 'TypeScript',
    text: 'export function mean(values: readonly number[]): number {\n  let sum = 0;\n  for (let i = 0; i < values.length; i++) sum += values[i]!;\n  return values.length > 0 ? sum / values.length : Number.NaN;\n}\n',
  },
  {
    label: 'Python',
    text: 'def mean(values):\n    """Arithmetic mean."""\n    total = 0.0\n    for value in values:\n        total += value\n    return total / len(values) if values else float("nan")\n',
  },
  { label: 'Numbers', text: '3.14159 1,234,567 2026-11-24 0xDEADBEEF 192.168.0.1 +41 44 123 45 67 ½ Ⅷ ٣٤٥' },
  { label: 'Emoji', text: '🙂 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇨🇭 ❤️ 1️⃣ café cafe\u0301' },
];
