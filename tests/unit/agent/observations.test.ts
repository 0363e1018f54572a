import { describe, expect, it } from 'vitest'
import { type BaseAgent, BC, CrossQ, DDPG, DQN, QRDQN, SAC, TD3 } from '../../../ding/agent/index.js'
import { Box, createTimestep, Dict, Discrete, type Env, type Space } from '../../../ding/envs/index.js'
import { closeAgents, keep, policyOf, smallNets } from './support.js'

closeAgents()

/** Black pictures. */
class Image implements Env {
  readonly observation_space = new Box(0, 255, [3, 36, 36], 'uint8')
  readonly reward_space = new Box(0, 1)
  private step_count = 0

  constructor(readonly action_space: Space) {}

  reset() {
    this.step_count = 0
    return new Uint8Array(3 * 36 * 36)
  }
  step() {
    return createTimestep(new Uint8Array(3 * 36 * 36), 1, ++this.step_count === 5)
  }
  seed() {}
  close() {}
}

describe('observations', () => {
  it("that are images go through SB3's NatureCNN, divided by 255", async () => {
    const nature = {
      obs_shape: [3, 36, 36],
      encoder_hidden_size_list: [32, 64, 64, 512],
      encoder_activate_output: true,
      normalize_images: true,
    }
    const dqn = new DQN({ env: () => new Image(new Discrete(2)), policy: 'CnnPolicy' })
    expect(await policyOf(dqn)).toMatchObject({ model: { ...nature, net_arch: [] } })
    const env = () => new Image(new Box(-3, 3, [2]))
    expect(await policyOf(new SAC({ env, policy: 'CnnPolicy' }))).toMatchObject({
      model: { ...nature, share_encoder: false },
    })
    const arch = async (agent: BaseAgent) => (await policyOf(agent)).model['net_arch']
    expect(await arch(new TD3({ env, policy: 'CnnPolicy' }))).toEqual([256, 256])
    expect(await arch(new TD3({ env }))).toEqual([400, 300])
    expect(await arch(new DDPG({ env, policy: 'CnnPolicy', policy_kwargs: { net_arch: [8] } }))).toEqual([8])
    const raw = new SAC({ env, policy_kwargs: { normalize_images: false } })
    expect(await policyOf(raw)).toMatchObject({
      model: { encoder_hidden_size_list: null, normalize_images: false },
    })
  })

  it('of several kinds give each image half the features of NatureCNN', async () => {
    const image = new Box(0, 255, [3, 36, 36], 'uint8')
    const observation_space = new Dict({ camera: image, speed: new Box(-1, 1, [2]) })
    const agent = new CrossQ({
      observation_space,
      action_space: new Box(-1, 1, [2]),
    })
    const model = {
      encoder_hidden_size_list: [32, 64, 64, 256],
      encoder_activate_output: true,
      normalize_images: true,
    }
    expect(await policyOf(agent)).toMatchObject({ model })
  })

  it('share an encoder where there is one; without one share_features_extractor changes nothing, as in SB3', async () => {
    const policy_kwargs = { share_features_extractor: true, net_arch: [8] }
    const env = () => new Image(new Box(-3, 3, [2]))
    const encoder = {
      encoder_hidden_size_list: [4, 8],
      encoder_kernel_size_list: [8],
      encoder_stride_list: [4],
    }
    for (const Kind of [CrossQ, SAC, TD3]) {
      const shares = async (args: object) =>
        (await policyOf(new Kind({ policy_kwargs, ...args }))).model['share_encoder']
      expect(await shares({ env, policy: 'CnnPolicy' })).toBe(true)
      // Flattened, and with an encoder by config.
      expect(await shares({ env })).toBe(false)
      expect(await shares({ env, config: { model: encoder } })).toBe(true)
      const weights = async (share_features_extractor: boolean) => {
        const args = { env: 'Pendulum-v1', seed: 0, learning_starts: 4, batch_size: 4 }
        const agent = keep(new Kind({ ...args, policy_kwargs: { net_arch: [8], share_features_extractor } }))
        await agent.learn({ total_timesteps: 6 })
        expect(agent.n_updates).toBe(2)
        return agent.getParameters()
      }
      expect(await weights(true)).toEqual(await weights(false))
    }
    const asked = keep(new SAC({ env: 'Pendulum-v1', config: { model: { share_encoder: true } } }))
    await expect(asked.setup()).rejects.toThrow(/no encoder to share/)
  })

  describe('of agents with discrete actions', () => {
    const image = new Box(0, 255, [3, 36, 36], 'uint8')
    const dict = new Dict({ camera: image, speed: new Box(-1, 1, [2]) })
    /** Sizes of the weights, from the first convolution to the head. */
    const sizes = async (
      kind: typeof DQN | typeof QRDQN | typeof BC,
      observation_space: Space,
      net_arch?: number[],
    ) => {
      const action_space = new Discrete(2)
      const agent = keep(
        new kind({ observation_space, action_space, policy_kwargs: { net_arch: net_arch ?? null } }),
      )
      const { model } = (await agent.getParameters()) as { model: Record<string, { shape: number[] }> }
      const weights = Object.entries(model).filter(([name]) => name.endsWith('weight'))
      return weights.map(([, { shape }]) => shape.slice(0, 2).join(' x '))
    }
    const convolutions = ['32 x 3', '64 x 32', '64 x 64']

    it.each([
      ['an image', image, undefined, ['512 x 64'], 512],
      ['an image, with layers', image, [256], ['512 x 64', '256 x 512'], 256],
      ['an image, with three', image, [64, 64, 64], ['512 x 64', '64 x 512', '64 x 64', '64 x 64'], 64],
      ['several', dict, undefined, ['256 x 64', '64 x 258', '64 x 64'], 64],
      ['several, with layers', dict, [128], ['256 x 64', '128 x 258'], 128],
      ['several, without layers', dict, [], ['256 x 64'], 258],
    ] as const)(
      "have SB3's features, and net_arch behind them: %s",
      async (_name, space, net_arch, layers, width) => {
        const given = net_arch && [...net_arch]
        for (const [kind, outputs] of [
          [DQN, 2],
          [BC, 2],
          [QRDQN, 400],
        ] as const)
          expect(await sizes(kind, space, given)).toEqual([
            ...convolutions,
            ...layers,
            `${outputs} x ${width}`,
          ])
      },
    )
  })

  it('of goals are relabelled by a HerReplayBuffer', async () => {
    const agent = keep(
      new DQN({
        env: { type: 'bit_flip', cfg: { n_bits: 4 } },
        policy: 'MultiInputPolicy',
        replay_buffer_class: 'HerReplayBuffer',
        replay_buffer_kwargs: { n_sampled_goal: 2, goal_selection_strategy: 'final' },
        learning_starts: 12,
        batch_size: 8,
        policy_kwargs: smallNets,
      }),
    )
    expect(await policyOf(agent)).toMatchObject({
      other: { replay_buffer: { n_sampled_goal: 2, goal_selection_strategy: 'final' } },
      create_config: { replay_buffer: { type: 'her' } },
    })
    await agent.learn({ total_timesteps: 40 })
    expect(agent.n_updates).toBeGreaterThan(4)
  })
})
