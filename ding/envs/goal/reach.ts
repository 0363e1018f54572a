import type { StateTree } from '../../utils/index.js'
import type { StepOutcome } from '../base_env.js'
import { baseEnvConfig, resolveConfig } from '../env_config.js'
import { stateNumbers } from '../env_state.js'
import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import type { Scene } from '../render/types.js'
import { Box, type Dict } from '../spaces/index.js'
import { GoalEnv, type GoalObs, goalSpace } from './goal_env.js'
import { flatReachScene, spatialReachScene } from './goal_scenes.js'

const config = extendSchema(baseEnvConfig, {
  env_id: { default: 'Reach-v0' },
  max_episode_steps: { default: 50 },
  body: {
    doc: "What reaches: a 'point' in [-1, 1]^d, moved by its coordinates, or the tip of an 'arm' of two links of length 0.5 that is moved by its joints (in 3-D a third one turns the arm around the vertical axis).",
    format: ['point', 'arm'],
    default: 'point',
  },
  dimensions: { doc: 'Dimensions of the space: 2 or 3.', format: [2, 3], default: 3 },
  distance_threshold: {
    doc: 'The goal counts as reached within this distance.',
    format: 'positive_number',
    default: 0.05,
  },
  reward_type: {
    doc: "'sparse': -1, and 0 within the threshold; 'dense': minus the distance.",
    format: ['sparse', 'dense'],
    default: 'sparse',
  },
})

export type ReachConfig = ConfigOf<typeof config>

declare module '../../config/index.js' {
  interface EnvConfigMap {
    reach: ReachConfig
  }
}

/** How far a coordinate of the point moves, and a joint turns (in radians), for an action of 1. */
const POINT_STEP = 0.1
const JOINT_STEP = 0.15
const LINK = 0.5
/** Most that elbow and shoulder bend. */
const BEND = Math.PI

/**
 * Reaching a random goal in the manner of Gymnasium-Robotics' FetchReach: it goes on for 50 steps whether the goal is
 * reached or not, and success is to be there at the end. Purely kinematic: an action moves the point or turns the joints.
 * observation: the point's position, or the joints' cosines and sines; goals are positions of the point or the tip.
 */
export class ReachEnv extends GoalEnv<Float32Array> {
  static readonly config = config

  readonly observation_space: Dict
  readonly action_space: Box
  override readonly render_fps = 15
  private readonly cfg: ReachConfig
  /** Position, or joint angles: (yaw,) shoulder, elbow. */
  private state: Float64Array
  private goal: Float32Array

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings = resolveConfig(config, cfg, 'The env config')
    const { dimensions, body, env_id, max_episode_steps } = settings
    super(env_id, max_episode_steps ?? 50)
    this.cfg = settings
    const own = body === 'point' ? dimensions : 2 * dimensions
    this.observation_space = goalSpace(new Box(-1, 1, [own]), new Box(-1, 1, [dimensions]))
    this.action_space = new Box(-1, 1, [dimensions])
    this.state = new Float64Array(dimensions)
    this.goal = new Float32Array(dimensions)
  }

  override compute_reward(achieved_goal: Float32Array, desired_goal: Float32Array): number {
    const distance = distanceOf(achieved_goal, desired_goal)
    if (this.cfg.reward_type === 'dense') return -distance
    return distance < this.cfg.distance_threshold ? 0 : -1
  }

  override scene(): Scene {
    const { state, goal, cfg } = this
    const tip = Array.from(this.tip(state))
    // The elbow is where the tip would be if the arm were folded out straight and half as long.
    const straight = state.slice()
    straight[straight.length - 1] = 0
    const elbow = Array.from(this.tip(straight), (v) => v / 2)
    const joints = cfg.body === 'point' ? [tip] : [tip.map(() => 0), elbow, tip]
    const reaching = { joints, goal, threshold: cfg.distance_threshold }
    return cfg.dimensions === 2 ? flatReachScene(reaching) : spatialReachScene(reaching)
  }

  protected override begin(random: RandomStream): GoalObs {
    const draw = () => this.state.map((_, i) => this.drawn(i, random))
    const goal = draw()
    this.goal = this.tip(goal)
    this.state = draw()
    return this.observe()
  }

  protected override advance(action: Float32Array): StepOutcome<GoalObs> {
    const point = this.cfg.body === 'point'
    this.state = this.state.map((value, i) => {
      const unit = Math.min(1, Math.max(-1, action[i]!))
      if (point) return Math.min(1, Math.max(-1, value + POINT_STEP * unit))
      const angle = value + JOINT_STEP * unit
      return this.turns(i) ? wrapped(angle) : Math.min(BEND, Math.max(0, angle))
    })
    const obs = this.observe()
    const reward = this.compute_reward(obs.achieved_goal, this.goal)
    const is_success = distanceOf(obs.achieved_goal, this.goal) < this.cfg.distance_threshold
    return { obs, reward, terminated: false, info: { is_success } }
  }

  /** Whether joint `i` turns all around: the vertical axis, and in 2-D the shoulder. */
  private turns(i: number): boolean {
    return i === 0
  }

  /** A random value of the state's entry `i`. */
  private drawn(i: number, random: RandomStream): number {
    if (this.cfg.body === 'point') return 2 * random.nextFloat() - 1
    return this.turns(i) ? Math.PI * (2 * random.nextFloat() - 1) : BEND * random.nextFloat()
  }

  /** Position of the point, or of the arm's tip. */
  private tip(state: Float64Array): Float32Array {
    if (this.cfg.body === 'point') return Float32Array.from(state)
    const [shoulder, elbow] = state.slice(-2) as unknown as [number, number]
    const out = LINK * (Math.cos(shoulder) + Math.cos(shoulder + elbow))
    const up = LINK * (Math.sin(shoulder) + Math.sin(shoulder + elbow))
    if (this.cfg.dimensions === 2) return Float32Array.of(out, up)
    const yaw = state[0]!
    return Float32Array.of(out * Math.cos(yaw), out * Math.sin(yaw), up)
  }

  private observe(): GoalObs {
    const tip = this.tip(this.state)
    const joints = Array.from(this.state).flatMap((angle) => [Math.cos(angle), Math.sin(angle)])
    const observation = this.cfg.body === 'point' ? tip.slice() : Float32Array.from(joints)
    return { observation, achieved_goal: tip, desired_goal: this.goal.slice() }
  }

  protected override saveState(): StateTree {
    return { state: Array.from(this.state), goal: Array.from(this.goal) }
  }

  protected override restoreState(state: StateTree): void {
    this.state.set(stateNumbers(state, 'state', this.name, this.cfg.dimensions))
    this.goal.set(stateNumbers(state, 'goal', this.name, this.cfg.dimensions))
  }
}

function distanceOf(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.sqrt(sum)
}

/** An angle in [-pi, pi). */
function wrapped(angle: number): number {
  return angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI))
}
