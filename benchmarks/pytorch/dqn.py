"""One DQN update in PyTorch, for comparison with `npm run bench`: double DQN, MSE, Adam, hard target updates.

Prints one JSON line per case: {"name": ..., "us_per_update": ...}. One thread.
"""
import json
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def mlp(obs, hidden, actions):
    layers, width = [], obs
    for size in hidden:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, actions))


def bench(name, hidden, batch_size, obs=4, actions=2, gamma=0.97, target_every=100):
    online, target = mlp(obs, hidden, actions), mlp(obs, hidden, actions)
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3)
    state, next_state = torch.randn(batch_size, obs), torch.randn(batch_size, obs)
    action = torch.randint(0, actions, (batch_size,))
    reward, done = torch.randn(batch_size), (torch.rand(batch_size) < 0.05).float()
    updates = 0

    def update():
        nonlocal updates
        with torch.no_grad():
            best = online(next_state).argmax(dim=1, keepdim=True)
            next_value = target(next_state).gather(1, best).squeeze(1)
            goal = reward + gamma * (1 - done) * next_value
        value = online(state).gather(1, action.unsqueeze(1)).squeeze(1)
        loss = ((value - goal) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        updates += 1
        if updates % target_every == 0:
            target.load_state_dict(online.state_dict())
        return loss.item()

    for _ in range(200):
        update()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(300):
            update()
        samples.append((time.perf_counter() - start) / 300 * 1e6)
    samples.sort()
    print(json.dumps({"name": name, "us_per_update": samples[len(samples) // 2]}))


def acting(name, envs, hidden=(64, 64), obs=4, actions=2, eps=0.1):
    """What a collector asks for: observations by environment in, eps-greedy actions by environment out."""
    net = mlp(obs, hidden, actions)
    observations = {i: np.random.randn(obs).astype(np.float32) for i in range(envs)}

    def act():
        with torch.no_grad():
            q = net(torch.from_numpy(np.stack(list(observations.values()))))
            greedy = q.argmax(dim=1)
            explore = torch.rand(envs) < eps
            chosen = torch.where(explore, torch.randint(0, actions, (envs,)), greedy)
        return dict(zip(observations, chosen.tolist()))

    for _ in range(500):
        act()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(1000):
            act()
        samples.append((time.perf_counter() - start) / 1000 * 1e6)
    samples.sort()
    print(json.dumps({"name": name, "us_per_update": samples[len(samples) // 2]}))


def adam(name, parameters=1_000_000):
    weight = torch.zeros(parameters, requires_grad=True)
    weight.grad = torch.randn(parameters)
    optimizer = torch.optim.Adam([weight], lr=1e-3)
    for _ in range(20):
        optimizer.step()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(100):
            optimizer.step()
        samples.append((time.perf_counter() - start) / 100 / parameters * 1e9)
    samples.sort()
    print(json.dumps({"name": name, "ns_per_parameter": samples[len(samples) // 2]}))


if __name__ == "__main__":
    bench("dqn_64_64_batch_64", (64, 64), 64)
    bench("dqn_256_256_batch_256", (256, 256), 256)
    for n in (1, 8, 64):
        acting(f"act_{n}_envs", n)
    adam("adam")
