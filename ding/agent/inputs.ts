import {
  type ActionMask,
  channelMover,
  channelsFirstShape,
  coerceToSpace,
  Dict,
  isImageSpace,
  type Obs,
  type Space,
  Tuple,
} from '../envs/index.js'
import { type HostTensor, isHostTensor, sizeOf, type TypedArray, UsageError } from '../utils/index.js'
import { isRecordSpace } from './spaces.js'

/**
 * Observations with a leading batch axis: a list of them (vectors may be lists of numbers), a tensor, or a record of tensors. A tensor or a record without
 * that axis is one observation. Images in tensors may have their channels last; plain arrays have no shape to tell it by and are as the space says.
 */
export type ObsBatch =
  | readonly Obs[]
  | readonly (readonly number[])[]
  | HostTensor
  | { readonly [key: string]: HostTensor }

/** One vector; of a Discrete space, several observations. */
export type NumberList = readonly number[]

/** The masks of a batch: a list of them, or a tensor [B, n]. */
export type ActionMaskBatch = readonly ActionMask[] | HostTensor

/** The observations in a tensor, [B, ...] or, with `single`, of one alone, as environments give them. Images with their channels last are turned. */
function rowsOf({ data, shape }: HostTensor, space: Space | undefined, single: boolean): Obs[] {
  const axes = single ? shape : shape.slice(1)
  const count = single ? 1 : (shape[0] ?? 0)
  const width = data.length / count
  const turned = space !== undefined && isImageSpace(space) && comesLast(axes, space.shape)
  const form = turned ? channelMover(axes) : <T extends TypedArray>(image: T) => image
  return Array.from({ length: count }, (_, i) =>
    axes.length === 0 ? Number(data[i]) : form(data.slice(i * width, (i + 1) * width)),
  )
}

/** Whether images of the first shape are those of the second with their channels last. */
function comesLast(image: readonly number[], wanted: readonly number[]): boolean {
  return (
    image.length === 3 && image.join() !== wanted.join() && channelsFirstShape(image).join() === wanted.join()
  )
}

function isTensorRecord(value: unknown): value is Record<string, HostTensor> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    Object.values(value).every(isHostTensor)
  )
}

/** Takes one observation or a batch apart into rows of the space's form. @throws UsageError for observations of another form */
export function obsRows(obs: Obs | NumberList | ObsBatch, space: Space): { rows: Obs[]; single: boolean } {
  const taken = apart(obs, space)
  for (const row of taken.rows) checkForm(row, space, '')
  return taken
}

/** @param entry where in the observation, for the message */
function checkForm(row: Obs, space: Space, entry: string): void {
  if (space instanceof Dict || space instanceof Tuple) {
    for (const [key, part] of Object.entries<Space>(space.spaces as Record<string, Space>)) {
      const value = (row as Record<string, Obs>)[key]
      // What a batch of tensors leaves out, a mask for one, is for the networks to miss.
      if (value !== undefined) checkForm(value, part, entry === '' ? key : `${entry}.${key}`)
    }
    return
  }
  const count = ArrayBuffer.isView(row) ? row.length : 1
  const expected = sizeOf(space.shape)
  if (count === expected) return
  throw new UsageError(
    `The observation${entry === '' ? '' : `'s entry "${entry}"`} has ${count} values; observations of this agent are ${space}.`,
  )
}

function coerced(space: Space, value: unknown): Obs {
  try {
    return coerceToSpace(space, value)
  } catch (cause) {
    throw new UsageError(`The observation does not fit: ${(cause as Error).message}.`, { cause })
  }
}

/** @throws UsageError when there are not as many rows in each tensor */
function recordRows(obs: Record<string, HostTensor>, space: Space): { rows: Obs[]; single: boolean } {
  const isRecord = space instanceof Dict || space instanceof Tuple
  const parts = isRecord ? (space.spaces as Readonly<Record<string, Space>>) : {}
  const entries = Object.entries(obs)
  const single =
    entries.length > 0 &&
    entries.every(([key, { shape, data }]) => {
      const part = parts[key]
      return part !== undefined && shape.length <= part.shape.length && data.length === sizeOf(part.shape)
    })
  const columns = entries.map(([key, tensor]) => [key, rowsOf(tensor, parts[key], single)] as const)
  const count = columns[0]?.[1].length ?? 0
  if (columns.some(([, column]) => column.length !== count)) {
    const found = entries.map(([key, { shape }]) => `"${key}" [${shape}]`).join(', ')
    throw new UsageError(
      `The observation's entries have different numbers of rows: ${found}. Give a batch of the same size for each.`,
    )
  }
  const rows = Array.from({ length: count }, (_, i) =>
    Object.fromEntries(columns.map(([key, column]) => [key, column[i] as Obs])),
  )
  return { rows, single }
}

function apart(obs: Obs | NumberList | ObsBatch, space: Space): { rows: Obs[]; single: boolean } {
  if (isHostTensor(obs)) {
    const single = obs.shape.length <= space.shape.length
    return { rows: rowsOf(obs, space, single), single }
  }
  if (isTensorRecord(obs)) return recordRows(obs, space)
  const list: unknown = obs
  const isTuple = space instanceof Tuple
  // A list of numbers is one vector; of a Discrete space, several observations.
  if (Array.isArray(list) && !isTuple && (typeof list[0] !== 'number' || space.shape.length === 0)) {
    return { rows: list.map((row) => coerced(space, row)), single: false }
  }
  if (Array.isArray(list) && isTuple && Array.isArray(list[0])) {
    return { rows: list.map((row) => coerced(space, row)), single: false }
  }
  return { rows: [coerced(space, list)], single: true }
}

function maskRow(mask: ActionMask, actions: number): Uint8Array {
  if (mask.length !== actions) {
    throw new UsageError(
      `The action mask has ${mask.length} entries; there are ${actions} actions, one entry each.`,
    )
  }
  const row = Uint8Array.from({ length: actions }, (_, a) => Number(Boolean(mask[a])))
  if (!row.includes(1))
    throw new UsageError('The action mask allows no action. At least one entry must be 1.')
  return row
}

/** The masks of a batch as rows, or of one observation as the only row. @throws UsageError when there are more or fewer than observations */
export function maskRows(mask: ActionMask | ActionMaskBatch, count: number, actions: number): ActionMask[] {
  let rows: ActionMask[]
  if (isHostTensor(mask)) {
    rows = Array.from({ length: mask.data.length / actions }, (_, i) =>
      mask.data.subarray(i * actions, (i + 1) * actions),
    )
  } else if (Array.isArray(mask) && typeof mask[0] === 'object') rows = [...(mask as readonly ActionMask[])]
  else rows = [mask as ActionMask]
  if (rows.length !== count) {
    throw new UsageError(
      `There are ${rows.length} action masks for ${count} observations. Give one for each.`,
    )
  }
  return rows
}

/**
 * Observations by number, as models take them, with their masks beside them; where only some have a mask, the others may do anything.
 * @param actions how many there are
 * @throws UsageError for a mask of another size or without a legal action
 */
export function maskedObs(
  obs: Readonly<Record<number, Obs>>,
  masks: Readonly<Record<number, ActionMask>>,
  actions: number,
  space: Space,
): Record<number, Obs> {
  if (Object.keys(masks).length === 0) return { ...obs }
  const any = new Uint8Array(actions).fill(1)
  return Object.fromEntries(
    Object.entries(obs).map(([id, row]) => {
      const mask = masks[Number(id)]
      if (mask !== undefined) return [id, withMask(row, maskRow(mask, actions), space)]
      return [id, isMasked(row) ? row : withMask(row, any, space)]
    }),
  )
}

function isMasked(row: Obs): boolean {
  return typeof row === 'object' && !ArrayBuffer.isView(row) && 'action_mask' in row
}

/** An observation with its mask beside it, as models take it. */
function withMask(obs: Obs, mask: Uint8Array, space: Space): Obs {
  if (isRecordSpace(space)) return { ...(obs as Record<string, Obs>), action_mask: mask }
  const bare =
    typeof obs === 'object' && !ArrayBuffer.isView(obs) ? (obs as Record<string, Obs>) : { observation: obs }
  return { ...bare, action_mask: mask }
}
