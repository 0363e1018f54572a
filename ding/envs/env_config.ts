import { ConfigError, didYouMean } from '../utils/index.js'
import { type GroupNode, type Schema, type SchemaDefinition, schema } from './light_imports.js'
import { MAX_FRAMES, type ReplayOptions } from './render/types.js'

/** One entry of `env.env_wrapper`: a registered name, or the name as `type` beside the wrapper's own keys. */
export type EnvWrapperSpec = string | { readonly type: string; readonly [key: string]: unknown }

/** Whether a value can stand at `env.env_wrapper`. */
export function env_wrapper_list(value: unknown): value is EnvWrapperSpec[] {
  if (value === 'mujoco_default' || value === 'default')
    throw new Error(
      "Leave it out: DI-engine's list of that name sums the rewards of an episode, which is done anyway.",
    )
  if (!Array.isArray(value))
    throw new Error('Give a list, e.g. ["clip_reward", {type: "frame_stack", n_frames: 4}].')
  for (const [i, item] of value.entries()) {
    const type: unknown = typeof item === 'object' && item !== null ? (item as { type?: unknown }).type : item
    if (typeof type !== 'string') {
      throw new Error(
        `Entry ${i} is ${JSON.stringify(item)}: give a wrapper's name, or an object with its name as "type".`,
      )
    }
  }
  return true
}

/** Whether a value can be the size of an animation. */
export function replay_pixels(value: unknown): value is number {
  if (!(typeof value === 'number' && Number.isInteger(value) && value >= 16 && value <= 500))
    throw new Error('Give a whole number of pixels from 16 to 500.')
  return true
}

/** Whether a value can be the number of pictures that a recording ends with. */
export function replay_frames(value: unknown): value is number {
  if (!(typeof value === 'number' && Number.isSafeInteger(value) && value >= 2))
    throw new Error('Give a whole number of at least 2, or null for no limit.')
  return true
}

/** The keys that every env of ding has. */
export const envKeys = {
  env_id: {
    doc: 'Id of the environment, Gymnasium style, for messages and saved replays.',
    format: 'string',
    default: 'env',
  },
  collector_env_num: {
    doc: 'Number of environments that collect in parallel.',
    format: 'positive_int',
    default: 8,
  },
  evaluator_env_num: {
    doc: 'Number of environments that evaluate in parallel.',
    format: 'positive_int',
    default: 5,
  },
  n_evaluator_episode: {
    doc: 'Episodes of one evaluation, over all its environments; null: one per evaluator environment.',
    format: 'positive_int',
    nullable: true,
    default: null,
  },
  stop_value: {
    doc: 'Training stops when the mean return of an evaluation reaches this.',
    format: 'number',
    infinity: true,
    default: Number.POSITIVE_INFINITY,
  },
  max_episode_steps: {
    doc: 'Truncates an episode after this many steps; null: the limit that belongs to env_id.',
    format: 'positive_int',
    nullable: true,
    default: null,
  },
  replay_path: {
    doc: 'Folder into which each episode of the evaluator is written: as JSON, and as an animated GIF where the env draws itself; null: none.',
    format: 'string',
    nullable: true,
    default: null,
  },
  replay_size: {
    doc: 'Longer side of the animations in replay_path, in pixels, up to 500.',
    format: replay_pixels,
    default: 400,
  },
  replay_frame_skip: {
    doc: 'The animations in replay_path show every so many steps; null: as many as bring them to at most 25 pictures a second.',
    format: 'positive_int',
    nullable: true,
    default: null,
  },
  replay_max_frames: {
    doc: 'The files of an episode in replay_path end with so many pictures, with a warning, as all are held in memory until then; null: with the episode.',
    format: replay_frames,
    nullable: true,
    default: MAX_FRAMES,
  },
  env_wrapper: {
    doc: 'Wrappers around each environment, innermost first: names, or {type: name, ...keys of the wrapper}.',
    format: env_wrapper_list,
    default: [],
  },
} as const satisfies SchemaDefinition

/** How the replays of an env config are to be written. */
export function replayOptions(cfg: Readonly<Record<string, unknown>>): ReplayOptions {
  const { replay_size, replay_frame_skip, replay_max_frames } = cfg
  return {
    ...(typeof replay_size === 'number' ? { size: replay_size } : {}),
    ...(typeof replay_frame_skip === 'number' ? { frame_skip: replay_frame_skip } : {}),
    ...(replay_max_frames === undefined ? {} : { max_frames: replay_max_frames as number | null }),
  }
}

/** Schema of the keys that every env has; `extendSchema(baseEnvConfig, {...})` makes an env's own. */
export const baseEnvConfig = schema(envKeys)

/** Keys of the `env` part of a config that are for the pipeline, not for the env class. */
const PIPELINE_KEYS: ReadonlySet<string> = new Set(['type', 'import_names', 'manager', 'cfg_type'])

/**
 * The config of an env or a wrapper: `given` over the schema's defaults.
 * @param where named in messages, e.g. `env wrapper "frame_stack"`
 * @throws ConfigError for an unknown key, a value that is not of its format, or a required key that is missing
 */
export function resolveConfig<T>(
  source: Schema<T>,
  given: Readonly<Record<string, unknown>>,
  where: string,
): T {
  return resolveGroup(source.root, given, where, '') as T
}

function resolveGroup(
  group: GroupNode,
  given: Readonly<Record<string, unknown>>,
  where: string,
  prefix: string,
): Record<string, unknown> {
  for (const key of Object.keys(given)) {
    if (group.children.has(key) || group.open || (prefix === '' && PIPELINE_KEYS.has(key))) continue
    const path = prefix + key
    const known = [...group.children.keys()]
    throw new ConfigError(
      `${where} has no key "${path}".${didYouMean(key, known)} Known: ${known.join(', ')}`,
      { path },
    )
  }
  const out: Record<string, unknown> = group.open ? { ...given } : {}
  for (const [key, node] of group.children) {
    const value = given[key]
    const path = prefix + key
    if (node.kind === 'group') {
      const inner = (value ?? {}) as Record<string, unknown>
      out[key] = resolveGroup(node, inner, where, `${path}.`)
    } else if (value === undefined) {
      if (node.required) throw new ConfigError(`${where} needs a value for "${path}": ${node.doc}`, { path })
      out[key] = structuredClone(node.default)
    } else {
      const refusal = node.rule.refuse(value)
      if (refusal !== undefined) {
        throw new ConfigError(
          `${where}: "${path}" is ${JSON.stringify(value)}, expected ${node.rule.expected}. ${refusal}`.trim(),
          { path },
        )
      }
      out[key] = value
    }
  }
  return out
}

/** `count` independent copies of an env config, one for each environment. */
export function copiesOf(cfg: Readonly<Record<string, unknown>>, count: number): Record<string, unknown>[] {
  return Array.from({ length: count }, () => structuredClone(cfg))
}
