import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { isGoldenTensor, isRecord } from './golden.js'
import { HANDLERS } from './handlers.js'
import { line } from './suite.js'

// Recordings of the same format may differ in what they leave out, in the order of their fields, and in how they write large tensors.

const folder = process.env['DING_GOLDEN'] ?? fileURLToPath(new URL('../../../shared/golden', import.meta.url))
type Fields = Record<string, unknown>
const golden = (name: string) => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Fields

/** The same with every record's fields in the reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, part]) => [key, reversed(part)]),
  )
}

/** The same with sums and first entries in place of larger tensors. */
function summarised(value: unknown): unknown {
  if (!isRecord(value)) return value
  if (!isGoldenTensor(value))
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, summarised(part)]))
  if (value.data.length < 20) return value
  const data = value.data.map(Math.fround)
  const sum = data.reduce((all, x) => all + x, 0)
  const abs_sum = data.reduce((all, x) => all + Math.abs(x), 0)
  return { shape: value.shape, dtype: value.dtype, sum, abs_sum, first8: data.slice(0, 8) }
}

async function failures(format: string, json: unknown): Promise<string[]> {
  const result = await HANDLERS.get(format)!(JSON.parse(JSON.stringify(json)), 'variant.json')
  if ('skipped' in result) return [result.skipped]
  expect(result.cases.length).toBeGreaterThan(1)
  return result.cases.filter(({ pass }) => !pass).map(line)
}

describe.skipIf(!existsSync(`${folder}/corl_cql/lagrange.json`))('variants of a format', () => {
  test('cql: fields in another order, optional ones missing, one snapshot as sums', async () => {
    const {
      f32_vs_f64_max_abs_diff: _noise,
      trace_update_1: _trace,
      ...rest
    } = golden('corl_cql/lagrange.json')
    const config = { ...(rest['config'] as Fields) }
    for (const key of [
      'target_entropy',
      'max_action',
      'bc_steps',
      'cql_temp',
      'cql_n_actions',
      'backup_entropy',
    ])
      delete config[key]
    const snapshots = { '2': summarised((rest['snapshots'] as Fields)['2']) }
    const grads_update_1 = summarised(rest['grads_update_1'])
    expect(await failures('corl_cql', reversed({ ...rest, config, snapshots, grads_update_1 }))).toEqual([])
  })

  test('cql: targets that start apart from the critics are taken as they are', async () => {
    const rest = golden('corl_cql/default.json')
    const init = rest['init'] as Fields
    const moved = {
      ...rest,
      init: { ...init, target_critic_1: init['critic_2'], target_critic_2: init['critic_1'] },
    }
    // The least of both is the same with their roles exchanged, the targets themselves are not.
    expect((await failures('corl_cql', moved)).join()).toContain('target q.')
  })

  test('bcq: fields in another order, sizes and constants missing, sums', async () => {
    const { update1_intermediates: _found, ...rest } = golden('bcq/weighted.json')
    const { obs_shape, action_shape } = rest['config'] as Fields
    const json = {
      ...rest,
      config: { obs_shape, action_shape },
      update1_grads: summarised(rest['update1_grads']),
      snapshots: summarised(rest['snapshots']),
    }
    expect(await failures('bcq', reversed(json))).toEqual([])
  })

  test('bcq_authors: fields in another order', async () => {
    expect(await failures('bcq_authors', reversed(golden('bcq_authors/default.json')))).toEqual([])
  })
})
