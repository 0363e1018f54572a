import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../../../fixtures/configs.js'
import { CorridorEnv } from '../../../fixtures/docs/own_environment/corridor.js'
import { look } from '../../../fixtures/docs/seeing/look.js'
import { decodeGif } from './gif_decoder.js'

it('the program of the guide writes its picture and its animation', async () => {
  const folder = temporaryFolder()
  await look(folder)
  expect(readdirSync(folder).sort()).toEqual(['start.gif', 'start.png'])
  const { width, frames } = decodeGif(readFileSync(join(folder, 'start.gif')))
  expect([width, frames.length]).toEqual([200, 30])
})

it('the corridor of the guide draws itself', () => {
  const env = new CorridorEnv({ env_id: 'Corridor-v0', max_episode_steps: 9, cells: 8, slip: 0 } as never)
  env.reset()
  expect(env.render({ size: 80 })).toMatchObject({ width: 80, height: 10 })
})
