import { join } from 'node:path'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type BaseAgent,
  CQN,
  CrossQ,
  DQN,
  type DQNArguments,
  evaluatePolicy,
  QRDQN,
  REDQ,
  SAC,
  TD3,
} from '../../../ding/agent/index.js'
import {
  BaseEnv,
  Box,
  Dict,
  Discrete,
  type Env,
  type EnvWrapperSpec,
  type Obs,
  type Space,
  type StepOutcome,
  wrapWith,
} from '../../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../../ding/registry/index.js'
import { type HostTensor, UsageError } from '../../../ding/utils/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, keep, policyOf } from './support.js'

closeAgents()

const LAST = [12, 10, 3] as const
const FIRST = [3, 12, 10] as const
const image = (shape: readonly number[]) => new Box(0, 255, shape, 'uint8')
const dict = (shape: readonly number[]) => new Dict({ camera: image(shape), speed: new Box(-1, 1, [2]) })

/** The pixel of a row, a column and a channel in picture `n`. */
const pixel = (n: number, h: number, w: number, c: number) => (n * 31 + h * 7 + w * 3 + c * 50) % 256

/** Picture `n`, with its channels where `shape` has them. */
function picture(n: number, shape: readonly number[]): Uint8Array {
  const [, b, c] = shape as [number, number, number]
  const at = (i: number) => [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c] as const
  const first = shape.join() === FIRST.join()
  return Uint8Array.from({ length: 360 }, (_, i) => {
    const [x, y, z] = at(i)
    return first ? pixel(n, y, z, x) : pixel(n, x, y, z)
  })
}

/** Shows one picture after the other. */
class Pictures extends BaseEnv {
  private step_count = 0

  constructor(
    readonly observation_space: Space = image(LAST),
    readonly action_space: Space = new Discrete(2),
  ) {
    super('pictures')
  }

  private look(): Obs {
    const n = this.step_count
    if (this.observation_space instanceof Dict)
      return { camera: picture(n, LAST), speed: Float32Array.of(n / 10, 0) }
    return picture(n, LAST)
  }
  protected override begin(): Obs {
    this.step_count = 0
    return this.look()
  }
  protected override advance(_action: unknown): StepOutcome {
    this.step_count++
    return { obs: this.look(), reward: this.step_count, terminated: this.step_count === 5 }
  }
}

/** Those that are made by their config, which has no keys. */
class PlainPictures extends Pictures {
  constructor(_cfg: object) {
    super()
  }
}

/** Those with actions that have to be scaled. */
class MovedPictures extends Pictures {
  constructor() {
    super(image(LAST), new Box(-3, 3, [2]))
  }
}

beforeAll(() => {
  ENV_REGISTRY.register('pictures', PlainPictures)
  ENV_REGISTRY.register('moved_pictures', MovedPictures)
})

const small = {
  policy: 'CnnPolicy' as const,
  learning_starts: 10,
  batch_size: 4,
  buffer_size: 100,
  seed: 3,
  policy_kwargs: { net_arch: [8] },
  config: { model: { encoder_hidden_size_list: [4, 8], encoder_kernel_size_list: [3] } },
}
const dqn = (env: DQNArguments['env'], more: DQNArguments = {}) => keep(new DQN({ ...small, ...more, env }))
const tensor = (shape: readonly number[], data: HostTensor['data']): HostTensor => ({
  dtype: data instanceof Uint8Array ? 'uint8' : 'float32',
  shape,
  data,
})
const joined = (parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))

describe('images with their channels last', () => {
  it('are turned, however the environment is given, and learned from', async () => {
    const forms: DQNArguments['env'][] = [
      'pictures',
      { type: 'pictures', cfg: {} },
      () => new Pictures(),
      new Pictures(),
    ]
    const byHand = dqn(() => wrapWith(new Pictures(), 'obs_transpose'))
    await byHand.learn({ total_timesteps: 14 })
    const learned = await byHand.getParameters()
    for (const env of forms) {
      const agent = dqn(env)
      const seen: Obs[] = []
      await agent.learn({
        total_timesteps: 14,
        callback: ({ new_obs }) => {
          seen.push((new_obs as Obs[])[0] as Obs)
        },
      })
      expect(agent.observation_space).toEqual(image(FIRST))
      expect(agent.n_updates).toBeGreaterThan(0)
      expect(seen[2]).toEqual(picture(3, FIRST))
      expect(await agent.getParameters()).toEqual(learned)
      await agent.close()
    }
  })

  it('are in the configs and environments that an agent stands for', async () => {
    const wrappersOf = async (agent: BaseAgent) => {
      const { main_config } = await agent.config()
      return (main_config.env as { env_wrapper?: unknown }).env_wrapper
    }
    const cfg = { env_wrapper: ['clip_reward'] }
    expect(await wrappersOf(dqn({ type: 'pictures', cfg }))).toEqual(['clip_reward', 'obs_transpose'])
    const scaling = keep(new SAC({ ...small, env: { type: 'moved_pictures', cfg } }))
    expect(await wrappersOf(scaling)).toEqual(['clip_reward', 'obs_transpose', 'act_scale'])
    const envs = await dqn('pictures', { n_envs: 2 }).getEnv()
    expect(envs.observation_space).toEqual(image(FIRST))
  })

  it.each([
    ['SAC', SAC],
    ['TD3', TD3],
    ['CrossQ', CrossQ],
    ['REDQ', REDQ],
  ] as const)('and actions in other units than [-1, 1]: %s', async (_name, kind) => {
    const env = () => new MovedPictures()
    const agent = keep(new kind({ ...small, env }))
    expect(await policyOf(agent)).toMatchObject({ model: { obs_shape: [3, 12, 10] } })
    const options = { deterministic: true }
    const [plain] = await agent.predict(picture(2, FIRST), options)
    expect((await agent.predict(tensor(LAST, picture(2, LAST)), options))[0]).toEqual(plain)
  })

  it('of value-based agents of other kinds are turned too', async () => {
    const encoder_config = { channel_size: [4], kernel_size: [3], stride_size: [1] }
    const cqn = new CQN({ env: () => new Pictures(), net_config: { encoder_config } })
    for (const agent of [new QRDQN({ ...small, env: () => new Pictures() }), cqn])
      expect((await keep(agent).setup()).observation_space).toEqual(image(FIRST))
  })

  it('in a Dict are turned, and the rest of it is not', async () => {
    const make = () => new Pictures(dict(LAST), new Box(-3, 3, [2]))
    const agent = keep(new SAC({ ...small, policy: 'MultiInputPolicy', env: make }))
    await agent.learn({ total_timesteps: 14 })
    expect(agent.observation_space).toEqual(dict(FIRST))
    const options = { deterministic: true }
    const speed = Float32Array.of(0.5, -0.5)
    const flat = [
      { camera: picture(4, FIRST), speed: new Float32Array(2) },
      { camera: picture(1, FIRST), speed },
    ]
    const expected = await agent.predict(flat, options)
    const plain = await agent.predict(flat[1] as Obs, options)
    for (const shape of [LAST, FIRST]) {
      const one = { camera: tensor(shape, picture(1, shape)), speed: tensor([2], speed) }
      expect(await agent.predict(one, options)).toEqual(plain)
      const camera = tensor([2, ...shape], joined([picture(4, shape), picture(1, shape)]))
      const both = { camera, speed: tensor([2, 2], Float32Array.of(0, 0, ...speed)) }
      expect(await agent.predict(both, options)).toEqual(expected)
    }
    const uneven = {
      camera: tensor([1, ...LAST], picture(1, LAST)),
      speed: tensor([2, 2], new Float32Array(4)),
    }
    await expect(agent.predict(uneven)).rejects.toThrow(/different numbers of rows: "camera" \[1,12,10,3\]/)
  })

  it('are predicted from in either order, alone and as a batch', async () => {
    const agent = keep(new SAC({ ...small, env: 'moved_pictures' }))
    const options = { deterministic: true }
    const pictures = [picture(0, FIRST), picture(3, FIRST)]
    const [expected] = await agent.predict(pictures, options)
    const [alone] = await agent.predict(picture(3, FIRST), options)
    for (const shape of [LAST, FIRST]) {
      const [single] = await agent.predict(tensor(shape, picture(3, shape)), options)
      expect(single).toEqual(alone)
      const batch = tensor([2, ...shape], joined([picture(0, shape), picture(3, shape)]))
      expect((await agent.predict(batch, options))[0]).toEqual(expected)
    }
    expect(expected[0]).not.toEqual(expected[1])
  })

  it('are turned of an environment that is given later, and after loading', async () => {
    const agent = dqn('pictures')
    await agent.learn({ total_timesteps: 12 })
    await agent.setEnv(() => new Pictures())
    await agent.setEnv(() => wrapWith(new Pictures(), 'obs_transpose'))
    await expect(agent.setEnv(() => new Pictures(image([10, 12, 3])))).rejects.toThrow(UsageError)
    await agent.setEnv('pictures')
    const path = join(temporaryFolder(), 'agent.safetensors')
    await agent.save(path)
    const options = { deterministic: true }
    const expected = await agent.predict(tensor(LAST, picture(2, LAST)), options)
    for (const overrides of [{}, { env: () => new Pictures() }, { env: null }]) {
      const twin = keep(await DQN.load(path, overrides))
      expect(await twin.predict(tensor(LAST, picture(2, LAST)), options)).toEqual(expected)
      expect(twin.observation_space).toEqual(image(FIRST))
      if (overrides.env !== null) await twin.learn({ total_timesteps: 2, reset_num_timesteps: false })
    }
  })

  it('are turned in the environments of evaluatePolicy', async () => {
    const seen: Obs[] = []
    const model = {
      observation_space: image(FIRST),
      action_space: new Discrete(2),
      predict: async (obs: unknown): Promise<never> => {
        seen.push(...((Array.isArray(obs) ? obs : [obs]) as Obs[]))
        return [Array.isArray(obs) ? obs.map(() => 0) : 0, null] as never
      },
    }
    const manager = await dqn('pictures').getEnv()
    for (const env of [
      'pictures',
      () => new Pictures(),
      new Pictures(),
      [new Pictures()],
      manager,
    ] as const) {
      seen.length = 0
      expect(await evaluatePolicy(model, env, { n_eval_episodes: 1 })).toEqual([15, 0])
      expect(seen).toEqual([0, 1, 2, 3, 4].map((n) => picture(n, FIRST)))
    }
    // One that was made for them as they are.
    seen.length = 0
    await evaluatePolicy({ ...model, observation_space: image(LAST) }, 'pictures', { n_eval_episodes: 1 })
    expect(seen[1]).toEqual(picture(1, LAST))
  })
})

describe("what SB3's rule does not take for images with their channels last stays as it is", () => {
  const flat = { ...small, policy: 'MlpPolicy' as const, config: {} }
  const spaceOf = async (space: Space, wrappers: EnvWrapperSpec[] = [], more: object = {}) => {
    const env = () => wrappers.reduce<Env>(wrapWith, new Pictures(space, new Box(-1, 1, [2])))
    return (await keep(new SAC({ ...flat, env, ...more })).setup()).observation_space
  }

  it.each([
    ['channels in front', image(FIRST)],
    ['as many channels as rows', image([3, 10, 3])],
    ['other bounds', new Box(0, 1, LAST, 'uint8')],
    ['another element type', new Box(0, 255, LAST)],
    ['two axes', image([12, 10])],
    ['a Dict of such', new Dict({ a: image(FIRST), b: new Box(0, 1, LAST) })],
  ])('%s', async (_name, space) => {
    expect(await spaceOf(space, [], space instanceof Dict ? small : {})).toEqual(space)
  })

  it('nor is what was turned already, or is to be left alone', async () => {
    expect(await spaceOf(image([10, 12, 3]), ['obs_transpose'])).toEqual(image([3, 10, 12]))
    expect(await spaceOf(image([12, 3, 10]), ['obs_transpose'])).toEqual(image([10, 12, 3]))
    expect(await spaceOf(image(LAST), [{ type: 'obs_transpose', skip: true }])).toEqual(image(LAST))
    const given = { observation_space: image(LAST), action_space: new Box(-1, 1, [2]) }
    expect(await spaceOf(image(LAST), [], given)).toEqual(image(LAST))
  })

  it('but a Dict of both kinds is refused', async () => {
    await expect(spaceOf(new Dict({ a: image(LAST), b: image(FIRST) }))).rejects.toThrow(
      /obs_transpose.*entry "b".*come first already.*one order/,
    )
  })

  it('and a warning tells of channels in the middle', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      expect(await spaceOf(image([12, 3, 10]))).toEqual(image([10, 12, 3]))
      expect(warn).toHaveBeenCalledWith(
        expect.stringMatching(/smallest axis in the middle.*skip: true/),
        'ImageWarning',
      )
    } finally {
      warn.mockRestore()
    }
  })
})
