"""Fixtures of chat templates from transformers: templates of the usual shapes and what they make of chats.

Run after tokenizer_bpe.py: python tools/golden/tokenizer_chat.py
"""
import json
import pathlib

from transformers import PreTrainedTokenizerFast

FIXTURES = pathlib.Path(__file__).parents[2] / "packages/tokenizer/test/fixtures"
TEMPLATES = {
    "turns": """{%- for message in messages %}
    {{- '<|pad|>' + message['role'] + '\\n' + message['content'] | trim + '<|endoftext|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|pad|>assistant\\n' }}
{%- endif %}
""",
    "strict": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = none %}
    {%- set rest = messages %}
{%- endif %}
{%- for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate') }}
    {%- endif %}
    {%- if message['role'] == 'user' %}
        {{- '[INST] ' }}{% if loop.first and system is not none %}{{ system + '\\n\\n' }}{% endif %}{{ message['content'] + ' [/INST]' }}
    {%- else %}
        {{- ' ' + message['content'] + eos_token }}
    {%- endif %}
{%- endfor %}
""",
    "tools": """{%- if tools %}
# Tools
    {%- for tool in tools %}
{{ tool | tojson }}
    {%- endfor %}
{% endif %}
{%- set ns = namespace(last='') %}
{%- for message in messages %}
{%- if message.role == 'assistant' and message.tool_calls is defined %}
<|pad|>call {% for call in message.tool_calls %}{{ call.function.name }}({{ call.function.arguments | tojson }}){% if not loop.last %}; {% endif %}{% endfor %}<|endoftext|>
{% elif message.content is string %}
<|pad|>{{ message.role | upper }}: {{ message.content.split('</think>')[-1].strip() }}<|endoftext|>
{% else %}
<|pad|>{{ message.role }}: {% for part in message.content %}{% if part.type == 'text' %}{{ part.text }}{% else %}[{{ part.type }}]{% endif %}{% endfor %}<|endoftext|>
{% endif %}
{%- set ns.last = message.role %}
{%- endfor %}
{%- if add_generation_prompt and ns.last != 'assistant' %}<|pad|>assistant:{% endif %}""",
}
CHATS = [
    [{"role": "user", "content": "Hello, 你好 🙂"}],
    [{"role": "system", "content": "  Be brief. "}, {"role": "user", "content": "1 < 2?"}, {"role": "assistant", "content": "<think>\nhm</think>\n\nYes & \"so\""},
     {"role": "user", "content": "line\n\nlines"}],
    [{"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "image"}, {"type": "text", "text": "?"}]}],
    [{"role": "user", "content": "weather"}, {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "get", "arguments": {"city": "Zürich", "n": 2, "deep": [1.5, None, True]}}}]},
     {"role": "tool", "content": "{\"t\": 5}"}],
    [{"role": "assistant", "content": "out of turn"}],
]
TOOLS = [{"type": "function", "function": {"name": "get", "description": "Gets <it> & 'that'", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]

tok = PreTrainedTokenizerFast(tokenizer_file=str(FIXTURES / "bpe-tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>")
cases = []
for name, template in TEMPLATES.items():
    for chat in CHATS:
        # Only one of the templates knows messages of several parts; Python would print the list.
        if name != "tools" and not all(isinstance(m["content"], str) for m in chat):
            continue
        for tools in (None, TOOLS) if name == "tools" else (None,):
            for prompt in (False, True):
                options = dict(chat_template=template, tools=tools, add_generation_prompt=prompt)
                try:
                    text = tok.apply_chat_template(chat, tokenize=False, **options)
                    ids = tok.apply_chat_template(chat, tokenize=True, return_dict=False, **options)
                except Exception as error:  # the template refuses the chat
                    text, ids = None, None
                cases.append({"template": name, "messages": chat, "tools": tools, "prompt": prompt, "text": text, "ids": ids})
(FIXTURES / "chat.json").write_text(json.dumps({"templates": TEMPLATES, "cases": cases}, ensure_ascii=True, separators=(",", ":")) + "\n")
print(len(cases), sum(c["text"] is None for c in cases))
