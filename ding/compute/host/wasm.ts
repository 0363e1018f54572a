/** A WebAssembly memory, as far as the host uses it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>
}

/** The parts of the WebAssembly global that are used here; TypeScript declares it in its browser library only. */
export interface Wasm {
  readonly Memory: new (pages: { initial: number; maximum: number }) => WasmMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => WasmInstance
}

export const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: Wasm }
