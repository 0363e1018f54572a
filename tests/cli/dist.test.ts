import { describe, expect, test } from 'vitest'
import { ding, writeSmallConfig } from '../fixtures/cli/ding.js'
import { temporaryFolder } from '../fixtures/configs.js'

describe('-m dist and ding nats', () => {
  test.each([
    [['-m', 'dist'], 2, /--role learner, --role collector, --role evaluator/],
    [['-m', 'serial', '--nats', 'nats://127.0.0.1:1'], 2, /--nats has no meaning with -m serial/],
    [['-m', 'dist', '--role', 'collector', '--train-iter', '5'], 2, /give them to --role learner/],
    [['-m', 'dist', '--role', 'evaluator', '--id', 'x'], 2, /--id names a collector/],
    [['-m', 'dist', '--role', 'learner', '-s', '1', '2'], 2, /give one seed/],
    [['-m', 'dist', '--role', 'collector', '--nats', 'nats://192.0.2.1:4222'], 2, /allow_insecure/],
  ])('%s ends with %i and says why', (args, code, said) => {
    const cwd = temporaryFolder()
    const outcome = ding(cwd, [...args, '-c', writeSmallConfig(cwd)])
    expect(outcome.stderr).toMatch(said)
    expect(outcome.code).toBe(code)
  })

  test('a server that is not there ends a role with its own exit code', () => {
    const cwd = temporaryFolder()
    const config = writeSmallConfig(cwd)
    const none = ['--nats', 'nats://127.0.0.1:1']
    const quick = ['--set', 'policy.other.exchange.connect_timeout_s=0.2']
    const joined = ding(cwd, ['-m', 'dist', '--role', 'collector', '-c', config, ...none, ...quick])
    expect(joined.stderr).toMatch(/no NATS server there/)
    expect(joined.code).toBe(6)
  })
})
