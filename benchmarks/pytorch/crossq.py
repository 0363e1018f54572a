"""One gradient step of CrossQ in PyTorch, for comparison with `npm run bench`: joint pass of both critics over (s, a) and (s', a')
with batch renormalisation before every linear layer, and every so many steps the actor and the entropy coefficient. Plain PyTorch,
critics one after the other, as SB3-contrib does it. Actor 256-256, critics 1024-1024, batch 256, 17 observations, 6 actions. The actor's step
once with gradients of the critics' weights, as SB3-contrib's, and once without them.

Prints one JSON line per case: {"name": ..., "ms_per_update": ...}, with "lean_ms_per_update" where the two differ. One thread.
"""
import json
import time

import torch
from torch import nn
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(0)
OBS, ACT, BATCH = 17, 6, 256


class Renorm(nn.Module):
    def __init__(self, size, momentum=0.01, eps=1e-3, warmup=100_000):
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.ones(size)), nn.Parameter(torch.zeros(size))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("var", torch.ones(size))
        self.register_buffer("steps", torch.tensor(0))
        self.momentum, self.eps, self.warmup = momentum, eps, warmup

    def forward(self, x):
        if self.training:
            mean, var = x.mean(0), x.var(0)
            m, w = mean, var
            if self.steps > self.warmup:
                with torch.no_grad():
                    running = (self.var + self.eps).sqrt()
                    r = ((var + self.eps).sqrt() / running).clamp(1 / 3, 3)
                    d = ((mean - self.mean) / running).clamp(-5, 5)
                m, w = mean - d * var.sqrt() / r, var / r**2
            with torch.no_grad():
                self.mean += self.momentum * (mean - self.mean)
                self.var += self.momentum * (var - self.var)
                self.steps += 1
        else:
            m, w = self.mean, self.var
        return self.scale * (x - m) / (w + self.eps).sqrt() + self.bias


def body(sizes):
    layers = []
    for size, following in zip(sizes[:-1], sizes[1:]):
        layers += [Renorm(size), nn.Linear(size, following), nn.ReLU()]
    return layers + [Renorm(sizes[-1])]


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(*body([OBS, 256, 256]))
        self.mu, self.log_std = nn.Linear(256, ACT), nn.Linear(256, ACT)

    def forward(self, obs):
        latent = self.trunk(obs)
        dist = Normal(self.mu(latent), self.log_std(latent).clamp(-20, 2).exp())
        raw = dist.rsample()
        action = torch.tanh(raw)
        return action, (dist.log_prob(raw) - torch.log(1 - action**2 + 1e-6)).sum(1, keepdim=True)


def bench():
    actor = Actor()
    critics = nn.ModuleList(nn.Sequential(*body([OBS + ACT, 1024, 1024]), nn.Linear(1024, 1)) for _ in range(2))
    log_alpha = torch.zeros(1, requires_grad=True)
    actor_optim = torch.optim.Adam(actor.parameters(), lr=1e-3, betas=(0.5, 0.999))
    critic_optim = torch.optim.Adam(critics.parameters(), lr=1e-3, betas=(0.5, 0.999))
    alpha_optim = torch.optim.Adam([log_alpha], lr=1e-3)
    s, s2, a = torch.randn(BATCH, OBS), torch.randn(BATCH, OBS), torch.rand(BATCH, ACT) * 2 - 1
    r, d = torch.randn(BATCH, 1), (torch.rand(BATCH, 1) < 0.05).float()

    def critic_step():
        alpha = log_alpha.detach().exp()
        actor.eval()
        with torch.no_grad():
            a2, logp2 = actor(s2)
        critics.train()
        x = torch.cat([torch.cat([s, a], 1), torch.cat([s2, a2], 1)])
        now, after = zip(*(critic(x).chunk(2) for critic in critics))
        critics.eval()
        with torch.no_grad():
            target = r + (1 - d) * 0.99 * (torch.cat(after, 1).min(1, keepdim=True)[0] - alpha * logp2)
        loss = 0.5 * sum(nn.functional.mse_loss(q, target) for q in now)
        critic_optim.zero_grad()
        loss.backward()
        critic_optim.step()
        return loss.item()

    def actor_step(lean):
        critics.requires_grad_(not lean)
        alpha = log_alpha.detach().exp()
        actor.train()
        action, logp = actor(s)
        actor.eval()
        alpha_loss = -(log_alpha * (logp - ACT).detach()).mean()
        alpha_optim.zero_grad()
        alpha_loss.backward()
        alpha_optim.step()
        x = torch.cat([s, action], 1)
        value = torch.cat([critic(x) for critic in critics], 1).min(1, keepdim=True)[0]
        loss = (alpha * logp - value).mean()
        actor_optim.zero_grad()
        loss.backward()
        actor_optim.step()
        critics.requires_grad_(True)
        return loss.item()

    def both(lean=False):
        critic_step()
        actor_step(lean)

    def median(step):
        for _ in range(5):
            step()
        samples = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(8):
                step()
            samples.append((time.perf_counter() - start) / 8 * 1e3)
        samples.sort()
        return samples[len(samples) // 2]

    print(json.dumps({"name": "crossq_critic_step", "ms_per_update": median(critic_step)}))
    figures = {"ms_per_update": median(both), "lean_ms_per_update": median(lambda: both(lean=True))}
    print(json.dumps({"name": "crossq_critic_and_actor_step", **figures}))


if __name__ == "__main__":
    bench()
