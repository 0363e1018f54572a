import { extname, join } from 'node:path'
import { defaultsOf } from '../ding/config/index.js'
import { createDatasetWriter, type RowShape } from '../ding/data/index.js'
import { Dict, envSources, nativeActionsOf, type Space, Tuple } from '../ding/envs/index.js'
import { letEventsIn, listenForInterrupt, ROLES } from '../ding/pipeline/index.js'
import { BUFFER_REGISTRY } from '../ding/registry/index.js'
import { isHostTensor, UsageError } from '../ding/utils/index.js'
import { EpisodeSerialCollector, episodeCollectorConfig, randomCollectMode } from '../ding/worker/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { loadPolicy } from './evaluate.js'
import { type PreparedRun, prepareRun } from './prepare.js'

export const DATA_LAYOUTS = ['d4rl', 'minari', 'buffer'] as const
export type DataLayout = (typeof DATA_LAYOUTS)[number]

/** How files of each layout end. */
const ENDINGS: Readonly<Record<DataLayout, readonly string[]>> = {
  d4rl: ['.hdf5', '.h5'],
  minari: ['.hdf5', '.h5'],
  buffer: ['.safetensors'],
}

export interface CollectDemoOptions extends PipelineOptions {
  /** Transitions to collect (1000). HDF5 layouts hold whole episodes, so they may get up to an episode more. */
  readonly collect_count?: number
  /** File to write; default: expert_data.hdf5 (of a buffer .safetensors) in the experiment folder. */
  readonly expert_data_path?: string
  /** `d4rl` or `minari` (HDF5, whole episodes of single steps), or `buffer` (training samples, for a replay buffer's
   * load_data). Default: by the file's ending, .safetensors being a buffer, else d4rl. */
  readonly layout?: DataLayout
  /** Checkpoint to act with. Default: policy.load_path, else ckpt_best of the experiment folder. */
  readonly state_dict_path?: string
  /** Act uniformly at random instead; no checkpoint is needed then, and none may be named. */
  readonly random_policy?: boolean
  /** `_seed<N>` before the ending of the file's name: for several seeds whose files would be one. */
  readonly name_by_seed?: boolean
}

/** What was written. */
export interface CollectedData {
  readonly path: string
  readonly count: number
  /** It was stopped. Unless the file was just complete, `path` is then the partial one, which holds whole episodes and can be read. */
  readonly interrupted: boolean
}

/**
 * Records what a policy does: its collect mode, without random actions where it has an epsilon.
 * In HDF5 actions are in the environment's own units, which is what readers of D4RL and Minari files expect; a buffer holds them as the policy
 * gave them, in [-1, 1] with `act_scale`, as its load_data expects. The file appears under its name only when it is complete.
 */
export async function collect_demo_data(
  input: PipelineInput,
  seed?: number,
  options: CollectDemoOptions = {},
): Promise<CollectedData> {
  const layout = layoutOf(options)
  if (options.random_policy === true && options.state_dict_path !== undefined) {
    throw new UsageError(
      `--random (random_policy) acts without a checkpoint, but ${options.state_dict_path} is named to act with. Leave one of them out.`,
    )
  }
  const prepared = await prepareRun(input, seed, { ...options, save: false, enable_field: ['collect'] })
  const path = outputOf(prepared, options, layout)
  try {
    const collected =
      layout === 'buffer'
        ? await writeBuffer(prepared, options, path)
        : await writeEpisodes(prepared, options, path, layout)
    prepared.logger.info(
      collected.interrupted
        ? `It was interrupted: the ${collected.count} transitions of whole episodes so far are in ${collected.path}, which can be read.`
        : `Wrote ${collected.count} transitions to ${collected.path}.`,
    )
    return collected
  } finally {
    await prepared.close()
  }
}

/** The file to write. */
function outputOf(
  { exp_dir, config }: PreparedRun,
  { expert_data_path, name_by_seed }: CollectDemoOptions,
  layout: DataLayout,
): string {
  const path = expert_data_path ?? join(exp_dir, `expert_data${ENDINGS[layout][0]}`)
  if (name_by_seed !== true) return path
  const ending = extname(path)
  return `${path.slice(0, path.length - ending.length)}_seed${config.seed}${ending}`
}

/** The layout that is asked for, by name or by the file's ending. @throws UsageError for unknown ones, and where the two do not go together */
function layoutOf({ expert_data_path, layout }: CollectDemoOptions): DataLayout {
  const ending = expert_data_path === undefined ? undefined : extname(expert_data_path).toLowerCase()
  const chosen = layout ?? (ending === '.safetensors' ? 'buffer' : 'd4rl')
  if (!DATA_LAYOUTS.includes(chosen)) {
    throw new UsageError(
      `There is no data layout "${String(chosen)}". There are: ${DATA_LAYOUTS.join(', ')}.`,
    )
  }
  if (ending !== undefined && !ENDINGS[chosen].includes(ending)) {
    const known = DATA_LAYOUTS.map((name) => `${name} (${ENDINGS[name].join(', ')})`).join(', ')
    throw new UsageError(
      `The file to write (--output, expert_data_path) is ${expert_data_path}, which is no name for the layout "${chosen}". Layouts and their endings: ${known}.`,
    )
  }
  return chosen
}

/** The acting mode, and the keyword arguments that it is to act with. */
async function actor(prepared: PreparedRun, options: CollectDemoOptions) {
  const { container, exp_dir } = prepared
  const policy = await container.getAsync(ROLES.policy)
  const env = await container.getAsync(ROLES.collector_env)
  policy.checkSpaces(env.observation_space, env.action_space)
  if (options.random_policy === true) {
    const random = (await container.getAsync(ROLES.random)).stream('random_collect')
    return {
      mode: randomCollectMode(policy.collect_mode, env.action_space, random),
      settings: {},
      name: 'random',
    }
  }
  const checkpoint =
    options.state_dict_path ?? policy.cfg.load_path ?? join(exp_dir, 'ckpt', 'ckpt_best.safetensors')
  loadPolicy(checkpoint, (state) => policy.collect_mode.load_state_dict(state))
  const settings = policy.command_mode.get_setting_collect({ env_step: 0, train_iter: 0 })
  // Demonstrations do not move the statistics that observations are normalised by.
  const { observe: _observe, observe_step: _observeStep, ...mode } = policy.collect_mode
  return {
    mode,
    settings: 'eps' in settings ? { ...settings, eps: 0 } : settings,
    name: checkpoint,
  }
}

async function writeBuffer(
  prepared: PreparedRun,
  options: CollectDemoOptions,
  path: string,
): Promise<CollectedData> {
  const { container } = prepared
  const { mode, settings } = await actor(prepared, options)
  const collector = await container.getAsync(ROLES.collector)
  collector.reset_policy(mode)
  const transitions = await collector.collect(options.collect_count ?? 1000, { policy_kwargs: settings })
  const buffer = new (BUFFER_REGISTRY.get('naive'))({ replay_buffer_size: transitions.length } as never, {
    random: (await container.getAsync(ROLES.random)).stream('sampling'),
  })
  buffer.push(transitions)
  buffer.save_data(path)
  buffer.close()
  return { path, count: transitions.length, interrupted: false }
}

async function writeEpisodes(
  prepared: PreparedRun,
  options: CollectDemoOptions,
  path: string,
  layout: 'd4rl' | 'minari',
): Promise<CollectedData> {
  const { container, config, logger } = prepared
  const { mode, settings, name } = await actor(prepared, options)
  const env = await container.getAsync(ROLES.collector_env)
  const collector = new EpisodeSerialCollector(
    { ...defaultsOf(episodeCollectorConfig), get_train_sample: false },
    {
      env,
      policy: mode,
      logger: logger.component('collector'),
    },
  )
  const [source] = options.env_setting?.collector ?? envSources('collector', config.main_config.env)
  const native = source === undefined ? undefined : await nativeActionsOf(source)
  const env_id = config.main_config.env['env_id']
  const obs_shape = rowShape(env.observation_space)
  const writer = await createDatasetWriter(path, {
    layout,
    env_id: typeof env_id === 'string' ? env_id : config.create_config.env.type,
    ...(obs_shape === undefined ? {} : { obs_shape }),
    policy: `${config.create_config.policy.type} ${name}`,
    seed: config.seed,
  })
  const wanted = options.collect_count ?? 1000
  const interrupt = listenForInterrupt(
    (signal) => logger.info(`${signal}: stopping after this episode.`),
    options.signal,
  )
  try {
    while (writer.count < wanted && interrupt.requested === undefined) {
      const [episode = []] = await collector.collect_episodes(1, { policy_kwargs: settings })
      const written =
        native === undefined
          ? episode
          : episode.map((row) => ({ ...row, action: native(numbersOf(row['action'])) }))
      writer.append(written, { truncated: episode.at(-1)?.['done'] !== true })
      await letEventsIn()
    }
    const interrupted = interrupt.requested !== undefined
    const isComplete = writer.count >= wanted
    if (isComplete) writer.close()
    else writer.flush()
    return { path: isComplete ? path : writer.partial_path, count: writer.count, interrupted }
  } finally {
    interrupt.release()
    // What was written of a file that is not complete stays readable under the writer's partial name.
    writer.abandon()
  }
}

/** The entries of a continuous action. */
function numbersOf(action: unknown): Float32Array {
  return (isHostTensor(action) ? action.data : action) as Float32Array
}

/** The shape of a space's arrays of two axes or more, such as images, which environments hand out flat. */
function rowShape(space: Space): RowShape | undefined {
  if (!(space instanceof Dict || space instanceof Tuple))
    return space.shape.length > 1 ? [...space.shape] : undefined
  const shaped = Object.entries(space.spaces).flatMap(([key, part]) => {
    const shape = rowShape(part as Space)
    return shape === undefined ? [] : [[key, shape] as const]
  })
  return Object.fromEntries(shaped)
}
