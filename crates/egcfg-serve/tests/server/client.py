"""What users of the official client do, against a server on scripted parts."""

import sys

import openai

base, program = sys.argv[1:3]
client = openai.OpenAI(base_url=base, api_key="none", max_retries=0)
model = client.models.list().data[0].id
assert client.models.retrieve(model).id == model

plain = client.completions.create(model=model, prompt="abc", max_tokens=8, seed=1, logprobs=3, n=2)
assert len(plain.choices) == 2 and plain.usage.completion_tokens == 16
assert len(plain.choices[0].logprobs.tokens) == 8
assert len(plain.choices[0].logprobs.top_logprobs[0]) >= 3

parts = list(client.completions.create(model=model, prompt="abc", max_tokens=8, seed=1, stream=True))
assert "".join(part.choices[0].text for part in parts) == plain.choices[0].text
assert parts[-1].choices[0].finish_reason == "length"

messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "add"}]
chat = client.chat.completions.create(
    model=model, messages=messages, temperature=0, max_tokens=50, logprobs=True, top_logprobs=2
)
assert chat.choices[0].message.role == "assistant"
assert program.startswith(chat.choices[0].message.content)
assert len(chat.choices[0].logprobs.content[0].top_logprobs) == 2
chunks = client.chat.completions.create(
    model=model, messages=messages, temperature=0, max_tokens=50, stream=True, stream_options={"include_usage": True}
)
chunks = list(chunks)
said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
assert said == chat.choices[0].message.content
assert chunks[-1].usage.prompt_tokens > 0

tests = ["assert f(1) == 7", "assert f(2) == 99"]
guided = client.completions.create(model=model, prompt="add", extra_body={"tests": tests, "gamma": [0, 1]})
assert guided.choices[0].text == program
own = guided.choices[0].model_extra["egcfg"]
assert [test["passed"] for test in own["tests"]] == [True, False] and own["passed"] is False
guided = client.chat.completions.create(model=model, messages=messages, extra_body={"tests": tests[:1]})
assert guided.choices[0].message.content == program
assert guided.choices[0].model_extra["egcfg"]["passed"] is True
parts = list(client.completions.create(model=model, prompt="add", stream=True, extra_body={"tests": tests[:1]}))
assert "".join(part.choices[0].text for part in parts) == program
assert parts[-1].model_extra["egcfg"]["passed"] is True

try:
    client.completions.create(model=model, prompt="add", extra_body={"tests": ["assert f("]})
    raise SystemExit("a broken test was accepted")
except openai.BadRequestError as error:
    assert error.param == "tests[0]", error
try:
    client.completions.create(model="other", prompt="add")
    raise SystemExit("another model was accepted")
except openai.NotFoundError as error:
    assert error.code == "model_not_found"
print("ok")
