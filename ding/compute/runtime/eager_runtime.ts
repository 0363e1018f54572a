import type { DataType, Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor, TypedArray } from '../../utils/index.js'
import { DingError, isHostTensor, RuntimeUnavailableError } from '../../utils/index.js'
import { DrawSource, drawBuffer } from '../draws.js'
import { FunctionScope } from '../function_scope.js'
import { withScope } from '../scope.js'
import { mapTree } from '../tree.js'
import type { EagerBackend } from './tfjs_backend.js'
import { loadBackend, packageOf, withBackend } from './tfjs_backend.js'
import type { ProgramDefinition, ProgramRunner, Runtime } from './types.js'

/**
 * Runs programs operation by operation on a tfjs backend: slow, but every tfjs kernel works and values can be looked at.
 * @throws RuntimeUnavailableError when the backend's package is missing.
 */
export async function createEagerRuntime(backend: EagerBackend, cuda: boolean): Promise<Runtime> {
  await loadBackend(backend, cuda)
  return {
    description: `eager tfjs, ${backend} backend (${packageOf(backend, cuda)})`,
    prepare: (definition) => new EagerRunner(definition, backend),
    dispose: () => Promise.resolve(),
  }
}

class EagerRunner implements ProgramRunner {
  constructor(
    readonly definition: ProgramDefinition,
    readonly backend: EagerBackend,
  ) {}

  run(inputs: unknown, recorded: readonly HostTensor[] | undefined): unknown {
    const { name, random } = this.definition
    const draws = new DrawSource(name, random, recorded)
    try {
      const result = withBackend(this.backend, () => tf.tidy(() => this.#runInTidy(inputs, draws)))
      draws.finish()
      return result
    } catch (cause) {
      throw explainMissingKernel(cause, name, this.backend)
    }
  }

  specialisations(): readonly [] {
    return []
  }

  dispose(): void {}

  /** Returns host values only, so that tidy frees every tensor. */
  #runInTidy(inputs: unknown, draws: DrawSource): tf.TensorContainer {
    const scope = new FunctionScope({
      // tfjs' cpu backend keeps the array it is given, and the parameter may be assigned during the run: hence a copy.
      parameter: (parameter) => tf.tensor(parameter.data.slice(), [...parameter.shape], 'float32'),
      draw: (draw) => {
        const out = drawBuffer(draw)
        draws.fill(draw, out)
        return toTensor(out)
      },
    })
    try {
      const name = `Program "${this.definition.name}"`
      const tensors = mapTree(inputs, isHostTensor, toTensor, `${name}, inputs`)
      const result = withScope(scope, () => this.definition.fn(tensors))
      const host = mapTree(result, isTensor, toHost, `${name}, results`)
      writeBack(scope)
      return host as tf.TensorContainer
    } finally {
      scope.dispose()
    }
  }
}

function writeBack(scope: FunctionScope): void {
  for (const [parameter, grad] of scope.gradients) {
    if (grad === undefined) parameter.grad.fill(0)
    else parameter.grad.set(grad.dataSync())
  }
  for (const [parameter, value] of scope.assigned) parameter.data.set(value.dataSync())
}

function isTensor(value: unknown): value is Tensor {
  return value instanceof tf.Tensor
}

function toTensor(host: HostTensor): Tensor {
  const dtype: DataType = host.dtype === 'uint8' ? 'int32' : host.dtype
  const data = host.dtype === 'uint8' ? Int32Array.from(host.data) : host.data
  return tf.tensor(data, [...host.shape], dtype)
}

function toHost(tensor: Tensor): HostTensor {
  if (tensor.dtype !== 'float32' && tensor.dtype !== 'int32' && tensor.dtype !== 'bool') {
    throw new DingError(`A program cannot return a tensor of dtype ${tensor.dtype}.`)
  }
  return { dtype: tensor.dtype, shape: tensor.shape, data: (tensor.dataSync() as TypedArray).slice() }
}

function explainMissingKernel(cause: unknown, program: string, backend: EagerBackend): unknown {
  const kernel =
    cause instanceof Error ? /^Kernel '(\w+)' not registered for backend/.exec(cause.message)?.[1] : undefined
  if (kernel === undefined) return cause
  return new RuntimeUnavailableError(
    `Program "${program}" uses the tfjs kernel ${kernel}, which the tfjs backend "${backend}" does not have. ` +
      `Use other operations${backend === 'tensorflow' ? ', or backend "cpu", which has more' : ''}.`,
    { cause },
  )
}
