import { RuntimeUnavailableError } from '../../utils/index.js'
import { writeModel } from '../onnx/index.js'
import type { Provider } from './onnx_runtime.js'
import { OnnxSession, ortTensor } from './onnx_runtime.js'

const NEEDS: Readonly<Record<'cuda' | 'webgpu', string>> = {
  cuda: 'an NVIDIA GPU, CUDA 12 with cuDNN 9 on the library path, and the CUDA provider of onnxruntime-node, which is downloaded when the package is installed with its script allowed (linux-x64)',
  webgpu: 'a GPU with a Vulkan, Metal or D3D12 driver (in a container the driver must be mapped in)',
}

/**
 * The GPU provider that works here, found by running a small model on each: CUDA, then WebGPU.
 * @throws RuntimeUnavailableError saying what each lacks. There is no silent fall-back to the CPU.
 */
export function gpuProvider(): Provider {
  const failures: string[] = []
  for (const provider of ['cuda', 'webgpu'] as const) {
    const failure = tryProvider(provider)
    if (failure === undefined) return provider
    failures.push(`${provider}: ${failure}. It needs ${NEEDS[provider]}.`)
  }
  throw new RuntimeUnavailableError(
    `policy.cuda is true, but no GPU provider of ONNX Runtime works here.\n  ${failures.join('\n  ')}\n` +
      'Set policy.cuda to false to run on the CPU.',
  )
}

/** Why a provider does not work, or undefined when it does. */
function tryProvider(provider: 'cuda' | 'webgpu'): string | undefined {
  const scalar = { name: 'x', dtype: 'float32', shape: [1] } as const
  const model = writeModel({
    name: 'probe',
    nodes: [{ type: 'Add', domain: '', inputs: ['x', 'x'], outputs: ['y'], attrs: {} }],
    initializers: new Map(),
    inputs: [scalar],
    outputs: [{ ...scalar, name: 'y' }],
    specs: new Map(),
  })
  try {
    const session = new OnnxSession(model, provider, 1)
    session.run({ x: ortTensor({ ...scalar, data: Float32Array.of(1) }) }, { y: null })
    session.dispose()
    return undefined
  } catch (cause) {
    return cause instanceof Error ? cause.message.trim().replace(/\.$/, '') : String(cause)
  }
}
