import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { RandomStream } from '../../../ding/compute/index.js'
import {
  createModel,
  type ForwardOptions,
  type ModelInput,
  type ModelOutput,
  ModelWrapper,
  model_wrap,
  modelWrap,
  register_wrapper,
} from '../../../ding/model/index.js'
import { BatchNorm1d, Linear, Module } from '../../../ding/nn/index.js'
import {
  CheckpointError,
  ConfigError,
  type HostTensor,
  RegistryError,
  UsageError,
} from '../../../ding/utils/index.js'
import { f32, i32, maxDiff, onBothRuntimes, run } from '../nn/run.js'
import { Echo, RunningSum } from './stubs.js'

class Small extends Module {
  readonly layer: Linear
  readonly norm = new BatchNorm1d(2)

  constructor(seed: number) {
    super()
    this.layer = new Linear(2, 2, RandomStream.fromSeed(seed))
  }

  forward(inputs: ModelInput): ModelOutput {
    return { logit: this.norm.forward(this.layer.forward(inputs as tf.Tensor)) }
  }
}

const dqn = () =>
  createModel(
    { type: 'dqn', obs_shape: 2, action_shape: 2, encoder_hidden_size_list: [4] },
    { random: RandomStream.fromSeed(1) },
  )

class Negate extends ModelWrapper {
  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    return { ...output, logit: tf.neg(output['logit'] as tf.Tensor) }
  }
}
register_wrapper('test_negate', Negate)

onBothRuntimes(() => {
  describe('modelWrap', () => {
    it('puts base on the network first, stacks, and describes the chain', () => {
      const wrapped = modelWrap(modelWrap(dqn(), 'argmax_sample'), 'action_noise')
      expect(wrapped.info()).toBe('action_noise(argmax_sample(base(DQN)))')
      expect(modelWrap(dqn(), 'base').info()).toBe('base(DQN)')
      expect(model_wrap).toBe(modelWrap)
    })

    it("is the network's parameters through any depth", () => {
      const model = dqn()
      const wrapped = modelWrap(modelWrap(model, 'argmax_sample'), 'target', {
        update_type: 'assign',
        update_kwargs: { freq: 1 },
      })
      expect(wrapped.namedParameters()).toEqual(model.namedParameters())
      expect(wrapped.parameters()).toEqual(model.parameters())
      expect(wrapped.stateDict()).toEqual(model.stateDict())
      expect(wrapped.network).toBe(model)
      const changed = Object.fromEntries(
        Object.entries(model.stateDict()).map(([n, t]) => [
          n,
          { ...t, data: t.data.map((x) => x + 1) as Float32Array },
        ]),
      )
      wrapped.loadStateDict(changed)
      expect(model.stateDict()).toEqual(changed)
      const twin = wrapped.copy()
      expect(twin.network).not.toBe(model)
      expect(twin.info()).toBe(wrapped.info())
      twin.parameters()[0]?.data.fill(0)
      expect(model.stateDict()).toEqual(changed)
    })

    it('names the wrapper and the key in errors', () => {
      expect(() => modelWrap(dqn(), 'argmax')).toThrow(RegistryError)
      expect(() => modelWrap(dqn(), 'argmax')).toThrow(/argmax_sample/)
      expect(() => modelWrap(dqn(), 'argmax_sample', { alpha: 1 })).toThrow(
        /Wrapper "argmax_sample" has a problem:\s+alpha/,
      )
      expect(() => modelWrap(dqn(), 'argmax_sample').update(dqn())).toThrow(UsageError)
    })

    it('keeps train or eval for each view of one network, and restores the flags', async () => {
      const model = new Small(1)
      const learn = modelWrap(model, 'argmax_sample').train()
      const act = modelWrap(model, 'argmax_sample').eval()
      const x = f32([1, 2, 3, 4], [2, 2])
      await run(({ x }: { x: tf.Tensor }) => act.forward(x) as Record<string, tf.Tensor>, { x })
      expect([...model.norm.running_mean.data]).toEqual([0, 0])
      await run(({ x }: { x: tf.Tensor }) => learn.forward(x) as Record<string, tf.Tensor>, { x })
      expect(model.norm.running_mean.data[0]).not.toBe(0)
      model.eval()
      await run(({ x }: { x: tf.Tensor }) => learn.forward(x) as Record<string, tf.Tensor>, { x })
      expect(model.norm.training).toBe(false)
    })

    it('takes wrappers of the user', async () => {
      const wrapped = modelWrap(modelWrap(new Echo(), 'test_negate'), 'argmax_sample')
      const out = await run(({ x }: { x: tf.Tensor }) => wrapped.forward(x) as { action: tf.Tensor }, {
        x: f32([1, 2], [1, 2]),
      })
      expect([...out.action.data]).toEqual([0])
      expect(() => register_wrapper('argmax_sample', Negate)).toThrow(RegistryError)
    })
  })

  describe('target', () => {
    const shifted = (model: Module, by: number) => {
      for (const [, p] of model.namedParameters()) p.set(p.data.map((x) => x + by))
    }

    it('assign: copies all at every freq-th update', () => {
      const online = new Small(1)
      const target = modelWrap(online.copy(), 'target', { update_type: 'assign', update_kwargs: { freq: 2 } })
      const start = online.stateDict()
      shifted(online, 1)
      target.update(modelWrap(online, 'argmax_sample'))
      expect(target.stateDict()).toEqual(start)
      target.update(online)
      expect(target.stateDict()).toEqual(online.stateDict())
      expect(target.update_count).toBe(2)
    })

    it('momentum: averages weights, copies buffers', () => {
      const online = new Small(1)
      const target = modelWrap(online.copy(), 'target', {
        update_type: 'momentum',
        update_kwargs: { theta: 0.25 },
      })
      const before = online.layer.weight.data.slice()
      shifted(online, 1)
      target.update(online)
      const now = (target.network as Small).layer.weight.data
      expect(
        maxDiff(
          now,
          before.map((x) => x + 0.25),
        ),
      ).toBeLessThan(1e-6)
      expect([...(target.network as Small).norm.running_var.data]).toEqual([2, 2])
    })

    it('direct copies at once and starts the count anew; the count is saved and can be set', () => {
      const online = new Small(1)
      const target = modelWrap(online.copy(), 'target', { update_type: 'assign', update_kwargs: { freq: 3 } })
      target.update(online)
      shifted(online, 1)
      target.update(online)
      const saved = target.state_dict()
      target.update(online, { direct: true })
      expect(target.update_count).toBe(0)
      expect(target.stateDict()).toEqual(online.stateDict())
      target.load_state_dict(saved)
      expect(target.update_count).toBe(2)
      modelWrap(target, 'argmax_sample').reset({ target_update_count: 1 })
      expect(target.update_count).toBe(1)
      expect(() => target.load_state_dict({ wrapper: 'argmax_sample', own: {} })).toThrow(CheckpointError)
    })

    it.each([
      [{ update_type: 'assign', update_kwargs: { theta: 0.1 } }],
      [{ update_type: 'assign', update_kwargs: { freq: 0 } }],
      [{ update_type: 'momentum', update_kwargs: { theta: 2 } }],
      [{ update_type: 'soft', update_kwargs: {} }],
      [{ update_type: 'assign' }],
    ])('refuses %j', (kwargs) => {
      expect(() => modelWrap(new Small(1), 'target', kwargs)).toThrow(ConfigError)
    })

    it('refuses a source with other parameters', () => {
      const target = modelWrap(new Small(1), 'target', { update_type: 'assign', update_kwargs: { freq: 1 } })
      expect(() => target.update(dqn())).toThrow(/model\.copy\(\)/)
    })
  })

  describe('action_noise', () => {
    type In = { action: tf.Tensor; sigma?: tf.Tensor; ids?: tf.Tensor }
    const act = (wrapped: ModelWrapper) => (i: In) =>
      wrapped.forward({ action: i.action }, { sigma: i.sigma, data_id: i.ids }) as { action: tf.Tensor }
    const action = f32([0.5, -0.95], [2, 1])

    it('gauss: adds clipped noise, then clips the action; sigma overrides', async () => {
      const wrapped = modelWrap(new Echo(), 'action_noise', {
        noise_kwargs: { sigma: 0.1, mu: 0.2 },
        noise_range: { min: -0.5, max: 0.5 },
      })
      const draws = [f32([1, -3], [2, 1])]
      const out = await run(act(wrapped), { action }, { draws })
      expect(maxDiff(out.action.data, [0.8, -1])).toBeLessThan(1e-6)
      const louder = await run(act(wrapped), { action, sigma: f32([0, 0.01]) }, { draws })
      expect(maxDiff(louder.action.data, [0.7, -0.78])).toBeLessThan(1e-6)
    })

    it('leaves outputs without an action alone, and takes action_args', async () => {
      const wrapped = modelWrap(new Echo(), 'action_noise', { action_range: null })
      const out = await run(
        (i: { q_value: tf.Tensor }) => wrapped.forward(i) as { q_value: tf.Tensor },
        { q_value: f32([5]) },
        { draws: [] },
      )
      expect([...out.q_value.data]).toEqual([5])
      const args = await run(
        (i: { action_args: tf.Tensor }) => wrapped.forward(i) as { action_args: tf.Tensor },
        { action_args: f32([5]) },
        { draws: [f32([2])] },
      )
      expect([...args.action_args.data]).toEqual([7])
    })

    it('ou: one process per environment, saved and reset by id', async () => {
      const kwargs = {
        noise_type: 'ou',
        noise_kwargs: { sigma: 1, theta: 1, dt: 0.25, mu: 1 },
        action_range: null,
        state_num: 3,
        action_shape: 1,
      }
      const wrapped = modelWrap(new Echo(), 'action_noise', kwargs)
      const zero = f32([0, 0], [2, 1])
      const step = async (z: number[], ids?: number[]) => {
        const out = await run(
          act(wrapped),
          { action: zero, ids: ids === undefined ? undefined : i32(ids) },
          { draws: [f32(z, [2, 1])] },
        )
        return [...out.action.data]
      }
      expect(await step([1, 0], [2, 0])).toEqual([0.75, 0.25])
      expect(await step([0, 0], [2, -1])).toEqual([0.8125, 0.4375])
      const state = (wrapped.state_dict()['own'] as Record<string, HostTensor>)['process']
      expect([...state!.data]).toEqual([0.25, 0, 0.8125])
      const saved = wrapped.state_dict()
      wrapped.reset({ data_id: [2] })
      expect(await step([0, 0])).toEqual([0.4375, 0.25])
      expect(await step([0, 0], [2, 1])).toEqual([0.25, 0.4375])
      wrapped.load_state_dict(saved)
      expect(await step([0, 0], [2, 0])).toEqual([0.859375, 0.4375])
      expect(() => wrapped.reset({ data_id: [3] })).toThrow(/0 to 2/)
    })

    it.each([
      [{ noise_type: 'pink' }],
      [{ noise_kwargs: { sigmaa: 1 } }],
      [{ noise_range: { min: 1, max: 0 } }],
      [{ noise_type: 'ou' }],
    ])('refuses %j', (kwargs) => {
      expect(() => modelWrap(new Echo(), 'action_noise', kwargs)).toThrow(ConfigError)
    })
  })

  describe('hidden_state', () => {
    type In = { obs: tf.Tensor; ids?: tf.Tensor }

    it.each([[2], [{ s: 2 }]])('keeps a state of shape %j per environment', async (state_shape) => {
      const hidden = modelWrap(new RunningSum(), 'hidden_state', {
        state_num: 3,
        state_shape,
        save_prev_state: true,
      })
      const wrapped = modelWrap(hidden, 'argmax_sample')
      const step = async (obs: number[], ids?: number[]) => {
        const out = await run(
          (i: In) => wrapped.forward(i.obs, { data_id: i.ids }) as { logit: tf.Tensor; action: tf.Tensor },
          {
            obs: f32(obs, [obs.length / 2, 2]),
            ids: ids === undefined ? undefined : i32(ids),
          },
        )
        expect(Object.keys(out)).not.toContain('next_state')
        expect(Object.keys(out)).toContain('prev_state')
        return [...out.logit.data]
      }
      expect(await step([1, 2, 3, 4], [2, 0])).toEqual([1, 2, 3, 4])
      expect(await step([1, 1], [2])).toEqual([2, 3])
      expect(await step([0, 0, 9, 9], [2, -1])).toEqual([2, 3, 12, 13])
      const saved = wrapped.state_dict()
      wrapped.reset({ data_id: [2] })
      expect(await step([0, 0, 0, 0, 0, 0])).toEqual([3, 4, 0, 0, 0, 0])
      wrapped.load_state_dict(saved)
      expect(await step([0, 0], [2])).toEqual([2, 3])
      wrapped.reset()
      expect(await step([0, 0], [0])).toEqual([0, 0])
    })

    it('says when there are more rows than states, or the state has another form', async () => {
      const hidden = modelWrap(new RunningSum(), 'hidden_state', { state_num: 1, state_shape: 2 })
      await expect(run((i: In) => hidden.forward(i.obs), { obs: f32([1, 2, 3, 4], [2, 2]) })).rejects.toThrow(
        /state_num/,
      )
      const echo = modelWrap(new Echo(), 'hidden_state', { state_num: 1, state_shape: { h: 1 } })
      await expect(run((i: In) => echo.forward(i.obs), { obs: f32([1], [1, 1]) })).rejects.toThrow(/"h"/)
      expect(() => modelWrap(new Echo(), 'hidden_state', { state_num: 1, state_shape: {} })).toThrow(
        ConfigError,
      )
    })
  })
})
