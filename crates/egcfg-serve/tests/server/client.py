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

echoed = client.completions.create(model=model, prompt="abc", max_tokens=1, echo=True, logprobs=1, stream=True)
echoed = [part.choices[0].logprobs for part in echoed]
assert [token for part in echoed for token in part.tokens][:3] == ["a", "b", "c"]
assert echoed[0].token_logprobs[0] is None

response = client.responses.create(model=model, input="add", instructions="Be brief.", temperature=0)
assert response.status == "completed" and response.output_text == chat.choices[0].message.content
events = list(client.responses.create(model=model, input="add", instructions="Be brief.", temperature=0, stream=True))
assert [event.type for event in events][:2] == ["response.created", "response.in_progress"]
assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == response.output_text
assert events[-1].type == "response.completed" and events[-1].response.usage.output_tokens > 0
cut = list(client.responses.create(model=model, input="add", max_output_tokens=3, stream=True))
assert cut[-1].type == "response.incomplete" and cut[-1].response.incomplete_details.reason == "max_output_tokens"
with client.responses.stream(model=model, input="add", instructions="Be brief.", temperature=0) as stream:
    assert stream.get_final_response().output_text == response.output_text

raw = client.completions.with_raw_response.create(model=model, prompt="a", max_tokens=1, extra_body={"gama": 1})
assert raw.headers["x-egcfg-ignored"] == "gama"

tests = ["assert f(1) == 7", "assert f(2) == 99"]
guided = client.completions.create(model=model, prompt="add", extra_body={"tests": tests, "gamma": [0, 1]})
assert guided.choices[0].text == program
own = guided.choices[0].model_extra["egcfg"]
assert [test["passed"] for test in own["tests"]] == [True, False] and own["passed"] is False
assert guided.choices[0].finish_reason == "content_filter"
failing = client.chat.completions.create(model=model, messages=messages, extra_body={"tests": tests})
assert failing.choices[0].message.content == program
assert failing.choices[0].message.refusal.startswith("the program fails 1 of 2 tests")
guided = client.chat.completions.create(model=model, messages=messages, extra_body={"tests": tests[:1]})
assert guided.choices[0].message.content == program and guided.choices[0].message.refusal is None
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
try:
    client.chat.completions.create(model=model, messages=messages, response_format={"type": "json_object"})
    raise SystemExit("a promise of JSON was given")
except openai.BadRequestError as error:
    assert error.param == "response_format" and error.code == "unsupported_parameter", error
try:
    client.completions.create(model=model, prompt="a" * 100_000)
    raise SystemExit("a prompt beyond the context was taken")
except openai.BadRequestError as error:
    assert error.code == "context_length_exceeded", error
print("ok")
