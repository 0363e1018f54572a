import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ConfigPair } from '../../ding/index.js'
import { loadState, type StateTree, saveState } from '../../ding/utils/index.js'
import { resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

test('an extended run does not replace better weights of the evaluation that had concluded it', async () => {
  const folder = await run(50)
  const best = join(folder, 'ckpt', 'ckpt_best.safetensors')
  const { tree, meta } = loadState(best)
  // As if the evaluation after the last update had been the best by far: the saved state is of before it.
  saveState(best, tree, { mean_return: 1e6 })
  expect(typeof meta['mean_return']).toBe('number')
  const before = readFileSync(best)
  const state = loadState(pathOf(folder))
  const evaluator = { ...(state.tree['evaluator'] as StateTree), best: -1 }
  saveState(pathOf(folder), { ...state.tree, evaluator }, state.meta)
  await resume_pipeline(folder, { ...quiet, max_train_iter: 100 })
  expect((stateOf(folder)['evaluator'] as StateTree)['best']).toBeGreaterThan(-1)
  expect(readFileSync(best).equals(before)).toBe(true)
})

async function run(max_train_iter: number): Promise<string> {
  const work_dir = temporaryFolder()
  const policy = { eval: { evaluator: { eval_freq: 20 } } }
  const config = smallDqn(policy, { env_wrapper: ['obs_norm'], stop_value: 1e9 }) as unknown as ConfigPair
  await serial_pipeline(config, 0, { ...quiet, max_train_iter, work_dir })
  return join(work_dir, 'small_dqn')
}

const pathOf = (folder: string) => join(folder, 'ckpt', 'run_state.safetensors')
const stateOf = (folder: string) => loadState(pathOf(folder)).tree

test("what the evaluator's environments have learnt goes on with a resume, to the last bit", async () => {
  const straight = await run(80)
  const broken = await run(40)
  await resume_pipeline(broken, { ...quiet, max_train_iter: 80 })
  expect(stateOf(straight)['evaluator_envs']).toMatchObject({ env_num: 2 })
  expect(stateOf(broken)['evaluator_envs']).toEqual(stateOf(straight)['evaluator_envs'])
  expect(stateOf(broken)['last_eval']).toEqual(stateOf(straight)['last_eval'])
  expect(readFileSync(pathOf(broken)).equals(readFileSync(pathOf(straight)))).toBe(true)
})

test("states without the evaluator's environments, or with another number of them, can be resumed", async () => {
  const folder = await run(8)
  const { tree, meta } = loadState(pathOf(folder))
  const { evaluator_envs: _, ...older } = tree as StateTree
  saveState(pathOf(folder), older, meta as Record<string, string>)
  expect(await resume_pipeline(folder, { ...quiet, max_train_iter: 16 })).toMatchObject({ train_iter: 16 })
  const more = { overrides: [['env.evaluator_env_num', 3]] as const, max_train_iter: 24 }
  expect(await resume_pipeline(folder, { ...quiet, ...more })).toMatchObject({ train_iter: 24 })
  expect(stateOf(folder)['evaluator_envs']).toMatchObject({ env_num: 3 })
})
