import { isSchema } from '../../ding/config/index.js'
import { createEnv, MUJOCO_IDS, MujocoEnv } from '../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../ding/registry/index.js'
import type { StateTree } from '../../ding/utils/index.js'
import { isRecord } from './golden.js'
import { failedCase } from './outcome.js'
import type { CaseResult, FileResult } from './types.js'

interface Episode {
  start: { qpos: number[]; qvel: number[]; qacc_warmstart: number[]; obs: number[] }
  policy?: string
  actions: number[][]
  obs: number[][]
  reward: number[]
  terminated: unknown[]
  truncated: unknown[]
  qpos: number[][]
  qvel: number[][]
  qacc_warmstart: number[][]
  info?: Record<string, unknown>
}

/**
 * One step from a recorded state. The models are ours, so frames and inertias may differ in the last bits; what a step makes
 * of that was below 1e-13 in all files, contacts included.
 */
const TOLERANCE = 1e-9

/**
 * Entries of an observation above this are contact forces of the order of 1e3 N: they are held to a relative error, all
 * others to an absolute one.
 */
const LARGE = 10

/** Largest difference, relative for numbers above {@link LARGE}; infinite when the lengths differ. */
function difference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY
  let most = 0
  for (let i = 0; i < theirs.length; i++) {
    const d = Math.abs(ours[i]! - theirs[i]!) / Math.max(1, Math.abs(theirs[i]!) / LARGE)
    most = d <= most ? most : Number.isNaN(d) ? Number.POSITIVE_INFINITY : d
  }
  return most
}

/**
 * Gymnasium returns the tendons' lengths and velocities as views on the running simulation, so that a recording has the
 * values of the last step in every row.
 */
function isLiveView(recorded: readonly unknown[]): boolean {
  const first = JSON.stringify(recorded[0])
  return Array.isArray(recorded[0]) && recorded.every((row) => JSON.stringify(row) === first)
}

/**
 * Puts the physics at a recorded state; the time limit, and what the reward compares (a body's position before the step,
 * which lags behind `qpos` and is not recorded), go on from the step before.
 */
function moveTo(env: MujocoEnv, episode: Episode, t: number): void {
  const saved = env.state_dict() as StateTree
  const dynamics = saved['dynamics'] as { physics: number[]; measured: number[] }
  const { nq, nv } = env.simulation
  // mjSTATE_INTEGRATION: time, qpos, qvel, (no activations in these models), qacc_warmstart, ctrl, applied forces.
  const physics = [...dynamics.physics]
  physics.splice(1, nq + 2 * nv, ...episode.qpos[t]!, ...episode.qvel[t]!, ...episode.qacc_warmstart[t]!)
  env.load_state_dict({ ...saved, dynamics: { ...dynamics, physics } })
}

function replay(env: MujocoEnv, id: string, episode: Episode, index: number): CaseResult {
  const worst = { state: 0, obs: 0, reward: 0, info: 0 }
  const note = (part: keyof typeof worst, error: number): void => {
    worst[part] = Math.max(worst[part], Number.isNaN(error) ? Number.POSITIVE_INFINITY : error)
  }
  let flagsOff = 0
  const { start, actions } = episode
  env.setState(start.qpos, start.qvel, start.qacc_warmstart)
  note('obs', difference(env.observation(), start.obs))
  for (let t = 0; t < actions.length; t++) {
    if (t > 0) moveTo(env, episode, t - 1)
    const step = env.step(Float32Array.from(actions[t]!))
    note('state', difference(env.simulation.qpos, episode.qpos[t]!))
    note('state', difference(env.simulation.qvel, episode.qvel[t]!))
    note('obs', difference(env.observation(), episode.obs[t]!))
    if (difference(step.obs, Float32Array.from(env.observation())) > 0) note('obs', Number.POSITIVE_INFINITY)
    note('reward', difference([step.reward], [episode.reward[t]!]))
    for (const [key, recorded] of Object.entries(episode.info ?? {})) {
      if (!Array.isArray(recorded) || (isLiveView(recorded) && t < actions.length - 1)) continue
      note('info', difference([step.info[key]].flat() as number[], [recorded[t]].flat() as number[]))
    }
    if (
      step.terminated !== Boolean(episode.terminated[t]) ||
      step.truncated !== Boolean(episode.truncated[t])
    )
      flagsOff++
  }
  const maxError = Math.max(...Object.values(worst))
  const shown = Object.entries(worst).map(([part, error]) => `${part} ${error.toExponential(1)}`)
  const policy = episode.policy === undefined ? '' : ` (${episode.policy}, ${actions.length} steps)`
  return {
    name: `${id} episode ${index}${policy}`,
    maxError,
    tolerance: TOLERANCE,
    pass: actions.length > 0 && maxError <= TOLERANCE && flagsOff === 0,
    detail: `${shown.join(', ')}, ${flagsOff} wrong flags`,
  }
}

/** Arguments of Gymnasium's constructor as keys of ours: infinities may be text, files and cameras are not for us. */
function configOf(kwargs: unknown): Record<string, unknown> {
  if (!isRecord(kwargs)) return {}
  const { xml_file: _file, default_camera_config: _camera, ...rest } = kwargs
  const value = (v: unknown): unknown =>
    Array.isArray(v) ? v.map(value) : v === 'inf' ? Infinity : v === '-inf' ? -Infinity : v
  return Object.fromEntries(Object.entries(rest).map(([key, v]) => [key, value(v)]))
}

/** Env of a MuJoCo id with native actions. @throws Error when the id is another env's */
export async function nativeMujocoEnv(id: string, cfg: Record<string, unknown>): Promise<MujocoEnv> {
  const env = await createEnv({ type: id, cfg: { act_scale: false, ...cfg } })
  if (!(env instanceof MujocoEnv)) throw new Error(`${id} is no MuJoCo environment`)
  return env
}

/** Whether a golden file holds episodes of a MuJoCo environment. */
export function isMujocoFile(json: Record<string, unknown>): boolean {
  const first: unknown = Array.isArray(json['episodes']) ? json['episodes'][0] : undefined
  return typeof first === 'object' && first !== null && 'qacc_warmstart' in first
}

/**
 * Replays a golden MuJoCo file one step at a time from the recorded states. What it says about itself decides the rule for
 * contact margins; arguments other than Gymnasium's defaults would be in `env_kwargs`.
 */
export async function mujocoEnvCases(json: Record<string, unknown>, id: string): Promise<FileResult> {
  if (!ENV_REGISTRY.has(id)) return { skipped: `${id}: not built` }
  const legacy = typeof json['variant'] === 'string' && json['variant'].includes('legacy contact margin')
  const kwargs = configOf(json['env_kwargs'] ?? json['kwargs'])
  const env = await nativeMujocoEnv(id, { ...kwargs, legacy_contact_margin: legacy })
  try {
    const name = legacy ? `${id} (legacy margin)` : id
    return { cases: (json['episodes'] as Episode[]).map((episode, i) => replay(env, name, episode, i)) }
  } catch (error) {
    return { cases: [failedCase(id, error)] }
  } finally {
    env.close()
  }
}

/** Compares the spaces, time limits and thresholds of a list of environments, as far as they are ours. */
export async function registryCases(envs: readonly unknown[]): Promise<CaseResult[]> {
  const cases: CaseResult[] = []
  for (const entry of envs.filter(isRecord)) {
    const id = String(entry['id'])
    if (!(MUJOCO_IDS as readonly string[]).includes(id)) continue
    const env = await nativeMujocoEnv(id, {})
    const { observation_space, action_space } = env
    const ours: unknown[] = [env['maxEpisodeSteps'], stopValueOf(id)]
    const theirs: unknown[] = [
      entry['max_episode_steps'],
      entry['reward_threshold'] ?? Number.POSITIVE_INFINITY,
    ]
    if (isRecord(entry['observation_space']) && isRecord(entry['action_space'])) {
      const { shape, low, high } = entry['action_space']
      const bound = (v: unknown) => Math.fround([v].flat()[0] as number)
      ours.push(observation_space.shape, action_space.shape, action_space.low[0], action_space.high[0])
      theirs.push(entry['observation_space']['shape'], shape, bound(low), bound(high))
    }
    env.close()
    const pass = String(ours) === String(theirs)
    const detail = pass ? undefined : `is ${String(ours)}, expected ${String(theirs)}`
    cases.push({ name: `${id} spaces and limits`, maxError: pass ? 0 : 1, tolerance: 0, pass, detail })
  }
  return cases
}

function stopValueOf(id: string): unknown {
  const { config } = ENV_REGISTRY.get(id)
  if (!isSchema(config)) return undefined
  const node = config.root.children.get('stop_value')
  return node?.kind === 'leaf' ? node.default : undefined
}
