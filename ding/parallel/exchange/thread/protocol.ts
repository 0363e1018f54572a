/** What passes between the hub of a run and its members, over a MessagePort each. */

/** From a member. `call` asks for a {@link Reply} with the same number. */
export type FromMember =
  | { readonly op: 'publish'; readonly call: number; readonly chunk: Uint8Array; readonly id: string }
  | { readonly op: 'window'; readonly size: number }
  | {
      readonly op: 'settle'
      readonly call: number
      readonly delivery: number
      readonly as: 'ack' | 'retry' | 'set_aside'
      readonly reason: string
    }
  | { readonly op: 'depth'; readonly call: number }
  | {
      readonly op: 'publish_parameters'
      readonly call: number
      readonly version: number
      readonly blob: Uint8Array
    }
  | { readonly op: 'newest'; readonly call: number; readonly than: number }
  | { readonly op: 'wait_for'; readonly call: number; readonly version: number }
  | { readonly op: 'cancel'; readonly call: number }
  | { readonly op: 'announce'; readonly topic: string; readonly message: unknown }
  | { readonly op: 'subscribe' | 'unsubscribe' | 'serve' | 'unserve'; readonly topic: string }
  | { readonly op: 'request'; readonly call: number; readonly topic: string; readonly message: unknown }
  | {
      readonly op: 'answer'
      readonly request: number
      readonly value: unknown
      readonly error: string | undefined
    }
  | { readonly op: 'put'; readonly call: number; readonly name: string; readonly blob: Uint8Array }
  | { readonly op: 'get' | 'delete'; readonly call: number; readonly name: string }
  | { readonly op: 'list'; readonly call: number }

/** From the hub. */
export type ToMember =
  | Reply
  | {
      readonly is: 'delivery'
      readonly delivery: number
      readonly chunk: Uint8Array
      readonly id: string
      readonly deliveries: number
    }
  | { readonly is: 'announced'; readonly topic: string; readonly message: unknown }
  | { readonly is: 'asked'; readonly request: number; readonly topic: string; readonly message: unknown }
  | { readonly is: 'closed' }

export interface Reply {
  readonly is: 'reply'
  readonly call: number
  readonly value: unknown
  readonly error: string | undefined
}
