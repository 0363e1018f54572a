"""Sampling batches of 256 transitions from a million, as offline algorithms in PyTorch commonly do: all columns are tensors in memory,
rows are drawn with replacement, each column is indexed by them (halfcheetah's sizes: 17 observations, 6 actions).

Prints one JSON line: {"name": ..., "rows_per_second": ...}. One thread.
"""
import json
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(0)

ROWS, OBS, ACTIONS, BATCH, BATCHES = 1_000_000, 17, 6, 256, 2000

if __name__ == "__main__":
    obs, next_obs = torch.randn(ROWS, OBS), torch.randn(ROWS, OBS)
    columns = [obs, torch.rand(ROWS, ACTIONS), torch.randn(ROWS, 1), next_obs, torch.zeros(ROWS, 1)]
    rates = []
    for _ in range(4):
        start = time.perf_counter()
        for _ in range(BATCHES):
            rows = torch.randint(0, ROWS, (BATCH,))
            batch = [column[rows] for column in columns]
        rates.append(BATCH * BATCHES / (time.perf_counter() - start))
    # The first round warms up.
    print(json.dumps({"name": "data_sample_256_free", "rows_per_second": sorted(rates[1:])[1]}))
