// What the studies of continuous control run, and what they ask for: fixed before any of them was run, but where `second_try` says otherwise.

/** What must hold of a setting's runs. */
export type Criterion =
  /** The mean over seeds of the mean return of the final evaluations. */
  | { readonly kind: 'mean'; readonly at_least: number }
  /** The same, held against published runs: not below their mean by more than two standard errors of as many runs as ours. */
  | { readonly kind: 'published'; readonly mean: number; readonly std: number }
  /** Every run ends by an evaluation at the stop value of its config. */
  | { readonly kind: 'reached' }

export interface ControlSetting {
  readonly algo: string
  /** Shipped config, below configs/, without its ending. */
  readonly config: string
  /** Values in place of the config's own, by their paths. */
  readonly changes?: Readonly<Record<string, number>>
  readonly env_step: number
  readonly criterion: Criterion
  /** What had been seen of this setting when its present form was fixed; undefined where that was nothing. */
  readonly second_try?: string
  /** Shown beside the others and held against its criterion, but not counted as asked for. */
  readonly for_comparison?: true
  readonly colour: string
}

export interface ControlStudy {
  readonly name: string
  readonly title: string
  readonly seeds: readonly number[]
  /** Episodes of the final evaluation, with the weights of the end, from other starts than those of training's evaluations. */
  readonly final_episodes: number
  readonly settings: readonly ControlSetting[]
  /** The y axis of the plot. */
  readonly y: readonly [number, number]
  /** What is to be known beside the numbers. */
  readonly notes: readonly string[]
}

const COLOURS = {
  sac: '#0072b2',
  td3: '#e69f00',
  crossq: '#d55e00',
  redq: '#009e73',
  crossq_100_starts: '#cc79a7',
} as const
const FIVE: readonly number[] = [0, 1, 2, 3, 4]
const TWO: readonly number[] = [0, 1]
const PUBLISHED_SOURCE =
  'Published: mean and standard deviation of ten runs at 100,000 steps, from the curves that SimbaV2 collects (DAVIAN-Robotics/SimbaV2, ' +
  'results/baseline), those of CrossQ by its authors with critics of 2048-2048.'

const pendulum: ControlStudy = {
  name: 'pendulum',
  title: 'Pendulum-v1: SAC, TD3, CrossQ, REDQ',
  seeds: FIVE,
  final_episodes: 100,
  settings: (
    [
      ['sac', 'pendulum/pendulum_sac_sb3_config'],
      ['td3', 'pendulum/pendulum_td3_sb3_config'],
      ['crossq', 'pendulum/pendulum_crossq_config'],
      ['redq', 'pendulum/pendulum_redq_config'],
    ] as const
  ).map(([algo, config]) => ({
    algo,
    config,
    env_step: 20_000,
    criterion: { kind: 'mean', at_least: -160 },
    ...(algo === 'td3' && {
      second_try:
        "a first try, whose target networks followed the critics in every update, had held as well (mean -149.3); the config has SB3's targets now, which follow with the actor",
    }),
    colour: COLOURS[algo],
  })),
  y: [-1600, 0],
  notes: [
    'rl-baselines3-zoo publishes for one run of 20,000 steps each: SAC -157 ± 89, TD3 -152 ± 90 (standard deviation over episodes). Random play has about -1200. ' +
      "The best possible mean depends on the start angles; it is about -145. Tianshou's test of REDQ asks for -250.",
  ],
}

const inverted_pendulum: ControlStudy = {
  name: 'inverted_pendulum',
  title: 'InvertedPendulum-v5 to 1000: SAC, CrossQ',
  seeds: FIVE,
  final_episodes: 100,
  settings: (['sac', 'crossq'] as const).map((algo) => ({
    algo,
    config: `mujoco/inverted_pendulum_${algo}_config`,
    env_step: 30_000,
    criterion: { kind: 'reached' },
    colour: COLOURS[algo],
  })),
  y: [0, 1000],
  notes: [
    'A run ends at the first evaluation, ten episodes every 1000 updates, in which all reach 1000, the most there is. Gymnasium takes 950 for solved.',
  ],
}

const lunarlander: ControlStudy = {
  name: 'lunarlander',
  title: 'LunarLanderContinuous-v3: CrossQ',
  seeds: TWO,
  final_episodes: 100,
  settings: [
    {
      algo: 'crossq',
      config: 'box2d/lunarlander_continuous_crossq_config',
      env_step: 200_000,
      criterion: { kind: 'mean', at_least: 200 },
      colour: COLOURS.crossq,
    },
  ],
  y: [-500, 300],
  notes: [
    'The critics are 256-256; those of SB3-contrib and of the zoo are 1024-1024.',
    '200 counts as solved. rl-baselines3-zoo publishes SAC 260 ± 65 (500,000 steps) and TD3 207 ± 68 on the previous version of the environment.',
  ],
}

const halfcheetah: ControlStudy = {
  name: 'halfcheetah',
  title: 'HalfCheetah-v4 at 100,000 steps: CrossQ, SAC',
  seeds: TWO,
  final_episodes: 20,
  settings: [
    {
      algo: 'crossq',
      config: 'mujoco/halfcheetah_crossq_config',
      env_step: 100_000,
      criterion: { kind: 'published', mean: 8112, std: 896 },
      second_try:
        "the runs of `crossq_100_starts`, which was the config's form at first, had a mean below the criterion; the config then took the 5000 random steps of the published runs",
      colour: COLOURS.crossq,
    },
    {
      algo: 'crossq_100_starts',
      config: 'mujoco/halfcheetah_crossq_config',
      changes: { 'policy.random_collect_size': 100 },
      for_comparison: true,
      env_step: 100_000,
      criterion: { kind: 'published', mean: 8112, std: 896 },
      colour: COLOURS.crossq_100_starts,
    },
    {
      algo: 'sac',
      config: 'mujoco/halfcheetah_sac_config',
      env_step: 100_000,
      criterion: { kind: 'published', mean: 6156, std: 700 },
      colour: COLOURS.sac,
    },
  ],
  y: [-1000, 10_000],
  notes: [
    PUBLISHED_SOURCE,
    "The critics of CrossQ are 1024-1024, SB3-contrib's default. Its published runs begin with 5000 random steps, as `crossq` here. `crossq_100_starts` has SB3-contrib's own default, 100: one of its two runs was ahead at 5000 steps, and its evaluations never passed 2300.",
    'Seed 1 of `crossq_100_starts` ran from step 41,283 on with two threads (which change no bit of the weights) and with BatchRenorm as it is now: features whose scale has faded below 1e-15 pass no subnormal gradients on, ' +
      'which had halved the speed of both runs.',
  ],
}

const hopper: ControlStudy = {
  name: 'hopper',
  title: 'Hopper-v4 at 50,000 steps: CrossQ, REDQ',
  seeds: TWO,
  final_episodes: 20,
  settings: (['crossq', 'redq'] as const).map((algo) => ({
    algo,
    config: `mujoco/hopper_${algo}_config`,
    env_step: 50_000,
    criterion: { kind: 'mean', at_least: 1000 },
    colour: COLOURS[algo],
  })),
  y: [0, 4000],
  notes: [
    'The critics of CrossQ are 1024-1024. Standing still for a whole episode has a return of 1000; a return above it takes hopping. Nothing is published for 50,000 steps; at 100,000 CrossQ has 2764 ± 781 and ' +
      'REDQ 2750 ± 922 (ten runs).',
    'Two seeds were chosen, for want of time. The second of REDQ is not done: its 900,000 updates take 2.4 hours of one core where an update takes 9.5 ms (benchmarks.md), 4 to 8 on the machines that it was begun on ' +
      '(325,500 updates on the first, which was lost with them).',
    PUBLISHED_SOURCE,
  ],
}

export const CONTROL: readonly ControlStudy[] = [
  pendulum,
  inverted_pendulum,
  lunarlander,
  halfcheetah,
  hopper,
]
