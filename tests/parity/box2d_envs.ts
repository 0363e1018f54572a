import {
  BipedalWalkerWorld,
  Box,
  type Box2dWorld,
  createEnv,
  type Draws,
  LunarLanderWorld,
} from '../../ding/envs/index.js'
import { isRecord } from './golden.js'
import { failedCase } from './outcome.js'
import type { CaseResult, FileResult } from './types.js'

/** A recorded draw of the reference's generator: method, bounds, value or values. */
type Recorded = readonly [method: string, ...bounds: number[], value: number | number[]]
/** x, y, angle, vx, vy, angular velocity. */
type Pose = readonly [number, number, number, number, number, number]

interface Episode {
  seed?: number
  policy?: string
  reset_obs: number[]
  reset_draws: Recorded[]
  reset_bodies: Record<string, Pose>
  moon_edges?: [number, number][][]
  terrain?: { vertices: [number, number][] }[]
  actions: (number | number[])[]
  obs: number[][]
  reward: number[]
  terminated: unknown[]
  bodies: Record<string, Pose[]>
  /** The lander draws two numbers of [-1, 1) a step. */
  step_draws_uniform_pm1?: number[][]
  step_draws?: Recorded[][]
}

// planck computes in float64, and Box2D 2.3 in float32: that is all that sets the two apart while a step has one solution. What is held to
// which tolerance:

/** The ground and the poses after the reset, which ends with a step after the first push. Found: 2e-5 at most, in speeds of 20 m/s. */
const START_TOLERANCE = 1e-4
/**
 * One step from recorded poses and velocities. Found: 5e-6 and below in nearly all steps. Where a part lies flat on the ground the
 * contacts are redundant, the solver's answer depends on the last digits, and steps differ by up to 2e-2 (5 in 100 of a random walk that
 * fell). So four steps of five must be within the tolerance.
 */
const STEP_TOLERANCE = 1e-4
const STEP_SHARE = 0.8
/**
 * From the start without correction while nothing is chaotic: the lander until a leg first touches the ground (found: 4e-5), the
 * walker, which stands on the ground, for its first steps (found: 3e-5). Contacts multiply errors later on, and a contact that begins a step
 * sooner or later is an error of 1, so that here too four steps of five are held to the tolerance.
 */
const FREE_TOLERANCE = 1e-3
const FREE_WALKER_STEPS = 20
/** Rewards are changes of a potential of up to 100 times an observation. */
const REWARD_SCALE = 100

const LANDER_IDS = ['LunarLander-v3', 'LunarLanderContinuous-v3']
const WALKER_IDS = ['BipedalWalker-v3', 'BipedalWalkerHardcore-v3']
const IDS: readonly string[] = [...LANDER_IDS, ...WALKER_IDS]

/** Whether a golden file holds episodes of a Box2D environment. */
export function isBox2dFile(json: Record<string, unknown>): boolean {
  const first: unknown = Array.isArray(json['episodes']) ? json['episodes'][0] : undefined
  return isRecord(first) && 'reset_draws' in first && 'reset_bodies' in first
}

/** Hands out recorded draws in their order, whatever is asked for. */
function recordedDraws(episode: Episode): Draws {
  const values = episode.reset_draws.flatMap((draw) => draw.at(-1) as number | number[])
  values.push(...(episode.step_draws_uniform_pm1 ?? []).flat())
  values.push(...(episode.step_draws ?? []).flat().flatMap((draw) => draw.at(-1) as number | number[]))
  let next = 0
  const draw = (): number => {
    const value = values[next++]
    if (value === undefined)
      throw new Error(`the episode needs more than the ${values.length} recorded draws`)
    return value
  }
  return { uniform: draw, integer: draw }
}

function worldOf(id: string, kwargs: Record<string, unknown>, episode: Episode): Box2dWorld {
  const draws = recordedDraws(episode)
  if (WALKER_IDS.includes(id)) {
    return new BipedalWalkerWorld(Boolean(kwargs['hardcore'] ?? id.includes('Hardcore')), draws)
  }
  const number = (key: string, usual: number): number => Number(kwargs[key] ?? usual)
  const options = {
    continuous: Boolean(kwargs['continuous'] ?? id.includes('Continuous')),
    gravity: number('gravity', -10),
    enable_wind: Boolean(kwargs['enable_wind']),
    wind_power: number('wind_power', 15),
    turbulence_power: number('turbulence_power', 1.5),
  }
  return new LunarLanderWorld(options, draws)
}

function difference(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY
  const differences = theirs.map((v, i) => Math.abs(ours[i]! - v))
  return differences.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(0, ...differences)
}

function posesOf(world: Box2dWorld): Record<string, number[]> {
  const pose = Object.entries(world.bodies).map(([name, body]) => {
    const { x, y } = body.getPosition()
    const v = body.getLinearVelocity()
    return [name, [x, y, body.getAngle(), v.x, v.y, body.getAngularVelocity()]]
  })
  return Object.fromEntries(pose)
}

/** Puts the bodies at recorded poses and velocities; contacts and impulses stay those of our own last step. */
function moveTo(world: Box2dWorld, poseOf: (name: string) => Pose): void {
  for (const [name, body] of Object.entries(world.bodies)) {
    const [x, y, angle, vx, vy, spin] = poseOf(name)
    body.setTransform({ x, y }, angle)
    // planck takes whole turns off the angle, Box2D keeps them.
    const { m_sweep } = body as unknown as { m_sweep: { a: number; a0: number } }
    m_sweep.a = angle
    m_sweep.a0 = angle
    body.setLinearVelocity({ x: vx, y: vy })
    body.setAngularVelocity(spin)
  }
}

function groundError(world: Box2dWorld, episode: Episode): number {
  // The first edge of the moon is its floor. The walker's list is in reverse; after the edges come the obstacles, which have more corners.
  const edges =
    episode.moon_edges?.slice(1) ??
    episode.terrain
      ?.map(({ vertices }) => vertices)
      .filter(({ length }) => length === 2)
      .reverse()
  if (edges === undefined) return 0
  const ours =
    world instanceof BipedalWalkerWorld ? world.terrain.ground : (world as LunarLanderWorld).surface
  const pairs = ours.slice(1).map((point, i) => [ours[i]!, point].flat())
  return difference(pairs.flat(), edges.flat(2))
}

function obstaclesError(world: Box2dWorld, episode: Episode): number {
  if (!(world instanceof BipedalWalkerWorld) || episode.terrain === undefined) return 0
  const polygons = episode.terrain.filter(({ vertices }) => vertices.length > 2)
  const corners = (points: readonly (readonly number[])[]): number[] =>
    [...points].sort((p, q) => p[0]! - q[0]! || p[1]! - q[1]!).flat()
  const theirs = polygons.map(({ vertices }) => corners(vertices)).reverse()
  return difference(world.terrain.obstacles.flatMap(corners), theirs.flat())
}

/** Masses and shapes as the reference's Box2D holds them. */
function factsCase(id: string, facts: Record<string, unknown>, world: Box2dWorld): CaseResult {
  const tolerance = 1e-6
  let maxError = 0
  let count = 0
  for (const fact of (facts['bodies'] as Record<string, unknown>[]).filter(isRecord)) {
    const body = world.bodies[String(fact['name'])]
    if (body === undefined) continue
    count++
    const { x, y } = body.getLocalCenter()
    const ours = [body.getMass(), body.getInertia(), x, y]
    const theirs = [fact['mass'], fact['inertia'], fact['localCenter']].flat() as number[]
    const fixture = (fact['fixtures'] as Record<string, number>[])[0]!
    const held = body.getFixtureList()!
    ours.push(
      held.getFriction(),
      held.getRestitution(),
      held.getFilterCategoryBits(),
      held.getFilterMaskBits(),
    )
    theirs.push(fixture['friction']!, fixture['restitution']!, fixture['categoryBits']!, fixture['maskBits']!)
    maxError = Math.max(maxError, difference(ours, theirs))
  }
  const pass = count === Object.keys(world.bodies).length && maxError <= tolerance
  return { name: `${id} bodies`, maxError, tolerance, pass, detail: `${count} bodies` }
}

function startCase(name: string, world: Box2dWorld, episode: Episode): CaseResult {
  const poses = posesOf(world)
  const errors = {
    obs: difference(world.observation, episode.reset_obs),
    bodies: Math.max(...Object.entries(episode.reset_bodies).map(([k, v]) => difference(poses[k] ?? [], v))),
    ground: groundError(world, episode),
    obstacles: obstaclesError(world, episode),
  }
  const maxError = Math.max(...Object.values(errors))
  const shown = Object.entries(errors).map(([part, error]) => `${part} ${error.toExponential(1)}`)
  return {
    name: `${name} start`,
    maxError,
    tolerance: START_TOLERANCE,
    pass: maxError <= START_TOLERANCE,
    detail: shown.join(', '),
  }
}

/** What {@link STEP_SHARE} of the steps are within. */
function shareOf(errors: readonly number[]): number {
  const sorted = [...errors].sort((a, b) => a - b)
  return sorted[Math.ceil(STEP_SHARE * sorted.length) - 1] ?? Number.POSITIVE_INFINITY
}

function stepsCase(name: string, world: Box2dWorld, episode: Episode): CaseResult {
  const errors: number[] = []
  let flagsOff = 0
  let gained = 0
  episode.actions.forEach((action, t) => {
    moveTo(world, (body) => (t === 0 ? episode.reset_bodies[body]! : episode.bodies[body]![t - 1]!))
    const step = world.step([action].flat())
    gained += step.reward
    const rewardError = Math.abs(step.reward - episode.reward[t]!) / REWARD_SCALE
    errors.push(Math.max(difference(step.obs, episode.obs[t]!), rewardError))
    if (step.terminated !== Boolean(episode.terminated[t])) flagsOff++
  })
  const maxError = shareOf(errors)
  const above = errors.filter((error) => error > STEP_TOLERANCE).length
  const expected = episode.reward.reduce((sum, r) => sum + r, 0)
  return {
    name: `${name} single steps`,
    maxError,
    tolerance: STEP_TOLERANCE,
    pass: maxError <= STEP_TOLERANCE && flagsOff === 0,
    detail:
      `of ${errors.length} steps ${above} above the tolerance, largest ${Math.max(0, ...errors).toExponential(1)}; ` +
      `${flagsOff} wrong flags; return ${gained.toFixed(3)}, recorded ${expected.toFixed(3)}`,
  }
}

function freeCase(name: string, world: Box2dWorld, episode: Episode): CaseResult {
  const touches = (obs: readonly number[]): boolean => obs[6]! > 0 || obs[7]! > 0
  const firstTouch = episode.obs.findIndex(touches)
  const airborne = firstTouch < 0 ? episode.obs.length : firstTouch
  const checked = world instanceof BipedalWalkerWorld ? FREE_WALKER_STEPS : airborne
  const errors: number[] = []
  let gained = 0
  let steps = 0
  for (const [t, action] of episode.actions.entries()) {
    const step = world.step([action].flat())
    gained += step.reward
    steps++
    if (t < checked) errors.push(difference(step.obs, episode.obs[t]!))
    if (step.terminated) break
  }
  const maxError = shareOf(errors)
  const expected = episode.reward.reduce((sum, r) => sum + r, 0)
  return {
    name: `${name} free run`,
    maxError,
    tolerance: FREE_TOLERANCE,
    pass: steps >= Math.min(checked, episode.actions.length) && maxError <= FREE_TOLERANCE,
    detail:
      `compared for ${Math.min(checked, episode.actions.length)} steps; in all ${steps} steps and ${gained.toFixed(2)}, ` +
      `recorded ${episode.actions.length} and ${expected.toFixed(2)}`,
  }
}

/** Compares a golden Box2D file: what the bodies are, how episodes start, single steps, and how long free runs stay together. */
export function box2dEnvCases(json: Record<string, unknown>, id: string): FileResult {
  if (!IDS.includes(id)) return { skipped: `${id}: not built` }
  const kwargs = isRecord(json['kwargs']) ? json['kwargs'] : {}
  const episodes = json['episodes'] as Episode[]
  const cases: CaseResult[] = []
  const add = (name: string, run: () => CaseResult): void => {
    try {
      cases.push(run())
    } catch (error) {
      cases.push(failedCase(name, error))
    }
  }
  const facts = json['facts']
  if (isRecord(facts)) add(id, () => factsCase(id, facts, worldOf(id, kwargs, episodes[0]!)))
  episodes.forEach((episode, i) => {
    const name = `${id} episode ${i}${episode.policy === undefined ? '' : ` (${episode.policy})`}`
    for (const part of [startCase, stepsCase, freeCase]) {
      add(name, () => part(name, worldOf(id, kwargs, episode), episode))
    }
  })
  return { cases }
}

/** Compares the spaces, time limits and thresholds of a list of environments, as far as they are Box2D's. */
export async function box2dRegistryCases(envs: readonly unknown[]): Promise<CaseResult[]> {
  const cases: CaseResult[] = []
  for (const entry of envs.filter(isRecord)) {
    const id = String(entry['id'])
    if (!IDS.includes(id)) continue
    const env = await createEnv({ type: id, cfg: {} })
    const { observation_space: observed, action_space: acted } = env
    const numbers = (space: unknown): number[] => {
      if (space instanceof Box) return [...space.low, ...space.high]
      return [(space as { n: number }).n]
    }
    const bounds = (space: unknown): number[] => {
      if (!isRecord(space)) return []
      if (typeof space['n'] === 'number') return [space['n']]
      const size = (space['shape'] as number[])[0]!
      const all = (v: unknown): number[] =>
        (Array.isArray(v) ? (v as number[]) : Array<number>(size).fill(v as number)).map(Math.fround)
      return [...all(space['low']), ...all(space['high'])]
    }
    const ours = [
      (env as unknown as { maxEpisodeSteps: number }).maxEpisodeSteps,
      ...numbers(observed),
      ...numbers(acted),
    ]
    const theirs = [
      Number(entry['max_episode_steps']),
      ...bounds(entry['observation_space']),
      ...bounds(entry['action_space']),
    ]
    await env.close()
    const maxError = difference(ours, theirs)
    cases.push({ name: `${id} spaces and limits`, maxError, tolerance: 0, pass: maxError === 0 })
  }
  return cases
}
