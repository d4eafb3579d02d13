"""SFT steps of a causal model's shapes in TRL, a yardstick of the bench llama-step. Random weights.

    sft_steps.py '{"mode": "fp32", "batch": 4, "length": 256, "config": {…}}'        prints one JSON line
    config: the model's config.json
    mode: fp32 | bf16 (autocast). TRL's own trainer runs; half of each row's tokens are its completion, which has the loss.
"""
import json
import os
import resource
import sys
import tempfile
import time
import warnings

import torch
from datasets import Dataset
from peft import LoraConfig
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import SFTConfig, SFTTrainer

warnings.filterwarnings("ignore")
settings = {"mode": "fp32", "batch": 4, "length": 256, "steps": 3, "dropout": 0.1, "checkpointing": False,
            **json.loads(sys.argv[1])}
VOCABULARY = settings["config"]["vocab_size"]
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 2)))
torch.manual_seed(1)


class Clock(TrainerCallback):
    """Seconds of every step, by the clock and by the processor."""

    def __init__(self):
        self.wall, self.cpu, self.losses = [], [], []

    def on_step_begin(self, *args, **kwargs):
        self.started = time.perf_counter(), time.process_time()

    def on_step_end(self, *args, **kwargs):
        self.wall.append(round(time.perf_counter() - self.started[0], 4))
        self.cpu.append(round(time.process_time() - self.started[1], 4))

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "mean_token_accuracy" in logs:
            self.losses.append(round(logs["loss"], 4))


def tokenizer():
    words = {f"w{i}": i for i in range(VOCABULARY)}
    plain = Tokenizer(models.WordLevel(words, unk_token="w0"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="w0", eos_token="w2", pad_token="w2")


def main():
    config = LlamaConfig(**{**settings["config"], "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
                         attn_implementation="sdpa")
    steps, batch, length = settings["steps"] + 1, settings["batch"], settings["length"]
    half = length // 2
    words = lambda count: [f"w{id}" for id in torch.randint(3, VOCABULARY, (count,)).tolist()]
    answer = lambda: " " + " ".join([*words(half - 1), "w2"])
    rows = [{"prompt": " ".join(words(length - half)), "completion": answer()} for _ in range(batch)]
    lora = LoraConfig(r=32, lora_alpha=64, lora_dropout=settings["dropout"], task_type="CAUSAL_LM",
                      target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(output_dir=folder, use_cpu=True, bf16=settings["mode"] == "bf16", max_steps=steps,
                         per_device_train_batch_size=batch, learning_rate=1e-4, lr_scheduler_type="constant",
                         completion_only_loss=True, gradient_checkpointing=settings["checkpointing"], max_length=length,
                         logging_steps=1, report_to=[], save_strategy="no", disable_tqdm=True, seed=1)
        trainer = SFTTrainer(LlamaForCausalLM(config), args=args, train_dataset=Dataset.from_list(rows),
                             processing_class=tokenizer(), peft_config=lora, callbacks=[clock])
        stdout, sys.stdout = sys.stdout, sys.stderr
        trainer.train()
        sys.stdout = stdout
    trained = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad)
    print(json.dumps({"stepSeconds": clock.wall[1:], "stepCpuSeconds": clock.cpu[1:], "losses": clock.losses, "trained": trained,
                      "peakRssMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                      "torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)


main()
