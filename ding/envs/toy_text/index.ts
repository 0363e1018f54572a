import { ENV_REGISTRY } from '../../registry/index.js'
import { EnvError } from '../../utils/index.js'
import { resolveConfig } from '../env_config.js'
import { extendSchema } from '../light_imports.js'
import { cliffScene, lakeScene, taxiScene } from './grid_scenes.js'
import { cliffWalkingTable, frozenLakeTable, taxiTable } from './grid_tables.js'
import { TabularEnv, type TabularSpec, type TransitionTable, tabularConfig } from './tabular_env.js'

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
    is_slippery: { doc: 'Whether moves go astray two times in three.', format: 'boolean', default: true },
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
/** v3 and v4 differ in rainy and fickle options only, which are off. */
const TAXIS = { 'Taxi-v3': TAXI, 'Taxi-v4': TAXI }

/** Crossing a frozen lake with holes, as in Gymnasium (toy_text/frozen_lake.py). */
export class FrozenLakeEnv extends TabularEnv {
  static readonly config = lakeConfig('FrozenLake-v1')

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    const settings = resolveConfig(new.target.config, cfg, 'The env config')
    const { desc, env_id, is_slippery } = settings
    const map = desc ?? MAPS[settings.map_name ?? (env_id === 'FrozenLake8x8-v1' ? '8x8' : '4x4')]
    super(cfg, new.target.config, LAKES, {
      table: () => frozenLakeTable(map, is_slippery),
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
  static readonly config = tabularConfig('CliffWalking-v1', CLIFFS['CliffWalking-v1'])

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, CLIFFS)
  }
}

/** CliffWalking on slippery ground. */
export class CliffWalkingSlipperyEnv extends CliffWalkingEnv {
  static override readonly config = tabularConfig(
    'CliffWalkingSlippery-v1',
    CLIFFS['CliffWalkingSlippery-v1'],
  )
}

/** Fetching and delivering a passenger, as in Gymnasium (toy_text/taxi.py). */
export class TaxiEnv extends TabularEnv {
  static readonly config = tabularConfig('Taxi-v3', TAXI)

  constructor(cfg: Readonly<Record<string, unknown>> = {}) {
    super(cfg, new.target.config, TAXIS)
  }
}

/** Taxi under its newer id. */
export class TaxiV4Env extends TaxiEnv {
  static override readonly config = tabularConfig('Taxi-v4', TAXI)
}

ENV_REGISTRY.register('frozen_lake', FrozenLakeEnv, { aliases: ['FrozenLake-v1'] })
ENV_REGISTRY.register('FrozenLake8x8-v1', FrozenLake8x8Env)
ENV_REGISTRY.register('cliffwalking', CliffWalkingEnv, { aliases: ['CliffWalking-v1'] })
ENV_REGISTRY.register('CliffWalkingSlippery-v1', CliffWalkingSlipperyEnv)
ENV_REGISTRY.register('taxi', TaxiEnv, { aliases: ['Taxi-v3'] })
ENV_REGISTRY.register('Taxi-v4', TaxiV4Env)

/** The transition table of a toy text by its Gymnasium id. @throws EnvError for any other id. */
export function transitionTable(id: string): TransitionTable {
  const specs: Record<string, TabularSpec> = { ...LAKES, ...CLIFFS, ...TAXIS }
  const spec = Object.hasOwn(specs, id) ? specs[id] : undefined
  if (spec === undefined) {
    throw new EnvError(`There is no transition table for "${id}"; known: ${Object.keys(specs).join(', ')}`)
  }
  return spec.table()
}

export { frozenLakeTable } from './grid_tables.js'
export { type Outcome, TabularEnv, type TransitionTable } from './tabular_env.js'
