"""RLOO iterations of a causal model's shapes by TRL's RLOOTrainer, the yardstick of the bench rloo-iteration. Random weights.

    rloo_iteration.py '{"mode": "fp32", "prompts": 2, "completions": 4, "config": {…}}'        prints one JSON line
    mode: fp32 | bf16
    config: the model's config.json
"""
import json
import os
import resource
import sys
import tempfile
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import RLOOConfig, RLOOTrainer

settings = {"mode": "fp32", "prompts": 2, "completions": 4, "promptLength": 32, "newTokens": 32, "iterations": 2,
            **json.loads(sys.argv[1])}
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 2)))
torch.manual_seed(1)

VOCABULARY = settings["config"]["vocab_size"]


def tokenizer():
    """A word for each id: w0, w1, …"""
    words = {f"w{i}": i for i in range(VOCABULARY)}
    words["<|endoftext|>"] = words.pop("w0")
    plain = Tokenizer(models.WordLevel(words, unk_token="<|endoftext|>"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<|endoftext|>", eos_token="w2", pad_token="w2",
                                   padding_side="left")


class Times(TrainerCallback):
    def __init__(self):
        self.seconds, self.cpu = [], []

    def on_step_begin(self, *_, **__):
        self.start, self.before = time.perf_counter(), time.process_time()

    def on_step_end(self, *_, **__):
        self.seconds.append(round(time.perf_counter() - self.start, 3))
        self.cpu.append(round(time.process_time() - self.before, 3))


def main():
    config = LlamaConfig(**{**settings["config"], "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2})
    model = LlamaForCausalLM(config)
    count, k = settings["prompts"], settings["completions"]
    prompts = [" ".join(f"w{3 + int(i)}" for i in torch.randint(0, VOCABULARY - 3, (settings["promptLength"],))) for _ in range(count)]
    rows = count * k
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        arguments = RLOOConfig(
            output_dir=folder, per_device_train_batch_size=rows, num_generations=k, max_completion_length=settings["newTokens"],
            max_steps=settings["iterations"] + 1, learning_rate=1e-4, beta=0.05, temperature=1.0, use_cpu=True,
            bf16=settings["mode"] == "bf16", gradient_checkpointing=False, report_to=[], save_strategy="no", logging_steps=1,
            disable_tqdm=True)
        trainer = RLOOTrainer(
            model=model, args=arguments, processing_class=tokenizer(), train_dataset=Dataset.from_dict({"prompt": prompts}),
            reward_funcs=lambda completions, **_: [1 - abs(len(text.split()) - 16) / 16 for text in completions],
            peft_config=LoraConfig(r=32, lora_alpha=64, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj",
                                                                      "up_proj", "down_proj"], task_type="CAUSAL_LM"),
            callbacks=[times])
        trainer.train()
    log = [row for row in trainer.state.log_history if "completions/mean_length" in row]
    print(json.dumps({"seconds": times.seconds[1:], "cpuSeconds": times.cpu[1:],
                      "completionTokens": log[-1]["completions/mean_length"] * rows,
                      "peakRssMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


main()
