import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../fixtures/configs.js'
import { CONTROL_STUDIES } from '../../learning/control.js'
import { OFFLINE_STUDIES } from '../../learning/offline.js'
import type { Study } from '../../learning/types.js'

const STUDIES = new Map([...CONTROL_STUDIES, ...OFFLINE_STUDIES].map((study) => [study.name, study]))

test.each(['hopper', 'offline', 'offline_to_online'])(
  'runs of a file of their own are judged, and %s.md stays what it is',
  async (name) => {
    const page = resolve(import.meta.dirname, `../../../docs/results/${name}.md`)
    const before = readFileSync(page)
    const out = join(temporaryFolder(), 'runs.jsonl')
    writeFileSync(out, '')
    const { passed, failed, open } = await (STUDIES.get(name) as Study).run({ page_only: true, out })
    expect([passed, failed]).toEqual([0, 0])
    expect(open).toBeGreaterThan(0)
    expect(readFileSync(page).equals(before)).toBe(true)
  },
)
