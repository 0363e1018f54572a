import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { createRunLogger, type RunLogger, type RunLoggerOptions } from '../../../ding/logger/index.js'
import { crc32c, type DecodedEvent, decodeEvents, decodeHParams } from './decode_events.js'

const root = mkdtempSync(join(tmpdir(), 'ding-logger-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

class Screen {
  text = ''
  constructor(
    readonly isTTY = false,
    readonly columns = 200,
  ) {}
  write(part: string): void {
    this.text += part
  }
}

const START = Date.UTC(2025, 0, 2, 3, 4, 5)
let serial = 0
let exp: string
let time: number
let out: Screen
let err: Screen

beforeEach(() => {
  exp = join(root, `exp${serial++}`)
  time = START
  out = new Screen()
  err = new Screen()
})

function open(options: Partial<RunLoggerOptions> = {}): RunLogger {
  return createRunLogger({ exp_name: exp, clock: { now: () => time }, stdout: out, stderr: err, ...options })
}

function eventFiles(): string[] {
  return readdirSync(join(exp, 'log/serial'))
    .filter((name) => name.startsWith('events'))
    .sort()
}

function events(file = eventFiles()[0]!): DecodedEvent[] {
  return decodeEvents(readFileSync(join(exp, 'log/serial', file)))
}

function jsonl(): Record<string, unknown>[] {
  return readFileSync(join(exp, 'log/serial/metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('event files', () => {
  it('the decoder itself knows CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it('hold scalars with their tags, steps and times, checksums right', () => {
    const logger = open()
    logger.scalar('learner_iter/total_loss_avg', 0.1, 3)
    time += 1500
    logger.scalars({ a: Number.NaN, b: -Number.MAX_VALUE, c: 2 ** 24, zero: 0 }, 5_000_000_000)
    logger.component('evaluator').scalar('evaluator_step/reward_mean', 195, 0)
    logger.close()
    expect(eventFiles()).toHaveLength(1)
    expect(eventFiles()[0]).toMatch(/^events\.out\.tfevents\.1735787045\..+\.\d+\.0$/)
    expect(events()).toEqual([
      { time: START / 1000, step: 0, version: 'brain.Event:2', values: [] },
      {
        time: START / 1000,
        step: 3,
        values: [{ tag: 'learner_iter/total_loss_avg', simple: Math.fround(0.1) }],
      },
      {
        time: START / 1000 + 1.5,
        step: 5_000_000_000,
        values: [
          { tag: 'a', simple: Number.NaN },
          { tag: 'b', simple: Number.NEGATIVE_INFINITY },
          { tag: 'c', simple: 2 ** 24 },
          { tag: 'zero', simple: 0 },
        ],
      },
      { time: START / 1000 + 1.5, step: 0, values: [{ tag: 'evaluator_step/reward_mean', simple: 195 }] },
    ])
  })

  it('hold histograms and texts in their plugins form, described once a tag', () => {
    const logger = open()
    const values = Float32Array.from({ length: 61 }, (_, i) => i / 2)
    logger.histogram('learner/q', values, 1)
    logger.histogram('learner/q', [2, 2, Number.NaN, Number.POSITIVE_INFINITY], 2)
    logger.histogram('learner/q', [], 3)
    logger.text('config', '# title', 0)
    logger.close()
    const [, first, same, empty, text] = events().map((event) => event.values[0]!)
    expect(first).toMatchObject({
      tag: 'learner/q',
      dtype: 2,
      dims: [30, 3],
      plugin: 'histograms',
      dataClass: 2,
    })
    const rows = Array.from({ length: 30 }, (_, i) => first!.doubles!.slice(3 * i, 3 * i + 3))
    expect(rows[0]).toEqual([0, 1, 2])
    expect(rows[29]).toEqual([29, 30, 3])
    expect(rows.reduce((sum, row) => sum + row[2]!, 0)).toBe(61)
    expect(same).toEqual({ tag: 'learner/q', dtype: 2, dims: [1, 3], doubles: [1.5, 2.5, 2], strings: [] })
    expect(empty).toMatchObject({ dims: [0, 3], doubles: [] })
    expect(text).toMatchObject({
      tag: 'config',
      dtype: 7,
      dims: [1],
      strings: ['# title'],
      plugin: 'text',
      dataClass: 2,
    })
  })

  it('hold hyperparameters for the hparams plugin, with an end when the run closes', () => {
    const logger = open()
    const hparams = {
      policy: { type: 'dqn', cuda: false, learn: { lr: 0.001 }, sizes: [64, 64], path: null },
      seed: 0,
    }
    logger.hparams(hparams, ['evaluator_step/reward_mean'])
    time += 9000
    logger.close()
    const [experiment, start, end] = events()
      .slice(1)
      .map((event) => event.values[0]!)
    expect([experiment, start, end].map((value) => [value!.tag, value!.plugin, value!.dims])).toEqual([
      ['_hparams_/experiment', 'hparams', [0]],
      ['_hparams_/session_start_info', 'hparams', [0]],
      ['_hparams_/session_end_info', 'hparams', [0]],
    ])
    expect(decodeHParams(experiment!.content)).toMatchObject({
      infos: [
        ['policy.type', 1],
        ['policy.cuda', 2],
        ['policy.learn.lr', 3],
        ['policy.sizes', 1],
        ['policy.path', 1],
        ['seed', 3],
      ],
      metrics: ['evaluator_step/reward_mean'],
    })
    expect(decodeHParams(start!.content)).toMatchObject({
      hparams: {
        'policy.type': 'dqn',
        'policy.cuda': false,
        'policy.learn.lr': 0.001,
        'policy.sizes': '[64,64]',
        'policy.path': 'null',
        seed: 0,
      },
      startTime: START / 1000,
    })
    expect(decodeHParams(end!.content)).toMatchObject({ status: 1, endTime: START / 1000 + 9 })
  })

  it('with values for metrics log these as scalars too', () => {
    const logger = open()
    logger.hparams({ lr: 1 }, { final: 7 })
    logger.close()
    expect(events().flatMap((event) => event.values)).toContainEqual({ tag: 'final', simple: 7 })
  })

  it('are not reused: a resumed run adds a file and appends to the JSONL and the texts', () => {
    for (const value of [1, 2]) {
      const logger = open()
      logger.scalar('x', value, value)
      logger.component('learner').info(`run ${value}`)
      logger.close()
      if (value === 1) appendFileSync(join(exp, 'log/serial/metrics.jsonl'), '{"kind":"sca')
    }
    expect(eventFiles()).toHaveLength(2)
    expect(eventFiles().map((file) => events(file)[1]!.values[0]!.simple)).toEqual([1, 2])
    const lines = readFileSync(join(exp, 'log/serial/metrics.jsonl'), 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(JSON.parse(lines[2]!)).toMatchObject({ tag: 'x', value: 2 })
    expect(readFileSync(join(exp, 'log/learner/learner_logger.txt'), 'utf8')).toMatch(/run 1\n.*run 2\n$/)
  })

  it('reach the disk after flush_seconds, without being asked', () => {
    const logger = open({ flush_seconds: 2 })
    logger.scalar('x', 1, 1)
    expect(existsSync(join(exp, 'log/serial'))).toBe(false)
    time += 2000
    logger.scalar('x', 2, 2)
    expect(events()).toHaveLength(3)
    logger.scalar('x', 3, 3)
    logger.flush()
    expect(events()).toHaveLength(4)
    logger.close()
    logger.scalar('x', 4, 4)
    logger.close()
    expect(events()).toHaveLength(4)
  })

  it('can be left out', () => {
    const logger = open({ tensorboard: false, jsonl: false })
    logger.scalar('x', 1, 1)
    logger.close()
    expect(existsSync(exp)).toBe(false)
  })
})

describe('JSONL', () => {
  it('says the same as the event file', () => {
    const logger = open()
    logger.scalars({ x: 0.1, y: Number.NEGATIVE_INFINITY }, 3)
    logger.histogram('h', [1, 1], 4)
    logger.text('t', 'line\nline', 5)
    logger.hparams({ a: { b: 1 }, c: 'd' }, ['x'])
    logger.close()
    const at = START / 1000
    expect(jsonl()).toEqual([
      { kind: 'scalar', tag: 'x', value: 0.1, step: 3, time: at },
      { kind: 'scalar', tag: 'y', value: '-Infinity', step: 3, time: at },
      { kind: 'histogram', tag: 'h', buckets: [[0.5, 1.5, 2]], step: 4, time: at },
      { kind: 'text', tag: 't', text: 'line\nline', step: 5, time: at },
      { kind: 'hparams', hparams: { 'a.b': 1, c: 'd' }, metrics: ['x'], time: at },
    ])
  })
})

describe('lines and tables', () => {
  it('go to the text file of their component, and to the console', () => {
    const logger = open()
    logger.info('hello')
    logger.component('collector', { console: false }).info('quiet')
    logger.component('evaluator').table('evaluation', { train_iter: 3, mean: 0.5 })
    logger.component('evaluator').info('file only', { console: false })
    logger.component('evaluator').warn('odd')
    expect(logger.component('evaluator')).toBe(logger.component('evaluator'))
    logger.close()
    const file = (name: string) => readFileSync(join(exp, `log/${name}/${name}_logger.txt`), 'utf8')
    expect(file('serial')).toBe('[2025-01-02 03:04:05] INFO hello\n')
    expect(file('collector')).toBe('[2025-01-02 03:04:05] INFO quiet\n')
    expect(file('evaluator')).toContain('INFO evaluation\n+-------+')
    expect(file('evaluator')).toContain('INFO file only\n')
    expect(file('evaluator')).toContain('WARNING odd\n')
    expect(out.text).toBe(
      [
        'hello',
        'evaluation',
        '+-------+------------+----------+',
        '| Name  | train_iter | mean     |',
        '+-------+------------+----------+',
        '| Value | 3          | 0.500000 |',
        '+-------+------------+----------+',
        '',
      ].join('\n'),
    )
    expect(err.text).toBe('warning: odd\n')
    expect(() => logger.component('../up')).toThrow(/log component cannot be called/)
  })

  it('print nothing but warnings when quiet', () => {
    const logger = open({ console: 'quiet' })
    logger.info('hello')
    logger.progress.start({ total: 10, unit: 'env_step' })
    logger.progress.update(5)
    logger.warn('odd')
    logger.close()
    expect(out.text).toBe('')
    expect(err.text).toBe('warning: odd\n')
  })
})

describe('trouble with the disk', () => {
  it('is told once and never thrown', () => {
    writeFileSync(exp, 'a file where the folder should be')
    const logger = open({ flush_seconds: 0 })
    for (let i = 0; i < 3; i++) {
      logger.scalar('x', i, i)
      logger.info('hello')
      logger.component('learner').info('there')
    }
    logger.close()
    expect(err.text.match(/warning: cannot write the log/g)).toHaveLength(1)
    expect(err.text).toMatch(/The run goes on/)
    expect(out.text).toBe('hello\nthere\n'.repeat(3))
  })

  it.runIf(existsSync('/dev/full'))('on a full disk loses lines, not the run', async () => {
    const { AppendFile } = await import('../../../ding/logger/append_file.js')
    const errors: string[] = []
    const file = new AppendFile('/dev/full', {
      buffer: 0,
      lines: true,
      onError: (error) => errors.push(error.message),
    })
    file.write('lost')
    file.write('lost too')
    file.close()
    expect(errors).toHaveLength(2)
    expect(errors[0]).toMatch(/ENOSPC/)
  })

  it('does not come from a folder that vanishes in mid-run', () => {
    const logger = open({ flush_seconds: 0 })
    logger.scalar('x', 1, 1)
    rmSync(exp, { recursive: true })
    logger.scalar('x', 2, 2)
    logger.component('late').info('still here')
    logger.close()
    expect(readFileSync(join(exp, 'log/late/late_logger.txt'), 'utf8')).toContain('still here')
    mkdirSync(exp, { recursive: true })
  })
})

describe('progress', () => {
  it('prints a line every line_seconds where there is no terminal', () => {
    const logger = open({ line_seconds: 10 })
    logger.progress.start({ total: 1000, unit: 'env_step', stop_value: 195 })
    for (let i = 1; i <= 25; i++) {
      time += 1000
      logger.progress.update(20 * i, i === 15 ? { eval_return: 23.456, best_return: 30 } : {})
    }
    logger.close()
    expect(out.text.split('\n')).toEqual([
      'env_step 200/1000 (20%) | 20 env_step/s | 40s left',
      'env_step 400/1000 (40%) | 20 env_step/s | 30s left | eval return 23.46 (best 30, stop at 195)',
      'env_step 500/1000 (50%) | 20 env_step/s | 25s left | eval return 23.46 (best 30, stop at 195)',
      '',
    ])
  })

  it('shows the rate of the last half minute, of this process only', () => {
    const logger = open({ line_seconds: 10 })
    logger.progress.start({ total: Number.POSITIVE_INFINITY, unit: 'train_iter', initial: 5000 })
    for (let i = 1; i <= 10; i++) {
      time += 10_000
      logger.progress.update(5000 + (i <= 5 ? 100 * i : 500 + 1000 * (i - 5)))
    }
    expect(out.text.split('\n').at(-2)).toBe('train_iter 10500 | 100 train_iter/s')
    expect(out.text.split('\n')[0]).toBe('train_iter 5100 | 10 train_iter/s')
    logger.close()
  })

  it('keeps one bar below the lines on a terminal, redrawn ten times a second at most', () => {
    out = new Screen(true, 60)
    const logger = open()
    logger.progress.start({ total: 100, unit: 'env_step' })
    for (let i = 0; i < 50; i++) {
      time += 10
      logger.progress.update(i)
    }
    const clear = '\r\u001b[2K'
    expect(out.text.split(clear).slice(1)).toHaveLength(6)
    const bar = out.text.split(clear).at(-1)!
    expect(bar).toMatch(/^\[=+-+\] env_step 49\/100 \(49%\)/)
    expect(bar.length).toBeLessThan(60)
    out.text = ''
    logger.info('a line')
    expect(out.text).toBe(`${clear}a line\n${bar}`)
    out.text = ''
    logger.close()
    expect(out.text.startsWith(clear)).toBe(true)
    expect(out.text.endsWith(' left\n')).toBe(true)
  })

  it('without a total the bar shows the way from the first eval return to the stop value', () => {
    out = new Screen(true, 60)
    const logger = open()
    logger.progress.start({ total: Number.POSITIVE_INFINITY, unit: 'env_step', stop_value: 110 })
    const bars = [10, 60, 20, 200].map((eval_return, i, all) => {
      time += 1000
      logger.progress.update(i, { eval_return, best_return: Math.max(...all.slice(0, i + 1)) })
      return /\[(=*)-*\]/.exec(out.text.split('\r').at(-1)!)?.[1]?.length
    })
    expect(bars).toEqual([0, 12, 12, 24])
    logger.close()
  })
})
