import { defaultsOf } from '../../config/index.js'
import { DATASET_REGISTRY } from '../../registry/index.js'
import { ConfigError } from '../../utils/index.js'
import { type DatasetConfig, datasetConfig } from './config.js'
import { detectLayout } from './detect.js'
import { MemoryDataset } from './memory_dataset.js'
import { readJsonl, readSafetensorsData } from './read_columns.js'
import { readD3rlpy, readD4rl, readDemo } from './read_hdf5.js'
import { readMinari } from './read_minari.js'
import type { DatasetOptions, OfflineDataset, RawData, Reader } from './types.js'

const READERS = {
  d4rl: readD4rl,
  minari: readMinari,
  hdf5: readDemo,
  d3rlpy: readD3rlpy,
  safetensors: readSafetensorsData,
  jsonl: readJsonl,
} as const satisfies Readonly<Record<string, Reader>>

/** Reads a file in a built-in layout; `strict: false` takes NaN. @throws DatasetError */
export async function readDataset(
  path: string,
  layout: string,
  strict: boolean,
  cfg: Partial<DatasetConfig> = {},
): Promise<RawData> {
  const name = layout === 'auto' ? await detectLayout(path) : layout
  const reader = Object.hasOwn(READERS, name) ? READERS[name as keyof typeof READERS] : undefined
  if (reader === undefined) {
    throw new ConfigError(
      `data_type "${name}" is no layout of a file. There are: auto, ${Object.keys(READERS).join(', ')}.`,
    )
  }
  const { max_episode_steps, env_id, agilerl_compat } = { ...defaultsOf(datasetConfig), ...cfg }
  return reader(path, { max_episode_steps, env_id, agilerl_compat, strict })
}

async function load(layout: string, cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
  if (cfg.data_path === '') {
    throw new ConfigError('policy.collect.data_path is empty. Name the file to learn from.', {
      path: 'policy.collect.data_path',
    })
  }
  return new MemoryDataset(await readDataset(cfg.data_path, layout, true, cfg), cfg, options)
}

/** What the classes of all layouts share. */
abstract class FileDataset {
  static readonly config = datasetConfig
}

/** HDF5 as D4RL has it: `observations, actions, rewards, terminals`, perhaps `timeouts`, `next_observations`. */
@DATASET_REGISTRY.register('d4rl')
export class D4rlDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('d4rl', cfg, options)
  }
}

/** HDF5 as Minari has it: a group an episode. */
@DATASET_REGISTRY.register('minari')
export class MinariDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('minari', cfg, options)
  }
}

/** HDF5 as DI-engine's demonstrations have it: `obs, next_obs, action, reward, done`. */
@DATASET_REGISTRY.register('hdf5')
export class Hdf5Dataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('hdf5', cfg, options)
  }
}

/** HDF5 as d3rlpy 1.x and AgileRL have it, with `episode_terminals`. */
@DATASET_REGISTRY.register('d3rlpy')
export class D3rlpyDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('d3rlpy', cfg, options)
  }
}

/** What a replay buffer saved, or plain columns. */
@DATASET_REGISTRY.register('safetensors')
export class SafetensorsDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('safetensors', cfg, options)
  }
}

/** A JSON record a line. */
@DATASET_REGISTRY.register('jsonl')
export class JsonlDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('jsonl', cfg, options)
  }
}

/** Whichever of the layouts the file has. */
export class AutoDataset extends FileDataset {
  static create(cfg: DatasetConfig, options: DatasetOptions): Promise<OfflineDataset> {
    return load('auto', cfg, options)
  }
}

// DI-engine's default, a pickled list of transitions: such configs work with a file in any layout that is known.
DATASET_REGISTRY.register('auto', AutoDataset, { aliases: ['naive'] })

/**
 * Loads the data that a config names; keys that are left out have their defaults.
 * @throws DatasetError when the file cannot be used, ConfigError or RegistryError when the config cannot.
 */
export function createDataset(cfg: Partial<DatasetConfig>, options: DatasetOptions): Promise<OfflineDataset> {
  const full: DatasetConfig = { ...defaultsOf(datasetConfig), ...cfg }
  return DATASET_REGISTRY.get(full.data_type).create(full, options)
}
