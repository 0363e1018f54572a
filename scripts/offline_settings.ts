// Which run the folders of `make:data` belong to.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError, writeFileAtomic } from 'ding'
import type { DataTask, MakeOptions } from './offline_data.js'

export const MANIFEST = 'manifest.json'

/** What {@link checkFiles} reads of a manifest. */
interface Manifest {
  readonly env_id: string
  readonly policy: string
  readonly seeds: { readonly training: number }
  readonly training: {
    readonly env_steps: number
    readonly check_every: number
    readonly steps_per_update?: number
  }
  readonly rows_wanted: number
}

/** What a run depends on, by the names that its messages say. */
function settingsOf({ env_id, steps_per_update }: DataTask, options: MakeOptions) {
  const { policy, seed, steps, check_every, rows } = options
  return { env_id, policy, seed, steps, steps_per_update, check_every, rows }
}

/** Refuses to replace the files of another run. @throws UsageError when the folder's manifest tells of other settings */
export function checkFiles(out: string, task: DataTask, options: MakeOptions): void {
  const path = join(out, MANIFEST)
  if (!existsSync(path)) return
  const { env_id, policy, seeds, training, rows_wanted } = JSON.parse(readFileSync(path, 'utf8')) as Manifest
  const { env_steps, check_every, steps_per_update } = training
  const there: Partial<ReturnType<typeof settingsOf>> = {
    env_id,
    policy,
    seed: seeds.training,
    steps: env_steps,
    ...(steps_per_update !== undefined && { steps_per_update }),
    check_every,
    rows: rows_wanted,
  }
  const told = Object.entries(settingsOf(task, options)).flatMap(([key, wanted]) => {
    const found = there[key as keyof typeof there]
    return found === wanted ? [] : [`${key} ${found ?? 'not said'} in place of ${wanted}`]
  })
  if (told.length === 0) return
  throw new UsageError(
    `${out} holds the files of another run: ${told.join(', ')}. Give another --out, or remove them.`,
  )
}

/** Remembers what the work folder is for. @throws UsageError when it is for something else */
export function checkSettings(work: string, task: DataTask, options: MakeOptions): void {
  const path = join(work, 'settings.json')
  const text = `${JSON.stringify(settingsOf(task, options), null, 2)}\n`
  if (existsSync(path)) {
    const before = readFileSync(path, 'utf8')
    if (before === text) return
    throw new UsageError(
      `${work} holds work with other settings: ${before.replace(/\s+/g, ' ').trim()}. Give another --work, or remove it.`,
    )
  }
  mkdirSync(work, { recursive: true })
  writeFileAtomic(path, text)
}
