import { isRecord } from './golden.js'
import type { CaseResult, FileResult, Handler } from './types.js'

// Handlers are imported when a file asks for them, so that a part that fails to load fails its own cases only.

/** Parts of DI-engine, told apart by what is in the file; one list of cases may hold functions and wrappers. */
async function diEngine(json: unknown, fileName: string): Promise<FileResult> {
  if (!isRecord(json)) return { skipped: 'not a JSON object' }
  const cases = Array.isArray(json['cases']) ? json['cases'].filter(isRecord) : []
  const parts: Handler[] = []
  if (cases.some((golden) => 'fn' in golden)) parts.push((await import('./di_engine.js')).functionCases)
  if (cases.some((golden) => 'wrapper' in golden)) parts.push((await import('./wrappers.js')).wrappers)
  if (parts.length === 0) return (await import('./per.js')).perCases(json, fileName)
  const results: CaseResult[] = []
  for (const part of parts) {
    const result = await part(json, fileName)
    if ('cases' in result) results.push(...result.cases)
  }
  return { cases: results }
}

/** Stable-Baselines3's runs, told apart by the algorithm that they name. */
async function sb3(json: unknown, fileName: string): Promise<FileResult> {
  const batchRenorm = await import('./sb3_batchrenorm.js')
  if (batchRenorm.isBatchRenormFile(json)) return batchRenorm.sb3BatchRenorm(json)
  const algo = isRecord(json) ? json['algo'] : undefined
  if (algo === 'CrossQ') return (await import('./sb3_crossq.js')).sb3CrossQ(json)
  if (algo === 'DQN') return (await import('./sb3_dqn.js')).sb3Dqn(json, fileName)
  if (algo === 'SAC') return (await import('./sb3_sac.js')).sb3Sac(json)
  if (algo === 'TD3' || algo === 'DDPG') return (await import('./sb3_td3.js')).sb3Td3(json)
  return { skipped: `${typeof algo === 'string' ? `SB3's ${algo}` : 'this part of SB3'} is not built yet` }
}

const corlCql: Handler = async (json, _fileName, readRun) =>
  (await import('./corl_cql.js')).corlCql(json, readRun)

/** What runs the golden files of a folder of that name. The name is the format. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['di_engine', diEngine],
  ['envs', async (json, fileName) => (await import('./envs.js')).envParityCase(json, fileName)],
  ['agilerl_cqn', async (json, fileName) => (await import('./agilerl_cqn.js')).agilerlCqn(json, fileName)],
  ['bcq', async (json) => (await import('./bcq.js')).bcq(json)],
  ['bcq_authors', async (json) => (await import('./bcq_authors.js')).bcqAuthors(json)],
  ['corl_cql', corlCql],
  ['corl_cql_finetune', corlCql],
  ['mujoco_facts', async (json, fileName) => (await import('./mujoco_facts.js')).mujocoFacts(json, fileName)],
  ['redq', async (json) => (await import('./redq.js')).redq(json)],
  ['sb3', sb3],
])
