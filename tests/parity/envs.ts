import { type BaseEnv, ClassicControlEnv, PendulumEnv, TabularEnv } from '../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../ding/registry/index.js'
import type { StateTree } from '../../ding/utils/index.js'
import { box2dEnvCases, box2dRegistryCases, isBox2dFile } from './box2d_envs.js'
import { isMujocoFile, mujocoEnvCases, registryCases } from './mujoco_envs.js'
import type { FileResult } from './types.js'

export interface ParityCase {
  name: string
  maxError: number
  tolerance: number
  pass: boolean
  detail?: string
}

export type ParityResult = { cases: ParityCase[] } | { skipped: string }

interface Episode {
  start: { state: number[] }
  policy?: string
  actions: (number | number[])[]
  obs: number[][]
  reward: number[]
  terminated: number[]
  truncated: number[]
  /** Left out where it equals the observation. */
  state?: number[][]
}

/**
 * float64 libraries differ in the last bit of a sine; Acrobot's Runge-Kutta step has 28 of them and reward sums squares.
 * Observations are float32: an exact match, but where such a bit moves the rounding.
 */
const TOLERANCE = 1e-14
const FLOAT32_STEP = 2 ** -23
/** Errors of a step in last bits of the state before it (found: 3.4 at most in 8000 random steps of Acrobot), and what no such error exceeds. */
const LAST_BITS = 8
const ROUNDING_AT_MOST = 1e-10

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Largest absolute difference of two number lists; infinite when their lengths differ or one is NaN. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i]! - b[i]!)
    most = d <= most ? most : Number.isNaN(d) ? Number.POSITIVE_INFINITY : d
  }
  return most
}

/** Puts the dynamics at a recorded state; the time-limit counter goes on. */
function moveTo(env: BaseEnv, state: readonly number[]): void {
  const saved = env.state_dict() as StateTree
  const dynamics = saved['dynamics'] as StateTree
  env.load_state_dict({ ...saved, dynamics: { ...dynamics, state: [...state] } })
}

/** How far the state after a step moves when the state before it moves by its last bit: Acrobot's fast swings multiply it by 1e4. */
function sensitivity(env: ClassicControlEnv<never>, before: StateTree, action: unknown): number {
  const after = env.state_dict() as StateTree
  const reached = env.getState()
  const start = (before['dynamics'] as StateTree)['state'] as number[]
  let most = 0
  for (let i = 0; i < start.length; i++) {
    for (const bit of [-1, 1].map((sign) => sign * Math.max(1, Math.abs(start[i]!)))) {
      // 256 last bits, so that what the step rounds itself does not count.
      env.load_state_dict(before)
      moveTo(env, start.with(i, start[i]! + bit * 2 ** -44))
      env.step(action as never)
      const moved = difference(env.getState(), reached)
      // A larger one is a whole turn.
      if (moved < 1) most = Math.max(most, moved / 256)
    }
  }
  env.load_state_dict(after)
  return most
}

/** The env of an id with native actions, or undefined when the project has none that can be replayed. */
function classicEnv(id: string, kwargs: Record<string, unknown>): ClassicControlEnv<never> | undefined {
  if (!ENV_REGISTRY.has(id)) return undefined
  const builder = ENV_REGISTRY.get(id)
  if (!(builder.prototype instanceof ClassicControlEnv)) return undefined
  const native = builder === PendulumEnv ? { act_scale: false } : {}
  return ENV_REGISTRY.build(id, { ...native, ...kwargs } as never) as unknown as ClassicControlEnv<never>
}

function replayEpisode(
  env: ClassicControlEnv<never>,
  id: string,
  episode: Episode,
  index: number,
): ParityCase {
  const states = episode.state ?? episode.obs.map((obs) => Array.from(Float32Array.from(obs)))
  let stateError = 0
  let rewardError = 0
  let obsError = 0
  let obsOff = 0
  let flagsOff = 0
  env.setState(episode.start.state)
  for (let t = 0; t < episode.actions.length; t++) {
    if (t > 0) moveTo(env, states[t - 1]!)
    const given = episode.actions[t]!
    const action = Array.isArray(given) ? Float32Array.from(given) : given
    const before = env.state_dict() as StateTree
    const step = env.step(action as never)
    const obs = Float32Array.from(episode.obs[t]!)
    const obsDifference = difference(step.obs, obs)
    const scale = Math.max(1, ...obs.map(Math.abs))
    obsError = Math.max(obsError, obsDifference / scale)
    if (obsDifference > 0) obsOff++
    const off = difference(env.getState(), states[t]!)
    const allowed = off > TOLERANCE && off < ROUNDING_AT_MOST ? sensitivity(env, before, action) : 0
    stateError = Math.max(stateError, (off * TOLERANCE) / (TOLERANCE + LAST_BITS * allowed))
    rewardError = Math.max(rewardError, Math.abs(step.reward - episode.reward[t]!))
    if (
      step.terminated !== Boolean(episode.terminated[t]) ||
      step.truncated !== Boolean(episode.truncated[t])
    )
      flagsOff++
  }
  const steps = episode.actions.length
  const maxError = Math.max(stateError, rewardError)
  return {
    name: `${id} episode ${index}${episode.policy === undefined ? '' : ` (${episode.policy}, ${steps} steps)`}`,
    maxError,
    tolerance: TOLERANCE,
    pass: maxError <= TOLERANCE && obsError <= FLOAT32_STEP && obsOff <= 0.02 * steps && flagsOff === 0,
    detail:
      `state ${stateError.toExponential(1)}, reward ${rewardError.toExponential(1)}, ` +
      `obs off by a float32 rounding in ${obsOff} of ${steps} steps, ${flagsOff} wrong flags`,
  }
}

/** Compares a transition table `P[state][action] = [[probability, next_state, reward, terminated], ...]`. */
function compareTable(
  id: string,
  json: Record<string, unknown>,
  kwargs: Record<string, unknown>,
): ParityCase[] {
  const desc = json['desc']
  const slippery =
    Array.isArray(json['P']) && json['P'].flat().some((outcomes: unknown[]) => outcomes.length > 1)
  const lake = id.startsWith('FrozenLake') && Array.isArray(desc) ? { desc, is_slippery: slippery } : {}
  const { table } = ENV_REGISTRY.build(id, { ...lake, ...kwargs } as never) as unknown as TabularEnv
  const flat = (value: unknown): number[] => (Array.isArray(value) ? value.flatMap(flat) : [Number(value)])
  const compared = [
    { part: 'transitions', ours: flat(table.P), theirs: flat(json['P']) },
    { part: 'initial states', ours: flat(table.initial), theirs: flat(json['initial_state_distrib']) },
  ]
  return compared.map(({ part, ours, theirs }) => {
    const maxError = difference(ours, theirs)
    return { name: `${id} ${part}`, maxError, tolerance: 1e-15, pass: maxError <= 1e-15 }
  })
}

/**
 * Replays a golden environment file (shared/golden/envs format) one step at a time from the recorded states, or compares
 * its transition table. What to do follows from the contents alone.
 */
export async function envParityCase(json: unknown, fileName: string): Promise<FileResult> {
  if (!isRecord(json)) return { skipped: `${fileName}: not an environment file` }
  if (Array.isArray(json['envs'])) {
    const cases = [...(await registryCases(json['envs'])), ...(await box2dRegistryCases(json['envs']))]
    return cases.length > 0 ? { cases } : { skipped: `${fileName}: a list of environments, no episodes` }
  }
  const id = json['env']
  const kwargs = isRecord(json['kwargs']) ? json['kwargs'] : {}
  if (typeof id !== 'string') return { skipped: `${fileName}: names no environment` }
  if (json['P'] !== undefined) {
    const known = ENV_REGISTRY.has(id) && ENV_REGISTRY.get(id).prototype instanceof TabularEnv
    return known ? { cases: compareTable(id, json, kwargs) } : { skipped: `${id}: not built` }
  }
  if (isMujocoFile(json)) return mujocoEnvCases(json, id)
  if (isBox2dFile(json)) return box2dEnvCases(json, id)
  const episodes = json['episodes']
  const env = classicEnv(id, kwargs)
  if (env === undefined || !Array.isArray(episodes)) return { skipped: `${id}: not built` }
  return { cases: (episodes as Episode[]).map((episode, i) => replayEpisode(env, id, episode, i)) }
}
