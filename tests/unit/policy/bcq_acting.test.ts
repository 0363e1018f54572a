import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { type BCQModel, BCQPolicy, type Transition } from '../../../ding/index.js'
import { ACTIONS, OBS, offlinePolicy, wave, waveObservations, wavePolicy } from './offline_support.js'
import { f32, sharedCompute } from './support.js'

const sizes = { actor_head_hidden_size: [8, 6], critic_head_hidden_size: [8, 6], vae_hidden_dims: [10, 10] }
const small = { model: sizes }
const LATENT = 2 * ACTIONS
const modelOf = (policy: BCQPolicy) => (policy as unknown as { model: BCQModel }).model

describe('acting', () => {
  test('one environment, many, and fewer than before', async () => {
    const policy = await offlinePolicy(BCQPolicy, small)
    for (const n of [1, 5, 1, 3]) {
      const actions = Object.values(await policy.eval_mode.forward(waveObservations(n)))
      expect(actions).toHaveLength(n)
      for (const { action } of actions) {
        expect(action).toHaveLength(ACTIONS)
        for (const value of action as Float32Array) expect(Math.abs(value)).toBeLessThanOrEqual(1)
      }
    }
  })

  test('takes the candidate that the first critic likes best', async () => {
    const candidates = 7
    const { policy, draws } = await wavePolicy(BCQPolicy, { ...small, eval: { candidates } })
    const model = modelOf(policy)
    const compute = await sharedCompute()
    const z = wave(1.1, 0, 0.4, candidates * LATENT)
    const obs = Object.values(waveObservations(1))[0] as Float32Array
    const program = compute.program('by_hand', (x: { obs: Tensor; z: Tensor; rows: Tensor }) => {
      const sampled = tf.reshape(model.vae.decode(x.z, x.obs), [candidates, ACTIONS])
      const action = model.forward({ obs: x.rows, action: sampled }, { mode: 'compute_actor' })[
        'action'
      ] as Tensor
      const q = model.forward({ obs: x.rows, action }, { mode: 'compute_critic' })['q_value'] as Tensor
      return { action, q }
    })
    const rows = Array.from({ length: candidates }, () => Array.from(obs)).flat()
    const { action, q } = await program.run({
      obs: f32([...obs], [1, OBS]),
      z: f32(z, [1, candidates, LATENT]),
      rows: f32(rows, [candidates, OBS]),
    })
    program.dispose()
    const first = Array.from(q.data).slice(0, candidates)
    const best = first.indexOf(Math.max(...first))
    draws.push(z)
    const chosen = (await policy.eval_mode.forward({ 0: obs }))[0]?.action as Float32Array
    const expected = action.data.slice(best * ACTIONS, (best + 1) * ACTIONS)
    for (let i = 0; i < ACTIONS; i++) expect(chosen[i]).toBeCloseTo(expected[i] as number, 5)
  })

  test('candidates stay within phi of what the VAE proposes', async () => {
    const tight = await offlinePolicy(BCQPolicy, { model: { ...sizes, phi: 0 }, eval: { candidates: 1 } })
    const loose = await offlinePolicy(BCQPolicy, { model: { ...sizes, phi: 0.3 }, eval: { candidates: 1 } })
    const obs = waveObservations(20)
    const [a, b] = [await tight.eval_mode.forward(obs), await loose.eval_mode.forward(obs)]
    let most = 0
    for (const id of Object.keys(obs).map(Number)) {
      const [x, y] = [a[id]?.action, b[id]?.action] as [Float32Array, Float32Array]
      for (let i = 0; i < ACTIONS; i++) most = Math.max(most, Math.abs((x[i] as number) - (y[i] as number)))
    }
    expect(most).toBeGreaterThan(0.001)
    expect(most).toBeLessThanOrEqual(0.3 + 1e-6)
  })

  test('it is repeatable from the seed, differs from call to call, and ends in the state', async () => {
    const make = () => offlinePolicy(BCQPolicy, small, { seed: 7 })
    const [a, b] = [await make(), await make()]
    const obs = waveObservations(2)
    const first = await a.eval_mode.forward(obs)
    expect(await b.eval_mode.forward(obs)).toEqual(first)
    expect(await a.eval_mode.forward(obs)).not.toEqual(first)
  })

  test('it collects transitions, with noise where asked for', async () => {
    const policy = await offlinePolicy(BCQPolicy, {
      ...small,
      collect: { noise_type: 'gauss', noise_sigma: 0.5 },
    })
    const { collect_mode } = policy
    const obs = waveObservations(2)
    const out = await collect_mode.forward(obs)
    const step = {
      obs: obs[1] as Float32Array,
      reward: 1,
      terminated: false,
      truncated: true,
      done: true,
      info: {},
    }
    const output = out[0] as { action: Float32Array }
    const transition = collect_mode.process_transition(obs[0] as Float32Array, output, step)
    expect(transition).toMatchObject({ reward: 1, done: false, action: output.action, next_obs: obs[1] })
    expect(collect_mode.get_train_sample([transition as Transition])).toHaveLength(1)
    const quiet = await offlinePolicy(BCQPolicy, small)
    expect(await quiet.collect_mode.forward(obs)).not.toEqual(out)
  })
})

test('noise is clipped at max_action', async () => {
  const wide = { ...small, model: { ...small.model, max_action: 2 } }
  const collect = { noise_type: 'gauss', noise_sigma: 50 }
  const policy = await offlinePolicy(BCQPolicy, { ...wide, collect })
  const actions = Object.values(await policy.collect_mode.forward(waveObservations(4)))
  const entries = actions.flatMap(({ action }) => [...(action as Float32Array)])
  expect(entries.every((a) => Math.abs(a) <= 2)).toBe(true)
  expect(entries.some((a) => Math.abs(a) > 1)).toBe(true)
})
