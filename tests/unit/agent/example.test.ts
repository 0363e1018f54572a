import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, pendulumData } from './support.js'

closeAgents()

test('the guide: an agent is trained, kept, loaded, and goes on', async () => {
  const { trainPendulum } = await import('../../fixtures/docs/agents/pendulum.js')
  const [best, last] = await trainPendulum(temporaryFolder(), 250)
  expect(best).toBeGreaterThan(-2000)
  expect(best).toBeLessThan(0)
  expect(last).toBeLessThan(0)
})

test("the guide: a callback of one's own logs, and ends the training", async () => {
  const { BestReward } = await import('../../fixtures/docs/agents/callback.js')
  const tensorboard_log = temporaryFolder()
  const agent = crossq({ tensorboard_log, train_freq: 5 })
  await agent.learn({ total_timesteps: 40, callback: new BestReward() })
  await agent.close()
  const metrics = readFileSync(join(tensorboard_log, 'CrossQ_1', 'log', 'serial', 'metrics.jsonl'), 'utf8')
  expect(metrics.match(/custom\/best_reward/g)).toHaveLength(8)
})

test('the guide: an agent learns from a file, is kept, and goes on', async () => {
  const { trainOffline } = await import('../../fixtures/docs/agents/offline.js')
  const folder = temporaryFolder()
  const mean = await trainOffline(await pendulumData(folder), folder, 50)
  expect(mean).toBeGreaterThan(-2000)
  expect(mean).toBeLessThan(0)
})
