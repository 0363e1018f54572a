import { expectTypeOf, test } from 'vitest'
import {
  BaseCallback,
  type CallbackFunction,
  type CQN,
  type CQNArguments,
  evaluatePolicy,
  type NormalActionNoise,
  type SAC,
  type SACArguments,
  type StepAnswer,
  type TD3Arguments,
} from '../../../ding/agent/index.js'
import type { Action } from '../../../ding/envs/index.js'

declare const agent: SAC
declare const own: CQN
declare const flag: boolean

test('predict has one action for an observation, a list for several, and either for a list of numbers', () => {
  type Of<P extends Promise<[unknown, unknown]>> = Awaited<P>[0]
  const one = () => agent.predict(Float32Array.of(0))
  const several = () => agent.predict([Float32Array.of(0)])
  const lists = () =>
    agent.predict([
      [1, 0, 0],
      [0, 1, 0],
    ])
  const either = () => agent.predict([0, 0, 0, 0])
  expectTypeOf<Of<ReturnType<typeof one>>>().toEqualTypeOf<Action>()
  expectTypeOf<Of<ReturnType<typeof several>>>().toEqualTypeOf<Action[]>()
  expectTypeOf<Of<ReturnType<typeof lists>>>().toEqualTypeOf<Action[]>()
  expectTypeOf<Of<ReturnType<typeof either>>>().toEqualTypeOf<Action | Action[]>()
})

test('getAction does so too', () => {
  const either = () => own.getAction([0, 0, 0, 0])
  const lists = () => own.getAction([[0, 0, 0, 0]])
  expectTypeOf<Awaited<ReturnType<typeof either>>>().toEqualTypeOf<number | Int32Array>()
  expectTypeOf<Awaited<ReturnType<typeof lists>>>().toEqualTypeOf<Int32Array>()
})

test('a callback may answer false in one branch and nothing in another, at once or later', () => {
  const later: CallbackFunction = async (_locals, { n_calls }) => {
    if (n_calls > 3) return false
  }
  class Own extends BaseCallback {
    protected override async onStep() {
      if (this.n_calls > 3) return false
    }
  }
  expectTypeOf(later).returns.toEqualTypeOf<StepAnswer>()
  expectTypeOf<Own>().toExtend<BaseCallback>()
})

test('evaluatePolicy gives lists, two numbers, or either, by what is asked for', () => {
  const lists = () => evaluatePolicy(agent, 'Pendulum-v1', { return_episode_rewards: true })
  const numbers = () => evaluatePolicy(agent, 'Pendulum-v1', { return_episode_rewards: false })
  const plain = () => evaluatePolicy(agent, 'Pendulum-v1')
  const either = () => evaluatePolicy(agent, 'Pendulum-v1', { return_episode_rewards: flag })
  expectTypeOf<Awaited<ReturnType<typeof lists>>[0]>().toEqualTypeOf<number[]>()
  expectTypeOf<Awaited<ReturnType<typeof numbers>>[0]>().toEqualTypeOf<number>()
  expectTypeOf<Awaited<ReturnType<typeof plain>>[0]>().toEqualTypeOf<number>()
  expectTypeOf<Awaited<ReturnType<typeof either>>[0]>().toEqualTypeOf<number | number[]>()
})

test('arguments that are records may be null, and noise is whole', () => {
  expectTypeOf<{ policy_kwargs: null; replay_buffer_kwargs: null }>().toExtend<SACArguments>()
  expectTypeOf<{ policy_kwargs: { net_arch: number[] } }>().toExtend<SACArguments>()
  expectTypeOf<{ net_config: null }>().toExtend<CQNArguments>()
  expectTypeOf<{ batch_size: null }>().not.toExtend<SACArguments>()
  expectTypeOf<{ action_noise: null }>().toExtend<TD3Arguments>()
  expectTypeOf<{ action_noise: NormalActionNoise }>().toExtend<TD3Arguments>()
  expectTypeOf<{ action_noise: { type: 'ou'; sigma: number[] } }>().toExtend<TD3Arguments>()
  expectTypeOf<{ action_noise: { sigma: number } }>().not.toExtend<TD3Arguments>()
})
