import type { HostTensor } from '../../ding/utils/index.js'
import { actionCases, type Call } from './agilerl_cqn_actions.js'
import { learnCases } from './agilerl_cqn_learn.js'
import type { Golden } from './agilerl_cqn_run.js'
import { modelOf } from './agilerl_net.js'
import { decode, isGoldenTensor, isRecord, numbersOf } from './golden.js'
import type { FileResult } from './types.js'

/**
 * AgileRL's CQN, told apart by content: runs of `learn` on one batch, recorded calls of `get_action`, or learning curves, which no
 * single run can be compared with.
 */
export async function agilerlCqn(json: unknown, _fileName: string): Promise<FileResult> {
  if (!isRecord(json)) return { skipped: 'not a JSON object' }
  if (Array.isArray(json['runs']) || isRecord(json['summary'])) {
    return { skipped: 'learning curves of whole runs: compared in docs/results/cqn.md, not number by number' }
  }
  const config = json['config']
  if (!isRecord(config) || !isRecord(json['initial_params']))
    return { skipped: 'neither a learn run nor calls of get_action' }
  const obs = obsOf(json)
  if (obs === undefined) return { skipped: 'observations of another form than one tensor' }
  const recorded = isRecord(json['batch']) ? json['batch']['obs'] : json['obs']
  const raw = config['normalize_images'] !== false && isGoldenTensor(recorded) && recorded.dtype === 'uint8'
  const space = config['obs'] ?? config['observation_space']
  const model = modelOf(config['net'], obs, space, config['normalize_images'] === false ? 'as they are' : raw)
  if (typeof model === 'string') return { skipped: model }
  if (Array.isArray(json['calls'])) return actionCases(json, obs, model)
  return isRecord(json['batch']) && Array.isArray(json['updates'])
    ? learnCases(json, config, model)
    : { skipped: 'no updates in it' }
}

function obsOf(json: Golden): HostTensor | undefined {
  const value = isRecord(json['batch']) ? json['batch']['obs'] : json['obs']
  if (!isGoldenTensor(value)) return undefined
  const obs = decode(value)
  // AgileRL gives a single observation its axis of rows.
  const [call] = Array.isArray(json['calls']) ? (json['calls'] as Call[]) : []
  const single = call !== undefined && numbersOf(call.action).length === 1 && obs.shape[0] !== 1
  return single ? { ...obs, shape: [1, ...obs.shape] } : obs
}
