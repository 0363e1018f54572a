import {
  allocate,
  type DType,
  dtypeOf,
  type HostTensor,
  isHostTensor,
  sizeOf,
  type TypedArray,
  typedArrayDType,
  UsageError,
} from '../utils/index.js'

/** A transition as the adder sees it: a plain record. Which values it may hold is said in `ding/data`. */
export type Step = { readonly [key: string]: unknown }

/** Whether a flag such as `done` is set: true, a nonzero number, or an array of one such value. Absent counts as unset. */
export function isSet(flag: unknown): boolean {
  if (typeof flag === 'boolean') return flag
  if (typeof flag === 'number') return flag !== 0
  if (flag === undefined || flag === null) return false
  const data = isHostTensor(flag) ? flag.data : flag
  if (isTypedArray(data) && data.length === 1) return data[0] !== 0
  throw new UsageError(
    'A flag of a transition (done, truncated) must be a boolean, a number or an array with one value.',
  )
}

export function isTypedArray(value: unknown): value is TypedArray {
  return typedArrayDType(value) !== undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value)
}

/** The same form with every number 0 and every flag false. */
export function zerosLike(value: unknown, where: string): unknown {
  return filledLike(value, 0, where)
}

/** The same form with every number `fill` and every flag as that says. @throws UsageError for what has no numbers */
export function filledLike(value: unknown, fill: 0 | 1, where: string): unknown {
  if (typeof value === 'number') return fill
  if (typeof value === 'boolean') return fill === 1
  if (isTypedArray(value)) return value.slice().fill(fill)
  if (isHostTensor(value)) return { ...value, data: value.data.slice().fill(fill) }
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, filledLike(inner, fill, `${where}.${key}`)]),
    )
  }
  throw new UsageError(`${where}: a ${typeof value} cannot be padded.`)
}

/**
 * The values of one key over consecutive steps as one tensor with a leading time axis; records become records of them.
 * Column rules as everywhere: a plain number at or below a key `action` is int32, any other is float32.
 */
export function stackSteps(values: readonly unknown[], where: string): unknown {
  const first = values[0]
  if (typeof first === 'boolean')
    return stacked(
      values.map((v) => [v === true ? 1 : 0]),
      'bool',
      [],
      where,
    )
  if (typeof first === 'number') {
    const discrete = where.split('.').includes('action')
    return stacked(
      values.map((v) => [v as number]),
      discrete ? 'int32' : 'float32',
      [],
      where,
    )
  }
  if (isTypedArray(first)) return stacked(values as TypedArray[], dtypeOf(first), [first.length], where)
  if (isHostTensor(first)) {
    return stacked(
      values.map((v) => (v as HostTensor).data),
      first.dtype,
      first.shape,
      where,
    )
  }
  if (isRecord(first)) return stackRecords(values as Record<string, unknown>[], where)
  throw new UsageError(`${where}: a ${first === null ? 'null' : typeof first} cannot be stacked over time.`)
}

/** {@link stackSteps} of every key of records that all have the same keys. */
export function stackRecords(records: readonly Step[], where: string): Record<string, unknown> {
  const keys = Object.keys(records[0]!)
  const result: Record<string, unknown> = {}
  for (const key of keys) {
    const path = where === '' ? key : `${where}.${key}`
    for (const record of records) {
      if (!Object.hasOwn(record, key))
        throw new UsageError(`${path} is missing from some of the transitions of one trajectory.`)
    }
    result[key] = stackSteps(
      records.map((record) => record[key]),
      path,
    )
  }
  return result
}

function stacked(
  rows: readonly ArrayLike<number>[],
  dtype: DType,
  shape: readonly number[],
  where: string,
): HostTensor {
  const size = sizeOf(shape)
  const data = allocate(dtype, rows.length * size)
  rows.forEach((row, t) => {
    if (row.length !== size) {
      throw new UsageError(
        `${where} has ${row.length} values in step ${t} of a trajectory and ${size} in step 0.`,
      )
    }
    data.set(row, t * size)
  })
  return { dtype, shape: [rows.length, ...shape], data }
}
