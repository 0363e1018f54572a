import protobuf from 'protobufjs'

/**
 * The messages of TensorBoard's event files that we write: tensorflow/core/util/event.proto and framework/summary.proto,
 * tensor.proto, tensor_shape.proto, and tensorboard/plugins/hparams/{api,plugin_data}.proto, fields by their numbers.
 */
const DESCRIPTOR: protobuf.INamespace = {
  nested: {
    Event: {
      fields: {
        wall_time: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        file_version: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'SummaryValue', id: 1 } } },
    // Alternatives are written also when they are 0 or false; a plain field of that value would be left out.
    SummaryValue: {
      oneofs: { value: { oneof: ['simple_value', 'tensor'] } },
      fields: {
        tag: { type: 'string', id: 1 },
        simple_value: { type: 'float', id: 2 },
        tensor: { type: 'TensorProto', id: 8 },
        metadata: { type: 'SummaryMetadata', id: 9 },
      },
    },
    SummaryMetadata: {
      fields: {
        plugin_data: { type: 'PluginData', id: 1 },
        display_name: { type: 'string', id: 2 },
        summary_description: { type: 'string', id: 3 },
        data_class: { type: 'int32', id: 4 },
      },
    },
    PluginData: { fields: { plugin_name: { type: 'string', id: 1 }, content: { type: 'bytes', id: 2 } } },
    TensorProto: {
      fields: {
        dtype: { type: 'int32', id: 1 },
        tensor_shape: { type: 'TensorShape', id: 2 },
        double_val: { rule: 'repeated', type: 'double', id: 6 },
        string_val: { rule: 'repeated', type: 'bytes', id: 8 },
      },
    },
    TensorShape: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 2 } } },
    Dimension: { fields: { size: { type: 'int64', id: 1 } } },
    HParamsPluginData: {
      fields: {
        version: { type: 'int32', id: 1 },
        experiment: { type: 'Experiment', id: 2 },
        session_start_info: { type: 'SessionStartInfo', id: 3 },
        session_end_info: { type: 'SessionEndInfo', id: 4 },
      },
    },
    Experiment: {
      fields: {
        time_created_secs: { type: 'double', id: 3 },
        hparam_infos: { rule: 'repeated', type: 'HParamInfo', id: 4 },
        metric_infos: { rule: 'repeated', type: 'MetricInfo', id: 5 },
      },
    },
    HParamInfo: { fields: { name: { type: 'string', id: 1 }, type: { type: 'int32', id: 4 } } },
    MetricInfo: { fields: { name: { type: 'MetricName', id: 1 } } },
    MetricName: { fields: { group: { type: 'string', id: 1 }, tag: { type: 'string', id: 2 } } },
    SessionStartInfo: {
      fields: {
        hparams: { keyType: 'string', type: 'JsonScalar', id: 1 } as protobuf.IMapField,
        group_name: { type: 'string', id: 4 },
        start_time_secs: { type: 'double', id: 5 },
      },
    },
    SessionEndInfo: {
      fields: { status: { type: 'int32', id: 1 }, end_time_secs: { type: 'double', id: 2 } },
    },
    JsonScalar: {
      oneofs: { kind: { oneof: ['number_value', 'string_value', 'bool_value'] } },
      fields: {
        number_value: { type: 'double', id: 2 },
        string_value: { type: 'string', id: 3 },
        bool_value: { type: 'bool', id: 4 },
      },
    },
  },
}

const root = protobuf.Root.fromJSON(DESCRIPTOR)
const eventType = root.lookupType('Event')
const hparamsType = root.lookupType('HParamsPluginData')

export interface PluginMetadata {
  readonly plugin_data: { readonly plugin_name: string; readonly content?: Uint8Array }
  /** 1 scalar, 2 tensor, 3 blob sequence; 0 for none. */
  readonly data_class?: number
}

/** One value of a summary: a legacy scalar or a tensor. */
export interface SummaryValue {
  readonly tag: string
  readonly simple_value?: number
  readonly tensor?: {
    readonly dtype: number
    readonly tensor_shape: { readonly dim: readonly { readonly size: number }[] }
    readonly double_val?: readonly number[]
    readonly string_val?: readonly Uint8Array[]
  }
  readonly metadata?: PluginMetadata
}

export interface EventMessage {
  /** Seconds since 1970. */
  readonly wall_time: number
  readonly step?: number
  readonly file_version?: string
  readonly summary?: { readonly value: readonly SummaryValue[] }
}

/** google.protobuf.Value, as far as hyperparameters need it. */
export type JsonScalar =
  | { readonly number_value: number }
  | { readonly string_value: string }
  | { readonly bool_value: boolean }

export interface HParamsMessage {
  readonly experiment?: {
    readonly time_created_secs: number
    readonly hparam_infos: readonly { readonly name: string; readonly type: number }[]
    readonly metric_infos: readonly { readonly name: { readonly tag: string } }[]
  }
  readonly session_start_info?: {
    readonly hparams: Readonly<Record<string, JsonScalar>>
    readonly start_time_secs: number
  }
  readonly session_end_info?: { readonly status: number; readonly end_time_secs: number }
}

export function encodeEvent(event: EventMessage): Uint8Array {
  return eventType.encode(event).finish()
}

export function encodeHParams(message: HParamsMessage): Uint8Array {
  return hparamsType.encode(message).finish()
}
