import type { StateTree } from '../../utils/index.js'
import type { StepOutcome } from '../base_env.js'
import { baseEnvConfig, resolveConfig } from '../env_config.js'
import { stateNumbers } from '../env_state.js'
import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box, type Dict, Discrete, MultiBinary, type Space } from '../spaces/index.js'
import { GoalEnv, type GoalObs, goalSpace } from './goal_env.js'
import { bitScene } from './goal_scenes.js'

const config = extendSchema(baseEnvConfig, {
  env_id: { default: 'BitFlip-v0' },
  max_episode_steps: {
    doc: 'Truncates an episode after this many steps; null: as many as there are bits.',
    default: null,
  },
  n_bits: { doc: 'Number of bits.', format: 'positive_int', default: 10 },
  continuous: {
    doc: "Actions are n_bits numbers in [-1, 1], and every bit whose number is positive flips (SB3's option); false: the number of one bit.",
    format: 'boolean',
    default: false,
  },
  goal: {
    doc: "The wanted bits: drawn anew for each episode ('random', as in the paper and DI-engine), or all 1 ('ones', as SB3).",
    format: ['random', 'ones'],
    default: 'random',
  },
})

export type BitFlipConfig = ConfigOf<typeof config>

declare module '../../config/index.js' {
  interface EnvConfigMap {
    bit_flip: BitFlipConfig
  }
}

/**
 * Bit flipping (Andrychowicz et al. 2017, section 3.1): flip bits until they are those of the goal. The reward is -1 for
 * every step that does not end there and 0 for the one that does, which terminates the episode. With 2^n states and no
 * other hint, random play finds the goal practically never from about 10 bits on. An episode never starts at its goal.
 */
export class BitFlipEnv extends GoalEnv<number | Float32Array, Uint8Array> {
  static readonly config = config

  readonly observation_space: Dict
  readonly action_space: Space
  override readonly render_fps = 4
  private readonly cfg: BitFlipConfig
  private state: Uint8Array
  private goal: Uint8Array

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings = resolveConfig(config, cfg, 'The env config')
    const { n_bits, continuous } = settings
    super(settings.env_id, settings.max_episode_steps ?? n_bits)
    this.cfg = settings
    const bits = new MultiBinary(n_bits)
    this.observation_space = goalSpace(bits, bits)
    this.action_space = continuous ? new Box(-1, 1, [n_bits]) : new Discrete(n_bits)
    this.state = new Uint8Array(n_bits)
    this.goal = new Uint8Array(n_bits).fill(1)
  }

  override compute_reward(achieved_goal: Uint8Array, desired_goal: Uint8Array): number {
    for (let i = 0; i < achieved_goal.length; i++) if (achieved_goal[i] !== desired_goal[i]) return -1
    return 0
  }

  override scene(): Scene2D {
    return bitScene(this.state, this.goal)
  }

  protected override begin(random: RandomStream): GoalObs<Uint8Array> {
    const { n_bits, goal } = this.cfg
    const draw = () => Uint8Array.from(random.integers(n_bits, 0, 2))
    this.goal = goal === 'ones' ? new Uint8Array(n_bits).fill(1) : draw()
    do this.state = draw()
    while (this.compute_reward(this.state, this.goal) === 0)
    return this.observe()
  }

  protected override advance(action: number | Float32Array): StepOutcome<GoalObs<Uint8Array>> {
    if (typeof action === 'number') this.state[action]! ^= 1
    else for (let i = 0; i < action.length; i++) if (action[i]! > 0) this.state[i]! ^= 1
    const reward = this.compute_reward(this.state, this.goal)
    const is_success = reward === 0
    return { obs: this.observe(), reward, terminated: is_success, info: { is_success } }
  }

  private observe(): GoalObs<Uint8Array> {
    const { state, goal } = this
    return { observation: state.slice(), achieved_goal: state.slice(), desired_goal: goal.slice() }
  }

  protected override saveState(): StateTree {
    return { state: Array.from(this.state), goal: Array.from(this.goal) }
  }

  protected override restoreState(state: StateTree): void {
    this.state.set(stateNumbers(state, 'state', this.name, this.cfg.n_bits))
    this.goal.set(stateNumbers(state, 'goal', this.name, this.cfg.n_bits))
  }
}
