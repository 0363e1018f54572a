import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RandomStream } from '../../ding/compute/index.js'
import { createDataset, type DatasetConfig, type OfflineDataset } from '../../ding/data/index.js'
import { type CQLInit, initCQLLayers } from '../../ding/model/index.js'
import { Linear, orthogonal } from '../../ding/nn/index.js'
import type { HostTensor } from '../../ding/utils/index.js'
import { Comparison, relativeError } from './compare.js'
import { isCQLRun } from './corl_cql_golden.js'
import { policyOf } from './corl_cql_policy.js'
import { actionsFor } from './eval_actions.js'
import { decode, decodeAt, type GoldenTensor, isRecord } from './golden.js'
import { attempt, skippedCase } from './outcome.js'
import { runtimes } from './runtimes.js'
import type { CaseResult, FileResult, ReadRun } from './types.js'

type Golden = Record<string, unknown>

interface Row {
  readonly obs: readonly number[]
  readonly reward: number
  readonly done: boolean
  readonly truncated: boolean
}

/** CORL's helper functions: normalisation of observations and rewards, start values of networks, how an actor is evaluated. */
export async function corlHelpers(golden: Golden, readRun: ReadRun = async () => []): Promise<FileResult> {
  const cases: CaseResult[] = []
  if (isRecord(golden['compute_mean_std'])) cases.push(await meanStd(golden['compute_mean_std']))
  if (isRecord(golden['modify_reward'])) cases.push(await modifyReward(golden['modify_reward']))
  if (isRecord(golden['orthogonal_'])) cases.push(orthogonalCases(golden['orthogonal_']))
  cases.push(...initCases(golden))
  const { actor_eval } = golden
  if (isRecord(actor_eval)) cases.push(await attempt(EVALUATION, () => actorEval(actor_eval, readRun)))
  return { cases }
}

/** The rows as a dataset of ours, by way of a file. */
async function datasetOf(rows: readonly Row[], cfg: Partial<DatasetConfig>): Promise<OfflineDataset> {
  const folder = mkdtempSync(join(tmpdir(), 'ding-parity-'))
  try {
    const path = join(folder, 'data.jsonl')
    const lines = rows.map((row) => JSON.stringify({ ...row, action: [0], next_obs: row.obs }))
    writeFileSync(path, `${lines.join('\n')}\n`)
    return await createDataset(
      { data_type: 'jsonl', data_path: path, ...cfg },
      { random: RandomStream.fromSeed(0) },
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function meanStd(golden: Golden): Promise<CaseResult> {
  const to = new Comparison('mean and deviation of observations')
  const states = decodeAt(golden, 'states')
  const width = states.shape[1]!
  const rows = Array.from({ length: states.shape[0]! }, (_, i) => ({
    obs: Array.from(states.data.slice(i * width, (i + 1) * width)),
    reward: 0,
    done: false,
    truncated: false,
  }))
  const dataset = await datasetOf(rows, { use_norm: true })
  to.check('mean', dataset.obs_norm?.mean, decodeAt(golden, 'mean'))
  to.check('std', dataset.obs_norm?.std, decodeAt(golden, 'std'))
  // A column whose mean is many deviations from 0 loses as many digits when the mean, a float32 number, is taken off.
  const [mean, std] = [decodeAt(golden, 'mean').data, decodeAt(golden, 'std').data]
  const [found, expected] = [dataset.batch_columns['obs'] as HostTensor, decodeAt(golden, 'normalized')]
  for (let k = 0; k < width; k++) {
    const column = ({ data }: HostTensor) => Array.from(data).filter((_, i) => i % width === k)
    const lost = Math.max(1, Math.abs(mean[k]! / std[k]!))
    to.record(`normalized ${k}`, relativeError(column(found), column(expected)) / lost)
  }
  return to.result()
}

async function modifyReward(golden: Golden): Promise<CaseResult> {
  const to = new Comparison('rewards by the range of returns, scale and bias')
  const rewards = decodeAt(golden, 'rewards').data
  const terminals = decodeAt(golden, 'terminals').data
  const max_episode_steps = Number(golden['max_episode_steps'])
  let steps = 0
  const rows = Array.from(rewards, (reward, i): Row => {
    steps++
    const done = terminals[i] === 1
    const truncated = !done && steps === max_episode_steps
    if (done || truncated) steps = 0
    return { obs: [0], reward, done, truncated }
  })
  const range = golden['return_range(min,max)'] as [number, number]
  const plain = await datasetOf(rows, {})
  to.check('least return', plain.statistics.returns.min, range[0])
  to.check('largest return', plain.statistics.returns.max, range[1])
  const transformed = async (env_id: string, reward_scale: number, reward_bias: number) => {
    const cfg = { env_id, reward_scale, reward_bias, max_episode_steps, normalize_reward: true }
    return ((await datasetOf(rows, cfg)).batch_columns['reward'] as HostTensor).data
  }
  for (const [name, expected] of Object.entries(golden)) {
    const offline = /^(\S+) scale=(\S+) bias=(\S+)$/.exec(name)
    if (offline !== null) {
      const found = await transformed(offline[1]!, Number(offline[2]), Number(offline[3]))
      to.check(name, found, decode(expected as GoldenTensor))
    }
    const online = /modify_reward_online\(reward=(\S+), (\w+), scale (\S+), bias (\S+)\)$/.exec(name)
    if (online !== null) {
      // One reward more is transformed as those of the data are: along the line through two of them.
      const found = await transformed(online[2]!, Number(online[3]), Number(online[4]))
      const slope = (found[1]! - found[0]!) / (rewards[1]! - rewards[0]!)
      to.check(name, found[0]! + slope * (Number(online[1]) - rewards[0]!), expected)
    }
  }
  return to.result()
}

function orthogonalCases(golden: Golden): CaseResult {
  const to = new Comparison('orthogonal_')
  for (const item of golden['cases'] as Golden[]) {
    const [out] = item['out,in'] as [number, number]
    const raw = decodeAt(item, 'raw_normal').data as Float32Array
    to.check(String(item['out,in']), orthogonal(raw, out, Number(item['gain'])), decodeAt(item, 'weight'))
  }
  return to.result()
}

/** Gives recorded uniform numbers, in order. */
function replaying(draws: readonly Golden[]): RandomStream {
  const queue = [...draws]
  const stream = RandomStream.fromSeed(0)
  stream.uniform = ((count: number) => {
    const { low, high, value } = queue.shift() as { low: number; high: number; value: GoldenTensor }
    if (value.data.length !== count) throw new Error(`Drew ${count} numbers, recorded: ${value.data.length}.`)
    return Float32Array.from(value.data, (x) => (x - low) / (high - low))
  }) as RandomStream['uniform']
  return stream
}

/** `init.<variant.>FullyConnectedQFunction(orthogonal_init=False,n_hidden=N)`: all layers as PyTorch draws them, then the last one anew. */
function initCases(golden: Golden): CaseResult[] {
  const results: CaseResult[] = []
  for (const [name, item] of Object.entries(golden)) {
    if (!/^init\..*orthogonal_init=False/.test(name) || !isRecord(item)) continue
    const to = new Comparison(name)
    const weights = item['weights'] as Record<string, GoldenTensor>
    const random = replaying(item['draws_in_order'] as Golden[])
    const layers = Object.entries(weights)
      .filter(([key]) => key.endsWith('weight'))
      .map(([, { shape }]) => new Linear(shape[1]!, shape[0]!, random))
    const variant: CQLInit = name.includes('finetune') ? 'finetune' : 'offline'
    initCQLLayers(layers, false, variant, random)
    for (const [i, { weight, bias }] of layers.entries()) {
      to.check(`weight ${i}`, weight.data, weights[`network.${2 * i}.weight`])
      to.check(`bias ${i}`, bias?.data, weights[`network.${2 * i}.bias`])
    }
    results.push(to.result())
  }
  return results
}

const EVALUATION = 'actions of an evaluation'

/** What the actor that a recorded run starts from does when it is evaluated. The run is another file, told by the names in it. */
async function actorEval(golden: Golden, readRun: ReadRun): Promise<CaseResult> {
  const from = String(golden['actor_from'])
  const start = (await readRun())
    .filter(isCQLRun)
    .find((run) => from === `${run.algo}/${run.case}.json init.actor`)
  if (start === undefined) return skippedCase(EVALUATION, `needs ${from}, which is not among the files`)
  const to = new Comparison(EVALUATION)
  const obs = decodeAt(golden, 'obs')
  const expected = decodeAt(golden, 'act(eval mode)')
  for (const { name, compute } of await runtimes()) {
    const { policy } = policyOf(start, compute)
    to.check(name, await actionsFor(policy, obs), expected)
  }
  return to.result()
}
