import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Figures of the PyTorch scripts by name, or an explanation why there are none. */
export type PyTorchFigures = { readonly figures: ReadonlyMap<string, number>; readonly version: string } | { readonly missing: string }

const PYTHONS = [process.env['DING_PYTHON'], 'python3', '/usr/bin/python3'].filter((p): p is string => p !== undefined)

/** Runs benchmarks/pytorch/<script> with the first Python that has PyTorch. One thread, as the programs here. */
export function runPyTorch(script: string): PyTorchFigures {
  const python = PYTHONS.find((p) => spawnSync(p, ['-c', 'import torch']).status === 0)
  if (python === undefined) {
    return { missing: 'no Python with PyTorch was found (on Debian: apt-get install python3-torch; or set DING_PYTHON)' }
  }
  const version = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' }).stdout.trim()
  const file = fileURLToPath(new URL(`./pytorch/${script}`, import.meta.url))
  const result = spawnSync(python, [file], { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1' } })
  if (result.status !== 0) return { missing: `${script} failed: ${result.stderr.trim().split('\n').at(-1) ?? 'no message'}` }
  const figures = new Map<string, number>()
  for (const line of result.stdout.trim().split('\n')) {
    const { name, ...values } = JSON.parse(line) as { name: string } & Record<string, number>
    figures.set(name, Object.values(values)[0] as number)
  }
  return { figures, version }
}
