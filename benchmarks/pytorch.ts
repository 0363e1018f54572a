import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A figure as the original library does the work, and without what of that nothing reads, where the two differ. */
export interface PyTorchFigure {
  readonly value: number
  readonly lean?: number
}

/** Figures of the PyTorch scripts by name, or an explanation why there are none. */
export type PyTorchFigures =
  | { readonly figures: ReadonlyMap<string, PyTorchFigure>; readonly about: string }
  | { readonly missing: string }

/** What blas.py prints. */
interface Build {
  readonly version: string
  /** The BLAS that PyTorch was built with, by its own name for it. */
  readonly built: string
  /** Files of BLAS libraries in the process. */
  readonly loaded: readonly string[]
}

const PYTHONS = [process.env['DING_PYTHON'], 'python3', '/usr/bin/python3'].filter(
  (p): p is string => p !== undefined,
)

/** One thread, as the programs here. */
const ENVIRONMENT = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }

const FAST_BLAS = ['openblas', 'mkl', 'blis', 'atlas', 'accelerate']

let found: { readonly python: string; readonly about: string } | { readonly missing: string } | undefined

function runScript(python: string, script: string) {
  const file = fileURLToPath(new URL(`./pytorch/${script}`, import.meta.url))
  return spawnSync(python, [file], { encoding: 'utf8', env: ENVIRONMENT })
}

/** PyTorch's version and BLAS in words; warns of the reference BLAS. */
function describe({ version, built, loaded }: Build): string {
  const used = [...loaded, built].join(' ').toLowerCase()
  const fast = FAST_BLAS.find((name) => used.includes(name))
  const start = `PyTorch ${version}, one thread, BLAS: `
  if (fast !== undefined) return `${start}${fast} (${loaded[0] ?? `built with ${built}`})`
  if (loaded.length === 0) return `${start}not known (built with "${built}")`
  return (
    `${start}WARNING, the reference BLAS (${loaded.join(', ')}). It is several times slower than others, so the ratios say nothing. ` +
    'On Debian: apt-get install libopenblas0-pthread, then measure again'
  )
}

/** The first Python that has PyTorch. */
function findPyTorch() {
  for (const python of PYTHONS) {
    const { status, stdout } = runScript(python, 'blas.py')
    if (status === 0) return { python, about: describe(JSON.parse(stdout) as Build) }
  }
  return {
    missing:
      'no Python with PyTorch was found (on Debian: apt-get install python3-torch; or set DING_PYTHON)',
  }
}

/** Runs benchmarks/pytorch/<script> with the first Python that has PyTorch. */
export function runPyTorch(script: string): PyTorchFigures {
  found ??= findPyTorch()
  if ('missing' in found) return found
  const { python, about } = found
  const { status, stdout, stderr } = runScript(python, script)
  if (status !== 0)
    return { missing: `${script} failed: ${stderr.trim().split('\n').at(-1) ?? 'no message'}` }
  const figures = new Map<string, PyTorchFigure>()
  for (const line of stdout.trim().split('\n')) {
    const { name, ...values } = JSON.parse(line) as { name: string } & Record<string, number>
    const { lean_ms_per_update: lean, ...own } = values
    figures.set(name, { value: Object.values(own)[0] as number, ...(lean !== undefined && { lean }) })
  }
  return { figures, about }
}
