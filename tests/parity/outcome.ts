import type { CaseResult } from './types.js'

/** A case that was not run, and why. */
export function skippedCase(name: string, reason: string): CaseResult {
  return { name, maxError: 0, tolerance: 0, pass: true, skipped: reason }
}

/** Runs a case; an exception makes it a failed one that says what was thrown. */
export async function attempt(
  name: string,
  run: () => CaseResult | Promise<CaseResult>,
): Promise<CaseResult> {
  try {
    return await run()
  } catch (error) {
    return failedCase(name, error)
  }
}

export function failedCase(name: string, error: unknown): CaseResult {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { name, maxError: Number.POSITIVE_INFINITY, tolerance: 0, pass: false, detail }
}
