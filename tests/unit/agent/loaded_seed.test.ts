import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CrossQ } from '../../../ding/agent/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { closeAgents, crossq, keep } from './support.js'

closeAgents()

test('the random numbers of a loaded agent go on where the file left them; with a seed of its own they are others', async () => {
  const upright = Float32Array.of(1, 0, 0)
  const sample = async (agent: CrossQ) => {
    const [action] = await agent.predict(upright, { deterministic: false })
    return Array.from(action as Float32Array)
  }
  const agent = crossq()
  const first = await sample(agent)
  const path = join(temporaryFolder(), 'agent.safetensors')
  await agent.save(path)
  const second = await sample(agent)
  expect(second).not.toEqual(first)
  const loaded = async (overrides?: object) => sample(keep(await CrossQ.load(path, overrides)))
  expect(await loaded()).toEqual(second)
  // The seed of the file's agent is 3: its streams begin anew.
  expect(await loaded({ seed: 3 })).toEqual(first)
  const other = await loaded({ seed: 8 })
  expect([first, second]).not.toContainEqual(other)
  expect(await loaded({ seed: 8 })).toEqual(other)
})
