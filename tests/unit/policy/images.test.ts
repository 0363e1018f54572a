import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../ding/data/index.js'
import {
  CrossQPolicy,
  type HostTensor,
  loadState,
  type Policy,
  type PolicyOptions,
  RandomStream,
  REDQPolicy,
  SACPolicy,
  type StateTree,
  saveState,
  TD3Policy,
} from '../../../ding/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { ACTIONS, build, learn } from './continuous_support.js'
import { f32 } from './support.js'

const IMAGE = [2, 6, 5]
const PIXELS = 60
const ROWS = 6
/** A NatureCNN in small. */
const encoder = {
  encoder_hidden_size_list: [3, 4, 7],
  encoder_kernel_size_list: [3, 2],
  encoder_stride_list: [2, 1],
  encoder_activate_output: true,
  normalize_images: true,
}

const stream = RandomStream.fromSeed(8)
const pixels = (rows: number): Uint8Array => Uint8Array.from(stream.uniform(rows * PIXELS), (u) => u * 256)
const images = (rows: number): HostTensor => ({ dtype: 'uint8', shape: [rows, PIXELS], data: pixels(rows) })

function imageBatch(dict: boolean): Batch {
  const obs = () =>
    dict ? { image: images(ROWS), speed: f32([...stream.normal(ROWS * 3)], [ROWS, 3]) } : images(ROWS)
  return {
    obs: obs(),
    next_obs: obs(),
    action: f32([...stream.normal(ROWS * ACTIONS)].map(Math.tanh), [ROWS, ACTIONS]),
    reward: f32([...stream.normal(ROWS)]),
    done: { dtype: 'bool', shape: [ROWS], data: new Uint8Array(ROWS) },
  } as Batch
}

const plain = imageBatch(false)
const dict = imageBatch(true)
const DICT_SHAPE = { image: IMAGE, speed: 3 }

type Kind = { new (cfg: never, options: PolicyOptions): Policy; readonly config?: unknown }

function part(state: StateTree, name: string, prefix: string): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(state[name] as Record<string, HostTensor>)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, { data }]) => [key, Array.from(data)]),
  )
}

const ALL: [string, Kind][] = [
  ['sac', SACPolicy],
  ['td3', TD3Policy],
  ['redq', REDQPolicy],
  ['crossq', CrossQPolicy],
]

describe.each(ALL)('%s on images', (name, kind) => {
  const learnKeys = name === 'sac' ? {} : { actor_update_freq: 1 }

  test.each([
    ['one image', IMAGE, plain, false],
    ['one image, one encoder', IMAGE, plain, true],
    ['an image beside a vector', DICT_SHAPE, dict, false],
    ['an image beside a vector, one encoder', DICT_SHAPE, dict, true],
  ] as const)('%s: learns, acts, and goes on from its checkpoint', async (_what, obs_shape, batch, share) => {
    const model = { obs_shape, ...encoder, share_encoder: share }
    const make = (seed: number) => build(kind, { model, learn: learnKeys }, { seed })
    const policy = await make(1)
    const before = policy.learn_mode.state_dict()
    await learn(policy, batch)
    await learn(policy, batch)
    const after = policy.learn_mode.state_dict()
    const own = part(before, 'model', 'actor.encoder.')
    expect(Object.keys(own).length).toBeGreaterThan(0)
    expect(part(after, 'model', 'actor.encoder.')).not.toEqual(own)
    expect(Object.keys(part(after, 'model', 'critic.encoder.')).length > 0).toBe(!share)
    if (!share)
      expect(part(after, 'model', 'critic.encoder.')).not.toEqual(part(before, 'model', 'critic.encoder.'))
    const path = `${temporaryFolder()}/image.safetensors`
    saveState(path, after)
    const twin = await make(2)
    twin.learn_mode.load_state_dict(loadState(path).tree)
    const obs = { 0: obs_shape === IMAGE ? pixels(1) : { image: pixels(1), speed: stream.normal(3) } }
    const act = async (who: Policy) =>
      Array.from((await who.eval_mode.forward(obs))[0]?.action as Float32Array)
    expect(await act(twin)).toEqual(await act(policy))
    expect((await act(policy)).every((value) => Math.abs(value) <= 1)).toBe(true)
  })
})

test("a shared encoder is moved by the actor's update alone, and its target follows", async () => {
  const model = { obs_shape: IMAGE, ...encoder, share_encoder: true }
  const run = async (learning_rate_policy: number) => {
    const policy = await build(SACPolicy, { model, learn: { learning_rate_policy, target_theta: 0.5 } })
    const before = policy.learn_mode.state_dict()
    await learn(policy, plain)
    return { before, after: policy.learn_mode.state_dict() }
  }
  const still = await run(0)
  expect(part(still.after, 'model', 'actor.encoder.')).toEqual(part(still.before, 'model', 'actor.encoder.'))
  expect(part(still.after, 'model', 'critic.q.')).not.toEqual(part(still.before, 'model', 'critic.q.'))
  const { before, after } = await run(0.01)
  const [old, online] = [before, after].map((state) => part(state, 'model', 'actor.encoder.'))
  for (const [key, values] of Object.entries(part(after, 'target_model', 'encoder.'))) {
    values.forEach((value, i) => {
      const expected =
        (old?.[`actor.${key}`]?.[i] as number) / 2 + (online?.[`actor.${key}`]?.[i] as number) / 2
      expect(value).toBeCloseTo(expected, 6)
    })
  }
})

test('without an encoder images are flattened, and an encoder needs an image', async () => {
  const policy = await build(SACPolicy, { model: { obs_shape: IMAGE, normalize_images: true } })
  expect(
    (policy.learn_mode.state_dict()['model'] as Record<string, HostTensor>)['actor.trunk.0.weight']?.shape,
  ).toEqual([8, PIXELS])
  await learn(policy, plain)
  await expect(build(SACPolicy, { model: { encoder_hidden_size_list: [8, 8] } })).rejects.toThrow(
    /has no image/,
  )
  await expect(build(SACPolicy, { model: { share_encoder: true } })).rejects.toThrow(/no encoder to share/)
})

test('without an encoder the images among several observations are scaled, the others are not', async () => {
  const image = pixels(1)
  const speed = stream.normal(3)
  const act = async (normalize_images: boolean, given: Uint8Array | Float32Array) => {
    const policy = await build(SACPolicy, { model: { obs_shape: DICT_SHAPE, normalize_images } })
    const out = await policy.eval_mode.forward({ 0: { image: given, speed } })
    return Object.values(out).flatMap(({ action }) => [...(action as Float32Array)])
  }
  const scaled = await act(
    false,
    Float32Array.from(image, (value) => value / 255),
  )
  for (const [i, value] of (await act(true, image)).entries()) expect(value).toBeCloseTo(scaled[i]!, 5)
})

test('norm_type LN normalises the hidden layers of actor and critics, of drawn critics too', async () => {
  const policy = await build(SACPolicy, { model: { norm_type: 'LN', n_critics: 3 } })
  const names = Object.keys(policy.learn_mode.state_dict()['model'] as object)
  expect(names).toContain('actor.trunk.1.weight')
  const model = policy.learn_mode.state_dict()['model'] as Record<string, HostTensor>
  expect(model['critic.q.1.weight']?.shape).toEqual([3, 1, 8])
  const out = await learn(policy)
  expect(Number.isFinite(out['critic_loss'])).toBe(true)
  const td3 = await build(TD3Policy, { model: { norm_type: 'LN' }, learn: { actor_update_freq: 1 } })
  expect(Number.isFinite((await learn(td3))['actor_loss'])).toBe(true)
  await expect(build(SACPolicy, { model: { norm_type: 'BN' } })).rejects.toThrow(/norm_type/)
})
