import { ConfigError, type StateTree } from '../../utils/index.js'
import { BaseEnv, type StepOutcome } from '../base_env.js'
import { baseEnvConfig, copiesOf, resolveConfig } from '../env_config.js'
import { stateNumber, stateRecord } from '../env_state.js'
import { type ConfigOf, extendSchema, type RandomStream } from '../light_imports.js'
import type { Scene2D } from '../render/types.js'
import { Box, Discrete } from '../spaces/index.js'
import { Asterix } from './asterix.js'
import { boardScene } from './board_scene.js'
import { Breakout } from './breakout.js'
import { Freeway } from './freeway.js'
import { ACTION, CELLS, type GameOptions, type MinAtarGame, SIDE } from './game.js'
import { Seaquest } from './seaquest.js'
import { SpaceInvaders } from './space_invaders.js'

/** The games by name. */
const GAMES = {
  asterix: (options: GameOptions): MinAtarGame => new Asterix(options),
  breakout: (options: GameOptions): MinAtarGame => new Breakout(options),
  freeway: (options: GameOptions): MinAtarGame => new Freeway(options),
  seaquest: (options: GameOptions): MinAtarGame => new Seaquest(options),
  space_invaders: (options: GameOptions): MinAtarGame => new SpaceInvaders(options),
}

export type MinAtarGameName = keyof typeof GAMES

const TITLES = {
  Asterix: 'asterix',
  Breakout: 'breakout',
  Freeway: 'freeway',
  Seaquest: 'seaquest',
  SpaceInvaders: 'space_invaders',
} as const satisfies Record<string, MinAtarGameName>

type Title = keyof typeof TITLES

/** MinAtar's ids: with v0 there are all six actions, with v1 those that do something in the game. */
export type MinAtarId = `MinAtar/${Title}-${'v0' | 'v1'}`

/** What each of MinAtar's ids stands for. */
export const MINATAR_IDS = (Object.keys(TITLES) as Title[]).flatMap((title) =>
  (['v0', 'v1'] as const).map((version) => ({
    id: `MinAtar/${title}-${version}` as MinAtarId,
    game: TITLES[title],
    minimal: version === 'v1',
  })),
)

/** `env_id` of a config that names its game by `game`. */
const DEFAULT_ID = 'MinAtar'

/** Schema of a MinAtar env whose defaults are those of an id. */
function minatarConfig(env_id: string, game: MinAtarGameName) {
  return extendSchema(baseEnvConfig, {
    env_id: { default: env_id },
    game: {
      doc: 'Which of the five games.',
      format: ['asterix', 'breakout', 'freeway', 'seaquest', 'space_invaders'],
      default: game,
    },
    use_minimal_action_set: {
      doc: 'True: only the actions that do something in the game. False: all six, the same in every game. null: as env_id says.',
      format: 'boolean',
      nullable: true,
      default: null,
    },
    sticky_action_prob: {
      doc: 'Probability that the env repeats its last action instead of doing the new one.',
      format: 'unit_interval',
      default: 0.1,
    },
    difficulty_ramping: {
      doc: 'Asterix, Seaquest and Space Invaders get harder the longer they are played.',
      format: 'boolean',
      default: true,
    },
  })
}

export type MinAtarConfig = ConfigOf<ReturnType<typeof minatarConfig>>

declare module '../../config/index.js' {
  interface EnvConfigMap extends Record<MinAtarId, MinAtarConfig> {
    minatar: MinAtarConfig
  }
}

/**
 * A game of MinAtar (Young and Tian 2019). Observations are planes of 0 and 1, uint8 [channels, 10, 10], flat in row-major
 * order as every Box value. An action counts in the action set: with the minimal one, action 1 of Breakout is left and 2 right.
 */
export class MinAtarEnv extends BaseEnv<Uint8Array, number> {
  static readonly config = minatarConfig(DEFAULT_ID, 'breakout')
  /** Whether the action set is the minimal one where neither the config nor its `env_id` says. */
  static readonly minimal: boolean = false

  readonly observation_space: Box
  readonly action_space: Discrete
  override readonly render_fps = 15
  /** What is on each plane of an observation. */
  readonly channels: readonly string[]
  /** MinAtar's number (0 noop, 1 left, 2 up, 3 right, 4 down, 5 fire) of each action of the action space. */
  readonly action_set: readonly number[]
  /** The rules and the position, to look at and to set up. */
  readonly game: MinAtarGame
  private readonly stickyActionProb: number
  private readonly planes: Uint8Array
  private lastAction: number = ACTION.noop

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings: MinAtarConfig = resolveConfig(new.target.config, cfg, 'The env config')
    super(nameOf(settings), settings.max_episode_steps)
    this.game = GAMES[settings.game](settings)
    this.stickyActionProb = settings.sticky_action_prob
    this.channels = this.game.channels
    const minimal = settings.use_minimal_action_set ?? named(settings.env_id)?.minimal ?? new.target.minimal
    this.action_set = minimal ? this.game.minimal_actions : Object.values(ACTION)
    this.action_space = new Discrete(this.action_set.length)
    this.observation_space = new Box(0, 1, [this.channels.length, SIDE, SIDE], 'uint8')
    this.planes = new Uint8Array(this.channels.length * CELLS)
  }

  static create_collector_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['collector_env_num'] ?? 8))
  }

  static create_evaluator_env_cfg(cfg: Record<string, unknown>): Record<string, unknown>[] {
    return copiesOf(cfg, Number(cfg['evaluator_env_num'] ?? 5))
  }

  /** The planes of the position as it stands, uint8 [channels, 10, 10]. */
  observe(): Uint8Array {
    this.game.paint(this.planes.fill(0))
    return this.planes.slice()
  }

  override scene(): Scene2D {
    return boardScene(this.channels, this.observe())
  }

  protected override begin(random: RandomStream): Uint8Array {
    this.game.reset(random)
    this.lastAction = ACTION.noop
    return this.observe()
  }

  protected override advance(action: number, random: RandomStream): StepOutcome<Uint8Array> {
    if (random.nextFloat() >= this.stickyActionProb) this.lastAction = this.action_set[action] as number
    const reward = this.game.act(this.lastAction, random)
    return { obs: this.observe(), reward, terminated: this.game.over }
  }

  protected override saveState(): StateTree {
    return { game: this.game.save(), last_action: this.lastAction }
  }

  protected override restoreState(saved: StateTree): void {
    this.game.restore(stateRecord(saved, 'game', this.name))
    this.lastAction = stateNumber(saved, 'last_action', this.name)
  }
}

/** What an id stands for; undefined where it is none of MinAtar's. */
function named(env_id: string): (typeof MINATAR_IDS)[number] | undefined {
  return MINATAR_IDS.find(({ id }) => id === env_id)
}

/** Name for messages. @throws ConfigError when `env_id` is that of another game. */
function nameOf({ env_id, game }: MinAtarConfig): string {
  if (env_id === DEFAULT_ID) return `MinAtar ${game}`
  const known = named(env_id)?.game
  if (known !== undefined && known !== game) {
    throw new ConfigError(`env_id is "${env_id}" but game is "${game}": set game to "${known}"`, {
      path: 'env.game',
    })
  }
  return env_id
}

/** The env class behind one of MinAtar's ids. */
export function minatarClass({ id, game, minimal }: (typeof MINATAR_IDS)[number]): typeof MinAtarEnv {
  return class extends MinAtarEnv {
    static override readonly config = minatarConfig(id, game)
    static override readonly minimal = minimal
  }
}
