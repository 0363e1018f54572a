import { expect, test } from 'vitest'
import { CheckpointError, EnvError, ExchangeError } from '../../../ding/index.js'
import { exitCodeOf } from '../../../entry/exit_codes.js'

test.each([
  ['an environment', new EnvError('broken'), 3],
  ['a checkpoint', new CheckpointError('cut off'), 4],
  ['a server', new ExchangeError('no NATS server there'), 6],
  ['no error of ding', new Error('refused'), 6],
])('a parallel run that ended because of %s has its exit code', (_what, cause, code) => {
  expect(exitCodeOf(new ExchangeError('The collector "collector0" was started 6 times', { cause }))).toBe(
    code,
  )
})
