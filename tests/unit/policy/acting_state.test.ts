import { describe, expect, test } from 'vitest'
import { decodeState, encodeState } from '../../../ding/parallel/index.js'
import {
  BCQPolicy,
  CrossQPolicy,
  DDPGPolicy,
  REDQPolicy,
  SACPolicy,
  TD3Policy,
} from '../../../ding/policy/index.js'
import { CheckpointError, type HostTensor, type StateTree } from '../../../ding/utils/index.js'
import { buildDqn } from '../../fixtures/q_table.js'
import { ACTIONS, build, learn } from './continuous_support.js'
import { offlinePolicy } from './offline_support.js'

const weights = (state: StateTree) => state['model'] as Record<string, HostTensor>
const observation = { 0: Float32Array.of(0.3, -1.2, 0.7) }

const dqnOf = (seed: number) => buildDqn({ model: { obs_shape: 3, action_shape: 2 } }, { seed })

const LEAN = { CrossQPolicy, DDPGPolicy, REDQPolicy, SACPolicy, TD3Policy }

describe.each(Object.entries(LEAN))('what %s acts by', (_name, kind) => {
  const make = (seed: number) => build(kind as typeof SACPolicy, {}, { seed })

  test('is its actor, with which another one acts the same', async () => {
    const [learned, other] = [await make(1), await make(2)]
    await learn(learned)
    const state = decodeState(encodeState(learned.actingState('eval'))).tree
    expect(Object.keys(weights(state)).length).toBeGreaterThan(0)
    expect(Object.keys(weights(state)).filter((name) => !name.startsWith('actor.'))).toEqual([])
    const action = async (policy: typeof learned) =>
      Array.from((await policy.eval_mode.forward(observation))[0]!['action'] as Float32Array)
    const expected = await action(learned)
    expect(expected).toHaveLength(ACTIONS)
    expect(await action(other)).not.toEqual(expected)
    other.loadActingState('eval', state)
    expect(await action(other)).toEqual(expected)
    expect(weights(other.actingState('eval'))).toEqual(weights(learned.actingState('eval')))
  })

  test('leaves weights that nothing acts by as NaN, so that asking them shows', async () => {
    const [learned, other] = [await make(1), await make(2)]
    other.loadActingState('eval', learned.actingState('eval'))
    const { model } = other.eval_mode.state_dict() as { model: Record<string, HostTensor> }
    const critics = Object.entries(model).filter(([name]) => !name.startsWith('actor.'))
    expect(critics.length).toBeGreaterThan(0)
    for (const [name, { data }] of critics) expect(data.every(Number.isNaN), name).toBe(true)
  })

  test('is refused where it lacks something, and nothing is changed', async () => {
    const policy = await make(1)
    const before = policy.actingState('eval')
    const [first = ''] = Object.keys(weights(before))
    const { [first]: _lost, ...rest } = weights((await make(2)).actingState('eval'))
    expect(() => policy.loadActingState('eval', { model: rest })).toThrow(CheckpointError)
    expect(() => policy.loadActingState('eval', { model: rest })).toThrow(first)
    expect(() => policy.loadActingState('eval', { acting: rest })).toThrow(/has no "model" part/)
    expect(weights(policy.actingState('eval'))).toEqual(weights(before))
  })
})

test('what a subclass adds to the state of its collect mode travels with the actor', async () => {
  class CountingSAC extends SACPolicy {
    counted = 0
    protected override stateDictCollect(): StateTree {
      return { ...super.stateDictCollect(), counted: this.counted }
    }
    protected override loadStateDictCollect(state: StateTree): void {
      super.loadStateDictCollect(state)
      this.counted = state['counted'] as number
    }
  }
  const [learned, other] = await Promise.all(
    [1, 2].map((seed) => build(CountingSAC, {}, { seed }) as Promise<CountingSAC>),
  )
  learned!.counted = 7
  const state = learned!.actingState('collect')
  expect(Object.keys(weights(state)).filter((name) => !name.startsWith('actor.'))).toEqual([])
  other!.loadActingState('collect', state)
  expect(other!.counted).toBe(7)
  expect(other!.actingState('collect')).toEqual(state)
})

test('BCQ, whose critics choose among actions, and DQN act by the whole state of a mode', async () => {
  const sizes = { actor_head_hidden_size: [8], critic_head_hidden_size: [8], vae_hidden_dims: [10, 10] }
  const bcq = await offlinePolicy(BCQPolicy, { model: sizes })
  expect(bcq.actingState('eval')).toEqual(bcq.eval_mode.state_dict())
  const [dqn, other] = [await dqnOf(1), await dqnOf(2)]
  other.loadActingState('collect', dqn.actingState('collect'))
  expect(other.collect_mode.state_dict()).toEqual(dqn.collect_mode.state_dict())
})
