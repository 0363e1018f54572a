import type * as jetstream from '@nats-io/jetstream'
import type * as kv from '@nats-io/kv'
import type * as obj from '@nats-io/obj'
import type * as transport from '@nats-io/transport-node'

/** The NATS client. */
export interface NatsModules {
  readonly transport: typeof transport
  readonly jetstream: typeof jetstream
  readonly kv: typeof kv
  readonly obj: typeof obj
}

let loaded: Promise<NatsModules> | undefined

/** Loads the NATS client at its first use: runs on one machine do not wait for it. */
export function natsModules(): Promise<NatsModules> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<NatsModules> {
  const [transport, jetstream, kv, obj] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/jetstream'),
    import('@nats-io/kv'),
    import('@nats-io/obj'),
  ])
  return { transport, jetstream, kv, obj }
}
