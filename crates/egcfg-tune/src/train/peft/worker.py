"""Trains a LoRA adapter with PyTorch and PEFT, as egcfg's built-in trainer would.

    worker.py FOLDER

The folder holds `train.json` (the job) and `plan.json` (which examples make up which step, and each step's learning
rate). Progress goes to standard output, one JSON object per step, and into `train_log.jsonl`; the adapter is written in
PEFT's layout, and `report.json` when everything is done. A killed run goes on from `checkpoint.pt`. Under
`accelerate launch` every process takes its share of each batch.
"""

import json
import os
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

CHECKPOINT = "checkpoint.pt"
ADAPTER = ("adapter_model.safetensors", "adapter_config.json")


def end_with_parent():
    """The parent holds standard input open; when that ends, so does this process."""
    # Past Python's own buffer, whose lock would be missed when the interpreter ends in peace.
    while os.read(0, 4096):
        pass
    os._exit(3)


def write_whole(path, text):
    """A file is there whole or not at all."""
    beside = path.with_name(path.name + ".part")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def load_model(job):
    """The frozen base with a new adapter, or with the one that is trained further."""
    settings = job["settings"]
    model = AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.float32, local_files_only=True)
    model.config.use_cache = False
    torch.manual_seed(settings["seed"] % 2**63)
    if job.get("start_from"):
        return PeftModel.from_pretrained(model, job["start_from"], is_trainable=True)
    config = LoraConfig(
        task_type="CAUSAL_LM", r=settings["lora_r"], lora_alpha=settings["lora_alpha"],
        lora_dropout=settings["lora_dropout"], target_modules=list(settings["lora_targets"]), bias="none",
    )
    return get_peft_model(model, config)


class Loss(torch.nn.Module):
    """The summed loss of a batch. Only rows that predict the answer or its end mark meet the output matrix."""

    def __init__(self, model, distil):
        super().__init__()
        self.model, self.distil = model, distil

    def rows(self, prompts, answers, device):
        """Log-probabilities before each answer token, one text behind the other."""
        texts = [prompt + answer for prompt, answer in zip(prompts, answers)]
        width = max(map(len, texts))
        ids = torch.zeros(len(texts), width, dtype=torch.long, device=device)
        mask = torch.zeros_like(ids)
        wanted = torch.zeros_like(ids, dtype=torch.bool)
        for row, (text, prompt) in enumerate(zip(texts, prompts)):
            ids[row, :len(text)] = torch.tensor(text, device=device)
            mask[row, :len(text)] = 1
            wanted[row, len(prompt) - 1:len(text) - 1] = True
        base = self.model.get_base_model()
        hidden = base.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return torch.log_softmax(base.lm_head(hidden[wanted]).float(), dim=-1)

    def forward(self, batch, weights, device):
        answers = [example["answer"] for example in batch]
        log_p = self.rows([example["prompt"] for example in batch], answers, device)
        if self.distil:
            with torch.no_grad(), self.model.disable_adapter():
                log_pg = self.rows([example["teacher"] for example in batch], answers, device)
            each = (log_pg.exp() * (log_pg - log_p)).sum(-1)
        else:
            tokens = torch.tensor([token for answer in answers for token in answer], device=device)
            each = -log_p.gather(1, tokens[:, None])[:, 0]
        spread = [weight for weight, answer in zip(weights, answers) for _ in answer]
        return (each * torch.tensor(spread, device=device)).sum()


def save_adapter(model, folder):
    """First the weights, then the description that names them."""
    beside = folder / ".saving"
    model.save_pretrained(beside, safe_serialization=True)
    for name in ADAPTER:
        os.replace(beside / name, folder / name)
    for left in beside.iterdir():
        left.unlink()
    beside.rmdir()


def tenths(losses):
    """Mean loss of the first and of the last tenth of the steps."""
    count = min(max(len(losses) // 10, 1), len(losses))
    mean = lambda part: sum(part) / len(part) if part else 0.0
    return [mean(losses[:count]), mean(losses[len(losses) - count:])]


def main():
    folder = Path(sys.argv[1])
    threading.Thread(target=end_with_parent, daemon=True).start()
    begun = time.monotonic()
    job = json.loads((folder / "train.json").read_text())
    plan = json.loads((folder / "plan.json").read_text())
    settings, steps = job["settings"], plan["steps"]
    examples = [json.loads(line) for line in Path(job["examples"]).read_text().splitlines() if line.strip()]
    accelerator = Accelerator(mixed_precision="bf16" if torch.cuda.is_available() else "no")
    if accelerator.device.type == "cpu":
        torch.set_num_threads(settings["threads"])
    rank, world, device = accelerator.process_index, accelerator.num_processes, accelerator.device
    loss_of = Loss(load_model(job), job["objective"] == "distil")
    trained = [value for value in loss_of.model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings["learning_rate"], betas=(0.9, 0.999), eps=1e-8, weight_decay=settings["weight_decay"])
    done, tokens, learned, losses = 0, 0, 0, []
    path = folder / CHECKPOINT
    if path.exists():
        state = torch.load(path, map_location="cpu", weights_only=True)
        for value, saved in zip(trained, state["adapter"]):
            value.data.copy_(saved)
        optimizer.load_state_dict(state["optimizer"])
        done, tokens, learned, losses = state["step"], state["tokens"], state["learned"], state["losses"]
    log_path = folder / "train_log.jsonl"
    if rank == 0:
        old = log_path.read_text().splitlines() if log_path.exists() else []
        kept = [line for line in old if line.endswith("}") and json.loads(line)["step"] <= done]
        write_whole(log_path, "".join(line + "\n" for line in kept))
    inner = loss_of.model
    loss_of, optimizer = accelerator.prepare(loss_of, optimizer)
    for number in range(done, len(steps)):
        batches = steps[number]
        torch.manual_seed((settings["seed"] + number) % 2**63)
        chosen = [examples[index] for batch in batches for index in batch]
        total = sum(example["weight"] * len(example["answer"]) for example in chosen)
        loss_of.train()
        step_loss = torch.zeros((), device=device)
        for place, batch in enumerate(batches):
            own = [examples[index] for index in batch[rank::world]]
            # A process without a share of its own still takes part in the sum.
            share = own or [examples[batch[0]]]
            weights = [example["weight"] if own else 0.0 for example in share]
            last = place == len(batches) - 1
            with nullcontext() if last else accelerator.no_sync(loss_of):
                with accelerator.autocast():
                    loss = loss_of(share, weights, device) / total
                # Gradients of several processes are averaged; what is wanted is their sum.
                accelerator.backward(loss * world)
            step_loss += loss.detach()
        step_loss = float(accelerator.reduce(step_loss, reduction="sum"))
        norm = float(accelerator.clip_grad_norm_(trained, settings["max_grad_norm"]))
        if step_loss != step_loss or norm != norm or abs(step_loss) == float("inf") or norm == float("inf"):
            sys.exit(f"step {number + 1}: the loss or its gradient is not a finite number; a lower --learning-rate helps")
        for group in optimizer.param_groups:
            group["lr"] = plan["rates"][number]
        optimizer.step()
        optimizer.zero_grad()
        tokens += sum(len(example["prompt"]) + len(example["answer"]) for example in chosen)
        learned += sum(len(example["answer"]) for example in chosen)
        losses.append(step_loss)
        if rank:
            continue
        progress = {
            "step": number + 1, "steps": len(steps), "loss": step_loss, "rate": plan["rates"][number],
            "gradient_norm": norm, "gradient_tokens": learned, "tokens": tokens, "seconds": time.monotonic() - begun,
        }
        with open(log_path, "a", encoding="utf-8") as log:
            log.write(json.dumps(progress) + "\n")
        if (number + 1) % settings["save_every"] == 0 or number + 1 == len(steps):
            state = {
                "adapter": [value.detach().cpu() for value in trained], "optimizer": optimizer.state_dict(),
                "step": number + 1, "tokens": tokens, "learned": learned, "losses": losses,
            }
            torch.save(state, path.with_name(CHECKPOINT + ".part"))
            os.replace(path.with_name(CHECKPOINT + ".part"), path)
        print(json.dumps(progress), flush=True)
    if rank == 0:
        save_adapter(inner, folder)
        path.unlink(missing_ok=True)
        seconds = time.monotonic() - begun
        report = {
            "steps": len(steps), "examples": plan["used"], "left_out": plan["left_out"], "gradient_tokens": learned,
            "parameters": sum(value.numel() for value in trained), "loss": tenths(losses),
            "time": {"secs": int(seconds), "nanos": int(seconds % 1 * 1e9)},
        }
        write_whole(folder / "report.json", json.dumps(report, indent=2) + "\n")
    accelerator.end_training()


if __name__ == "__main__":
    main()
