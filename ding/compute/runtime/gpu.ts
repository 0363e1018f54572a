import { RuntimeUnavailableError } from '../../utils/index.js'
import { writeModel } from '../onnx/index.js'
import type { Provider } from './onnx_runtime.js'
import { hasCudaLibrary, OnnxSession, ortTensor } from './onnx_runtime.js'

/** What each provider needs, and how to get it. */
const NEEDS: Readonly<Record<'cuda' | 'webgpu', string>> = {
  cuda: 'It needs linux-x64, an NVIDIA driver, and CUDA 12 with cuDNN 9 on the library path (LD_LIBRARY_PATH)',
  webgpu:
    'It needs a GPU with a Vulkan, Metal or D3D12 driver; on Linux the Vulkan loader too (libvulkan.so.1), and in a ' +
    'container the driver mapped in (for NVIDIA: NVIDIA_DRIVER_CAPABILITIES=all)',
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
    failures.push(`${provider}: ${failure}. ${NEEDS[provider]}.`)
  }
  throw new RuntimeUnavailableError(
    `policy.cuda is true, but no GPU provider of ONNX Runtime works here.\n  ${failures.join('\n  ')}\n` +
      'Set policy.cuda to false to run on the CPU.',
  )
}

/** Why a provider does not work, or undefined when it does. */
function tryProvider(provider: 'cuda' | 'webgpu'): string | undefined {
  if (provider === 'cuda' && !hasCudaLibrary()) {
    return (
      "ONNX Runtime's CUDA library is not installed. Fetch it with " +
      '"ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install"'
    )
  }
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
    return cause instanceof Error ? reasonIn(cause.message) : String(cause)
  }
}

/** An error of ONNX Runtime without the place in its sources and the failed check, which tell a user nothing. */
function reasonIn(message: string): string {
  return message
    .trim()
    .replace(/^\S+\.(?:cc|h):\d+ .*? was false\.\s*/s, '')
    .replace(/\.$/, '')
}
