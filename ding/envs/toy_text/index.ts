import { ENV_REGISTRY } from '../../registry/index.js'
import type { StateTree } from '../../utils/index.js'
import { resolveConfig } from '../env_config.js'
import { extendSchema, type RandomStream } from '../light_imports.js'
import { cliffScene, lakeScene, taxiScene } from './grid_scenes.js'
import {
  cliffWalkingTable,
  frozenLakeTable,
  IN_TAXI,
  type LakeRewards,
  TAXI_STOPS,
  taxiTable,
} from './grid_tables.js'
import { TabularEnv, type TabularSpec, tabularConfig } from './tabular_env.js'

const LAKE_4 = ['SFFF', 'FHFH', 'FFFH', 'HFFG']
const LAKE_8 = [
  'SFFFFFFF',
  'FFFFFFFF',
  'FFFHFFFF',
  'FFFFFHFF',
  'FFFHFFFF',
  'FHHFFFHF',
  'FHFFHFHF',
  'FFFHFFFG',
]

const LAKES = {
  'FrozenLake-v1': { max_episode_steps: 100, stop_value: 0.7, table: () => frozenLakeTable(LAKE_4) },
  'FrozenLake8x8-v1': { max_episode_steps: 200, stop_value: 0.85, table: () => frozenLakeTable(LAKE_8) },
} as const satisfies Record<string, TabularSpec>

const MAPS = { '4x4': LAKE_4, '8x8': LAKE_8 }

/** Whether a value can be FrozenLake's rewards. */
function lake_rewards(value: unknown): value is LakeRewards {
  if (Array.isArray(value) && value.length === 3 && value.every((v) => Number.isFinite(v))) return true
  throw new Error('Give three numbers: of the goal, of a hole, of ice.')
}

function lakeConfig(env_id: keyof typeof LAKES) {
  return extendSchema(tabularConfig(env_id, LAKES[env_id]), {
    map_name: {
      doc: 'Which of the two maps; null: as env_id says.',
      format: ['4x4', '8x8'],
      nullable: true,
      default: null,
    },
    desc: {
      doc: 'A map of your own, a string for each row: S start, F ice, H hole, G goal; null: map_name.',
      format: 'string_list',
      nullable: true,
      default: null,
    },
    is_slippery: {
      doc: 'Whether moves go astray, two times in three by default.',
      format: 'boolean',
      default: true,
    },
    success_rate: {
      doc: 'Probability that a move on slippery ice goes as meant; to either side it goes with half of the rest.',
      format: 'unit_interval',
      default: 1 / 3,
    },
    reward_schedule: {
      doc: 'Rewards of stepping on the goal, into a hole, on ice.',
      format: lake_rewards,
      default: [1, 0, 0],
    },
  })
}

/** DI-engine's limit of 300 steps; Gymnasium sets none. */
const CLIFFS = {
  'CliffWalking-v1': {
    max_episode_steps: 300,
    stop_value: -13,
    table: () => cliffWalkingTable(false),
    scene: cliffScene,
  },
  'CliffWalkingSlippery-v1': {
    max_episode_steps: 300,
    stop_value: -60,
    table: () => cliffWalkingTable(true),
    scene: cliffScene,
  },
} as const satisfies Record<string, TabularSpec>

const TAXI: TabularSpec = {
  max_episode_steps: 200,
  stop_value: 8,
  table: taxiTable,
  action_mask: true,
  scene: taxiScene,
}
/** v3 and v4 differ in rainy and fickle options only; those of v4 serve both. */
const TAXIS = { 'Taxi-v3': TAXI, 'Taxi-v4': TAXI }

function cliffConfig(env_id: keyof typeof CLIFFS) {
  return extendSchema(tabularConfig(env_id, CLIFFS[env_id]), {
    is_slippery: {
      doc: 'Whether moves go astray two times in three; null: as env_id says.',
      format: 'boolean',
      nullable: true,
      default: null,
    },
  })
}

function taxiConfig(env_id: keyof typeof TAXIS) {
  return extendSchema(tabularConfig(env_id, TAXI), {
    is_rainy: { doc: 'Whether moves go astray to the left or right.', format: 'boolean', default: false },
    fickle_passenger: {
      doc: 'Whether a passenger may choose another destination on the first move in the taxi.',
      format: 'boolean',
      default: false,
    },
    rainy_probability: {
      doc: 'Probability that a move in the rain goes as meant.',
      format: 'unit_interval',
      default: 0.8,
    },
    fickle_probability: {
      doc: 'Probability that the passenger of an episode is a fickle one.',
      format: 'unit_interval',
      default: 0.3,
    },
  })
}

/** Crossing a frozen lake with holes, as in Gymnasium (toy_text/frozen_lake.py). */
export class FrozenLakeEnv extends TabularEnv {
  static readonly config = lakeConfig('FrozenLake-v1')

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings = resolveConfig(new.target.config, cfg, 'The env config')
    const { desc, env_id, is_slippery, success_rate, reward_schedule } = settings
    const map = desc ?? MAPS[settings.map_name ?? (env_id === 'FrozenLake8x8-v1' ? '8x8' : '4x4')]
    super(cfg, new.target.config, LAKES, {
      table: () => frozenLakeTable(map, is_slippery, success_rate, reward_schedule as LakeRewards),
      scene: (state) => lakeScene(map, state),
    })
  }
}

/** FrozenLake on 8 x 8 cells. */
export class FrozenLake8x8Env extends FrozenLakeEnv {
  static override readonly config = lakeConfig('FrozenLake8x8-v1')
}

/** Walking along a cliff, as in Gymnasium (toy_text/cliffwalking.py). */
export class CliffWalkingEnv extends TabularEnv {
  static readonly config = cliffConfig('CliffWalking-v1')

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const { is_slippery } = resolveConfig(new.target.config, cfg, 'The env config')
    super(
      cfg,
      new.target.config,
      CLIFFS,
      is_slippery === null ? {} : { table: () => cliffWalkingTable(is_slippery) },
    )
  }
}

/** CliffWalking on slippery ground. */
export class CliffWalkingSlipperyEnv extends CliffWalkingEnv {
  static override readonly config = cliffConfig('CliffWalkingSlippery-v1')
}

/** Fetching and delivering a passenger, as in Gymnasium (toy_text/taxi.py). */
export class TaxiEnv extends TabularEnv {
  static readonly config = taxiConfig('Taxi-v3')
  /** Probability that an episode's passenger is fickle. */
  private readonly fickleness: number
  private fickle = false

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings = resolveConfig(new.target.config, cfg, 'The env config')
    const { is_rainy, rainy_probability, fickle_passenger, fickle_probability } = settings
    super(cfg, new.target.config, TAXIS, { table: () => taxiTable(is_rainy ? rainy_probability : null) })
    this.fickleness = fickle_passenger ? fickle_probability : -1
  }

  protected override started(random: RandomStream): void {
    this.fickle = this.fickleness >= 0 && random.nextFloat() < this.fickleness
  }

  /** The passenger's change of mind comes with the first move that takes him anywhere. */
  protected override arrival(from: number, to: number, random: RandomStream): number {
    const stops = TAXI_STOPS.length
    const cell = (state: number): number => Math.floor(state / (stops * (IN_TAXI + 1)))
    const aboard = Math.floor(from / stops) % (IN_TAXI + 1) === IN_TAXI
    if (!(this.fickle && aboard && cell(from) !== cell(to))) return to
    this.fickle = false
    const drawn = random.nextInt(0, stops - 1)
    return to - (to % stops) + (drawn < from % stops ? drawn : drawn + 1)
  }

  protected override saveState(): StateTree {
    return { ...super.saveState(), fickle: this.fickle }
  }

  protected override restoreState(saved: StateTree): void {
    super.restoreState(saved)
    this.fickle = saved['fickle'] === true
  }
}

/** Taxi under its newer id. */
export class TaxiV4Env extends TaxiEnv {
  static override readonly config = taxiConfig('Taxi-v4')
}

ENV_REGISTRY.register('frozen_lake', FrozenLakeEnv, { aliases: ['FrozenLake-v1'] })
ENV_REGISTRY.register('FrozenLake8x8-v1', FrozenLake8x8Env)
ENV_REGISTRY.register('cliffwalking', CliffWalkingEnv, { aliases: ['CliffWalking-v1'] })
ENV_REGISTRY.register('CliffWalkingSlippery-v1', CliffWalkingSlipperyEnv)
ENV_REGISTRY.register('taxi', TaxiEnv, { aliases: ['Taxi-v3'] })
ENV_REGISTRY.register('Taxi-v4', TaxiV4Env)

export { frozenLakeTable } from './grid_tables.js'
export { type Outcome, TabularEnv, type TransitionTable } from './tabular_env.js'
