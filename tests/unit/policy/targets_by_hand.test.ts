import { describe, expect, test } from 'vitest'
import { CQLPolicy, CrossQPolicy, REDQPolicy, SACPolicy } from '../../../ding/policy/index.js'
import type { HostTensor, StateTree } from '../../../ding/utils/index.js'
import { ACTIONS, build, continuousBatch, learn, OBS } from './continuous_support.js'
import { offlinePolicy, waveBatch } from './offline_support.js'
import { f32, mean } from './support.js'

const ROWS = 6
const REWARD = [0, 1, 2, 3, 4, 5]
const GAMMA = 0.99
const rewards = { reward: f32(REWARD) }
/** Row 1 of a batch ends its episode. */
const goesOn = (row: number) => Number(row !== 1)

type Policy = Awaited<ReturnType<typeof build>>

/** Makes critic e of a part of the state say `values[e]`, whatever it sees: its last layer, `layer`, has only biases left. */
function say(policy: Policy, part: string, layer: string, values: readonly number[]): void {
  const state = policy.learn_mode.state_dict()
  const tensors = { ...(state[part] as Record<string, HostTensor<Float32Array>>) }
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name === `${layer}.weight`) tensors[name] = { ...tensor, data: tensor.data.map(() => 0) }
    if (name === `${layer}.bias`) tensors[name] = { ...tensor, data: Float32Array.from(values) }
  }
  policy.learn_mode.load_state_dict({ ...state, [part]: tensors } as StateTree)
}

const still = { learning_rate_q: 0, learning_rate_policy: 0 }

test('sac: the least of the target critics in the target, of the critics in the loss of the actor', async () => {
  const policy = await build(SACPolicy, { learn: { ent_coef: 0, ...still } })
  say(policy, 'target_model', 'q.4', [5, 1])
  say(policy, 'model', 'critic.q.4', [2, 7])
  const out = await learn(policy, continuousBatch(rewards))
  const target = REWARD.map((r, i) => r + GAMMA * goesOn(i) * 1)
  expect(out['target_q_value']).toBeCloseTo(mean(target), 5)
  const squares = [2, 7].map((q) => mean(target.map((y) => (q - y) ** 2)))
  expect(out['critic_loss']).toBeCloseTo(0.5 * (squares[0]! + squares[1]!), 4)
  expect(out['policy_loss']).toBeCloseTo(-2, 5)
})

test('crossq: the least of the critics, without a gradient through the target', async () => {
  const policy = await build(CrossQPolicy, { learn: { ent_coef: 0, actor_update_freq: 1, ...still } })
  say(policy, 'model', 'critic.q.7', [5, 1])
  const out = await learn(policy, continuousBatch(rewards))
  const target = REWARD.map((r, i) => r + GAMMA * goesOn(i) * 1)
  expect(out['target_q_value']).toBeCloseTo(mean(target), 5)
  expect(out['policy_loss']).toBeCloseTo(-1, 5)
  const { state } = policy.learn_mode.state_dict()['optimizer_critic'] as { state: StateTree }
  const { exp_avg } = state['critic.q.7.bias'] as { exp_avg: HostTensor }
  // Adam's first moment takes half of the gradient of the loss 0.5 mean (q - y)^2 (beta1 is 0.5).
  for (const [e, q] of [5, 1].entries())
    expect(exp_avg.data[e]).toBeCloseTo(0.5 * mean(target.map((y) => q - y)), 4)
})

test('redq: priorities are the size of the mean error, weights weigh the loss alone', async () => {
  const model = { action_space: 'reparameterization', ensemble_num: 5 }
  const policy = await build(REDQPolicy, { model, learn: { alpha: 0, ...still } })
  const q = [0, 1, 2, 3, 9]
  say(policy, 'model', 'critic.q.4', q)
  const done = { dtype: 'bool', shape: [ROWS], data: new Uint8Array(ROWS).fill(1) }
  const weight = [0.5, 0, 2, 1, 1, 0.25]
  const out = await learn(policy, continuousBatch({ ...rewards, done, weight: f32(weight) }))
  // Of terminal rows the target is the reward; the mean of the critics is 3.
  const priority = Array.from(out['priority'] as Float32Array)
  for (const [i, reward] of REWARD.entries()) expect(priority[i]).toBeCloseTo(Math.abs(3 - reward), 5)
  const loss = REWARD.map((reward, i) => weight[i]! * mean(q.map((value) => (value - reward) ** 2)))
  expect(out['critic_loss']).toBeCloseTo(mean(loss), 4)
})

test('cql: alpha_multiplier scales alpha wherever it counts', async () => {
  const outputs = async (alpha: number, alpha_multiplier: number) => {
    const keys = { alpha, alpha_multiplier, auto_alpha: false, backup_entropy: true, num_actions: 2 }
    const policy = await offlinePolicy(CQLPolicy, { learn: keys })
    return (await policy.learn_mode.forward(waveBatch())) as Record<string, number>
  }
  const [scaled, plain, other] = [await outputs(0.5, 3), await outputs(1.5, 1), await outputs(0.5, 1)]
  expect(scaled['alpha']).toBe(1.5)
  for (const name of ['policy_loss', 'average_target_q'] as const) {
    expect(scaled[name], name).toBeCloseTo(plain[name] as number, 5)
    expect(scaled[name], name).not.toBeCloseTo(other[name] as number, 2)
  }
})

describe('sac with gSDE', () => {
  const HIDDEN = 4
  type Row = readonly number[]
  const rowsOf = (data: ArrayLike<number>, width: number): Row[] =>
    Array.from({ length: data.length / width }, (_, i) => Array.from(data).slice(i * width, (i + 1) * width))
  const relu = (x: Row) => x.map((v) => Math.max(0, v))

  test('draws noise for each update, which is in the actions of the target', async () => {
    const policy = await build(SACPolicy, {
      model: { use_sde: true, log_std_init: 0, net_arch: [HIDDEN] },
      learn: { ent_coef: 0.3, init_w: null, target_theta: 0, ...still },
    })
    const batch = continuousBatch(rewards)
    const noise = () => tensor('model', 'actor.head.noise')
    const tensor = (part: string, name: string) => {
      const { data } = (policy.learn_mode.state_dict()[part] as Record<string, HostTensor>)[name]!
      return Array.from(data)
    }
    const before = noise()
    const out = await learn(policy, batch)
    const z = noise()
    for (const [i, value] of z.entries()) expect(value).not.toBe(before[i])

    /** W x + b with W stored [out, in], as the actor's are, or [in, out], as each critic's. */
    const actorLayer = (name: string, x: Row) => {
      const bias = tensor('model', `${name}.bias`)
      return rowsOf(tensor('model', `${name}.weight`), x.length).map((w, k) =>
        w.reduce((sum, v, i) => sum + v * x[i]!, bias[k]!),
      )
    }
    const criticLayer = (name: string, e: number, x: Row, outputs: number) => {
      const weight = tensor('target_model', `${name}.weight`).slice(e * x.length * outputs)
      const bias = tensor('target_model', `${name}.bias`).slice(e * outputs)
      return Array.from({ length: outputs }, (_, k) =>
        x.reduce((sum, v, i) => sum + v * weight[i * outputs + k]!, bias[k]!),
      )
    }
    const next_obs = rowsOf((batch['next_obs'] as HostTensor).data, OBS)
    const target = next_obs.map((obs, row) => {
      const features = relu(actorLayer('actor.trunk.0', obs))
      const mu = actorLayer('actor.head.mu', features).map((v) => Math.min(2, Math.max(-2, v)))
      // exp(log_std) is 1.
      const noises = mu.map((_, a) => features.reduce((sum, h, f) => sum + h * z[f * ACTIONS + a]!, 0))
      const variance = features.reduce((sum, h) => sum + h * h, 1e-6)
      const action = mu.map((m, a) => Math.tanh(m + noises[a]!))
      const log_prob = action
        .map((a, k) => {
          const normal = -0.5 * (noises[k]! ** 2 / variance + Math.log(variance) + Math.log(2 * Math.PI))
          return normal - Math.log(1 - a * a + 1e-6)
        })
        .reduce((a, b) => a + b, 0)
      const q = [0, 1].map((e) => {
        const hidden = relu(criticLayer('q.0', e, [...obs, ...action], HIDDEN))
        return criticLayer('q.2', e, hidden, 1)[0]!
      })
      return REWARD[row]! + GAMMA * goesOn(row) * (Math.min(...q) - 0.3 * log_prob)
    })
    expect(out['target_q_value']).toBeCloseTo(mean(target), 3)
  })
})
