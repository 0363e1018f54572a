import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import type { Lowering } from '../ding/compute/kernels/index.js'
import { KERNELS, UNSUPPORTED } from '../ding/compute/kernels/index.js'
import { IGNORES_DILATIONS, REPAIRED_ON_WASM } from '../ding/compute/runtime/tfjs_repairs.js'
import { CASES } from '../tests/unit/compute/kernels/cases/index.js'
import { runFamily } from '../tests/unit/compute/kernels/support.js'

/** ONNX operators that each kernel's lowering wrote, by kernel. */
export type Operators = ReadonlyMap<string, ReadonlySet<string>>

/** The page that {@link kernelsPage} is kept in. */
export const KERNELS_PAGE = join(dirname(fileURLToPath(import.meta.url)), '../docs/reference/kernels.md')

/** Notes from now on which ONNX operators each row of the table writes, and which rows are used at all. */
export function watchLowerings(): { operators: Operators; used: ReadonlySet<string> } {
  const operators = new Map<string, Set<string>>()
  const used = new Set<string>()
  for (const rule of KERNELS.values()) {
    const infer = rule.infer.bind(rule)
    const lower = rule.lower.bind(rule)
    const seen = new Set<string>()
    operators.set(rule.kernel, seen)
    rule.infer = (call) => {
      used.add(rule.kernel)
      return infer(call)
    }
    rule.lower = (at) => lower(noting(at, seen))
  }
  return { operators, used }
}

/** The same lowering, adding the operators written to `seen`. */
function noting(at: Lowering, seen: Set<string>): Lowering {
  const note = (type: string, domain?: string): string => {
    seen.add(domain === undefined || domain === '' ? type : `${domain}.${type}`)
    return type
  }
  return {
    kernel: at.kernel,
    inputs: at.inputs,
    attrs: at.attrs,
    outputs: at.outputs,
    name: (input) => at.name(input),
    names: () => at.names(),
    op: (type, inputs, attrs, domain) => at.op(note(type, domain), inputs, attrs, domain),
    ops: (type, inputs, outputs, attrs, domain) => at.ops(note(type, domain), inputs, outputs, attrs, domain),
    float: (values, shape) => at.float(values, shape),
    int32: (values, shape) => at.int32(values, shape),
    int64: (values, shape) => at.int64(values, shape),
    bool: (values, shape) => at.bool(values, shape),
  }
}

/** Public tfjs ops by the kernel that they call, read from tfjs-core's own sources. */
function opsByKernel(): Map<string, string[]> {
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-core')
  const folder = join(dirname(main), 'ops')
  const found = new Map<string, string[]>()
  const read = (path: string, prefix: string, known: object): void => {
    const source = readFileSync(join(folder, path), 'utf8')
    const ops = [...source.matchAll(/export (?:const |function |\{ )(\w+)/g)].map((match) => match[1]!)
    const kernels = new Set([...source.matchAll(/runKernel\('?(\w+)\b/g)].map((match) => match[1]!))
    for (const op of ops.filter((name) => name in known)) {
      for (const kernel of kernels) found.set(kernel, [...(found.get(kernel) ?? []), `${prefix}${op}`])
    }
  }
  const sources = (path: string): string[] =>
    readdirSync(join(folder, path))
      .filter((file) => /^\w+\.js$/.test(file) && !file.endsWith('_test.js'))
      .sort()
  for (const file of sources('')) read(file, 'tf.', tf)
  for (const file of sources('fused')) read(join('fused', file), 'tf.fused.', tf.fused)
  for (const file of sources('image')) read(join('image', file), 'tf.image.', tf.image)
  return found
}

/** Fused kernels bring their gradients with the op. */
const WITH_OWN_GRADIENT = new Set(['_FusedMatMul', 'FusedConv2D', 'FusedDepthwiseConv2D'])

function code(names: Iterable<string>): string {
  return [...names].map((name) => `\`${name}\``).join(', ')
}

/** What the table's columns cannot say. */
const NOTES: Readonly<Record<string, string>> = {
  Max: "ONNX Runtime's ReduceMax drops NaN; eager keeps it",
  Min: "ONNX Runtime's ReduceMin drops NaN; eager keeps it",
}

/** The note on a kernel, with what tfjs lacks in it, and a mark where ding computes on tfjs' wasm backend what its own kernel gets wrong. */
function note(kernel: string): string {
  const dilated = IGNORES_DILATIONS.has(kernel) ? 'dilations on `onnx` alone' : undefined
  return [NOTES[kernel], dilated, REPAIRED_ON_WASM.has(kernel) ? 'repaired on wasm' : undefined]
    .filter(Boolean)
    .join('; ')
}

/** The page about the kernel table: what each kernel is for, what it becomes, and whether it can be differentiated. */
export function kernelsPage(operators: Operators): string {
  const ops = opsByKernel()
  const rows = [...KERNELS.keys()].sort().map((kernel) => {
    const uses = code(ops.get(kernel) ?? []) || 'gradients'
    if (UNSUPPORTED.has(kernel)) return `| \`${kernel}\` | ${uses} | refused, with a reason | - | |`
    const becomes =
      code([...(operators.get(kernel) ?? [])].sort()) || 'nothing: removed or made a constant while tracing'
    const gradient = tf.getGradient(kernel) || WITH_OWN_GRADIENT.has(kernel) ? 'yes' : 'no'
    return `| \`${kernel}\` | ${uses} | ${becomes} | ${gradient} | ${note(kernel)} |`
  })
  return [
    '# Kernels that compile',
    '',
    'A program on the `onnx` runtime may use every tfjs operation that comes down to these kernels, in its gradients too.',
    'Compositions such as `tf.squeeze`, `tf.logSoftmax`, `tf.logSumExp`, `tf.moments`, `tf.where` with broadcasting or',
    '`tf.conv1d` are made of them. "ONNX" lists the operators that a kernel may be written with; which of them depends on',
    'shapes and element types. For a kernel that is not here, compilation fails with an error that names it;',
    "`policy.runtime: 'eager'` runs it without compiling.",
    '',
    'This page is written by `npx tsx scripts/docs_kernels.ts` from the kernel table (`ding/compute/kernels`) and its tests.',
    '',
    'Eager programs may run on the tfjs backends `cpu`, `wasm` and `tensorflow`. "Repaired on wasm" marks kernels that tfjs',
    '4.22 has but gets wrong or refuses for some inputs there (such as every biased linear layer); ding replaces them, with',
    'the kernel of the cpu backend if need be, and fills in in the same way those that `wasm` lacks (convolution gradients,',
    '`tf.einsum`, `tf.unsortedSegmentSum`). That is correct but slow: `wasm` pays only for plain networks.',
    '',
    '| kernel | called by | ONNX | gradient | notes |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { operators } = watchLowerings()
  for (const [family, cases] of Object.entries(CASES)) await runFamily('onnx', family, cases)
  mkdirSync(dirname(KERNELS_PAGE), { recursive: true })
  writeFileSync(KERNELS_PAGE, kernelsPage(operators))
}
