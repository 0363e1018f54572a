"""One update of REDQ in PyTorch, for comparison with `npm run bench`: targets from a random subset of the target critics, ensembles as batched
products, the actor by the mean of all critics, soft target update. 10 critics 256-256, batch 256, 17 observations, 6 actions. Once as Tianshou
does it, which evaluates all target critics and takes gradients of the critics' weights in the actor's step, and once without either.

Prints one JSON line per case: {"name": ..., "ms_per_update": ..., "lean_ms_per_update": ...}. One thread.
"""
import copy
import json
import time

import torch
from torch import nn
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(0)
OBS, ACT, BATCH, N, M = 17, 6, 256, 10, 2


class EnsembleLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        k = n_in**-0.5
        self.weight = nn.Parameter(torch.empty(N, n_in, n_out).uniform_(-k, k))
        self.bias = nn.Parameter(torch.empty(N, 1, n_out).uniform_(-k, k))

    def forward(self, x):
        return torch.matmul(x, self.weight) + self.bias

    def of(self, members, x):
        return torch.matmul(x, self.weight[members]) + self.bias[members]


def values_of(net, members, x):
    for layer in net:
        x = layer.of(members, x) if isinstance(layer, EnsembleLinear) else layer(x)
    return x


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(OBS, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.mu, self.log_std = nn.Linear(256, ACT), nn.Linear(256, ACT)

    def forward(self, obs):
        latent = self.trunk(obs)
        dist = Normal(self.mu(latent), self.log_std(latent).clamp(-20, 2).exp())
        raw = dist.rsample()
        action = torch.tanh(raw)
        return action, (dist.log_prob(raw) - torch.log(1 - action**2 + torch.finfo(torch.float32).eps)).sum(1, keepdim=True)


def medians(lean, alpha=0.2, gamma=0.99, tau=0.005):
    actor = Actor()
    critic = nn.Sequential(EnsembleLinear(OBS + ACT, 256), nn.ReLU(), EnsembleLinear(256, 256), nn.ReLU(), EnsembleLinear(256, 1))
    target = copy.deepcopy(critic)
    actor_optim = torch.optim.Adam(actor.parameters(), lr=1e-3)
    critic_optim = torch.optim.Adam(critic.parameters(), lr=1e-3)
    s, s2, a = torch.randn(BATCH, OBS), torch.randn(BATCH, OBS), torch.rand(BATCH, ACT) * 2 - 1
    r, d = torch.randn(BATCH), (torch.rand(BATCH) < 0.05).float()

    def critic_step():
        with torch.no_grad():
            a2, logp2 = actor(s2)
            chosen = torch.randperm(N)[:M]
            x = torch.cat([s2, a2], 1)
            drawn = values_of(target, chosen, x) if lean else target(x)[chosen]
            value = drawn.min(0)[0] - alpha * logp2
            goal = r + gamma * (1 - d) * value.flatten()
        td = critic(torch.cat([s, a], 1)).flatten(1) - goal
        loss = td.pow(2).mean()
        critic_optim.zero_grad()
        loss.backward()
        critic_optim.step()

    def actor_step():
        critic.requires_grad_(not lean)
        action, logp = actor(s)
        loss = (alpha * logp - critic(torch.cat([s, action], 1)).mean(0)).mean()
        actor_optim.zero_grad()
        loss.backward()
        actor_optim.step()
        critic.requires_grad_(True)

    def sync():
        with torch.no_grad():
            for old, new in zip(target.parameters(), critic.parameters()):
                old.mul_(1 - tau).add_(new, alpha=tau)

    def without():
        critic_step()
        sync()

    def both():
        critic_step()
        actor_step()
        sync()

    figures = {}
    for name, step in (("redq_critic_step", without), ("redq_critic_and_actor_step", both)):
        for _ in range(10):
            step()
        samples = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(15):
                step()
            samples.append((time.perf_counter() - start) / 15 * 1e3)
        samples.sort()
        figures[name] = samples[len(samples) // 2]
    return figures


if __name__ == "__main__":
    lean = medians(lean=True)
    for name, value in medians(lean=False).items():
        print(json.dumps({"name": name, "ms_per_update": value, "lean_ms_per_update": lean[name]}))
