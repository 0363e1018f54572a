import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { writeFileAtomic } from '../utils/index.js'

function git(args: readonly string[]): string | undefined {
  try {
    return execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch {
    return undefined
  }
}

/** Inside a git repository: leaves `git_log.txt` and `git_diff.txt` in the experiment folder, to tell which code ran. */
export function writeGitInfo(exp_dir: string): void {
  const log = git(['log', '-n', '5', '--stat'])
  if (log === undefined) return
  writeFileAtomic(join(exp_dir, 'git_log.txt'), log)
  writeFileAtomic(join(exp_dir, 'git_diff.txt'), git(['diff', 'HEAD']) ?? '')
}
