import { readFileSync } from 'node:fs'
import { EnvError, type StateTree } from '../../utils/index.js'
import { scaleAction } from '../act_scale.js'
import { BaseEnv, type StepOutcome } from '../base_env.js'
import { stateNumbers } from '../env_state.js'
import type { RandomStream } from '../light_imports.js'
import type { Scene3D } from '../render/types.js'
import { Box } from '../spaces/index.js'
import type { StepInfo } from '../types.js'
import type { MujocoBaseConfig } from './config.js'
import { GeomScene, type MujocoView, SIDE_VIEW } from './geom_scene.js'
import type { Mujoco, Simulation } from './mujoco.js'

/** A model and how long an episode of it lasts. */
export interface MujocoTask {
  /** MJCF text. */
  readonly model: string
  readonly max_episode_steps: number
  /** Which of Gymnasium's rules hold. */
  readonly version: 4 | 5
}

/** Arena of one simulation of a built-in model. Random actions took 53 KB at most, with human figures lying on the ground. */
const MEMORY = '256K'

/** What the rules make of a step. */
export interface Verdict {
  readonly reward: number
  readonly terminated: boolean
  readonly info: StepInfo
}

/**
 * Base of the MuJoCo environments. A subclass says where an episode starts (`place`), what is observed (`observe`), what is
 * looked at before and after a step (`measure`) and what the reward is (`judge`).
 *
 * As in Gymnasium, positions of bodies (`xpos`, `xipos`, `site_xpos`) lag one physics step behind `qpos` after a step.
 */
export abstract class MujocoEnv<C extends MujocoBaseConfig = MujocoBaseConfig> extends BaseEnv<
  Float32Array,
  Float32Array
> {
  readonly observation_space: Box
  readonly action_space: Box
  /** The physics, to look at, to draw and to set up. */
  readonly simulation: Simulation
  /** s, of one step of the environment. */
  readonly dt: number
  override readonly render_fps: number
  /** Where `scene` looks from. */
  protected readonly view: MujocoView = SIDE_VIEW
  protected readonly version: 4 | 5
  protected readonly initialPositions: Float64Array
  /** Range of the motors. */
  private readonly motors: Box
  private readonly frameSkip: number
  readonly native_action_space?: Box
  private readonly actScale: boolean
  private measured: readonly number[] = []
  private readonly bodies = new Map<string | number, number>()
  private geoms: GeomScene | undefined

  /** @throws EnvError when `xml_file` cannot be read or does not compile */
  constructor(
    mujoco: Mujoco,
    protected readonly settings: C,
    task: MujocoTask,
  ) {
    super(settings.env_id, settings.max_episode_steps ?? task.max_episode_steps)
    const { xml_file, legacy_contact_margin, frame_skip, act_scale } = settings
    this.simulation =
      xml_file === null
        ? mujoco.simulate(task.model, { legacy_contact_margin, memory: MEMORY })
        : mujoco.simulate(textOf(xml_file), { legacy_contact_margin })
    this.version = task.version
    this.frameSkip = frame_skip
    this.dt = this.simulation.timestep * frame_skip
    this.render_fps = Math.round(1 / this.dt)
    this.actScale = act_scale
    this.initialPositions = Float64Array.from(this.simulation.modelArray('qpos0'))
    const limits = this.simulation.modelArray('actuator_ctrlrange')
    const even = limits.filter((_, i) => i % 2 === 0)
    const odd = limits.filter((_, i) => i % 2 === 1)
    this.motors = new Box(even, odd)
    this.action_space = act_scale ? new Box(-1, 1, this.motors.shape) : this.motors
    if (act_scale) this.native_action_space = this.motors
    try {
      this.simulation.forward()
      this.measured = this.measure()
      this.observation_space = new Box(-Infinity, Infinity, [this.observe().length])
    } catch (error) {
      this.simulation.close()
      throw error
    }
  }

  /** Writes the positions and velocities of a new episode into the simulation, which is at the model's initial position. */
  protected abstract place(random: RandomStream): void
  /** The observation in float64. Called while the base class constructs: a subclass has no fields of its own then. */
  protected abstract observe(): number[]
  /** Numbers that the reward compares before and after a step. Called while the base class constructs, as `observe`. */
  protected measure(): readonly number[] {
    return []
  }
  /** Reward and end of a step; `control` are the inputs of the motors, not yet cut to their range. */
  protected abstract judge(
    control: ArrayLike<number>,
    before: readonly number[],
    after: readonly number[],
  ): Verdict

  /** The current observation in float64, before it is rounded to float32. */
  observation(): Float64Array {
    return Float64Array.from(this.observe())
  }

  /**
   * Starts an episode at a state of one's own choice and returns its observation.
   * @param qacc_warmstart start of the constraint solver, on which the last digits of a step depend; default 0
   */
  setState(
    qpos: ArrayLike<number>,
    qvel: ArrayLike<number>,
    qacc_warmstart?: ArrayLike<number>,
  ): Float32Array {
    const { simulation } = this
    if (qpos.length !== simulation.nq || qvel.length !== simulation.nv) {
      throw new EnvError(
        `${this.name}: setState got ${qpos.length} positions and ${qvel.length} velocities, expected ${simulation.nq} and ${simulation.nv}`,
      )
    }
    simulation.reset()
    simulation.qpos.set(Float64Array.from(qpos))
    simulation.qvel.set(Float64Array.from(qvel))
    simulation.forward()
    simulation.qacc_warmstart.set(Float64Array.from(qacc_warmstart ?? new Float64Array(simulation.nv)))
    this.startEpisode()
    this.measured = this.measure()
    return Float32Array.from(this.observe())
  }

  /** The geoms before a camera. */
  override scene(): Scene3D {
    this.geoms ??= new GeomScene(this.simulation)
    return this.geoms.scene(this.view)
  }

  override close(): void {
    super.close()
    this.simulation.close()
  }

  protected override begin(random: RandomStream): Float32Array {
    this.simulation.reset()
    this.place(random)
    this.simulation.forward()
    this.measured = this.measure()
    return Float32Array.from(this.observe())
  }

  protected override advance(action: Float32Array): StepOutcome<Float32Array> {
    const { simulation, motors } = this
    const control = this.actScale ? scaleAction(action, motors.low, motors.high) : action
    simulation.ctrl.set(control)
    simulation.step(this.frameSkip)
    simulation.rnePostConstraint()
    const before = this.measured
    this.measured = this.measure()
    const { reward, terminated, info } = this.judge(control, before, this.measured)
    return { obs: Float32Array.from(this.observe()), reward, terminated, info }
  }

  protected override saveState(): StateTree {
    return { physics: Array.from(this.simulation.state()), measured: [...this.measured] }
  }

  protected override restoreState(state: StateTree): void {
    this.simulation.setState(Float64Array.from(stateNumbers(state, 'physics', this.name)))
    this.measured = stateNumbers(state, 'measured', this.name)
  }

  /** Adds uniform noise of [-scale, scale] to the initial positions, and to the velocities uniform or normal noise. */
  protected scatter(random: RandomStream, scale: number, velocities: 'uniform' | 'normal'): void {
    const { qpos, qvel } = this.simulation
    for (let i = 0; i < qpos.length; i++) qpos[i]! += uniform(random, -scale, scale)
    if (velocities === 'uniform')
      for (let i = 0; i < qvel.length; i++) qvel[i] = uniform(random, -scale, scale)
    else qvel.set(random.normal(qvel.length).map((draw) => draw * scale))
  }

  /** Positions from the `skip`-th on, then velocities, cut to [-limit, limit]. */
  protected coordinates(skip: number, limit = Infinity): number[] {
    const { qpos, qvel } = this.simulation
    const out = Array.from(qpos.subarray(skip))
    for (const v of qvel) out.push(Math.min(Math.max(v, -limit), limit))
    return out
  }

  /** Position of the frame of a body, given by name or number. */
  protected positionOf(body: string | number): [x: number, y: number, z: number] {
    const { simulation, bodies } = this
    let id = bodies.get(body)
    if (id === undefined) {
      id = typeof body === 'number' ? body : simulation.id('body', body)
      if (!(id >= 0 && id < simulation.nbody)) {
        throw new EnvError(`${this.name}: there is no body number ${id}; the model has ${simulation.nbody}`)
      }
      bodies.set(body, id)
    }
    const { xpos } = simulation
    return [xpos[3 * id]!, xpos[3 * id + 1]!, xpos[3 * id + 2]!]
  }

  /** Whether all positions and velocities are numbers. */
  protected finite(): boolean {
    const { qpos, qvel } = this.simulation
    return qpos.every(Number.isFinite) && qvel.every(Number.isFinite)
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new EnvError(`env.xml_file: cannot read ${path}. Give the path of an MJCF file, or null`, { cause })
  }
}

/** A number of [low, high). */
export function uniform(random: RandomStream, low: number, high: number): number {
  return low + (high - low) * random.nextFloat()
}

/** Sum of the squares. */
export function squares(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return sum
}

/** Distance of two points. */
export function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(squares(a.map((v, i) => v - b[i]!)))
}
