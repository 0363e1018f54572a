import { adderFunctionNames, runAdderCase } from './di_adder.js'
import { explorationFunctionNames, runExplorationCase } from './di_exploration.js'
import { returnFunctionNames, runReturnCase } from './di_returns.js'
import { runTdCase, tdFunctionNames } from './di_td.js'
import { isGoldenTensor, isRecord } from './golden.js'
import { attempt, skippedCase } from './outcome.js'
import type { CaseResult, FileResult } from './types.js'

/** Runs a file of cases `{fn, ...}`; each case goes to the code for its function, whatever else is in the file. */
export async function functionCases(json: unknown, _fileName: string): Promise<FileResult> {
  if (!isRecord(json) || !Array.isArray(json['cases'])) return { skipped: 'no "cases" in this file' }
  const results: CaseResult[] = []
  for (const [index, golden] of (json['cases'] as unknown[]).entries()) {
    if (isRecord(golden) && !('fn' in golden) && 'wrapper' in golden) continue
    const fn = isRecord(golden) ? String(golden['fn']) : ''
    const name = `#${index} ${fn}${isRecord(golden) ? optionsOf(golden) : ''}`
    const run = isRecord(golden) ? runnerOf(fn, golden, json) : undefined
    results.push(
      run === undefined
        ? skippedCase(name, `no such function here: "${fn}"`)
        : await attempt(name, () => run(name)),
    )
  }
  return { cases: results }
}

type Run = (name: string) => CaseResult | Promise<CaseResult>

function runnerOf(
  fn: string,
  golden: Record<string, unknown>,
  json: Record<string, unknown>,
): Run | undefined {
  if (tdFunctionNames.has(fn)) return (name) => runTdCase(golden, name)
  if (returnFunctionNames.has(fn)) return (name) => runReturnCase(golden, name)
  if (adderFunctionNames.has(fn)) return (name) => runAdderCase(golden, json['trajectories'], name)
  if (explorationFunctionNames.has(fn)) return (name) => runExplorationCase(golden, name)
  return undefined
}

/** What tells one case from the next: its scalar settings. */
function optionsOf(golden: Record<string, unknown>): string {
  const kwargs = isRecord(golden['kwargs']) ? golden['kwargs'] : {}
  const data = isRecord(golden['data']) ? golden['data'] : {}
  const skip = new Set(['fn', 'note', 'n_out', 'step', 'eps'])
  const shown = Object.entries({ ...golden, ...kwargs })
    .filter(([key, value]) => !skip.has(key) && ['number', 'string', 'boolean'].includes(typeof value))
    .map(([key, value]) => `${key}=${value}`)
  const tensors: Record<string, unknown> = { value_gamma: kwargs['value_gamma'], ...data, ...golden }
  for (const key of ['weight', 'value_gamma', 'done', 'traj_flag']) {
    if (isGoldenTensor(tensors[key])) shown.push(key)
  }
  return shown.length === 0 ? '' : ` ${shown.join(' ')}`
}
