#!/usr/bin/env node
import { main } from './cli.js'

// A reader that went away, such as `ding --help | head`, is no error.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await main(process.argv.slice(2))
