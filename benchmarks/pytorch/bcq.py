"""One update of BCQ in PyTorch, for comparison with `npm run bench`: 17 observations, 6 actions, batches of 100 and 256, VAE 750-750,
perturbation and critics 400-300. Two forms: `gated` does what DI-engine does (VAE whose observation features multiply, with the residual head that
every decoding computes), with its defects mended; `concat` is the authors'. Both once with the gradients of the actor's loss into all networks, as in
either library, and once without these and without the residual head, which nothing reads (lean).

Prints one JSON line per case: {"name": ..., "ms_per_update": ..., "lean_ms_per_update": ...}. One thread.
"""
import copy
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
OBS, ACT, LATENT, WIDTH = 17, 6, 12, 750


def mlp(*widths):
    layers = []
    for n_in, n_out in zip(widths, widths[1:]):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Gated(nn.Module):
    def __init__(self, lean):
        super().__init__()
        self.lean = lean
        block = lambda n_in: nn.Sequential(nn.Linear(n_in, WIDTH), nn.ReLU())
        self.action, self.obs, self.common = block(ACT), block(OBS), block(WIDTH)
        self.mu, self.log_var = nn.Linear(WIDTH, LATENT), nn.Linear(WIDTH, LATENT)
        self.latent, self.decode_common, self.residual1 = block(LATENT), block(WIDTH), block(WIDTH)
        self.out, self.residual2 = nn.Linear(WIDTH, ACT), nn.Linear(WIDTH, OBS)

    def from_features(self, features):
        hidden = self.decode_common(features)
        return torch.tanh(self.out(hidden)), None if self.lean else self.residual2(self.residual1(hidden))

    def decode(self, obs, z):
        return self.from_features(self.latent(z) * self.obs(obs))[0]

    def loss(self, s, a):
        gate = self.obs(s)
        hidden = self.common(gate * self.action(a))
        mu, log_var = self.mu(hidden), self.log_var(hidden)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        recons, _ = self.from_features(self.latent(torch.tanh(z)) * gate)
        kld = (-0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)).mean()
        return F.mse_loss(recons, a) + 0.5 * kld


class Concat(nn.Module):
    def __init__(self, lean):
        super().__init__()
        self.encoder = nn.Sequential(mlp(OBS + ACT, WIDTH, WIDTH), nn.ReLU())
        self.mu, self.log_std = nn.Linear(WIDTH, LATENT), nn.Linear(WIDTH, LATENT)
        self.decoder = mlp(OBS + LATENT, WIDTH, WIDTH, ACT)

    def decode(self, obs, z):
        return torch.tanh(self.decoder(torch.cat([obs, z], 1)))

    def loss(self, s, a):
        hidden = self.encoder(torch.cat([s, a], 1))
        mu, std = self.mu(hidden), self.log_std(hidden).clamp(-4, 15).exp()
        recons = self.decode(s, mu + std * torch.randn_like(std))
        kld = -0.5 * (1 + torch.log(std**2) - mu**2 - std**2).mean()
        return F.mse_loss(recons, a) + 0.5 * kld


class Nets(nn.Module):
    def __init__(self):
        super().__init__()
        self.xi = mlp(OBS + ACT, 400, 300, ACT)
        self.critics = nn.ModuleList(mlp(OBS + ACT, 400, 300, 1) for _ in range(2))

    def perturb(self, s, a):
        return (a + 0.05 * torch.tanh(self.xi(torch.cat([s, a], 1)))).clamp(-1, 1)

    def values(self, s, a):
        x = torch.cat([s, a], 1)
        return [q(x).flatten() for q in self.critics]


def median(lean, kind, batch, gamma=0.99, tau=0.005, lmbda=0.75):
    vae, nets = kind(lean), Nets()
    target = copy.deepcopy(nets)
    adam = lambda module: torch.optim.Adam(module.parameters(), lr=3e-4)
    vae_optim, critic_optim, actor_optim = adam(vae), adam(nets.critics), adam(nets.xi)
    s, s2, a = torch.randn(batch, OBS), torch.randn(batch, OBS), torch.rand(batch, ACT) * 2 - 1
    r, d = torch.randn(batch), (torch.rand(batch) < 0.05).float()
    latent = lambda n: torch.randn(n, LATENT).clamp(-0.5, 0.5)

    def step():
        loss = vae.loss(s, a)
        vae_optim.zero_grad()
        loss.backward()
        vae_optim.step()
        with torch.no_grad():
            rep = s2.repeat_interleave(10, 0)
            a2 = target.perturb(rep, vae.decode(rep, latent(10 * batch)))
            t1, t2 = target.values(rep, a2)
            value = lmbda * torch.min(t1, t2) + (1 - lmbda) * torch.max(t1, t2)
            goal = r + gamma * (1 - d) * value.reshape(batch, 10).max(1)[0]
        loss = sum(F.mse_loss(q, goal) for q in nets.values(s, a))
        critic_optim.zero_grad()
        loss.backward()
        critic_optim.step()
        with torch.set_grad_enabled(not lean):
            candidate = vae.decode(s, latent(batch))
        nets.critics.requires_grad_(not lean)
        action = nets.perturb(s, candidate)
        loss = -nets.critics[0](torch.cat([s, action], 1)).mean()
        actor_optim.zero_grad()
        loss.backward()
        actor_optim.step()
        nets.critics.requires_grad_(True)
        with torch.no_grad():
            for old, new in zip(target.parameters(), nets.parameters()):
                old.mul_(1 - tau).add_(new, alpha=tau)

    for _ in range(5):
        step()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(5):
            step()
        samples.append((time.perf_counter() - start) / 5 * 1e3)
    return sorted(samples)[len(samples) // 2]


def bench(kind, batch):
    figures = {"ms_per_update": median(False, kind, batch), "lean_ms_per_update": median(True, kind, batch)}
    print(json.dumps({"name": f"bcq_{kind.__name__.lower()}_batch_{batch}", **figures}))


if __name__ == "__main__":
    for kind in (Gated, Concat):
        for batch in (100, 256):
            bench(kind, batch)
