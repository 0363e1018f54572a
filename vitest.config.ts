import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const face = fileURLToPath(new URL('./entry/index.ts', import.meta.url))

export default defineConfig({
  resolve: { alias: [{ find: /^ding$/, replacement: face }] },
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/learning/**', 'node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
