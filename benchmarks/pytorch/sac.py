"""One update of SAC (hidden 256-256) and of TD3 (400-300, mean over an update with and one without the actor) in PyTorch, for comparison with
`npm run bench`: HalfCheetah's sizes, batch 256, twin critics, Adam, soft targets; SAC with an adjusted entropy coefficient. Also acting: an
action sampled for each environment.

Prints one JSON line per case: {"name": ..., "ms_per_update": ...}. One thread.
"""
import json
import time

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

OBS, ACTIONS, BATCH, GAMMA, TAU = 17, 6, 256, 0.99, 0.005


def mlp(sizes, end=None):
    layers = []
    for i in range(1, len(sizes)):
        layers += [nn.Linear(sizes[i - 1], sizes[i])] + ([nn.ReLU()] if i < len(sizes) - 1 else [])
    return nn.Sequential(*layers, *([end] if end else []))


class Actor(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.trunk = nn.Sequential(*mlp([OBS, *hidden]), nn.ReLU())
        self.mu, self.log_std = nn.Linear(hidden[-1], ACTIONS), nn.Linear(hidden[-1], ACTIONS)

    def draw(self, obs):
        features = self.trunk(obs)
        mu, log_std = self.mu(features), self.log_std(features).clamp(-20, 2)
        noise = torch.randn_like(mu)
        return torch.tanh(mu + log_std.exp() * noise), log_std, noise

    def act(self, obs):
        return self.draw(obs)[0]

    def sample(self, obs):
        action, log_std, noise = self.draw(obs)
        log_prob = (-0.5 * noise**2 - log_std - 0.9189385332046727 - torch.log(1 - action**2 + 1e-6)).sum(1)
        return action, log_prob


def batch():
    done = (torch.rand(BATCH) < 0.05).float()
    return torch.randn(BATCH, OBS), torch.tanh(torch.randn(BATCH, ACTIONS)), torch.randn(BATCH), torch.randn(BATCH, OBS), done


def critics(hidden):
    online = nn.ModuleList([mlp([OBS + ACTIONS, *hidden, 1]) for _ in range(2)])
    target = nn.ModuleList([mlp([OBS + ACTIONS, *hidden, 1]) for _ in range(2)])
    target.load_state_dict(online.state_dict())
    return online, target


def values(nets, obs, action):
    x = torch.cat([obs, action], 1)
    return [net(x).squeeze(1) for net in nets]


def follow(target, online):
    with torch.no_grad():
        for to, source in zip(target.parameters(), online.parameters()):
            to.mul_(1 - TAU).add_(source, alpha=TAU)


def report(name, update, calls=40):
    for _ in range(calls):
        update()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(calls):
            update()
        samples.append((time.perf_counter() - start) / calls * 1e3)
    print(json.dumps({"name": name, "ms_per_update": sorted(samples)[len(samples) // 2]}))


def sac(hidden=(256, 256), lr=3e-4):
    actor = Actor(hidden)
    online, target = critics(hidden)
    log_alpha = torch.zeros(1, requires_grad=True)
    actor_optimizer = torch.optim.Adam(actor.parameters(), lr=lr)
    critic_optimizer = torch.optim.Adam(online.parameters(), lr=lr)
    alpha_optimizer = torch.optim.Adam([log_alpha], lr=lr)
    obs, action, reward, next_obs, done = batch()

    def update():
        alpha = log_alpha.detach().exp()
        with torch.no_grad():
            next_action, next_log_prob = actor.sample(next_obs)
            next_q = torch.min(*values(target, next_obs, next_action)) - alpha * next_log_prob
            goal = reward + GAMMA * (1 - done) * next_q
        critic_loss = 0.5 * sum(((q - goal) ** 2).mean() for q in values(online, obs, action))
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        # The actor needs no gradients of the critics' weights.
        online.requires_grad_(False)
        new_action, log_prob = actor.sample(obs)
        actor_loss = (alpha * log_prob - torch.min(*values(online, obs, new_action))).mean()
        actor_optimizer.zero_grad()
        actor_loss.backward()
        actor_optimizer.step()
        online.requires_grad_(True)
        alpha_loss = -(log_alpha * (log_prob.detach() - ACTIONS)).mean()
        alpha_optimizer.zero_grad()
        alpha_loss.backward()
        alpha_optimizer.step()
        follow(target, online)
        return critic_loss.item(), actor_loss.item()

    report("sac_256_256_batch_256", update)
    for envs in (1, 8):
        observations = {i: np.random.randn(OBS).astype(np.float32) for i in range(envs)}

        def act():
            with torch.no_grad():
                actions = actor.act(torch.from_numpy(np.stack(list(observations.values()))))
            return dict(zip(observations, actions.numpy()))

        for _ in range(500):
            act()
        samples = []
        for _ in range(7):
            start = time.perf_counter()
            for _ in range(1000):
                act()
            samples.append((time.perf_counter() - start) / 1000 * 1e6)
        print(json.dumps({"name": f"sac_act_{envs}_envs", "us_per_call": sorted(samples)[len(samples) // 2]}))


def td3(hidden=(400, 300), lr=1e-3):
    actor, actor_target = (mlp([OBS, *hidden, ACTIONS], nn.Tanh()) for _ in range(2))
    actor_target.load_state_dict(actor.state_dict())
    online, target = critics(hidden)
    actor_optimizer = torch.optim.Adam(actor.parameters(), lr=lr)
    critic_optimizer = torch.optim.Adam(online.parameters(), lr=lr)
    obs, action, reward, next_obs, done = batch()
    updates = 0

    def update():
        nonlocal updates
        updates += 1
        with torch.no_grad():
            noise = (torch.randn_like(action) * 0.2).clamp(-0.5, 0.5)
            next_action = (actor_target(next_obs) + noise).clamp(-1, 1)
            goal = reward + GAMMA * (1 - done) * torch.min(*values(target, next_obs, next_action))
        critic_loss = sum(((q - goal) ** 2).mean() for q in values(online, obs, action))
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        if updates % 2 == 0:
            online.requires_grad_(False)
            actor_loss = -online[0](torch.cat([obs, actor(obs)], 1)).mean()
            actor_optimizer.zero_grad()
            actor_loss.backward()
            actor_optimizer.step()
            online.requires_grad_(True)
            follow(target, online)
            follow(actor_target, actor)
        return critic_loss.item()

    report("td3_400_300_batch_256", update)


if __name__ == "__main__":
    sac()
    td3()
