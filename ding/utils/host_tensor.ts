import { UsageError } from './errors.js'

/** The element types that a program's inputs and outputs may have. `uint8` is storage only: inside a program it is int32. */
export type DType = 'float32' | 'int32' | 'bool' | 'uint8'

/** The typed array behind each {@link DType}: Float32Array, Int32Array, and Uint8Array for `bool` and `uint8`. */
export type TypedArray = Float32Array | Int32Array | Uint8Array

/** A dense row-major array on the host, outside any tensor library. `data.length` is the product of `shape`. */
export interface HostTensor<A extends TypedArray = TypedArray> {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: A
}

/** Shape and element type without the values. */
export interface TensorSpec {
  readonly dtype: DType
  readonly shape: readonly number[]
}

/** Number of elements of a shape (1 for a scalar's empty shape). */
export function sizeOf(shape: readonly number[]): number {
  let size = 1
  for (const d of shape) size *= d
  return size
}

/** The element type of an array that transitions and tensors are made of; undefined for any other value. */
export function typedArrayDType(value: unknown): DType | undefined {
  if (value instanceof Float32Array) return 'float32'
  if (value instanceof Int32Array) return 'int32'
  return value instanceof Uint8Array ? 'uint8' : undefined
}

/** As {@link typedArrayDType}. @throws UsageError for an array of another class, whose numbers would be read as something else */
export function dtypeOf(array: ArrayBufferView): DType {
  const dtype = typedArrayDType(array)
  if (dtype !== undefined) return dtype
  throw new UsageError(
    `Got a ${array.constructor.name}. Observations and transitions are made of Float32Array, Int32Array and Uint8Array: ` +
      'give Float32Array.from(values).',
  )
}

/** A typed array for `size` elements of `dtype`, zero-filled. */
export function allocate(dtype: DType, size: number): TypedArray {
  if (dtype === 'float32') return new Float32Array(size)
  if (dtype === 'int32') return new Int32Array(size)
  return new Uint8Array(size)
}
