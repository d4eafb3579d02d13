"""transformers.py FOLDER CASES: the rates of transformers in float32 on two threads, for each [batch, length]. Prints one line of JSON."""

import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(2)
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
rows = []
with torch.no_grad():
    for batch, length in json.loads(sys.argv[2]):
        ids = torch.tensor([[100 + (i * 7919) % 40000 for i in range(length)]] * batch)
        prefill = decode = 0.0
        for _ in range(3):
            start = time.perf_counter()
            out = model(ids, use_cache=True, logits_to_keep=1)
            prefill = max(prefill, batch * length / (time.perf_counter() - start))
            steps = []
            for _ in range(24):
                start = time.perf_counter()
                token = out.logits[:, -1:].argmax(-1)
                out = model(token, past_key_values=out.past_key_values, use_cache=True)
                steps.append(time.perf_counter() - start)
            decode = max(decode, batch / sorted(steps)[len(steps) // 2])
        rows.append({"batch": batch, "length": length, "prefill": prefill, "decode": decode})
print(json.dumps(rows))
