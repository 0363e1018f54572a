import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDataset, type DatasetConfig, RandomStream } from 'ding'
import { File, ready } from 'h5wasm/node'
import { type Figure, rate, timePerCall } from './measure.js'

const ROWS = 1_000_000
const OBS = 17
const ACTIONS = 6
const EPISODE = 1000
const BATCH = 256
const BATCHES = 4000

/** A file in D4RL's layout with the sizes of halfcheetah: 1000 episodes that end at the time limit. */
async function writeD4rl(path: string): Promise<void> {
  await ready
  const random = RandomStream.fromSeed(0)
  const flags = (set: (row: number) => boolean) =>
    Uint8Array.from({ length: ROWS }, (_, row) => Number(set(row)))
  const file = new File(path, 'w')
  for (const [name, data, shape] of [
    ['observations', random.normal(ROWS * OBS), [ROWS, OBS]],
    ['actions', random.uniform(ROWS * ACTIONS), [ROWS, ACTIONS]],
    ['rewards', random.normal(ROWS), [ROWS]],
    ['terminals', flags(() => false), [ROWS]],
    ['timeouts', flags((row) => row % EPISODE === EPISODE - 1), [ROWS]],
  ] as const) {
    file.create_dataset({ name, data, shape: [...shape] })
  }
  file.close()
}

/** Loading a file of 1M rows of 17 float32 observations, and rows a second that batches of 256 are sampled with from it. */
export async function dataFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  try {
    const data_path = join(folder, 'halfcheetah.hdf5')
    await writeD4rl(data_path)
    const load = (sampling: DatasetConfig['sampling']) =>
      createDataset({ data_path, data_type: 'd4rl', sampling }, { random: RandomStream.fromSeed(0) })
    const figures = [await timePerCall('data_load_1m_17', 'ms', 1, () => load('free'))]
    for (const sampling of ['free', 'epoch'] as const) {
      const dataset = await load(sampling)
      const sample = () => {
        for (let i = 0; i < BATCHES; i++) dataset.sample(BATCH)
      }
      sample()
      figures.push(await rate(`data_sample_${BATCH}_${sampling}`, () => BATCH * BATCHES, sample))
    }
    return figures
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
