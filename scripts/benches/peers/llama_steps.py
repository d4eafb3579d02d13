"""LoRA steps of a causal model's shapes in transformers and PEFT, the yardstick of the bench llama-step. Random weights.

    llama_steps.py '{"mode": "fp32", "batch": 4, "length": 256, "config": {…}}'        prints one JSON line
    config: the model's config.json
    mode: fp32 | bf16 (autocast) | nf4 (bitsandbytes), each with "checkpointing": true or false
    labelled: logits are computed where labels are alone (logits_to_keep), else everywhere
    model: a folder whose weights are taken, which nf4 needs
    write: a folder into which the random weights are written; nothing else is done
"""
import json
import os
import resource
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

settings = {"mode": "fp32", "batch": 4, "length": 256, "steps": 3, "dropout": 0.1, "checkpointing": False,
            "labelled": True, "attention": "sdpa", "model": None, "write": None,
            **json.loads(sys.argv[1])}
VOCABULARY = settings["config"]["vocab_size"]
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 2)))
torch.manual_seed(1)


def base():
    quantization = {}
    if settings["mode"] == "nf4":
        quantization = {"quantization_config": BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16)}
    if settings["model"]:
        return AutoModelForCausalLM.from_pretrained(
            settings["model"], dtype=torch.float32, attn_implementation=settings["attention"], **quantization)
    if quantization:
        raise SystemExit("nf4 needs a model's folder")
    config = LlamaConfig(**settings["config"], attn_implementation=settings["attention"])
    return LlamaForCausalLM(config)


def main():
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = base()
    if settings["write"]:
        model.save_pretrained(settings["write"])
        return
    model.config.use_cache = False
    lora = LoraConfig(r=32, lora_alpha=64, lora_dropout=settings["dropout"], target_modules=targets, task_type="CAUSAL_LM")
    model = get_peft_model(model, lora)
    model.train()
    if settings["checkpointing"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.01)
    batch, length = settings["batch"], settings["length"]
    ids = torch.randint(3, VOCABULARY, (batch, length))
    labelled = length // 2
    targets = ids[:, length - labelled:].reshape(-1)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=settings["mode"] != "fp32"):
            keep = labelled + 1 if settings["labelled"] else 0
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), logits_to_keep=keep).logits
            before = logits[:, -labelled - 1:-1]
            loss = F.cross_entropy(before.reshape(-1, before.shape[-1]).float(), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    seconds, cpu, losses = [], [], []
    for number in range(settings["steps"] + 1):
        start, used = time.perf_counter(), time.process_time()
        losses.append(round(step(), 4))
        if number:
            seconds.append(round(time.perf_counter() - start, 4))
            cpu.append(round(time.process_time() - used, 4))
    print(json.dumps({"stepSeconds": seconds, "stepCpuSeconds": cpu, "losses": losses,
                      "trained": sum(parameter.numel() for parameter in trained),
                      "peakRssMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                      "torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)


main()
