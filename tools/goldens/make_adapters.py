"""Writes the golden numbers of adapters: what PEFT computes with two LoRA adapters merged into the golden checkpoints.

    pip install torch transformers peft safetensors tokenizers sentencepiece gguf numpy
    python tools/goldens/make_adapters.py crates/egcfg-hub/tests/data

Base weights follow from the formula of make_checkpoints.py, and so do the adapters' matrices (over the adapter's name and the
tensor's). What PEFT itself decides is stored in `adapters.json` of each family: its `adapter_config.json`, names and shapes
of its tensors as they stand in its file, and log-probabilities over 200 tokens of the merged model: with the first adapter,
and with the first and half of the second.
"""

import json
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import safe_open

from make_checkpoints import COMMON, FAMILIES, VOCAB, mix, weight

LENGTH = 200
EVERY = 32  # of the log-probabilities every so many are stored
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    "first": LoraConfig(r=4, lora_alpha=8.0, lora_dropout=0.0, target_modules=ALL, task_type="CAUSAL_LM"),
    # Its scale is alpha / sqrt(r).
    "second": LoraConfig(
        r=8, lora_alpha=2.0, lora_dropout=0.0, target_modules=["q_proj", "v_proj"], use_rslora=True, task_type="CAUSAL_LM"
    ),
}


def base(config):
    values = {key: value for key, value in config.items() if key not in ("architectures", "model_type")}
    scaling = values.pop("rope_scaling", None) or {"type": "default"}
    rope = {"rope_type": scaling["type"], "rope_theta": float(values.pop("rope_theta"))}
    kind = "Qwen2" if config["model_type"] == "qwen2" else "Llama"
    settings = getattr(transformers, f"{kind}Config")(**values, rope_parameters=rope, attn_implementation="eager")
    model = getattr(transformers, f"{kind}ForCausalLM")(settings).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight(name, tuple(parameter.shape))))
    return model


def fill(model, name):
    with torch.no_grad():
        for place, parameter in model.named_parameters():
            if f".{name}." in place:
                key = f"{name}/" + place.replace(f".{name}.", ".")
                parameter.copy_(torch.from_numpy(weight(key, tuple(parameter.shape))))


def rows(model, tokens):
    with torch.no_grad():
        log_probs = torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), dim=-1)
    return [[round(x, 5) for x in row[::EVERY].tolist()] for row in log_probs]


def stored(model, name):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, selected_adapters=[name], safe_serialization=True)
        inner = Path(folder) / name
        config = json.loads((inner / "adapter_config.json").read_text())
        config["target_modules"].sort()
        with safe_open(inner / "adapter_model.safetensors", "pt") as file:
            tensors = {key: list(file.get_slice(key).get_shape()) for key in sorted(file.keys())}
    return {"config": config, "tensors": tensors}


def main():
    target = Path(sys.argv[1])
    torch.set_num_threads(1)
    for family in ("codellama", "qwen2.5-coder"):
        config = {**COMMON, **FAMILIES[family][1]}
        model: PeftModel = get_peft_model(base(config), ADAPTERS["first"], adapter_name="first")
        model.add_adapter("second", ADAPTERS["second"])
        for name in ADAPTERS:
            fill(model, name)
        model.eval()
        tokens = [int(mix(977 + i)) % (VOCAB - 48) for i in range(LENGTH)]
        golden = {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "every": EVERY,
            "adapters": {name: stored(model, name) for name in ADAPTERS},
            "tokens": tokens,
        }
        with model.disable_adapter():
            golden["base"] = rows(model, tokens)
        model.merge_adapter(["first"])
        golden["first"] = rows(model, tokens)
        model.unmerge_adapter()
        for module in model.modules():
            if isinstance(module, LoraLayer) and "second" in module.scaling:
                module.scaling["second"] *= 0.5
        model.merge_adapter(["first", "second"])
        golden["both"] = rows(model, tokens)
        text = json.dumps(golden, separators=(",", ":"))
        (target / family / "adapters.json").write_text(text + "\n")
        shift = max(abs(a - b) for x, y in zip(golden["base"], golden["first"]) for a, b in zip(x, y))
        print(family, "the adapter moves a log-probability by", round(shift, 2))


if __name__ == "__main__":
    main()
