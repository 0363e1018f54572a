import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { createRunLogger } from '../../../ding/logger/index.js'

class Stream extends EventEmitter {
  write(): void {}
}

it('loggers share one listener on a stream, which the last one takes away', () => {
  const [out, err] = [new Stream(), new Stream()]
  const options = { exp_name: '.', tensorboard: false, jsonl: false, text: false, stdout: out, stderr: err }
  const loggers = Array.from({ length: 12 }, () => createRunLogger(options))
  expect([out, err].map((stream) => stream.listenerCount('error'))).toEqual([1, 1])
  // A reader that goes away ends nothing.
  expect(() => out.emit('error', new Error('EPIPE'))).not.toThrow()
  for (const logger of loggers.slice(1)) logger.close()
  loggers[1]?.close()
  expect(out.listenerCount('error')).toBe(1)
  loggers[0]?.close()
  expect([out, err].map((stream) => stream.listenerCount('error'))).toEqual([0, 0])
})
