import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../fixtures/configs.js'
import { goldenFiles, line, runFile } from './suite.js'

const tensor = (shape: number[], ...data: number[]) => ({ shape, dtype: 'float32', data })
const layer = (name: string, weight: ReturnType<typeof tensor>) => ({
  [`${name}.weight`]: weight,
  [`${name}.bias`]: tensor([weight.shape[0]!], ...new Array<number>(weight.shape[0]!).fill(0)),
})
const adam = { type: 'Adam', lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false }
const critic = { ...layer('network.0', tensor([1, 2], 1, 1)), ...layer('network.2', tensor([1, 1], 1)) }

/** A recorded run of no updates, whose actor does max_action tanh(slope relu(obs)). */
const run = (slope: number) => ({
  algo: 'cql-offline',
  case: 'max_action2',
  dims: { obs: 1, act: 1, n_actions: 1 },
  config: { max_action: 2 },
  optimizers: { actor: adam, critic_1: adam, critic_2: adam },
  init: {
    actor: {
      ...layer('base_network.0', tensor([1, 1], 1)),
      ...layer('base_network.2', tensor([2, 1], slope, 0)),
      'log_std_multiplier.constant': tensor([], 1),
      'log_std_offset.constant': tensor([], -1),
    },
    critic_1: critic,
    critic_2: critic,
  },
  batch: {},
  draws: [],
  metrics: [],
  snapshots: {},
})

const OBS = [0.5, 1, 2]
const helpers = (slope: number) => ({
  actor_eval: {
    actor_from: 'cql-offline/max_action2.json init.actor',
    obs: tensor([3, 1], ...OBS),
    'act(eval mode)': tensor([3, 1], ...OBS.map((obs) => 2 * Math.tanh(slope * obs))),
  },
})

/** What is said of the helpers when these files are run together. */
async function evaluated(files: Record<string, unknown>): Promise<string[]> {
  const root = temporaryFolder()
  for (const [path, json] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), typeof json === 'string' ? json : JSON.stringify(json))
  }
  const all = await goldenFiles(root)
  const file = all.find(({ shown }) => shown.endsWith('helpers.json'))!
  return (await runFile(file, all)).map(line)
}

const NAME = 'corl_cql/helpers.json actions of an evaluation'

test('an evaluation is compared with the actor of the run that it names, whatever its file is called', async () => {
  const others = { 'a/corl_cql/x.json': run(3), 'corl_cql/broken.json': '{', 'corl_cql/any.json': run(0.5) }
  const [right] = await evaluated({ ...others, 'corl_cql/helpers.json': helpers(0.5) })
  expect(right).toContain(`ok    ${NAME}`)
  const [wrong] = await evaluated({ ...others, 'corl_cql/helpers.json': helpers(0.6) })
  expect(wrong).toContain(`FAIL  ${NAME}`)
})

test('without that run it is skipped, and says so', async () => {
  const other = { ...run(0.5), case: 'default' }
  const lines = await evaluated({
    'corl_cql/helpers.json': helpers(0.5),
    'corl_cql/default.json': other,
    // The same name, of another format.
    'corl_cql_finetune/any.json': run(0.5),
  })
  expect(lines).toEqual([
    `skip  ${NAME}: needs cql-offline/max_action2.json init.actor, which is not among the files`,
  ])
})
