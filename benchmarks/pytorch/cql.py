"""One update of CQL for continuous control in PyTorch, for comparison with `npm run bench`, as CORL does it: every set of actions (random, of the
state, of the next state) through either critic by itself, with the state repeated for each action, gradients of the critics' weights from the losses
of the actor and of the multiplier too; and once without these (lean). 17 observations, 6 actions, batch 256, 10 actions a set, three hidden layers of 256. The second case has the Lagrange
multiplier and the maximum over next actions, as CORL's AntMaze settings. The third has critics whose values of a state's actions are as far apart as
they come to be in training (a standard deviation of 40): softmax shares are subnormal there.

Prints one JSON line per case: {"name": ..., "ms_per_update": ..., "lean_ms_per_update": ...}. One thread.
"""
import copy
import json
import math
import time

import torch
from torch import nn
from torch.distributions import Normal, TransformedDistribution
from torch.distributions.transforms import TanhTransform
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(0)
OBS, ACT, BATCH, N = 17, 6, 256, 10
GAMMA, TAU, WEIGHT, GAP = 0.99, 0.005, 10.0, 0.8


def mlp(n_in, n_out, layers=3, width=256):
    sizes = [n_in] + [width] * layers
    body = [part for i in range(layers) for part in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]
    return nn.Sequential(*body, nn.Linear(width, n_out))


class Actor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(OBS, 2 * ACT)
        self.scale, self.offset = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(-1.0))

    def forward(self, obs, repeat=None):
        if repeat is not None:
            obs = obs.unsqueeze(1).repeat(1, repeat, 1)
        mean, log_std = self.net(obs).chunk(2, -1)
        std = (self.scale * log_std + self.offset).clamp(-20, 2).exp()
        dist = TransformedDistribution(Normal(mean, std), TanhTransform(cache_size=1))
        action = dist.rsample()
        return action, dist.log_prob(action).sum(-1)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = mlp(OBS + ACT, 1)

    def forward(self, obs, action):
        if action.ndim == 2:
            return self.net(torch.cat([obs, action], -1)).squeeze(-1)
        rows, count, _ = action.shape
        obs = obs.unsqueeze(1).repeat(1, count, 1).view(rows * count, -1)
        return self.net(torch.cat([obs, action.reshape(rows * count, -1)], -1)).squeeze(-1).view(rows, count)


def spread(critic, s, deviation):
    with torch.no_grad():
        values = critic(s, torch.empty(BATCH, N, ACT).uniform_(-1, 1))
        for parameter in critic.net[-1].parameters():
            parameter.mul_(deviation / values.std(1).mean())


def median(lean, lagrange, max_backup, deviation=None):
    actor, critics = Actor(), [Critic(), Critic()]
    if deviation is not None:
        for critic in critics:
            spread(critic, torch.randn(BATCH, OBS), deviation)
    targets = copy.deepcopy(critics)
    log_alpha, log_multiplier = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(1.0))
    actor_optim, alpha_optim = torch.optim.Adam(actor.parameters(), lr=3e-5), torch.optim.Adam([log_alpha], lr=3e-5)
    critic_optims = [torch.optim.Adam(critic.parameters(), lr=3e-4) for critic in critics]
    multiplier_optim = torch.optim.Adam([log_multiplier], lr=3e-4)
    s, s2, a = torch.randn(BATCH, OBS), torch.randn(BATCH, OBS), torch.rand(BATCH, ACT) * 2 - 1
    r, d = torch.randn(BATCH), (torch.rand(BATCH) < 0.05).float()

    def update():
        new_a, logp = actor(s)
        alpha_loss = -(log_alpha * (logp - ACT).detach()).mean()
        alpha = log_alpha.exp()
        for critic in critics:
            critic.requires_grad_(not lean)
        actor_loss = (alpha * logp - torch.min(*[critic(s, new_a) for critic in critics])).mean()
        for critic in critics:
            critic.requires_grad_(True)
        with torch.no_grad():
            a2, _ = actor(s2, N if max_backup else None)
            goal = torch.min(*[target(s2, a2) for target in targets])
            goal = r + (1 - d) * GAMMA * (goal.max(-1)[0] if max_backup else goal)
        values = [critic(s, a) for critic in critics]
        td = sum(F.mse_loss(q, goal) for q in values)
        a_random = torch.empty(BATCH, N, ACT).uniform_(-1, 1)
        a_now, p_now = (x.detach() for x in actor(s, N))
        a_next, p_next = (x.detach() for x in actor(s2, N))
        gaps = []
        for critic, q in zip(critics, values):
            sets = [critic(s, x) for x in (a_random, a_next, a_now)]
            std = torch.std(torch.cat([*sets, q.unsqueeze(1)], 1), 1).mean()
            cat = torch.cat([sets[0] + ACT * math.log(2), sets[1] - p_next, sets[2] - p_now], 1)
            gaps.append((torch.logsumexp(cat, 1) - q).clamp(-math.inf, math.inf).mean())
        if lagrange:
            multiplier = log_multiplier.exp().clamp(0, 1e6)
            terms = [multiplier * WEIGHT * (gap - GAP) for gap in gaps]
            multiplier_optim.zero_grad()
            seen = [multiplier * WEIGHT * (gap.detach() - GAP) for gap in gaps] if lean else terms
            (-sum(seen) * 0.5).backward(retain_graph=True)
            multiplier_optim.step()
        else:
            terms = [WEIGHT * gap for gap in gaps]
        loss = td + sum(terms)
        alpha_optim.zero_grad()
        alpha_loss.backward()
        alpha_optim.step()
        actor_optim.zero_grad()
        actor_loss.backward(retain_graph=True)
        actor_optim.step()
        for optim in critic_optims:
            optim.zero_grad()
        loss.backward()
        for optim in critic_optims:
            optim.step()
        with torch.no_grad():
            for old, new in zip((p for t in targets for p in t.parameters()), (p for c in critics for p in c.parameters())):
                old.mul_(1 - TAU).add_(new, alpha=TAU)
        return loss.item(), actor_loss.item(), alpha_loss.item(), std.item()

    calls = 4
    update()
    update()
    samples = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(calls):
            update()
        samples.append((time.perf_counter() - start) / calls * 1e3)
    return sorted(samples)[len(samples) // 2]


def bench(name, *case):
    print(json.dumps({"name": name, "ms_per_update": median(False, *case), "lean_ms_per_update": median(True, *case)}))


if __name__ == "__main__":
    bench("cql_256x3_batch_256", False, False)
    bench("cql_lagrange_max_backup_256x3_batch_256", True, True)
    bench("cql_256x3_batch_256_values_apart", False, False, 40)
