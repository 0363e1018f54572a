import type { HostTensor } from '../../../ding/utils/index.js'

/** A float32 host tensor; one axis unless a shape is given. */
export function float32(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Float32Array> {
  return { dtype: 'float32', shape, data: Float32Array.from(values) }
}

/** An int32 host tensor; one axis unless a shape is given. */
export function int32(
  values: readonly number[],
  shape: readonly number[] = [values.length],
): HostTensor<Int32Array> {
  return { dtype: 'int32', shape, data: Int32Array.from(values) }
}
