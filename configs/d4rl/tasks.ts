/** A dataset of D4RL, and what can be said of its environment. */
export interface D4rlTask {
  /** As D4RL has it, such as halfcheetah-medium-v2: also what reference scores go by. */
  readonly name: string
  readonly family: 'locomotion' | 'antmaze' | 'maze2d' | 'adroit'
  /** halfcheetah, antmaze, pen, ... */
  readonly env: string
  /** random, medium-replay, umaze-diverse, human, ... */
  readonly flavour: string
  readonly version: string
  readonly obs_shape: number
  readonly action_shape: number
  /** Name of the file as D4RL gives it out. */
  readonly file: string
  /** The environment to evaluate in; undefined where there is none here. */
  readonly env_id?: string
}

const LOCOMOTION = {
  halfcheetah: { env_id: 'HalfCheetah-v4', obs_shape: 17, action_shape: 6 },
  hopper: { env_id: 'Hopper-v4', obs_shape: 11, action_shape: 3 },
  walker2d: { env_id: 'Walker2d-v4', obs_shape: 17, action_shape: 6 },
} as const

const LOCOMOTION_FLAVOURS = ['random', 'medium', 'medium-replay', 'medium-expert', 'expert', 'full-replay']

/** Names of the mazes in the names of files. */
const ANTMAZE_FILES = {
  umaze: 'u-maze_noisy_multistart_False_multigoal_False',
  'umaze-diverse': 'u-maze_noisy_multistart_True_multigoal_True',
  'medium-play': 'big-maze_noisy_multistart_True_multigoal_False',
  'medium-diverse': 'big-maze_noisy_multistart_True_multigoal_True',
  'large-play': 'hardest-maze_noisy_multistart_True_multigoal_False',
  'large-diverse': 'hardest-maze_noisy_multistart_True_multigoal_True',
} as const

const MAZES = ['umaze', 'medium', 'large']

const ADROIT = {
  pen: { obs_shape: 45, action_shape: 24 },
  door: { obs_shape: 39, action_shape: 28 },
  hammer: { obs_shape: 46, action_shape: 26 },
  relocate: { obs_shape: 39, action_shape: 30 },
} as const

function locomotion(env: keyof typeof LOCOMOTION, flavour: string, version: string): D4rlTask {
  const suffix = version === 'v0' ? '' : `-${version}`
  return {
    name: `${env}-${flavour}-${version}`,
    family: 'locomotion',
    env,
    flavour,
    version,
    file: `${env}_${flavour.replaceAll('-', '_')}${suffix}.hdf5`,
    ...LOCOMOTION[env],
  }
}

const tasks: D4rlTask[] = [
  ...Object.keys(LOCOMOTION).flatMap((env) =>
    LOCOMOTION_FLAVOURS.map((flavour) => locomotion(env as keyof typeof LOCOMOTION, flavour, 'v2')),
  ),
  // Of v0 only what DI-engine has configs of BCQ for.
  locomotion('hopper', 'medium', 'v0'),
  locomotion('hopper', 'medium-expert', 'v0'),
  ...Object.entries(ANTMAZE_FILES).map(
    ([flavour, maze]): D4rlTask => ({
      name: `antmaze-${flavour}-v2`,
      family: 'antmaze',
      env: 'antmaze',
      flavour,
      version: 'v2',
      obs_shape: 29,
      action_shape: 8,
      file: `Ant_maze_${maze}_sparse_fixed.hdf5`,
    }),
  ),
  ...MAZES.flatMap((maze) =>
    ['sparse', 'dense'].map((reward): D4rlTask => {
      const flavour = reward === 'dense' ? `${maze}-dense` : maze
      return {
        name: `maze2d-${flavour}-v1`,
        family: 'maze2d',
        env: 'maze2d',
        flavour,
        version: 'v1',
        obs_shape: 4,
        action_shape: 2,
        file: `maze2d-${maze}-${reward}-v1.hdf5`,
      }
    }),
  ),
  ...Object.entries(ADROIT).flatMap(([env, shapes]) =>
    ['human', 'cloned', 'expert'].map(
      (flavour): D4rlTask => ({
        name: `${env}-${flavour}-v1`,
        family: 'adroit',
        env,
        flavour,
        version: 'v1',
        file: `${env}-${flavour}-v1.hdf5`,
        ...shapes,
      }),
    ),
  ),
]

/** The tasks that there are configs for, by name. */
export const D4RL_TASKS: ReadonlyMap<string, D4rlTask> = new Map(tasks.map((task) => [task.name, task]))
