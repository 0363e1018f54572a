import { didYouMean, UsageError } from '../../utils/index.js'

/** Return of a random policy and of an expert, by which D4RL scales returns to 0 ... 100. */
export interface ReferenceScore {
  readonly min: number
  readonly max: number
}

type Row = readonly [names: readonly string[], min: number, max: number]

const FLAVOURS = ['random', 'medium', 'expert', 'medium-replay', 'medium-expert']

/** `hopper` with its flavours and versions: the suites of v1 and v2 have full-replay, that of v0 has not. */
function locomotion(env: string, more: readonly string[] = []): string[] {
  const late = ['v1', 'v2'].flatMap((version) =>
    [...FLAVOURS, 'full-replay'].map((f) => `${env}-${f}-${version}`),
  )
  return [...[...FLAVOURS, ...more].map((f) => `${env}-${f}-v0`), ...late]
}

function adroit(env: string): string[] {
  return ['v0', 'v1'].flatMap((version) => ['human', 'cloned', 'expert'].map((f) => `${env}-${f}-${version}`))
}

const bullet = (env: string): string[] => FLAVOURS.map((f) => `bullet-${env}-${f}-v0`)
const one = (name: string): string[] => [name]

const ANTMAZES = [
  'umaze',
  'umaze-diverse',
  'medium-play',
  'medium-diverse',
  'large-play',
  'large-diverse',
].flatMap((maze) => [`antmaze-${maze}-v0`, `antmaze-${maze}-v2`])

/** d4rl/infos.py: all 147 environments. The same pair serves every flavour and version. */
const TABLE: readonly Row[] = [
  [locomotion('halfcheetah'), -280.178953, 12135.0],
  [locomotion('hopper'), -20.272305, 3234.3],
  [locomotion('walker2d'), 1.629008, 4592.3],
  [locomotion('ant'), -325.6, 3879.7],
  [ANTMAZES, 0, 1],
  [adroit('pen'), 96.262799, 3076.8331017826877],
  [adroit('hammer'), -274.856578, 12794.134825156867],
  [adroit('door'), -56.512833, 2880.5693087298737],
  [adroit('relocate'), -6.425911, 4233.877797728884],
  [['complete', 'partial', 'mixed'].map((f) => `kitchen-${f}-v0`), 0, 4],
  [one('maze2d-open-v0'), 0.01, 20.66],
  [one('maze2d-umaze-v1'), 23.85, 161.86],
  [one('maze2d-medium-v1'), 13.13, 277.39],
  [one('maze2d-large-v1'), 6.7, 273.99],
  [one('maze2d-open-dense-v0'), 11.17817, 27.166538620695782],
  [one('maze2d-umaze-dense-v1'), 68.537689, 193.66285642381482],
  [one('maze2d-medium-dense-v1'), 44.264742, 297.4552547777125],
  [one('maze2d-large-dense-v1'), 30.569041, 303.4857382709002],
  [['minigrid-fourrooms-v0', 'minigrid-fourrooms-random-v0'], 0.01442, 2.89685],
  [['random', 'controller'].map((f) => `flow-ring-${f}-v0`), -165.22, 24.42],
  [['random', 'controller'].map((f) => `flow-merge-${f}-v0`), 118.67993, 330.03179],
  [one('carla-lane-v0'), -0.8503839912088142, 1023.5784385429523],
  [one('carla-town-v0'), -114.81579500772153, 2440.1772022247314],
  [bullet('halfcheetah'), -1275.766996, 2381.6725],
  [bullet('hopper'), 20.058972, 1441.8059623430963],
  [bullet('ant'), 373.705955, 2650.495],
  [bullet('walker2d'), 16.523877, 1623.6476303317536],
  [one('bullet-maze2d-open-v0'), 8.75, 64.15],
  [one('bullet-maze2d-umaze-v0'), 32.46, 153.99],
  [one('bullet-maze2d-medium-v0'), 14.87, 238.05],
  [one('bullet-maze2d-large-v0'), 1.82, 285.92],
]

/** Reference scores of D4RL by environment. */
export const D4RL_REFERENCE_SCORES: ReadonlyMap<string, ReferenceScore> = new Map(
  TABLE.flatMap(([names, min, max]) => names.map((name) => [name, { min, max }] as const)),
)

/**
 * D4RL's normalised score: 100 (R - random) / (expert - random).
 * @throws UsageError when D4RL has no such environment.
 */
export function normalised_score(env_name: string, episode_return: number): number {
  const reference = D4RL_REFERENCE_SCORES.get(env_name)
  if (reference === undefined) {
    throw new UsageError(
      `D4RL has no reference score for "${env_name}".${didYouMean(env_name, D4RL_REFERENCE_SCORES.keys())} Expected a ` +
        'full name such as hopper-medium-v2.',
    )
  }
  return (100 * (episode_return - reference.min)) / (reference.max - reference.min)
}

/** The D4RL environment that a file is named after (`halfcheetah_medium_expert-v2.hdf5`); undefined when none is. */
export function envOfFileName(file: string): string | undefined {
  const name = file
    .replace(/^.*[\\/]/, '')
    .replace(/\.[^.]*$/, '')
    .replaceAll('_', '-')
    .toLowerCase()
  return D4RL_REFERENCE_SCORES.has(name) ? name : undefined
}

/** Step limits of the Gym-MuJoCo part of D4RL, whose oldest files have no time-outs. */
export function knownEpisodeSteps(env_id: string | undefined): number | undefined {
  return env_id !== undefined && /^(halfcheetah|hopper|walker2d|ant)-/.test(env_id) ? 1000 : undefined
}
