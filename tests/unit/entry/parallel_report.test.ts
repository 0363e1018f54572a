import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { NO_LIMIT, StatusBoard, ThreadExchangeHost } from '../../../ding/index.js'
import { watchStatus } from '../../../entry/parallel_report.js'
import type { PreparedRun } from '../../../entry/prepare.js'
import { temporaryFolder } from '../../fixtures/configs.js'

test('a status that cannot be written is told once, and the run goes on', async () => {
  const exp_dir = temporaryFolder()
  // As a full disk: the file cannot be put in its place.
  mkdirSync(join(exp_dir, 'status.json', 'occupied'), { recursive: true })
  const warnings: string[] = []
  const logger = { warn: (line: string) => warnings.push(line) }
  const limits = { max_train_iter: NO_LIMIT, max_env_step: NO_LIMIT }
  const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1e6 })
  const exchange = await host.connect()
  const run = { exp_dir, logger, limits } as unknown as PreparedRun
  const view = watchStatus(run, exchange, new StatusBoard(), 0.01)
  await new Promise((resolve) => setTimeout(resolve, 100))
  await view.end()
  expect(warnings).toEqual([expect.stringMatching(/^The status cannot be shown: .*status\.json/)])
  await host.close()
})
