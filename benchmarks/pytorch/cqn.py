"""One learn step of conservative Q-learning in PyTorch, for comparison with `npm run bench`: what AgileRL's CQN does in `learn`
(logsumexp(Q) - mean(Q) plus half the squared TD error, gradients clipped to norm 1, Adam, soft target update), on the network that
it builds by default and on a plain one with two hidden layers of 64.

Prints one JSON line per case: {"name": ..., "us_per_update": ...}. One thread.
"""
import json
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def default_net(obs, actions, width=64):
    """Encoder obs-64-64-64 with layer norms, the last without weights, and a head 64-actions."""

    def block(size):
        return [nn.Linear(size, width), nn.LayerNorm(width), nn.ReLU()]

    latent = [nn.Linear(width, width), nn.LayerNorm(width, elementwise_affine=False), nn.ReLU()]
    return nn.Sequential(*block(obs), *block(width), *latent, *block(width), nn.Linear(width, actions))


def plain_net(obs, actions, width=64):
    return nn.Sequential(nn.Linear(obs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, actions))


def bench(name, build, batch_size=64, obs=4, actions=2, gamma=0.99, tau=1e-3, lr=1e-4):
    online, target = build(obs, actions), build(obs, actions)
    target.load_state_dict(online.state_dict())
    optimizer = torch.optim.Adam(online.parameters(), lr=lr)
    state, next_state = torch.randn(batch_size, obs), torch.randn(batch_size, obs)
    action = torch.randint(0, actions, (batch_size, 1))
    reward = torch.randn(batch_size, 1)
    done = (torch.rand(batch_size, 1) < 0.05).float()

    def update():
        with torch.no_grad():
            goal = reward + gamma * target(next_state).max(dim=1, keepdim=True)[0] * (1 - done)
        value = online(state)
        conservative = torch.logsumexp(value, dim=1).mean() - value.mean()
        loss = conservative + 0.5 * ((value.gather(1, action) - goal) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(online.parameters(), 1)
        optimizer.step()
        with torch.no_grad():
            for to, source in zip(target.parameters(), online.parameters()):
                to.lerp_(source, tau)
        return loss.item()

    for _ in range(200):
        update()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(200):
            update()
        samples.append((time.perf_counter() - start) / 200 * 1e6)
    samples.sort()
    print(json.dumps({"name": name, "us_per_update": samples[len(samples) // 2]}))


if __name__ == "__main__":
    bench("cqn_default_net_batch_64", default_net)
    bench("cqn_64_64_batch_64", plain_net)
